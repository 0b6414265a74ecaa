//! Latecomers. P2PFL has no way in once learning has begun: a node that joins or restarts then idles, and every vote
//! waits for it until the timeout. In `repaired` a neighbour tells it where learning stands and gives it its model;
//! it waits for the aggregate of that round, and votes from the next one on. So it does for a neighbour that never
//! heard of the start, or got no model in time. When all is over, it still gives newcomers the model, and whoever got it so
//! late hands it on: behind it there may be nodes that nobody else could tell.

use super::{At, Outcome, P2pfl, Status};
use crate::node::context::Context;
use crate::node::io::{Expect, Record, RequestId, Timer, Weight};
use crate::node::links::Links;
use crate::node::peer_map::PeerMap;
use crate::wire::{
    Announcement, Command, Experiment, GossipBody, Message, NO_ROUND, PeerId, Response, Weights,
};
use std::sync::Arc;

/// How often a node that has finished tells its neighbours so before it leaves those alone that do not answer: even if half
/// of all messages get lost, one of ten thousand neighbours is not reached.
const TELLINGS: u32 = 32;

/// Newcomers that are being given the model.
#[derive(Debug, Default)]
pub struct Welcome {
    /// The request that is under way to each, and what follows it.
    given: Vec<(RequestId, PeerId, Option<Arc<Weights>>)>,
    /// How often those that do not answer have been told since the last neighbour came.
    told: u32,
}

impl P2pfl {
    /// A neighbour has connected while learning is under way.
    pub(super) fn newcomer(&mut self, cx: &mut Context, links: &mut Links, peer: PeerId) {
        self.status.remove(peer);
        let (experiment, round) = match (&self.experiment, &self.past) {
            // It will be offered the first model with the others.
            (Some(_), _) if self.at == At::AwaitModel => return,
            (Some(experiment), _) => (experiment, self.round as i32),
            (None, Some(past)) => (past, past.rounds as i32),
            (None, None) => return,
        };
        links.flood(cx).whisper(cx, peer, round, GossipBody::StartLearning(Arc::clone(experiment)));
        if !self.dissemination.pushes() {
            // It will ask.
            return;
        }
        let announcement = Announcement { follows: Command::InitModel, round, contributors: Arc::from([]) };
        let weights = Arc::new(Weights {
            command: Command::InitModel,
            round,
            contributors: Arc::from([]),
            samples: 1,
            model: Arc::clone(&self.model),
        });
        let request = links.request();
        cx.send(peer, Message::Announce(announcement), Expect::Response(request));
        self.welcome.given.push((request, peer, Some(weights)));
    }

    /// A newcomer answered; false if the request was another.
    pub(super) fn welcome_answered(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        request: RequestId,
        response: &Response,
    ) -> bool {
        let given = &mut self.welcome.given;
        let Some(i) = given.iter().position(|(id, ..)| *id == request) else { return false };
        let (_, peer, weights) = given.swap_remove(i);
        if let Some(weights) = weights.filter(|_| *response == Response::Wanted(true)) {
            if self.outcome == Some(Outcome::Finished) {
                // It has heard, and must not be told again: a peer of P2PFL would start learning each time.
                self.status.insert(peer, Status { done: weights.round - 1, joined: weights.round });
            }
            let request = links.request();
            cx.send(peer, Message::Weights(weights), Expect::Response(request));
            self.welcome.given.push((request, peer, None));
        }
        true
    }

    /// Learning is announced. A round in the announcement comes from a neighbour that welcomes a newcomer.
    pub(super) fn told_to_start(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        source: PeerId,
        experiment: &Arc<Experiment>,
        round: i32,
    ) {
        if self.outcome.is_some() {
            if self.repaired && round != NO_ROUND && links.neighbours.is_direct(source) {
                self.say_it_has_all(cx, links, source);
            }
            return;
        }
        let joins = u32::try_from(round).ok().filter(|&round| self.repaired && round <= experiment.rounds);
        match joins {
            None => {
                // Learning begins, perhaps anew: whoever hears of it takes part from the beginning.
                self.late &= self.experiment.is_some();
                self.begin(cx, links, Arc::clone(experiment), 0);
            }
            Some(round) if self.at == At::Idle => {
                self.late = true;
                self.begin(cx, links, Arc::clone(experiment), round);
            }
            // It was told before, but the first model never came, and by now the others have gone on.
            Some(round) if self.at == At::AwaitModel => {
                self.late = true;
                self.round = round;
            }
            // For the neighbour all is over, and it would tell this node time and again.
            Some(round) if round == experiment.rounds => self.say_it_has_all(cx, links, source),
            Some(_) => {}
        }
        if joins.is_some() && self.late && self.at == At::AwaitModel && !self.dissemination.pushes() {
            // Who says so has gone through the rounds before, and has a model.
            self.status.entry(source, || Status { done: round - 1, joined: NO_ROUND });
        }
    }

    /// A newcomer gets its first model; false if the node is none.
    pub(super) fn late_first(&mut self, cx: &mut Context, links: &mut Links, weights: &Weights) -> bool {
        if !(self.repaired && self.late && self.at == At::AwaitModel) {
            return false;
        }
        if let Some(round) = u32::try_from(weights.round).ok().filter(|&round| round >= self.round) {
            self.model = Arc::clone(&weights.model);
            self.join(cx, links, round);
        }
        true
    }

    /// Joins in a round: its aggregate is still to come. After the last round, the node has come too late for more
    /// than the model.
    pub(super) fn join(&mut self, cx: &mut Context, links: &mut Links, round: u32) {
        self.round = round;
        if self.experiment.as_ref().is_some_and(|it| round >= it.rounds) {
            let direct = Arc::clone(links.neighbours.direct());
            direct.iter().for_each(|&peer| self.say_it_has_all(cx, links, peer));
            return self.finish(cx, links);
        }
        self.round_began = cx.now;
        self.voted = false;
        self.trained = false;
        cx.record(Record::RoundStarted(round));
        links.broadcast(cx, round as i32, GossipBody::ModelInitialized);
        self.wait(cx, links);
    }

    /// Welcomes direct neighbours that have never said that they have a model: learning has passed them by.
    pub(super) fn welcome_strangers(&mut self, cx: &mut Context, links: &mut Links) {
        let direct = Arc::clone(links.neighbours.direct());
        for &peer in direct.iter().filter(|&&peer| !self.status.contains(peer)).collect::<Vec<_>>() {
            self.newcomer(cx, links, peer);
        }
    }

    /// The rounds are over here: direct neighbours of which nothing is known are told, as they may have come too late for
    /// anybody else to tell them.
    pub(super) fn hand_on(&mut self, cx: &mut Context, links: &mut Links, known: PeerMap<Status>) {
        for &peer in links.neighbours.direct().iter() {
            if let Some(&status) = known.get(peer) {
                self.status.insert(peer, status);
            }
        }
        self.welcome_strangers(cx, links);
        self.hand_on_later(cx, links);
    }

    /// A message may have got lost on its way there or back.
    pub(super) fn hand_on_again(&mut self, cx: &mut Context, links: &mut Links) {
        if self.outcome == Some(Outcome::Finished) && self.past.is_some() {
            self.welcome.told += 1;
            self.welcome_strangers(cx, links);
            self.hand_on_later(cx, links);
        }
    }

    fn hand_on_later(&mut self, cx: &mut Context, links: &Links) {
        let strangers = links.neighbours.direct().iter().any(|&peer| !self.status.contains(peer));
        if strangers && self.welcome.told < TELLINGS {
            let period = cx.rules.settings.heartbeat.period.0;
            cx.set_timer(Timer::Stage, cx.now + period, Weight::Progress);
        }
    }

    /// A neighbour has connected when the rounds were over: it has as many tries as those before it.
    pub(super) fn welcome_late(&mut self, cx: &mut Context, links: &Links) {
        if self.outcome == Some(Outcome::Finished) && self.past.is_some() {
            self.welcome.told = 0;
            self.hand_on_later(cx, links);
        }
    }

    /// Tells a neighbour that has finished that this node needs nothing of it.
    fn say_it_has_all(&mut self, cx: &mut Context, links: &mut Links, peer: PeerId) {
        let rounds = self.experiment.as_ref().or(self.past.as_ref()).map_or(0, |it| it.rounds as i32);
        links.flood(cx).whisper(cx, peer, rounds, GossipBody::ModelInitialized);
    }

    /// The network is rounds ahead: the node goes where it is.
    pub(super) fn skip_to(&mut self, cx: &mut Context, round: u32) {
        self.round = round;
        self.round_began = cx.now;
        self.voted = false;
        self.trained = false;
        self.train_set = Arc::from([]);
        self.aggregator.clear();
        self.partials.clear();
        self.held_by.clear();
        self.next_held_by.clear();
        self.votes.clear();
        self.next_votes.clear();
        cx.record(Record::RoundStarted(round));
    }
}
