//! Latecomers. P2PFL has no way in once learning has begun: a node that joins or restarts then idles, and every vote
//! waits for it until the timeout. In `repaired` a neighbour tells it where learning stands and gives it its model;
//! it waits for the aggregate of that round, and votes from the next one on.

use super::{At, P2pfl};
use crate::node::context::Context;
use crate::node::io::{Expect, Record, RequestId};
use crate::node::links::Links;
use crate::wire::{
    Announcement, Command, Experiment, GossipBody, Message, NO_ROUND, PeerId, Response, Weights,
};
use std::sync::Arc;

/// Newcomers that are being given the model: the request that is under way to each, and what follows it.
#[derive(Debug, Default)]
pub struct Welcome(Vec<(RequestId, PeerId, Option<Arc<Weights>>)>);

impl P2pfl {
    /// A neighbour has connected while learning is under way.
    pub(super) fn newcomer(&mut self, cx: &mut Context, links: &mut Links, peer: PeerId) {
        self.status.remove(peer);
        let Some(experiment) = &self.experiment else { return };
        if matches!(self.at, At::Idle | At::AwaitModel | At::Last(_)) {
            return;
        }
        let round = self.round as i32;
        links.flood.whisper(cx, peer, round, GossipBody::StartLearning(Arc::clone(experiment)));
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
        self.welcome.0.push((request, peer, Some(weights)));
    }

    /// A newcomer answered; false if the request was another.
    pub(super) fn welcome_answered(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        request: RequestId,
        response: &Response,
    ) -> bool {
        let Some(i) = self.welcome.0.iter().position(|(id, ..)| *id == request) else { return false };
        let (_, peer, weights) = self.welcome.0.swap_remove(i);
        if let Some(weights) = weights.filter(|_| *response == Response::Wanted(true)) {
            let request = links.request();
            cx.send(peer, Message::Weights(weights), Expect::Response(request));
            self.welcome.0.push((request, peer, None));
        }
        true
    }

    /// Learning is announced. A round in the announcement comes from a neighbour that welcomes a newcomer.
    pub(super) fn told_to_start(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        experiment: &Arc<Experiment>,
        round: i32,
    ) {
        if self.outcome.is_some() {
            return;
        }
        if round == NO_ROUND {
            self.begin(cx, links, Arc::clone(experiment), 0);
        } else if self.repaired && self.late {
            self.begin(cx, links, Arc::clone(experiment), round.unsigned_abs());
        }
    }

    /// A newcomer gets its first model; false if the node is none.
    pub(super) fn late_first(&mut self, cx: &mut Context, links: &mut Links, weights: &Weights) -> bool {
        if !(self.repaired && self.late && self.at == At::AwaitModel) {
            return false;
        }
        if weights.round >= self.round as i32 {
            self.model = Arc::clone(&weights.model);
            self.round = weights.round as u32;
            self.round_began = cx.now;
            self.voted = false;
            self.trained = false;
            cx.record(Record::RoundStarted(self.round));
            links.broadcast(cx, weights.round, GossipBody::ModelInitialized);
            self.wait(cx);
        }
        true
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
