//! What a node's outputs come to: messages on their way, answers, timers, jobs.

use super::body::Body;
use super::core::Event;
use super::crossing::{Answer, Envelope, Flags, Wants};
use super::jobs::Value;
use super::peers::{Asked, Out, Peers};
use crate::engine::course::ledger;
use crate::network::{Departure, Handover};
use crate::node::io::{Expect, Job, JobId, Output, Timer, Weight};
use crate::time::Time;
use crate::wire::{Gossip, Message, PeerId, Response};
use std::sync::Arc;

impl Peers<'_> {
    /// Does what a node wants.
    pub(super) fn apply(&mut self, now: Time, node: PeerId, out: &mut Out) {
        let mut outputs = std::mem::take(&mut self.outputs);
        self.measured = (0, 0);
        for output in outputs.drain(..) {
            match output {
                Output::Send { to, message, expect } => self.send(now, node, to, message, expect, out),
                Output::Flood { to, parcel } => self.flood(now, node, &to, &parcel, out),
                Output::Reply { to, response, .. } => {
                    if let Some(asking) = self.asking.filter(|it| it.from == to) {
                        self.answer(now, node, to, asking.envelope, response, out);
                    }
                }
                Output::SetTimer { timer, at, weight } => self.set_timer(now, node, timer, at, weight, out),
                Output::CancelTimer(timer) => {
                    let lowered = self.host(node).timers.cancel(timer);
                    self.word.pending -= i64::from(lowered == Some(Weight::Progress));
                }
                Output::StartJob { id, job } => self.start_job(now, node, id, job, out),
                Output::Record(record) => self.record(now, node, record),
            }
        }
        // Keeps the room.
        self.outputs = outputs;
    }

    /// Something that will happen, counted if it may move a node on.
    fn push(&mut self, at: Time, from: PeerId, to: PeerId, body: Body, out: &mut Out) {
        self.word.pending += i64::from(body.progress());
        let seq = self.host(from).next_seq();
        out.push(Event { at, to, from, seq, body });
    }

    fn set_timer(&mut self, now: Time, node: PeerId, timer: Timer, at: Time, weight: Weight, out: &mut Out) {
        let at = at.max(now);
        let (lowered, needed) = self.host(node).timers.set(timer, at, weight);
        let raised = weight == Weight::Progress && at != Time::NEVER;
        self.word.pending += i64::from(raised) - i64::from(lowered == Some(Weight::Progress));
        if needed {
            self.push(at, node, node, Body::Timer(timer), out);
        }
    }

    fn send(&mut self, now: Time, from: PeerId, to: PeerId, message: Message, expect: Expect, out: &mut Out) {
        let Some(command) = message.command() else { return };
        let phase = self.view.phase(now);
        let bytes = self.size(from, &message);
        self.recorder.sent(phase, command, 1, bytes, self.shared.links.wire_bytes(bytes));
        if let Message::Probe(probe) = &message {
            self.recorder.probe_sent(probe.cell, bytes, self.shared.links.wire_bytes(bytes));
        }
        let wants = match expect {
            Expect::Nothing => Wants::Nothing,
            Expect::Failure(_) => Wants::Failure,
            Expect::Response(_) => Wants::Response,
        };
        let host = self.host(from);
        host.sent += 1;
        host.bytes_sent += bytes;
        let closes = matches!(message, Message::Disconnect);
        let envelope = Envelope {
            message,
            sent: now,
            request: expect.request().unwrap_or(0),
            incarnation: host.member.life,
            wants,
            flags: Flags::new(phase, true),
        };
        self.pass(now, from, to, envelope, bytes.into(), out);
        if closes {
            self.host(from).port.close(to);
        }
    }

    /// Hands gossip over to several peers. It is accounted for once for all of them: every message goes to everyone
    /// but its source.
    fn flood(&mut self, now: Time, from: PeerId, to: &[PeerId], parcel: &Arc<[Gossip]>, out: &mut Out) {
        let phase = self.view.phase(now);
        let shared = self.shared;
        let (sizes, links) = (&shared.plan.rules.sizes, &shared.links);
        let all =
            ledger::flooded(&mut self.recorder, sizes, phase, to, parcel, |size| links.wire_bytes(size));
        let host = self.host(from);
        host.sent += all.messages;
        host.bytes_sent += all.payload;
        let incarnation = host.member.life;
        let envelope = |parcel: Arc<[Gossip]>, progress| Envelope {
            message: Message::Gossip(parcel),
            sent: now,
            request: 0,
            incarnation,
            wants: Wants::Nothing,
            flags: Flags::new(phase, progress),
        };
        for &peer in to {
            if parcel.iter().all(|it| it.source == peer) {
                continue;
            }
            let loses = |faults: &crate::network::Faults| faults.loss(from, peer) > 0.0;
            if links.loses() || self.view.faults.at(now).is_some_and(loses) {
                // Each message is lost or delayed for itself.
                for gossip in parcel.iter().filter(|it| it.source != peer) {
                    let alone = envelope(Arc::from([gossip.clone()]), gossip.body.moves_on());
                    self.pass(now, from, peer, alone, sizes.gossip_payload(gossip).into(), out);
                }
            } else {
                let envelope = envelope(Arc::clone(parcel), all.moves_on);
                // To count what concerns a peer is worth it only where each message costs.
                let handed = if links.computes() {
                    self.handed(from, peer, &envelope.message)
                } else {
                    all.bytes.into()
                };
                self.pass(now, from, peer, envelope, handed, out);
            }
        }
    }

    /// Puts a message on its way, or says what became of it instead.
    fn pass(
        &mut self,
        now: Time,
        from: PeerId,
        to: PeerId,
        mut envelope: Envelope,
        handed: Handover,
        out: &mut Out,
    ) {
        let shared = self.shared;
        let known = shared.links.connects() && shared.plan.graph.connected(from, to);
        let faults = self.view.faults.at(now);
        let port = &mut self.hosts[(from - self.base) as usize].port;
        match shared.links.depart(port, faults, now, from, to, handed, known) {
            Departure::Arrives { at, copy, opens } => {
                if opens && shared.links.computes() {
                    self.opened(&mut envelope);
                }
                if let Some(at) = copy {
                    ledger::copied(&mut self.recorder, envelope.flags.phase(), to, &envelope.message);
                    let copy =
                        Envelope { message: envelope.message.clone(), wants: Wants::Nothing, ..envelope };
                    self.push(at, from, to, Body::Message(copy), out);
                }
                if envelope.wants != Wants::Nothing {
                    self.expire_early(now, at, from, to, &mut envelope, out);
                }
                self.push(at, from, to, Body::Message(envelope), out);
            }
            Departure::Dropped(cause) => {
                ledger::lost(&mut self.recorder, envelope.flags.phase(), to, &envelope.message, cause);
                if let Some(asked) = Asked::of(&envelope) {
                    // The deadline passes.
                    self.push_answer(now + self.deadline(), from, from, asked, Response::Timeout, out);
                }
            }
        }
    }

    fn deadline(&self) -> std::time::Duration {
        self.shared.plan.rules.settings.general.grpc_timeout.0
    }

    /// If the answer to a request cannot be back before the deadline, the sender hears of that instead.
    fn expire_early(
        &mut self,
        now: Time,
        at: Time,
        from: PeerId,
        to: PeerId,
        envelope: &mut Envelope,
        out: &mut Out,
    ) {
        let deadline = now + self.deadline();
        let back = at + self.shared.links.answer(self.view.faults.at(now), to, from);
        if back > deadline && deadline != Time::NEVER {
            if let Some(asked) = Asked::of(envelope) {
                self.push_answer(deadline, from, from, asked, Response::Timeout, out);
            }
            envelope.wants = Wants::Nothing;
        }
    }

    /// The same where the message waits for the receiver's downlink until `at`.
    pub(super) fn expire_late(
        &mut self,
        now: Time,
        at: Time,
        to: PeerId,
        from: PeerId,
        envelope: &mut Envelope,
        out: &mut Out,
    ) {
        let Some(asked) = Asked::of(envelope) else { return };
        let deadline = envelope.sent + self.deadline();
        let back = self.shared.links.answer(self.view.faults.at(now), to, from);
        if at + back > deadline && deadline != Time::NEVER {
            // Had it arrived too late even without waiting, the sender would know already; so there is time.
            self.push_answer(deadline.max(now + back), to, from, asked, Response::Timeout, out);
            envelope.wants = Wants::Nothing;
        }
    }

    /// Answers a request. The answer takes as long as the link does; it is never lost, for it comes back over the
    /// connection that the request made.
    pub(super) fn answer(
        &mut self,
        now: Time,
        from: PeerId,
        to: PeerId,
        asked: Asked,
        response: Response,
        out: &mut Out,
    ) {
        if asked.wants == Wants::Failure && response == Response::Empty {
            return;
        }
        let at = now + self.shared.links.answer(self.view.faults.at(now), from, to);
        self.push_answer(at, from, to, asked, response, out);
    }

    fn push_answer(
        &mut self,
        at: Time,
        from: PeerId,
        to: PeerId,
        asked: Asked,
        response: Response,
        out: &mut Out,
    ) {
        if at == Time::NEVER {
            return;
        }
        let Asked { request, incarnation, command, sent, phase, .. } = asked;
        let answer = Answer { incarnation, request, response, command, sent, phase };
        self.push(at, from, to, Body::Response(Box::new(answer)), out);
    }

    /// A connection was opened for a message: its bytes are accounted to it, and the receiver has to do its part.
    fn opened(&mut self, envelope: &mut Envelope) {
        envelope.flags.opened();
        let command = match &envelope.message {
            Message::Gossip(parcel) => parcel.first().map(|it| it.body.command()),
            other => other.command(),
        };
        if let Some(command) = command {
            let bytes = self.shared.links.opening_bytes();
            self.recorder.sent(envelope.flags.phase(), command, 0, 0, bytes);
        }
    }

    fn start_job(&mut self, now: Time, node: PeerId, job_id: JobId, job: Job, out: &mut Out) {
        let plan = &self.shared.plan;
        let mut takes = plan.compute.duration(node, &job);
        if let Some(faults) = self.view.faults.at(now) {
            takes = takes.mul_f64(faults.compute(node));
        }
        self.tracer.job(node, job.kind(), now, now + takes);
        let incarnation = self.host(node).member.life;
        let value = Value::start(&plan.learner, &plan.aggregator, node, job);
        self.push(now + takes, node, node, Body::Job { incarnation, job: job_id, value }, out);
    }

    /// Bytes of a message's encoding. A node sends the same model to one neighbour after another.
    fn size(&mut self, from: PeerId, message: &Message) -> u64 {
        let sizes = &self.shared.plan.rules.sizes;
        let Message::Weights(weights) = message else { return sizes.payload(from, message) };
        let place = Arc::as_ptr(weights) as usize;
        if self.measured.0 != place {
            self.measured = (place, sizes.payload(from, message));
        }
        self.measured.1
    }

    /// A message as its receiver gets it: gossip goes to everyone but its source.
    pub(super) fn handed(&self, from: PeerId, to: PeerId, message: &Message) -> Handover {
        let sizes = &self.shared.plan.rules.sizes;
        match message {
            Message::Gossip(parcel) => parcel.iter().filter(|it| it.source != to).fold(
                Handover { messages: 0, payload: 0 },
                |sum, it| Handover {
                    messages: sum.messages + 1,
                    payload: sum.payload + sizes.gossip_payload(it),
                },
            ),
            other => sizes.payload(from, other).into(),
        }
    }
}
