//! A REST rendering of P2PFL's three calls: HTTP/1.1 or HTTP/2 with JSON, as web services have it.
//!
//! Peers of P2PFL do not speak it. It is here to show what such an interface costs beside gRPC: text for numbers, base64
//! for weights, and over HTTP/1.1 one request at a time on a connection. Both versions stand on hyper, and say the same.
//!
//! What lives here is what is said on a connection. Connecting, TLS, deadlines and hanging up are `socket`'s, and so is how
//! many connections there are.

mod ask;
mod base64;
mod http1;
mod http2;
pub mod json;
mod lenient;
mod object;
pub mod openapi;
mod problem;
mod receive;
mod route;
mod serve;
mod text;
mod together;

pub use http1::Http1;
pub use http2::Http2;

/// Bytes of so many as base64, on average.
fn as_base64(bytes: f64) -> f64 {
    bytes * 4.0 / 3.0
}
