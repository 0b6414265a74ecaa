//! What goes into a node and what comes out: the whole of its connection to the world.

pub use super::peers::Peers;

use super::Stage;
use crate::learning::{Evaluation, Mixture, Model, State};
use crate::time::Time;
use crate::wire::{Command, Experiment, Gossip, Message, PeerId, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Identifies a request of one node, to match it with its response.
pub type RequestId = u32;

/// Identifies a job of one node.
pub type JobId = u32;

/// What happens to a node.
#[derive(Clone, Debug)]
pub enum Input {
    /// It comes up.
    Start(Start),
    /// A peer sends something. `request` is there if the peer expects a response.
    Message {
        /// Who sent it: the last link, not the source of gossip.
        from: PeerId,
        /// What.
        message: Message,
        /// To be named in the response.
        request: Option<RequestId>,
    },
    /// A peer answers, or does not.
    Response {
        /// The request it answers.
        request: RequestId,
        /// The answer.
        response: Response,
    },
    /// A timer that the node had set is due.
    Timer(Timer),
    /// A job is done.
    JobDone {
        /// Which.
        job: JobId,
        /// What came of it.
        result: JobResult,
    },
    /// The script, or the engine, tells the node to do something.
    Control(Control),
}

/// How a node comes up.
#[derive(Clone, Debug)]
pub struct Start {
    /// Its neighbours in the topology.
    pub neighbours: Peers,
    /// Those of them that it is to connect to.
    pub dial: Vec<PeerId>,
    /// Whether it tries again until they accept: after a restart they may still list its old incarnation.
    pub persistent: bool,
    /// The run is under way: the node has to find out from its neighbours where learning stands.
    pub late: bool,
}

/// What a node is told to do.
#[derive(Clone, Debug)]
pub enum Control {
    /// Start learning: in `p2pfl` the initiator alone is told, in `dpsgd` every node.
    StartLearning(Arc<Experiment>),
    /// Rounds that all nodes keep in step are counted from this time: every node of a `rumor` or `probe` is told.
    Begin(Time),
    /// End learning for everyone.
    StopLearning,
    /// Say goodbye to the neighbours.
    Leave,
}

/// A node's timers: setting one again replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Timer {
    /// The next heartbeat.
    Beat,
    /// The next batch of forwarded gossip.
    Forward,
    /// The next attempt to connect.
    Dial,
    /// The next look at whether all votes are in.
    Poll,
    /// The next round of sending models.
    Models,
    /// The end of what the current stage waits for.
    Stage,
    /// The next look at what has been asked for and has not come.
    Pull,
}

/// What the end of a timer, or a message on its way, can change: whether a run may end without waiting for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Goes on for ever and changes no stage: heartbeats and polls.
    Background,
    /// May move a node on.
    Progress,
}

/// What a sender wants to hear about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Nothing,
    /// Only if it could not be delivered.
    Failure(RequestId),
    /// The receiver's response.
    Response(RequestId),
}

impl Expect {
    /// The request, if there is one.
    pub const fn request(self) -> Option<RequestId> {
        match self {
            Self::Nothing => None,
            Self::Failure(request) | Self::Response(request) => Some(request),
        }
    }
}

/// What a node wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a message to one peer.
    Send {
        /// To whom.
        to: PeerId,
        /// What.
        message: Message,
        /// What to hear about it.
        expect: Expect,
    },
    /// Send gossip to several peers: every message to every one of them but its source.
    Flood {
        /// To whom, ascending.
        to: Arc<[PeerId]>,
        /// The messages.
        parcel: Arc<[Gossip]>,
    },
    /// Answer a request.
    Reply {
        /// Whose request.
        to: PeerId,
        /// Which.
        request: RequestId,
        /// The answer.
        response: Response,
    },
    /// Wake the node at a time.
    SetTimer {
        /// Which timer.
        timer: Timer,
        /// When.
        at: Time,
        /// What it can change.
        weight: Weight,
    },
    /// Forget a timer.
    CancelTimer(Timer),
    /// Compute something.
    StartJob {
        /// To be named when it is done.
        id: JobId,
        /// What.
        job: Job,
    },
    /// Note something for the results.
    Record(Record),
}

/// Work that takes computing.
#[derive(Clone, Debug)]
pub enum Job {
    /// Train on the node's own rows.
    Train {
        /// The round, which keys the order of rows.
        round: u32,
        /// Passes over the rows.
        epochs: u32,
        /// Where training starts.
        start: Arc<Model>,
        /// What the node has kept of its training.
        state: State,
    },
    /// Combine models by the run's rule.
    Aggregate(Mixture),
    /// Evaluate on the node's own share of the test rows.
    Evaluate(Arc<Model>),
}

/// What a node computes, without the what with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Trains its model.
    Train,
    /// Evaluates its model.
    Evaluate,
    /// Combines models.
    Aggregate,
}

impl Job {
    /// What it is, for traces.
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::Train { .. } => JobKind::Train,
            Self::Aggregate(_) => JobKind::Aggregate,
            Self::Evaluate(_) => JobKind::Evaluate,
        }
    }
}

/// What came of a job.
#[derive(Clone, Debug)]
pub enum JobResult {
    /// Of training and aggregation: the model, and what the node keeps for the next time.
    Model(Arc<Model>, State),
    /// Of evaluation; nothing if there is nothing to evaluate.
    Evaluation(Option<Evaluation>),
}

/// Something that belongs into the results.
#[derive(Clone, Debug)]
pub enum Record {
    /// A peer was heard of for the first time.
    Heard,
    /// All connections that the node was told to make are made, or were refused for good.
    Connected,
    /// Learning has started here.
    Started,
    /// The node entered a round.
    RoundStarted(u32),
    /// The node left a stage that it had been in for so long.
    Stage(Stage, Duration),
    /// The node finished a round.
    RoundFinished {
        /// Which.
        round: u32,
        /// How long it took.
        took: Duration,
        /// The model at its end.
        model: Arc<Model>,
        /// The train set as this node computed it, ascending; nothing if it took no part in the vote.
        train_set: Option<Arc<[PeerId]>>,
        /// Whether the node trained.
        trained: bool,
    },
    /// All rounds are done.
    Finished,
    /// Learning was ended before its time.
    Stopped,
    /// The node stopped itself, as P2PFL does after some errors.
    Failed(&'static str),
    /// A message of a probe was measured.
    Measured(Measured),
    /// A peer outside said what is not for it to say, and was not obeyed.
    Uninvited(Uninvited),
}

/// What is not for a peer outside to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninvited {
    /// A model that it has not announced and was not asked for, or of another round.
    Model,
    /// That learning starts, where the run says so itself.
    Start,
    /// A vote, or a list of contributors, with more names than may train.
    Names,
}

/// What a probe measures of a message. A `cell` is the one that the message was sent for, `within` the one during which
/// this happens; either is [`NO_ROUND`](crate::wire::NO_ROUND) if that is not measured. Times are nanoseconds of
/// scenario time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Measured {
    /// Its answer is back, so long after it was sent and after it was due, where that is not the same.
    Answered { cell: i32, within: i32, took: u64, since_due: Option<u64> },
    /// It arrived and was not to be answered.
    Arrived { cell: i32, within: i32, since_due: Option<u64> },
    /// It was sent so long after it was due.
    Late { cell: i32, by: u64 },
    /// It could not be delivered, or was not answered in time.
    Failed { cell: i32 },
}

/// What became of the news in one input (see [`Message::is_news`]), for message accounting.
#[derive(Debug, Default)]
pub struct Taken {
    /// Taken for the first time, by command.
    pub delivered: [Tally; Command::COUNT],
    /// Already known, by command.
    pub duplicate: [Tally; Command::COUNT],
    /// Commands that occur above, a bit each.
    pub touched: u32,
    /// Time since they left their source, and links crossed, of those taken for the first time.
    pub spread: Vec<(Duration, u16)>,
}

const _: () = assert!(Command::COUNT <= u32::BITS as usize, "a bit for each command");

/// A number of messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages.
    pub messages: u64,
    /// Bytes of their protobuf encodings.
    pub bytes: u64,
}

impl Tally {
    /// Counts one message.
    pub fn add(&mut self, bytes: u64) {
        self.messages += 1;
        self.bytes += bytes;
    }
}

impl Taken {
    /// Counts a message that was taken: whether it was new to the node, and the bytes of its protobuf encoding.
    #[inline]
    pub fn count(&mut self, command: Command, new: bool, bytes: u64) {
        let tally = if new { &mut self.delivered } else { &mut self.duplicate };
        tally[command.index()].add(bytes);
        self.touched |= 1 << command.index();
    }

    /// Makes ready for the next input.
    pub fn clear(&mut self) {
        while self.touched != 0 {
            let command = self.touched.trailing_zeros() as usize;
            self.touched &= self.touched - 1;
            self.delivered[command] = Tally::default();
            self.duplicate[command] = Tally::default();
        }
        self.spread.clear();
    }

    /// Commands that occur.
    pub fn commands(&self) -> impl Iterator<Item = Command> + '_ {
        let touched = self.touched;
        let bits = (0..Command::COUNT).filter(move |&it| touched & (1 << it) != 0);
        bits.filter_map(Command::at)
    }
}
