//! How models spread: every `gossip.models_period` a node offers its model to a few peers that lack it, one after
//! another: it announces, waits for the answer, sends, waits for the receipt. The stages differ only in who lacks
//! what.

use super::aggregator::{Contribution, in_one_message, union};
use super::history::History;
use super::{Fault, P2pfl};
use crate::learning::Model;
use crate::node::context::Context;
use crate::node::io::{Expect, Job, JobId, RequestId, Timer, Weight};
use crate::node::links::Links;
use crate::random::Purpose;
use crate::time::Time;
use crate::wire::{Announcement, Command, GossipBody, Message, NO_ROUND, PeerId, Response, Weights};
use foldhash::fast::FixedState;
use std::hash::BuildHasher;
use std::sync::Arc;

/// Which model is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// The first one, to direct neighbours that are not initialised.
    First,
    /// Contributions, to train-set peers that lack some.
    Contributions,
    /// The aggregate, to direct neighbours that have not finished the round.
    Aggregate,
}

impl Spread {
    const fn command(self) -> Command {
        match self {
            Self::First => Command::InitModel,
            Self::Contributions => Command::PartialModel,
            Self::Aggregate => Command::AddModel,
        }
    }
}

/// The loop that spreads a model.
#[derive(Debug)]
pub struct Sending {
    spread: Spread,
    /// When the current iteration began.
    began: Time,
    history: History,
    /// Whether this is not the first iteration.
    again: bool,
    /// Peers still to be offered something in this iteration.
    queue: Vec<PeerId>,
    current: Option<Offer>,
}

/// What is under way to one peer.
#[derive(Debug)]
struct Offer {
    peer: PeerId,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// The model is being averaged.
    Averaging { job: JobId, parts: Vec<Contribution> },
    /// Asked whether it is wanted.
    Announced { request: RequestId, weights: Arc<Weights> },
    /// On its way.
    Sent { request: RequestId },
}

impl P2pfl {
    /// Begins to spread a model.
    pub(super) fn spread(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        spread: Spread,
    ) -> Result<(), Fault> {
        self.sending = Some(Sending {
            spread,
            began: cx.now,
            history: History::default(),
            again: spread == Spread::First,
            queue: Vec::new(),
            current: None,
        });
        self.spread_round(cx, links)
    }

    /// Ends spreading, wherever it stands.
    pub(super) fn stop_spreading(&mut self, cx: &mut Context) {
        if self.sending.take().is_some() {
            cx.cancel_timer(Timer::Models);
        }
    }

    /// One iteration: who lacks the model, and who of them is offered it now.
    pub(super) fn spread_round(&mut self, cx: &mut Context, links: &mut Links) -> Result<(), Fault> {
        let Some(spread) = self.sending.as_ref().map(|it| it.spread) else { return Ok(()) };
        let candidates = self.candidates(links, spread)?;
        if candidates.is_empty() {
            return self.spread_done(cx, links, spread);
        }
        let gossip = &cx.rules.settings.gossip;
        let state = self.state_of(&candidates, links, spread);
        let sending = self.sending.as_mut().expect("checked above");
        sending.began = cx.now;
        if sending.history.unchanged(state, gossip.exit_on_x_equal_rounds, cx.rules.repaired()) {
            return self.spread_done(cx, links, spread);
        }
        self.draws += 1;
        let mut random = cx.random(links.node(), Purpose::ModelTargets, self.draws);
        let most = if self.dissemination.pushes() { gossip.models_per_round as usize } else { usize::MAX };
        let amount = candidates.len().min(most);
        let mut chosen: Vec<PeerId> = rand::seq::index::sample(&mut random, candidates.len(), amount)
            .into_iter()
            .map(|i| candidates[i])
            .collect();
        // Popped from the end: in the order of the list of neighbours, as P2PFL goes through them.
        chosen.sort_unstable_by(|a, b| b.cmp(a));
        chosen.retain(|&peer| links.neighbours.knows(peer));
        sending.queue = chosen;
        self.next_offer(cx, links);
        if let Some(sending) = &mut self.sending {
            sending.again = true;
        }
        Ok(())
    }

    /// Where nodes ask for models, the loop need not come round again to see that nobody lacks anything.
    pub(super) fn end_of_spreading(&mut self, cx: &mut Context, links: &mut Links) {
        let Some(spread) = self.sending.as_ref().map(|it| it.spread) else { return };
        // Only P2PFL's own spreading can fail, and there nobody asks.
        if self.candidates(links, spread).is_ok_and(|it| it.is_empty()) {
            let _ = self.spread_done(cx, links, spread);
        }
    }

    fn spread_done(&mut self, cx: &mut Context, links: &mut Links, spread: Spread) -> Result<(), Fault> {
        self.stop_spreading(cx);
        match spread {
            Spread::First => self.first_model_spread(cx, links),
            Spread::Contributions => self.contributions_spread(cx),
            Spread::Aggregate => self.finish_round(cx, links),
        }
        Ok(())
    }

    fn candidates(&self, links: &Links, spread: Spread) -> Result<Vec<PeerId>, Fault> {
        let direct = links.neighbours.direct();
        match spread {
            Spread::First => Ok(direct.iter().copied().filter(|&peer| !self.status.contains(peer)).collect()),
            Spread::Contributions => Ok(self
                .train_set
                .iter()
                .copied()
                .filter(|&peer| peer != links.node() && self.lacks(peer))
                .filter(|&peer| !self.repaired || links.neighbours.knows(peer))
                .collect()),
            Spread::Aggregate => {
                let mut candidates = Vec::new();
                for &peer in direct.iter() {
                    match self.status.get(peer) {
                        Some(status) if status.done >= self.round as i32 => {}
                        Some(_) => candidates.push(peer),
                        // A neighbour that never said it was initialised: P2PFL looks it up all the same and fails.
                        None if self.repaired => {}
                        None => {
                            return Err(Fault(
                                "a neighbour that has never said model_initialized would be next to get the aggregate",
                            ));
                        }
                    }
                }
                Ok(candidates)
            }
        }
    }

    /// Whether a train-set peer has not said that it holds all contributions.
    fn lacks(&self, peer: PeerId) -> bool {
        let held = self.held_by.get(peer).map_or(&[][..], |held| held.as_slice());
        self.train_set.iter().any(|member| !held.contains(member) && !self.given_up(*member))
    }

    /// A digest of what the end of the loop is judged by.
    fn state_of(&self, candidates: &[PeerId], links: &Links, spread: Spread) -> u64 {
        match spread {
            Spread::First | Spread::Aggregate => FixedState::default().hash_one(candidates),
            Spread::Contributions => {
                let held: Vec<(PeerId, Option<&Vec<PeerId>>)> = self
                    .train_set
                    .iter()
                    .filter(|&&peer| links.neighbours.knows(peer))
                    .map(|&peer| (peer, self.held_by.get(peer)))
                    .collect();
                FixedState::default().hash_one(held)
            }
        }
    }

    /// Goes on to the next peer of this iteration, or to sleep until the next.
    fn next_offer(&mut self, cx: &mut Context, links: &mut Links) {
        loop {
            let Some(sending) = self.sending.as_mut() else { return };
            sending.current = None;
            let (spread, again) = (sending.spread, sending.again);
            let Some(peer) = sending.queue.pop() else {
                let period = cx.rules.settings.gossip.models_period.0;
                // P2PFL sleeps for the period plus the time spent; `repaired` for the period less the time spent.
                let at = if self.repaired {
                    (sending.began + period).max(cx.now)
                } else {
                    cx.now + period + cx.now.since(sending.began)
                };
                cx.set_timer(Timer::Models, at, Weight::Progress);
                return;
            };
            if self.giving.concerns(peer) {
                continue;
            }
            if !self.dissemination.pushes() {
                if again && self.has_for(peer, spread) {
                    self.say_again(cx, links, peer, spread);
                }
                continue;
            }
            if spread != Spread::Contributions {
                let model = Arc::clone(&self.model);
                let weights = self.body(spread.command(), Arc::from([]), 1, model);
                return self.offer(cx, links, peer, weights);
            }
            let theirs = self.held_by.get(peer).map_or(&[][..], |held| held.as_slice());
            let parts = in_one_message(cx.rules, self.aggregator.lacking(theirs));
            if parts.is_empty() {
                continue;
            }
            if let Some(weights) = self.partial(&parts) {
                return self.offer(cx, links, peer, weights);
            }
            let job = self.next_job();
            cx.start_job(job, Job::Aggregate(self.mixture(&parts, None)));
            let step = Step::Averaging { job, parts };
            self.sending.as_mut().expect("it is spreading").current = Some(Offer { peer, step });
            return;
        }
    }

    /// Whether the node has something that a peer lacks.
    fn has_for(&self, peer: PeerId, spread: Spread) -> bool {
        let theirs = self.held_by.get(peer).map_or(&[][..], |held| held.as_slice());
        spread != Spread::Contributions || !self.aggregator.lacking(theirs).is_empty()
    }

    /// The average of some contributions, if there is only one or it has been made before.
    pub(super) fn partial(&self, parts: &[Contribution]) -> Option<Arc<Weights>> {
        let (contributors, samples) = union(parts);
        let model = match parts {
            [only] => &only.model,
            _ => &self.partials.iter().find(|it| it.contributors == contributors)?.model,
        };
        Some(self.body(Command::PartialModel, contributors, samples, Arc::clone(model)))
    }

    fn body(
        &self,
        command: Command,
        contributors: Arc<[PeerId]>,
        samples: u32,
        model: Arc<Model>,
    ) -> Arc<Weights> {
        Arc::new(Weights { command, round: self.round as i32, contributors, samples, model })
    }

    fn offer(&mut self, cx: &mut Context, links: &mut Links, peer: PeerId, weights: Arc<Weights>) {
        let request = links.request();
        let announcement = Announcement {
            follows: weights.command,
            round: weights.round,
            contributors: Arc::clone(&weights.contributors),
        };
        cx.send(peer, Message::Announce(announcement), Expect::Response(request));
        let step = Step::Announced { request, weights };
        self.sending.as_mut().expect("it is spreading").current = Some(Offer { peer, step });
    }

    /// The average for an offer, or for who asked, is there; false if the job was for something else.
    pub(super) fn averaged(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        id: JobId,
        model: &Arc<Model>,
    ) -> bool {
        if self.averaged_to_give(cx, links, id, model) {
            return true;
        }
        let Some(Offer { peer, step: Step::Averaging { job, parts } }) =
            self.sending.as_ref().and_then(|it| it.current.as_ref())
        else {
            return false;
        };
        if *job != id {
            return false;
        }
        let (peer, (contributors, samples)) = (*peer, union(parts));
        let model = Arc::clone(model);
        self.partials.push(Contribution {
            from: links.node(),
            contributors: Arc::clone(&contributors),
            samples,
            model: Arc::clone(&model),
        });
        let weights = self.body(Command::PartialModel, contributors, samples, model);
        self.offer(cx, links, peer, weights);
        true
    }

    /// A peer answered an announcement or took a model.
    pub(super) fn offer_answered(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        id: RequestId,
        response: &Response,
    ) {
        let Some(offer) = self.sending.as_mut().and_then(|it| it.current.as_mut()) else { return };
        match &offer.step {
            Step::Announced { request, weights } if *request == id => {
                if *response != Response::Wanted(true) {
                    if self.repaired && weights.command == Command::InitModel {
                        // Perhaps it has not heard of the start.
                        let peer = offer.peer;
                        let start = self.experiment.clone().map(GossipBody::StartLearning);
                        start.into_iter().for_each(|it| links.flood(cx).whisper(cx, peer, NO_ROUND, it));
                    }
                    return self.next_offer(cx, links);
                }
                let request = links.request();
                let message = Message::Weights(Arc::clone(weights));
                cx.send(offer.peer, message, Expect::Response(request));
                offer.step = Step::Sent { request };
            }
            Step::Sent { request } if *request == id => self.next_offer(cx, links),
            _ => {}
        }
    }
}
