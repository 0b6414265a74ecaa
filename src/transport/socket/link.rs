//! What a protocol has to be able to do for whoever calls.

use super::{Answer, Body, NoLink};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tonic::Status;

/// Bytes both ways, in the clear or through TLS.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for T {}

/// A connection on which a protocol was agreed. Dropped, it says farewell on its own.
pub trait Link: Send + Sized + 'static {
    /// Whether an answer that does not come by [`Request::until`] is told as a status DEADLINE_EXCEEDED. Where it is not,
    /// the channel has a timer for every call, which costs more than a small message does.
    const KEEPS_DEADLINES: bool = false;

    /// Agrees on the protocol. It is done when the other end has shown that it speaks it, and means to: a connection is
    /// made by the system as soon as a port is taken, whoever has it.
    fn greet<S: Io>(io: S, terms: &Terms) -> impl Future<Output = Result<Self, NoLink>> + Send;

    /// Whether a request can leave: `false` if the connection is broken.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<bool>;

    /// Hands a request to the connection. Nothing is waited for; requests leave in the order in which they are handed
    /// over. What it returns waits for the answer; dropped, nobody waits any more.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    fn leave(
        &mut self,
        request: &Request<'_>,
    ) -> Result<impl Future<Output = Result<Answer, Broken>> + Send + use<Self>, Broken>;

    /// Breaks the connection off without waiting for anything: what [`AbortHandle::abort`] ends is the task that drives it.
    fn breaker(&self) -> AbortHandle;
}

/// What a link goes by.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What HTTP calls the other end: a name or an IP address, and a port if there is one.
    pub authority: http::uri::Authority,
    /// Whether it is encrypted.
    pub secure: bool,
    /// What the other end may make of it.
    pub limits: super::Limits,
    /// Where it is counted that something is not even sent.
    pub traffic: Arc<super::Traffic>,
}

/// A request to be sent.
#[derive(Debug)]
pub struct Request<'a> {
    /// Which of the three calls, and what it says.
    pub call: Outgoing<'a>,
    /// Bytes of its protobuf encoding, worth asking only once.
    pub length: usize,
    /// How long the caller waits: the other end is told, but for a disconnect.
    pub deadline: Duration,
    /// When that is over.
    pub until: Instant,
}

/// One of P2PFL's three calls, as it leaves.
#[derive(Clone, Copy, Debug)]
pub enum Outgoing<'a> {
    /// With the caller's address.
    Handshake(&'a str),
    /// With the caller's address.
    Disconnect(&'a str),
    /// With a message.
    Send(&'a Body),
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Broken {
    /// The other end says that it did not take the request: it may be sent again.
    Unheard,
    /// It refused, with a gRPC status; protocols that have others say what comes closest.
    Status(Box<Status>),
    /// The connection broke.
    Connection(String),
}

impl Outgoing<'_> {
    /// Bytes of the protobuf encoding of what it says.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Handshake(own) | Self::Disconnect(own) if own.is_empty() => 0,
            Self::Handshake(own) | Self::Disconnect(own) => {
                1 + prost::encoding::encoded_len_varint(own.len() as u64) + own.len()
            }
            Self::Send(body) => body.encoded_len(),
        }
    }
}

impl From<Status> for Broken {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unheard => f.write_str("the request was not taken"),
            Self::Status(status) => write!(f, "status {:?}: {}", status.code(), status.message()),
            Self::Connection(why) => f.write_str(why),
        }
    }
}
