//! How long the parts of the program take, each by itself: nodes by message kind, what an engine does beside
//! them, the wire format. The
//! parts are those of `parts/`.
//!
//! `cargo bench --bench clock`; a word behind `--` takes only benchmarks with it in their name.

mod parts;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use p2pfl_sim::metrics::Recording;
use p2pfl_sim::wire::Command;
use parts::engine::{self, Averaging, Merge, Queue, Recorded};
use parts::node::{self, Handling, Kind};
use parts::wire::{self, Decoding, Encoding};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Commands of gossip.
const GOSSIP: [Command; 6] = [
    Command::Beat,
    Command::StartLearning,
    Command::VoteTrainSet,
    Command::ModelsAggregated,
    Command::ModelsReady,
    Command::Metrics,
];

fn nodes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a node handles");
    let named = |name: &str, command: Command| format!("{name} {}", command.name());
    let mut kinds: Vec<(String, Kind)> =
        GOSSIP.map(|command| (named("new", command), Kind::New(command))).into();
    kinds.push((named("known", Command::Beat), Kind::Duplicate(Command::Beat)));
    kinds.push((Command::PreSendModel.name().into(), Kind::Announcement));
    for command in [Command::InitModel, Command::PartialModel, Command::AddModel] {
        kinds.push((command.name().into(), Kind::Model(command)));
    }
    kinds.push(("a round of dpsgd".into(), Kind::Dpsgd));
    for (name, kind) in kinds {
        group.throughput(Throughput::Elements(match kind {
            Kind::Model(_) => node::MODELS as u64,
            Kind::Dpsgd => node::NEIGHBOURS.into(),
            _ => node::MESSAGES as u64,
        }));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| Handling::new(kind), Handling::run, BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(engine::EVENTS.into()));
    group.bench_function(format!("events of {} processes", engine::PROCESSES), |bencher| {
        bencher.iter_batched(Queue::new, Queue::run, BatchSize::SmallInput);
    });
    group.throughput(Throughput::Elements(engine::RECORDS));
    for (name, switch) in [("messages recorded", Recording::On), ("messages counted", Recording::Off)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| Recorded::new(switch), Recorded::run, BatchSize::SmallInput);
        });
    }
    group.bench_function("values of a histogram merged", |bencher| {
        bencher.iter_batched(Merge::new, Merge::run, BatchSize::SmallInput);
    });
    group.throughput(Throughput::Bytes(4 * (engine::VALUES * engine::MODELS) as u64));
    group.bench_function(format!("mean of {} small models", engine::MODELS), |bencher| {
        bencher.iter_batched(Averaging::new, Averaging::run, BatchSize::SmallInput);
    });
    group.finish();
}

fn wire(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire");
    for command in GOSSIP.into_iter().chain([Command::PreSendModel, Command::PartialModel]) {
        group.throughput(match command {
            Command::PartialModel => Throughput::Bytes(4 * wire::VALUES as u64),
            _ => Throughput::Elements(wire::MESSAGES as u64),
        });
        let name = command.name();
        group.bench_function(format!("write {name}"), |bencher| {
            bencher.iter_batched(|| Encoding::new(command), Encoding::run, BatchSize::LargeInput);
        });
        group.bench_function(format!("read {name}"), |bencher| {
            bencher.iter_batched(|| Decoding::new(command), Decoding::run, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, nodes, engine, wire);
criterion_main!(benches);
