//! What a server asks of the node behind it.

use super::Caller;
use crate::wire::proto;
use std::fmt::Debug;
use std::sync::Arc;
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

/// The way back of one call.
#[derive(Debug)]
pub enum Responder {
    /// One that is this call's alone.
    Own(Box<dyn Respond>),
    /// A place among the answers of a connection that carries many, by the call's number: nothing is allocated for it.
    Numbered(Arc<dyn AnswerQueue>, u64),
    /// Somebody who waits for it, to write it then.
    Waiting(oneshot::Sender<Outcome>),
}

/// A way back that is one call's alone.
pub trait Respond: Debug + Send + Sync {
    /// Never waits. Nobody hears it if the caller hung up meanwhile.
    fn say(self: Box<Self>, outcome: Outcome);

    /// Whether nobody waits for it any more.
    fn is_abandoned(&mut self) -> bool;
}

/// The answers of a connection that carries many calls, each with a number.
pub trait AnswerQueue: Debug + Send + Sync {
    /// Answers a call, once. Never waits. Nobody hears it if the caller hung up meanwhile.
    fn answer(&self, number: u64, outcome: Outcome);

    /// Whether the connection has ended.
    fn is_gone(&self) -> bool;
}

impl Responder {
    /// Never waits. Nobody hears it if the caller hung up meanwhile.
    pub fn say(self, outcome: Outcome) {
        match self {
            Self::Own(back) => back.say(outcome),
            Self::Numbered(queue, number) => queue.answer(number, outcome),
            // Whoever waited may have gone.
            Self::Waiting(back) => drop(back.send(outcome)),
        }
    }

    /// Whether nobody waits for it any more.
    pub fn is_abandoned(&mut self) -> bool {
        match self {
            Self::Own(back) => back.is_abandoned(),
            Self::Numbered(queue, _) => queue.is_gone(),
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
