//! What a workflow is asked about itself before a run and around it: by the scenario's rules, by engines, by estimates and by
//! reports. What a node does is its [`Machine`](super::machine::Machine)'s.
//!
//! A workflow answers for its own settings, in its own folder; nobody else looks at which workflow it is.

use super::Stage;
use super::foresight::{
    Drawn, Forecast, Heap, Largest, Misfit, Outlook, Prospect, Site, Surroundings, Traffic, Unfit,
};
use super::p2pfl::spec::Variant;
use super::probe::spec::Probe;
use crate::format::findings::Findings;
use crate::format::settings::Settings;
use crate::wire::{Command, PeerId};
use std::time::Duration;

/// How what a node says to everyone gets to those that are no neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spreading {
    /// It does not: nodes speak with neighbours alone.
    Neighbours,
    /// Who hears it for the first time passes it on to all neighbours.
    Flooding {
        /// Whether learning starts only when everyone has heard of everyone within reach.
        awaited: bool,
    },
    /// Nodes call one neighbour each in every round.
    Calls {
        /// Who knows it at the beginning.
        source: PeerId,
    },
}

/// A workflow, as its block in a scenario says it is to be.
pub trait Kind {
    /// Rounds of learning; where nothing is learnt, the most there can be of what the workflow counts.
    fn rounds(&self) -> u32;

    /// Whether nodes ever send this command, beside the two that connect and part.
    fn says(&self, command: Command) -> bool;

    /// The shortest period that nodes keep, in scenario time, where training takes so long in the median. Zero if they keep none.
    fn period(&self, settings: &Settings, training: Duration) -> Duration;

    /// What nodes send in scenario time.
    fn traffic(&self, it: &Site) -> Traffic;

    /// What a run will do.
    fn forecast(&self, it: &Outlook) -> Forecast;

    /// Passes over its rows that a node makes in a round.
    fn epochs(&self) -> u32 {
        1
    }

    /// The node with which all begins, and the field that names it.
    fn first(&self) -> Option<(PeerId, &'static str)> {
        None
    }

    /// Who starts the others, and ends learning for them; nobody where the engine starts every node.
    fn initiator(&self) -> Option<PeerId> {
        None
    }

    /// Whether the engine starts every node, and not one that starts the others.
    fn starts_everyone(&self) -> bool {
        self.initiator().is_none()
    }

    /// How long after nodes came up the initiator starts at the latest, where the scenario says so.
    fn start_after(&self) -> Option<Duration> {
        None
    }

    /// What is simulated, where there is a choice: P2PFL as it is, or repaired.
    fn variant(&self) -> Option<Variant> {
        None
    }

    /// Whether a node that comes up while the run goes on takes part in it. P2PFL's own stays idle for ever.
    fn takes_latecomers(&self) -> bool {
        true
    }

    /// Whether nodes connect to their neighbours before they talk to them.
    fn connects(&self) -> bool {
        true
    }

    /// Whether nodes learn anything, so that data and models are needed.
    fn learns(&self) -> bool {
        true
    }

    /// Nodes that are elected to train in a round; 0 where nobody is.
    fn elects(&self) -> u32 {
        0
    }

    /// Whether peers of other programs speak it too.
    fn is_open(&self) -> bool {
        false
    }

    /// The stages of a round.
    fn stages(&self) -> &'static [Stage] {
        &[]
    }

    /// How far news goes.
    fn spreading(&self) -> Spreading {
        Spreading::Neighbours
    }

    /// The cells in which messages are measured, and which the result tells of. Nodes then go by the machine's time.
    fn grid(&self) -> Option<&Probe> {
        None
    }

    /// What some node's messages not reaching everyone leads to, beginning with `; `. `unstarted` if some would not hear that
    /// learning starts.
    fn unreached(&self, _unstarted: bool) -> &'static str {
        ""
    }

    /// Becomes the workflow of a single node among others: with so many rounds, and a train set of such a size.
    fn alone(&mut self, _rounds: Option<u32>, _trainset_size: Option<u32>) {}

    /// Checks the block of settings, and what stands elsewhere and does not go with it.
    fn check(&self, _it: &Surroundings, _found: &mut dyn Findings) {}

    /// Checks what shows only with the graph and the links.
    ///
    /// # Errors
    /// Names the field, what is wrong and what would help.
    fn check_drawn(&self, _it: &Drawn) -> Result<(), Unfit> {
        Ok(())
    }

    /// The largest messages of each sort but for beats and models, among so many nodes.
    fn largest(&self, _nodes: u32) -> Vec<Largest> {
        Vec::new()
    }

    /// The command of the largest message with a model, and how many contributors it names, among so many nodes; nothing where
    /// none is sent.
    fn largest_model(&self, _nodes: u32) -> Option<(Command, u32)> {
        None
    }

    /// How many models may come to a node at a time, among so many nodes of which one has so many neighbours.
    fn models_at_a_time(&self, _nodes: u32, _degree: u32) -> u32 {
        0
    }

    /// To how many of its neighbours a node sends a model at a time.
    fn copies(&self, _degree: u32) -> u32 {
        1
    }

    /// Settings that ask too much, by what they are about to cause.
    fn misfits(&self, _it: &Prospect) -> Vec<Misfit> {
        Vec::new()
    }

    /// Bytes that nodes hold beside themselves: models, what they know of each other, what they remember.
    fn held(&self, _it: &Heap) -> f64 {
        0.0
    }
}
