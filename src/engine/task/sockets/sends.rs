//! What a node's task does with messages and answers where there are sockets: encode them, hold them back as long as the
//! scenario's network does, and hand them to their line.

use super::{Outbound, Socket};
use crate::engine::task::driver::Driver;
use crate::engine::task::envelope::{Back, Item, ReturnTo};
use crate::engine::task::sending::Way;
use crate::engine::task::shared::Command;
use crate::engine::task::worker::Worker;
use crate::metrics::Phase;
use crate::network::Faults;
use crate::node::io::{Expect, RequestId};
use crate::transport::socket::{Answer, Reply};
use crate::wire::{Gossip, Message, PeerId, Response};

impl Driver {
    /// A message that is not gossip, ready for the wire; nothing where there are no sockets.
    pub fn encoded(&mut self, message: &Message) -> Option<Outbound> {
        let Socket { lines, .. } = self.socket.as_mut()?;
        lines.outbound(&self.shared, self.id, message)
    }

    /// Sends gossip to several peers, each message in a call of its own, encoded once for all. What it does to the
    /// accounts has been done, but for what gets lost.
    pub fn flood_sockets(
        &mut self,
        worker: &mut Worker,
        wall: u64,
        phase: Phase,
        to: &[PeerId],
        parcel: &[Gossip],
        faults: Option<&Faults>,
    ) {
        for gossip in parcel {
            if gossip.source == self.id {
                self.shared.sockets.iter().for_each(|it| it.has_said(gossip));
            }
            let mut outbound = Outbound::gossip(&self.shared, gossip);
            (outbound.sent, outbound.phase) = (wall, phase);
            for &peer in to.iter().filter(|&&peer| peer != gossip.source) {
                match self.way(wall, peer, outbound.bytes, faults) {
                    Way::Deliver { due, copy } => {
                        if let Some(due) = copy {
                            self.send_copy(worker, wall, due, peer, outbound.clone());
                        }
                        self.send_when_due(wall, due, peer, outbound.clone());
                    }
                    Way::Drop(cause) => worker.recorder.dropped(phase, outbound.command, cause, 1),
                }
            }
        }
    }

    /// Hands a message to its line, as soon as the network lets it through. It was counted among what is pending.
    pub fn send_when_due(&mut self, wall: u64, due: u64, to: PeerId, outbound: Outbound) {
        self.raise(i64::from(outbound.progress));
        if due <= wall {
            return self.hand_to_line(to, outbound);
        }
        self.raise(1);
        self.timers.keep(Item::Command(Command::Send(to, Box::new(outbound))), due);
    }

    /// The same with what the network made of a message on top of it, which nobody has counted.
    pub fn send_copy(&mut self, worker: &mut Worker, wall: u64, due: u64, to: PeerId, outbound: Outbound) {
        worker.recorder.copied(outbound.phase, outbound.command, 1);
        self.send_when_due(wall, due, to, outbound);
    }

    /// Says goodbye to the peers outside that the node is connected to.
    pub fn leave_outside(&mut self, worker: &mut Worker) {
        let Some(socket) = &self.socket else { return };
        let wall = self.shared.clock.wall();
        for peer in socket.lines.outside(&self.shared) {
            self.send(worker, wall, peer, Message::Disconnect, Expect::Nothing);
        }
    }

    /// Hands a message to its line.
    pub fn hand_to_line(&mut self, to: PeerId, outbound: Outbound) {
        if let Some(Socket { lines, .. }) = &mut self.socket {
            lines.send(&self.shared, self.id, to, outbound);
        }
    }

    /// Answers the request that is being handled.
    pub fn reply(&mut self, to: PeerId, request: RequestId, response: Response) {
        let incarnation = match self.asking.take() {
            Some(Back::Caller(reply)) => return self.reply_to_caller(to, reply, &response),
            // A response says which incarnation asked: it goes there or nowhere.
            Some(Back::Node(it)) => {
                self.asking = Some(Back::Node(it));
                it.incarnation
            }
            None => 0,
        };
        self.answer(to, ReturnTo { request, incarnation, only_failure: false }, response);
    }

    fn reply_to_caller(&mut self, to: PeerId, reply: Reply, response: &Response) {
        let answer = match response {
            Response::Empty | Response::Timeout | Response::Unreachable => Answer::Empty,
            // Python's truth in lower case.
            Response::Wanted(wanted) => Answer::Response(wanted.to_string()),
            Response::Error(text) => Answer::Error(text.to_string()),
        };
        let due = self.way_back(to);
        if due == 0 {
            return reply.answer(answer);
        }
        self.raise(1);
        self.timers.keep(Item::Command(Command::Answer(reply, answer)), due);
    }
}

impl Socket {
    /// The node comes up: calls are taken.
    pub fn up(&self) {
        self.server.up();
    }

    /// The node is gone: who calls is hung up on, and so is everyone it was connected to.
    pub fn down(&mut self) {
        self.server.down();
        self.lines.clear();
    }
}
