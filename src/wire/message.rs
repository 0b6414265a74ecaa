//! Messages as they exist inside the program: small values, with bodies shared by reference.

use super::address::PeerId;
use super::command::Command;
use super::own::Own;
use crate::learning::Model;
use crate::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The round of a message to which none applies.
pub const NO_ROUND: i32 = -1;

/// What one peer sends another.
#[derive(Clone, Debug)]
pub enum Message {
    /// "List me as a direct neighbour."
    Handshake,
    /// "Forget me."
    Disconnect,
    /// Gossip messages that are handed over together: each is a call of its own on the wire.
    Gossip(Arc<[Gossip]>),
    /// `PRE_SEND_MODEL`: "may I send you this model?"
    Announce(Announcement),
    /// `get_model`: "please send me this model". Answered like an announcement: whether it follows.
    GetModel(Arc<Announcement>),
    /// A model.
    Weights(Arc<Weights>),
    /// `probe`: so many bytes that mean nothing.
    Probe(Probe),
    /// What the workflow has declared for itself.
    Own(Own),
}

/// A message that floods the network.
#[derive(Clone, Debug)]
pub struct Gossip {
    /// Who says it.
    pub source: PeerId,
    /// The round it belongs to, or [`NO_ROUND`].
    pub round: i32,
    /// How many times it may still be forwarded.
    pub ttl: Ttl,
    /// Tells it apart from all others.
    pub hash: i64,
    /// What it says.
    pub body: GossipBody,
    /// Bytes of its protobuf encoding, without the field that holds the time to live.
    pub size: u32,
    /// How many links it has crossed. Not on the wire: for measuring alone.
    pub hops: u16,
    /// When it left its source. Not on the wire: for measuring alone.
    pub born: Time,
}

/// What a gossip message says.
#[derive(Clone, Debug)]
pub enum GossipBody {
    /// `beat`: "I am alive", with the sender's time.
    Beat(Time),
    /// `start_learning`
    StartLearning(Arc<Experiment>),
    /// `stop_learning`
    StopLearning,
    /// `model_initialized`
    ModelInitialized,
    /// `vote_train_set`: candidates and the weight given to each.
    Vote(Arc<[(PeerId, u32)]>),
    /// `models_aggregated`: all contributors that the source holds.
    ModelsAggregated(Arc<[PeerId]>),
    /// `models_ready`
    ModelsReady,
    /// `metrics`: names and values.
    Metrics(Arc<[(&'static str, f64)]>),
}

/// What a node that starts learning tells the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experiment {
    /// Rounds of learning.
    pub rounds: u32,
    /// Passes over its rows that a node makes in a round.
    pub epochs: u32,
    /// Nodes that train in a round.
    pub trainset_size: u32,
    /// What the experiment is called.
    pub name: String,
}

/// How many times a message may still be forwarded.
#[derive(Clone, Debug)]
pub enum Ttl {
    /// Each copy counts for itself, as over gRPC.
    Own(u32),
    /// All copies count together, as over P2PFL's in-memory transport, where receivers share one message object.
    Shared(Arc<AtomicU32>),
}

impl Ttl {
    /// What is left.
    pub fn left(&self) -> u32 {
        match self {
            Self::Own(left) => *left,
            Self::Shared(left) => left.load(Ordering::Relaxed),
        }
    }

    /// The time to live of the forwarded copy, or nothing if the message goes no further.
    pub fn forwarded(&self) -> Option<Self> {
        match self {
            Self::Own(left) => left.checked_sub(1).map(Self::Own),
            Self::Shared(left) => left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
                .then(|| Self::Shared(Arc::clone(left))),
        }
    }
}

/// Names a model: in `PRE_SEND_MODEL` the one that is about to be sent, in `get_model` the one that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The command that would carry it.
    pub follows: Command,
    /// The round.
    pub round: i32,
    /// Who contributed to it; empty where the round alone identifies the model. In `get_model`, whose contributions are
    /// wanted: what follows has some of them and no others.
    pub contributors: Arc<[PeerId]>,
}

/// A model on its way.
#[derive(Clone, Debug)]
pub struct Weights {
    /// `init_model`, `partial_model`, `add_model` or `swap_model`.
    pub command: Command,
    /// The round.
    pub round: i32,
    /// Whose training went into it, ascending; empty where that does not matter.
    pub contributors: Arc<[PeerId]>,
    /// Training rows behind it.
    pub samples: u32,
    /// The model itself.
    pub model: Arc<Model>,
}

/// A message of the workflow `probe`. On the wire it is a `Weights` message whose weights are so many zeros; inside
/// the program they are a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The cell that it is measured for, which is the round on the wire; [`NO_ROUND`] if it is not measured.
    pub cell: i32,
    /// Bytes that it carries.
    pub size: u32,
    /// When it was meant to be sent. Not on the wire: for measuring alone.
    pub due: Time,
}

/// What a peer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Done.
    Empty,
    /// The answer to an announcement: whether the model is wanted. To `get_model`: whether it will come. To
    /// `swap_model`: whether the peer will swap.
    Wanted(bool),
    /// The peer refused or failed: the text says why.
    Error(Arc<str>),
    /// No answer within the deadline.
    Timeout,
    /// The peer is not there.
    Unreachable,
}

impl GossipBody {
    /// The command that says it.
    pub const fn command(&self) -> Command {
        match self {
            Self::Beat(_) => Command::Beat,
            Self::StartLearning(_) => Command::StartLearning,
            Self::StopLearning => Command::StopLearning,
            Self::ModelInitialized => Command::ModelInitialized,
            Self::Vote(_) => Command::VoteTrainSet,
            Self::ModelsAggregated(_) => Command::ModelsAggregated,
            Self::ModelsReady => Command::ModelsReady,
            Self::Metrics(_) => Command::Metrics,
        }
    }

    /// Whether it may move a node on: a run does not stall while it is on its way. That nobody is missing makes no difference to
    /// who waits.
    pub const fn moves_on(&self) -> bool {
        !matches!(self, Self::Beat(_))
    }
}

impl Message {
    /// Whether it may move a node on.
    pub fn moves_on(&self) -> bool {
        match self {
            Self::Gossip(parcel) => parcel.iter().any(|it| it.body.moves_on()),
            _ => true,
        }
    }

    /// Reads a little of the body, so that it is at hand when it is needed. What is read means nothing.
    pub fn glance(&self) -> u64 {
        match self {
            Self::Weights(weights) => u64::from(weights.samples),
            Self::Gossip(parcel) => parcel.first().map_or(0, |it| u64::from(it.source)),
            _ => 0,
        }
    }

    /// The message that its workflow has declared, if it is one.
    pub const fn own(&self) -> Option<&Own> {
        if let Self::Own(it) = self { Some(it) } else { None }
    }

    /// Whether it may be old news to its receiver, which then counts it as a duplicate. All else is new whenever it comes.
    pub fn is_news(&self) -> bool {
        match self {
            Self::Gossip(_) => true,
            Self::Own(it) => it.declared().is_some_and(|it| it.news),
            _ => false,
        }
    }

    /// The command of a message that has one for all of it: gossip that is handed over together may have several.
    pub fn command(&self) -> Option<Command> {
        match self {
            Self::Handshake => Some(Command::Handshake),
            Self::Disconnect => Some(Command::Disconnect),
            Self::Announce(_) => Some(Command::PreSendModel),
            Self::GetModel(_) => Some(Command::GetModel),
            Self::Weights(weights) => Some(weights.command),
            Self::Own(it) => Some(it.command),
            Self::Probe(_) => Some(Command::Probe),
            Self::Gossip(_) => None,
        }
    }
}

// Messages lie in calendars and inboxes by the million.
const _: () = assert!(size_of::<Message>() <= 24, "a message is a tag and a few words");
