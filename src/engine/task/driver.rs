//! A node's task: waits for something to happen to the node, feeds it in, and does what comes out.

use super::envelope::{Back, Envelope, Item};
use super::shared::{Command, Event, LastWord, Shared};
use super::sockets::{Berth, Socket};
use super::timers::{Due, Timers};
use super::worker::Worker;
use crate::engine::course::ledger::{self, Delivery};
use crate::engine::course::roster::Readiness;
use crate::engine::course::script::Order;
use crate::engine::{Fate, text_of};
use crate::metrics::{Cause, Phase};
use crate::network::Port;
use crate::node::io::{Control, Input, Record, RequestId, Start, Weight};
use crate::node::{Context, Node};
use crate::time::Time;
use crate::transport::socket::Answer;
use crate::wire::{self, Message, PeerId, Response};
use flume::Receiver;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Inputs that a node handles before other nodes of its thread get their turn.
const BATCH: usize = 64;

/// The clock is read once for so many items taken together: a reading costs a third of handling a small message, and
/// so many take a microsecond or two.
const CLOCK_EVERY: usize = 8;

/// No wake-up at all.
const NEVER: u64 = u64::MAX;

/// A node's task.
pub(super) struct Driver {
    pub(super) id: PeerId,
    pub(super) shared: Arc<Shared>,
    node: Option<Box<Node>>,
    pub(super) incarnation: u32,
    pub(super) timers: Timers,
    /// Requests under way: which command, when sent, and in which phase.
    pub(super) requests: Vec<Request>,
    readiness: Readiness,
    /// Messages sent and taken.
    pub(super) sent: u64,
    pub(super) handled: u64,
    /// Payload bytes of those sent.
    pub(super) bytes_sent: u64,
    /// Scenario time spent in rounds that were finished, in nanoseconds.
    round_nanos: u64,
    /// The node's part in the network.
    pub(super) port: Port,
    /// Whose request is being handled.
    pub(super) asking: Option<Back>,
    /// Its part in the sockets, where there are any.
    pub(super) socket: Option<Socket>,
    /// The model measured last among the outputs of one input, by its place in memory, and its size.
    pub(super) measured: (usize, u64),
    /// Results of jobs that took no time.
    pub(super) instant: VecDeque<Item>,
    /// Pending things that are done with, to be let go of.
    pub(super) settled: i64,
    over: bool,
}

/// A request under way.
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) command: wire::Command,
    pub(super) sent: u64,
    pub(super) phase: Phase,
}

impl Driver {
    /// `berth` is the port of a node that has one. Within the runtime.
    pub(super) fn new(id: PeerId, shared: Arc<Shared>, berth: Option<Berth>) -> Self {
        Self {
            socket: berth.and_then(|it| Socket::new(id, &shared, it)),
            id,
            shared,
            node: None,
            incarnation: 0,
            timers: Timers::default(),
            requests: Vec::new(),
            readiness: Readiness::default(),
            sent: 0,
            handled: 0,
            bytes_sent: 0,
            round_nanos: 0,
            port: Port::default(),
            asking: None,
            measured: (0, 0),
            instant: VecDeque::new(),
            settled: 0,
            over: false,
        }
    }

    /// Until the run is over.
    pub(super) async fn run(mut self, inbox: Receiver<Item>) {
        let shared = Arc::clone(&self.shared);
        let mut sleep = pin!(tokio::time::sleep_until(shared.clock.instant(NEVER)));
        let mut wakes = NEVER;
        while !self.over {
            let next = self.timers.next().unwrap_or(NEVER);
            // A sleep that ends too early is left alone: it wakes the task once in vain.
            if next < wakes || (next != NEVER && wakes == NEVER) {
                sleep.as_mut().reset(shared.clock.instant(next));
                wakes = next;
            }
            let mut looked = 0;
            tokio::select! {
                biased;
                item = inbox.recv_async() => match item {
                    Ok(item) => looked = shared.workers.with(|worker| self.batch(worker, item, &inbox)),
                    Err(_) => return,
                },
                () = sleep.as_mut(), if wakes != NEVER => {
                    wakes = NEVER;
                    shared.workers.with(|worker| self.fire(worker));
                }
            }
            // Inboxes that never empty must not starve timers, nor one node the others. When the batch last looked at
            // the clock is soon enough: the sleep ends by itself.
            if self.timers.next().is_some_and(|at| at <= looked) {
                shared.workers.with(|worker| self.fire(worker));
            }
            if !inbox.is_empty() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Takes an item, and more if there are any; when it last looked at the clock.
    fn batch(&mut self, worker: &mut Worker, first: Item, inbox: &Receiver<Item>) -> u64 {
        let mut wall = self.shared.clock.wall();
        self.item(worker, wall, first);
        self.take_instant(worker, wall);
        for taken in 1..BATCH {
            if self.over {
                break;
            }
            let Ok(item) = inbox.try_recv() else { break };
            if taken % CLOCK_EVERY == 0 {
                wall = self.shared.clock.wall();
            }
            self.item(worker, wall, item);
        }
        self.take_instant(worker, wall);
        self.let_go();
        wall
    }

    /// Takes the results of jobs that took no time, and of those that follow from them.
    fn take_instant(&mut self, worker: &mut Worker, wall: u64) {
        while let Some(item) = self.instant.pop_front() {
            self.take(worker, wall, item);
        }
    }

    /// Does what is due.
    fn fire(&mut self, worker: &mut Worker) {
        if self.shared.over.load(Ordering::Relaxed) {
            // Nothing happens any more, least of all after the last word. Messages that were kept stay in flight.
            self.timers = Timers::default();
            return;
        }
        for _ in 0..BATCH {
            let wall = self.shared.clock.wall();
            match self.timers.due(wall) {
                None => break,
                Some(Due::Timer(timer, weight, due)) => {
                    worker.recorder.timer_lateness(wall - due);
                    self.input_at(worker, wall, Input::Timer(timer));
                    self.settle(i64::from(weight == Weight::Progress));
                }
                Some(Due::Item(item, due)) => {
                    // A job that ends late is as bad as a timer; a message is late by its own measure.
                    if matches!(item, Item::JobDone { .. }) {
                        worker.recorder.timer_lateness(wall - due);
                    }
                    self.take(worker, wall, item);
                }
            }
        }
        let wall = self.shared.clock.wall();
        self.take_instant(worker, wall);
        self.let_go();
    }

    /// Takes an item out of the inbox, or puts it aside until it is due. What is on an item's way to the node is inlined:
    /// moving it from function to function cost as much as handling a small message.
    #[inline(always)]
    fn item(&mut self, worker: &mut Worker, wall: u64, item: Item) {
        if self.shared.over.load(Ordering::Relaxed) {
            // What still lies here stays in flight.
            if matches!(item, Item::Command(Command::Quit)) {
                self.quit(worker);
            }
            return;
        }
        let due = match &item {
            Item::Message(envelope) => {
                self.shared.memory.taken(self.id, envelope.bytes);
                envelope.due
            }
            Item::JobDone { due, .. } | Item::Response { due, .. } => *due,
            Item::Command(_) => 0,
        };
        if due > wall {
            self.timers.keep(item, due);
        } else {
            self.take(worker, wall, item);
        }
    }

    #[inline(always)]
    fn take(&mut self, worker: &mut Worker, wall: u64, item: Item) {
        match item {
            Item::Message(envelope) => {
                let Some(envelope) = self.through_downlink(wall, envelope) else { return };
                // It is let go of with the batch: until then it stands in for what follows from it.
                self.settle(i64::from(envelope.progress));
                self.message(worker, wall, envelope);
            }
            Item::Response { incarnation, request, response, .. } => {
                self.settle(1);
                if incarnation == self.incarnation {
                    self.response(worker, wall, request, response);
                }
            }
            Item::JobDone { incarnation, job, result, .. } => {
                if incarnation == self.incarnation {
                    match result {
                        Ok(result) => self.input_at(worker, wall, Input::JobDone { job, result }),
                        Err(panic) => self.die(worker, Fate::Panicked, Some(panic)),
                    }
                }
                self.settle(1);
            }
            Item::Command(command) => {
                self.command(worker, command);
                self.settle(1);
            }
        }
    }

    /// A message that has arrived at the node's downlink; it is kept until it is through, unless that is now.
    #[inline(always)]
    fn through_downlink(&mut self, wall: u64, mut envelope: Envelope) -> Option<Envelope> {
        let shared = &self.shared;
        let Some(links) = shared.plan.links.as_ref().filter(|links| links.queues_at_receiver()) else {
            return Some(envelope);
        };
        if envelope.through || self.node.is_none() {
            return Some(envelope);
        }
        // It arrived when it was due, however late this task looks at it.
        let arrived = shared.clock.scenario(envelope.due);
        let through =
            links.arrive(&mut self.port, shared.faults().as_deref(), self.id, arrived, envelope.bytes);
        envelope.due = envelope.due.saturating_add(shared.clock.wall_span(through.since(arrived)));
        envelope.through = true;
        if envelope.due <= wall {
            return Some(envelope);
        }
        let due = envelope.due;
        self.timers.keep(Item::Message(envelope), due);
        None
    }

    /// So many pending things are done with.
    fn settle(&mut self, done: i64) {
        self.settled += done;
    }

    /// Lets go of what is done with, now that what follows from it is pending itself.
    fn let_go(&mut self) {
        if self.settled != 0 {
            self.shared.pending.fetch_sub(std::mem::take(&mut self.settled), Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn message(&mut self, worker: &mut Worker, wall: u64, envelope: Envelope) {
        if self.node.is_none() {
            return self.undeliverable(worker, &envelope);
        }
        let Envelope { from, message, back, sent, phase, bytes, outside, .. } = envelope;
        worker.recorder.at(wall);
        if matches!(message, Message::Handshake | Message::Disconnect) {
            self.port.close(from);
        }
        let back = match back {
            Some(Back::Caller(reply)) if !self.greeted(from, &message) => {
                reply.answer(Answer::Error(crate::node::REFUSED.into()));
                return worker.recorder.dropped(phase, wire::Command::Handshake, Cause::Overflow, 1);
            }
            back => back,
        };
        let waited = wall.saturating_sub(sent);
        let request = match &back {
            Some(Back::Node(it)) => (!it.only_failure).then_some(it.request),
            // Whoever calls waits, and has no number for it.
            Some(Back::Caller(_)) => Some(0),
            None => None,
        };
        let to_node = Delivery { from, to: self.id, phase, bytes, waited: (!outside).then_some(waited) };
        match message.command().filter(|_| !message.is_news()) {
            Some(command) => {
                let Worker { recorder, tracer, .. } = worker;
                let clock = self.shared.clock;
                ledger::delivered(recorder, tracer, &to_node, &message, command, || {
                    (clock.scenario(sent), clock.scenario(wall))
                });
                self.handled += 1;
                self.with_return(back, |this| {
                    this.input_at(worker, wall, Input::Message { from, message, request });
                });
            }
            None => {
                // In memory nobody sends a node what it has said itself.
                let own = if request.is_some() { own(&message, self.id) } else { None };
                self.with_return(back, |this| {
                    this.input_at(worker, wall, Input::Message { from, message, request });
                });
                // The node passes over what it has said itself.
                if let Some(command) = own {
                    worker.recorder.duplicate(phase, command, 1, bytes);
                    self.handled += 1;
                }
                let Worker { recorder, taken, .. } = worker;
                self.handled += ledger::heard(recorder, taken, phase, to_node.waited).0;
            }
        }
    }

    #[inline(always)]
    fn response(&mut self, worker: &mut Worker, wall: u64, request: RequestId, response: Response) {
        if let Some(i) = self.requests.iter().position(|it| it.id == request) {
            let it = self.requests.swap_remove(i);
            worker.recorder.at(wall);
            // A failure is not an answer: how long it took says nothing about the network.
            if !matches!(response, Response::Timeout | Response::Unreachable) {
                let took = wall.saturating_sub(it.sent);
                worker.recorder.rpc_latency(it.phase, it.command, took);
            }
        }
        self.input_at(worker, wall, Input::Response { request, response });
    }

    fn command(&mut self, worker: &mut Worker, command: Command) {
        match command {
            Command::Order(order) => self.order(worker, *order),
            Command::Send(to, outbound) => self.hand_to_line(to, *outbound),
            Command::Answer(reply, answer) => reply.answer(answer),
            Command::Quit => self.quit(worker),
        }
    }

    fn order(&mut self, worker: &mut Worker, order: Order) {
        match order {
            Order::Up(start) => self.up(worker, start),
            Order::Crash => self.die(worker, Fate::Crashed, None),
            Order::Leave => {
                self.input(worker, Input::Control(Control::Leave));
                self.die(worker, Fate::Left, None);
            }
            Order::Control(control) => self.input(worker, Input::Control(control)),
        }
    }

    fn up(&mut self, worker: &mut Worker, start: Start) {
        if self.node.is_some() {
            return;
        }
        let plan = &self.shared.plan;
        let now = self.shared.clock.scenario(self.shared.clock.wall());
        let made = catch_unwind(AssertUnwindSafe(|| {
            let model = plan.learner.initial(self.id);
            let samples = plan.learner.samples(self.id);
            let cx = Context { now, rules: &plan.rules, out: &mut worker.out, taken: &mut worker.taken };
            Box::new(Node::new(&cx, self.id, self.incarnation, model, samples, &start))
        }));
        match made {
            Ok(node) => {
                self.node = Some(node);
                self.socket.iter().for_each(Socket::up);
            }
            Err(panic) => return self.gone(worker, Fate::Panicked, Some(text_of(&*panic))),
        }
        self.input(worker, Input::Start(start));
        let awaited = self.awaited();
        if self.readiness.is_ready_now(awaited) {
            self.ready(now);
        }
    }

    /// The node goes: its timers, requests and pending items with it.
    fn die(&mut self, worker: &mut Worker, fate: Fate, why: Option<String>) {
        if let Some(was) = self.node.take() {
            if let Some(stage) = was.stage() {
                let now = self.shared.clock.scenario(self.shared.clock.wall());
                worker.tracer.last_stage(self.id, stage, now);
            }
            self.gone(worker, fate, why);
        }
    }

    fn gone(&mut self, worker: &mut Worker, fate: Fate, why: Option<String>) {
        let cancelled = self.timers.cancel_all();
        self.settle(cancelled);
        self.requests.clear();
        // What was still under way to it finds nobody, even if it is back before that would have arrived.
        for item in self.timers.drain_later() {
            match item {
                Item::Message(envelope) => {
                    self.undeliverable(worker, &envelope);
                    self.settle(i64::from(envelope.progress));
                }
                Item::Command(Command::Send(to, outbound)) => {
                    // It is in the network already.
                    self.hand_to_line(to, *outbound);
                    self.settle(1);
                }
                _ => self.settle(1),
            }
        }
        let at = self.shared.clock.scenario(self.shared.clock.wall());
        self.ended(fate, at, why);
        self.incarnation += 1;
        self.port.restart();
        self.socket.iter_mut().for_each(Socket::down);
        worker.out.clear();
    }

    pub(super) fn input(&mut self, worker: &mut Worker, input: Input) {
        let wall = self.shared.clock.wall();
        self.input_at(worker, wall, input);
    }

    fn input_at(&mut self, worker: &mut Worker, wall: u64, input: Input) {
        let Some(mut node) = self.node.take() else { return };
        worker.inputs += 1;
        worker.recorder.at(wall);
        worker.taken.clear();
        let shared = &self.shared;
        let now = shared.clock.scenario(wall);
        let handled = catch_unwind(AssertUnwindSafe(|| {
            let Worker { out, taken, .. } = &mut *worker;
            node.handle(&mut Context { now, rules: &shared.plan.rules, out, taken }, input);
        }));
        self.shared.note_stage(self.id, || node.stage());
        self.node = Some(node);
        match handled {
            Ok(()) => self.apply(worker, now, wall),
            Err(panic) => self.die(worker, Fate::Panicked, Some(text_of(&*panic))),
        }
    }

    /// Notes something for the results.
    pub(super) fn record(&mut self, worker: &mut Worker, now: Time, record: Record) {
        let node = self.id;
        let clock = self.shared.clock;
        ledger::said(&mut worker.recorder, &mut worker.tracer, node, now, &record, |nanos| {
            clock.wall_span(std::time::Duration::from_nanos(nanos))
        });
        match record {
            Record::Heard | Record::Connected => {
                let awaited = self.awaited();
                if self.readiness.note(&record, awaited) {
                    self.ready(now);
                }
            }
            Record::Started => {
                self.shared.tell(Event::Started { node, life: self.life() });
            }
            // When the first node enters a round is all that anybody asks.
            Record::RoundStarted(round) => {
                if self.shared.furthest.fetch_max(round + 1, Ordering::Relaxed) <= round {
                    self.shared.tell(Event::RoundStarted(round, now));
                }
            }
            Record::RoundFinished { round, took, model, train_set, trained } => {
                self.round_nanos = self.round_nanos.saturating_add(crate::time::nanos(took));
                self.shared.tell(Event::RoundFinished { node, round, at: now, model, train_set, trained });
            }
            Record::Finished => self.ended(Fate::Finished, now, None),
            Record::Stopped => self.ended(Fate::Stopped, now, None),
            // The ledger has them.
            Record::Stage(..) | Record::Measured(_) => {}
            Record::Failed(why) => self.die(worker, Fate::Failed, Some(why.to_owned())),
            Record::Uninvited(what) => self.shared.sockets.iter().for_each(|it| it.uninvited(what)),
        }
    }

    /// Of how many peers the node has to hear before it is ready.
    fn awaited(&self) -> u32 {
        let plan = &self.shared.plan;
        plan.reach.awaited(self.id).saturating_add(plan.outside())
    }

    fn ready(&self, at: Time) {
        self.shared.tell(Event::Ready { node: self.id, life: self.life(), at });
    }

    /// The node is done, or gone.
    fn ended(&self, fate: Fate, at: Time, why: Option<String>) {
        self.shared.tell(Event::Ended { node: self.id, life: self.life(), fate, at, why });
    }

    /// Which of the node's lives this is, as the script counts them.
    fn life(&self) -> u16 {
        self.incarnation as u16
    }

    /// A message found nobody.
    fn undeliverable(&mut self, worker: &mut Worker, envelope: &Envelope) {
        ledger::lost(&mut worker.recorder, envelope.phase, self.id, &envelope.message, Cause::Crash);
        // A call over a socket breaks off by itself.
        if let Some(Back::Node(back)) = &envelope.back {
            self.answer(envelope.from, *back, Response::Unreachable);
        }
    }

    /// The run is over. Peers outside are told, so that they do not wait for this one.
    fn quit(&mut self, worker: &mut Worker) {
        let word = self.last_word();
        self.leave_outside(worker);
        self.shared.tell(Event::Report(self.id, Box::new(word)));
        self.over = true;
    }

    fn last_word(&self) -> LastWord {
        let node = self.node.as_deref();
        LastWord {
            sent: self.sent,
            handled: self.handled,
            bytes_sent: self.bytes_sent,
            round_nanos: self.round_nanos,
            stage: node.and_then(Node::stage),
            waits_for: node.map(Node::waits_for).unwrap_or_default(),
        }
    }

    /// Handles a request: what the node answers goes back to whoever asked, and to nobody else.
    fn with_return(&mut self, back: Option<Back>, f: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.asking, back);
        f(self);
        if let Some(Back::Caller(reply)) = std::mem::replace(&mut self.asking, before) {
            // A call ends in any case. Of a node that is down it breaks off.
            if self.node.is_some() {
                reply.answer(Answer::Empty);
            }
        }
    }

    /// Over a socket, who is greeted opens a channel of its own back, and closes it when the other says goodbye. False if
    /// it has too many.
    fn greeted(&mut self, from: PeerId, message: &Message) -> bool {
        let Some(socket) = &mut self.socket else { return true };
        match message {
            Message::Handshake => socket.lines.keep(&self.shared, from),
            Message::Disconnect => {
                socket.lines.hang_up(&self.shared, from);
                true
            }
            _ => true,
        }
    }

    /// Whether a message concerns a receiver at all: gossip goes to everyone but its source.
    pub(super) fn concerns(message: &Message, to: PeerId) -> bool {
        !matches!(message, Message::Gossip(parcel) if parcel.iter().all(|it| it.source == to))
    }
}

/// The command of gossip that a node has said itself and that has come back to it.
fn own(message: &Message, node: PeerId) -> Option<wire::Command> {
    let Message::Gossip(parcel) = message else { return None };
    parcel.first().filter(|it| it.source == node).map(|it| it.body.command())
}
