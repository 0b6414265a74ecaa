//! gRPC on one long-lived stream in each direction: the messages of `proto/exchange.proto` on a connection with HTTP/2.
//!
//! A unary call pays for its headers, its stream and its trailers; here a message pays for a few bytes in front of it, and
//! what is ready together travels together. Messages arrive in their order. A node that speaks this takes unary calls as
//! well, and makes them to peers that do not have it: deployed P2PFL peers are called as ever.
//!
//! What is in flight is bounded in bytes: by the channel's backlog, by HTTP/2's windows, and by a server that reads no
//! further while too many requests wait for their answers.

mod link;
mod serve;
pub mod split;
mod writer;

pub use link::Stream;
pub use serve::Exchanging;

use super::grpc;
use super::socket::link::Io;
use super::socket::serve::Serving;
use super::socket::{Host, Limits, Traffic, WireProtocol};
use std::sync::Arc;
use tokio::time::Instant;

/// The method of the service.
pub const PATH: &str = "/p2pfl_sim.exchange.v1.Exchange/Open";

/// A stream in each direction, and unary calls with peers that have none.
#[derive(Clone, Copy, Debug)]
pub struct GrpcStream;

impl WireProtocol for GrpcStream {
    const NAME: &'static str = "grpc-stream";
    const ALPN: Option<&'static [u8]> = Some(b"h2");
    const KEEPS_ORDER: bool = true;
    const CALL_S: f64 = 22e-6;
    type Link = Stream;

    fn new(_: &Limits, _: &Arc<Traffic>) -> Self {
        Self
    }

    fn message_with_answer(payload: f64) -> f64 {
        payload + 30.0
    }

    fn serve<H: Host, S: Io>(
        io: S,
        serving: &Arc<Serving<H>>,
        began: Instant,
    ) -> impl Future<Output = ()> + Send {
        grpc::serve(io, serving, began, true)
    }
}
