//! The start: learning is announced, the first model spreads, and heartbeats get time to converge.

use super::sending::Spread;
use super::{At, Fault, P2pfl, Status};
use crate::node::context::Context;
use crate::node::io::{Record, Timer, Weight};
use crate::node::links::Links;
use crate::time::Time;
use crate::wire::{Experiment, GossipBody, NO_ROUND};
use std::sync::Arc;
use std::time::Duration;

/// How long P2PFL lets the others say that they are initialised before it sends models.
pub const SETTLE: Duration = Duration::from_secs(1);

impl P2pfl {
    /// The initiator starts learning. It has a model already, and says so twice, as P2PFL does.
    pub(super) fn initiate(&mut self, cx: &mut Context, links: &mut Links, experiment: Arc<Experiment>) {
        if self.past.take().is_some() {
            // What peers had done was of the rounds that are over.
            self.status.clear();
        }
        links.broadcast(cx, NO_ROUND, GossipBody::StartLearning(Arc::clone(&experiment)));
        links.broadcast(cx, NO_ROUND, GossipBody::ModelInitialized);
        self.begin(cx, links, experiment, 0);
        self.replaceable = !self.repaired;
        self.initialised(cx, links, NO_ROUND);
    }

    /// Learning has begun: without a model, the node waits for one. P2PFL would start a second workflow if it were
    /// told twice, which ends in chaos; here the second is ignored.
    pub(super) fn begin(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        experiment: Arc<Experiment>,
        round: u32,
    ) {
        if self.experiment.is_some() {
            return;
        }
        links.neighbours.stop_counting();
        self.experiment = Some(experiment);
        self.outcome = None;
        self.started = cx.now;
        self.round = round;
        cx.record(Record::Started);
        self.enter(cx, At::AwaitModel);
        if self.repaired {
            let end = cx.now + cx.rules.settings.training.aggregation_timeout.0;
            cx.set_timer(Timer::Stage, end, Weight::Progress);
        }
    }

    /// No model has come. P2PFL waits for ever; `repaired` goes on with the node's own.
    pub(super) fn no_model(&mut self, cx: &mut Context, links: &mut Links) {
        if self.late {
            self.join(cx, links, self.round);
        } else {
            self.initialised(cx, links, NO_ROUND);
        }
    }

    /// There is a model: the node says so. `joined` is the round that a latecomer joins in.
    pub(super) fn initialised(&mut self, cx: &mut Context, links: &mut Links, joined: i32) {
        links.broadcast(cx, joined, GossipBody::ModelInitialized);
        self.enter(cx, At::Settle);
        cx.set_timer(Timer::Stage, cx.now + SETTLE, Weight::Progress);
    }

    pub(super) fn settled(&mut self, cx: &mut Context, links: &mut Links) -> Result<(), Fault> {
        self.enter(cx, At::SpreadFirst);
        self.spread(cx, links, Spread::First)
    }

    /// All neighbours have a model, or do not take one: the rest of the convergence time passes.
    pub(super) fn first_model_spread(&mut self, cx: &mut Context, links: &mut Links) {
        let end = self.started + cx.rules.settings.heartbeat.wait_convergence.0;
        if end > cx.now {
            self.enter(cx, At::Converge);
            cx.set_timer(Timer::Stage, end, Weight::Progress);
        } else {
            self.vote(cx, links);
        }
    }

    /// A peer says that it has a model. `round` is that in which it joined, or negative. Who came when the rounds were over
    /// lacks nothing, and votes in none.
    pub(super) fn peer_initialised(&mut self, source: u32, round: i32) {
        self.joiners += usize::from(round != NO_ROUND);
        let over = self.experiment.as_ref().is_some_and(|it| it.rounds as i32 == round);
        let status = Status { done: if over { round - 1 } else { -1 }, joined: round };
        if self.repaired && round == NO_ROUND {
            // The initiator says it twice, and the second may be overtaken by what it says of the first round.
            self.status.entry(source, || status);
        } else {
            self.status.insert(source, status);
        }
    }

    /// When learning started here.
    pub(super) const fn started(&self) -> Time {
        self.started
    }
}
