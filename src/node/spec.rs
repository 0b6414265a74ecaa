//! The list of workflows, as a scenario names them. What each is like is said in its own folder, by [`Kind`].

pub use super::dpsgd::spec::{Dpsgd, Mixing, Pace};
pub use super::p2pfl::spec::{Dissemination, P2pfl, Variant};
pub use super::probe::spec::Probe;
pub use super::rumor::spec::{Mode, Rumor};

use super::kind::Kind;
use crate::format::tagged::tagged;
use crate::wire::Command;
use std::ops::{Deref, DerefMut};

/// Defines [`Workflow`], and lets it be asked whatever a [`Kind`] can be asked.
macro_rules! workflows {
    ($(#[doc = $title:literal])+ { $( $(#[doc = $doc:literal])+ $kind:ident = $name:literal ),+ $(,)? }) => {
        tagged! {
            $(#[doc = $title])+
            #[derive(Clone, Debug, PartialEq)]
            pub enum Workflow by "kind" { $( $(#[doc = $doc])+ $kind($kind) = $name ),+ }
        }

        impl Deref for Workflow {
            type Target = dyn Kind;

            fn deref(&self) -> &Self::Target {
                match self { $( Self::$kind(it) => it ),+ }
            }
        }

        impl DerefMut for Workflow {
            fn deref_mut(&mut self) -> &mut Self::Target {
                match self { $( Self::$kind(it) => it ),+ }
            }
        }

        impl Workflow {
            /// What is simulated, where there is a choice: P2PFL as it is, or repaired. Nodes ask for it at every
            /// message, so it is not looked up in a table of methods.
            pub fn variant(&self) -> Option<Variant> {
                match self { $( Self::$kind(it) => Kind::variant(it) ),+ }
            }
        }
    };
}

workflows! {
    /// What nodes do in a round.
    {
        /// P2PFL's: start, vote for a train set, train, aggregate or wait, diffuse.
        P2pfl = "p2pfl",
        /// Decentralised parallel stochastic gradient descent (Lian et al. 2017, 2018): train, swap models with all neighbours and mix them, or with one.
        Dpsgd = "dpsgd",
        /// One message spreads from one node in synchronous rounds: for studying how fast news travels. Nothing is learnt.
        Rumor = "rumor",
        /// Nodes exchange messages of a given size as fast as they can, or at a given rate, and do nothing else: what a transport costs. Nothing is learnt.
        Probe = "probe",
    }
}

impl Workflow {
    /// Whether nodes ever send this command. Who connects and who leaves says so in every workflow.
    pub fn sends(&self, command: Command) -> bool {
        matches!(command, Command::Handshake | Command::Disconnect) || self.says(command)
    }
}

impl Default for Workflow {
    fn default() -> Self {
        Self::P2pfl(P2pfl::default())
    }
}
