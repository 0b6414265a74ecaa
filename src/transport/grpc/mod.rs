//! gRPC over sockets: moves P2PFL's protobuf messages between addresses, as deployed peers do.
//!
//! A node has one [`Server`] on its own [`Listener`], and a [`Channel`] to each of its neighbours. Both stand directly
//! on HTTP/2 (`h2`, which tonic and hyper stand on as well): P2PFL has three calls, all of them unary, so framing is
//! little, and sockets, bytes, set-up times and limits are ours to see. A model's bytes are handed from the message to
//! the socket without being copied.
//!
//! What lives here knows addresses, certificates, limits and byte counts. Peers as numbers, their states, metrics by
//! command and scenario time are the engine's. What a message means is `wire`'s and `node`'s.
//!
//! The other end is not to be trusted. Whatever it does is refused within bounded memory and time, counted in
//! [`Traffic`] by [`Refusal`], and leaves the node going on.

mod address;
mod channel;
mod claim;
mod error;
mod folder;
pub mod gather;
mod host;
mod limits;
mod listener;
mod open;
mod payload;
mod receive;
mod respond;
mod serve;
mod server;
mod socket;
pub mod tls;
mod traffic;

pub use address::{Address, AddressError};
pub use channel::Channel;
pub use claim::{ClaimError, claim};
pub use error::{CallError, TransportError};
pub use folder::{Folder, FolderError, remove_all};
pub use host::{Answer, Call, Host, Reply};
pub use limits::Limits;
pub use listener::Listener;
pub use open::Redial;
pub use payload::Body;
pub use server::Server;
pub use tls::Security;
pub use traffic::{Refusal, Traffic, TrafficCounts};
