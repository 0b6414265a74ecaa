//! How several models become one: a file for each rule, with what a scenario says of it.
//!
//! A rule knows models, their weights and whose they are, and neither nodes nor messages: whose models are combined, and when, is
//! the workflow's affair. To add one, write its file, name it here, and run `cargo test --test scenario_page` for the pages.

mod fedavg;
mod median;

pub use fedavg::{Fedavg, fedavg};

use super::tensors::State;
use super::{Layout, Model};
use crate::format::tagged::tagged;
use std::sync::Arc;

/// One of the models that are to be combined.
#[derive(Clone, Debug)]
pub struct Part {
    /// The node that it came from, or that combines.
    pub from: u32,
    /// Whose training is in it, ascending; nothing where that is the sender's alone.
    pub contributors: Option<Arc<[u32]>>,
    /// In `p2pfl` training rows, in `dpsgd` the weight in the mixing matrix.
    pub weight: f64,
    /// The model, with what came beside it ([`Model::info`]).
    pub model: Arc<Model>,
}

/// What a rule makes one model of.
#[derive(Clone, Debug)]
pub struct Mixture {
    /// The models, in an order that does not depend on when they arrived.
    pub parts: Vec<Part>,
    /// The node's own model as it is before.
    pub own: Arc<Model>,
    /// The round, counted from 0, and how many there are.
    pub round: u32,
    /// See `round`.
    pub rounds: u32,
    /// What the rule has kept at this node: nothing at first.
    pub state: State,
}

/// What a rule has made.
#[derive(Clone, Debug)]
pub struct Combined {
    /// The model.
    pub model: Model,
    /// What it keeps at this node for the next time.
    pub state: State,
}

/// A rule by which a node makes one model of several. A function of its arguments and of nothing else.
pub trait Rule {
    /// The one model. `loss` gives the loss of a model on the node's own test rows, if it has any, to rules that
    /// [ask for it](Rule::asks_losses).
    ///
    /// # Panics
    /// If there are no models, or their layouts differ.
    fn combine(&self, it: &Mixture, loss: &dyn Fn(&Model) -> Option<f64>) -> Combined;

    /// Whether what some models have become may stand for them among others, weighted by all their rows, as P2PFL's
    /// `SUPPORTS_PARTIAL_AGGREGATION` says. If not, nodes send each other single contributions.
    fn takes_partials(&self) -> bool;

    /// Whether it asks for the loss of each model and of the node's own, so that combining takes that many evaluations longer.
    fn asks_losses(&self) -> bool {
        false
    }

    /// About how many floating-point operations it takes to combine so many models of so many parameters, losses apart.
    fn work(&self, models: u64, parameters: u64) -> u64;
}

impl Mixture {
    /// A mixture of models that nothing more is known of.
    pub fn of(models: &[(Arc<Model>, f64)]) -> Self {
        let part = |(from, (model, weight)): (u32, &(Arc<Model>, f64))| Part {
            from,
            contributors: None,
            weight: *weight,
            model: Arc::clone(model),
        };
        let own = Arc::clone(&models.first().expect("there are models to combine").0);
        Self { parts: (0..).zip(models).map(part).collect(), own, round: 0, rounds: 1, state: None }
    }

    /// The layout that all models have.
    ///
    /// # Panics
    /// If there are no models, or their layouts differ.
    fn layout(&self) -> Arc<Layout> {
        let layout = Arc::clone(self.parts.first().expect("there are models to combine").model.layout());
        let alike = self.parts.iter().all(|it| *it.model.layout() == layout);
        assert!(alike, "models to combine have one layout");
        layout
    }

    /// Whether the models only weigh.
    fn is_synthetic(&self) -> bool {
        self.parts.iter().any(|it| it.model.is_synthetic())
    }
}

impl From<Model> for Combined {
    fn from(model: Model) -> Self {
        Self { model, state: None }
    }
}

/// Makes the choice that a scenario has, and finds the rule of each.
macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $rule:ident in $file:ident = $name:literal | $alias:literal;)+) => {
        tagged! {
            /// How models are combined.
            #[derive(Clone, Debug, PartialEq)]
            pub enum Aggregator by "kind" {
                $($(#[doc = $doc])+ $rule($file::$rule) = $name | $alias,)+
            }
        }

        impl Aggregator {
            /// The rule.
            pub fn rule(&self) -> &dyn Rule {
                match self {
                    $(Self::$rule(it) => it,)+
                }
            }
        }
    };
}

rules! {
    /// The mean weighted by training rows (McMahan et al. 2017); in `dpsgd`, by the mixing matrix.
    Fedavg in fedavg = "fedavg" | "FedAvg";
    /// The median of each parameter, whatever models weigh (Yin et al. 2018): liars move it little as long as they are fewer than half.
    Median in median = "median" | "FedMedian";
}

impl Default for Aggregator {
    fn default() -> Self {
        Self::Fedavg(fedavg::Fedavg {})
    }
}

/// About how many floating-point operations it takes to combine such models; 0 if they only weigh. A loss is `evaluation` of them.
pub fn aggregation_work(rule: &dyn Rule, it: &Mixture, evaluation: u64) -> u64 {
    if it.is_synthetic() {
        return 0;
    }
    let (models, parameters) = (it.parts.len() as u64, it.own.layout().parameters());
    let losses = if rule.asks_losses() { evaluation.saturating_mul(models + 1) } else { 0 };
    rule.work(models, parameters).saturating_add(losses)
}
