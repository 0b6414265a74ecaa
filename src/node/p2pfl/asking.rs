//! Asking for models (`workflow.dissemination`: `pull`, `push_pull`). P2PFL says already who has what, to everyone:
//! `model_initialized`, `models_aggregated`, `models_ready`. A node that lacks what a peer says it has asks it with
//! `get_model`, one peer at a time for each thing that it lacks, and other peers when that one does not have it after
//! all. What the asked do is in `giving`.

use super::{At, P2pfl};
use crate::node::context::Context;
use crate::node::io::{Expect, RequestId, Timer, Weight};
use crate::node::links::Links;
use crate::random::Purpose;
use crate::time::Time;
use crate::wire::{Announcement, Command, GossipBody, Message, PeerId, Response};
use rand::RngExt;
use std::sync::Arc;

/// What a node has asked for.
#[derive(Debug, Default)]
pub struct Asking {
    under_way: Vec<Ask>,
    /// Who did not have what it was asked for, and since when: it is not asked again for a while.
    refused: Vec<(PeerId, Command, Time)>,
    /// Draws of whom to ask: the counter of their stream.
    draws: u64,
    /// Since when nothing has been asked for that is lacking.
    idle: Time,
}

#[derive(Debug)]
struct Ask {
    peer: PeerId,
    request: RequestId,
    what: Arc<Announcement>,
    since: Time,
}

impl Asking {
    /// Whether a model, or part of it, is asked for.
    pub fn covers(&self, it: &Announcement) -> bool {
        let common = |what: &Announcement| {
            it.contributors.is_empty() || it.contributors.iter().any(|peer| what.contributors.contains(peer))
        };
        self.under_way.iter().any(|ask| ask.what.follows == it.follows && common(&ask.what))
    }

    /// Whether a peer was asked for a model of this kind and round.
    pub fn asks_of(&self, peer: PeerId, command: Command, round: i32) -> bool {
        self.under_way
            .iter()
            .any(|ask| (ask.peer, ask.what.follows, ask.what.round) == (peer, command, round))
    }

    fn asks(&self, command: Command) -> bool {
        self.under_way.iter().any(|ask| ask.what.follows == command)
    }

    /// Expects nothing from a peer any longer: of one kind of model, or of all.
    pub fn forget(&mut self, peer: PeerId, command: Option<Command>) {
        self.under_way.retain(|ask| ask.peer != peer || command.is_some_and(|it| it != ask.what.follows));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.under_way, self.refused) = Default::default();
    }
}

impl P2pfl {
    /// A peer says that it has something: perhaps what this node lacks, perhaps what lets it go on.
    pub(super) fn heard(&mut self, cx: &mut Context, links: &mut Links, peer: PeerId, body: &GossipBody) {
        if !self.dissemination.pulls() || self.experiment.is_none() {
            return;
        }
        let concerns = match body {
            GossipBody::ModelsAggregated(_) => self.train_set.contains(&peer),
            GossipBody::ModelInitialized | GossipBody::ModelsReady | GossipBody::StartLearning(_) => {
                links.neighbours.is_direct(peer)
            }
            _ => false,
        };
        if concerns {
            self.look_round(cx, links);
        }
    }

    /// Something has changed: asks for what is still lacking, and sees whether others lack anything.
    pub(super) fn look_round(&mut self, cx: &mut Context, links: &mut Links) {
        if self.dissemination.pulls() {
            self.pull(cx, links);
            self.end_of_spreading(cx, links);
        }
    }

    /// Who says once more that it has what it was asked for a while ago has given up sending it: it got lost on its way.
    /// This has to be seen before what is said is noted.
    pub(super) fn announced_anew(&mut self, cx: &Context, peer: PeerId, round: i32, body: &GossipBody) {
        if !self.dissemination.pulls() {
            return;
        }
        let command = match body {
            GossipBody::ModelInitialized | GossipBody::StartLearning(_) => Command::InitModel,
            GossipBody::ModelsReady => Command::AddModel,
            // More than it said before is news, and what was asked for may be on its way.
            GossipBody::ModelsAggregated(held)
                if round == self.round as i32
                    && self.held_by.get(peer).is_some_and(|it| held.iter().all(|peer| it.contains(peer))) =>
            {
                Command::PartialModel
            }
            _ => return,
        };
        let while_ = cx.rules.settings.gossip.models_period.0;
        let old =
            |ask: &Ask| (ask.peer, ask.what.follows) == (peer, command) && cx.now.since(ask.since) >= while_;
        self.asking.under_way.retain(|ask| !old(ask));
        self.asking.refused.retain(|it| (it.0, it.1) != (peer, command));
    }

    /// A model has come: what was asked of its sender is answered, if only by what makes it needless.
    pub(super) fn arrived(&mut self, from: PeerId, command: Command) {
        self.asking.forget(from, (command == Command::PartialModel).then_some(command));
    }

    /// Asks for what is lacking and not asked for, of those who are known to have it.
    pub(super) fn pull(&mut self, cx: &mut Context, links: &mut Links) {
        if !self.dissemination.pulls() {
            return;
        }
        self.drop_what_is_past(cx);
        match self.at {
            At::AwaitModel => self.pull_whole(cx, links, Command::InitModel),
            At::Vote | At::Wait => self.pull_whole(cx, links, Command::AddModel),
            At::Swap | At::Collect if !self.aggregator.complete() => {
                self.pull_contributions(cx, links);
                if !self.asking.asks(Command::PartialModel) {
                    self.pull_whole(cx, links, Command::AddModel);
                }
            }
            _ => return cx.cancel_timer(Timer::Pull),
        }
        self.arm_pull(cx);
    }

    /// Forgets what was asked for and is not lacking any longer, and what should have come by now.
    fn drop_what_is_past(&mut self, cx: &Context) {
        let patience = cx.rules.settings.gossip.mode_expectation_timeout.0;
        let pause = cx.rules.settings.gossip.models_period.0;
        let mut under_way = std::mem::take(&mut self.asking.under_way);
        under_way.retain(|ask| {
            let lacking = match ask.what.follows {
                Command::InitModel => self.at == At::AwaitModel,
                Command::AddModel => self.takes_aggregate(ask.what.round.max(self.round as i32)),
                _ => ask.what.round == self.round as i32 && matches!(self.at, At::Swap | At::Collect),
            };
            lacking && cx.now.since(ask.since) < patience
        });
        self.asking.under_way = under_way;
        self.asking.refused.retain(|it| cx.now.since(it.2) < pause);
        self.announced.expire(cx.now, patience);
    }

    /// Asks a direct neighbour for the first model, or for the aggregate.
    fn pull_whole(&mut self, cx: &mut Context, links: &mut Links, command: Command) {
        let round = self.round as i32;
        let named = Announcement { follows: command, round, contributors: Arc::from([]) };
        if self.asking.asks(command) || self.announced.expects_any(command) {
            return;
        }
        let has = |peer: PeerId| {
            let done = self.status.get(peer).map(|it| it.done);
            done.is_some_and(|done| command == Command::InitModel || done >= round)
        };
        let free = |peer: PeerId| !self.asking.refused.iter().any(|it| (it.0, it.1) == (peer, command));
        let direct = Arc::clone(links.neighbours.direct());
        let mut holders: Vec<PeerId> = direct.iter().copied().filter(|&it| has(it) && free(it)).collect();
        // Of its own accord a node asks anyone, if it has heard nothing for as long as a pusher would have paused.
        let pause = cx.rules.settings.gossip.models_period.0;
        if holders.is_empty() && self.asks_of_its_own_accord() && cx.now.since(self.idle_since()) >= pause {
            holders = direct.iter().copied().filter(|&it| free(it)).collect();
        }
        if let Some(peer) = self.draw(cx, links, &holders) {
            self.ask(cx, links, peer, named);
        }
    }

    /// Asks members of the train set for contributions: first who has most of what is lacking.
    fn pull_contributions(&mut self, cx: &mut Context, links: &mut Links) {
        let round = self.round as i32;
        let of = |contributors: &[PeerId]| Announcement {
            follows: Command::PartialModel,
            round,
            contributors: Arc::from(contributors),
        };
        let mut wanted: Vec<PeerId> = self.aggregator.missing().collect();
        wanted.retain(|&it| !self.asking.covers(&of(&[it])) && !self.announced.expects(&of(&[it])));
        while !wanted.is_empty() {
            let free = |peer: PeerId| {
                !self.asking.refused.iter().any(|it| (it.0, it.1) == (peer, Command::PartialModel))
                    && !self.asking.under_way.iter().any(|ask| ask.peer == peer)
            };
            let has = |peer: PeerId| {
                let held = self.held_by.get(peer).map_or(&[][..], |held| held.as_slice());
                held.iter().filter(|it| wanted.contains(it)).count()
            };
            let members = self.train_set.iter().copied();
            let known = members.filter(|&it| it != links.node() && links.neighbours.knows(it) && free(it));
            let holders: Vec<(PeerId, usize)> = known.map(|it| (it, has(it))).filter(|it| it.1 > 0).collect();
            let most = holders.iter().map(|it| it.1).max().unwrap_or(0);
            let best: Vec<PeerId> = holders.iter().filter(|it| it.1 == most).map(|it| it.0).collect();
            let Some(peer) = self.draw(cx, links, &best) else { return };
            let held = self.held_by.get(peer).map_or(&[][..], |held| held.as_slice());
            let (asked, rest): (Vec<PeerId>, Vec<PeerId>) = wanted.iter().partition(|it| held.contains(it));
            wanted = rest;
            self.ask(cx, links, peer, of(&asked));
        }
    }

    /// One of several that have a model.
    fn draw(&mut self, cx: &Context, links: &Links, holders: &[PeerId]) -> Option<PeerId> {
        if let [] | [_] = holders {
            return holders.first().copied();
        }
        self.asking.draws += 1;
        let mut random = cx.random(links.node(), Purpose::Holder, self.asking.draws);
        Some(holders[random.random_range(0..holders.len())])
    }

    fn ask(&mut self, cx: &mut Context, links: &mut Links, peer: PeerId, what: Announcement) {
        let (request, what) = (links.request(), Arc::new(what));
        cx.send(peer, Message::GetModel(Arc::clone(&what)), Expect::Response(request));
        self.asking.idle = cx.now;
        self.asking.under_way.push(Ask { peer, request, what, since: cx.now });
    }

    /// Looks again when something asked for should have come, or somebody may be asked again. This alone moves no node
    /// on, and every stage that lacks something ends by itself.
    fn arm_pull(&mut self, cx: &mut Context) {
        let gossip = &cx.rules.settings.gossip;
        let patience = gossip.mode_expectation_timeout.0;
        let late = self.asking.under_way.iter().map(|ask| ask.since + patience).min();
        let free = self.asking.refused.iter().map(|it| it.2 + gossip.models_period.0).min();
        let accord = (self.asks_of_its_own_accord() && self.asking.under_way.is_empty())
            .then(|| (self.idle_since() + gossip.models_period.0).max(cx.now + gossip.period.0));
        match [late, free, accord].into_iter().flatten().min() {
            Some(at) => cx.set_timer(Timer::Pull, at, Weight::Background),
            None => cx.cancel_timer(Timer::Pull),
        }
    }

    /// Whether the node asks although nobody has said that it has what is lacking.
    fn asks_of_its_own_accord(&self) -> bool {
        self.dissemination.pushes() && matches!(self.at, At::AwaitModel | At::Wait)
    }

    /// Since when it has lacked something and not asked.
    fn idle_since(&self) -> Time {
        self.asking.idle.max(self.entered)
    }

    /// Who was asked answers: the model follows, or it does not; false if the request was another.
    pub(super) fn ask_answered(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        request: RequestId,
        response: &Response,
    ) -> bool {
        let Some(i) = self.asking.under_way.iter().position(|ask| ask.request == request) else {
            return false;
        };
        if *response != Response::Wanted(true) {
            let ask = self.asking.under_way.swap_remove(i);
            self.asking.refused.push((ask.peer, ask.what.follows, cx.now));
            self.pull(cx, links);
        }
        true
    }
}
