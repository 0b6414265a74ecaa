//! What a connection holds in memory. It is stated rather than measured where it is asked for: to see so little, an allocator has
//! to count, and the program's would count for all that it does. `cargo bench --bench connections` has one, and fails where
//! what it measures is no longer what stands here.

use crate::scenario::Transport;

/// Bytes of heap that an open connection holds, at both ends together. What the system keeps for a socket is not in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConnectionMemory {
    /// One that was just opened.
    pub idle: f64,
    /// One that has carried a message of a megabyte.
    pub after_large: f64,
}

impl ConnectionMemory {
    /// What is stated of a transport; nothing where there are no connections. Each is what a build without optimisation measured.
    pub fn of(transport: Transport) -> Option<Self> {
        let (idle, after_large) = match transport {
            Transport::Memory => return None,
            Transport::Grpc => (64.3e3, 73.8e3),
            Transport::GrpcUds => (64.5e3, 74.0e3),
            Transport::GrpcTls => (85.9e3, 95.4e3),
            Transport::GrpcMtls => (85.9e3, 95.4e3),
            Transport::GrpcStream => (75.6e3, 77.6e3),
            Transport::GrpcStreamUds => (75.5e3, 76.5e3),
            Transport::GrpcStreamTls => (95.9e3, 97.9e3),
            Transport::GrpcStreamMtls => (96.5e3, 98.5e3),
            Transport::WebSocket => (40.2e3, 74.1e3),
            Transport::WebSocketTls => (66.2e3, 100e3),
            #[cfg(feature = "libp2p")]
            Transport::Libp2p => (131e3, 208e3),
            Transport::Http => (53.5e3, 62.4e3),
            Transport::HttpTls => (77.1e3, 86.0e3),
            Transport::Http2 => (86.7e3, 97.5e3),
            Transport::Http2Tls => (106e3, 117e3),
        };
        Some(Self { idle, after_large })
    }
}
