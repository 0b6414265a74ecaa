//! The names of transports: what is spoken, and what carries it.

use crate::transport::Protocol;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What carries messages between nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Within the process, by reference.
    #[default]
    Memory,
    /// gRPC over TCP, on the loopback interface.
    Grpc,
    /// gRPC over Unix sockets.
    #[serde(rename = "grpc+uds")]
    #[value(name = "grpc+uds")]
    GrpcUds,
    /// gRPC over TCP with TLS: the server shows a certificate.
    #[serde(rename = "grpc+tls")]
    #[value(name = "grpc+tls")]
    GrpcTls,
    /// gRPC over TCP with mutual TLS: both sides show a certificate, as P2PFL's peers do.
    #[serde(rename = "grpc+mtls")]
    #[value(name = "grpc+mtls")]
    GrpcMtls,
    /// One long-lived gRPC stream a neighbour over TCP, with numbered messages; unary calls with peers that have none.
    GrpcStream,
    /// gRPC streams over Unix sockets.
    #[serde(rename = "grpc-stream+uds")]
    #[value(name = "grpc-stream+uds")]
    GrpcStreamUds,
    /// gRPC streams over TCP with TLS.
    #[serde(rename = "grpc-stream+tls")]
    #[value(name = "grpc-stream+tls")]
    GrpcStreamTls,
    /// gRPC streams over TCP with mutual TLS.
    #[serde(rename = "grpc-stream+mtls")]
    #[value(name = "grpc-stream+mtls")]
    GrpcStreamMtls,
    /// WebSocket over TCP: numbered messages in binary frames.
    #[serde(rename = "websocket")]
    #[value(name = "websocket")]
    WebSocket,
    /// WebSocket over TCP with TLS.
    #[serde(rename = "websocket+tls")]
    #[value(name = "websocket+tls")]
    WebSocketTls,
    /// gRPC in the streams of libp2p over TCP: noise, yamux, and an identity for every node.
    #[cfg(feature = "libp2p")]
    Libp2p,
    /// HTTP/1.1 with JSON over TCP: one request at a time on a connection, and several connections to a peer.
    Http,
    /// HTTP/1.1 with JSON over TCP with TLS.
    #[serde(rename = "http+tls")]
    #[value(name = "http+tls")]
    HttpTls,
    /// HTTP/2 with JSON over TCP: many requests at a time on one connection.
    Http2,
    /// HTTP/2 with JSON over TCP with TLS.
    #[serde(rename = "http2+tls")]
    #[value(name = "http2+tls")]
    Http2Tls,
}

/// What the bytes of a protocol go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// TCP, in the clear.
    Tcp,
    /// Unix sockets.
    Unix,
    /// TCP and TLS; `mutual` if those who call show a certificate as well.
    Tls {
        /// Whether both sides show one.
        mutual: bool,
    },
}

impl Transport {
    /// What is spoken on the sockets, and what they are; nothing where messages go by reference.
    pub const fn on_sockets(self) -> Option<(Protocol, Carrier)> {
        Some(match self {
            Self::Memory => return None,
            Self::Grpc => (Protocol::Grpc, Carrier::Tcp),
            Self::GrpcUds => (Protocol::Grpc, Carrier::Unix),
            Self::GrpcTls => (Protocol::Grpc, Carrier::Tls { mutual: false }),
            Self::GrpcMtls => (Protocol::Grpc, Carrier::Tls { mutual: true }),
            Self::GrpcStream => (Protocol::GrpcStream, Carrier::Tcp),
            Self::GrpcStreamUds => (Protocol::GrpcStream, Carrier::Unix),
            Self::GrpcStreamTls => (Protocol::GrpcStream, Carrier::Tls { mutual: false }),
            Self::GrpcStreamMtls => (Protocol::GrpcStream, Carrier::Tls { mutual: true }),
            Self::WebSocket => (Protocol::WebSocket, Carrier::Tcp),
            Self::WebSocketTls => (Protocol::WebSocket, Carrier::Tls { mutual: false }),
            #[cfg(feature = "libp2p")]
            Self::Libp2p => (Protocol::Libp2p, Carrier::Tcp),
            Self::Http => (Protocol::Http, Carrier::Tcp),
            Self::HttpTls => (Protocol::Http, Carrier::Tls { mutual: false }),
            Self::Http2 => (Protocol::Http2, Carrier::Tcp),
            Self::Http2Tls => (Protocol::Http2, Carrier::Tls { mutual: false }),
        })
    }

    /// Whether messages go through sockets, encoded, rather than by reference.
    pub const fn is_socket(self) -> bool {
        self.on_sockets().is_some()
    }

    /// What carries the protocol, where there is one.
    pub const fn carrier(self) -> Option<Carrier> {
        match self.on_sockets() {
            Some((_, carrier)) => Some(carrier),
            None => None,
        }
    }

    /// What to do about a transport that there is, but that this program was built without.
    pub fn not_built(name: &str) -> Option<&'static str> {
        let missing = name == "libp2p" && !cfg!(feature = "libp2p");
        missing.then_some(
            "this program was built without it: build it with `cargo build --release --features libp2p`, or choose another \
             transport",
        )
    }

    /// The name in scenarios and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Grpc => "grpc",
            Self::GrpcUds => "grpc+uds",
            Self::GrpcTls => "grpc+tls",
            Self::GrpcMtls => "grpc+mtls",
            Self::GrpcStream => "grpc-stream",
            Self::GrpcStreamUds => "grpc-stream+uds",
            Self::GrpcStreamTls => "grpc-stream+tls",
            Self::GrpcStreamMtls => "grpc-stream+mtls",
            Self::WebSocket => "websocket",
            Self::WebSocketTls => "websocket+tls",
            #[cfg(feature = "libp2p")]
            Self::Libp2p => "libp2p",
            Self::Http => "http",
            Self::HttpTls => "http+tls",
            Self::Http2 => "http2",
            Self::Http2Tls => "http2+tls",
        }
    }
}
