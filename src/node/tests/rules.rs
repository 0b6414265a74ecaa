//! The rules that tests run nodes by: P2PFL's defaults, shortened where a test would wait in vain.

use crate::format::settings::Settings;
use crate::learning::Layout;
use crate::node::spec::{Dpsgd, P2pfl, Rumor, Variant, Workflow};
use crate::node::{Rules, Starter};
use crate::wire::size::Sizes;
use crate::wire::{AddressBook, Experiment};
use std::sync::Arc;

/// What a test chooses.
#[derive(Clone, Debug)]
pub struct Setup {
    pub nodes: u32,
    pub seed: u64,
    pub workflow: Workflow,
    pub settings: Settings,
    pub evaluates: bool,
}

pub const VARIANTS: [Variant; 3] = [Variant::Faithful, Variant::FaithfulMemory, Variant::Repaired];

impl Setup {
    /// P2PFL's workflow with its own defaults.
    pub fn p2pfl(nodes: u32, variant: Variant) -> Self {
        let workflow = Workflow::P2pfl(P2pfl { variant, rounds: 2, ..P2pfl::default() });
        Self { nodes, seed: 7, workflow, settings: Settings::default(), evaluates: true }
    }

    pub fn dpsgd(nodes: u32, spec: Dpsgd) -> Self {
        Self { workflow: Workflow::Dpsgd(spec), ..Self::p2pfl(nodes, Variant::Repaired) }
    }

    pub fn rumor(nodes: u32, seed: u64, spec: Rumor) -> Self {
        Self { seed, workflow: Workflow::Rumor(spec), ..Self::p2pfl(nodes, Variant::Repaired) }
    }

    /// With other settings.
    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub fn rules(&self) -> Rules {
        let book = AddressBook::numbered(self.nodes);
        let bytes = Layout::new([vec![2]]).bytes();
        Rules {
            seed: self.seed,
            settings: self.settings.clone(),
            workflow: self.workflow.clone(),
            sizes: Sizes::new(book.clone(), bytes),
            book,
            evaluates: self.evaluates,
            takes_partials: true,
            own: self.nodes,
            starter: Starter::Engine,
        }
    }
}

pub fn experiment(rules: &Rules) -> Arc<Experiment> {
    let workflow = &rules.workflow;
    let (rounds, epochs, trainset_size) = (workflow.rounds(), workflow.epochs(), workflow.elects());
    Arc::new(Experiment { rounds, epochs, trainset_size, name: "experiment".into() })
}
