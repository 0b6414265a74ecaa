//! The heart of the event engine: takes the events of one window after another, sorts them, and runs them process by
//! process.
//!
//! A window is no wider than the least time that an event takes from one process to another (the lookahead), so within
//! a window processes cannot affect each other. Its events are sorted by destination, time, source and sequence
//! number and run one process after another, which is two to three times faster than a heap of all events, for a
//! process's state is fetched once for all its events of the window. What a process sends itself may come sooner: a
//! small heap of its own holds what is left of the window.
//!
//! It knows nothing of nodes and networks: what a process does with an event is for a [`World`] to say.

use super::agenda::{Agenda, HANDFUL};
use super::calendar::{Bucket, Calendar, Window};
use crate::time::Time;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Events whose memory is fetched together.
const GLANCE: usize = 16;

/// Something that happens to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<B> {
    /// When.
    pub at: Time,
    /// To whom.
    pub to: u32,
    /// Who caused it.
    pub from: u32,
    /// Counts the events that the source caused. Two events of one source never have the same number.
    pub seq: u32,
    /// What.
    pub body: B,
}

impl<B> Event<B> {
    /// The same with what it carries made into something else.
    fn map<A>(self, make: impl FnOnce(B) -> A) -> Event<A> {
        let Self { at, to, from, seq, body } = self;
        Event { at, to, from, seq, body: make(body) }
    }

    /// What orders the events of one process.
    fn order(&self) -> (Time, u32, u32) {
        (self.at, self.from, self.seq)
    }
}

/// What an event carries.
pub trait Payload: Sized + From<<Self as Payload>::Crossing> {
    /// As much of it as may go to another shard, which could be another process.
    type Crossing;

    /// The same for another shard; nothing if it has to stay where it is.
    fn cross(self) -> Option<Self::Crossing>;
}

/// Plain values can go anywhere.
impl<T: Copy> Payload for T {
    type Crossing = T;

    fn cross(self) -> Option<T> {
        Some(self)
    }
}

/// The processes of one shard.
pub trait World {
    /// What an event carries.
    type Body: Payload;

    /// Something happens to a process. What follows from it goes into `out`.
    fn handle(&mut self, event: Event<Self::Body>, out: &mut Outbox<Self::Body>);

    /// Reads what is at hand of what an event will need, a little before its turn: of many events at once the memory
    /// is fetched in the time of one. What is read means nothing.
    fn glance(&self, _event: &Event<Self::Body>) -> u64 {
        0
    }

    /// The same for what is known only after a first glance: where that points to.
    fn look(&self, _event: &Event<Self::Body>) -> u64 {
        0
    }

    /// Whether the run has to end now, and what is left of the window is dropped. It is asked after every handful of events,
    /// and has to say so again once it has.
    fn gives_up(&mut self) -> bool {
        false
    }
}

/// Which shard a process belongs to: each has a block of neighbouring numbers.
#[derive(Clone, Copy, Debug)]
pub struct Sharding {
    /// How many processes there are.
    pub processes: u32,
    /// How many shards there are.
    pub shards: u32,
}

impl Sharding {
    fn block(&self) -> u32 {
        self.processes.div_ceil(self.shards).max(1)
    }

    /// The shard of a process.
    pub fn shard(&self, process: u32) -> u32 {
        if self.shards == 1 { 0 } else { process / self.block() }
    }

    /// The processes of a shard.
    pub fn range(&self, shard: u32) -> std::ops::Range<u32> {
        let start = shard.saturating_mul(self.block()).min(self.processes);
        start..start.saturating_add(self.block()).min(self.processes)
    }
}

/// In which order the events of a window run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Process by process.
    ByProcess,
    /// Strictly by time, for processes that share state. There can only be one shard then.
    ByTime,
}

/// Where new events go: into the calendar of this shard, to another shard at the window's end, or into the rest of the
/// running window.
pub struct Outbox<B: Payload> {
    calendar: Calendar<B>,
    /// For every shard, what it gets at the window's end.
    abroad: Vec<Vec<Event<B::Crossing>>>,
    /// What is left of this window beside its bucket.
    soon: BinaryHeap<Soon<B>>,
    sharding: Sharding,
    shard: u32,
    order: Order,
    /// The end of the running window.
    end: Time,
    /// The process whose turn it is.
    running: u32,
}

/// One shard's events.
pub struct Core<B: Payload> {
    out: Outbox<B>,
    width: u64,
    /// The end of the last window that was run.
    reached: Time,
    agenda: Agenda,
}

impl<B: Payload> Core<B> {
    /// No events yet. `lookahead` is the least time from one process to another.
    pub fn new(sharding: Sharding, shard: u32, lookahead: std::time::Duration, order: Order) -> Self {
        assert!(order == Order::ByProcess || sharding.shards == 1, "one shard alone can go by time");
        let width = crate::time::nanos(lookahead).max(1);
        let out = Outbox {
            calendar: Calendar::new(width),
            abroad: (0..sharding.shards).map(|_| Vec::new()).collect(),
            soon: BinaryHeap::new(),
            sharding,
            shard,
            order,
            end: Time::ZERO,
            running: 0,
        };
        Self { out, width, reached: Time::ZERO, agenda: Agenda::default() }
    }

    /// Where events go that no event caused.
    pub fn outbox(&mut self) -> &mut Outbox<B> {
        &mut self.out
    }

    /// The first window in which there is something to do.
    pub fn first(&self) -> Option<Window> {
        self.out.calendar.first()
    }

    /// The earliest window of what other shards are about to get.
    pub fn first_abroad(&self) -> Option<Window> {
        let abroad = self.out.abroad.iter().flatten();
        abroad.map(|event| self.out.calendar.window(event.at)).min()
    }

    /// The end of the last window that was run: nothing has happened yet after it.
    pub fn reached(&self) -> Time {
        self.reached
    }

    /// The end of a window, which does not belong to it.
    pub fn end_of(&self, window: Window) -> Time {
        Time::from_nanos((window + 1).saturating_mul(self.width))
    }

    /// Exchanges what a shard has for another with the mailbox between them.
    pub fn hand_over(&mut self, to: u32, mailbox: &mut Vec<Event<B::Crossing>>) {
        std::mem::swap(&mut self.out.abroad[to as usize], mailbox);
    }

    /// Takes what another shard had for this one. The order makes no difference: windows are sorted.
    pub fn take_over(&mut self, mailbox: &mut Vec<Event<B::Crossing>>) {
        for event in mailbox.drain(..) {
            self.out.calendar.push(event.map(B::from));
        }
    }

    /// Runs all events of a window, unless the world gives up.
    pub fn run(&mut self, window: Window, world: &mut impl World<Body = B>) {
        let mut bucket = self.out.calendar.take(window);
        self.out.end = self.end_of(window);
        match self.out.order {
            Order::ByProcess => self.by_process(&mut bucket, world),
            Order::ByTime => self.by_time(&mut bucket, world),
        }
        if !world.gives_up() {
            self.out.calendar.recycle(bucket);
        }
        self.reached = self.out.end;
        self.out.end = Time::ZERO;
    }

    fn by_process(&mut self, bucket: &mut Bucket<B>, world: &mut impl World<Body = B>) {
        let mut agenda = std::mem::take(&mut self.agenda);
        agenda.spread(bucket, self.out.sharding.range(self.out.shard));
        'window: while let Some(keys) = agenda.next(bucket) {
            if world.gives_up() {
                break;
            }
            for (i, key) in keys.iter().enumerate() {
                if i % GLANCE == 0 {
                    let soon = &keys[i..keys.len().min(i + GLANCE)];
                    let events = || soon.iter().filter_map(|key| bucket.get(key.place as usize));
                    std::hint::black_box(events().fold(0, |sum: u64, it| sum.wrapping_add(world.glance(it))));
                    std::hint::black_box(events().fold(0, |sum: u64, it| sum.wrapping_add(world.look(it))));
                }
                if key.to != self.out.running {
                    if !self.run_all_soon(world) {
                        break 'window;
                    }
                    self.out.running = key.to;
                }
                while let Some(Soon(soon)) = self.out.soon.peek()
                    && soon.order() < (key.at, key.from, key.seq)
                {
                    self.run_soon(world);
                }
                if let Some(event) = bucket.take(key.place as usize) {
                    world.handle(event, &mut self.out);
                }
            }
        }
        self.run_all_soon(world);
        self.agenda = agenda;
    }

    /// Runs what is left beside the bucket. Whether the world goes on; if not, nothing is left either.
    fn run_all_soon(&mut self, world: &mut impl World<Body = B>) -> bool {
        let mut run = 0_usize;
        while !self.out.soon.is_empty() {
            run += 1;
            if run.is_multiple_of(HANDFUL) && world.gives_up() {
                self.out.soon.clear();
                return false;
            }
            self.run_soon(world);
        }
        true
    }

    fn run_soon(&mut self, world: &mut impl World<Body = B>) {
        if let Some(Soon(event)) = self.out.soon.pop() {
            world.handle(event, &mut self.out);
        }
    }

    fn by_time(&mut self, bucket: &mut Bucket<B>, world: &mut impl World<Body = B>) {
        self.out.soon.extend((0..bucket.len()).filter_map(|place| bucket.take(place)).map(Soon));
        self.run_all_soon(world);
    }
}

impl<B: Payload> Outbox<B> {
    /// Something will happen.
    ///
    /// # Panics
    /// If it would happen to another process within the running window: then the lookahead was wrong, and so would be
    /// every result. And if what it carries has to stay in its shard, and it goes to another.
    pub fn push(&mut self, event: Event<B>) {
        if event.at < self.end {
            assert!(
                event.to == self.running || self.order == Order::ByTime,
                "an event reaches another process sooner than the lookahead allows"
            );
            self.soon.push(Soon(event));
            return;
        }
        let shard = self.sharding.shard(event.to);
        if shard == self.shard {
            self.calendar.push(event);
        } else {
            let event =
                event.map(|body| body.cross().expect("what has to stay in its shard is sent to another"));
            self.abroad[shard as usize].push(event);
        }
    }
}

/// An event in the heap: the earliest is the greatest.
#[derive(Debug)]
struct Soon<B>(Event<B>);

impl<B> PartialEq for Soon<B> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<B> Eq for Soon<B> {}

impl<B> PartialOrd for Soon<B> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<B> Ord for Soon<B> {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |event: &Event<B>| (event.at, event.to, event.from, event.seq);
        key(&other.0).cmp(&key(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Gives up after some events.
    struct Tired {
        handled: usize,
        enough: usize,
    }

    impl World for Tired {
        type Body = u32;

        fn gives_up(&mut self) -> bool {
            self.handled >= self.enough
        }

        /// Each event is followed by another of the same process at the same moment, until its count is zero.
        fn handle(&mut self, event: Event<u32>, out: &mut Outbox<u32>) {
            self.handled += 1;
            if let Some(body) = event.body.checked_sub(1) {
                out.push(Event { seq: event.seq + 1, body, ..event });
            }
        }
    }

    /// How many events are handled of a window with these processes, each with so many events one after another.
    fn handled(order: Order, processes: u32, each: u32, enough: usize) -> usize {
        let sharding = Sharding { processes, shards: 1 };
        let mut core = Core::new(sharding, 0, Duration::from_secs(1), order);
        for to in 0..processes {
            core.outbox().push(Event { at: Time::ZERO, to, from: to, seq: 0, body: each - 1 });
        }
        let mut world = Tired { handled: 0, enough };
        core.run(0, &mut world);
        assert_eq!(core.first(), None, "what is left of the window is dropped");
        world.handled
    }

    #[test]
    fn a_world_that_gives_up_within_a_window_is_left_alone_at_once() {
        for order in [Order::ByProcess, Order::ByTime] {
            for (processes, each) in [(1, 100_000), (100_000, 1), (300, 300)] {
                let all = processes as usize * each as usize;
                assert_eq!(handled(order, processes, each, usize::MAX), all, "{order:?}");
                let stopped = handled(order, processes, each, 1_000);
                assert!((1_000..1_000 + 2 * HANDFUL).contains(&stopped), "{order:?}: {stopped} of {all}");
            }
        }
    }
}
