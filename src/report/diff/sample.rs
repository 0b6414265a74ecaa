//! Comparisons made by hand, for tests. Their figures are invented.

use super::{Diff, How, Side};
use crate::metrics::result::RunResult;
use crate::report::sample;
use serde_json::{Value, json};

/// All of them.
pub fn all() -> Vec<Diff> {
    vec![same(), regressed(), repeated_exactly(), repeated(), undecided(), with_markup(), otherwise()]
}

/// A result on the virtual clock, changed by hand.
pub fn exact(change: impl FnOnce(&mut Value)) -> RunResult {
    let mut document = serde_json::to_value(sample::full()).expect("it is JSON");
    document["engine"]["clock"] = json!("virtual");
    document["scenario"]["seed"] = json!(7);
    change(&mut document);
    serde_json::from_value(document).expect("it still is a result")
}

/// A result on the real clock: a run of this seed in which handling took so many times as long, and all else is the same.
pub fn real(seed: u64, slower: f64) -> RunResult {
    exact(|it| {
        it["engine"]["clock"] = json!("real");
        it["scenario"]["seed"] = json!(seed);
        it["fingerprint"] = Value::Null;
        it["cost"]["messages_per_cpu_s"] = json!(250_000.0 / slower);
    })
}

/// Two sides by the names that a user may give them.
pub fn sides(baseline: Vec<RunResult>, current: Vec<RunResult>) -> (Side, Side) {
    (Side::of("main", baseline), Side::of("runs/new", current))
}

/// Nothing differs.
pub fn same() -> Diff {
    of(vec![exact(|_| ())], vec![exact(|_| ())], &How::default())
}

/// More votes, less accuracy, and better in something else.
pub fn regressed() -> Diff {
    of(vec![exact(|_| ())], vec![exact(worse)], &How::default())
}

fn worse(it: &mut Value) {
    it["messages"]["total"]["sent"] = json!(1_249_627);
    it["messages"]["by_command"]["vote_train_set"]["sent"] = json!(13_860);
    it["final"]["accuracy"]["mean"] = json!(0.88);
    it["final"]["loss"]["mean"] = json!(0.41);
    it["latency"]["message"]["p99"] = json!(0.5e-3);
    it["rounds"][1]["accuracy"]["mean"] = json!(0.88);
    it["fingerprint"] = json!("0000000000000000");
}

/// Five seeds a side on the virtual clock: most send a little more, one much more, one less. One crashed nobody before.
pub fn repeated_exactly() -> Diff {
    let run = |seed: u64, more: f64| {
        exact(|it| {
            it["scenario"]["seed"] = json!(seed);
            it["messages"]["total"]["sent"] = json!((1_240_000.0 + 1_000.0 * seed as f64) * more);
            it["messages"]["total"]["sent"] = json!(it["messages"]["total"]["sent"].as_f64().unwrap() as u64);
            it["ended_s"] = json!(60.0 / more);
            it["messages"]["total"]["dropped"]["crash"] = json!(if more > 1.1 { 7 } else { 0 });
        })
    };
    let side = |more: [f64; 5]| (1..).zip(more).map(|(seed, more)| run(seed, more)).collect();
    of(side([1.0; 5]), side([1.01, 1.02, 1.12, 0.99, 1.01]), &How::default())
}

/// Ten runs a side on the real clock, the current ones a fifth slower.
pub fn repeated() -> Diff {
    let runs = |slower: f64| (0..10).map(|seed| real(seed, slower + seed as f64 / 200.0)).collect();
    of(runs(1.0), runs(1.2), &How::default())
}

/// A run a side on the real clock.
pub fn undecided() -> Diff {
    of(vec![real(7, 1.0)], vec![real(7, 9.0)], &How::default())
}

/// Names with all that could end a cell or open a tag.
pub fn with_markup() -> Diff {
    let name = "a <script> | x | `b` \"q\" & \u{1b}[31m";
    let mut diff = regressed();
    diff.name = name.into();
    diff.baseline.name = name.into();
    diff
}

/// Another scenario, and more nodes; a run that stalled.
pub fn otherwise() -> Diff {
    let other = exact(|it| {
        worse(it);
        it["scenario"]["nodes"] = json!(101);
        it["outcome"] = json!("stalled");
        it["latency"]["round"]["p50"] = Value::Null;
    });
    of(vec![exact(|_| ())], vec![other], &How { different_scenarios: true, ..How::default() })
}

fn of(baseline: Vec<RunResult>, current: Vec<RunResult>, how: &How) -> Diff {
    let (baseline, current) = sides(baseline, current);
    Diff::of(baseline, current, how).expect("they can be compared")
}
