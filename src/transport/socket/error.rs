//! What can go wrong with sockets, and with a call.

use super::Address;
use std::io;
use std::time::Duration;

/// A listener could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Somebody has the port or the path.
    #[error(
        "{address} is in use: stop what listens there, or choose another address (port 0 lets the system choose)"
    )]
    InUse {
        /// Where.
        address: Address,
    },
    /// The address is none of this machine's, or the port is not for everyone.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: Address,
        /// What the system says.
        source: io::Error,
    },
    /// A name that stands for no address.
    #[error("cannot find the address of `{name}`: {source}")]
    Resolve {
        /// The name.
        name: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Why a call has no answer. What the peer itself finds fault with is no error but an [`Answer`](super::Answer::Error).
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// No connection was to be had, or it broke before the answer came.
    #[error("{address} cannot be reached: {why}")]
    Unreachable {
        /// Whom.
        address: Address,
        /// What the system, TLS or HTTP/2 says.
        why: String,
    },
    /// There was no answer within the deadline.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The other end answered with a gRPC status: RESOURCE_EXHAUSTED for a message that is too large, UNIMPLEMENTED for
    /// an unknown method, UNAVAILABLE for a node that went down meanwhile.
    #[error("refused with status {:?}: {}", .0.code(), .0.message())]
    Refused(Box<tonic::Status>),
    /// As many bytes as may be are waiting for the other end to read them, so that nothing was sent.
    #[error("{waiting} bytes are waiting for the peer to read them: no more are taken")]
    Backlog {
        /// Bytes that were handed over and not answered yet.
        waiting: u64,
    },
    /// The channel was closed.
    #[error("the channel was closed")]
    Closed,
}
