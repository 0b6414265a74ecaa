//! Giving models to those who ask for them: as many at the same time as `gossip.models_per_round` says, the others
//! after them in the order in which they asked. So a node with many neighbours does not send all of them a model at
//! once, of which the last would come too late for its call.

use super::P2pfl;
use super::aggregator::{Contribution, in_one_message, union};
use super::{At, sending::Spread};
use crate::node::context::Context;
use crate::node::io::{Expect, Job, JobId, RequestId};
use crate::node::links::Links;
use crate::wire::{Announcement, Command, GossipBody, Message, NO_ROUND, PeerId, Response, Weights};
use std::collections::VecDeque;
use std::sync::Arc;

/// Who is given something, and who waits for it.
#[derive(Debug, Default)]
pub struct Giving {
    waiting: VecDeque<(PeerId, Arc<Announcement>)>,
    under_way: Vec<(PeerId, Arc<Announcement>, Step)>,
}

#[derive(Debug)]
enum Step {
    /// The model is being averaged.
    Averaging { job: JobId, parts: Vec<Contribution> },
    /// On its way.
    Sent { request: RequestId },
}

impl Giving {
    /// Whether a peer is given something, or waits for it.
    pub fn concerns(&self, peer: PeerId) -> bool {
        self.all().any(|(it, _)| it == peer)
    }

    fn all(&self) -> impl Iterator<Item = (PeerId, &Announcement)> {
        let waiting = self.waiting.iter().map(|(peer, what)| (*peer, &**what));
        waiting.chain(self.under_way.iter().map(|(peer, what, _)| (*peer, &**what)))
    }

    /// Gives a peer nothing more.
    pub fn forget(&mut self, peer: PeerId) {
        self.waiting.retain(|it| it.0 != peer);
        self.under_way.retain(|it| it.0 != peer);
    }

    /// Gives nothing to anybody.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

impl P2pfl {
    /// A peer asks for a model; whether it will get it.
    pub fn asked_for(&mut self, links: &Links, from: PeerId, it: &Arc<Announcement>) -> bool {
        if !self.dissemination.pulls() || !self.can_give(links, from, it) {
            return false;
        }
        // One that asks again has not heard the answer; what it asked for is still on its way.
        if !self.giving.all().any(|(peer, what)| peer == from && what.follows == it.follows) {
            self.giving.waiting.push_back((from, Arc::clone(it)));
        }
        true
    }

    fn can_give(&self, links: &Links, to: PeerId, it: &Announcement) -> bool {
        match it.follows {
            Command::InitModel => links.neighbours.is_direct(to) && self.first_given().is_some(),
            Command::AddModel => {
                links.neighbours.is_direct(to) && self.holds.is_some_and(|round| round >= it.round)
            }
            Command::PartialModel => links.neighbours.knows(to) && !self.parts_given(it).is_empty(),
            _ => false,
        }
    }

    /// The round that a first model would be of: who takes it in a later round than the first is a latecomer.
    fn first_given(&self) -> Option<i32> {
        match (&self.experiment, &self.past) {
            (Some(_), _) if self.at == At::AwaitModel => None,
            (Some(_), _) => Some(self.round as i32),
            (None, past) => past.as_ref().map(|it| it.rounds as i32),
        }
    }

    /// The contributions that are held and asked for.
    fn parts_given(&self, it: &Announcement) -> Vec<Contribution> {
        if it.round != self.round as i32
            || !matches!(self.at, At::Swap | At::Collect | At::Combine(_) | At::Diffuse)
        {
            return Vec::new();
        }
        self.aggregator.within(&it.contributors)
    }

    /// Gives to those whose turn it is.
    pub fn give(&mut self, cx: &mut Context, links: &mut Links) {
        let most = cx.rules.settings.gossip.models_per_round as usize;
        while self.giving.under_way.len() < most
            && let Some((peer, what)) = self.giving.waiting.pop_front()
        {
            // What was asked for may be gone by now, and what came of it be there.
            let weights = match what.follows {
                Command::PartialModel => {
                    let parts = in_one_message(cx.rules, self.parts_given(&what));
                    if parts.len() > 1 && self.partial(&parts).is_none() {
                        let job = self.next_job();
                        cx.start_job(job, Job::Aggregate(self.mixture(&parts, None)));
                        self.giving.under_way.push((peer, what, Step::Averaging { job, parts }));
                        continue;
                    }
                    if parts.is_empty() { self.aggregate_body(&what) } else { self.partial(&parts) }
                }
                Command::AddModel => self.aggregate_body(&what),
                _ => self.first_body(cx, links, peer, &what),
            };
            if let Some(weights) = weights {
                self.hand_over(cx, links, peer, what, weights);
            }
        }
    }

    fn first_body(
        &self,
        cx: &mut Context,
        links: &mut Links,
        peer: PeerId,
        what: &Announcement,
    ) -> Option<Arc<Weights>> {
        let round = self.first_given()?;
        if round > what.round
            && let Some(experiment) = self.experiment.as_ref().or(self.past.as_ref())
        {
            // Learning has passed it by: it has to know that it joins late.
            let start = GossipBody::StartLearning(Arc::clone(experiment));
            links.flood(cx).whisper(cx, peer, round, start);
        }
        Some(self.whole(Command::InitModel, round))
    }

    fn aggregate_body(&self, what: &Announcement) -> Option<Arc<Weights>> {
        let round = self.holds.filter(|round| *round >= what.round)?;
        Some(self.whole(Command::AddModel, round))
    }

    fn whole(&self, command: Command, round: i32) -> Arc<Weights> {
        let model = Arc::clone(&self.model);
        Arc::new(Weights { command, round, contributors: Arc::from([]), samples: 1, model })
    }

    fn hand_over(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        peer: PeerId,
        what: Arc<Announcement>,
        weights: Arc<Weights>,
    ) {
        let request = links.request();
        cx.send(peer, Message::Weights(weights), Expect::Response(request));
        self.giving.under_way.push((peer, what, Step::Sent { request }));
    }

    /// The average for somebody who asked is there; false if the job was for something else.
    pub(super) fn averaged_to_give(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        id: JobId,
        model: &Arc<crate::learning::Model>,
    ) -> bool {
        let mine =
            |it: &(PeerId, Arc<Announcement>, Step)| matches!(it.2, Step::Averaging { job, .. } if job == id);
        let Some(i) = self.giving.under_way.iter().position(mine) else { return false };
        let (peer, what, step) = self.giving.under_way.swap_remove(i);
        if let Step::Averaging { parts, .. } = step {
            let (contributors, samples) = union(&parts);
            let model = Arc::clone(model);
            self.partials.push(Contribution { from: links.node(), contributors, samples, model });
            if let Some(weights) = self.partial(&parts) {
                self.hand_over(cx, links, peer, what, weights);
            }
        }
        true
    }

    /// Who was given a model has it, or has not: then it is told anew that the model is here. False if the request was
    /// another.
    pub(super) fn gift_answered(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        id: RequestId,
        response: &Response,
    ) -> bool {
        let mine =
            |it: &(PeerId, Arc<Announcement>, Step)| matches!(it.2, Step::Sent { request } if request == id);
        let Some(i) = self.giving.under_way.iter().position(mine) else { return false };
        let (peer, what, _) = self.giving.under_way.swap_remove(i);
        if *response == Response::Timeout {
            let spread = match what.follows {
                Command::InitModel => Spread::First,
                Command::PartialModel => Spread::Contributions,
                _ => Spread::Aggregate,
            };
            self.say_again(cx, links, peer, spread);
        }
        self.give(cx, links);
        true
    }

    /// Tells a peer that seems to lack a model that it is here: it did not hear it, or what it asked for got lost.
    pub(super) fn say_again(&self, cx: &mut Context, links: &mut Links, peer: PeerId, spread: Spread) {
        let flood = links.flood(cx);
        match spread {
            Spread::First => {
                if let Some(experiment) = &self.experiment {
                    let start = GossipBody::StartLearning(Arc::clone(experiment));
                    flood.whisper(cx, peer, NO_ROUND, start);
                    flood.whisper(cx, peer, NO_ROUND, GossipBody::ModelInitialized);
                }
            }
            Spread::Contributions => {
                let round = self.round as i32;
                flood.whisper(cx, peer, round, GossipBody::ModelsAggregated(self.aggregator.held()));
            }
            Spread::Aggregate => {
                if let Some(round) = self.holds {
                    flood.whisper(cx, peer, round, GossipBody::ModelsReady);
                }
            }
        }
    }
}
