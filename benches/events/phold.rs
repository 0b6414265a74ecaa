//! PHOLD (Fujimoto 1990, "Performance of Time Warp under synthetic workloads"): every process has one event to begin
//! with, and each event sends one to a process drawn uniformly, 10 ms + Exp(40 ms) later. The handler does next to
//! nothing, so what is measured is how events are kept and ordered.
//!
//! The same model runs in four loops: a bare binary heap, bare windows, the engine's core, and the engine's threads.
//! They all give the same hash.

use p2pfl_sim::engine::event::calendar::Window;
use p2pfl_sim::engine::event::core::{Core, Event, Order, Outbox, Sharding, World};
use p2pfl_sim::engine::event::crew::{self, Conduct, Run};
use p2pfl_sim::time::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::MutexGuard;
use std::time::Duration;

/// The least delay, and so the width of a window.
const LOOKAHEAD: Duration = Duration::from_millis(10);
const WIDTH: u64 = 10_000_000;
/// The mean of what is drawn on top.
const MEAN: f64 = 40e6;

/// One process: a generator of its own and a hash over its events.
#[derive(Clone, Copy)]
struct Process {
    random: u64,
    chain: u64,
    seq: u32,
}

impl Process {
    /// Xorshift64* (Vigna 2016) from a seed that is not zero.
    fn draw(&mut self) -> u64 {
        let mut x = self.random;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random = x;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// When and where the next event will be.
    fn next(&mut self, at: u64, processes: u32) -> (u64, u32) {
        let to = ((self.draw() >> 32) * u64::from(processes)) >> 32;
        let uniform = ((self.draw() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        (at + WIDTH + (-MEAN * libm::log(uniform)) as u64, to as u32)
    }

    /// An event happens.
    fn handle(&mut self, at: u64, processes: u32) -> (u64, u32) {
        self.chain = (self.chain ^ at).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        self.seq += 1;
        self.next(at, processes)
    }
}

/// The processes from one number to another.
fn processes(range: std::ops::Range<u32>) -> Vec<Process> {
    let seeded =
        |i: u32| Process { random: (u64::from(i) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15), chain: 0, seq: 0 };
    range.map(seeded).collect()
}

/// The chains of all processes, in their order, and how many events there were.
fn outcome<'a>(processes: impl Iterator<Item = &'a Process>) -> Outcome {
    processes.fold(Outcome { hash: 0, events: 0 }, |sum, it| Outcome {
        hash: (sum.hash ^ it.chain).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31),
        events: sum.events + u64::from(it.seq),
    })
}

/// What a run leaves: loops that do the same leave the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    hash: u64,
    /// Events that were handled.
    pub events: u64,
}

/// A loop that runs the model.
pub trait Loop {
    /// With its first events.
    fn new(processes: u32) -> Self;
    /// Runs all events before the end of a window.
    fn run(&mut self, windows: Window);
    fn outcome(&self) -> Outcome;
}

/// One binary heap of (time, sequence number, process), and nothing else.
pub struct Heap {
    processes: Vec<Process>,
    heap: BinaryHeap<Reverse<(u64, u32, u32)>>,
    seq: u32,
}

impl Loop for Heap {
    fn new(count: u32) -> Self {
        let mut processes = processes(0..count);
        let first = |(seq, process): (u32, &mut Process)| {
            let (at, to) = process.next(0, count);
            Reverse((at, seq, to))
        };
        let heap = (0..).zip(&mut processes).map(first).collect();
        Self { processes, heap, seq: count }
    }

    fn run(&mut self, windows: Window) {
        let count = self.processes.len() as u32;
        while let Some(mut top) = self.heap.peek_mut()
            && top.0.0 < windows * WIDTH
        {
            let (at, to) = self.processes[top.0.2 as usize].handle(top.0.0, count);
            // Cheaper than taking one out and putting another in.
            *top = Reverse((at, self.seq, to));
            self.seq = self.seq.wrapping_add(1);
        }
    }

    fn outcome(&self) -> Outcome {
        outcome(self.processes.iter())
    }
}

/// An event of the bare windows.
#[derive(Clone, Copy, Default)]
struct Bare {
    at: u64,
    to: u32,
    from: u32,
    seq: u32,
}

/// Windows that are sorted by destination, time, source and sequence number, written for this model alone: the sort
/// knows that destinations are uniform, and the calendar that no delay is longer than its ring.
pub struct Windows {
    processes: Vec<Process>,
    ring: Vec<Vec<Bare>>,
    next: Window,
    ends: Vec<u32>,
    sorted: Vec<Bare>,
}

/// More windows than any delay is long: the longest that can be drawn is 1.5 s.
const RING: usize = 256;

impl Windows {
    /// Spreads a bucket over slots of neighbouring destinations, about as many as there are events, and sorts each
    /// slot: a good deal faster than sorting the bucket as it is.
    fn sort(&mut self, bucket: &[Bare]) {
        let count = self.processes.len();
        let per_slot = (count / bucket.len().max(1)).max(1).ilog2();
        let slots = (count >> per_slot) + 1;
        self.ends.clear();
        self.ends.resize(slots + 1, 0);
        for event in bucket {
            self.ends[(event.to >> per_slot) as usize + 1] += 1;
        }
        let mut sum = 0;
        for end in &mut self.ends {
            sum += *end;
            *end = sum;
        }
        self.sorted.resize(bucket.len(), Bare::default());
        for event in bucket {
            let end = &mut self.ends[(event.to >> per_slot) as usize];
            self.sorted[*end as usize] = *event;
            *end += 1;
        }
        let mut start = 0;
        for &end in &self.ends[..slots] {
            let slot = &mut self.sorted[start..end as usize];
            if slot.len() > 1 {
                slot.sort_unstable_by_key(|it| (it.to, it.at, it.from, it.seq));
            }
            start = end as usize;
        }
    }
}

impl Loop for Windows {
    fn new(count: u32) -> Self {
        let mut processes = processes(0..count);
        let mut ring = vec![Vec::new(); RING];
        for (from, process) in (0..).zip(&mut processes) {
            let (at, to) = process.next(0, count);
            ring[(at / WIDTH) as usize % RING].push(Bare { at, to, from, seq: 0 });
        }
        Self { processes, ring, next: 0, ends: Vec::new(), sorted: Vec::new() }
    }

    fn run(&mut self, windows: Window) {
        let count = self.processes.len() as u32;
        while self.next < windows {
            let place = self.next as usize % RING;
            let mut bucket = std::mem::take(&mut self.ring[place]);
            self.sort(&bucket);
            for event in &self.sorted {
                let process = &mut self.processes[event.to as usize];
                let (at, to) = process.handle(event.at, count);
                let place = (at / WIDTH) as usize % RING;
                self.ring[place].push(Bare { at, to, from: event.to, seq: process.seq });
            }
            bucket.clear();
            self.ring[place] = bucket;
            self.next += 1;
        }
    }

    fn outcome(&self) -> Outcome {
        outcome(self.processes.iter())
    }
}

/// What an event carries: nothing of interest, but it takes a place.
type Body = bool;

/// The processes of one shard.
struct Block {
    processes: Vec<Process>,
    first: u32,
    count: u32,
}

impl World for Block {
    type Body = Body;

    fn handle(&mut self, event: Event<Body>, out: &mut Outbox<Body>) {
        let process = &mut self.processes[(event.to - self.first) as usize];
        let (at, to) = process.handle(event.at.as_nanos(), self.count);
        out.push(Event { at: Time::from_nanos(at), to, from: event.to, seq: process.seq, body: event.body });
    }
}

/// A shard of the engine with processes of this model.
pub struct Shard {
    core: Core<Body>,
    block: Block,
}

impl Shard {
    fn new(sharding: Sharding, number: u32) -> Self {
        let range = sharding.range(number);
        let mut core = Core::new(sharding, number, LOOKAHEAD, Order::ByProcess);
        let mut block =
            Block { processes: processes(range.clone()), first: range.start, count: sharding.processes };
        for (from, process) in range.zip(&mut block.processes) {
            let (at, to) = process.next(0, sharding.processes);
            core.outbox().push(Event { at: Time::from_nanos(at), to, from, seq: 0, body: true });
        }
        Self { core, block }
    }
}

/// The engine's core, on the calling thread.
pub struct OurCore(Shard);

impl Loop for OurCore {
    fn new(processes: u32) -> Self {
        Self(Shard::new(Sharding { processes, shards: 1 }, 0))
    }

    fn run(&mut self, windows: Window) {
        let Shard { core, block } = &mut self.0;
        while let Some(window) = core.first()
            && window < windows
        {
            core.run(window, block);
        }
    }

    fn outcome(&self) -> Outcome {
        outcome(self.0.block.processes.iter())
    }
}

/// The engine's threads, so many of them.
pub struct Threads<const N: u32>(Vec<Shard>);

impl<const N: u32> Loop for Threads<N> {
    fn new(processes: u32) -> Self {
        let sharding = Sharding { processes, shards: N };
        Self((0..N).map(|number| Shard::new(sharding, number)).collect())
    }

    fn run(&mut self, windows: Window) {
        let shards = std::mem::take(&mut self.0);
        self.0 = crew::run(shards, &mut Until(windows)).expect("the machine has threads to give");
    }

    fn outcome(&self) -> Outcome {
        outcome(self.0.iter().flat_map(|it| &it.block.processes))
    }
}

impl Run for Shard {
    type Body = Body;
    type Word = ();

    fn core(&mut self) -> &mut Core<Body> {
        &mut self.core
    }

    fn window(&mut self, window: Window) {
        self.core.run(window, &mut self.block);
    }

    fn word(&mut self) {}
}

/// Ends it before a window.
struct Until(Window);

impl Conduct<Shard> for Until {
    type Watch = Window;

    fn calls(&end: &Window, _: &[()], next: Option<Window>) -> bool {
        next.is_none_or(|next| next >= end)
    }

    fn act(&mut self, _: &mut [MutexGuard<'_, Shard>], _: &[()], next: Option<Window>) -> Option<Window> {
        next.filter(|&next| next < self.0).map(|_| self.0)
    }
}
