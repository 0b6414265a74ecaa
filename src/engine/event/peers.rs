//! The nodes of one shard: takes events, feeds the nodes, keeps the accounts. What comes of a node's outputs is in
//! `sending`.

use super::body::Body;
use super::core::{Event, Outbox, World};
use super::crossing::{Answer, Envelope, Wants};
use super::fingerprint;
use super::host::Host;
use super::log::Log;
use super::pulse::Pulse;
use super::shared::{Shared, View, Word};
use super::throughput::Throughput;
use super::timers::Alarm;
use crate::engine::course::ledger::{self, Delivery};
use crate::engine::course::roster::{Counts, Member};
use crate::engine::course::script::Order;
use crate::engine::{Fate, text_of};
use crate::learning::Model;
use crate::metrics::trace::Happening;
use crate::metrics::{Cause, Recorder, RoundLog, Tracer};
use crate::node::io::{Control, Input, Output, Record, Start, Taken, Timer, Weight};
use crate::node::{Context, Node};
use crate::time::{Time, nanos};
use crate::wire::{Command, Message, PeerId, Response};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The outbox of the engine's events.
pub type Out = Outbox<Body>;

/// The nodes of one shard.
pub struct Peers<'a> {
    pub(super) shared: &'a Shared,
    pub(super) view: View,
    /// The first node.
    pub(super) base: PeerId,
    pub(super) hosts: Vec<Host>,
    pub(super) recorder: Recorder,
    pub(super) rounds: RoundLog,
    pub(super) tracer: Tracer,
    pub(super) throughput: Throughput,
    pub(super) word: Word,
    /// Models with which nodes finished rounds, until the conductor collects them.
    pub(super) finished: Vec<(u32, PeerId, Arc<Model>)>,
    /// Of which nodes they are wanted, ascending; of all if there is nothing.
    pub(super) wanted: Option<Arc<[PeerId]>>,
    /// Nodes that went by a fault, until the conductor collects them.
    pub(super) faults: Vec<Fault>,
    pub(super) log: Option<Log>,
    pub(super) outputs: Vec<Output>,
    pub(super) taken: Taken,
    /// The request that is being handled.
    pub(super) asking: Option<Asking>,
    /// The model measured last among the outputs of one input, by its place in memory, and its size.
    pub(super) measured: (usize, u64),
    /// When to look whether the run has to end in the middle of a window.
    pub(super) pulse: Pulse,
}

/// A node that stopped itself or panicked.
#[derive(Debug)]
pub(super) struct Fault {
    pub at: Time,
    pub node: PeerId,
    pub life: u16,
    pub fate: Fate,
    pub why: String,
}

/// A request that is being handled, for its answer.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    pub envelope: Asked,
    pub from: PeerId,
}

/// What an answer has to say of its question.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub request: u32,
    pub incarnation: u16,
    pub wants: Wants,
    pub command: crate::wire::Command,
    pub sent: Time,
    pub phase: crate::metrics::Phase,
}

impl Asked {
    pub fn of(envelope: &Envelope) -> Option<Self> {
        let command = envelope.message.command()?;
        (envelope.wants != Wants::Nothing).then(|| Self {
            request: envelope.request,
            incarnation: envelope.incarnation,
            wants: envelope.wants,
            command,
            sent: envelope.sent,
            phase: envelope.flags.phase(),
        })
    }
}

impl World for Peers<'_> {
    type Body = Body;

    fn glance(&self, event: &Event<Body>) -> u64 {
        let host = self.host_of(event.to);
        let message = match &event.body {
            Body::Message(envelope) => envelope.message.glance(),
            _ => 0,
        };
        host.chain ^ host.sent ^ host.node.as_ref().map_or(0, Node::prefetch) ^ message
    }

    fn look(&self, event: &Event<Body>) -> u64 {
        self.host_of(event.to).node.as_ref().map_or(0, Node::prefetch_deep)
    }

    fn gives_up(&mut self) -> bool {
        let halting = &self.shared.halting;
        self.pulse.beats(halting);
        halting.reached().is_some()
    }

    fn handle(&mut self, event: Event<Body>, out: &mut Out) {
        let Event { at, to, from, seq, body } = event;
        self.word.pending -= i64::from(body.progress());
        self.recorder.at(at.as_nanos());
        match body {
            Body::Message(envelope) => self.message(at, to, from, seq, envelope, out),
            Body::Response(answer) => self.response(at, to, *answer, out),
            Body::Timer(timer) => self.timer(at, to, timer, out),
            Body::Job { incarnation, job, value } => {
                if incarnation != self.host(to).member.life {
                    return;
                }
                match value.get(&*self.shared.plan.learner, &self.shared.plan.aggregator) {
                    Ok(result) => self.input(at, to, Input::JobDone { job, result }, out),
                    Err(panic) => self.die(at, to, Fate::Panicked, Some(panic)),
                }
            }
            Body::Begin => {
                if let Some(control) = self.view.begin.clone() {
                    self.input(at, to, Input::Control(control), out);
                }
            }
            Body::Order(order) => self.order(at, to, *order, out),
        }
    }
}

impl Peers<'_> {
    pub(super) fn host_of(&self, node: PeerId) -> &Host {
        &self.hosts[(node - self.base) as usize]
    }

    pub(super) fn host(&mut self, node: PeerId) -> &mut Host {
        &mut self.hosts[(node - self.base) as usize]
    }

    fn message(
        &mut self,
        now: Time,
        to: PeerId,
        from: PeerId,
        seq: u32,
        mut envelope: Envelope,
        out: &mut Out,
    ) {
        let shared = self.shared;
        let host = self.host(to);
        if host.node.is_none() || envelope.sent < host.up_since {
            return self.undeliverable(now, to, from, &envelope, out);
        }
        if shared.links.queues_at_receiver() && !envelope.flags.through() {
            let handed = self.handed(from, to, &envelope.message);
            let port = &mut self.hosts[(to - self.base) as usize].port;
            let at = shared.links.arrive(port, self.view.faults.at(now), to, now, handed);
            envelope.flags.went_through();
            if at > now {
                return self.hold(now, at, to, from, seq, envelope, out);
            }
        }
        if shared.links.computes() && !envelope.flags.taken() {
            let handed = self.handed(from, to, &envelope.message);
            let opens = envelope.flags.opens();
            let port = &mut self.hosts[(to - self.base) as usize].port;
            let at = shared.links.take(port, self.view.faults.at(now), to, now, handed, opens);
            envelope.flags.was_taken();
            if at > now {
                return self.hold(now, at, to, from, seq, envelope, out);
            }
        }
        if matches!(envelope.message, Message::Handshake | Message::Disconnect) {
            self.host(to).port.close(from);
        }
        let phase = envelope.flags.phase();
        let waited = nanos(now.since(envelope.sent));
        match envelope.message.command().filter(|_| !envelope.message.is_news()) {
            Some(command) => {
                let bytes = shared.plan.rules.sizes.payload(from, &envelope.message);
                let delivery = Delivery { from, to, phase, bytes, waited: Some(waited) };
                let (recorder, tracer) = (&mut self.recorder, &mut self.tracer);
                let sent = envelope.sent;
                ledger::delivered(recorder, tracer, &delivery, &envelope.message, command, || (sent, now));
                self.throughput.add(now, 1, bytes);
                self.host(to).handled += 1;
                self.word.messages += 1;
                let asked = Asked::of(&envelope);
                let request = asked.filter(|it| it.wants == Wants::Response).map(|it| it.request);
                self.asking = asked.map(|envelope| Asking { envelope, from });
                self.input(now, to, Input::Message { from, message: envelope.message, request }, out);
                self.asking = None;
            }
            None => {
                let message = envelope.message;
                self.input(now, to, Input::Message { from, message, request: None }, out);
                let (messages, bytes) =
                    ledger::heard(&mut self.recorder, &mut self.taken, phase, Some(waited));
                self.taken.clear();
                self.throughput.add(now, messages, bytes);
                self.host(to).handled += messages;
                self.word.messages += messages;
            }
        }
    }

    fn response(&mut self, now: Time, to: PeerId, answer: Answer, out: &mut Out) {
        let host = self.host(to);
        if host.node.is_none() || answer.incarnation != host.member.life {
            return;
        }
        // A failure is not an answer: how long it took says nothing about the network.
        // That of a probe its node tells itself.
        let failed = matches!(answer.response, Response::Timeout | Response::Unreachable);
        if !failed && answer.command != Command::Probe {
            let took = nanos(now.since(answer.sent));
            self.recorder.rpc_latency(answer.phase, answer.command, took);
        }
        let Answer { request, response, .. } = answer;
        self.input(now, to, Input::Response { request, response }, out);
    }

    fn timer(&mut self, now: Time, node: PeerId, timer: Timer, out: &mut Out) {
        let host = self.host(node);
        match host.timers.alarm(timer, now) {
            Alarm::Due(weight) => {
                self.word.pending -= i64::from(weight == Weight::Progress);
                self.input(now, node, Input::Timer(timer), out);
            }
            Alarm::Later(at) => {
                let seq = host.next_seq();
                out.push(Event { at, to: node, from: node, seq, body: Body::Timer(timer) });
            }
            Alarm::Nothing => {}
        }
    }

    fn order(&mut self, now: Time, node: PeerId, order: Order, out: &mut Out) {
        match order {
            Order::Up(start) => self.up(now, node, start, out),
            Order::Crash => self.die(now, node, Fate::Crashed, None),
            Order::Leave => {
                self.input(now, node, Input::Control(Control::Leave), out);
                self.die(now, node, Fate::Left, None);
            }
            Order::Control(control) => self.input(now, node, Input::Control(control), out),
        }
    }

    /// A node comes up.
    pub(super) fn up(&mut self, now: Time, node: PeerId, start: Start, out: &mut Out) {
        let shared = self.shared;
        let plan = &shared.plan;
        let host = self.host(node);
        if host.node.is_some() {
            return;
        }
        host.up_since = now;
        let life = u32::from(host.member.life);
        // Those that are there from the beginning come up before anything has happened.
        if now > Time::ZERO {
            let what = if life == 0 { Happening::Join } else { Happening::Restart };
            self.tracer.happened(node, what, now);
        }
        self.count(node, |counts, it| counts.up(it, it.life));
        let made = catch_unwind(AssertUnwindSafe(|| {
            let model = plan.learner.initial(node);
            let samples = plan.learner.samples(node);
            let (out, taken) = (&mut self.outputs, &mut self.taken);
            let cx = Context { now, rules: &plan.rules, out, taken };
            Node::new(&cx, node, life, model, samples, &start)
        }));
        match made {
            Ok(it) => self.host(node).node = Some(it),
            Err(panic) => return self.gone(now, node, Fate::Panicked, Some(text_of(&*panic))),
        }
        self.input(now, node, Input::Start(start), out);
        let awaited = self.shared.plan.reach.awaited(node);
        if self.host(node).readiness.is_ready_now(awaited) {
            self.count(node, |counts, it| counts.ready(it, now));
        }
    }

    pub(super) fn die(&mut self, now: Time, node: PeerId, fate: Fate, why: Option<String>) {
        if let Some(was) = self.host(node).node.take() {
            if let Some(stage) = was.stage() {
                self.tracer.last_stage(node, stage, now);
            }
            self.gone(now, node, fate, why);
        }
    }

    /// A node has gone: its timers with it. What is under way to it finds nobody.
    fn gone(&mut self, now: Time, node: PeerId, fate: Fate, why: Option<String>) {
        self.outputs.clear();
        if let Some(what) = fate.happening() {
            self.tracer.happened(node, what, now);
        }
        self.word.pending -= self.host(node).timers.clear();
        let host = self.host(node);
        host.port.restart();
        let life = host.member.life;
        let settling = self.shared.plan.settling();
        self.count(node, |counts, it| counts.ended(it, life, fate, now, settling));
        // The script knows of what it has ordered itself.
        if !matches!(fate, Fate::Crashed | Fate::Left) {
            self.faults.push(Fault { at: now, node, life, fate, why: why.unwrap_or_default() });
        }
    }

    /// Feeds a node.
    fn input(&mut self, now: Time, id: PeerId, input: Input, out: &mut Out) {
        let shared = self.shared;
        let host = &mut self.hosts[(id - self.base) as usize];
        let Some(node) = host.node.as_mut() else { return };
        host.chain = fingerprint::extend(host.chain, now, &input);
        if let Some(log) = &mut self.log {
            log.note(now, id, host.chain, &input);
        }
        self.word.inputs += 1;
        let (outputs, taken) = (&mut self.outputs, &mut self.taken);
        let handled = catch_unwind(AssertUnwindSafe(|| {
            node.handle(&mut Context { now, rules: &shared.plan.rules, out: outputs, taken }, input);
        }));
        match handled {
            Ok(()) => self.apply(now, id, out),
            Err(panic) => self.die(now, id, Fate::Panicked, Some(text_of(&*panic))),
        }
    }

    /// Notes something for the results.
    pub(super) fn record(&mut self, now: Time, node: PeerId, record: Record) {
        ledger::said(&mut self.recorder, &mut self.tracer, node, now, &record, |nanos| nanos);
        match record {
            Record::Heard | Record::Connected => {
                let awaited = self.shared.plan.reach.awaited(node);
                if self.host(node).readiness.note(&record, awaited) {
                    self.count(node, |counts, it| counts.ready(it, now));
                }
            }
            Record::Started => self.count(node, Counts::started),
            Record::RoundStarted(round) => {
                self.rounds.started(round, now);
                self.word.counts.entered(round);
            }
            Record::RoundFinished { round, took, model, train_set, trained } => {
                self.rounds.finished(round, node, now, train_set.as_deref());
                let host = self.host(node);
                host.member.finished_round(trained);
                host.round_nanos = host.round_nanos.saturating_add(nanos(took));
                if self.wanted.as_ref().is_none_or(|wanted| wanted.binary_search(&node).is_ok()) {
                    self.finished.push((round, node, model));
                }
            }
            Record::Finished => self.done(now, node, Fate::Finished),
            Record::Stopped => self.done(now, node, Fate::Stopped),
            Record::Failed(why) => self.die(now, node, Fate::Failed, Some(why.to_owned())),
            // The ledger has them; and there is nobody outside.
            Record::Stage(..) | Record::Measured(_) | Record::Uninvited(_) => {}
        }
    }

    /// A node is done; it stays up.
    fn done(&mut self, now: Time, node: PeerId, fate: Fate) {
        let settling = self.shared.plan.settling();
        self.count(node, |counts, it| counts.ended(it, it.life, fate, now, settling));
    }

    /// Changes what is known of a node, and the counts with it.
    pub(super) fn count(&mut self, node: PeerId, change: impl FnOnce(&mut Counts, &mut Member)) {
        let host = &mut self.hosts[(node - self.base) as usize];
        change(&mut self.word.counts, &mut host.member);
    }

    /// A message waits at its receiver until `at`.
    #[expect(clippy::too_many_arguments, reason = "they are the event that it makes")]
    fn hold(
        &mut self,
        now: Time,
        at: Time,
        to: PeerId,
        from: PeerId,
        seq: u32,
        mut envelope: Envelope,
        out: &mut Out,
    ) {
        self.expire_late(now, at, to, from, &mut envelope, out);
        self.word.pending += i64::from(envelope.flags.progress());
        out.push(Event { at, to, from, seq, body: Body::Message(envelope) });
    }

    /// A message found nobody.
    fn undeliverable(&mut self, now: Time, to: PeerId, from: PeerId, envelope: &Envelope, out: &mut Out) {
        ledger::lost(&mut self.recorder, envelope.flags.phase(), to, &envelope.message, Cause::Crash);
        if let Some(asked) = Asked::of(envelope) {
            self.answer(now, to, from, asked, Response::Unreachable, out);
        }
    }
}
