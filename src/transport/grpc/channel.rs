//! A way to one peer.

use super::{Address, Answer, CallError, Limits, Security, Traffic};
use crate::wire::proto;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// A way to a peer: connects when it is first used, and again when the connection broke. Clones are the same channel;
/// it is closed when the last is dropped.
///
/// Calls leave in the order in which their futures were first polled. A call that is dropped is cancelled.
#[derive(Clone, Debug)]
pub struct Channel {}

/// Whether a peer that nobody answers for is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redial {
    /// No: it is a peer in this process, so that a refused connection, or one hung up on at once, means that it is down.
    /// Only a shortage on this side (descriptors, ports, a full queue) is waited out.
    Never,
    /// Until the call's deadline, with growing pauses: it is a peer outside, which may be starting just now.
    Patiently,
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub enum Body {
    /// Encoded once, for many receivers.
    Encoded(Bytes),
    /// Encoded while it is sent. The bytes of a model are not copied.
    Message(Arc<proto::RootMessage>),
}

impl Channel {
    /// A channel to `to`. Nothing happens until it is used.
    pub fn new(
        to: Address,
        security: Security,
        limits: Limits,
        traffic: Arc<Traffic>,
        redial: Redial,
    ) -> Self {
        todo!()
    }

    /// Whom it leads to.
    pub fn address(&self) -> &Address {
        todo!()
    }

    /// Connects, unless it is connected.
    ///
    /// # Errors
    ///
    /// If that is not to be had by `deadline`.
    pub async fn open(&self, deadline: Duration) -> Result<(), CallError> {
        todo!()
    }

    /// Tells the peer that the one at `own` wants to be its neighbour.
    ///
    /// # Errors
    ///
    /// If there is no answer. That the peer does not want is an [`Answer::Error`].
    pub async fn handshake(&self, own: &str, deadline: Duration) -> Result<Answer, CallError> {
        todo!()
    }

    /// Tells the peer that the one at `own` is its neighbour no more. The peer is told no deadline, as P2PFL has none for
    /// this call; it is not waited for any longer than that.
    ///
    /// # Errors
    ///
    /// If the peer could not be told.
    pub async fn disconnect(&self, own: &str, deadline: Duration) -> Result<(), CallError> {
        todo!()
    }

    /// Sends a message and waits for what comes back. The deadline covers connecting, and is told the peer.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub async fn send(&self, message: Body, deadline: Duration) -> Result<Answer, CallError> {
        todo!()
    }

    /// Closes the connection; calls under way end with [`CallError::Closed`], and so do later ones.
    pub fn close(&self) {
        todo!()
    }
}
