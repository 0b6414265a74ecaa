//! gRPC over sockets: moves P2PFL's protobuf messages between addresses, as deployed peers do.
//!
//! A node has one [`Server`] on its own [`Listener`], and a [`Channel`] to each of its neighbours. Both stand directly
//! on HTTP/2 (`h2`, which tonic and hyper stand on as well): P2PFL has three calls, all of them unary, so framing is
//! little, and sockets, bytes, set-up times and limits are ours to see. A model's bytes are handed from the message to
//! the socket without being copied.
//!
//! What lives here knows addresses, limits and byte counts. Peers as numbers, their states, metrics by command and
//! scenario time are the engine's. What a message means is `wire`'s and `node`'s.
//!
//! The other end is not to be trusted. Whatever it does is refused within bounded memory and time, counted in
//! [`Traffic`] by [`Refusal`], and leaves the node going on.

mod address;
mod channel;
mod codec;
mod error;
mod host;
mod limits;
mod listener;
mod server;
mod socket;
pub mod tls;
mod traffic;

pub use address::{Address, AddressError};
pub use channel::{Channel, Redial};
pub use codec::Body;
pub use error::{CallError, TransportError};
pub use host::{Answer, Call, Host, Reply};
pub use limits::Limits;
pub use listener::Listener;
pub use server::Server;
pub use tls::Security;
pub use traffic::{Refusal, Traffic, TrafficCounts};

const WINDOW: u32 = 16 << 20;
const FRAME: u32 = 256 << 10;
const MAX_HEADERS: u32 = 16 * 1024;
/// STUB
#[derive(Debug)]
pub struct UdsFolder(tempfile::TempDir);
impl UdsFolder {
    /// STUB
    pub fn create() -> Result<Self, TransportError> {
        Ok(Self(tempfile::tempdir().unwrap()))
    }
    /// STUB
    pub fn address(&self, node: u32) -> Address {
        Address::Unix(self.0.path().join(format!("{node:04}")))
    }
}
