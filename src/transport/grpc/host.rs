//! What a server asks of the node behind it.

use crate::wire::proto;
use tokio::sync::oneshot;

/// Who takes a node's calls.
pub trait Host: Send + Sync + 'static {
    /// Takes one call. Called on the runtime, in the order in which the calls of a connection were complete; it must
    /// not block. The answer may be given at once or later, from anywhere.
    fn take(&self, call: Call, reply: Reply);
}

/// One of P2PFL's three calls.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// `handshake`: the peer at this address wants to be a neighbour.
    Handshake(String),
    /// `disconnect`: the peer at this address is a neighbour no more. Whatever is answered, it is told nothing.
    Disconnect(String),
    /// `send`.
    Send {
        /// What.
        message: proto::RootMessage,
        /// Bytes of its encoding.
        bytes: u64,
    },
}

/// What a call comes back with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All is well.
    Empty,
    /// A response: `true` or `false` to PRE_SEND_MODEL.
    Response(String),
    /// What went wrong, in P2PFL's words. It is never a gRPC status.
    Error(String),
}

/// Takes the answer to one call. Dropped without one, the call fails with status UNAVAILABLE.
#[derive(Debug)]
pub struct Reply(pub(super) oneshot::Sender<Answer>);

impl Reply {
    /// Answers. Nobody hears it if the caller hung up meanwhile.
    pub fn answer(self, answer: Answer) {
        let _ = self.0.send(answer);
    }

    /// Whether nobody waits for the answer any more.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }
}

impl From<Answer> for proto::ResponseMessage {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Empty => Self::default(),
            Answer::Response(response) => Self { response: Some(response), error: None },
            Answer::Error(error) => Self { response: None, error: Some(error) },
        }
    }
}

impl From<proto::ResponseMessage> for Answer {
    /// An empty `error` is none: P2PFL asks whether there is text in it.
    fn from(message: proto::ResponseMessage) -> Self {
        match (message.error, message.response) {
            (Some(error), _) if !error.is_empty() => Self::Error(error),
            (_, Some(response)) => Self::Response(response),
            _ => Self::Empty,
        }
    }
}
