//! A scenario ready to run: everything drawn, loaded and checked.

use super::compute::Compute;
use super::reach::Reach;
use crate::format::script::At;
use crate::learning::{Aggregator, Learner};
use crate::metrics::trace::Happening;
use crate::metrics::{Followed, Recording, ranges};
use crate::network::churn::ChurnModel;
use crate::network::{Faults, Links, Slowdown};
use crate::node::Rules;
use crate::node::io::{Control, Peers};
use crate::scenario::Clock;
use crate::time::Time;
use crate::topology::Graph;
use crate::transport::Protocol;
use crate::transport::socket::{Address, Security};
use crate::wire::{Experiment, PeerId};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What an engine runs.
pub struct Plan {
    /// Which clock it follows.
    pub clock: Clock,
    /// What all nodes have in common.
    pub rules: Rules,
    /// Who is connected to whom.
    pub graph: Graph,
    /// Trains and evaluates.
    pub learner: Arc<dyn Learner>,
    /// Combines models.
    pub aggregator: Arc<Aggregator>,
    /// How long computing takes in scenario time.
    pub compute: Compute,
    /// Whether models may have any shapes: those of the first one that comes.
    pub learns_shapes: bool,
    /// Delays and losses; nothing on the real clock without a `network` block.
    pub links: Option<Links>,
    /// How nodes reach each other through sockets; nothing where messages are passed by reference.
    pub sockets: Option<SocketPlan>,
    /// What happens, in the order of the scenario.
    pub script: Vec<Step>,
    /// Nodes that are not there until they join, ascending.
    pub absent: Vec<PeerId>,
    /// Of how many peers each node can ever hear.
    pub reach: Reach,
    /// The initiator starts learning at the latest so long after the nodes came up.
    pub start_after: Duration,
    /// The run ends at this scenario time.
    pub time_limit: Duration,
    /// The run ends after so much wall time.
    pub wall_limit: Duration,
    /// The run ends after so many inputs of nodes.
    pub event_limit: u64,
    /// The run ends when the program uses so many bytes of memory.
    pub memory_limit: u64,
    /// Bytes of messages that may wait at one node.
    pub inbox_limit: u64,
    /// Accuracy and loss are taken every so many rounds.
    pub evaluate_every: u32,
    /// The shortest period that has to be kept, in scenario time.
    pub shortest_period: Duration,
    /// Seconds of scenario time in a second of wall time.
    pub speedup: f64,
    /// Threads that run nodes.
    pub threads: usize,
    /// Whether everything is measured.
    pub recording: Recording,
    /// The nodes whose doings are traced.
    pub followed: Arc<Followed>,
    /// The file that every protocol event is written to, a line each, in the order of time; virtual clock only.
    pub event_log: Option<PathBuf>,
}

/// How nodes reach each other through sockets. Their addresses are in no plan: they become known, and go into
/// `rules.book`, as the engine binds the listeners.
#[derive(Clone, Debug)]
pub struct SocketPlan {
    /// What is spoken on connections.
    pub protocol: Protocol,
    /// Whether connections are encrypted, and with what.
    pub security: Security,
    /// Where nodes listen.
    pub listen: Listen,
    /// The largest message that a node takes, in bytes of its protobuf encoding.
    pub max_message: u64,
    /// How many connections are being opened at a time, by all nodes together.
    pub opening: u32,
    /// How many connections a node has to a neighbour at most, where one carries one call at a time.
    pub parallel: u32,
    /// Peers outside that every node connects to. They have the numbers after those of the nodes.
    pub join: Vec<Address>,
    /// Whether learning starts without any of them, too.
    pub join_optional: bool,
    /// File descriptors that the run takes at most. The soft limit has been raised to that.
    pub descriptors: u64,
    /// File descriptors that this process may have.
    pub descriptors_allowed: u64,
}

impl SocketPlan {
    /// Whether the nodes of the run are among themselves: it joins nobody outside, and is no node that others may join.
    pub fn is_closed(&self) -> bool {
        self.join.is_empty() && !matches!(self.listen, Listen::At(_))
    }
}

/// Where nodes listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// On these IP addresses in turn, at least one, on ports that the system chooses.
    Tcp(Vec<IpAddr>),
    /// On Unix sockets in a private folder, which the engine makes.
    Unix,
    /// On this address: of a single node.
    At(Address),
}

impl Listen {
    /// The IP address that a node listens on.
    pub fn ip(&self, node: PeerId) -> Option<IpAddr> {
        match self {
            Self::Tcp(ips) => ips.get(node as usize % ips.len().max(1)).copied(),
            Self::Unix | Self::At(_) => None,
        }
    }
}

/// One happening of the script.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: At,
    /// What.
    pub action: Action,
}

/// What happens, with nodes by number.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Nodes stop and lose their state.
    Crash(Vec<PeerId>),
    /// Nodes come back.
    Restart(Vec<PeerId>),
    /// Nodes come up for the first time.
    Join(Vec<PeerId>),
    /// Nodes say goodbye.
    Leave(Vec<PeerId>),
    /// Groups can no longer reach each other; with `one_way`, earlier ones no longer reach later ones.
    Partition { groups: Vec<Vec<PeerId>>, one_way: bool },
    /// They can again.
    Heal,
    /// A share of the packets from some nodes to others is lost.
    Loss { from: Vec<PeerId>, to: Vec<PeerId>, share: f64 },
    /// Nodes take longer.
    Slow(Vec<PeerId>, Slowdown),
    /// Nodes come and go from now on.
    Churn(ChurnModel),
    /// A node ends learning for everyone.
    StopLearning(PeerId),
}

impl Action {
    /// As it is told in a trace: what happens, and to whom.
    pub fn told(&self) -> (Happening, String) {
        match self {
            Self::Crash(nodes) => (Happening::Crash, ranges(nodes)),
            Self::Restart(nodes) => (Happening::Restart, ranges(nodes)),
            Self::Join(nodes) => (Happening::Join, ranges(nodes)),
            Self::Leave(nodes) => (Happening::Leave, ranges(nodes)),
            Self::Partition { groups, one_way } => {
                let groups: Vec<String> = groups.iter().map(|group| ranges(group)).collect();
                (Happening::Partition, groups.join(if *one_way { " > " } else { " | " }))
            }
            Self::Heal => (Happening::Heal, String::new()),
            Self::Loss { from, to, .. } => (Happening::Loss, format!("{} > {}", ranges(from), ranges(to))),
            Self::Slow(nodes, _) => (Happening::Slow, ranges(nodes)),
            Self::Churn(model) => (Happening::Churn, ranges(&model.nodes)),
            Self::StopLearning(node) => (Happening::StopLearning, node.to_string()),
        }
    }

    /// Makes the change to the network that this is, among so many nodes. Whether it is one at all: what happens to
    /// nodes themselves is for the engine to do.
    pub fn alters(&self, nodes: u32, faults: &mut Faults) -> bool {
        match self {
            Self::Partition { groups, one_way } => faults.partition(nodes, groups, *one_way),
            Self::Heal => faults.heal(),
            Self::Loss { from, to, share } => faults.lose(nodes, from, to, *share),
            Self::Slow(which, slowdown) => faults.slow(nodes, which, *slowdown),
            Self::Crash(_)
            | Self::Restart(_)
            | Self::Join(_)
            | Self::Leave(_)
            | Self::Churn(_)
            | Self::StopLearning(_) => return false,
        }
        true
    }
}

impl Plan {
    /// The number of nodes.
    pub fn nodes(&self) -> u32 {
        self.graph.nodes()
    }

    /// How many peers outside every node connects to.
    pub fn outside(&self) -> u32 {
        self.sockets.as_ref().map_or(0, |it| it.join.len() as u32)
    }

    /// How long it takes until missing heartbeats have told everyone who has gone.
    pub fn settling(&self) -> Duration {
        let heartbeat = &self.rules.settings.heartbeat;
        heartbeat.timeout.0 + 2 * heartbeat.period.0
    }

    /// A node's neighbours, as it is told of them when it comes up.
    pub fn peers(&self, node: PeerId) -> Peers {
        if self.graph.is_complete() {
            return Peers::Others { node, of: self.nodes() };
        }
        self.graph.neighbours(node).map(|peer| (peer, self.graph.degree(peer))).collect()
    }

    /// What those are told that the engine starts, where learning starts at `zero`.
    pub fn begin(&self, zero: Time) -> Control {
        let workflow = &self.rules.workflow;
        if !workflow.learns() {
            return Control::Begin(zero);
        }
        let (rounds, epochs, trainset_size) = (workflow.rounds(), workflow.epochs(), workflow.elects());
        // P2PFL appends the Unix time to the name.
        let name = format!("experiment-{}", self.rules.book.unix_seconds(Time::ZERO));
        Control::StartLearning(Arc::new(Experiment { rounds, epochs, trainset_size, name }))
    }
}
