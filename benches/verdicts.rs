//! How often `p2pfl-sim diff` is wrong on the real clock: alarms where nothing changed, and regressions that it misses.
//!
//! It records runs with one binary, and takes all its samples from those:
//!
//! - *Alarms*: two sides are drawn from the repeats of a scenario, over and over, and compared. Every regression is a false
//!   one.
//! - *Misses*: pairs of runs by turns, as many as `diff --run` makes, in which the second of each is planted to have handled
//!   messages 5 % slower: its CPU time is made so much longer, and nothing else. The noise is that of the pairs.
//!
//! `cargo bench --bench verdicts` takes a quarter of an hour; `-- alarms` or `-- misses` is one of the two. Not run by CI: it
//! says how good the verdicts are, and what else the machine does meanwhile makes them worse.

use p2pfl_sim::metrics::result::RunResult;
use p2pfl_sim::random::{NO_NODE, Purpose, Stream};
use p2pfl_sim::report::diff::{Diff, How, Judged, Limit, Limits, PAIRS, Side, Test, Verdict, are_enough};
use p2pfl_sim::report::findings;
use rand::seq::SliceRandom as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs that sides are drawn from, and of each side.
const REPEATS: u64 = 40;
const OF_A_SIDE: usize = 10;
/// Times that sides are drawn.
const DRAWS: u64 = 300;
/// Comparisons by turns.
const COMPARISONS: u64 = 10;
/// How much slower handling is planted to be.
const PLANTED: f64 = 1.05;

/// A few seconds each: one that handles messages as fast as it can, and one that learns.
const SCENARIOS: [(&str, &str); 2] = [
    (
        "probe",
        r#"{
            "name": "probe", "nodes": 16, "topology": { "kind": "full" },
            "workflow": { "kind": "probe", "payload": "64B", "concurrency": 4, "warm_up": "200ms", "duration": "1s" }
        }"#,
    ),
    (
        "flood",
        r#"{
            "name": "flood", "nodes": 40, "topology": { "kind": "ring" }, "speedup": 15,
            "workflow": { "kind": "p2pfl", "rounds": 2, "trainset_size": 4 },
            "settings": {
                "heartbeat": { "period": "1s", "timeout": "60s" },
                "gossip": { "period": "1s", "ttl": 30, "messages_per_period": 1000 }
            },
            "learning": { "model": { "kind": "synthetic", "size": "2KiB" } }
        }"#,
    ),
];

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|it| it == name);
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, scenario) in SCENARIOS {
        std::fs::write(folder.path().join(format!("{name}.json")), scenario).expect("a scenario");
        if is_chosen("alarms") {
            alarms(folder.path(), name);
        }
    }
    if is_chosen("misses") {
        misses(folder.path());
    }
}

/// Draws two sides from runs of the same build and compares them.
fn alarms(folder: &Path, scenario: &str) {
    let mut runs: Vec<RunResult> = (0..REPEATS).map(|seed| run(folder, scenario, seed)).collect();
    println!("{scenario}: {REPEATS} runs; {}", noise(&runs));
    let mut stream = Stream::new(1, NO_NODE, Purpose::Bootstrap, 0);
    let (mut alarms, mut chance, mut undecided, mut by_metric) =
        (0, 0, 0, std::collections::BTreeMap::<String, u32>::new());
    for _ in 0..DRAWS {
        runs.shuffle(&mut stream);
        let (baseline, current) = (runs[..OF_A_SIDE].to_vec(), runs[OF_A_SIDE..2 * OF_A_SIDE].to_vec());
        let without_limit = Limits { all: Some(Limit::Relative(0.0)), ..Limits::default() };
        let by_chance = judge(baseline.clone(), current.clone(), without_limit, false);
        chance += u32::from(by_chance.verdict == Verdict::Regressed);
        let diff = judge(baseline, current, Limits::default(), false);
        alarms += u32::from(diff.verdict == Verdict::Regressed);
        undecided += u32::from(diff.verdict == Verdict::Undecided);
        diff.regressions().for_each(|row| *by_metric.entry(row.path.clone()).or_default() += 1);
    }
    println!(
        "{scenario}: false alarms: {alarms} of {DRAWS} comparisons of {OF_A_SIDE} runs a side ({:.2} %), {undecided} undecided {by_metric:?}; \
         with all limits at 0 %, {chance}",
        100.0 * f64::from(alarms) / DRAWS as f64
    );
}

/// Compares runs by turns of which the current ones are planted to be slower, and then the same without.
fn misses(folder: &Path) {
    let (mut found, mut alarms) = (0, 0);
    for comparison in 0..COMPARISONS {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for pair in 0..u64::from(*PAIRS.end()) {
            let seed = 1_000 * (comparison + 1) + pair;
            // Old new, new old, as `diff --run` does.
            let (first, second) = (run(folder, "probe", seed), run(folder, "probe", seed));
            let (was, is) = if pair % 2 == 0 { (first, second) } else { (second, first) };
            old.push(was);
            new.push(slower(is));
            if are_enough(&old, &new) {
                break;
            }
        }
        let pairs = old.len();
        let diff = judge(old.clone(), new.clone(), Limits::default(), true);
        let row = diff.metrics.iter().find(|row| row.path == METRIC).expect("it is judged");
        println!(
            "{:>2}: planted +5 %, {pairs} pairs: {} (change {:+.1} %, p {:.4})",
            comparison + 1,
            row.verdict.name(),
            100.0 * row.change.unwrap_or(f64::NAN),
            row.p.unwrap_or(f64::NAN)
        );
        found += u32::from(row.verdict == Judged::Worse);
        let as_it_was = new.into_iter().map(|it| scaled(it, 1.0 / PLANTED)).collect();
        alarms += u32::from(judge(old, as_it_was, Limits::default(), true).verdict == Verdict::Regressed);
    }
    println!("5 % slower handling: found in {found} of {COMPARISONS}; without it {alarms} alarms");
}

const METRIC: &str = "probe.cells.*.cpu_s_per_message";

/// The same run, with handling slower.
fn slower(result: RunResult) -> RunResult {
    scaled(result, PLANTED)
}

fn scaled(mut result: RunResult, by: f64) -> RunResult {
    result.cost.cpu_s *= by;
    result.cost.messages_per_cpu_s /= by;
    result.cost.events_per_cpu_s /= by;
    for cell in result.probe.iter_mut().flat_map(|it| &mut it.cells) {
        cell.cpu_s_per_message = cell.cpu_s_per_message.map(|it| it * by);
    }
    result
}

fn judge(baseline: Vec<RunResult>, current: Vec<RunResult>, limits: Limits, paired: bool) -> Diff {
    let how = How { limits, paired, ..How::default() };
    Diff::of(Side::of("old", baseline), Side::of("new", current), &how).expect("they can be compared")
}

fn run(folder: &Path, scenario: &str, seed: u64) -> RunResult {
    let out = folder.join("out");
    let status = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"))
        .args(["run", &format!("{scenario}.json"), "--quiet", "--seed", &seed.to_string(), "--out", "out"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status()
        .expect("the program starts");
    assert!(status.success(), "seed {seed}: {status}");
    findings::result(&out).expect("there is a result")
}

/// How far the metrics lie apart, as a part of their median.
fn noise(runs: &[RunResult]) -> String {
    let side = Side::of("all", runs.to_vec());
    let mut told = Vec::new();
    for row in judge(runs.to_vec(), runs.to_vec(), Limits::default(), false).metrics {
        let mut values: Vec<f64> = side
            .runs
            .iter()
            .filter_map(|run| p2pfl_sim::report::diff::figure(&run.document, &row.path))
            .collect();
        values.sort_by(f64::total_cmp);
        let quartile = |part: usize| values[part * (values.len() - 1) / 4];
        told.push(format!("{} ±{:.1} %", row.path, 50.0 * (quartile(3) - quartile(1)) / quartile(2)));
    }
    format!(
        "half of them lie within: {}; usual limits {} and {}",
        told.join(", "),
        Test::Sides.usual_limit(),
        Test::Pairs.usual_limit()
    )
}
