//! What runs nodes. An engine feeds each node its inputs in time and does what its outputs say: it owns clocks,
//! threads and jobs. The task engine (`task/`) follows the real clock, with a tokio task a node; the event engine
//! (`event/`) a virtual one, with a calendar of events.
//!
//! An engine gets a [`Plan`], in which everything is drawn, loaded and checked, and leaves a [`Run`], the raw
//! measurements. Reading scenarios and making results of runs is not done here.

mod compute;
mod course;
mod evaluate;
pub mod event;
pub mod load;
mod plan;
pub mod reach;
mod recent;
mod task;
#[cfg(test)]
mod tests;

pub use compute::Compute as ComputeModel;
pub use evaluate::SAMPLE;
pub use plan::{Action, Listen, Plan, SocketPlan, Step};
pub use reach::Reach;

use crate::learning::Model;
use crate::metrics::result::{Nodes, Outcome, Sockets, StalledGroup};
use crate::metrics::trace::{Happening, Mark};
use crate::metrics::{Laps, Recorder, RoundLog, Series, Summary, Trace};
use crate::node::Stage;
use crate::scenario::Clock;
use crate::time::Time;
use crate::transport::socket::{ClaimError, FolderError, TransportError};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The raw measurements of a run.
#[derive(Debug)]
pub struct Run {
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it was completed.
    pub reason: Option<String>,
    /// Why the figures do not measure the scenario but this machine, if that is so.
    pub overloaded: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Counts of nodes.
    pub nodes: Nodes,
    /// What became of each node.
    pub reports: Vec<NodeReport>,
    /// When the initiator started learning; nothing if it never did.
    pub zero: Option<Time>,
    /// When the run ended.
    pub end: Time,
    /// The rounds.
    pub rounds: RoundLog,
    /// All measurements, merged.
    pub recorder: Recorder,
    /// Messages and bytes handled over time.
    pub series: Series,
    /// What the nodes followed did.
    pub trace: Trace,
    /// CPU time of the rounds; of a probe on the real clock alone.
    pub laps: Option<Laps>,
    /// Who waits for what, if the run stalled.
    pub stalled: Vec<StalledGroup>,
    /// Inputs that nodes handled.
    pub inputs: u64,
    /// Threads that ran nodes.
    pub threads: u32,
    /// Seconds of scenario time in a second of wall time.
    pub speedup: f64,
    /// Seconds between two samples of throughput: of wall time on the real clock, of virtual time on the virtual one.
    pub interval_s: f64,
    /// The width of a window of the event engine.
    pub lookahead: Option<Duration>,
    /// Inputs in a window, on average.
    pub events_per_window: Option<f64>,
    /// The hash over all protocol events of all nodes, on the virtual clock.
    pub fingerprint: Option<String>,
    /// What went on at the sockets, if there are any.
    pub sockets: Option<Sockets>,
    /// The model with which node 0 finished its last round, on the real clock.
    pub model: Option<Arc<Model>>,
}

/// What became of a node.
#[derive(Clone, Debug)]
pub struct NodeReport {
    /// How it ended.
    pub fate: Fate,
    /// Rounds that it finished.
    pub rounds_finished: u32,
    /// Rounds that it trained in.
    pub rounds_trained: u32,
    /// When it finished the last round of all.
    pub finished_at: Option<Time>,
    /// Messages that it sent.
    pub sent: u64,
    /// Messages that it took.
    pub handled: u64,
    /// Payload bytes of those it sent.
    pub bytes_sent: u64,
    /// Scenario time spent in the rounds that it finished, in nanoseconds.
    pub round_nanos: u64,
    /// Accuracy of its model at the end of the last evaluated round, if it was among those evaluated.
    pub accuracy: Option<f64>,
    /// Its stage at the end.
    pub stage: Option<Stage>,
    /// What it waited for at the end.
    pub waits_for: String,
}

/// Runs a plan to its end, on the clock that it asks for.
///
/// # Errors
/// If the operating system gives no threads or sockets, or the event log cannot be created.
pub fn run(plan: Plan, watch: &mut dyn Watch) -> Result<Run, Failure> {
    let run = match plan.clock {
        Clock::Real => task::run(plan, watch)?,
        Clock::Virtual => event::run(plan, watch)?,
    };
    Ok(course::ending::judged(run))
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The operating system gives no threads, or a file cannot be created.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// An address that cannot be listened on.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A path where no socket can be.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// No folder for Unix sockets.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// What a panic said.
fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not yet come, or never.
    Absent,
    /// Up, without having finished.
    Up,
    /// All rounds are done.
    Finished,
    /// Learning was ended before its time.
    Stopped,
    /// Down after a crash.
    Crashed,
    /// Said goodbye.
    Left,
    /// Stopped itself after an error, as P2PFL does.
    Failed,
    /// Ended by a fault of this program.
    Panicked,
}

impl Fate {
    /// What happens to a node that goes this way; nothing if it stays.
    fn happening(self) -> Option<Happening> {
        match self {
            Self::Crashed => Some(Happening::Crash),
            Self::Left => Some(Happening::Leave),
            Self::Failed => Some(Happening::Failure),
            Self::Panicked => Some(Happening::Panic),
            Self::Absent | Self::Up | Self::Finished | Self::Stopped => None,
        }
    }
}

/// How a run stands, for whoever watches it.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Seconds of scenario time since the initiator started learning; nothing before that.
    pub scenario_s: Option<f64>,
    /// Wall time since the run began.
    pub wall_s: f64,
    /// Rounds that every node still taking part has finished.
    pub rounds_done: u32,
    /// The furthest round that any node has entered.
    pub furthest_round: Option<u32>,
    /// Nodes that have finished.
    pub nodes_finished: u32,
    /// Messages handled so far.
    pub messages: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// What the nodes are doing, for a watch that [wants](Watch::wants_details) to know.
    pub details: Option<Details>,
}

/// What the nodes of a run are doing.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// What nodes 0, `every`, 2 `every`, … are doing. Of more than [`Details::MAX`] nodes not all are told.
    pub nodes: Vec<Doing>,
    /// Every how many nodes one is told.
    pub every: u32,
    /// Latencies of messages taken in the last [`Details::RECENT`] of wall time, in seconds; NaN if none was. On the real
    /// clock wall time, on the virtual one scenario time, as `latency.message` is.
    pub latency: Summary,
    /// What has happened to nodes and to the network since the last snapshot.
    pub happened: Vec<Mark>,
}

/// What a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// It is not there, and has not been.
    Absent,
    /// It is up, and not learning: not yet, or as one that came late.
    Idle,
    /// It learns.
    Stage(Stage),
    /// All rounds are done, or learning was ended.
    Finished,
    /// It crashed.
    Crashed,
    /// It left.
    Left,
    /// It stopped itself after an error, or ended by a fault of this program.
    Failed,
}

impl Doing {
    /// Of a node that ended like this, or is up and in a stage, if it learns.
    fn of(fate: Fate, stage: Option<Stage>) -> Self {
        match fate {
            Fate::Absent => Self::Absent,
            Fate::Up => stage.map_or(Self::Idle, Self::Stage),
            Fate::Finished | Fate::Stopped => Self::Finished,
            Fate::Crashed => Self::Crashed,
            Fate::Left => Self::Left,
            Fate::Failed | Fate::Panicked => Self::Failed,
        }
    }
}

impl Details {
    /// Every how many of so many nodes one is told.
    fn every(nodes: u32) -> u32 {
        nodes.div_ceil(Self::MAX).max(1)
    }

    /// Nodes that are told of at most.
    pub const MAX: u32 = 8_192;
    /// How far back recent latencies go.
    pub const RECENT: Duration = Duration::from_secs(3);
}

/// Watches a run, and may end it.
pub trait Watch {
    /// Called several times a second.
    fn update(&mut self, snapshot: &Snapshot);
    /// Called once before the nodes come up, with the addresses that they listen on, if they have sockets.
    fn listening(&mut self, _addresses: &[Arc<str>]) {}
    /// Whether snapshots are to have [`Details`], which take time to put together.
    fn wants_details(&self) -> bool {
        false
    }
    /// Set by whoever wants the run to end.
    fn interrupted(&self) -> Arc<AtomicBool>;
}
