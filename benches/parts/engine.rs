//! What an engine does beside its nodes: the event queue, the recorder, histograms, aggregation.

use p2pfl_sim::engine::event::core::{Core, Event, Order, Outbox, Sharding, World};
use p2pfl_sim::learning::{Layout, Model, fedavg};
use p2pfl_sim::metrics::{Histogram, Phase, Recorder, Recording};
use p2pfl_sim::time::Time;
use p2pfl_sim::wire::Command;
use std::sync::Arc;
use std::time::Duration;

/// Processes that each have an event under way.
pub const PROCESSES: u32 = 1_000;
/// Events that the queue gives out.
pub const EVENTS: u32 = 20_000;
/// Messages that are recorded, and values of each histogram.
pub const RECORDS: u64 = 4_096;
/// Values of a model that is averaged.
pub const VALUES: usize = 16_384;
/// Models that are averaged.
pub const MODELS: usize = 4;

/// The event queue, full, with processes that do nothing but send one event for each that they get.
pub struct Queue {
    core: Core<bool>,
    world: Relay,
}

/// Passes every event on to another process, later.
struct Relay {
    draws: u64,
    handled: u32,
}

impl Queue {
    pub fn new() -> Self {
        let sharding = Sharding { processes: PROCESSES, shards: 1 };
        let mut core = Core::new(sharding, 0, Duration::from_millis(10), Order::ByProcess);
        let mut world = Relay { draws: 1, handled: 0 };
        for from in 0..PROCESSES {
            let (at, to) = world.draw(Time::ZERO);
            core.outbox().push(Event { at, to, from, seq: 0, body: true });
        }
        Self { core, world }
    }

    /// Gives events out, window by window.
    pub fn run(mut self) -> Self {
        while self.world.handled < EVENTS
            && let Some(window) = self.core.first()
        {
            self.core.run(window, &mut self.world);
        }
        self
    }
}

impl Relay {
    /// 10 to 74 ms later, anywhere: Knuth's multiplier, whose high bits are as good as drawn.
    fn draw(&mut self, now: Time) -> (Time, u32) {
        self.draws =
            self.draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let later = Duration::from_nanos(10_000_000 + (self.draws >> 38));
        (now + later, (self.draws >> 33) as u32 % PROCESSES)
    }
}

impl World for Relay {
    type Body = bool;

    fn handle(&mut self, event: Event<bool>, out: &mut Outbox<bool>) {
        self.handled += 1;
        let (at, to) = self.draw(event.at);
        out.push(Event { at, to, from: event.to, seq: self.handled, body: event.body });
    }
}

/// A recorder that is told of messages.
pub struct Recorded {
    recorder: Recorder,
    latencies: Vec<u64>,
}

impl Recorded {
    pub fn new(switch: Recording) -> Self {
        Self { recorder: Recorder::new(switch), latencies: latencies(1) }
    }

    /// Every message is sent, taken as a duplicate, and timed.
    pub fn run(mut self) -> Self {
        let commands = [Command::Beat, Command::Beat, Command::VoteTrainSet, Command::ModelsAggregated];
        for (latency, command) in self.latencies.iter().zip(commands.into_iter().cycle()) {
            self.recorder.sent(Phase::Learning, command, 1, 60, 75);
            self.recorder.duplicate(Phase::Learning, command, 1, 60);
            self.recorder.message_latency(Phase::Learning, command, *latency, 1);
        }
        self
    }
}

/// Two histograms that become one.
pub struct Merge(Histogram, Histogram);

impl Merge {
    pub fn new() -> Self {
        let histogram = |factor| {
            let mut histogram = Histogram::default();
            latencies(factor).into_iter().for_each(|latency| histogram.record(latency, 1));
            histogram
        };
        Self(histogram(1), histogram(7))
    }

    pub fn run(mut self) -> Self {
        self.0.merge(&self.1);
        self
    }
}

/// Models that are averaged.
pub struct Averaging(Vec<(Arc<Model>, f64)>, Option<Model>);

impl Averaging {
    pub fn new() -> Self {
        let layout = Arc::new(Layout::new([vec![VALUES]]));
        let model = |number: usize| {
            let values = (0..VALUES).map(|value| (number * value % 1_009) as f32).collect();
            (Arc::new(Model::new(Arc::clone(&layout), values)), 10.0 + number as f64)
        };
        Self((0..MODELS).map(model).collect(), None)
    }

    pub fn run(mut self) -> Self {
        self.1 = Some(fedavg(&self.0));
        self
    }
}

/// Latencies from a microsecond to some milliseconds, in no order that a branch predictor could learn.
fn latencies(factor: u64) -> Vec<u64> {
    (0..RECORDS).map(|i| 1_000 + (i * i * factor * 2_654_435_761) % 5_000_000).collect()
}
