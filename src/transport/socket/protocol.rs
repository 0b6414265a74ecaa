//! What is spoken on a connection.

use crate::transport::http::base64_len;

/// What is spoken on a connection. Each has its own folder in `transport`, with a link for whoever calls and a server's part
/// for whoever is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// P2PFL's own: unary gRPC calls over HTTP/2.
    #[default]
    Grpc,
    /// One long-lived gRPC stream in each direction, and unary calls with peers that do not have it.
    GrpcStream,
    /// Numbered messages in the binary frames of a WebSocket.
    WebSocket,
    /// Unary gRPC calls in the streams of libp2p.
    #[cfg(feature = "libp2p")]
    Libp2p,
    /// A REST rendering of the same calls: HTTP/1.1 with JSON, several connections to a peer.
    Http,
    /// The same over HTTP/2: many calls at a time on one connection.
    Http2,
}

impl Protocol {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Grpc,
        Self::GrpcStream,
        Self::WebSocket,
        Self::Http,
        Self::Http2,
        #[cfg(feature = "libp2p")]
        Self::Libp2p,
    ];

    /// Its name in scenarios, without what it is carried by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::GrpcStream => "grpc-stream",
            Self::WebSocket => "websocket",
            #[cfg(feature = "libp2p")]
            Self::Libp2p => "libp2p",
            Self::Http => "http",
            Self::Http2 => "http2",
        }
    }

    /// What TLS agrees on (RFC 7301).
    pub(super) const fn alpn(self) -> &'static [u8] {
        match self {
            // There is no TLS under it.
            #[cfg(feature = "libp2p")]
            Self::Libp2p => b"",
            Self::Grpc | Self::GrpcStream | Self::Http2 => b"h2",
            Self::WebSocket | Self::Http => b"http/1.1",
        }
    }

    /// About the bytes that a model of so many takes on its way: over HTTP it is text.
    pub fn on_the_wire(self, bytes: u64) -> u64 {
        match self {
            Self::Http | Self::Http2 => base64_len(usize::try_from(bytes).unwrap_or(usize::MAX)) as u64,
            Self::Grpc | Self::GrpcStream | Self::WebSocket => bytes,
            #[cfg(feature = "libp2p")]
            Self::Libp2p => bytes,
        }
    }

    /// Whether a connection carries one call at a time, so that a channel has several.
    pub const fn calls_by_turns(self) -> bool {
        matches!(self, Self::Http)
    }

    /// Whether messages to a peer arrive in the order in which they left: what is sent on one stream does, calls of their
    /// own may overtake each other.
    pub const fn keeps_order(self) -> bool {
        matches!(self, Self::GrpcStream | Self::WebSocket)
    }
}
