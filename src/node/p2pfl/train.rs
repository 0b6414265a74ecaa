//! In the train set: evaluate, train, swap contributions with the other members, average.

use super::aggregator::Contribution;
use super::sending::Spread;
use super::{At, Fault, P2pfl};
use crate::learning::{Evaluation, Mixture, Model, Part, State};
use crate::node::context::Context;
use crate::node::io::{Job, Timer, Weight};
use crate::node::links::Links;
use crate::wire::{GossipBody, PeerId};
use std::sync::Arc;
use std::time::Duration;

/// P2PFL reads the setting for this wait when its module is imported: it is always the default.
pub const FAITHFUL_WAIT: Duration = Duration::from_secs(300);

impl P2pfl {
    pub(super) fn train(&mut self, cx: &mut Context, links: &mut Links) {
        self.trained = true;
        self.aggregator.begin(Arc::clone(&self.train_set));
        if self.repaired {
            for &peer in self.train_set.iter().filter(|&&peer| peer != links.node()) {
                if !links.neighbours.knows(peer) {
                    self.aggregator.give_up(peer);
                }
            }
        }
        if cx.rules.evaluates {
            let job = self.next_job();
            self.enter(cx, At::Evaluate(job));
            cx.start_job(job, Job::Evaluate(Arc::clone(&self.model)));
        } else {
            self.fit(cx);
        }
    }

    /// Says what an evaluation found, as P2PFL names it.
    pub(super) fn say_metrics(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        round: u32,
        evaluation: Option<Evaluation>,
    ) {
        if let Some(it) = evaluation {
            let accuracy = it.accuracy.map(|accuracy| ("test_metric", accuracy));
            let metrics = [("test_loss", it.loss)].into_iter().chain(accuracy).collect();
            links.broadcast(cx, round as i32, GossipBody::Metrics(metrics));
        }
    }

    pub(super) fn fit(&mut self, cx: &mut Context) {
        let job = self.next_job();
        self.enter(cx, At::Fit(job));
        let epochs = self.experiment.as_ref().map_or(1, |it| it.epochs);
        let (start, state) = (Arc::clone(&self.model), self.kept.training());
        cx.start_job(job, Job::Train { round: self.round, epochs, start, state });
    }

    pub(super) fn fitted(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        model: Arc<Model>,
    ) -> Result<(), Fault> {
        self.model = Arc::clone(&model);
        self.holds = None;
        let contributors: Arc<[PeerId]> = Arc::from([links.node()]);
        self.aggregator.add(Contribution { from: links.node(), contributors, samples: self.samples, model });
        self.enter(cx, At::Swap);
        self.say_held(cx, links);
        self.spread(cx, links, Spread::Contributions)?;
        self.pull(cx, links);
        Ok(())
    }

    pub(super) fn say_held(&mut self, cx: &mut Context, links: &mut Links) {
        let held = self.aggregator.held();
        if self.repaired {
            // P2PFL does not hear itself; whoever asks what is lacking where may ask about the node itself.
            self.held_by.insert(links.node(), held.to_vec());
        }
        links.broadcast(cx, self.round as i32, GossipBody::ModelsAggregated(held));
    }

    /// A peer says what it holds. P2PFL drops what is said of another round than its own; `repaired` keeps what is
    /// said of the next.
    pub(super) fn take_held(&mut self, source: PeerId, round: i32, held: &[PeerId]) {
        if self.experiment.is_none() {
            return;
        }
        let map = match i64::from(round) - i64::from(self.round) {
            0 => &mut self.held_by,
            1 if self.repaired => &mut self.next_held_by,
            _ => return,
        };
        let known = map.entry(source, Vec::new);
        known.extend_from_slice(held);
        known.sort_unstable();
        known.dedup();
    }

    /// Nobody lacks a contribution, or nothing changes any more: the node waits for those that it lacks itself.
    pub(super) fn contributions_spread(&mut self, cx: &mut Context) {
        if self.aggregator.complete() {
            return self.combine(cx);
        }
        self.enter(cx, At::Collect);
        let wait =
            if self.repaired { cx.rules.settings.training.aggregation_timeout.0 } else { FAITHFUL_WAIT };
        cx.set_timer(Timer::Stage, cx.now + wait, Weight::Progress);
    }

    /// A contribution of this round has come; whether it is merged.
    pub(super) fn contribute(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        contribution: Contribution,
    ) -> bool {
        if !self.aggregator.add(contribution) {
            return false;
        }
        self.say_held(cx, links);
        if self.at == At::Collect && self.aggregator.complete() {
            self.combine(cx);
        }
        true
    }

    /// Averages what there is.
    pub(super) fn combine(&mut self, cx: &mut Context) {
        let parts = self.aggregator.lacking(&[]);
        let job = self.next_job();
        self.enter(cx, At::Combine(job));
        let mixture = self.mixture(&parts, self.kept.rule());
        cx.start_job(job, Job::Aggregate(mixture));
    }

    /// `parts`, weighted by samples. Their order is that of contributors, not of arrival, so that the sum has the same bits
    /// wherever it is made.
    pub(super) fn mixture(&self, parts: &[Contribution], state: State) -> Mixture {
        let part = |it: &Contribution| Part {
            from: it.from,
            contributors: Some(Arc::clone(&it.contributors)),
            weight: f64::from(it.samples),
            model: Arc::clone(&it.model),
        };
        Mixture {
            parts: parts.iter().map(part).collect(),
            own: Arc::clone(&self.model),
            round: self.round,
            rounds: self.experiment.as_ref().map_or(0, |it| it.rounds),
            state,
        }
    }

    pub(super) fn given_up(&self, peer: PeerId) -> bool {
        self.repaired
            && !self.aggregator.missing().any(|missing| missing == peer)
            && !self.aggregator.contributors().any(|held| held == peer)
    }
}
