//! Every combination of settings, interrupted and gone on with.

use crate::interrupts::{ctrl_c, under_way, wait_for};
use crate::program::{Ended, Place, balanced, p2pfl};
use p2pfl_sim::metrics::result::Outcome;
use p2pfl_sim::report::Sweep;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::Stdio;

/// A run of a fraction of a second.
fn small(change: Value) -> Place {
    let mut scenario =
        p2pfl(4, json!({ "kind": "full" }), json!({ "speedup": 500, "workflow": { "rounds": 1 } }));
    crate::program::merge(&mut scenario, change);
    Place::with(&scenario)
}

fn sweep(place: &Place) -> Sweep {
    let text = std::fs::read_to_string(place.file("out/sweep.json")).expect("there is a sweep.json");
    serde_json::from_str(&text).expect("it has the form that is documented")
}

fn table(place: &Place) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(place.file("out/sweep.csv")).expect("there is a sweep.csv");
    reader.deserialize().collect::<Result<_, _>>().expect("it is CSV with a header")
}

const TWO_BY_TWO: [&str; 8] =
    ["sweep", "FILE", "--set", "workflow.trainset_size=1,2", "--set", "nodes=4,5", "--out", "out"];

#[test]
fn every_combination_is_run_and_has_its_row() {
    let place = small(json!({}));
    let ended = place.types(&TWO_BY_TWO);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let sweep = sweep(&place);
    assert_eq!((sweep.schema.as_str(), sweep.total, sweep.rows.len()), ("p2pfl-sim/sweep/1", 4, 4));
    let wanted = [(1, 4), (1, 5), (2, 4), (2, 5)];
    let rows = table(&place);
    for (i, (trainset, nodes)) in wanted.into_iter().enumerate() {
        let row = &sweep.rows[i];
        assert_eq!(
            Value::from(row.settings.clone()),
            json!({ "workflow.trainset_size": trainset, "nodes": nodes })
        );
        assert_eq!((row.row.run, row.row.seed, row.row.outcome), (i + 1, 7, Outcome::Completed));
        let result = place.result(&format!("out/{}/result.json", i + 1));
        balanced(&result);
        assert_eq!(result.scenario["nodes"], nodes);
        assert_eq!(result.scenario["workflow"]["trainset_size"], trainset);
        assert_eq!(result.scenario_hash, row.row.scenario_hash);
        assert_eq!(row.row.figures["nodes.finished"], nodes);

        let cell = |name: &str| rows[i][name].as_str();
        assert_eq!(cell("run"), (i + 1).to_string());
        assert_eq!(
            (cell("workflow.trainset_size"), cell("nodes")),
            (&*trainset.to_string(), &*nodes.to_string())
        );
        assert_eq!((cell("seed"), cell("outcome"), cell("final.accuracy.mean")), ("7", "completed", ""));
        assert_eq!(cell("messages.total.sent"), result.messages.total.sent.to_string());
    }
    assert!(ended.stdout.starts_with("small: 4 runs, 4 completed."), "{}", ended.stdout);
    assert!(ended.stdout.contains("trainset_size"), "{}", ended.stdout);
}

#[test]
fn every_seed_of_a_combination_has_a_row() {
    let place = small(json!({}));
    let ended = place.types(&[
        "sweep",
        "FILE",
        "--set",
        "topology.kind=ring,star",
        "--repeat",
        "2",
        "--out",
        "out",
        "--format",
        "json",
        "--quiet",
    ]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(serde_json::from_str::<Sweep>(&ended.stdout).expect("it is the document"), sweep(&place));
    let [ring, star] = &sweep(&place).combinations[..] else { panic!("there are two combinations") };
    assert_eq!(
        (&ring.settings["topology.kind"], &star.settings["topology.kind"]),
        (&json!("ring"), &json!("star"))
    );
    assert_eq!((ring.outcomes.completed, star.figures["nodes.finished"].unwrap().median), (2, 4.0));
    assert!(ring.figures["ended_s"].unwrap().interval.is_some());
    let rows: Vec<(String, String)> =
        table(&place).iter().map(|row| (row["topology.kind"].clone(), row["seed"].clone())).collect();
    let row = |kind: &str, seed: &str| (kind.to_owned(), seed.to_owned());
    assert_eq!(rows, [row("ring", "7"), row("ring", "8"), row("star", "7"), row("star", "8")]);
}

#[test]
fn a_sweep_of_seeds_and_of_lists() {
    let crash = r#"script=[],[{"at":"9s","do":"crash","nodes":[3]}]"#;
    let place = small(json!({}));
    let ended = place.types(&["sweep", "FILE", "--set", "seed=3,5", "--set", crash, "--out", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let rows = table(&place);
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("seed"), ["3", "3", "5", "5"]);
    assert_eq!(column("script")[0], "[]");
    assert_eq!(place.result("out/3/result.json").scenario["script"], json!([]));
    assert_eq!(place.result("out/4/result.json").scenario["script"][0]["nodes"], json!([3]));
}

#[test]
fn what_is_done_is_not_run_again() {
    let place = small(json!({}));
    assert_eq!(place.types(&TWO_BY_TWO).code, Some(0));
    let before = table(&place);
    let written = |run: u32| {
        let file = std::fs::metadata(place.file(&format!("out/{run}/result.json"))).unwrap();
        file.modified().unwrap()
    };
    let times: Vec<_> = (1..=4).map(written).collect();
    // One is gone, and one was of another scenario.
    std::fs::remove_file(place.file("out/2/result.json")).unwrap();
    std::fs::copy(place.file("out/1/result.json"), place.file("out/4/result.json")).unwrap();
    let ended = place.types(&TWO_BY_TWO);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("4 runs, one after another, 2 of them are done"), "{}", ended.stderr);
    assert_eq!((written(1), written(3)), (times[0], times[2]));
    assert_ne!(written(2), times[1]);
    let after = table(&place);
    assert_eq!(after.len(), 4);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]), "rows of what is done stay as they are");
    assert_eq!(place.result("out/4/result.json").scenario["nodes"], 5);
}

#[test]
fn a_sweep_that_was_interrupted_goes_on() {
    let place = small(json!({ "speedup": 50, "workflow": { "rounds": 4 } }));
    let command = ["sweep", "FILE", "--set", "workflow.trainset_size=1,2,3", "--repeat", "2", "--out", "out"];
    let mut child = place.command(&command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = under_way(&mut child);
    wait_for(&place.file("out/1/result.json"));
    ctrl_c(&child);
    let mut told = String::new();
    stderr.read_to_string(&mut told).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{told}");
    assert!(told.contains("the same command with --out out goes on"), "{told}");
    let first = sweep(&place);
    assert!((1..6).contains(&first.rows.len()), "{} rows", first.rows.len());
    assert!(first.rows.iter().all(|it| it.row.outcome == Outcome::Completed));
    assert_eq!(table(&place).len(), first.rows.len());

    let ended = place.types(&command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let second = sweep(&place);
    assert_eq!(second.rows.len(), 6);
    assert_eq!(second.rows.iter().map(|it| it.row.run).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    for old in &first.rows {
        assert!(second.rows.contains(old), "what was done is kept: {old:?}");
    }
    assert!(second.rows.iter().all(|it| it.row.outcome == Outcome::Completed));
}

#[test]
fn another_sweep_in_the_same_folder_is_refused() {
    let place = small(json!({}));
    assert_eq!(place.types(&["sweep", "FILE", "--set", "nodes=4", "--out", "out"]).code, Some(0));
    let refused = |args: &[&str], why: &str| {
        let before = std::fs::read(place.file("out/sweep.json")).unwrap();
        let mut all = vec!["sweep", "FILE", "--out", "out"];
        all.extend(args);
        let ended = place.types(&all);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(why), "{args:?}: {}", ended.stderr);
        assert_eq!(std::fs::read(place.file("out/sweep.json")).unwrap(), before, "nothing was touched");
    };
    refused(&["--set", "nodes=4,5"], "another sweep: nodes=4 of `small`, and this one is nodes=4,5");
    refused(&["--set", "nodes=4", "--repeat", "2"], "nodes=4 2 seeds");
    refused(&["--set", "nodes=4", "--rounds", "2"], "the scenario was different then");

    // Nor is a folder of something else taken.
    assert_eq!(place.types(&["run", "FILE", "--out", "run"]).code, Some(0));
    let ended = place.types(&["sweep", "FILE", "--set", "nodes=4", "--out", "run"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("holds other files and no sweep"), "{}", ended.stderr);
}

#[test]
fn every_combination_is_checked_before_any_runs() {
    let place = small(json!({}));
    let refused = |args: &[&str], parts: &[&str]| {
        let mut all = vec!["sweep", "FILE", "--out", "out"];
        all.extend(args);
        let ended = place.types(&all);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        for part in parts {
            assert!(ended.stderr.contains(part), "{args:?} does not say {part}: {}", ended.stderr);
        }
        assert!(!place.file("out").exists(), "{args:?}: nothing has begun");
    };
    refused(&["--set", "nodes=4,0"], &["nodes=0", "--set nodes=0"]);
    refused(&["--set", "nodes=4,8", "--set", "workflow.initiator=0,6"], &["nodes=4 workflow.initiator=6:"]);
    refused(&["--set", "lerning.batch_size=4,8"], &["learning.batch_size"]);
    // What shows only when the graph is built.
    refused(
        &["--set", "topology.kind=random_regular", "--set", "topology.degree=2,3,9"],
        &["topology.degree=9:"],
    );
    refused(&["--set", "nodes=4,"], &["nothing where a value should be"]);
    refused(&["--set", "nodes=4", "--set", "nodes=5"], &["`nodes` is set twice"]);
    refused(&["--set", "nodes=4,5", "--nodes", "6"], &["an option of its own"]);
    refused(&["--set", "seed=1,2", "--repeat", "2"], &["--repeat chooses the seeds"]);
    refused(&[], &["--set"]);
}

#[test]
fn the_exit_code_is_that_of_the_worst_run() {
    let place = small(json!({ "thresholds": ["nodes.finished >= 5"] }));
    let ended = place.types(&["sweep", "FILE", "--set", "nodes=4,5", "--out", "out"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("nodes.finished >= 5 (in 1 of 2 runs)"), "{}", ended.stderr);
    let failed: Vec<String> = table(&place).iter().map(|row| row["thresholds_failed"].clone()).collect();
    assert_eq!(failed, ["1", "0"]);

    let place = small(json!({}));
    let ended = place.types(&["sweep", "FILE", "--set", "limits.time=1s,1h", "--out", "out"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let outcomes: Vec<String> = table(&place).iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!(outcomes, ["failed", "completed"]);
}
