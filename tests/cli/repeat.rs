//! One scenario, many seeds.

use crate::interrupts::{ctrl_c, endless, under_way, wait_for};
use crate::program::{Ended, Place, balanced, p2pfl};
use p2pfl_sim::metrics::result::Outcome;
use p2pfl_sim::report::Repeats;
use serde_json::{Value, json};
use std::io::Read as _;
use std::process::Stdio;

/// A run of a fraction of a second.
fn small(change: Value) -> Place {
    let mut scenario =
        p2pfl(4, json!({ "kind": "full" }), json!({ "speedup": 500, "workflow": { "rounds": 1 } }));
    crate::program::merge(&mut scenario, change);
    Place::with(&scenario)
}

fn summary(place: &Place) -> Repeats {
    let text = std::fs::read_to_string(place.file("out/summary.json")).expect("there is a summary");
    serde_json::from_str(&text).expect("the summary has the form that is documented")
}

#[test]
fn every_seed_leaves_a_result_and_all_of_them_a_summary() {
    let place = small(json!({ "thresholds": ["nodes.finished == 4"] }));
    let ended = place.types(&["run", "FILE", "--repeat", "3", "--out", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let summary = summary(&place);
    assert_eq!(
        (summary.schema.as_str(), summary.repeat, summary.interrupted),
        ("p2pfl-sim/summary/1", 3, false)
    );
    assert_eq!(summary.runs.iter().map(|row| row.seed).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(summary.outcomes.completed, 3);
    assert_eq!((summary.thresholds[0].passed, summary.thresholds[0].n), (3, 3));
    assert_eq!(summary.scenario["seed"], 7);

    let mut sent = Vec::new();
    for row in &summary.runs {
        let result = place.result(&format!("out/{}/result.json", row.folder.as_deref().unwrap()));
        balanced(&result);
        assert_eq!(result.scenario["seed"], row.seed);
        assert_eq!(result.scenario_hash, row.scenario_hash);
        assert_eq!(row.figures["messages.total.sent"], result.messages.total.sent);
        sent.push(result.messages.total.sent as f64);
        assert!(place.file(&format!("out/{}/nodes.csv", row.run)).exists(), "each is a whole folder");
    }
    sent.sort_by(f64::total_cmp);
    let sample = summary.figures["messages.total.sent"].expect("every run has it");
    assert_eq!((sample.n, sample.min, sample.median, sample.max), (3, sent[0], sent[1], sent[2]));
    let interval = sample.interval.expect("there is one of three");
    assert!(sample.min <= interval.low && interval.high <= sample.max, "{sample:?}");
    assert_eq!(summary.figures["final.accuracy.mean"], None, "models that only weigh have none");
    // On the real clock one after another, so that the cost is that of each.
    assert!(summary.figures["cost.cpu_s"].is_some());
    assert!(ended.stderr.contains("3 runs, one after another"), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("small: 3 runs, 3 completed."), "{}", ended.stdout);
    assert!(ended.stdout.contains("messages.total.sent"), "{}", ended.stdout);
}

#[test]
fn json_is_the_summary_and_folders_are_numbered() {
    let place = small(json!({}));
    let ended = place.types(&["run", "FILE", "--repeat", "1", "--seed", "50", "--format", "json", "--quiet"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let printed: Repeats = serde_json::from_str(&ended.stdout).expect("it is the document");
    let written = std::fs::read_to_string(place.file("runs/small-1/summary.json")).unwrap();
    assert_eq!(serde_json::from_str::<Repeats>(&written).unwrap(), printed);
    assert_eq!((printed.runs[0].seed, printed.figures["ended_s"].unwrap().n), (50, 1));
    assert_eq!(printed.figures["ended_s"].unwrap().interval, None, "one run says nothing of the spread");
    assert!(place.file("runs/small-1/1/result.json").exists());
}

#[test]
fn the_exit_code_is_that_of_the_worst_run() {
    let place = small(json!({ "thresholds": ["nodes.finished > 4", "nodes.finished >= 4"] }));
    let ended = place.types(&["run", "FILE", "--repeat", "2", "--out", "out"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("does not hold: nodes.finished > 4 (in 2 of 2 runs)"), "{}", ended.stderr);
    let held = |text: &str| ended.stdout.lines().any(|line| line.contains(text));
    assert!(held("nodes.finished > 4   held in 0 of 2"), "{}", ended.stdout);
    assert!(held("nodes.finished >= 4  held in 2 of 2"), "{}", ended.stdout);
    assert!(!ended.stderr.contains("nodes.finished >= 4 (in"), "{}", ended.stderr);

    let place = small(json!({ "limits": { "time": "1s" } }));
    let ended = place.types(&["run", "FILE", "--repeat", "2", "--out", "out"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("2 of 2 runs did not complete"), "{}", ended.stderr);
    assert_eq!(summary(&place).outcomes.failed, 2);
    assert!(ended.stdout.contains("the limit of scenario time"), "{}", ended.stdout);
}

#[test]
fn ctrl_c_keeps_the_runs_that_are_done() {
    let place = small(json!({ "workflow": { "rounds": 10 }, "speedup": 50 }));
    let mut child = place
        .command(&["run", "FILE", "--repeat", "40", "--out", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = under_way(&mut child);
    wait_for(&place.file("out/1/result.json"));
    ctrl_c(&child);
    let mut told = String::new();
    stderr.read_to_string(&mut told).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{told}");
    let summary = summary(&place);
    assert!(summary.interrupted);
    assert_eq!(summary.repeat, 40);
    assert!((1..40).contains(&summary.runs.len()), "{} runs began", summary.runs.len());
    assert_eq!(summary.runs[0].outcome, Outcome::Completed);
    // What was broken off is there, but says nothing.
    let done = summary.outcomes.completed;
    assert_eq!(done + summary.outcomes.interrupted, summary.runs.len());
    assert_eq!(summary.figures["ended_s"].expect("the first has it").n, done);
    assert!(ended.stdout.contains("Interrupted: 40 were asked for"), "{}", ended.stdout);
}

#[test]
fn ctrl_c_in_the_first_run_leaves_a_summary_of_nothing() {
    let place = Place::with(&endless(json!({})));
    let mut child = place
        .command(&["run", "FILE", "--repeat", "2", "--out", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _stderr = under_way(&mut child);
    ctrl_c(&child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let summary = summary(&place);
    assert!(summary.interrupted && summary.runs.len() <= 1);
    assert!(summary.figures.values().all(Option::is_none), "{:?}", summary.figures);
}

#[test]
fn bad_repeats_are_refused_before_anything_runs() {
    let place = small(json!({}));
    for args in [&["--repeat", "0"][..], &["--repeat", "2", "--seed", "18446744073709551615"]] {
        let mut all = vec!["run", "FILE", "--out", "out"];
        all.extend(args);
        let ended = place.types(&all);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(!place.file("out").exists(), "{args:?}");
    }
    let bad = small(json!({ "nodes": 0 })).types(&["run", "FILE", "--repeat", "2"]);
    assert_eq!(bad.code, Some(2));
    let impossible = small(json!({ "topology": { "kind": "random_regular", "degree": 9 } }));
    let ended = impossible.types(&["run", "FILE", "--repeat", "2", "--out", "out"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(!impossible.file("out").exists());
}
