//! One scenario over several transports. What needs no sockets is shown with a single transport.

use crate::interrupts::{ctrl_c, endless};
use crate::program::{Ended, Place, balanced, p2pfl};
use p2pfl_sim::metrics::result::Outcome;
use p2pfl_sim::report::Compare;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

/// A run of a fraction of a second.
fn small(change: Value) -> Place {
    let mut scenario =
        p2pfl(4, json!({ "kind": "ring" }), json!({ "speedup": 100, "workflow": { "rounds": 1 } }));
    crate::program::merge(&mut scenario, change);
    Place::with(&scenario)
}

fn compare(place: &Place, folder: &str) -> Compare {
    let text = std::fs::read_to_string(place.file(&format!("{folder}/compare.json")))
        .expect("there is a compare.json");
    serde_json::from_str(&text).expect("it has the form that is documented")
}

#[test]
fn transports_run_by_turns_with_the_same_seeds_and_speedup() {
    let place = small(json!({ "speedup": "auto" }));
    let ended = place.types(&[
        "compare",
        "FILE",
        "--transport",
        "memory,grpc",
        "--repeat",
        "2",
        "--no-costs",
        "--out",
        "out",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let compare = compare(&place, "out");
    assert_eq!(compare.transports, ["memory", "grpc"]);
    let order: Vec<(&str, u32, u64)> =
        compare.runs.iter().map(|run| (run.transport.as_str(), run.repeat, run.row.seed)).collect();
    assert_eq!(order, [("memory", 1, 7), ("grpc", 1, 7), ("memory", 2, 8), ("grpc", 2, 8)]);
    assert!(compare.speedup_is_auto);
    for run in &compare.runs {
        let folder = format!("{}/{}", run.transport, run.repeat);
        assert_eq!(run.row.folder.as_deref(), Some(folder.as_str()));
        let result = place.result(&format!("out/{folder}/result.json"));
        balanced(&result);
        assert_eq!(result.engine.transport, run.transport);
        assert_eq!((result.engine.speedup, result.engine.threads), (compare.speedup, 1));
        assert_eq!(result.scenario["seed"], run.row.seed);
    }
    let [memory, grpc] = &compare.rows[..] else { panic!("there are two rows: {:?}", compare.rows) };
    assert_eq!((memory.outcomes.completed, grpc.outcomes.completed), (2, 2));
    assert_eq!(memory.relative, None);
    let relative = grpc.relative.expect("it is not the first");
    assert_eq!(relative.at("wall_s").expect("both took time").n, 2);
    assert!(relative.at("cpu_s_per_message").expect("both computed").median > 0.0);
    assert!(grpc.figures.at("latency.rpc.p50").expect("calls were answered").interval.is_some());
    assert!(grpc.figures.at("connecting.p50").is_some() && memory.figures.at("connecting.p50").is_none());
    assert!(ended.stdout.contains("/ memory"), "{}", ended.stdout);
}

#[test]
fn every_transport_completes() {
    let all = "memory,grpc,grpc+uds,grpc+tls,grpc+mtls";
    let place = small(json!({ "speedup": 20 }));
    let once = ["--no-costs", "--repeat", "1", "--out", "out"];
    let ended = place.types(&[&["compare", "FILE", "--transport", all], &once[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let compare = compare(&place, "out");
    assert_eq!(compare.rows.iter().map(|row| row.transport.as_str()).collect::<Vec<_>>(), compare.transports);
    assert!(compare.rows.iter().all(|row| row.outcomes.completed == 1), "{:?}", compare.rows);
    let text = std::fs::read_to_string(place.file("out/compare.md")).expect("there is a compare.md");
    assert!(text.contains("| grpc+mtls") && text.contains("Relative to memory:"), "{text}");
}

#[test]
fn json_is_the_document_and_folders_are_numbered() {
    let place = small(json!({}));
    let ended = place.types(&[
        "compare",
        "FILE",
        "--transport",
        "memory",
        "--no-costs",
        "--repeat",
        "2",
        "--format",
        "json",
        "-q",
    ]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let printed: Compare = serde_json::from_str(&ended.stdout).expect("it is the document");
    assert_eq!(printed, compare(&place, "runs/small-compare-1"));
    assert_eq!((printed.schema.as_str(), printed.speedup), ("p2pfl-sim/compare/1", 100.0));
    let [row] = &printed.rows[..] else { panic!("there is one row: {:?}", printed.rows) };
    assert_eq!((row.outcomes.completed, row.figures.at("ended_s").map(|it| it.n)), (2, Some(2)));
    for file in ["compare.csv", "compare.md", "memory/1/result.json", "memory/2/nodes.csv"] {
        assert!(place.file(&format!("runs/small-compare-1/{file}")).exists(), "{file}");
    }
    // The figures are those of the results.
    let result = place.result("runs/small-compare-1/memory/1/result.json");
    let figures = printed.runs[0].measured[0].figures;
    assert_eq!(figures.at("wall_s"), Some(result.cost.wall_s));
    assert_eq!(figures.at("latency.rpc.p99"), Some(result.latency["rpc"].p99));
}

#[test]
fn a_speedup_of_auto_is_chosen_once_and_told() {
    let place = small(json!({ "speedup": "auto" }));
    let ended = place.types(&["compare", "FILE", "--transport", "memory", "--no-costs", "--out", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("`auto`"), "{}", ended.stdout);
    let compare = compare(&place, "out");
    assert!(compare.speedup_is_auto);
    assert_eq!((compare.repeat, compare.runs.len()), (5, 5), "one run could not tell how runs differ");
    assert_eq!(place.result("out/memory/1/result.json").engine.speedup, compare.speedup);
}

#[test]
fn the_exit_code_is_that_of_the_worst_run() {
    let missed = small(json!({ "thresholds": ["nodes.finished > 4"] }));
    let ended = missed.types(&["compare", "FILE", "--transport", "memory", "--no-costs", "--out", "out"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);

    let limited = endless(json!({ "limits": { "wall": "200ms" } }));
    let place = Place::with(&limited);
    let ended = place.types(&[
        "compare",
        "FILE",
        "--transport",
        "memory",
        "--no-costs",
        "--repeat",
        "2",
        "--out",
        "out",
    ]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("run memory/1 failed"), "{}", ended.stderr);
    assert!(ended.stdout.contains("Runs that did not complete"), "{}", ended.stdout);
    let compare = compare(&place, "out");
    assert_eq!((compare.rows[0].outcomes.failed, compare.rows[0].figures.at("wall_s")), (2, None));
}

#[test]
fn ctrl_c_keeps_what_is_done() {
    // Every run goes on until its limit or until someone ends it.
    let place = Place::with(&endless(json!({ "limits": { "wall": "5s" } })));
    let mut child = place
        .command(&["compare", "FILE", "--transport", "memory", "--no-costs", "--repeat", "3", "--out", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let mut told = String::new();
    while !told.contains("1/3 runs done") {
        assert!(stderr.read_line(&mut told).unwrap() > 0, "{told}");
    }
    ctrl_c(&child);
    stderr.read_to_string(&mut told).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{told}");
    let compare = compare(&place, "out");
    assert!(compare.interrupted);
    assert!(compare.runs.len() < 3, "{told}");
    assert_eq!(compare.runs[0].row.outcome, Outcome::Failed);
    assert_eq!(place.result("out/memory/1/result.json").outcome, Outcome::Failed);
    assert!(ended.stdout.contains("of 3 runs are done"), "{}", ended.stdout);
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_runs() {
    let place = small(json!({}));
    for (options, part) in [
        (&["--transport", "memory,grpc,memory"][..], "memory is named twice"),
        (&["--transport", "memory", "--set", "transport=grpc"], "--transport names all"),
        (&["--transport", "memory", "--clock", "virtual", "--speedup", "auto"], "on the real clock only"),
        (&["--transport", "memory,carrier-pigeon"], "carrier-pigeon"),
        (&["--transport", "memory,grpc", "--set", "workflow.variant=faithful-memory"], "this is grpc"),
        (&["--transport", "memory", "--repeat", "2", "--seed", "18446744073709551615"], "2 seeds from"),
        (&["--transport", "all,grpc"], "grpc is named twice"),
        (&["--transport", "memory", "--costs-only"], "--costs-only"),
        (&["--transport", "memory", "--no-costs", "--save-profile", "p.json"], "--save-profile"),
        (&["--transport", "memory", "--in-flight", "0"], "--in-flight"),
        (&[], "--transport"),
    ] {
        let ended = place.types(&[&["compare", "FILE", "--out", "out"], options].concat());
        assert_eq!(ended.code, Some(2), "{options:?}: {}", ended.stderr);
        let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(part), "{options:?}: {said}");
        assert!(!place.file("out").exists(), "{options:?}");
    }
}

#[test]
fn transports_are_measured_by_themselves_and_then_over_the_scenario() {
    let place = small(json!({}));
    let once = ["--in-flight", "4", "--repeat", "1", "--out", "out"];
    let ended = place.types(&[&["compare", "FILE", "--transport", "memory,grpc"], &once[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let compare = compare(&place, "out");
    let costs = compare.costs.as_ref().expect("they were measured");
    let [memory, grpc] = &costs.transports[..] else { panic!("there are two: {costs:?}") };
    assert_eq!(grpc.small.iter().map(|it| it.in_flight).collect::<Vec<_>>(), [1, 4]);
    assert!(memory.connection.is_none() && memory.wire.is_empty());
    // What is stated of it.
    let connection = grpc.connection.expect("it has connections");
    let (idle, after) = (connection.memory_bytes.unwrap(), connection.memory_after_large_bytes.unwrap());
    assert!(idle > 10e3 && idle < 1e6 && after < 2e6, "{connection:?}");
    assert_eq!(compare.runs.len(), 2);
    for part in ["A message of 104 B", "CPU of a message", "on the wire", "A connection", "time to finish"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let read =
        |name: &str| std::fs::read_to_string(place.file(&format!("out/{name}"))).expect("it was written");
    assert!(read("compare.md").contains("### A connection, both ends together"));
    assert!(read("compare.csv").contains("costs.connection.round_trips"));
    let page = read("report.html");
    assert!(page.contains("CPU of a message") && page.contains("Memory of a connection"));
    // The page is made again of what was left.
    std::fs::remove_file(place.file("out/report.html")).unwrap();
    assert_eq!(place.types(&["report", "out"]).code, Some(0));
    assert_eq!(read("report.html"), page);
}

#[test]
fn what_was_measured_is_a_profile_for_the_virtual_clock() {
    let place = small(json!({ "clock": "virtual", "speedup": "auto" }));
    let measured = ["compare", "--costs-only", "--transport", "memory,grpc", "--in-flight", "2"];
    let ended =
        place.types(&[&measured[..], &["--save-profile", "profile.json", "--out", "out", "-q"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(compare(&place, "out").runs.is_empty());
    let run = |transport: &str, out: &str| {
        let transport = format!("network.profile.transport={transport}");
        let file = "network.profile.file=profile.json";
        let ended = place.types(&["run", "FILE", "--set", file, "--set", &transport, "--out", out]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        place.result(&format!("{out}/result.json"))
    };
    let (memory, grpc) = (run("memory", "a"), run("grpc", "b"));
    assert!(grpc.messages.total.wire_bytes > memory.messages.total.wire_bytes);
    assert!(grpc.latency["message"].p50 > memory.latency["message"].p50);
    assert_eq!(run("grpc", "c").fingerprint, grpc.fingerprint);
}
