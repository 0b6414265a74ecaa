//! The protocols that may be spoken on sockets: the one list of them. What they have in common is `socket`'s, what each says is
//! its folder's; here a protocol that is chosen at run time becomes one of the types that were compiled for it, once for each
//! call, without a box or a virtual call.

use super::socket::link::Outgoing;
use super::socket::{
    Address, Answer, Body, CallError, ChannelOf, EndpointOf, Host, Limits, Listener, Redial, Security,
    Server, Tap, Traffic, TransportError, WireProtocol,
};
use super::{grpc, http, stream, websocket};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Makes [`Protocol`], [`Endpoint`] and [`Channel`] of the list, and what finds the type of each.
macro_rules! protocols {
    ($d:tt $($(#[doc = $doc:literal])+ $name:ident: $spoken:ty $(, only with $feature:literal)?;)+) => {
        /// What is spoken on a connection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Protocol {
            $($(#[doc = $doc])+ $(#[cfg(feature = $feature)])? $name,)+
        }

        impl Protocol {
            /// All of them.
            pub const ALL: &[Self] = &[$($(#[cfg(feature = $feature)])? Self::$name,)+];
        }

        /// What a node's server and its channels have in common. Clones are the same endpoint.
        #[derive(Clone, Debug)]
        pub enum Endpoint {
            $($(#[doc = $doc])+ $(#[cfg(feature = $feature)])? $name(EndpointOf<$spoken>),)+
        }

        /// A way to a peer: connects when it is first used, and again when the connection broke. Clones are the same
        /// channel; it is closed when the last is dropped.
        ///
        /// Calls leave in the order in which their futures were first polled; where each has a connection of its own, they
        /// may overtake each other from there on. A call that is dropped is cancelled.
        #[derive(Clone, Debug)]
        pub enum Channel {
            $($(#[doc = $doc])+ $(#[cfg(feature = $feature)])? $name(ChannelOf<$spoken>),)+
        }

        /// The same of each protocol: `P` is its type.
        macro_rules! of {
            ($d protocol:expr, $d p:ident => $d body:expr) => {
                match $d protocol {
                    $($(#[cfg(feature = $feature)])? Protocol::$name => {
                        type $d p = $spoken;
                        $d body
                    })+
                }
            };
        }

        /// The same with each endpoint or channel; what comes of it may become one of the enum `as` it.
        macro_rules! each {
            ($d it:expr, $d inner:ident => $d body:expr) => {
                match $d it {
                    $($(#[cfg(feature = $feature)])? Self::$name($d inner) => $d body,)+
                }
            };
            ($d it:expr, $d inner:ident => $d body:expr, as $d into:ident) => {
                match $d it {
                    $($(#[cfg(feature = $feature)])? Self::$name($d inner) => $d into::$name($d body),)+
                }
            };
        }

        impl Endpoint {
            /// Speaks a protocol within limits; what goes through its sockets is counted in `traffic`. Where nodes have an
            /// identity of their own, it is one that is made for this endpoint, and that nobody knows beforehand.
            pub fn new(protocol: Protocol, security: &Security, limits: Limits, traffic: Arc<Traffic>) -> Self {
                match protocol {
                    $($(#[cfg(feature = $feature)])? Protocol::$name => {
                        Self::$name(EndpointOf::new(security, limits, traffic))
                    })+
                }
            }
        }
    };
}

protocols! { $
    /// P2PFL's own: unary gRPC calls over HTTP/2.
    Grpc: grpc::Grpc;
    /// One long-lived gRPC stream in each direction, and unary calls with peers that do not have it.
    GrpcStream: stream::GrpcStream;
    /// Numbered messages in the binary frames of a WebSocket.
    WebSocket: websocket::WebSocket;
    /// A REST rendering of the same calls: HTTP/1.1 with JSON, several connections to a peer.
    Http: http::Http1;
    /// The same over HTTP/2: many calls at a time on one connection.
    Http2: http::Http2;
    /// Unary gRPC calls in the streams of libp2p.
    Libp2p: super::libp2p::Host, only with "libp2p";
}

impl Protocol {
    /// Its name in scenarios, without what it is carried by.
    pub const fn name(self) -> &'static str {
        of!(self, P => P::NAME)
    }

    /// About the bytes that a model of so many takes on its way: over HTTP it is text.
    pub fn on_the_wire(self, bytes: u64) -> u64 {
        of!(self, P => P::on_the_wire(bytes))
    }

    /// Bytes on the wire of a message of so many with its answer, in the clear, as `docs/costs.md` has them.
    pub fn message_with_answer(self, payload: f64) -> f64 {
        of!(self, P => P::message_with_answer(payload))
    }

    /// CPU seconds that a call costs in the clear, at both ends and with the node's work: what `benches/` measures, rounded up.
    pub const fn call_s(self) -> f64 {
        of!(self, P => P::CALL_S)
    }

    /// Whether a connection carries one call at a time, so that a channel has several.
    pub const fn calls_by_turns(self) -> bool {
        of!(self, P => P::CALLS_BY_TURNS)
    }

    /// Whether messages to a peer arrive in the order in which they left: what is sent on one stream does, calls of their
    /// own may overtake each other.
    pub const fn keeps_order(self) -> bool {
        of!(self, P => P::KEEPS_ORDER)
    }
}

impl Endpoint {
    /// The part of a node of its own, within the same limits and counts. Where nodes have an identity, it comes from
    /// `secret`; it makes no difference where they are known by their address alone.
    #[must_use]
    pub fn of_node(&self, secret: impl FnOnce() -> [u8; 32]) -> Self {
        each!(self, it => it.of_node(secret), as Self)
    }

    /// The same, within other limits.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        each!(self, it => it.within(limits), as Self)
    }

    /// The same, with somebody who listens to what is said on its channels, in both directions.
    #[must_use]
    pub fn tapped(self, tap: Arc<Tap>) -> Self {
        each!(self, it => it.tapped(tap), as Self)
    }

    /// Takes a port or a path, as [`Listener::bind`] does. It is announced as the node is called by others.
    ///
    /// # Errors
    ///
    /// If the address is in use, not this machine's, a name that stands for none, or another node's.
    pub fn bind(&self, at: &Address) -> Result<Listener, TransportError> {
        each!(self, it => it.bind(at))
    }

    /// Begins to take calls. To be called within a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// If the system does not let the runtime have the listener.
    pub fn serve<H: Host>(&self, listener: Listener, host: Arc<H>) -> io::Result<Server> {
        each!(self, it => it.serve(listener, host))
    }

    /// A channel to `to`. Nothing happens until it is used.
    pub fn channel(&self, to: Address, redial: Redial) -> Channel {
        each!(self, it => it.channel(to, redial), as Channel)
    }
}

impl Channel {
    /// Whom it leads to.
    pub fn address(&self) -> &Address {
        each!(self, it => it.address())
    }

    /// Connects, unless it is connected.
    ///
    /// # Errors
    ///
    /// If that is not to be had by `deadline`.
    pub async fn open(&self, deadline: Duration) -> Result<(), CallError> {
        each!(self, it => it.open(deadline).await)
    }

    /// Tells the peer that the one at `own` wants to be its neighbour.
    ///
    /// # Errors
    ///
    /// If there is no answer. That the peer does not want is an [`Answer::Error`].
    pub async fn handshake(&self, own: &str, deadline: Duration) -> Result<Answer, CallError> {
        self.call(Outgoing::Handshake(own), deadline).await
    }

    /// Tells the peer that the one at `own` is its neighbour no more. The peer is told no deadline, as P2PFL has none for
    /// this call; it is not waited for any longer than that.
    ///
    /// # Errors
    ///
    /// If the peer could not be told.
    pub async fn disconnect(&self, own: &str, deadline: Duration) -> Result<(), CallError> {
        self.call(Outgoing::Disconnect(own), deadline).await?;
        Ok(())
    }

    /// Sends a message and waits for what comes back. The deadline covers connecting, and is told the peer.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub async fn send(&self, message: Body, deadline: Duration) -> Result<Answer, CallError> {
        self.call(Outgoing::Send(&message), deadline).await
    }

    /// Breaks the connection off; calls under way end with [`CallError::Closed`], and so do later ones.
    pub fn close(&self) {
        each!(self, it => it.close());
    }

    async fn call(&self, call: Outgoing<'_>, deadline: Duration) -> Result<Answer, CallError> {
        each!(self, it => it.call(call, deadline).await)
    }
}
