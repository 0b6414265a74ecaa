//! What learning costs: a step of gradient descent, and aggregation beside a plain copy.
//!
//! `cargo bench --bench learning`. The `step` group trains one epoch of 1,438 rows in batches of 16, which is 90 steps:
//! divide by 90. Aggregation gives bytes a second, bytes read and bytes written counted alike: divide `mean of 4` by `copy of 4` of
//! the same size and run, which reads the same bytes. A `copy of 1` that fits into a cache is faster than memory is.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use p2pfl_sim::learning::spec::{Learning, Mlp, ModelKind};
use p2pfl_sim::learning::{Layout, Model, build, consensus_distance, fedavg};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    let mlp = ModelKind::Mlp(Mlp { hidden: vec![32] });
    for (name, model) in [("softmax", Learning::default().model), ("mlp-32", mlp)] {
        let learner =
            build(&Learning { model, ..Learning::default() }, 1, 0, None, Path::new(".")).expect("a learner");
        let start = learner.initial(0);
        group.throughput(Throughput::Elements(u64::from(learner.samples(0))));
        group.bench_function(BenchmarkId::new("epoch of 90 steps", name), |bencher| {
            bencher.iter(|| learner.train(0, 0, 1, &start, &mut None));
        });
        group.bench_function(BenchmarkId::new("evaluation of 359 rows", name), |bencher| {
            bencher.iter(|| learner.evaluate(&start));
        });
        group.bench_function(BenchmarkId::new("digest", name), |bencher| bencher.iter(|| start.digest()));
    }
    group.finish();
}

fn aggregation(criterion: &mut Criterion) {
    for mebibytes in [1_usize, 16] {
        let mut group = criterion.benchmark_group(format!("{mebibytes} MiB"));
        let length = mebibytes << 18;
        let layout = Arc::new(Layout::new([vec![length]]));
        let models: Vec<(Arc<Model>, f64)> = (0..8)
            .map(|model| {
                let values = (0..length).map(|value| (model * value % 1009) as f32).collect();
                (Arc::new(Model::new(layout.clone(), values)), 10.0 + f64::from(model as u32))
            })
            .collect();
        let bytes = 4 * length as u64;
        let mut copies: Vec<Vec<f32>> = models.iter().map(|(model, _)| model.values().to_vec()).collect();
        for count in [1, 4, 8] {
            group.throughput(Throughput::Bytes(2 * count as u64 * bytes));
            group.bench_function(format!("copy of {count}"), |bencher| {
                bencher.iter(|| {
                    for (copy, (model, _)) in copies.iter_mut().zip(&models[..count]) {
                        black_box(copy).copy_from_slice(black_box(model.values()));
                    }
                });
            });
        }
        for count in [4, 8] {
            group.throughput(Throughput::Bytes((count as u64 + 1) * bytes));
            group.bench_function(format!("mean of {count}"), |bencher| {
                bencher.iter(|| fedavg(black_box(&models[..count])));
            });
        }
        group.finish();
    }
}

fn distance(criterion: &mut Criterion) {
    let learner = build(&Learning::default(), 500, 0, None, Path::new(".")).expect("a learner");
    let models: Vec<Arc<Model>> = (0..500).map(|node| learner.initial(node)).collect();
    criterion.bench_function("consensus distance of 500 softmax models", |bencher| {
        bencher.iter(|| consensus_distance(black_box(&models)));
    });
}

criterion_group!(benches, steps, aggregation, distance);
criterion_main!(benches);
