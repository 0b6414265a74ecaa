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
pub mod foresight;
pub mod io;
mod kept;
mod kind;
mod links;
mod machine;
mod neighbours;
mod p2pfl;
mod peer_map;
mod peers;
pub mod probe;
mod rumor;
mod seen;
pub mod spec;
mod stage;
mod state;
#[cfg(test)]
mod tests;

pub use context::{Context, Rules, Starter};
pub use flood::memory;
pub use kind::{Kind, Spreading};
pub use links::REFUSED;
pub use stage::Stage;

use crate::learning::Model;
use crate::wire::{Command, Gossip, Message, PeerId, Response};
use io::{Control, Input, Record, RequestId, Start, Timer};
use links::{Change, Links};
use machine::{Birth, Fault, Machine};
use state::State;
use std::sync::Arc;

/// One virtual P2PFL participant.
#[derive(Debug)]
pub struct Node {
    links: Links,
    workflow: State,
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
        let links = Links::new(cx, id, incarnation, cx.rules.workflow.sends(Command::Beat));
        Self { links, workflow: State::new(cx, Birth { node: id, model, samples, start }) }
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
            Input::JobDone { job, result } => self.workflow.job_done(cx, &mut self.links, job, result),
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
                let wanted = self.workflow.offered(cx, &self.links, from, &announcement);
                cx.reply(from, request, Response::Wanted(wanted));
                Ok(())
            }
            Message::GetModel(wanted) => {
                self.workflow.asked(cx, &mut self.links, from, &wanted, request);
                Ok(())
            }
            Message::Weights(weights) if weights.command == Command::SwapModel => {
                self.workflow.swap(cx, from, &weights, request);
                Ok(())
            }
            Message::Weights(weights) => {
                cx.reply(from, request, Response::Empty);
                self.workflow.weights(cx, &mut self.links, from, &weights)
            }
            Message::Probe(_) | Message::Own(_) => {
                let new = self.workflow.own(cx, from, &message, request);
                if let (true, Some(command)) = (message.is_news(), message.command()) {
                    let bytes = cx.rules.sizes.payload(from, &message);
                    cx.taken.count(command, new, bytes);
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
            let done = self.workflow.gossip(cx, &mut self.links, gossip);
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
        self.workflow.response(cx, &mut self.links, request, response);
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
            Timer::Poll | Timer::Models | Timer::Stage | Timer::Pull => {
                self.workflow.timer(cx, &mut self.links, timer)
            }
        }
    }

    fn control(&mut self, cx: &mut Context, control: Control) {
        let (workflow, links) = (&mut self.workflow, &mut self.links);
        match control {
            Control::StartLearning(experiment) => workflow.start(cx, links, experiment),
            Control::Begin(zero) => workflow.begin(cx, links, zero),
            Control::StopLearning => workflow.stop(cx, links),
            Control::Leave => links.leave(cx),
        }
    }

    fn changed(&mut self, cx: &mut Context, change: Option<Change>) -> Result<(), Fault> {
        change.map_or(Ok(()), |change| self.workflow.neighbour(cx, &mut self.links, change))
    }

    /// Touches the cache lines of the node's state ahead of an input. What it gives means nothing.
    pub fn prefetch(&self) -> u64 {
        u64::from(self.links.node()) ^ self.workflow.prefetch()
    }

    /// The same of what the state points to.
    pub fn prefetch_deep(&self) -> u64 {
        self.workflow.prefetch_deep()
    }

    /// What has to happen for this node to go on, in words.
    pub fn waits_for(&self) -> String {
        self.workflow.waits_for(&self.links)
    }

    /// The stage that the node is in, if it is learning.
    pub fn stage(&self) -> Option<Stage> {
        self.workflow.stage()
    }
}
