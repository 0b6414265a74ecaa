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

/// The method of the service.
pub const PATH: &str = "/p2pfl_sim.exchange.v1.Exchange/Open";
