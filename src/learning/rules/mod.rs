//! How several models become one: a file for each rule, with what a scenario says of it.
//!
//! A rule knows models and their weights, and neither nodes nor messages: whose models are combined, and when, is the workflow's
//! affair. To add one, write its file, name it here, and run `cargo test --test scenario_page` for the pages.

mod fedavg;
mod median;

pub use fedavg::fedavg;

use super::Model;
use crate::format::tagged::tagged;
use std::sync::Arc;

/// A rule by which a node makes one model of several.
pub trait Rule {
    /// The one model. In `p2pfl` the weights are training rows, in `dpsgd` those of the mixing matrix. The models come in an order
    /// that does not depend on when they arrived.
    ///
    /// # Panics
    /// If there are no models, or their layouts differ.
    fn combine(&self, models: &[(Arc<Model>, f64)]) -> Model;

    /// Whether what some models have become may stand for them among others, weighted by all their rows, as P2PFL's
    /// `SUPPORTS_PARTIAL_AGGREGATION` says. If not, nodes send each other single contributions.
    fn takes_partials(&self) -> bool;

    /// About how many floating-point operations it takes to combine so many models of so many parameters.
    fn work(&self, models: u64, parameters: u64) -> u64;
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

/// About how many floating-point operations it takes to combine such models; 0 if they only weigh.
pub fn aggregation_work(rule: &dyn Rule, models: &[(Arc<Model>, f64)]) -> u64 {
    match models.first() {
        Some((first, _)) if !first.is_synthetic() => {
            rule.work(models.len() as u64, first.layout().parameters())
        }
        _ => 0,
    }
}
