//! What lies in a node's inbox: messages on their way, answers, jobs that are done, and what the node is told.

use super::shared::Command;
use crate::metrics::Phase;
use crate::node::io::{JobId, JobResult, RequestId};
use crate::transport::socket::Reply;
use crate::wire::{Message, PeerId, Response};

/// A message on its way.
#[derive(Debug)]
pub struct Envelope {
    /// Who sent it.
    pub from: PeerId,
    /// What.
    pub message: Message,
    /// Where a response goes, if one is wanted.
    pub back: Option<Back>,
    /// When it was handed over: nanoseconds of wall time since the run began.
    pub sent: u64,
    /// Not to be taken before this, in the same time.
    pub due: u64,
    /// Bytes of its protobuf encoding.
    pub bytes: u64,
    /// The phase it was sent in.
    pub phase: Phase,
    /// Whether it can move a node on: heartbeats cannot.
    pub progress: bool,
    /// Whether it is through the receiver's downlink.
    pub through: bool,
    /// Whether it comes from a peer outside this program: when it was sent is then not known.
    pub outside: bool,
}

/// Where a response goes.
#[derive(Debug)]
pub enum Back {
    /// To a node of this run, through its inbox.
    Node(ReturnTo),
    /// To whoever made the call over a socket.
    Caller(Reply),
}

/// Where a response to a node of this run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnTo {
    /// Named in the response.
    pub request: RequestId,
    /// The sender's incarnation: a restarted node gets no answers to what it asked before.
    pub incarnation: u32,
    /// Only a failure is told.
    pub only_failure: bool,
}

/// What lies in an inbox.
#[derive(Debug)]
pub enum Item {
    /// A message.
    Message(Envelope),
    /// The answer to a request.
    Response {
        /// Whose request it was.
        incarnation: u32,
        /// Which.
        request: RequestId,
        /// The answer.
        response: Response,
        /// Not to be taken before this wall time.
        due: u64,
    },
    /// A job is done.
    JobDone {
        /// Who started it.
        incarnation: u32,
        /// Which.
        job: JobId,
        /// What came of it; what the panic said if it panicked.
        result: Result<JobResult, String>,
        /// Not to be taken before this wall time.
        due: u64,
    },
    /// The engine has something to say.
    Command(Command),
}
