//! gRPC as P2PFL speaks it: unary calls over HTTP/2.
//!
//! Both ends stand directly on HTTP/2 (`h2`, which tonic and hyper stand on as well): P2PFL has three calls, all of them
//! unary, so framing is little, and sockets, bytes, set-up times and limits are ours to see. A model's bytes are handed
//! from the message to the socket without being copied.
//!
//! What lives here is what is said on a connection. Connecting, TLS, deadlines and hanging up are `socket`'s.

pub mod gather;
mod link;
mod payload;
mod receive;
mod respond;
mod serve;

pub use link::Unary;
pub use payload::{PREFIX, prefix};
pub use serve::serve;

use super::socket::link::Io;
use super::socket::serve::Serving;
use super::socket::{Host, Limits, Traffic, WireProtocol};
use std::sync::Arc;
use tokio::time::Instant;

/// Unary gRPC calls, as P2PFL's peers make and take them.
#[derive(Clone, Copy, Debug)]
pub struct Grpc;

impl WireProtocol for Grpc {
    const NAME: &'static str = "grpc";
    const ALPN: Option<&'static [u8]> = Some(b"h2");
    const CALL_S: f64 = 22e-6;
    type Link = Unary;

    fn new(_: &Limits, _: &Arc<Traffic>) -> Self {
        Self
    }

    fn message_with_answer(payload: f64) -> f64 {
        payload + 83.0
    }

    fn serve<H: Host, S: Io>(
        io: S,
        serving: &Arc<Serving<H>>,
        began: Instant,
    ) -> impl Future<Output = ()> + Send {
        serve(io, serving, began, false)
    }
}
