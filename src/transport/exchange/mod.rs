//! Numbered requests and their answers on one long-lived connection: what a gRPC stream and a WebSocket have in common.
//!
//! Whoever calls has [`Calls`], whoever is called has [`Answers`]: both are tables and queues without a socket. The task
//! that drives a connection takes out of them what is to be written, and puts into them what was read. The frames are
//! those of `proto/exchange.proto`.

mod alarm;
mod answers;
mod calls;
pub mod frames;

pub use alarm::Alarm;
pub use answers::Answers;
pub use calls::Calls;

/// The generated protobuf types of `proto/exchange.proto`.
pub mod proto {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    tonic::include_proto!("p2pfl_sim.exchange.v1");
}
