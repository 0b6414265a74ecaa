//! Exit codes, and what goes to stdout, stderr and into folders.

use crate::program::{Place, dpsgd, p2pfl, run, run_with};
use p2pfl_sim::metrics::result::{Outcome, RunResult};
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};

fn small(change: Value) -> Value {
    let mut scenario = p2pfl(4, json!({ "kind": "full" }), json!({ "workflow": { "rounds": 1 } }));
    crate::program::merge(&mut scenario, change);
    scenario
}

#[test]
fn thresholds_that_hold_are_a_success() {
    let thresholds = ["nodes.finished >= 4", "latency.round.p99 < 10m", "messages.total.dropped.loss == 0"];
    let ran = run(&small(json!({ "thresholds": thresholds }))).completed();
    assert_eq!(ran.result.thresholds.len(), 3);
    assert!(ran.result.thresholds.iter().all(|it| it.passed), "{:?}", ran.result.thresholds);
    assert_eq!(ran.result.thresholds[0].value, 4);
}

#[test]
fn a_threshold_that_does_not_hold_is_named_and_exits_with_3() {
    let ran = run(&small(json!({ "thresholds": ["nodes.finished >= 4", "nodes.finished > 4"] })));
    assert_eq!(ran.ended.code, Some(3));
    assert_eq!(ran.result.outcome, Outcome::Completed);
    assert!(ran.ended.stderr.contains("does not hold: nodes.finished > 4"), "{}", ran.ended.stderr);
    assert!(!ran.ended.stderr.contains("nodes.finished >= 4"), "the other one holds: {}", ran.ended.stderr);
    assert_eq!(ran.result.thresholds.iter().map(|it| it.passed).collect::<Vec<_>>(), [true, false]);
}

/// What cannot be met or missed would only show when all is over.
#[test]
fn a_threshold_on_what_no_run_has_is_refused_before_one() {
    for (threshold, part) in [
        ("nodes.finnished >= 4", "did you mean `nodes.finished`?"),
        ("nodes.finished => 4", "did you mean `>=`?"),
        ("outcome == complete", "did you mean `completed`?"),
        ("latency.round < 60s", "latency.round.p99"),
        ("rumor.rounds < 9", "only the workflow `rumor`"),
        ("nodes.finished == nodes.totl", "did you mean `nodes.total`?"),
    ] {
        let place = Place::with(&small(json!({ "thresholds": ["nodes.finished >= 4", threshold] })));
        for command in ["run", "check"] {
            let ended = place.types(&[command, "FILE"]);
            assert_eq!(ended.code, Some(2), "{threshold}: {}", ended.stderr);
            assert!(ended.stderr.contains(part), "{threshold}: {}", ended.stderr);
            assert!(ended.stderr.contains("thresholds[1]"), "{threshold}: {}", ended.stderr);
        }
        assert!(!place.file("runs").exists(), "nothing ran");
    }
}

#[test]
fn figures_are_compared_with_each_other_at_any_number_of_nodes() {
    let thresholds = [
        "nodes.finished == nodes.total",
        "nodes.total == scenario.nodes",
        "latency.round.p50 <= latency.round.max",
        // What did not occur was counted all the same.
        "messages.by_command.PRE_SEND_MODEL.dropped.loss == messages.by_command.stop_learning.sent",
    ];
    let scenario = small(json!({ "thresholds": thresholds }));
    for nodes in ["4", "5"] {
        let ran = run_with(&scenario, &["--nodes", nodes]).completed();
        assert_eq!(ran.result.thresholds[0].threshold, thresholds[0]);
        assert_eq!(ran.result.thresholds[0].value.to_string(), nodes);
        assert!(!ran.result.messages.by_command.contains_key(&Command::StopLearning));
    }
    let ran = run(&small(json!({ "thresholds": ["nodes.crashed == nodes.total"] })));
    assert_eq!((ran.ended.code, &ran.result.thresholds[0].value), (Some(3), &json!(0)));
}

/// Every figure that a run leaves can be asked for in its scenario.
#[test]
fn every_figure_of_a_result_can_be_asked_for() {
    let edges = json!({ "kind": "full" });
    let leaving =
        json!([{ "at": "3s", "do": "crash", "nodes": [3] }, { "at": "6s", "do": "leave", "nodes": [2] }]);
    for scenario in [
        small(json!({ "workflow": { "dissemination": "push_pull" }, "script": leaving })),
        small(
            json!({ "clock": "virtual", "speedup": "auto", "learning": { "model": { "kind": "softmax", "size": null } } }),
        ),
        small(json!({ "transport": "grpc", "speedup": 20 })),
        dpsgd(4, edges.clone(), json!({ "workflow": { "heartbeats": true }, "script": leaving })),
        dpsgd(4, edges.clone(), json!({ "workflow": { "mode": "asynchronous" } })),
        small(
            json!({ "clock": "virtual", "speedup": "auto", "workflow": { "kind": "rumor", "variant": null, "rounds": null, "trainset_size": null } }),
        ),
        small(
            json!({ "clock": "virtual", "speedup": "auto", "workflow": { "kind": "probe", "variant": null, "rounds": null, "trainset_size": null, "rate": 50, "duration": "1s" } }),
        ),
    ] {
        let ran = run(&scenario);
        assert_eq!(ran.ended.code, Some(0), "{}", ran.ended.stderr);
        let mut asked = Vec::new();
        figures(&serde_json::to_value(&ran.result).unwrap(), "", &mut asked);
        assert!(asked.len() > 100, "{asked:?}");
        let mut asking = scenario;
        asking["thresholds"] = json!(asked);
        let ended = Place::with(&asking).types(&["check", "FILE"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

fn figures(value: &Value, path: &str, found: &mut Vec<String>) {
    let step = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, it)| figures(it, &step(name), found)),
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(i, it)| figures(it, &step(&i.to_string()), found));
        }
        Value::Number(_) => found.push(format!("{path} >= 0")),
        Value::Bool(_) => found.push(format!("{path} != true")),
        Value::String(_) | Value::Null => {}
    }
}

#[test]
fn a_run_that_reaches_a_limit_fails_with_what_it_measured() {
    let ran = run(&small(json!({ "limits": { "time": "1s" } })));
    assert_eq!((ran.ended.code, ran.result.outcome), (Some(1), Outcome::Failed));
    assert!(ran.ended.stderr.contains("the run failed: the limit of scenario time"), "{}", ran.ended.stderr);
    assert!(ran.result.messages.total.sent > 0);
}

#[test]
fn a_network_in_which_all_crash_has_failed() {
    let script = json!([{ "at": "0s", "do": "crash", "nodes": ["0-3"] }]);
    let ran = run(&small(json!({ "script": script })));
    assert_eq!((ran.ended.code, ran.result.outcome), (Some(1), Outcome::Failed));
    assert_eq!(ran.result.nodes.crashed, 4);
}

#[test]
fn json_on_stdout_is_the_result_document_and_nothing_else() {
    let ran = run_with(&small(json!({})), &["--format", "json"]).completed();
    serde_json::from_str::<RunResult>(&ran.ended.stdout).expect("stdout parses as a result");
    let on_disk = std::fs::read_to_string(ran.place.file("out/result.json")).unwrap();
    assert_eq!(ran.ended.stdout, on_disk);
}

#[test]
fn the_summary_is_plain_text_without_a_terminal() {
    let ran = run(&small(json!({}))).completed();
    assert!(!ran.ended.stdout.contains('\u{1b}') && !ran.ended.stderr.contains('\u{1b}'), "no colours");
    assert!(
        ran.ended.stdout.starts_with("small: 4 peers (P2PFL repaired) finished 1 round"),
        "{}",
        ran.ended.stdout
    );
    assert!(ran.ended.stderr.contains("Results are in out"), "{}", ran.ended.stderr);
}

#[test]
fn quiet_is_quiet() {
    let ran = run_with(&small(json!({})), &["--quiet"]).completed();
    assert_eq!(ran.ended.stderr, "");
    assert_ne!(ran.ended.stdout, "");
}

#[test]
fn results_are_numbered_under_the_name_of_the_scenario() {
    let place = Place::with(&small(json!({ "name": "mine" })));
    for n in 1..=2 {
        let ended = place.types(&["run", "FILE", "--quiet"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(place.result(&format!("runs/mine-{n}/result.json")).outcome, Outcome::Completed);
    }
}

#[test]
fn options_change_the_scenario_that_the_result_holds() {
    let ran = run_with(
        &small(json!({})),
        &[
            "--nodes",
            "5",
            "--rounds",
            "2",
            "--seed",
            "99",
            "--speedup",
            "90",
            "--set",
            "workflow.trainset_size=2",
        ],
    )
    .completed();
    let scenario = &ran.result.scenario;
    assert_eq!((scenario["nodes"].as_u64(), scenario["seed"].as_u64()), (Some(5), Some(99)));
    assert_eq!(scenario["workflow"]["rounds"], 2);
    assert_eq!(scenario["workflow"]["trainset_size"], 2);
    assert_eq!((ran.result.engine.speedup, ran.result.nodes.total, ran.result.rounds.len()), (90.0, 5, 2));
}

#[test]
fn results_that_cannot_be_written_are_still_shown() {
    let place = Place::with(&small(json!({})));
    // A folder in the place of the file.
    std::fs::create_dir_all(place.file("out/result.json/taken")).unwrap();
    let ended = place.types(&["run", "FILE", "--out", "out"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("cannot write out/result.json"), "{}", ended.stderr);
    assert!(ended.stdout.contains("4 peers (P2PFL repaired) finished 1 round"), "{}", ended.stdout);
    assert!(place.file("out/nodes.csv").exists(), "the other files are there");
}

#[test]
fn a_folder_that_cannot_be_made_is_told_before_anything_runs() {
    let place = Place::with(&small(json!({})));
    std::fs::write(place.file("taken"), "a file").unwrap();
    let ended = place.types(&["run", "FILE", "--out", "taken/out"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("taken/out") && ended.stderr.contains("--out"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn help_and_bad_usage_are_told_apart() {
    let place = Place::with(&small(json!({})));
    let help = place.types(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    assert!(help.stdout.contains("Exit codes"));
    for bad in
        [&["rnu", "FILE"][..], &["run"], &["run", "FILE", "--threads", "0"], &["run", "FILE", "--nope"]]
    {
        let ended = place.types(bad);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{bad:?}: {}", ended.stderr);
    }
}

#[test]
fn what_the_real_clock_cannot_repeat_is_refused_before_anything_runs() {
    let ran = run(&small(json!({}))).completed();
    let refused = |args: &[&str], why: &str| {
        let ended = ran.place.types(args);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(why), "{args:?}: {}", ended.stderr);
        assert!(!ran.place.file("again").exists(), "{args:?}");
    };
    for result in ["out", "out/result.json"] {
        refused(&["run", "--replay", result, "--out", "again"], "has no fingerprint to compare with");
    }
    refused(&["run", "FILE", "--event-log", "--out", "again"], "--event-log needs the virtual clock");
    refused(&["run", "FILE", "--replay", "out", "--out", "again"], "cannot be used with");
    refused(&["run", "--replay", "out", "--nodes", "5", "--out", "again"], "cannot be used with");
    refused(&["run", "--replay", "nowhere", "--out", "again"], "nowhere: cannot be read");
    refused(&["run", "--replay", "scenario.json", "--out", "again"], "is no result");
}

#[test]
fn the_schema_is_printed_whole() {
    let place = Place::with(&small(json!({})));
    let ended = place.types(&["schema"]);
    assert_eq!(ended.code, Some(0));
    let schema: Value = serde_json::from_str(&ended.stdout).expect("the schema is JSON");
    assert!(schema["properties"]["topology"].is_object());
}
