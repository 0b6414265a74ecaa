//! Nodes exchange messages of a given size and do nothing else: what a transport costs.
//!
//! A node sends to each of its peers in a *stream* of its own, either in a closed loop, with so many messages under way,
//! or in an open one, at a rate. It goes through *cells*, one for each combination of payload and concurrency. With a
//! duration they are a schedule that all nodes keep from when learning began: each cell warms up, which also is the time
//! for the last messages of the cell before, and then is measured. With a count a node goes on to the next cell when all
//! that it sent has arrived.
//!
//! In a closed loop without answers nothing would tell the sender when to send the next message: so every so many
//! messages (half of what may be under way) ask for an answer, which tells that those before have arrived.

mod kind;
pub mod spec;
mod streams;

use super::context::Context;
use super::io::{Expect, Measured, Record, RequestId, Timer, Weight};
use super::links::Links;
use super::machine::{Birth, Fault, Machine};
use super::spec::Workflow;
use crate::learning::Model;
use crate::random::Purpose;
use crate::time::{Time, nanos};
use crate::wire::{self, Message, NO_ROUND, PeerId, Response};
use rand::RngExt;
use spec::{Exchange, Extent, Probe as Spec};
use std::sync::Arc;
use streams::{Slot, Slots, Stream};

/// Messages of an open loop that are sent at a time, before other nodes get their turn.
const BURST: u32 = 256;

/// A node's state in the workflow.
#[derive(Debug)]
pub struct Probe {
    streams: Box<[Stream]>,
    slots: Slots,
    /// It weighs, and nothing else: results ask for one.
    model: Arc<Model>,
    late: bool,
    zero: Option<Time>,
    step: Step,
    cell: u32,
    /// Messages under way at a time, for each stream, and every how many one asks for an answer.
    concurrency: u32,
    every: u32,
    payload: u32,
    /// When the cell is measured; with a count, from when it began on.
    window: (Time, Time),
    /// Streams that have more to send, where there is a count.
    active: usize,
    /// Messages of an open loop so far, and by which part of the time between two of them they are put off.
    issued: u64,
    phase: f64,
    /// When the cell began.
    began: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The run has not begun.
    Idle,
    /// The next cell has not.
    Waiting,
    /// Messages are exchanged and not measured.
    Warming,
    /// They are measured.
    Measuring,
    /// What was sent last is still under way.
    Closing,
    Over,
}

impl Machine for Probe {
    fn new(cx: &Context, birth: Birth) -> Self {
        let Birth { node, model, start, .. } = birth;
        let peers = spec(cx).map(|it| streams::peers(node, &start.neighbours, it.pattern));
        let phase = cx.random(node, Purpose::Phase, 2).random::<f64>();
        Self {
            streams: peers.into_iter().flatten().map(Stream::to).collect(),
            slots: Slots::default(),
            model,
            late: start.late,
            zero: None,
            step: Step::Idle,
            cell: 0,
            concurrency: 0,
            every: 1,
            payload: 0,
            window: (Time::NEVER, Time::NEVER),
            active: 0,
            issued: 0,
            phase,
            began: Time::ZERO,
        }
    }

    /// The run begins.
    fn begin(&mut self, cx: &mut Context, _links: &mut Links, zero: Time) {
        let Some(spec) = spec(cx) else { return };
        if self.step != Step::Idle {
            return;
        }
        cx.record(Record::Started);
        self.zero = Some(zero);
        match spec.extent() {
            // Who comes late has missed cells that the others have counted; it answers them.
            Extent::Count(_) if self.late => self.finish(cx),
            Extent::Count(_) => self.enter(cx, spec),
            Extent::Time { warm_up, measured } => {
                if self.late {
                    let span = nanos(warm_up + measured).max(1);
                    let next = nanos(cx.now.since(zero)) / span + 1;
                    self.cell = u32::try_from(next).unwrap_or(u32::MAX);
                }
                if self.cell >= spec.cells() {
                    return self.finish(cx);
                }
                if self.late {
                    self.step = Step::Waiting;
                    cx.set_timer(Timer::Stage, self.start_of(spec, self.cell), Weight::Progress);
                } else {
                    self.enter(cx, spec);
                }
            }
        }
    }

    /// The run ends before its time.
    fn stop(&mut self, cx: &mut Context, _links: &mut Links) {
        if !matches!(self.step, Step::Idle | Step::Over) {
            self.step = Step::Over;
            cx.cancel_timer(Timer::Stage);
            cx.cancel_timer(Timer::Models);
            cx.record(Record::Stopped);
        }
    }

    fn own(&mut self, cx: &mut Context, from: PeerId, it: &Message, request: Option<RequestId>) -> bool {
        cx.reply(from, request, Response::Empty);
        if let Message::Probe(it) = *it {
            self.message(cx, it);
        }
        false
    }

    /// An answer, or that there is none. A peer that cannot be reached is left alone until the next cell.
    fn response(&mut self, cx: &mut Context, _links: &mut Links, request: RequestId, it: &Response) {
        let Some(spec) = spec(cx) else { return };
        let Some(slot) = self.slots.take(request) else { return };
        if *it != Response::Empty {
            cx.record(Record::Measured(Measured::Failed { cell: slot.cell }));
        } else if spec.mode == Exchange::Request {
            cx.record(Record::Measured(Measured::Answered {
                cell: slot.cell,
                within: self.within(spec, cx.now, slot.cell),
                took: nanos(cx.now.since(slot.sent)),
                since_due: spec.rate.map(|_| nanos(cx.now.since(slot.due))),
            }));
        }
        match self.step {
            Step::Warming | Step::Measuring if slot.of == self.cell => {
                let place = slot.stream as usize;
                let stream = &mut self.streams[place];
                stream.open = stream.open.saturating_sub(slot.worth);
                if !matches!(it, Response::Empty | Response::Timeout) {
                    self.exhaust(place);
                }
                if spec.rate.is_none() {
                    self.fill(cx, spec, place);
                }
                self.check_counted(cx, spec);
            }
            Step::Closing if self.slots.is_empty() => self.finish(cx),
            _ => {}
        }
    }

    /// A timer is due: the next message of an open loop, or the next step of a cell.
    fn timer(&mut self, cx: &mut Context, _links: &mut Links, timer: Timer) -> Result<(), Fault> {
        let Some(spec) = spec(cx) else { return Ok(()) };
        match (timer, self.step) {
            (Timer::Models, Step::Warming | Step::Measuring) => self.issue(cx, spec, BURST),
            (Timer::Stage, Step::Waiting) => self.enter(cx, spec),
            (Timer::Stage, Step::Warming) => self.measure(cx),
            (Timer::Stage, Step::Measuring) => self.leave(cx, spec),
            _ => {}
        }
        Ok(())
    }

    fn waits_for(&self, _links: &Links) -> String {
        match self.step {
            Step::Idle => "the beginning".into(),
            Step::Waiting => format!("cell {}", self.cell),
            Step::Warming | Step::Measuring => format!("messages of cell {} to arrive", self.cell),
            Step::Closing => "its last messages to arrive".into(),
            Step::Over => "nothing: it has finished".into(),
        }
    }
}

impl Probe {
    /// A peer's message. Requests are answered at once.
    fn message(&self, cx: &mut Context, probe: wire::Probe) {
        let Some(spec) = spec(cx) else { return };
        if spec.mode == Exchange::OneWay {
            let since_due = spec.rate.map(|_| nanos(cx.now.since(probe.due)));
            let within = self.within(spec, cx.now, probe.cell);
            cx.record(Record::Measured(Measured::Arrived { cell: probe.cell, within, since_due }));
        }
    }

    /// A cell begins.
    fn enter(&mut self, cx: &mut Context, spec: &Spec) {
        let Some(cell) = spec.cell(self.cell) else { return self.finish(cx) };
        self.streams.iter_mut().for_each(|it| *it = Stream::to(it.peer));
        self.active = self.streams.len();
        self.issued = 0;
        self.payload = cell.payload;
        self.concurrency = cell.concurrency.unwrap_or(u32::MAX);
        self.every = match (spec.mode, cell.concurrency) {
            (Exchange::Request, _) => 1,
            (Exchange::OneWay, Some(concurrency)) => concurrency.div_ceil(2).max(1),
            (Exchange::OneWay, None) => u32::MAX,
        };
        self.step = Step::Warming;
        match spec.extent() {
            Extent::Time { warm_up, measured } => {
                self.began = self.start_of(spec, self.cell);
                self.window = (self.began + warm_up, self.began + warm_up + measured);
                cx.set_timer(Timer::Stage, self.window.0, Weight::Progress);
                if cx.now >= self.window.0 {
                    self.measure(cx);
                }
            }
            Extent::Count(_) => {
                self.began = cx.now;
                self.window = (cx.now, Time::NEVER);
                self.measure(cx);
            }
        }
        if spec.rate.is_some() {
            self.issue(cx, spec, BURST);
        } else {
            (0..self.streams.len()).for_each(|place| self.fill(cx, spec, place));
        }
        self.check_counted(cx, spec);
    }

    /// The cell is warm.
    fn measure(&mut self, cx: &mut Context) {
        self.step = Step::Measuring;
        cx.record(Record::RoundStarted(self.cell));
        if self.window.1 != Time::NEVER {
            cx.set_timer(Timer::Stage, self.window.1, Weight::Progress);
        }
    }

    /// The cell is over.
    fn leave(&mut self, cx: &mut Context, spec: &Spec) {
        if spec.rate.is_some() && spec.count.is_none() {
            // What was due is sent, however late it is: to leave it out would make the machine look faster than it is.
            self.issue(cx, spec, u32::MAX);
            cx.cancel_timer(Timer::Models);
        }
        cx.record(Record::RoundFinished {
            round: self.cell,
            took: cx.now.since(self.window.0),
            model: Arc::clone(&self.model),
            train_set: None,
            trained: false,
        });
        self.cell += 1;
        if self.cell < spec.cells() {
            return self.enter(cx, spec);
        }
        self.step = Step::Closing;
        if spec.mode == Exchange::OneWay && spec.count.is_none() {
            // An empty message at the end asks for an answer: what was sent before it has arrived by then.
            (self.payload, self.every) = (0, 1);
            for place in 0..self.streams.len() {
                if self.streams[place].sent > 0 && !self.streams[place].done {
                    self.send(cx, spec, place, cx.now);
                }
            }
        }
        if self.slots.is_empty() {
            self.finish(cx);
        }
    }

    fn finish(&mut self, cx: &mut Context) {
        self.step = Step::Over;
        cx.cancel_timer(Timer::Stage);
        cx.record(Record::Finished);
    }

    /// Where there is a count: whether all has been sent and has arrived.
    fn check_counted(&mut self, cx: &mut Context, spec: &Spec) {
        if spec.count.is_some() && self.active == 0 && self.slots.is_empty() && self.step == Step::Measuring {
            self.leave(cx, spec);
        }
    }

    /// Sends as much to a peer as may be under way.
    fn fill(&mut self, cx: &mut Context, spec: &Spec, place: usize) {
        while !self.streams[place].done && self.streams[place].open < self.concurrency {
            self.send(cx, spec, place, cx.now);
        }
    }

    /// Sends what is due in an open loop, and sets the timer for the next message. Peers get theirs in turn, and evenly
    /// over the time.
    fn issue(&mut self, cx: &mut Context, spec: &Spec, most: u32) {
        let Some(rate) = spec.rate.filter(|_| !self.streams.is_empty()) else { return };
        let streams = self.streams.len() as u64;
        let a_second = rate * streams as f64;
        for _ in 0..most {
            let after = (self.issued as f64 + self.phase) / a_second * 1e9;
            let due = Time::from_nanos(self.began.as_nanos().saturating_add(after as u64));
            if due >= self.window.1 || spec.count.is_some() && self.active == 0 {
                return;
            }
            if due > cx.now {
                return cx.set_timer(Timer::Models, due, Weight::Progress);
            }
            let place = (self.issued % streams) as usize;
            self.issued += 1;
            if !self.streams[place].done {
                self.send(cx, spec, place, due);
            }
        }
        cx.set_timer(Timer::Models, cx.now, Weight::Progress);
    }

    fn send(&mut self, cx: &mut Context, spec: &Spec, place: usize, due: Time) {
        let measured = due >= self.window.0 && due < self.window.1 && self.step != Step::Closing;
        let cell = if measured { self.cell as i32 } else { NO_ROUND };
        let stream = &mut self.streams[place];
        stream.sent += 1;
        stream.open = stream.open.saturating_add(1);
        stream.unasked += 1;
        let last = spec.count == Some(stream.sent);
        let mut expect = Expect::Nothing;
        if stream.unasked >= self.every || last {
            let worth = std::mem::take(&mut stream.unasked);
            let (stream, of, sent) = (place as u32, self.cell, cx.now);
            expect = Expect::Response(self.slots.keep(Slot { stream, of, cell, worth, sent, due }));
        }
        let peer = stream.peer;
        if last {
            self.exhaust(place);
        }
        if measured && spec.rate.is_some() {
            cx.record(Record::Measured(Measured::Late { cell, by: nanos(cx.now.since(due)) }));
        }
        cx.send(peer, Message::Probe(wire::Probe { cell, size: self.payload, due }), expect);
    }

    fn exhaust(&mut self, place: usize) {
        let stream = &mut self.streams[place];
        self.active -= usize::from(!stream.done);
        stream.done = true;
    }

    /// The cell whose throughput a message counts for that arrives now; with a count, its own.
    fn within(&self, spec: &Spec, now: Time, cell: i32) -> i32 {
        if spec.count.is_some() {
            cell
        } else if now >= self.window.0 && now < self.window.1 {
            self.cell as i32
        } else {
            NO_ROUND
        }
    }

    /// When a cell of a schedule begins.
    fn start_of(&self, spec: &Spec, cell: u32) -> Time {
        let Extent::Time { warm_up, measured } = spec.extent() else { return Time::NEVER };
        let span = nanos(warm_up).saturating_add(nanos(measured));
        let zero = self.zero.unwrap_or(Time::ZERO);
        Time::from_nanos(zero.as_nanos().saturating_add(span.saturating_mul(cell.into())))
    }
}

fn spec<'a>(cx: &Context<'a>) -> Option<&'a Spec> {
    if let Workflow::Probe(spec) = &cx.rules.workflow { Some(spec) } else { None }
}
