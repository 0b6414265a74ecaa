//! A REST rendering of P2PFL's three calls: HTTP/1.1 or HTTP/2 with JSON, as web services have it.
//!
//! Peers of P2PFL do not speak it. It is here to show what such an interface costs beside gRPC: text for numbers, base64
//! for weights, and over HTTP/1.1 one request at a time on a connection.

mod http1;
mod http2;

pub use http1::{Http1, serve as serve_http1};
pub use http2::{Http2, serve as serve_http2};
