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
