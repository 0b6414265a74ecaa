//! What all protocols over sockets have in common: moves P2PFL's messages between addresses.
//!
//! A node has an [`Endpoint`]: a [`Server`] on its own [`Listener`], and a [`Channel`] to each of its neighbours. Addresses,
//! certificates, limits, deadlines, connecting and hanging up are the same whatever is spoken on a connection; that is the
//! [`Protocol`]'s, and has a folder of its own beside this one.
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
mod dial;
mod endpoint;
mod error;
mod folder;
mod host;
mod io;
mod limits;
pub(super) mod link;
mod listener;
mod own;
#[cfg(feature = "libp2p")]
pub(super) mod peer_address;
mod protocol;
mod room;
pub(super) mod serve;
mod server;
mod tap;
pub mod tls;
mod traffic;
mod unfinished;

pub use address::{Address, AddressError};
pub use body::Body;
pub(super) use body::{Payload, pieces};
pub use caller::{Caller, Place};
pub use channel::Channel;
pub use claim::{ClaimError, claim};
pub use dial::Redial;
pub(super) use dial::{Dial, NoLink};
pub use endpoint::Endpoint;
pub use error::{CallError, TransportError};
pub use folder::{Folder, FolderError, remove_all};
pub use host::{Answer, Call, Host, Reply};
pub(super) use host::{AnswerQueue, Outcome, Respond, Responder};
#[cfg(feature = "libp2p")]
pub(super) use io::{Socket, Stream};
pub use limits::Limits;
pub use listener::Listener;
pub use own::Own;
#[cfg(feature = "libp2p")]
pub use peer_address::{PeerAddress, PeerAddressError};
pub use protocol::Protocol;
pub(super) use room::make_room;
#[cfg(feature = "libp2p")]
pub(super) use serve::hung_up;
pub use server::Server;
#[cfg(feature = "libp2p")]
pub(super) use server::{Gate, PAUSE};
pub use tap::{Heard, Tap};
pub use tls::Security;
pub use traffic::{Refusal, Traffic, TrafficCounts};
pub use unfinished::{Hold, Unfinished};
