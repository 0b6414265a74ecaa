//! What a protocol is to the sockets that it is spoken on.

use super::dial::Dial;
use super::link::{Io, Link};
use super::serve::{Serving, Shared};
use super::server::{Accepting, accept};
use super::{Address, Host, Limits, Listener, NoLink, Traffic, TransportError};
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use tokio::time::Instant;

/// What is spoken on connections, as one endpoint speaks it. Most protocols keep nothing for an endpoint: what there is to a
/// connection is with its [`Link`](Self::Link) at the end that calls, and in [`serve`](Self::serve) at the other.
pub trait WireProtocol: Clone + Debug + Send + Sync + 'static {
    /// Its name in scenarios, without what it is carried by.
    const NAME: &'static str;
    /// What TLS agrees on (RFC 7301); nothing where there is no TLS under it.
    const ALPN: Option<&'static [u8]>;
    /// Whether a connection carries one call at a time, so that a channel has several.
    const CALLS_BY_TURNS: bool = false;
    /// Whether messages to a peer arrive in the order in which they left: what is sent on one stream does, calls of their
    /// own may overtake each other.
    const KEEPS_ORDER: bool = false;
    /// CPU seconds that a call costs in the clear, at both ends and with the node's work: what `benches/` measures, rounded up.
    const CALL_S: f64;

    /// The end that calls.
    type Link: Link;

    /// For an endpoint with such limits, whose bytes and refusals are counted there.
    fn new(limits: &Limits, traffic: &Arc<Traffic>) -> Self;

    /// Bytes on the wire of a message of so many with its answer, as `docs/costs.md` has them.
    fn message_with_answer(payload: f64) -> f64;

    /// About the bytes that a model of so many takes on its way.
    fn on_the_wire(bytes: u64) -> u64 {
        bytes
    }

    /// For the endpoint of another node. Where nodes have an identity, it comes from `secret`.
    fn of_node(&self, secret: impl FnOnce() -> [u8; 32]) -> Self {
        drop(secret);
        self.clone()
    }

    /// Takes a port or a path, as [`Listener::bind`] does. It is announced as the node is called by others.
    ///
    /// # Errors
    /// If the address is in use, not this machine's, a name that stands for none, or another node's.
    fn bind(&self, at: &Address) -> Result<Listener, TransportError> {
        Listener::bind(at)
    }

    /// Connects once: to a socket, through TLS where that is asked for.
    fn connect(&self, dial: &Dial<Self>) -> impl Future<Output = Result<Self::Link, NoLink>> + Send {
        dial.over_socket()
    }

    /// Takes connections for ever. They end with this future, or all together when the node goes down.
    fn accept<H: Host>(self, listener: Accepting, shared: Arc<Shared<H>>) -> impl Future<Output = ()> + Send {
        accept::<Self, H>(listener, shared)
    }

    /// Serves one connection to its end, whatever end that is. What is spoken has until `limits.greeting` after `began` to be
    /// agreed on.
    fn serve<H: Host, S: Io>(
        io: S,
        serving: &Arc<Serving<H>>,
        began: Instant,
    ) -> impl Future<Output = ()> + Send;
}
