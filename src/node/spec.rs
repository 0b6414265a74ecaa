//! What a scenario says about the workflow: what nodes do in a round.

pub use super::probe::spec::Probe;

use super::Stage;
use crate::format::tagged::tagged;
use crate::format::units::Span;
use crate::wire::{Command, PeerId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

tagged! {
    /// What nodes do in a round.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Workflow by "kind" {
        /// P2PFL's: start, vote for a train set, train, aggregate or wait, diffuse.
        P2pfl(P2pfl) = "p2pfl",
        /// Decentralised parallel stochastic gradient descent (Lian et al. 2017, 2018): train, swap models with all neighbours and mix them, or with one.
        Dpsgd(Dpsgd) = "dpsgd",
        /// One message spreads from one node in synchronous rounds: for studying how fast news travels. Nothing is learnt.
        Rumor(Rumor) = "rumor",
        /// Nodes exchange messages of a given size as fast as they can, or at a given rate, and do nothing else: what a transport costs. Nothing is learnt.
        Probe(Probe) = "probe",
    }
}

/// See [`Workflow::P2pfl`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct P2pfl {
    /// How closely P2PFL's own behaviour is followed. Default: `repaired`.
    pub variant: Variant,
    /// Rounds of learning. Default 3.
    pub rounds: u32,
    /// Passes over its rows that a node makes in a round. Default 1.
    pub epochs: u32,
    /// Nodes that train in a round; all of them where there are fewer. Default 4.
    pub trainset_size: u32,
    /// Who takes the initiative when a model is to go from one node to another. P2PFL pushes; the other two need the variant `repaired`. Default: `push`.
    #[serde(skip_serializing_if = "Dissemination::is_default")]
    pub dissemination: Dissemination,
    /// The node that starts learning. Default 0.
    pub initiator: u32,
    /// The initiator starts at the latest so long after the nodes came up, even if some have not yet heard of each other. Default: from the diameter and the periods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_after: Option<Span>,
}

/// How closely P2PFL's own behaviour is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// P2PFL 0.4.4 as it behaves over gRPC, traps included.
    Faithful,
    /// P2PFL 0.4.4 as it behaves over its in-memory transport: all receivers of a message share one time to live.
    FaithfulMemory,
    /// P2PFL's protocol with its traps mended.
    #[default]
    Repaired,
}

impl Variant {
    /// What is simulated, for a sentence.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Faithful => "P2PFL 0.4.4 as it is over gRPC",
            Self::FaithfulMemory => "P2PFL 0.4.4 as it is over memory",
            Self::Repaired => "P2PFL repaired",
        }
    }
}

/// Who takes the initiative when a model is to go from one node to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dissemination {
    /// Who has a model offers it to those who lack it, a few every `settings.gossip.models_period`, as P2PFL does.
    #[default]
    Push,
    /// Who lacks a model asks for it as soon as one who has it says so.
    Pull,
    /// Both.
    PushPull,
}

impl Dissemination {
    /// Whether a scenario need not say so: what it says nothing of is not part of its hash.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether who has a model offers it.
    pub const fn pushes(self) -> bool {
        matches!(self, Self::Push | Self::PushPull)
    }

    /// Whether who lacks a model asks for it.
    pub const fn pulls(self) -> bool {
        matches!(self, Self::Pull | Self::PushPull)
    }
}

/// See [`Workflow::Dpsgd`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dpsgd {
    /// Rounds of learning. Default 10.
    pub rounds: u32,
    /// Passes over its rows that a node makes in a round. Default 1.
    pub epochs: u32,
    /// Whether a node waits for its neighbours in every round. Default: `synchronous`.
    #[serde(skip_serializing_if = "Pace::is_default")]
    pub mode: Pace,
    /// The weights of neighbours, where all of them are mixed. Default: `metropolis_hastings`.
    pub mixing: Mixing,
    /// Whether nodes send heartbeats, and drop neighbours that fall silent. Default false.
    pub heartbeats: bool,
}

/// Whether a node waits for its neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// In every round a node waits for the models of all its neighbours and mixes them (D-PSGD).
    #[default]
    Synchronous,
    /// A node that has trained averages with one neighbour drawn evenly, whatever the others do (AD-PSGD, Lian et al. 2018). A round is the node's own.
    Asynchronous,
}

impl Pace {
    /// Whether a scenario need not say so.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How much a neighbour's model weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mixing {
    /// 1 / (1 + max(degree, degree of the neighbour)): doubly stochastic on every graph.
    #[default]
    MetropolisHastings,
    /// 1 / (degree + 1): doubly stochastic on regular graphs only.
    Uniform,
}

/// See [`Workflow::Rumor`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rumor {
    /// Who calls whom. Default: `push_pull`.
    pub mode: Mode,
    /// Rounds after which nodes that have not learnt it give up. Default 100.
    pub rounds: u32,
    /// Time between two rounds, the same for all nodes; longer than a message takes, and where nodes ask, than a message and its answer. Default 1 s.
    pub period: Span,
    /// The node that knows the rumor at the beginning. Default 0.
    pub source: u32,
}

/// Who calls whom. In each round a node calls at most one neighbour, drawn evenly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Who knows the rumor tells it.
    Push,
    /// Who does not know it asks, and is told by one that knew it before the round.
    Pull,
    /// Both: every node calls.
    #[default]
    PushPull,
}

impl Mode {
    /// How many messages one after another a call takes at most: with an answer, two.
    pub const fn trips(self) -> u32 {
        match self {
            Self::Push => 1,
            Self::Pull | Self::PushPull => 2,
        }
    }
}

impl Default for Rumor {
    fn default() -> Self {
        Self { mode: Mode::PushPull, rounds: 100, period: Span::secs(1), source: 0 }
    }
}

impl Default for P2pfl {
    fn default() -> Self {
        Self {
            variant: Variant::Repaired,
            rounds: 3,
            epochs: 1,
            trainset_size: 4,
            dissemination: Dissemination::Push,
            initiator: 0,
            start_after: None,
        }
    }
}

impl Default for Dpsgd {
    fn default() -> Self {
        Self {
            rounds: 10,
            epochs: 1,
            mode: Pace::Synchronous,
            mixing: Mixing::MetropolisHastings,
            heartbeats: false,
        }
    }
}

impl Workflow {
    /// Rounds of learning; of a rumor, the most there can be; of a probe, its cells.
    pub fn rounds(&self) -> u32 {
        match self {
            Self::P2pfl(it) => it.rounds,
            Self::Dpsgd(it) => it.rounds,
            Self::Rumor(it) => it.rounds,
            Self::Probe(it) => it.cells(),
        }
    }

    /// Passes over its rows that a node makes in a round.
    pub fn epochs(&self) -> u32 {
        match self {
            Self::P2pfl(it) => it.epochs,
            Self::Dpsgd(it) => it.epochs,
            Self::Rumor(_) | Self::Probe(_) => 1,
        }
    }

    /// Who starts the others, and ends learning for them; nobody where the engine starts every node.
    pub const fn initiator(&self) -> Option<PeerId> {
        match self {
            Self::P2pfl(it) => Some(it.initiator),
            Self::Dpsgd(_) | Self::Rumor(_) | Self::Probe(_) => None,
        }
    }

    /// Whether the engine starts every node, and not one that starts the others.
    pub const fn starts_everyone(&self) -> bool {
        self.initiator().is_none()
    }

    /// What is simulated, where there is a choice: P2PFL as it is, or repaired.
    pub const fn variant(&self) -> Option<Variant> {
        match self {
            Self::P2pfl(it) => Some(it.variant),
            Self::Dpsgd(_) | Self::Rumor(_) | Self::Probe(_) => None,
        }
    }

    /// Whether a node that comes up while the run goes on takes part in it. P2PFL's own stays idle for ever.
    pub fn takes_latecomers(&self) -> bool {
        match self {
            Self::P2pfl(it) => it.variant == Variant::Repaired,
            Self::Dpsgd(_) | Self::Rumor(_) | Self::Probe(_) => true,
        }
    }

    /// Whether nodes connect to their neighbours before they talk to them.
    pub const fn connects(&self) -> bool {
        match self {
            Self::P2pfl(_) | Self::Dpsgd(_) | Self::Probe(_) => true,
            Self::Rumor(_) => false,
        }
    }

    /// Whether nodes learn anything, so that data and models are needed.
    pub const fn learns(&self) -> bool {
        match self {
            Self::P2pfl(_) | Self::Dpsgd(_) => true,
            Self::Rumor(_) | Self::Probe(_) => false,
        }
    }

    /// Whether nodes ever send this command.
    pub const fn sends(&self, command: Command) -> bool {
        // Who leaves says goodbye, whatever he did before.
        if matches!(command, Command::Handshake | Command::Disconnect) {
            return true;
        }
        match self {
            Self::P2pfl(it) => match command {
                Command::GetModel => it.dissemination.pulls(),
                Command::SwapModel | Command::Rumor | Command::RumorRequest | Command::Probe => false,
                _ => true,
            },
            Self::Dpsgd(it) => match command {
                Command::PartialModel => true,
                Command::SwapModel => matches!(it.mode, Pace::Asynchronous),
                Command::Beat => it.heartbeats,
                _ => false,
            },
            Self::Rumor(it) => match command {
                Command::Rumor => true,
                Command::RumorRequest => !matches!(it.mode, Mode::Push),
                _ => false,
            },
            Self::Probe(_) => matches!(command, Command::Probe),
        }
    }

    /// The stages of a round.
    pub const fn stages(&self) -> &'static [Stage] {
        match self {
            Self::P2pfl(_) => &Stage::ALL,
            Self::Dpsgd(_) => &[Stage::Train, Stage::Aggregate, Stage::Wait],
            Self::Rumor(_) | Self::Probe(_) => &[],
        }
    }

    /// The node with which all begins, and the field that names it.
    pub const fn first(&self) -> Option<(u32, &'static str)> {
        match self {
            Self::P2pfl(it) => Some((it.initiator, "workflow.initiator")),
            Self::Dpsgd(_) | Self::Probe(_) => None,
            Self::Rumor(it) => Some((it.source, "workflow.source")),
        }
    }
}

impl Default for Workflow {
    fn default() -> Self {
        Self::P2pfl(P2pfl::default())
    }
}
