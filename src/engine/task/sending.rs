//! What a node's outputs come to: messages handed over, responses, timers, jobs.

use super::driver::{Driver, Request};
use super::envelope::{Back, Envelope, Item, ReturnTo};
use super::worker::Worker;
use crate::engine::course::ledger;
use crate::engine::{compute, text_of};
use crate::metrics::{Cause, Phase};
use crate::network::{Departure, Faults};
use crate::node::io::{Expect, Job, JobId, Output, Weight};
use crate::time::Time;
use crate::wire::size::GRPC_PREFIX;
use crate::wire::{Command, Gossip, Message, PeerId, Response};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Pending things that are announced to all at a time, ahead of their need: an addition to a number that all tasks share
/// costs as much as handing a message over.
const AHEAD: i64 = 64;

/// What becomes of a message that is handed over, in wall time.
pub(super) enum Way {
    /// It is due then, and so is the copy that the network made, if it did.
    Deliver {
        due: u64,
        copy: Option<u64>,
    },
    Drop(Cause),
}

impl Driver {
    /// Does what the node wants.
    pub(super) fn apply(&mut self, worker: &mut Worker, now: Time, wall: u64) {
        let mut out = std::mem::take(&mut worker.out);
        self.measured = (0, 0);
        for output in out.drain(..) {
            match output {
                Output::Send { to, message, expect } => self.send(worker, wall, to, message, expect),
                Output::Flood { to, parcel } => self.flood(worker, wall, &to, parcel),
                Output::Reply { to, request, response } => self.reply(to, request, response),
                Output::SetTimer { timer, at, weight } => {
                    let at = self.shared.clock.wall_at(at);
                    let raised = i64::from(weight == Weight::Progress);
                    let lowered = self.timers.set(timer, at, weight);
                    self.raise(raised - i64::from(lowered == Some(Weight::Progress)));
                }
                Output::CancelTimer(timer) => {
                    let lowered = self.timers.cancel(timer);
                    self.raise(-i64::from(lowered == Some(Weight::Progress)));
                }
                Output::StartJob { id, job } => self.start_job(worker, wall, id, job),
                Output::Record(record) => self.record(worker, now, record),
            }
        }
        // Keeps the room, unless an input of this one's own has put something there.
        if worker.out.is_empty() {
            worker.out = out;
        }
    }

    /// So many things more are pending. They are announced before they can be done with; what is done with and not let
    /// go of yet still counts, and stands in for as many.
    #[inline]
    pub(super) fn raise(&mut self, by: i64) {
        if by > self.settled {
            let more = by.max(AHEAD);
            self.shared.pending.fetch_add(more, Ordering::Relaxed);
            self.settled += more;
        }
        self.settled -= by;
    }

    pub(super) fn send(
        &mut self,
        worker: &mut Worker,
        wall: u64,
        to: PeerId,
        message: Message,
        expect: Expect,
    ) {
        let Some(command) = message.command() else { return };
        let phase = self.shared.phase();
        let encoded = self.encoded(&message);
        let bytes = encoded.as_ref().map_or_else(|| self.size(&message), |it| it.bytes);
        worker.recorder.sent(phase, command, 1, bytes, self.wire_bytes(bytes));
        if let Message::Probe(probe) = &message {
            worker.recorder.probe_sent(probe.cell, bytes, self.wire_bytes(bytes));
        }
        self.sent += 1;
        self.bytes_sent += bytes;
        let back = expect.request().map(|request| ReturnTo {
            request,
            incarnation: self.incarnation,
            only_failure: matches!(expect, Expect::Failure(_)),
        });
        // How long a probe took its node tells itself.
        if let (Expect::Response(id), false) = (expect, command == Command::Probe) {
            self.requests.push(Request { id, command, sent: wall, phase });
        }
        let faults = self.shared.faults();
        let way = self.way(wall, to, bytes, faults.as_deref());
        if matches!(message, Message::Disconnect) {
            self.port.close(to);
        }
        match way {
            Way::Deliver { due, copy } if let Some(mut outbound) = encoded => {
                (outbound.sent, outbound.phase) = (wall, phase);
                if let Some(due) = copy {
                    self.send_copy(worker, wall, due, to, outbound.clone());
                }
                outbound.back = back;
                self.send_when_due(wall, due, to, outbound);
            }
            Way::Deliver { due, copy } => {
                let twin = copy.map(|due| (message.clone(), due));
                let mut envelope = self.envelope(wall, phase, message, bytes, true);
                (envelope.due, envelope.back) = (due, back.map(Back::Node));
                self.hand_over(worker, to, envelope);
                if let Some((message, due)) = twin {
                    self.hand_over_copy(worker, wall, phase, to, message, bytes, due, true);
                }
            }
            Way::Drop(cause) => {
                worker.recorder.dropped(phase, command, cause, 1);
                self.no_answer(wall, back);
            }
        }
    }

    /// Bytes of a message's encoding. A node sends the same model to one neighbour after another.
    fn size(&mut self, message: &Message) -> u64 {
        let sizes = &self.shared.plan.rules.sizes;
        let Message::Weights(weights) = message else { return sizes.payload(self.id, message) };
        let place = Arc::as_ptr(weights) as usize;
        if self.measured.0 != place {
            self.measured = (place, sizes.payload(self.id, message));
        }
        self.measured.1
    }

    /// Hands gossip over to several peers. It is accounted for once for all of them: every message goes to everyone
    /// but its source. The phase is looked up once: learning may start meanwhile, and what was sent in one phase must
    /// not arrive in the other.
    fn flood(&mut self, worker: &mut Worker, wall: u64, to: &[PeerId], parcel: Arc<[Gossip]>) {
        let phase = self.shared.phase();
        let sizes = &self.shared.plan.rules.sizes;
        let wire = |size| self.wire_bytes(size);
        let all = ledger::flooded(&mut worker.recorder, sizes, phase, to, &parcel, wire);
        self.sent += all.messages;
        self.bytes_sent += all.payload;
        let faults = self.shared.faults();
        if self.socket.is_some() {
            return self.flood_sockets(worker, wall, phase, to, &parcel, faults.as_deref());
        }
        let links = self.shared.plan.links.is_some();
        let apart = self.shared.plan.links.as_ref().is_some_and(|links| links.loses());
        for &peer in to {
            let message = Message::Gossip(Arc::clone(&parcel));
            if !Self::concerns(&message, peer) {
                continue;
            }
            if apart || (links && faults.as_ref().is_some_and(|it| it.loss(self.id, peer) > 0.0)) {
                // Each message is lost or delayed for itself.
                for gossip in parcel.iter().filter(|it| it.source != peer) {
                    let size = self.shared.plan.rules.sizes.gossip_payload(gossip);
                    let message = Message::Gossip(Arc::from([gossip.clone()]));
                    let alone = gossip.body.moves_on();
                    self.pass(worker, wall, phase, peer, message, size, alone, faults.as_deref());
                }
            } else {
                self.pass(worker, wall, phase, peer, message, all.bytes, all.moves_on, faults.as_deref());
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are the message's circumstances, used here alone")]
    fn pass(
        &mut self,
        worker: &mut Worker,
        wall: u64,
        phase: Phase,
        to: PeerId,
        message: Message,
        bytes: u64,
        progress: bool,
        faults: Option<&Faults>,
    ) {
        match self.way(wall, to, bytes, faults) {
            Way::Deliver { due, copy } => {
                let twin = copy.map(|due| (message.clone(), due));
                let envelope = self.envelope(wall, phase, message, bytes, progress);
                self.hand_over(worker, to, Envelope { due, ..envelope });
                if let Some((message, due)) = twin {
                    self.hand_over_copy(worker, wall, phase, to, message, bytes, due, progress);
                }
            }
            Way::Drop(cause) => ledger::lost(&mut worker.recorder, phase, to, &message, cause),
        }
    }

    /// An envelope that is due at once and wants no response.
    fn envelope(&self, wall: u64, phase: Phase, message: Message, bytes: u64, progress: bool) -> Envelope {
        Envelope {
            from: self.id,
            message,
            back: None,
            sent: wall,
            due: 0,
            bytes,
            phase,
            progress,
            through: false,
            outside: false,
        }
    }

    /// Hands over what the network made of a message on top of it. Nobody waits for an answer to it: that to the
    /// message itself is on its way.
    #[expect(clippy::too_many_arguments, reason = "they are the message's circumstances, used here alone")]
    fn hand_over_copy(
        &mut self,
        worker: &mut Worker,
        wall: u64,
        phase: Phase,
        to: PeerId,
        message: Message,
        bytes: u64,
        due: u64,
        progress: bool,
    ) {
        ledger::copied(&mut worker.recorder, phase, to, &message);
        let envelope = self.envelope(wall, phase, message, bytes, progress);
        self.hand_over(worker, to, Envelope { due, ..envelope });
    }

    /// Bytes that a message puts on the link.
    fn wire_bytes(&self, payload: u64) -> u64 {
        if self.socket.is_some() {
            // What comes on top is counted at the sockets, and shared out at the end.
            return payload;
        }
        self.shared.plan.links.as_ref().map_or(payload + GRPC_PREFIX, |links| links.wire_bytes(payload))
    }

    /// What becomes of a message to a peer.
    pub(super) fn way(&mut self, wall: u64, to: PeerId, bytes: u64, faults: Option<&Faults>) -> Way {
        // The network of the scenario ends where the world outside begins.
        let outside = self.shared.is_outside(to);
        let Some(links) = self.shared.plan.links.as_ref().filter(|_| !outside) else {
            let separated = faults.is_some_and(|it| it.separated(self.id, to));
            return if separated { Way::Drop(Cause::Partition) } else { Way::Deliver { due: 0, copy: None } };
        };
        let now = self.shared.clock.scenario(wall);
        let known = links.connects() && self.shared.plan.graph.connected(self.id, to);
        match links.depart(&mut self.port, faults, now, self.id, to, bytes, known) {
            Departure::Arrives { at, copy, .. } => {
                let due = |at: Time| wall.saturating_add(self.shared.clock.wall_span(at.since(now)));
                Way::Deliver { due: due(at), copy: copy.map(due) }
            }
            Departure::Dropped(cause) => Way::Drop(cause),
        }
    }

    fn hand_over(&mut self, worker: &mut Worker, to: PeerId, envelope: Envelope) {
        let raised = i64::from(envelope.progress);
        self.raise(raised);
        let bytes = envelope.bytes;
        if let Err(Item::Message(envelope)) = self.shared.memory.send(to, bytes, Item::Message(envelope)) {
            ledger::lost(&mut worker.recorder, envelope.phase, to, &envelope.message, Cause::Overflow);
            if let Some(Back::Node(back)) = envelope.back {
                self.answer(self.id, back, Response::Unreachable);
            }
            self.raise(-raised);
        }
    }

    /// Answers a request. The answer takes as long as the link does; it is never lost, for it comes back over the
    /// connection that the request made.
    pub(super) fn answer(&mut self, to: PeerId, back: ReturnTo, response: Response) {
        if back.only_failure && response == Response::Empty {
            return;
        }
        self.raise(1);
        let ReturnTo { request, incarnation, .. } = back;
        let due = if to == self.id { 0 } else { self.way_back(to) };
        self.shared.memory.tell(to, Item::Response { incarnation, request, response, due });
    }

    /// When an answer to a peer arrives.
    pub(super) fn way_back(&self, to: PeerId) -> u64 {
        let outside = self.shared.is_outside(to);
        let Some(links) = self.shared.plan.links.as_ref().filter(|_| !outside) else { return 0 };
        let after = links.answer(self.shared.faults().as_deref(), self.id, to);
        self.shared.clock.wall().saturating_add(self.shared.clock.wall_span(after))
    }

    /// A request was lost on its way: the deadline passes. It is part of what is simulated, so it counts in scenario
    /// time.
    fn no_answer(&mut self, wall: u64, back: Option<ReturnTo>) {
        let Some(ReturnTo { request, incarnation, .. }) = back else { return };
        let deadline = self.shared.plan.rules.settings.general.grpc_timeout.0;
        self.raise(1);
        let due = wall + self.shared.clock.wall_span(deadline);
        let item = Item::Response { incarnation, request, response: Response::Timeout, due };
        self.timers.keep(item, due);
    }

    /// Starts a job: its value is computed on rayon, and it takes at least the scenario time that the compute model
    /// says.
    fn start_job(&mut self, worker: &mut Worker, wall: u64, job_id: JobId, job: Job) {
        let plan = &self.shared.plan;
        let mut takes: Duration = plan.compute.duration(self.id, &job);
        if let Some(faults) = self.shared.faults() {
            takes = takes.mul_f64(faults.compute(self.id));
        }
        let due = wall + self.shared.clock.wall_span(takes);
        let now = self.shared.clock.scenario(wall);
        worker.tracer.job(self.id, job.kind(), now, now + takes);
        let (id, incarnation) = (self.id, self.incarnation);
        self.raise(1);
        if let Some(result) = compute::trivial(&job) {
            let item = Item::JobDone { incarnation, job: job_id, result: Ok(result), due };
            if takes.is_zero() {
                self.instant.push_back(item);
            } else {
                self.timers.keep(item, due);
            }
            return;
        }
        let shared = Arc::clone(&self.shared);
        rayon::spawn(move || {
            let plan = &shared.plan;
            let execute = || compute::execute(&*plan.learner, &plan.aggregator, id, &job);
            let result = catch_unwind(AssertUnwindSafe(execute)).map_err(|panic| text_of(&*panic));
            shared.memory.tell(id, Item::JobDone { incarnation, job: job_id, result, due });
        });
    }
}
