//! What some nodes did when: their stages and jobs, the models that went between them, what the script did to them.
//!
//! Of a small run every node is followed, of a large one a sample; of every one so many events are kept at most, so that
//! a trace has a size that one can look at. Its file format is `report`'s.

use crate::node::Stage;
pub use crate::node::io::JobKind as Job;
use crate::wire::Command;
use serde::{Deserialize, Serialize};

/// What the nodes followed did. Times are nanoseconds of scenario time since the initiator started learning, negative
/// before that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The nodes followed, ascending.
    pub nodes: Vec<u32>,
    /// When the nodes came up: the beginning of the run, not after 0.
    pub start_ns: i64,
    /// When the run ended.
    pub end_ns: i64,
    /// What the nodes were busy with, by start, then by node.
    pub spans: Vec<Span>,
    /// Models between two nodes of the sample, by the time they were sent, then by sender and receiver.
    pub transfers: Vec<Transfer>,
    /// What happened to nodes and to the network, by time.
    pub marks: Vec<Mark>,
    /// Spans and transfers that were left out: their node had as many as are kept.
    pub left_out: u64,
}

/// A stretch of time in which a node was busy with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// When it began.
    pub start_ns: i64,
    /// Which node.
    pub node: u32,
    /// With what.
    pub activity: Activity,
    /// In which round; nothing before the first.
    pub round: Option<u32>,
    /// When it ended. A stage that the node was in at the end of the run ends there.
    pub end_ns: i64,
}

/// What a node is busy with. It is in one stage at a time, and jobs run within stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    /// A stage of learning.
    Stage(Stage),
    /// Computing.
    Job(Job),
}

/// A model on its way from one node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transfer {
    /// When it was handed over.
    pub sent_ns: i64,
    /// By whom.
    pub from: u32,
    /// Who took it.
    pub to: u32,
    /// As what.
    pub command: Command,
    /// Of which round.
    pub round: u32,
    /// When it was taken.
    pub taken_ns: i64,
    /// How large it was, in bytes of its protobuf encoding.
    pub bytes: u64,
}

/// Something that happened at a moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When.
    pub at_ns: i64,
    /// To which node; nothing if to several, or to the network.
    pub node: Option<u32>,
    /// What.
    pub happening: Happening,
    /// Those concerned, in words: `3,40-49`, or `0-49 | 50-99` for the groups of a partition. Empty if `node` says it.
    pub whom: String,
}

/// What happens to nodes and to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// Nodes stop and lose their state.
    Crash,
    /// Nodes come back.
    Restart,
    /// Nodes come for the first time.
    Join,
    /// Nodes say goodbye.
    Leave,
    /// A node stops itself after an error.
    Failure,
    /// A node ended by a fault of this program.
    Panic,
    /// Groups no longer reach each other.
    Partition,
    /// They do again.
    Heal,
    /// Links lose messages.
    Loss,
    /// Nodes take longer.
    Slow,
    /// Nodes come and go from now on.
    Churn,
    /// Learning is ended before its time.
    StopLearning,
}

impl Job {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Aggregate => "aggregate",
        }
    }
}

impl Happening {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Restart => "restart",
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Failure => "failure",
            Self::Panic => "panic",
            Self::Partition => "partition",
            Self::Heal => "heal",
            Self::Loss => "loss",
            Self::Slow => "slow",
            Self::Churn => "churn",
            Self::StopLearning => "stop_learning",
        }
    }
}
