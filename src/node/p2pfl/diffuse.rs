//! The end of a round: the aggregate is passed on to direct neighbours that lack it, then the next round begins.

use super::sending::Spread;
use super::{At, Fault, Outcome, P2pfl, Status};
use crate::node::context::Context;
use crate::node::io::{Job, Record};
use crate::node::links::Links;
use crate::wire::PeerId;
use std::sync::Arc;

impl P2pfl {
    pub(super) fn diffuse(&mut self, cx: &mut Context, links: &mut Links) -> Result<(), Fault> {
        self.enter(cx, At::Diffuse);
        if self.repaired {
            self.welcome_strangers(cx, links);
            self.holds = (!self.alone(links.node())).then_some(self.round as i32);
            self.give(cx, links);
            if self.alone(links.node()) {
                self.finish_round(cx, links);
                return Ok(());
            }
        }
        self.spread(cx, links, Spread::Aggregate)
    }

    /// Whether the node elected nobody but itself although more were to train: it knew nobody else at the time. What it
    /// learnt alone is no aggregate, and must not replace that of a network which comes into sight again.
    fn alone(&self, node: PeerId) -> bool {
        self.trained && self.train_set[..] == [node] && self.trainset_size() > 1
    }

    /// A peer says that it has finished a round. P2PFL notes its own round instead of the peer's, and drops what is
    /// said of a later one; `repaired` notes what is said.
    pub(super) fn peer_ready(&mut self, source: PeerId, round: i32) {
        if self.experiment.is_none() {
            return;
        }
        let own = self.round as i32;
        if self.repaired {
            let status = self.status.entry(source, || Status { done: -1, joined: -1 });
            status.done = status.done.max(round);
        } else if round == own || round == own - 1 {
            self.status.insert(source, Status { done: own, joined: -1 });
        }
    }

    pub(super) fn finish_round(&mut self, cx: &mut Context, links: &mut Links) {
        cx.record(Record::RoundFinished {
            round: self.round,
            took: cx.now.since(self.round_began),
            model: Arc::clone(&self.model),
            train_set: self.voted.then(|| Arc::clone(&self.train_set)),
            trained: self.trained,
        });
        self.aggregator.clear();
        self.partials.clear();
        self.held_by = std::mem::take(&mut self.next_held_by);
        self.round += 1;
        if self.repaired {
            self.votes = std::mem::take(&mut self.next_votes);
            self.train_set = Arc::from([]);
            self.awaits_aggregate = false;
        }
        if self.experiment.as_ref().is_some_and(|it| self.round < it.rounds) {
            return self.vote(cx, links);
        }
        if cx.rules.evaluates {
            let job = self.next_job();
            self.enter(cx, At::Last(job));
            cx.start_job(job, Job::Evaluate(Arc::clone(&self.model)));
        } else {
            self.finish(cx, links);
        }
    }

    pub(super) fn finish(&mut self, cx: &mut Context, links: &mut Links) {
        self.enter(cx, At::Idle);
        let known = std::mem::take(&mut self.status);
        if self.repaired {
            self.past = self.experiment.clone();
        }
        self.forget();
        self.outcome = Some(Outcome::Finished);
        cx.record(Record::Finished);
        if self.repaired {
            self.hand_on(cx, links, known);
        }
    }
}
