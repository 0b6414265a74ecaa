//! What arrives at a node, and what it does with it.

use super::aggregator::Contribution;
use super::{At, Fault, P2pfl};
use crate::node::context::{Context, Starter};
use crate::node::io::{Record, Uninvited};
use crate::node::links::Links;
use crate::wire::{Announcement, Command, Gossip, GossipBody, NO_ROUND, PeerId, Weights};
use std::sync::Arc;

/// What P2PFL answers to `stop_learning` while it is not learning.
const NOT_LEARNING: &str = "Error while processing command: stop_learning. KeyError: not learning";

/// What a peer outside is answered that starts learning in a run that does so itself.
const STARTS_ITSELF: &str =
    "Error while processing command: start_learning. ValueError: this network starts by itself";

/// A peer outside names no more, however many are to train: it may have said that number itself.
const MOST_NAMED: usize = 1 << 12;

/// What a peer outside is answered that names more peers than can have trained.
const TOO_MANY: &str = "ValueError: that is more peers than train in a round";

impl P2pfl {
    /// Takes a gossip message. One that fails is not passed on.
    pub fn gossip(&mut self, cx: &mut Context, links: &mut Links, gossip: &Gossip) -> Result<(), Arc<str>> {
        let (source, round) = (gossip.source, gossip.round);
        self.announced_anew(cx, source, round, &gossip.body);
        match &gossip.body {
            GossipBody::Beat(at) => links.beat(cx, source, *at),
            GossipBody::StartLearning(_) if !self.may_start(cx, links, source, round) => {
                cx.record(Record::Uninvited(Uninvited::Start));
                return Err(Arc::from(STARTS_ITSELF));
            }
            GossipBody::Vote(_) | GossipBody::ModelsAggregated(_)
                if cx.rules.is_outside(source) && self.names_too_many(source, round, &gossip.body) =>
            {
                cx.record(Record::Uninvited(Uninvited::Names));
                return Err(Arc::from(TOO_MANY));
            }
            GossipBody::StartLearning(experiment) => self.told_to_start(cx, links, source, experiment, round),
            GossipBody::StopLearning => {
                if self.experiment.is_some() {
                    self.stopped(cx);
                } else if !self.repaired {
                    return Err(Arc::from(NOT_LEARNING));
                }
            }
            GossipBody::ModelInitialized => self.peer_initialised(source, round),
            GossipBody::Vote(votes) => self.take_vote(cx, links, source, round, votes),
            GossipBody::ModelsAggregated(held) => self.take_held(source, round, held),
            GossipBody::ModelsReady => self.peer_ready(source, round),
            GossipBody::Metrics(_) => {}
        }
        self.heard(cx, links, source, &gossip.body);
        Ok(())
    }

    /// Whether a vote, or all that a peer says it holds, has more names than may train.
    fn names_too_many(&self, source: PeerId, round: i32, body: &GossipBody) -> bool {
        let most = self.trainset_size().min(MOST_NAMED);
        match body {
            GossipBody::Vote(votes) => votes.len() > most,
            GossipBody::ModelsAggregated(held) => {
                let map = if round == self.round as i32 { &self.held_by } else { &self.next_held_by };
                let before = map.get(source).map_or(&[][..], Vec::as_slice);
                // They are kept in order.
                let new = held.iter().filter(|it| before.binary_search(it).is_err()).count();
                before.len() + new > most
            }
            _ => false,
        }
    }

    /// Whether it is for a peer to say that learning starts. Where the run says so itself, a peer outside only lets in whoever
    /// has come late.
    fn may_start(&self, cx: &Context, links: &Links, source: PeerId, round: i32) -> bool {
        let lets_in =
            || self.repaired && self.late && round != NO_ROUND && links.neighbours.is_direct(source);
        !cx.rules.is_outside(source) || cx.rules.starter == Starter::Outside || lets_in()
    }

    /// Whether an announced model is wanted.
    pub fn wanted(&mut self, cx: &mut Context, links: &Links, from: PeerId, it: &Announcement) -> bool {
        if self.repaired && (!self.useful(it) || self.asking.covers(it)) {
            return false;
        }
        if self.repaired && cx.rules.is_outside(from) && !self.is_at_hand(it.follows, it.round) {
            return false;
        }
        let timeout = cx.rules.settings.gossip.mode_expectation_timeout.0;
        if self.repaired {
            // Who announces anew has given up what it announced before: it got lost on its way.
            self.announced.forget(from, Some(it.follows));
            return self.announced.expect(from, it, cx.now, timeout);
        }
        // An announcement of what is expected already is refused first, but both refusals look alike.
        let covered = it.follows == Command::AddModel && self.covered(links);
        !covered && self.announced.expect(from, it, cx.now, timeout)
    }

    /// Whether the node trains and exactly the train set's contributions are said to be somewhere. P2PFL looks for
    /// them anywhere, not whether the node itself holds them.
    fn covered(&self, links: &Links) -> bool {
        let mut said = self.held_by.iter().flat_map(|(_, held)| held);
        self.train_set.contains(&links.node())
            && said.all(|peer| self.train_set.contains(peer))
            && self.train_set.iter().all(|member| self.held_by.iter().any(|(_, held)| held.contains(member)))
    }

    /// Whether the model would be taken if it came now. P2PFL says yes to all, drops what it cannot use when it
    /// comes, and refuses to hear of it again for `gossip.mode_expectation_timeout`.
    fn useful(&self, it: &Announcement) -> bool {
        if self.experiment.is_none() {
            return false;
        }
        match it.follows {
            Command::InitModel => self.at == At::AwaitModel && it.round >= self.round as i32,
            Command::PartialModel => {
                let held = |peer: &PeerId| self.aggregator.contributors().any(|it| it == *peer);
                it.round == self.round as i32
                    && self.swapping()
                    && !it.contributors.is_empty()
                    && !it.contributors.iter().any(held)
            }
            Command::AddModel => self.takes_aggregate(it.round),
            _ => false,
        }
    }

    /// Whether contributions can be used now, or when the vote is over.
    fn swapping(&self) -> bool {
        matches!(self.at, At::Vote | At::Evaluate(_) | At::Fit(_) | At::Swap | At::Collect)
    }

    /// Whether `repaired` takes an aggregate of a round: that of its own round while it votes, waits, or lacks
    /// contributions, and that of any later one.
    pub(super) fn takes_aggregate(&self, round: i32) -> bool {
        let lacks = match self.at {
            At::Vote | At::Wait => true,
            At::Swap | At::Collect => !self.aggregator.complete(),
            _ => false,
        };
        let rounds = self.experiment.as_ref().map_or(0, |it| it.rounds);
        lacks && u32::try_from(round).is_ok_and(|round| (self.round..rounds).contains(&round))
    }

    /// Takes a model.
    pub fn weights(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        from: PeerId,
        weights: &Weights,
    ) -> Result<(), Fault> {
        if cx.rules.is_outside(from) && !self.is_due(from, weights) {
            cx.record(Record::Uninvited(Uninvited::Model));
            return Ok(());
        }
        self.arrived(from, weights.command);
        self.take(cx, links, from, weights)?;
        self.look_round(cx, links);
        Ok(())
    }

    /// Whether it is for a peer outside to send a model: it has announced it or was asked for it, and an aggregate is that of
    /// the round at hand. P2PFL announces all that it sends, and takes no other aggregate. Nodes of the run are believed:
    /// where one was cut off for some rounds, `repaired` takes a later aggregate.
    fn is_due(&self, from: PeerId, it: &Weights) -> bool {
        self.is_at_hand(it.command, it.round)
            && (self.announced.expects_from(from, it.command, it.round, &it.contributors)
                || self.asking.asks_of(from, it.command, it.round))
    }

    fn is_at_hand(&self, command: Command, round: i32) -> bool {
        command != Command::AddModel || round == self.round as i32
    }

    fn take(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        from: PeerId,
        weights: &Weights,
    ) -> Result<(), Fault> {
        if self.repaired {
            // Whatever becomes of it, it is not expected any longer, and may be offered again.
            self.announced.release(weights.command, weights.round, &weights.contributors);
        }
        if self.experiment.is_none() {
            return Ok(());
        }
        if self.repaired && !self.sound(weights) {
            return Ok(());
        }
        match weights.command {
            Command::InitModel => self.take_first(cx, links, weights),
            Command::PartialModel => self.take_contribution(cx, links, from, weights),
            Command::AddModel => self.take_aggregate(cx, links, weights),
            _ => Ok(()),
        }
    }

    /// Whether a model can be what it says it is: P2PFL finds out when it is too late.
    fn sound(&self, weights: &Weights) -> bool {
        let rounds = self.experiment.as_ref().map_or(0, |it| it.rounds);
        // Ascending, so that a peer outside cannot make much work of it.
        let distinct = weights.contributors.is_sorted_by(|a, b| a < b);
        self.fits(weights)
            && weights.samples > 0
            && u32::try_from(weights.round).is_ok_and(|round| round <= rounds)
            && distinct
    }

    /// Whether a model has the shapes of the node's own. A node that has none takes those of the first that comes.
    fn fits(&self, weights: &Weights) -> bool {
        let own = self.model.layout();
        own == weights.model.layout() || own.shapes().len() == 0
    }

    /// Puts a model in place of the node's own. P2PFL stops itself over one of another shape.
    fn replace_model(&mut self, weights: &Weights) -> Result<(), Fault> {
        if !self.fits(weights) {
            return Err(Fault("a model of another shape came"));
        }
        self.model = Arc::clone(&weights.model);
        Ok(())
    }

    fn take_first(&mut self, cx: &mut Context, links: &mut Links, weights: &Weights) -> Result<(), Fault> {
        if self.late_first(cx, links, weights) || weights.round != self.round as i32 {
            return Ok(());
        }
        if self.at == At::AwaitModel {
            self.replace_model(weights)?;
            self.replaceable = !self.repaired;
            self.initialised(cx, links, crate::wire::NO_ROUND);
        } else if self.replaceable {
            self.replace_model(weights)?;
            self.replaceable = false;
        }
        Ok(())
    }

    fn take_contribution(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        from: PeerId,
        weights: &Weights,
    ) -> Result<(), Fault> {
        if weights.round != self.round as i32 || weights.samples == 0 {
            return Ok(());
        }
        let contribution = Contribution {
            from,
            contributors: Arc::clone(&weights.contributors),
            samples: weights.samples,
            model: Arc::clone(&weights.model),
        };
        if cx.rules.is_outside(from) && self.aggregator.puts_aside() >= self.trainset_size() {
            return Ok(());
        }
        if self.repaired {
            if self.swapping() {
                self.contribute(cx, links, contribution);
            }
            return Ok(());
        }
        // Before its first train set P2PFL drops a contribution and keeps expecting it.
        if self.train_set.is_empty() {
            return Ok(());
        }
        if self.model.layout() != weights.model.layout() {
            return Err(Fault("a model of another shape came"));
        }
        if !self.contribute(cx, links, contribution)
            && !self.announced.release(weights.command, weights.round, &weights.contributors)
        {
            return Err(Fault("a contribution came that was neither announced nor wanted"));
        }
        Ok(())
    }

    fn take_aggregate(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        weights: &Weights,
    ) -> Result<(), Fault> {
        if self.repaired {
            if !self.takes_aggregate(weights.round) {
                return Ok(());
            }
            self.stop_spreading(cx);
            if weights.round != self.round as i32 {
                self.skip_to(cx, weights.round as u32);
            } else if self.at == At::Vote {
                // It never learnt what the vote came to.
                self.voted = false;
            }
            self.model = Arc::clone(&weights.model);
            return self.ready(cx, links);
        }
        if weights.round == self.round as i32 && self.awaits_aggregate {
            self.replace_model(weights)?;
            self.awaits_aggregate = false;
            if self.at == At::Wait {
                return self.ready(cx, links);
            }
        }
        Ok(())
    }
}
