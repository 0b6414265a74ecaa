//! One message spreads from one node in rounds that all nodes keep in step: in each, nodes call a neighbour drawn evenly,
//! and tell it the rumor (push), ask for it (pull), or whichever of the two they can (push-pull; Karp, Schindelhauer,
//! Shenker and Vöcking 2000, "Randomized Rumor Spreading").
//!
//! Round r begins (r + 1) periods after learning began. What is learnt in a round is passed on from the next one on,
//! also to those who ask. Nobody connects, and nobody waits: a node that has learnt the rumor has finished, and goes on
//! telling it until the run is over or the last round is.

mod kind;
pub mod messages;
pub mod spec;

use super::context::Context;
use super::io::{Expect, Peers, Record, RequestId, Timer, Weight};
use super::links::Links;
use super::machine::{Birth, Fault, Machine};
use super::spec::{Mode, Rumor as Spec, Workflow};
use crate::learning::Model;
use crate::random::Purpose;
use crate::time::{Time, nanos};
use crate::wire::{Message, PeerId, Response};
use messages::{RUMOR, RUMOR_REQUEST};
use rand::RngExt;
use std::sync::Arc;

/// A node's state in the workflow.
#[derive(Debug)]
pub struct Rumor {
    peers: Peers,
    /// It weighs, and nothing else: results ask for one.
    model: Arc<Model>,
    /// The first round in which it may pass the rumor on; nothing as long as it does not know it.
    from: Option<u32>,
    /// How many links it is from the source, as the rumor came.
    hops: u16,
    /// When learning began; nothing before.
    zero: Option<Time>,
    /// The next round in which it calls; the number of rounds if it makes no more calls.
    round: u32,
    over: bool,
}

impl Machine for Rumor {
    /// A node that comes back, or comes late, does not know the rumor, not even the source.
    fn new(cx: &Context, birth: Birth) -> Self {
        let Birth { node, model, start, .. } = birth;
        let knows = spec(cx).is_some_and(|it| it.source == node) && !start.late;
        Self {
            peers: start.neighbours.clone(),
            model,
            from: knows.then_some(0),
            hops: 0,
            zero: None,
            round: 0,
            over: false,
        }
    }

    /// Learning began.
    fn begin(&mut self, cx: &mut Context, _links: &mut Links, zero: Time) {
        if self.zero.is_some() || self.over {
            return;
        }
        cx.record(Record::Started);
        self.zero = Some(zero);
        if self.from == Some(0) {
            cx.record(Record::Finished);
        }
        self.arm(cx);
    }

    /// Learning ends before its time.
    fn stop(&mut self, cx: &mut Context, _links: &mut Links) {
        if !self.over && self.zero.is_some() {
            self.over = true;
            cx.cancel_timer(Timer::Stage);
            if self.from.is_none() {
                cx.record(Record::Stopped);
            }
        }
    }

    fn own(&mut self, cx: &mut Context, from: PeerId, it: &Message, request: Option<RequestId>) -> bool {
        cx.reply(from, request, Response::Empty);
        let Some(it) = it.own() else { return false };
        if it.is(&RUMOR_REQUEST) {
            self.answer(cx, from, it.round);
        }
        it.is(&RUMOR) && self.told(cx, it.round, it.hops)
    }

    fn timer(&mut self, cx: &mut Context, links: &mut Links, _timer: Timer) -> Result<(), Fault> {
        self.tick(cx, links);
        Ok(())
    }

    fn waits_for(&self, _links: &Links) -> String {
        match (self.from, self.zero) {
            (Some(_), _) => "nothing: it has finished".into(),
            (None, None) => "the start of learning".into(),
            (None, Some(_)) => "the rumor".into(),
        }
    }
}

impl Rumor {
    /// A round begins, or the last one has ended.
    fn tick(&mut self, cx: &mut Context, links: &mut Links) {
        let Some(&Spec { mode, rounds, .. }) = spec(cx) else { return };
        if self.over {
            return;
        }
        if self.round >= rounds {
            return self.stop(cx, links);
        }
        let round = self.round;
        self.round += 1;
        cx.record(Record::RoundStarted(round));
        let message = match self.from {
            Some(from) => (mode != Mode::Pull && from <= round).then(|| self.rumor(round as i32)),
            None => (mode != Mode::Push).then(|| RUMOR_REQUEST.say(round as i32, 0, &[])),
        };
        if let (Some(message), false) = (message, self.peers.is_empty()) {
            let mut random = cx.random(links.node(), Purpose::Rumor, round.into());
            let place = random.random_range(0..self.peers.len());
            if let Some((peer, _)) = self.peers.get(place) {
                cx.send(peer, message, Expect::Nothing);
            }
        }
        self.arm(cx);
    }

    fn rumor(&self, round: i32) -> Message {
        RUMOR.say(round, self.hops, &[])
    }

    /// A peer tells the rumor, which had crossed so many links before; whether it is news.
    fn told(&mut self, cx: &mut Context, round: i32, hops: u16) -> bool {
        let Ok(round) = u32::try_from(round) else { return false };
        if self.from.is_some() || self.over {
            return false;
        }
        self.hops = hops.saturating_add(1);
        if let (Some(zero), Some(spec)) = (self.zero, spec(cx)) {
            // It leaves its source as the first round begins.
            cx.taken.spread.push((cx.now.since(tick(zero, 0, spec)), self.hops));
        }
        self.from = Some(round.saturating_add(1));
        // Who only waited for the end has calls to make after all.
        self.round = 0;
        let began = self.zero.and_then(|zero| Some(tick(zero, round, spec(cx)?)));
        cx.record(Record::RoundFinished {
            round,
            took: began.map_or_else(Default::default, |began| cx.now.since(began)),
            model: Arc::clone(&self.model),
            train_set: None,
            trained: false,
        });
        cx.record(Record::Finished);
        self.arm(cx);
        true
    }

    /// A peer asks for the rumor. Who learns it in a round does not tell it in the same one.
    fn answer(&self, cx: &mut Context, peer: PeerId, round: i32) {
        if self.from.is_some_and(|from| i64::from(from) <= i64::from(round)) {
            cx.send(peer, self.rumor(round), Expect::Nothing);
        }
    }

    /// Sets the timer for what the node does next: the next call that it makes, or the end of the last round, when who
    /// has not learnt the rumor gives up.
    fn arm(&mut self, cx: &mut Context) {
        let (Some(zero), Some(spec)) = (self.zero, spec(cx)) else { return };
        let calls = match spec.mode {
            Mode::Push => self.from.is_some(),
            Mode::Pull => self.from.is_none(),
            Mode::PushPull => true,
        };
        // Rounds that have begun are past, but for the one that is being gone through.
        let begun = nanos(cx.now.since(zero)) / nanos(spec.period.0).max(1);
        let next = u32::try_from(begun).unwrap_or(u32::MAX).max(self.round).max(self.from.unwrap_or(0));
        if calls && next < spec.rounds {
            self.round = next;
        } else if self.from.is_none() {
            self.round = spec.rounds;
        } else {
            return cx.cancel_timer(Timer::Stage);
        }
        cx.set_timer(Timer::Stage, tick(zero, self.round, spec), Weight::Progress);
    }
}

/// When a round begins.
fn tick(zero: Time, round: u32, spec: &Spec) -> Time {
    Time::from_nanos(
        zero.as_nanos().saturating_add((u64::from(round) + 1).saturating_mul(nanos(spec.period.0))),
    )
}

fn spec<'a>(cx: &Context<'a>) -> Option<&'a Spec> {
    if let Workflow::Rumor(spec) = &cx.rules.workflow { Some(spec) } else { None }
}
