//! What all protocols over sockets have in common: moves P2PFL's messages between addresses.
//!
//! A node has an [endpoint](EndpointOf): a [`Server`] on its own [`Listener`], and a [channel](ChannelOf) to each of its
//! neighbours. Addresses, certificates, limits, deadlines, connecting and hanging up are the same whatever is spoken on a
//! connection; that is a [`WireProtocol`]'s. Each has a folder of its own beside this one and is handed in by
//! [`transport`](super), which lists them: nothing here names one.
//!
//! What lives here knows addresses, certificates, limits and byte counts. Peers as numbers, their states, metrics by
//! command and scenario time are the engine's. What a message means is `wire`'s and `node`'s.
//!
//! The other end is not to be trusted. Whatever it does is refused within bounded memory and time, counted in
//! [`Traffic`] by [`Refusal`], and leaves the node going on.

mod address;
mod body;
mod caller;
mod channel;
mod claim;
mod connections;
pub(super) mod dial;
mod endpoint;
mod error;
mod folder;
mod host;
pub(super) mod io;
mod limits;
pub(super) mod link;
mod listener;
mod own;
#[cfg(feature = "libp2p")]
pub(super) mod peer_address;
mod room;
pub(super) mod serve;
pub(super) mod server;
mod tap;
pub mod tls;
mod traffic;
mod unfinished;
mod wire_protocol;

pub use address::{Address, AddressError};
pub use body::Body;
pub(super) use body::{Payload, pieces};
pub use caller::{Caller, Place};
pub use channel::ChannelOf;
pub use claim::{ClaimError, claim};
pub(super) use dial::Dial;
pub use dial::NoLink;
pub use dial::Redial;
pub use endpoint::EndpointOf;
pub use error::{CallError, TransportError};
pub use folder::{Folder, FolderError, remove_all};
pub use host::{Answer, Call, Host, Reply};
pub(super) use host::{AnswerQueue, Outcome, Respond, Responder};
pub use limits::Limits;
pub use listener::Listener;
pub use own::Own;
#[cfg(feature = "libp2p")]
pub use peer_address::{PeerAddress, PeerAddressError};
pub(super) use room::make_room;
pub use server::Server;
pub use tap::{Heard, Tap};
pub use tls::Security;
pub use traffic::{Refusal, Traffic, TrafficCounts};
pub use unfinished::{Hold, Unfinished};
pub use wire_protocol::WireProtocol;
