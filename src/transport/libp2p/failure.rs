//! Why two hosts did not come to have a connection, found out from what libp2p's layers say of it.

use crate::transport::socket::serve::hung_up;
use crate::transport::socket::{NoLink, Refusal};
use ::libp2p::core::transport::TransportError;
use ::libp2p::core::transport::timeout::TransportTimeoutError;
use ::libp2p::noise;
use ::libp2p::swarm::{DialError, ListenError};
use std::error::Error;
use std::io;

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    why: String,
    cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Nothing was said for too long.
    Silent,
    /// The other end went away.
    HungUp,
    /// This machine is short of something, and may have it again soon.
    Short,
    /// The other end does not say what it should.
    Protocol,
}

impl<E: Error + 'static> From<TransportTimeoutError<E>> for Failure {
    fn from(error: TransportTimeoutError<E>) -> Self {
        match error {
            TransportTimeoutError::Timeout => {
                Self { why: "it did not say what it speaks in time".into(), cause: Cause::Silent }
            }
            TransportTimeoutError::TimerError(_) => {
                Self { why: "the system gives no timer".into(), cause: Cause::Short }
            }
            TransportTimeoutError::Other(error) => Self::of(&error),
        }
    }
}

impl Failure {
    fn of(error: &(dyn Error + 'static)) -> Self {
        let Some(io) = io_error(error) else {
            return Self { why: innermost(error).to_string(), cause: Cause::Protocol };
        };
        let cause = if NoLink::is_short(io) {
            Cause::Short
        } else if hung_up(io) || io.kind() == io::ErrorKind::ConnectionRefused {
            Cause::HungUp
        } else {
            Cause::Protocol
        };
        Self { why: io.to_string(), cause }
    }
}

/// The system's error at the bottom of others, if there is one.
fn io_error<'a>(mut error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    loop {
        // It hides what it stands for.
        if let Some(noise::Error::Io(io)) = error.downcast_ref() {
            return Some(io);
        }
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        error = error.source()?;
    }
}

fn innermost<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

fn failure(error: &TransportError<io::Error>) -> Option<&Failure> {
    match error {
        TransportError::Other(error) => error.get_ref()?.downcast_ref(),
        TransportError::MultiaddrNotSupported(_) => None,
    }
}

/// What a host that could not be connected to means to a channel.
pub fn no_link(error: &DialError) -> NoLink {
    match error {
        DialError::Transport(attempts) => match attempts.last().map(|(_, error)| (failure(error), error)) {
            Some((Some(failure), _)) if failure.cause == Cause::Short => NoLink::for_now(failure.why.clone()),
            Some((Some(failure), _)) => NoLink::for_good(failure.why.clone()),
            Some((None, error)) => NoLink::for_good(error.to_string()),
            None => NoLink::for_good(error.to_string()),
        },
        DialError::WrongPeerId { obtained, .. } => {
            NoLink::for_good(format!("it is somebody else who answers there: {obtained}"))
        }
        DialError::LocalPeerId { .. } | DialError::NoAddresses => {
            NoLink::for_good("it is this node itself".into())
        }
        DialError::Aborted => NoLink::for_now(error.to_string()),
        other => NoLink::for_good(other.to_string()),
    }
}

/// As what a connection that did not come about is counted; nothing if the other end only went away, or was refused
/// with a reason of its own.
pub fn refusal(error: &ListenError) -> Option<Refusal> {
    match error {
        ListenError::Transport(error) => match failure(error)?.cause {
            Cause::Silent => Some(Refusal::Silent),
            Cause::Protocol => Some(Refusal::Protocol),
            Cause::HungUp | Cause::Short => None,
        },
        // It says that it is this node itself.
        ListenError::LocalPeerId { .. } | ListenError::WrongPeerId { .. } => Some(Refusal::Protocol),
        ListenError::Denied { .. } | ListenError::Aborted => None,
    }
}
