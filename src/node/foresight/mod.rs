//! What a workflow is told of a run before it runs, and what it says of it: traffic, the largest messages, memory, and how long
//! it will take. Values alone: what this machine needs for them, and what the user is told, is the simulation's.

mod outlook;
mod wave;

pub use outlook::{Disturbance, Outlook, Sent};
pub use wave::{Wave, spread};

use crate::format::settings::Settings;
use crate::format::units::Size;
use crate::topology::Graph;
use crate::wire::{GossipBody, Message};
use std::time::Duration;

/// What stands elsewhere in a scenario and has to go with the workflow's own settings.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Nodes.
    pub nodes: u32,
    /// Peers outside that nodes connect to.
    pub outside: u32,
    /// P2PFL's settings.
    pub settings: &'a Settings,
    /// Whether what some models have become may stand for them.
    pub takes_partials: bool,
    /// The name of the transport, if it has sockets.
    pub sockets: Option<&'a str>,
    /// Whether messages are lost and not sent again.
    pub loses: bool,
    /// The speedup that was chosen, on the real clock.
    pub speedup: Option<f64>,
}

/// What shows only once everything is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Drawn<'a> {
    /// Who is connected to whom.
    pub graph: &'a Graph,
    /// How long a message takes over a link in the median; nothing without links.
    pub latency: Option<Duration>,
    /// What an inbox holds, where messages take up what they weigh.
    pub inbox: Option<Size>,
}

/// Why a scenario cannot be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The field.
    pub path: &'static str,
    /// What is wrong with it.
    pub message: String,
    /// What would mend it.
    pub help: String,
}

/// Something that a scenario asks too much of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The field it comes from.
    pub path: &'static str,
    /// A fixed name.
    pub code: &'static str,
    /// What is too much, with the numbers.
    pub message: String,
    /// What would mend it.
    pub help: String,
}

/// The network, as far as traffic depends on it. Times are scenario time.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// Nodes.
    pub nodes: u32,
    /// Edges, each counted in both directions.
    pub edges: f64,
    /// Whether everyone is connected to everyone.
    pub complete: bool,
    /// Heartbeats a second as they flood, if nodes beat.
    pub beats_per_s: f64,
    /// Messages that one broadcast makes.
    pub broadcast: f64,
    /// How long training for one epoch takes in the median, and combining models.
    pub training: Duration,
    /// See `training`.
    pub aggregating: Duration,
    /// How long a broadcast takes to reach everyone.
    pub spreading: Duration,
    /// Time between two batches of forwarded messages.
    pub batch: Duration,
}

/// What nodes send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Heartbeats a second of scenario time, as they flood.
    pub beats_per_s: f64,
    /// Messages a second that are handled one by one, as those with a model are.
    pub singles_per_s: f64,
    /// Messages a second that flood while everybody has something to say at once, beside beats.
    pub rush_per_s: f64,
    /// How many times as much it is while most goes on at once.
    pub peak: f64,
    /// Messages of one round, beside heartbeats.
    pub per_round: f64,
    /// What comes at the same time.
    pub together: Together,
}

/// What comes at the same time, once nodes are connected to their neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Together {
    /// Connections that are opened while the clock of learning goes.
    pub connects: u32,
    /// Calls on open ones.
    pub calls: u32,
}

/// One of the largest messages of a workflow.
#[derive(Clone, Debug)]
pub struct Largest {
    /// The field whose value makes it large; nothing where that is nobody's choice.
    pub path: Option<String>,
    /// What such messages are, in the plural.
    pub what: &'static str,
    /// The message.
    pub said: Said,
}

/// A message, by the way that it goes.
#[derive(Clone, Debug)]
pub enum Said {
    /// It floods.
    Gossip(GossipBody),
    /// It goes to one peer.
    Direct(Message),
}

/// How messages of a run go round, for judging P2PFL's settings.
#[derive(Clone, Copy, Debug)]
pub struct Prospect<'a> {
    /// P2PFL's settings.
    pub settings: &'a Settings,
    /// Neighbours of a node, on average.
    pub degree: f64,
    /// Peers that hear of a broadcast, on average.
    pub reached: f64,
    /// How long a broadcast takes to reach everyone within its time to live.
    pub spreading: Duration,
    /// Hops from the initiator to the farthest node.
    pub depth: u32,
}

/// What nodes may hold.
#[derive(Clone, Copy, Debug)]
pub struct Heap<'a> {
    /// P2PFL's settings.
    pub settings: &'a Settings,
    /// Nodes, and edges counted in both directions.
    pub nodes: f64,
    /// See `nodes`.
    pub edges: f64,
    /// Peers that each node hears of, of all nodes together.
    pub known: f64,
    /// What they send.
    pub load: &'a Load,
    /// Messages that wait behind a cap at the end.
    pub backlog: f64,
    /// Bytes of a model; 0 of one that only weighs, which is there once.
    pub model: f64,
    /// Whether every node is a task of its own.
    pub tasks: bool,
}

/// The load of a scenario, in scenario time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Messages a second while nothing but heartbeats is going on; where nothing floods, all of them.
    pub messages_per_s: f64,
    /// Heartbeats among them, as they flood.
    pub beats_per_s: f64,
    /// Messages of one round, beside heartbeats.
    pub messages_per_round: f64,
    /// Messages that one broadcast makes.
    pub messages_per_broadcast: f64,
    /// More messages a second nodes do not flood, where a cap keeps the others back.
    pub most_messages_per_s: Option<f64>,
    /// CPU seconds of a message over a socket, beside what nodes do; none over memory.
    pub call_s: f64,
    /// CPU seconds in a second of scenario time.
    pub cpu: f64,
    /// The same while most goes on at once.
    pub peak_cpu: f64,
    /// What comes at the same time.
    pub together: Together,
}

/// What a run will do, from when learning starts unless it says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Seconds of scenario time until learning starts.
    pub setup_s: f64,
    /// Messages sent until then.
    pub setup_messages: f64,
    /// Seconds of scenario time to the end.
    pub scenario_s: f64,
    /// Messages sent.
    pub messages: f64,
    /// Bytes that they put on their links.
    pub wire_bytes: f64,
    /// Inputs of nodes from the beginning: messages that come together are one.
    pub inputs: f64,
    /// Messages that nodes hear for the first time and pass on, from the beginning.
    pub news: f64,
    /// Whether the run may stall then: P2PFL's nodes wait for ever for what does not reach them.
    pub may_stall: bool,
    /// Messages that flood, of those sent.
    pub flooded: f64,
    /// Timers that come up from the beginning.
    pub timers: f64,
    /// Flooded messages that wait behind a cap at the end, each at each node.
    pub backlog: f64,
    /// Floating-point operations of training and evaluation.
    pub work: f64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            beats_per_s: 0.0,
            singles_per_s: 0.0,
            rush_per_s: 0.0,
            peak: 1.0,
            per_round: 0.0,
            together: Together::default(),
        }
    }
}
