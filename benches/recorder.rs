//! What recording costs: nanoseconds for each message that is sent, taken and timed.
//!
//! `cargo bench --bench recorder`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use p2pfl_sim::metrics::{Phase, Recorder, Recording};
use p2pfl_sim::wire::Command;
use std::hint::black_box;

/// Latencies from a microsecond to some milliseconds, in no order that a branch predictor could learn.
fn latencies() -> Vec<u64> {
    (0..4_096u64).map(|i| 1_000 + (i * i * 2_654_435_761) % 5_000_000).collect()
}

fn recorder(c: &mut Criterion) {
    let latencies = latencies();
    let commands = [Command::Beat, Command::Beat, Command::VoteTrainSet, Command::ModelsAggregated];
    let mut group = c.benchmark_group("recorder");
    group.throughput(Throughput::Elements(latencies.len() as u64));
    for (name, switch) in [("on", Recording::On), ("off", Recording::Off)] {
        let mut recorder = Recorder::new(switch);
        group.bench_function(format!("a message sent, taken as a duplicate and timed, {name}"), |b| {
            b.iter(|| {
                for (i, latency) in latencies.iter().enumerate() {
                    let command = commands[i % commands.len()];
                    recorder.sent(black_box(Phase::Learning), command, 1, 60, 75);
                    recorder.duplicate(Phase::Learning, command, 1, 60);
                    recorder.message_latency(Phase::Learning, command, *latency, 1);
                }
            });
        });
        black_box(&recorder);
    }
    let mut recorder = Recorder::new(Recording::On);
    group.bench_function("a latency alone", |b| {
        b.iter(|| {
            for latency in &latencies {
                recorder.message_latency(black_box(Phase::Learning), Command::Beat, *latency, 1);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, recorder);
criterion_main!(benches);
