//! What carries messages between the nodes of a real-clock run. A transport moves envelopes and knows nothing of the
//! protocol; what a simulated link does to a message is `network`'s, accounting is the engine's.

pub mod exchange;
pub mod grpc;
pub mod http;
#[cfg(feature = "libp2p")]
pub mod libp2p;
mod memory;
pub mod socket;
pub mod spec;
pub mod stream;
pub mod websocket;

pub use memory::Memory;
