//! What a scenario asks of the machine: memory, inboxes, and the shipped scenarios.

use crate::program::{Ended, Place, dpsgd, p2pfl, run};
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn messages_beyond_the_inbox_are_dropped_and_counted() {
    // Two models do not fit into an inbox, and every node sends its own to all others at the same moment.
    let ran = run(&dpsgd(
        12,
        json!({ "kind": "full" }),
        json!({
            "workflow": { "rounds": 2 },
            "learning": { "model": { "kind": "synthetic", "size": "1MB" } },
            "limits": { "inbox": "1KB" }
        }),
    ))
    .completed();
    assert!(ran.dropped("overflow") > 0, "{:?}", ran.result.messages.total);
}

#[test]
fn a_million_peers_that_flood_are_refused_with_the_numbers() {
    let place = Place::with(&p2pfl(64, json!({ "kind": "full" }), json!({})));
    let refused = place.types(&["check", "FILE", "--nodes", "1000000"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{}", refused.stderr);
    let said = refused.stderr.replace('\n', " ");
    for part in ["TB of memory", "are available", "--force", "nodes"] {
        assert!(said.contains(part), "`{part}` is missing in {said}");
    }
    let forced = place.types(&["check", "FILE", "--nodes", "1000000", "--force"]);
    assert_eq!(forced.code, Some(0), "{}", forced.stderr);
    assert!(forced.stdout.contains("1000000 nodes"), "{}", forced.stdout);
    let run = place.types(&["run", "FILE", "--nodes", "1000000"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
}

#[test]
fn what_ulimit_leaves_is_what_is_available() {
    let place = Place::with(&dpsgd(12, json!({ "kind": "ring" }), json!({})));
    let check = format!(
        "ulimit -v 8000000; exec '{}' check scenario.json --nodes 2000000",
        env!("CARGO_BIN_EXE_p2pfl-sim")
    );
    let checked =
        std::process::Command::new("sh").args(["-c", &check]).current_dir(place.folder.path()).output();
    let refused = Ended::from(checked.expect("there is a shell"));
    let said = refused.stderr.replace('\n', " ");
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{said}");
    for part in ["of memory", "by `ulimit`", "scenario.json"] {
        assert!(said.contains(part), "`{part}` is missing in {said}");
    }
}

#[test]
fn check_runs_nothing_and_says_what_would_run() {
    let place = Place::with(&p2pfl(8, json!({ "kind": "ring" }), json!({})));
    let text = place.types(&["check", "FILE"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""));
    assert!(text.stdout.contains("8 nodes, 8 edges, 2 rounds"), "{}", text.stdout);
    assert!(!place.file("runs").exists());
    let json = place.types(&["check", "FILE", "FILE", "--format", "json"]);
    let checked: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!(checked.as_array().map(Vec::len), Some(2));
    assert_eq!(checked[0]["nodes"], 8);
}

#[test]
fn check_says_what_means_something_on_its_clock() {
    let place = Place::with(&p2pfl(8, json!({ "kind": "ring" }), json!({ "speedup": "auto" })));
    let check = |clock: &str| {
        let text = place.types(&["check", "FILE", "--clock", clock]);
        assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""));
        let json = place.types(&["check", "FILE", "--clock", clock, "--format", "json"]);
        let checked: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
        (text.stdout, checked[0].clone())
    };
    let (text, checked) = check("real");
    assert!(text.contains("real: ") && text.contains("  cores ") && !text.contains("lookahead"), "{text}");
    assert!(checked["speedup"].is_f64() && checked["lookahead_s"].is_null(), "{checked}");
    let (text, checked) = check("virtual");
    assert!(
        text.contains("virtual: ") && text.contains("  lookahead ") && text.contains("CPU time"),
        "{text}"
    );
    assert!(!text.contains("  cores ") && !text.contains("in a second,"), "{text}");
    assert!(checked["speedup"].is_null() && checked["lookahead_s"].is_f64(), "{checked}");
    assert!(checked["threads"].as_u64() >= Some(1) && checked["cpu_s"].is_f64(), "{checked}");
}

#[test]
fn check_goes_through_all_files_even_if_one_is_bad() {
    let place = Place::with(&p2pfl(8, json!({ "kind": "ring" }), json!({})));
    std::fs::write(place.file("bad.json"), "{").unwrap();
    let ended = place.types(&["check", "bad.json", "FILE"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stdout.contains("8 nodes"), "{}", ended.stdout);
    assert!(ended.stderr.contains("bad.json"), "{}", ended.stderr);
}

#[test]
fn the_shipped_scenarios_check_without_a_warning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut scenarios: Vec<_> = std::fs::read_dir(&folder)
        .expect("there are scenarios")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .filter(|path| !path.ends_with("scenario.schema.json"))
        .collect();
    scenarios.sort();
    assert!(!scenarios.is_empty());
    let place = Place::with_text("{}");
    for scenario in scenarios {
        let ended = place.types(&["check", scenario.to_str().unwrap()]);
        if scenario.ends_with("ring-16-faithful-memory.json") {
            // It is there to hang, and that is foreseen.
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            assert!(ended.stderr.contains("out-of-reach"), "{}", ended.stderr);
            continue;
        }
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", scenario.display());
    }
}

#[test]
fn check_says_all_that_a_run_takes() {
    let place = Place::with(&p2pfl(8, json!({ "kind": "ring" }), json!({ "clock": "virtual" })));
    let text = place.types(&["check", "FILE"]).stdout;
    for line in ["  scenario time ", "  messages ", "  wire ", "  CPU time ", "  memory "] {
        assert!(text.contains(line), "`{line}` is missing in\n{text}");
    }
    let json = place.types(&["check", "FILE", "--format", "json"]);
    let checked: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    for field in ["scenario_s", "messages", "wire_bytes", "cpu_s", "memory_bytes"] {
        assert!(checked[0][field].as_f64().is_some_and(|it| it > 0.0), "`{field}` in {checked}");
    }
}

/// What `check` says of a figure, and what a run has.
fn foreseen(scenario: &Value) -> Vec<(&'static str, f64, f64)> {
    let place = Place::with(scenario);
    let json = place.types(&["check", "FILE", "--format", "json"]);
    let checked: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    let ran = run(scenario).completed().result;
    let of = |field: &str| checked[0][field].as_f64().unwrap_or_else(|| panic!("no `{field}` in {checked}"));
    vec![
        ("scenario_s", of("scenario_s"), ran.ended_s.expect("it started")),
        ("messages", of("messages"), ran.messages.total.sent as f64),
        ("wire_bytes", of("wire_bytes"), ran.messages.total.wire_bytes as f64),
    ]
}

#[test]
fn what_check_foresees_is_what_runs_do_within_a_factor_of_two() {
    let slow_round = json!([{ "at": { "round": 2 }, "do": "slow", "nodes": [3], "compute": 20 }]);
    for scenario in [
        p2pfl(16, json!({ "kind": "star" }), json!({ "clock": "virtual" })),
        p2pfl(24, json!({ "kind": "ring" }), json!({ "clock": "virtual" })),
        // The cap, and not the beats, decides how much is forwarded.
        p2pfl(
            60,
            json!({ "kind": "full" }),
            json!({
                "clock": "virtual", "settings": { "gossip": { "period": "100ms", "messages_per_period": 10 },
                "heartbeat": { "period": "1s" } }
            }),
        ),
        dpsgd(16, json!({ "kind": "ring" }), json!({ "clock": "virtual", "script": slow_round })),
        dpsgd(
            16,
            json!({ "kind": "ring" }),
            json!({ "clock": "virtual", "workflow": { "mode": "asynchronous" } }),
        ),
        json!({ "name": "x", "nodes": 200, "clock": "virtual", "topology": { "kind": "full" },
            "workflow": { "kind": "rumor", "mode": "push" } }),
        json!({ "name": "x", "nodes": 4, "clock": "virtual", "topology": { "kind": "full" },
            "workflow": { "kind": "probe", "concurrency": [1, 8], "duration": "1s" } }),
    ] {
        for (figure, estimate, measured) in foreseen(&scenario) {
            let ratio = estimate / measured;
            assert!((0.5..=2.0).contains(&ratio), "{figure}: {estimate}, ran {measured} in {scenario}");
        }
    }
}

#[test]
fn a_network_whose_messages_take_years_ends_at_its_limits() {
    let scenario =
        p2pfl(8, json!({ "kind": "ring" }), json!({ "clock": "virtual", "network": { "latency": "3650d" } }));
    let place = Place::with(&scenario);
    let ended = place.types(&["run", "FILE", "--out", "out"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("learning had not begun"), "{}", ended.stderr);
    assert!(place.types(&["check", "FILE"]).stderr.contains("never connect"));
}
