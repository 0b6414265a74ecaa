//! What carries messages between the nodes of a real-clock run. A transport moves envelopes and knows nothing of the
//! protocol; what a simulated link does to a message is `network`'s, accounting is the engine's.
//!
//! `memory` goes by reference. Over sockets, `socket` is what all protocols have in common, each protocol has a folder of its
//! own, and `protocols` lists them.

pub mod exchange;
pub mod grpc;
pub mod http;
#[cfg(feature = "libp2p")]
pub mod libp2p;
mod memory;
mod protocols;
pub mod socket;
pub mod spec;
pub mod stream;
pub mod websocket;

pub use memory::Memory;
pub use protocols::{Channel, Endpoint, Protocol};
