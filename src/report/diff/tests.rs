//! Whole comparisons: how often a verdict is wrong on values whose truth is known, and what is left out of one.

use super::*;
use crate::metrics::result::RunResult;
use crate::random::{Purpose, Stream};
use crate::report::many::Outcomes;
use crate::report::sample as results;
use rand::RngExt as _;
use std::collections::BTreeSet;

/// Runs on the real clock with noise of their own in each of the five metrics: about the normal distribution's, with now and
/// then one that is far off. Of pairs, `shared` is what both have.
fn noisy(draw: u64, side: u64, runs: u64, noise: f64, slower: f64) -> Side {
    let mut stream = Stream::new(5, draw, Purpose::Bootstrap, side);
    let mut factor = || {
        let bell: f64 = (0..6).map(|_| stream.random_range(-1.0..1.0_f64)).sum::<f64>() / 2.0_f64.sqrt();
        let outlier = if stream.random_range(0.0..1.0_f64) < 0.03 { 6.0 } else { 1.0 };
        1.0 + noise * bell * outlier
    };
    let template = over_sockets(sample::real(0, 1.0));
    let document = serde_json::to_value(&template).unwrap();
    let paths: Vec<&str> = figures::judged(&document, true).collect();
    let runs = (0..runs).map(|seed| {
        let mut document = document.clone();
        document["scenario"]["seed"] = seed.into();
        for path in &paths {
            let by = if *path == "cost.messages_per_cpu_s" { factor() / slower } else { factor() };
            let at =
                document.pointer_mut(&format!("/{}", path.replace('.', "/"))).expect("it is in the result");
            *at = (at.as_f64().expect("a number") * by).into();
        }
        Run { result: template.clone(), document }
    });
    let runs: Vec<Run> = runs.collect();
    let outcomes = Outcomes { completed: runs.len(), ..Outcomes::default() };
    Side { name: format!("side {side}"), runs, outcomes, overloaded: 0 }
}

/// Where all five metrics are judged.
fn over_sockets(mut result: RunResult) -> RunResult {
    result.engine.transport = "grpc".into();
    result
}

fn compare(baseline: Side, current: Side, limit: Option<f64>, paired: bool) -> Diff {
    let limits = Limits { all: limit.map(Limit::Relative), ..Limits::default() };
    Diff::of(baseline, current, &How { limits, paired, ..How::default() }).unwrap()
}

/// The rate is that of chance alone, as the limit is nothing: at most 1 % of comparisons, all five metrics together.
#[test]
fn where_nothing_changed_hardly_any_comparison_is_an_alarm() {
    let draws = 120;
    for paired in [false, true] {
        let mut alarms = 0;
        for draw in 0..draws {
            let (was, is) = (noisy(draw, 0, 10, 0.05, 1.0), noisy(draw, 1, 10, 0.05, 1.0));
            alarms += u32::from(compare(was, is, Some(0.0), paired).verdict == Verdict::Regressed);
        }
        // 1 % and three standard deviations of so many draws.
        assert!(alarms <= 4, "{alarms} of {draws}, paired: {paired}");
    }
}

#[test]
fn a_planted_regression_is_found() {
    let draws = 20;
    let (mut of_pairs, mut of_sides) = (0, 0);
    for draw in 0..draws {
        let side = |side, slower| noisy(draw, side, 12, 0.015, slower);
        of_pairs += u32::from(compare(side(0, 1.0), side(1, 1.05), None, true).verdict == Verdict::Regressed);
        of_sides +=
            u32::from(compare(side(0, 1.0), side(1, 1.15), None, false).verdict == Verdict::Regressed);
    }
    assert!(of_pairs * 10 >= draws as u32 * 9 && of_sides * 10 >= draws as u32 * 9, "{of_pairs} {of_sides}");
}

#[test]
fn five_metrics_take_seven_runs_a_side_or_ten_pairs() {
    for (runs, paired, verdict) in [
        (6, false, Verdict::Undecided),
        (7, false, Verdict::Regressed),
        (9, true, Verdict::Undecided),
        (10, true, Verdict::Regressed),
    ] {
        let diff = compare(noisy(1, 0, runs, 0.001, 1.0), noisy(1, 1, runs, 0.001, 2.0), None, paired);
        assert_eq!(diff.verdict, verdict, "{runs} {paired}");
        let noted = diff.notes.iter().any(|note| note.contains("Not enough runs"));
        assert_eq!(noted, verdict == Verdict::Undecided);
    }
}

/// Over memory it is the time that the machine takes to wake a thread: a false regression.
#[test]
fn the_latency_of_messages_over_memory_is_judged_on_request_alone() {
    let side = |n, by: f64| {
        let mut side = noisy(1, n, 10, 0.001, 1.0);
        for run in &mut side.runs {
            run.document["engine"]["transport"] = "memory".into();
            let latency = &mut run.document["latency"]["message"]["p50"];
            *latency = (latency.as_f64().unwrap() * by).into();
        }
        side
    };
    let diff = compare(side(0, 1.0), side(1, 2.0), None, false);
    assert_eq!((diff.verdict, diff.metrics.len()), (Verdict::Passed, 4), "{:?}", diff.metrics);
    let mut how = How::default();
    how.limits.by_path.insert("latency.message.p50".into(), Limit::Relative(0.1));
    let diff = Diff::of(side(0, 1.0), side(1, 2.0), &how).unwrap();
    assert_eq!(diff.regressions().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["latency.message.p50"]);
}

#[test]
fn a_single_metric_takes_fewer_runs() {
    let none = |path: &&str| (path.to_string(), Limit::None);
    let mut how = How::default();
    let document = serde_json::to_value(over_sockets(results::full())).unwrap();
    how.limits.by_path =
        figures::judged(&document, true).collect::<Vec<_>>().iter().take(4).map(none).collect();
    let diff = Diff::of(noisy(1, 0, 5, 0.001, 1.0), noisy(1, 1, 5, 0.001, 2.0), &how).unwrap();
    assert_eq!((diff.metrics.len(), diff.verdict), (1, Verdict::Regressed));
}

#[test]
fn what_measures_the_machine_is_left_out_with_its_partner() {
    let overloaded = |mut side: Side, which: usize| {
        side.runs[which].result.overloaded = true;
        side
    };
    let side = |n| noisy(1, n, 10, 0.01, 1.0);
    let diff = compare(overloaded(side(0), 0), overloaded(side(1), 3), None, true);
    assert_eq!((diff.baseline.runs, diff.current.runs), (8, 8));
    let diff = compare(overloaded(side(0), 0), side(1), None, false);
    assert_eq!((diff.baseline.runs, diff.current.runs), (9, 10));
    assert!(diff.notes.iter().any(|it| it.contains("measure this machine")), "{:?}", diff.notes);
    // With nothing left, there is nothing to judge, and nothing is missing either.
    let all = |mut side: Side| {
        side.runs.iter_mut().for_each(|run| run.result.overloaded = true);
        side
    };
    let diff = compare(side(0), all(side(1)), None, false);
    assert_eq!(diff.verdict, Verdict::Undecided, "{:?}", diff.metrics);
}

#[test]
fn a_metric_that_no_current_run_has_is_gone_by_turns_as_well() {
    for paired in [false, true] {
        let mut current = noisy(1, 1, 10, 0.01, 1.0);
        current.runs.iter_mut().for_each(|run| run.document["latency"]["round"]["p50"] = Value::Null);
        let diff = compare(noisy(1, 0, 10, 0.01, 1.0), current, None, paired);
        assert_eq!(diff.regressions().map(|row| row.verdict).collect::<Vec<_>>(), [Judged::Gone]);
    }
}

#[test]
fn more_runs_that_stall_are_worse_if_that_is_no_chance() {
    let side = |stalled: usize| {
        let mut side = noisy(1, 0, 20, 0.01, 1.0);
        side.outcomes = Outcomes { completed: 20 - stalled, stalled, ..Outcomes::default() };
        side
    };
    for (was, is, judged) in [
        (0, 1, Judged::Worse),
        (2, 3, Judged::Within),
        (2, 15, Judged::Worse),
        (2, 2, Judged::Same),
        (3, 2, Judged::Within),
        (1, 0, Judged::Better),
    ] {
        assert_eq!(compare(side(was), side(is), None, false).outcome, judged, "{was} {is}");
    }
}

#[test]
fn runs_by_turns_tell_of_cost_on_the_virtual_clock_as_well() {
    let sides = |slower: f64| {
        let run = |seed: u64| {
            sample::exact(|it| {
                it["scenario"]["seed"] = seed.into();
                it["cost"]["messages_per_cpu_s"] =
                    (250_000.0 * (1.0 + seed as f64 / 1_000.0) / slower).into();
            })
        };
        Side::of("side", (0..12).map(run).collect())
    };
    let diff = compare(sides(1.0), sides(1.05), None, true);
    assert_eq!((diff.verdict, diff.differences.len()), (Verdict::Regressed, 0));
    assert_eq!(
        diff.regressions().map(|row| row.path.as_str()).collect::<Vec<_>>(),
        ["cost.messages_per_cpu_s"]
    );
    assert_eq!(compare(sides(1.0), sides(1.0), None, true).verdict, Verdict::Same);
    assert!(
        compare(sides(1.0), sides(1.05), None, false).metrics.iter().all(|row| !row.path.starts_with("cost"))
    );
}

/// What is told of several seeds is the mean of pairs, and the worst of them stands beside it.
#[test]
fn of_several_seeds_the_mean_of_pairs_is_told_and_the_worst_beside_it() {
    let side = |sent: [u64; 4]| {
        let run = |(seed, sent): (u64, u64)| {
            sample::exact(|it| {
                it["scenario"]["seed"] = seed.into();
                it["messages"]["total"]["sent"] = sent.into();
            })
        };
        Side::of("side", (1..).zip(sent).map(run).collect())
    };
    let was = [1_000, 2_000, 3_000, 4_000];
    let row = |is: [u64; 4], limit: Option<f64>| {
        let diff = compare(side(was), side(is), limit, false);
        let row = diff.metrics.iter().find(|row| row.path == "messages.total.sent").unwrap().clone();
        (diff.verdict, row)
    };
    let (verdict, found) = row([990, 1_980, 3_300, 3_960], None);
    // -10, -20, +300, -40: the mean is 57.5 of 2,500.
    let paired = found.paired.unwrap();
    assert_eq!((paired.n, paired.baseline, paired.current, paired.difference), (4, 2_500.0, 2_557.5, 57.5));
    assert!((found.change.unwrap() - 0.023).abs() < 1e-12);
    let (inner, outer) = (paired.interval.unwrap(), found.interval.unwrap());
    assert!(inner.low < 0.0 && (outer.low - inner.low / 2_500.0).abs() < 1e-12, "{inner:?} {outer:?}");
    let worst = found.worst.unwrap();
    assert_eq!((worst.seed, worst.change), (3, Some(0.1)));
    assert_eq!((verdict, found.verdict), (Verdict::Regressed, Judged::Worse));
    // The limit is held against the mean, and not against the worst.
    assert_eq!(row([990, 1_980, 3_300, 3_960], Some(0.05)).0, Verdict::Passed);
    assert_eq!(row([1_200, 2_000, 3_000, 3_800], None).1.verdict, Judged::Within);
    let (verdict, better) = row([990, 1_980, 3_001, 3_960], None);
    assert_eq!((verdict, better.verdict, better.worst.unwrap().seed), (Verdict::Passed, Judged::Better, 3));
    let (verdict, same) = row(was, None);
    assert_eq!((verdict, same.verdict, same.worst), (Verdict::Same, Judged::Same, None));
}

#[test]
fn what_is_gone_in_one_of_several_seeds_is_gone() {
    let side = |gone: bool| {
        let run = |seed: u64| {
            sample::exact(|it| {
                it["scenario"]["seed"] = seed.into();
                if gone && seed == 2 {
                    it["latency"]["round"]["p50"] = Value::Null;
                }
            })
        };
        Side::of("side", (1..4).map(run).collect())
    };
    let diff = compare(side(false), side(true), None, false);
    let row = diff.metrics.iter().find(|row| row.path == "latency.round.p50").unwrap();
    assert_eq!((row.verdict, row.worst.unwrap().seed, row.paired.unwrap().n), (Judged::Gone, 2, 2));
    let back = compare(side(true), side(false), None, false);
    let row = back.metrics.iter().find(|row| row.path == "latency.round.p50").unwrap();
    assert_eq!((row.verdict, row.paired.unwrap().n), (Judged::Same, 2));
}

#[test]
fn what_is_written_reads_back() {
    for diff in sample::all() {
        let text = serde_json::to_string(&diff).unwrap();
        assert_eq!(serde_json::from_str::<Diff>(&text).unwrap(), diff);
    }
}

/// What docs/ci.md names, and no other.
#[test]
fn the_page_names_every_field() {
    const PAGE: &str = include_str!("../../../docs/ci.md");
    let named: BTreeSet<String> = PAGE
        .lines()
        .skip_while(|line| !line.starts_with("**JSON**"))
        .filter_map(|line| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned()))
        .collect();
    let mut found = BTreeSet::new();
    for diff in sample::all() {
        let mut diff = diff;
        // One of several runs has a seed.
        diff.differences.iter_mut().for_each(|it| it.seed = Some(7));
        fields(&serde_json::to_value(diff).unwrap(), "", &mut found);
    }
    found.retain(|path| !path.starts_with("current."));
    assert_eq!(named, found);
}

fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let whole = [
        "scenario[]",
        "metrics[].baseline",
        "metrics[].current",
        "metrics[].interval",
        "metrics[].from",
        "metrics[].paired.interval",
    ];
    match value {
        Value::Object(inner) if !whole.contains(&path) => {
            let dot = if path.is_empty() { "" } else { "." };
            inner.iter().for_each(|(name, value)| fields(value, &format!("{path}{dot}{name}"), found));
        }
        Value::Array(inner) => inner.iter().for_each(|value| fields(value, &format!("{path}[]"), found)),
        _ => drop(found.insert(path.to_owned())),
    }
}
