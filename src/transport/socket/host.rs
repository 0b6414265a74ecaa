//! What a server asks of the node behind it.

use super::Caller;
use crate::transport::exchange::Numbered;
use crate::transport::grpc;
use crate::wire::proto;
use tokio::sync::oneshot;
use tonic::Status;

/// Who takes a node's calls.
pub trait Host: Send + Sync + 'static {
    /// Takes one call of somebody. Called on the runtime, in the order in which the calls of a connection were complete; it must
    /// not block. The answer may be given at once or later, from anywhere.
    fn take(&self, caller: &Caller, call: Call, reply: Reply);
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
pub struct Reply {
    back: Option<Responder>,
    /// What comes back says nothing, whatever the answer.
    empty: bool,
}

impl Reply {
    pub(in crate::transport) fn new(back: Responder, empty: bool) -> Self {
        Self { back: Some(back), empty }
    }

    /// Answers. Nobody hears it if the caller hung up meanwhile.
    pub fn answer(mut self, answer: Answer) {
        if let Some(back) = self.back.take() {
            let answer = if self.empty { Answer::Empty } else { answer };
            back.say(Ok(answer));
        }
    }

    /// Whether nobody waits for the answer any more.
    pub fn is_abandoned(&mut self) -> bool {
        self.back.as_mut().is_none_or(Responder::is_abandoned)
    }
}

/// What is said back: an answer, or a gRPC status for a call that has none.
pub type Outcome = Result<Answer, Box<Status>>;

/// The way back of one call, by what is spoken on its connection.
#[derive(Debug)]
pub enum Responder {
    /// A stream of HTTP/2 for this call alone.
    Unary(grpc::Responder),
    /// A place among the answers of a connection that carries many.
    Numbered(Numbered),
    /// Somebody who waits for it, to write it then.
    Waiting(oneshot::Sender<Outcome>),
}

impl Responder {
    /// Never waits. Nobody hears it if the caller hung up meanwhile.
    pub fn say(self, outcome: Outcome) {
        match self {
            Self::Unary(back) => match outcome {
                Ok(answer) => back.message(&answer.into()),
                Err(status) => back.status(&status),
            },
            Self::Numbered(back) => back.say(outcome),
            // Whoever waited may have gone.
            Self::Waiting(back) => drop(back.send(outcome)),
        }
    }

    fn is_abandoned(&mut self) -> bool {
        match self {
            Self::Unary(back) => back.is_abandoned(),
            Self::Numbered(back) => back.is_abandoned(),
            Self::Waiting(back) => back.is_closed(),
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(back) = self.back.take() {
            back.say(Err(Box::new(Status::unavailable("the node does not answer"))));
        }
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
