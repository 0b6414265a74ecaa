//! What a node's outputs come to: messages handed over, responses, timers, jobs.

use super::driver::{Driver, Request, text_of};
use super::worker::Worker;
use crate::engine::compute;
use crate::metrics::{Cause, Phase};
use crate::network::{Faults, Passage};
use crate::node::io::{Expect, Job, JobId, Output, Weight};
use crate::time::Time;
use crate::transport::{Envelope, Full, Item, ReturnTo};
use crate::wire::size::GRPC_PREFIX;
use crate::wire::{Command, Gossip, GossipBody, Message, PeerId, Response};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many things an output can leave pending, at most.
fn weight(output: &Output) -> i64 {
    match output {
        Output::Send { .. } => 2,
        Output::Flood { to, parcel } => (to.len() * parcel.len()) as i64,
        Output::Reply { .. } | Output::SetTimer { .. } | Output::StartJob { .. } => 1,
        Output::CancelTimer(_) | Output::Record(_) => 0,
    }
}

/// What becomes of a message that is handed over.
enum Way {
    Deliver { due: u64 },
    Drop(Cause),
}

impl Driver {
    /// Does what the node wants.
    pub(super) fn apply(&mut self, worker: &mut Worker, now: Time, wall: u64) {
        let mut out = std::mem::take(&mut worker.out);
        self.measured = (0, 0);
        // Raised once for all that may follow, and before any of it can be done with; what was too much is let go of
        // with the cause.
        let most: i64 = out.iter().map(weight).sum();
        if most > 0 {
            self.shared.pending.fetch_add(most, Ordering::Relaxed);
            self.settled += most;
        }
        for output in out.drain(..) {
            match output {
                Output::Send { to, message, expect } => self.send(worker, wall, to, message, expect),
                Output::Flood { to, parcel } => self.flood(worker, wall, &to, parcel),
                Output::Reply { to, request, response } => {
                    let incarnation = self.asking.unwrap_or(0);
                    self.answer(to, ReturnTo { request, incarnation, only_failure: false }, response);
                }
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
                Output::StartJob { id, job } => self.start_job(wall, id, job),
                Output::Record(record) => self.record(worker, now, record),
            }
        }
        // Keeps the room, unless an input of this one's own has put something there.
        if worker.out.is_empty() {
            worker.out = out;
        }
    }

    /// So many things more are pending.
    fn raise(&mut self, by: i64) {
        self.settled -= by;
    }

    fn send(&mut self, worker: &mut Worker, wall: u64, to: PeerId, message: Message, expect: Expect) {
        let Some(command) = message.command() else { return };
        let phase = self.shared.phase();
        let bytes = self.size(&message);
        worker.recorder.sent(phase, command, 1, bytes, bytes + GRPC_PREFIX);
        self.sent += 1;
        let back = expect.request().map(|request| ReturnTo {
            request,
            incarnation: self.incarnation,
            only_failure: matches!(expect, Expect::Failure(_)),
        });
        if let Expect::Response(id) = expect {
            self.requests.push(Request { id, command, sent: wall, phase });
        }
        let faults = self.shared.faults();
        match self.way(wall, to, bytes, faults.as_deref()) {
            Way::Deliver { due } => {
                let envelope =
                    Envelope { from: self.id, message, back, sent: wall, due, bytes, phase, progress: true };
                self.hand_over(worker, to, envelope);
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
        let mut bytes = 0;
        let mut progress = false;
        for gossip in &parcel[..] {
            let copies = to.len() as u64 - u64::from(to.binary_search(&gossip.source).is_ok());
            let size = sizes.gossip_payload(gossip);
            let command = gossip.body.command();
            worker.recorder.sent(phase, command, copies, copies * size, copies * (size + GRPC_PREFIX));
            self.sent += copies;
            bytes += size;
            progress |= !matches!(gossip.body, GossipBody::Beat(_));
        }
        let faults = self.shared.faults();
        let apart = self.shared.plan.links.as_ref().is_some_and(|links| links.loses());
        for &peer in to {
            let message = Message::Gossip(Arc::clone(&parcel));
            if !Self::concerns(&message, peer) {
                continue;
            }
            if apart {
                // Each message is lost or delayed for itself.
                for gossip in parcel.iter().filter(|it| it.source != peer) {
                    let size = self.shared.plan.rules.sizes.gossip_payload(gossip);
                    let message = Message::Gossip(Arc::from([gossip.clone()]));
                    self.pass(worker, wall, phase, peer, message, size, progress, faults.as_deref());
                }
            } else {
                self.pass(worker, wall, phase, peer, message, bytes, progress, faults.as_deref());
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
        let way = self.way(wall, to, bytes, faults);
        let due = if let Way::Deliver { due } = way { due } else { 0 };
        let envelope =
            Envelope { from: self.id, message, back: None, sent: wall, due, bytes, phase, progress };
        match way {
            Way::Deliver { .. } => self.hand_over(worker, to, envelope),
            Way::Drop(cause) => Self::drop_for(worker, to, &envelope, cause),
        }
    }

    /// What becomes of a message to a peer.
    fn way(&mut self, wall: u64, to: PeerId, bytes: u64, faults: Option<&Faults>) -> Way {
        if faults.is_some_and(|it| it.separated(self.id, to)) {
            return Way::Drop(Cause::Partition);
        }
        let Some(links) = &self.shared.plan.links else { return Way::Deliver { due: 0 } };
        self.draws += 1;
        match links.passage(self.id, to, bytes, self.draws) {
            Passage::Arrives(after) => {
                let after = faults.map_or(after, |it| after.mul_f64(it.link(self.id, to)));
                Way::Deliver { due: wall + self.shared.clock.wall_span(after) }
            }
            Passage::Lost => Way::Drop(Cause::Loss),
        }
    }

    fn hand_over(&mut self, worker: &mut Worker, to: PeerId, envelope: Envelope) {
        let raised = i64::from(envelope.progress);
        self.raise(raised);
        if let Err(Full(envelope)) = self.shared.memory.send(to, envelope) {
            Self::drop_for(worker, to, &envelope, Cause::Overflow);
            if let Some(back) = envelope.back {
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
    fn way_back(&self, to: PeerId) -> u64 {
        let Some(links) = &self.shared.plan.links else { return 0 };
        let after = links.latency(self.id, to);
        let after = self.shared.faults().map_or(after, |it| after.mul_f64(it.link(self.id, to)));
        self.shared.clock.wall() + self.shared.clock.wall_span(after)
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

    /// Accounts for a message that this node will not take.
    pub(super) fn dropped(&self, worker: &mut Worker, envelope: &Envelope, cause: Cause) {
        Self::drop_for(worker, self.id, envelope, cause);
    }

    fn drop_for(worker: &mut Worker, to: PeerId, envelope: &Envelope, cause: Cause) {
        let mut dropped = |command: Command| worker.recorder.dropped(envelope.phase, command, cause, 1);
        match &envelope.message {
            Message::Gossip(parcel) => {
                parcel.iter().filter(|it| it.source != to).for_each(|it| dropped(it.body.command()));
            }
            other => {
                if let Some(command) = other.command() {
                    dropped(command);
                }
            }
        }
    }

    /// Starts a job: its value is computed on rayon, and it takes at least the scenario time that the compute model
    /// says.
    fn start_job(&mut self, wall: u64, job_id: JobId, job: Job) {
        let plan = &self.shared.plan;
        let mut takes: Duration = plan.compute.duration(self.id, &job);
        if let Some(faults) = self.shared.faults() {
            takes = takes.mul_f64(faults.compute(self.id));
        }
        let due = wall + self.shared.clock.wall_span(takes);
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
            let result = catch_unwind(AssertUnwindSafe(|| compute::execute(&*shared.plan.learner, id, &job)))
                .map_err(|panic| text_of(&*panic));
            shared.memory.tell(id, Item::JobDone { incarnation, job: job_id, result, due });
        });
    }
}
