//! What is counted: a benchmark for each part, with a name for each kind of it.

use super::parts::engine::{Averaging, Merge, Queue, Recorded};
use super::parts::node::{Handling, Kind};
use super::parts::wire::{Decoding, Encoding};
use gungraun::{library_benchmark, library_benchmark_group, main};
use p2pfl_sim::metrics::Recording;
use p2pfl_sim::wire::Command;

#[library_benchmark(setup = Handling::new)]
#[bench::new_beat(Kind::New(Command::Beat))]
#[bench::new_start_learning(Kind::New(Command::StartLearning))]
#[bench::new_vote_train_set(Kind::New(Command::VoteTrainSet))]
#[bench::new_models_aggregated(Kind::New(Command::ModelsAggregated))]
#[bench::new_models_ready(Kind::New(Command::ModelsReady))]
#[bench::new_metrics(Kind::New(Command::Metrics))]
#[bench::known_beat(Kind::Duplicate(Command::Beat))]
#[bench::pre_send_model(Kind::Announcement)]
#[bench::init_model(Kind::Model(Command::InitModel))]
#[bench::partial_model(Kind::Model(Command::PartialModel))]
#[bench::add_model(Kind::Model(Command::AddModel))]
#[bench::round_of_dpsgd(Kind::Dpsgd)]
fn node(part: Handling) -> Handling {
    part.run()
}

#[library_benchmark(setup = Encoding::new)]
#[bench::beat(Command::Beat)]
#[bench::start_learning(Command::StartLearning)]
#[bench::vote_train_set(Command::VoteTrainSet)]
#[bench::models_aggregated(Command::ModelsAggregated)]
#[bench::models_ready(Command::ModelsReady)]
#[bench::metrics(Command::Metrics)]
#[bench::pre_send_model(Command::PreSendModel)]
#[bench::partial_model(Command::PartialModel)]
fn write(part: Encoding) -> Encoding {
    part.run()
}

#[library_benchmark(setup = Decoding::new)]
#[bench::beat(Command::Beat)]
#[bench::start_learning(Command::StartLearning)]
#[bench::vote_train_set(Command::VoteTrainSet)]
#[bench::models_aggregated(Command::ModelsAggregated)]
#[bench::models_ready(Command::ModelsReady)]
#[bench::metrics(Command::Metrics)]
#[bench::pre_send_model(Command::PreSendModel)]
#[bench::partial_model(Command::PartialModel)]
fn read(part: Decoding) -> Decoding {
    part.run()
}

#[library_benchmark]
#[bench::of_1000_processes(Queue::new())]
fn queue(part: Queue) -> Queue {
    part.run()
}

#[library_benchmark(setup = Recorded::new)]
#[bench::on(Recording::On)]
#[bench::off(Recording::Off)]
fn recorder(part: Recorded) -> Recorded {
    part.run()
}

#[library_benchmark]
#[bench::merge(Merge::new())]
fn histogram(part: Merge) -> Merge {
    part.run()
}

#[library_benchmark]
#[bench::mean_of_4(Averaging::new())]
fn fedavg(part: Averaging) -> Averaging {
    part.run()
}

library_benchmark_group!(name = nodes, benchmarks = [node]);
library_benchmark_group!(name = wire, benchmarks = [write, read]);
library_benchmark_group!(name = engine, benchmarks = [queue, recorder, histogram, fedavg]);

main!(library_benchmark_groups = [nodes, wire, engine]);

/// Counts, or does what the runner asks for.
pub fn run() {
    main();
}
