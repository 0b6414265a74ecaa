//! The node: a state machine that speaks P2PFL's protocol.
//!
//! It has no clock, socket, thread, channel or shared random source. Inputs come in with the time; outputs say
//! what is to be sent, which timer is to be set, which job is to be run. Engines drive it, and the same node runs
//! under all of them.
//!
//! Here is what every workflow needs: connections, heartbeats, flooding. What nodes do in a round is a workflow, a
//! folder each.

mod context;
mod dpsgd;
mod flood;
pub mod io;
mod links;
mod neighbours;
mod p2pfl;
mod peer_map;
mod peers;
pub mod probe;
mod rumor;
mod seen;
pub mod spec;
mod stage;
#[cfg(test)]
mod tests;

pub use context::{Context, Rules, Starter};
pub use flood::memory;
pub use links::REFUSED;
pub use p2pfl::{FAITHFUL_WAIT, SETTLE};
pub use stage::Stage;

use crate::learning::Model;
use crate::wire::{Command, Gossip, Message, PeerId, Response};
use dpsgd::{Dpsgd, Pairwise};
use io::{Control, Input, Record, RequestId, Start, Timer};
use links::{Change, Links};
use p2pfl::{Fault, P2pfl};
use probe::Probe;
use rumor::Rumor;
use spec::{Pace, Workflow};
use std::sync::Arc;

/// One virtual P2PFL participant.
#[derive(Debug)]
pub struct Node {
    links: Links,
    workflow: State,
}

#[derive(Debug)]
enum State {
    P2pfl(Box<P2pfl>),
    Dpsgd(Dpsgd),
    Pairwise(Box<Pairwise>),
    Rumor(Rumor),
    Probe(Box<Probe>),
}

impl Node {
    /// A node that is not yet up. `model` is its own fresh one, `samples` how many training rows it holds,
    /// `incarnation` how often it has been up before.
    pub fn new(
        cx: &Context,
        id: PeerId,
        incarnation: u32,
        model: Arc<Model>,
        samples: u32,
        start: &Start,
    ) -> Self {
        let workflow = match &cx.rules.workflow {
            Workflow::P2pfl(_) => State::P2pfl(Box::new(P2pfl::new(cx, model, samples, start.late))),
            Workflow::Dpsgd(spec) if spec.mode == Pace::Asynchronous => {
                let node = Pairwise::new(cx, id, model, samples, &start.neighbours, start.late);
                State::Pairwise(Box::new(node))
            }
            Workflow::Dpsgd(_) => {
                State::Dpsgd(Dpsgd::new(cx, id, model, samples, &start.neighbours, start.late))
            }
            Workflow::Rumor(_) => State::Rumor(Rumor::new(cx, id, model, start)),
            Workflow::Probe(_) => State::Probe(Box::new(Probe::new(cx, id, model, start))),
        };
        Self { links: Links::new(cx, id, incarnation, cx.rules.workflow.sends(Command::Beat)), workflow }
    }

    /// Takes an input; what is to be done about it is in the context afterwards. After [`Record::Failed`] the node is
    /// no more, and takes no further input.
    pub fn handle(&mut self, cx: &mut Context, input: Input) {
        let outcome = match input {
            Input::Start(start) => {
                self.links.start(cx, &start);
                Ok(())
            }
            Input::Message { from, message, request } => self.message(cx, from, message, request),
            Input::Response { request, response } => self.response(cx, request, &response),
            Input::Timer(timer) => self.timer(cx, timer),
            Input::JobDone { job, result } => match &mut self.workflow {
                State::P2pfl(it) => it.job_done(cx, &mut self.links, job, result),
                State::Dpsgd(it) => {
                    it.job_done(cx, job, result);
                    Ok(())
                }
                State::Pairwise(it) => {
                    it.job_done(cx, job, result);
                    Ok(())
                }
                State::Rumor(_) | State::Probe(_) => Ok(()),
            },
            Input::Control(control) => {
                self.control(cx, control);
                Ok(())
            }
        };
        if let Err(Fault(why)) = outcome {
            self.links.leave(cx);
            cx.record(Record::Failed(why));
        }
    }

    fn message(
        &mut self,
        cx: &mut Context,
        from: PeerId,
        message: Message,
        request: Option<RequestId>,
    ) -> Result<(), Fault> {
        match message {
            Message::Gossip(parcel) => {
                self.gossip(cx, from, &parcel, request);
                Ok(())
            }
            Message::Handshake => {
                let change = self.links.handshake(cx, from, request);
                self.changed(cx, change)
            }
            Message::Disconnect => {
                let change = self.links.disconnect(from);
                cx.reply(from, request, Response::Empty);
                self.changed(cx, change)
            }
            Message::Announce(announcement) => {
                let wanted = match &mut self.workflow {
                    State::P2pfl(it) => it.wanted(cx, &self.links, from, &announcement),
                    State::Dpsgd(_) | State::Pairwise(_) | State::Rumor(_) | State::Probe(_) => false,
                };
                cx.reply(from, request, Response::Wanted(wanted));
                Ok(())
            }
            Message::GetModel(wanted) => {
                match &mut self.workflow {
                    State::P2pfl(it) => {
                        let follows = it.asked_for(&self.links, from, &wanted);
                        cx.reply(from, request, Response::Wanted(follows));
                        it.give(cx, &mut self.links);
                    }
                    State::Dpsgd(it) => it.asked(cx, from, request),
                    State::Pairwise(it) => it.asked_for_model(cx, from, request),
                    State::Rumor(_) | State::Probe(_) => cx.reply(from, request, Response::Wanted(false)),
                }
                Ok(())
            }
            Message::Weights(weights) if weights.command == Command::SwapModel => {
                match &mut self.workflow {
                    State::Pairwise(it) => it.asked(cx, from, &weights, request),
                    _ => cx.reply(from, request, Response::Wanted(false)),
                }
                Ok(())
            }
            Message::Weights(weights) => {
                cx.reply(from, request, Response::Empty);
                match &mut self.workflow {
                    State::P2pfl(it) => it.weights(cx, &mut self.links, from, &weights),
                    State::Dpsgd(it) => {
                        it.weights(cx, from, &weights);
                        Ok(())
                    }
                    State::Pairwise(it) => {
                        it.weights(cx, from, &weights);
                        Ok(())
                    }
                    State::Rumor(_) | State::Probe(_) => Ok(()),
                }
            }
            Message::Probe(probe) => {
                cx.reply(from, request, Response::Empty);
                if let State::Probe(it) = &self.workflow {
                    it.message(cx, probe);
                }
                Ok(())
            }
            Message::Rumor { round, hops } => {
                let new = match &mut self.workflow {
                    State::Rumor(it) => it.told(cx, round, hops),
                    State::P2pfl(_) | State::Dpsgd(_) | State::Pairwise(_) | State::Probe(_) => false,
                };
                let bytes = cx.rules.sizes.payload(from, &Message::Rumor { round, hops });
                cx.taken.count(Command::Rumor, new, bytes);
                Ok(())
            }
            Message::RumorRequest(round) => {
                if let State::Rumor(it) = &self.workflow {
                    it.asked(cx, from, round);
                }
                Ok(())
            }
        }
    }

    /// Gossip that was handed over together: each message is taken once, executed, and queued for the neighbours.
    fn gossip(&mut self, cx: &mut Context, from: PeerId, parcel: &[Gossip], request: Option<RequestId>) {
        let mut error = None;
        for gossip in parcel {
            if gossip.source == self.links.node() || !self.links.flood(cx).arrived(cx, gossip) {
                continue;
            }
            let done = match &mut self.workflow {
                State::P2pfl(it) => it.gossip(cx, &mut self.links, gossip),
                State::Dpsgd(_) | State::Pairwise(_) | State::Rumor(_) | State::Probe(_) => {
                    if let crate::wire::GossipBody::Beat(at) = gossip.body {
                        self.links.beat(cx, gossip.source, at);
                    }
                    Ok(())
                }
            };
            match done {
                Ok(()) => self.links.flood(cx).forward(cx, gossip),
                Err(text) => error = Some(text),
            }
        }
        cx.reply(from, request, error.map_or(Response::Empty, Response::Error));
    }

    fn response(&mut self, cx: &mut Context, request: RequestId, response: &Response) -> Result<(), Fault> {
        if let Some(change) = self.links.response(cx, request, response) {
            return self.changed(cx, change);
        }
        match &mut self.workflow {
            State::P2pfl(it) => it.response(cx, &mut self.links, request, response),
            State::Dpsgd(it) => it.response(cx, request, response),
            State::Pairwise(it) => it.response(cx, request, response),
            State::Rumor(_) => {}
            State::Probe(it) => it.response(cx, request, response),
        }
        Ok(())
    }

    fn timer(&mut self, cx: &mut Context, timer: Timer) -> Result<(), Fault> {
        match timer {
            Timer::Beat => {
                for change in self.links.tick(cx) {
                    self.changed(cx, Some(change))?;
                }
                Ok(())
            }
            Timer::Forward => {
                let direct = Arc::clone(self.links.neighbours.direct());
                self.links.flood(cx).tick(cx, &direct);
                Ok(())
            }
            Timer::Dial => {
                self.links.redial(cx);
                Ok(())
            }
            Timer::Poll | Timer::Models | Timer::Stage | Timer::Pull => match &mut self.workflow {
                State::P2pfl(it) => it.timer(cx, &mut self.links, timer),
                State::Dpsgd(it) => {
                    it.timeout(cx, &self.links);
                    Ok(())
                }
                State::Pairwise(it) => {
                    it.timeout(cx, &self.links);
                    Ok(())
                }
                State::Rumor(it) => {
                    it.tick(cx, self.links.node());
                    Ok(())
                }
                State::Probe(it) => {
                    it.timer(cx, timer);
                    Ok(())
                }
            },
        }
    }

    fn control(&mut self, cx: &mut Context, control: Control) {
        if matches!(control, Control::Leave) {
            return self.links.leave(cx);
        }
        match (&mut self.workflow, control) {
            (State::P2pfl(it), control) => it.control(cx, &mut self.links, control),
            (State::Dpsgd(it), Control::StartLearning(experiment)) => it.start(cx, experiment),
            (State::Dpsgd(it), Control::StopLearning) => it.stop(cx),
            (State::Pairwise(it), Control::StartLearning(experiment)) => it.start(cx, experiment),
            (State::Pairwise(it), Control::StopLearning) => it.stop(cx),
            (State::Dpsgd(_) | State::Pairwise(_), Control::Begin(_) | Control::Leave) => {}
            (State::Rumor(it), Control::Begin(zero)) => it.begin(cx, zero),
            (State::Rumor(it), Control::StopLearning) => it.stop(cx),
            (State::Probe(it), Control::Begin(zero)) => it.begin(cx, zero),
            (State::Probe(it), Control::StopLearning) => it.stop(cx),
            (State::Rumor(_) | State::Probe(_), Control::StartLearning(_) | Control::Leave) => {}
        }
    }

    fn changed(&mut self, cx: &mut Context, change: Option<Change>) -> Result<(), Fault> {
        match (&mut self.workflow, change) {
            (_, None) => Ok(()),
            (State::P2pfl(it), Some(change)) => it.neighbour(cx, &mut self.links, change),
            (State::Dpsgd(it), Some(change)) => {
                it.neighbour(cx, change);
                Ok(())
            }
            (State::Pairwise(it), Some(change)) => {
                it.neighbour(cx, change);
                Ok(())
            }
            (State::Rumor(_) | State::Probe(_), Some(_)) => Ok(()),
        }
    }

    /// Reads a little of the node's state, so that it is at hand when it is needed. What is read means nothing.
    pub fn glance(&self) -> u64 {
        let links = u64::from(self.links.node());
        match &self.workflow {
            State::Dpsgd(it) => links ^ it.glance(),
            State::P2pfl(_) | State::Pairwise(_) | State::Rumor(_) | State::Probe(_) => links,
        }
    }

    /// The same of what the state points to.
    pub fn look(&self) -> u64 {
        match &self.workflow {
            State::Dpsgd(it) => it.look(),
            State::P2pfl(_) | State::Pairwise(_) | State::Rumor(_) | State::Probe(_) => 0,
        }
    }

    /// What has to happen for this node to go on, in words.
    pub fn waits_for(&self) -> String {
        match &self.workflow {
            State::P2pfl(it) => it.waits_for(&self.links),
            State::Dpsgd(it) => it.waits_for(),
            State::Pairwise(it) => it.waits_for(),
            State::Rumor(it) => it.waits_for(),
            State::Probe(it) => it.waits_for(),
        }
    }

    /// The stage that the node is in, if it is learning.
    pub fn stage(&self) -> Option<Stage> {
        match &self.workflow {
            State::P2pfl(it) => it.stage(),
            State::Dpsgd(it) => it.stage(),
            State::Pairwise(it) => it.stage(),
            State::Rumor(_) | State::Probe(_) => None,
        }
    }
}
