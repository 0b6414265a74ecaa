//! What has changed between two runs, and what a CI job makes of it: verdicts, limits, files, baselines.

use crate::program::{Ended, Place, merge, p2pfl};
use p2pfl_sim::report::Diff;
use p2pfl_sim::report::diff::{Judged, Row, Verdict};
use serde_json::{Value, json};
use std::path::Path;

/// A run of a fraction of a second on the virtual clock, in `base`.
fn exact(change: Value) -> Place {
    let mut scenario = p2pfl(6, json!({ "kind": "ring" }), json!({ "clock": "virtual", "speedup": "auto" }));
    merge(&mut scenario, change);
    let place = Place::with(&scenario);
    runs(&place, "base", &[]);
    place
}

fn runs(place: &Place, out: &str, options: &[&str]) {
    let ended = place.types(&[&["run", "FILE", "--quiet", "--out", out], options].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// A copy of a result, changed by hand.
fn edited(place: &Place, from: &str, to: &str, change: impl FnOnce(&mut Value)) {
    let text = std::fs::read_to_string(place.file(&format!("{from}/result.json"))).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    change(&mut document);
    std::fs::create_dir_all(place.file(to)).unwrap();
    std::fs::write(place.file(&format!("{to}/result.json")), document.to_string()).unwrap();
}

fn scaled(document: &mut Value, path: &str, by: f64) {
    let value = document.pointer_mut(path).unwrap_or_else(|| panic!("no {path}"));
    *value = match value.as_u64() {
        Some(count) => json!((count as f64 * by).ceil() as u64),
        None => json!(value.as_f64().unwrap() * by),
    };
}

/// What `diff` says, with exit code and document.
fn diff(place: &Place, args: &[&str]) -> (Ended, Diff) {
    let ended = place.types(&[&["diff", "--format", "json"], args].concat());
    let document =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stderr));
    (ended, document)
}

fn row<'a>(diff: &'a Diff, path: &str) -> &'a Row {
    diff.metrics.iter().find(|row| row.path == path).unwrap_or_else(|| panic!("no {path}"))
}

#[test]
fn a_run_is_the_same_as_its_baseline_at_any_number_of_threads() {
    let place = exact(json!({}));
    let ended = place.types(&["baseline", "save", "small", "base"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    runs(&place, "again", &["--threads", "2"]);
    let (ended, found) = diff(&place, &["small", "again", "--exact"]);
    assert_eq!((ended.code, found.verdict), (Some(0), Verdict::Same), "{:?}", found.differences);
    assert_eq!((found.schema.as_str(), found.differences.len()), ("p2pfl-sim/diff/1", 0));
    let told = place.types(&["diff", "small", "again"]).stdout;
    assert!(told.contains("the same."), "{told}");
}

#[test]
fn one_percent_more_messages_are_always_found() {
    let place = exact(json!({}));
    edited(&place, "base", "more", |it| {
        scaled(it, "/messages/total/sent", 1.01);
        scaled(it, "/messages/by_command/beat/sent", 1.02);
    });
    let (ended, found) = diff(&place, &["base", "more"]);
    assert_eq!((ended.code, found.verdict), (Some(3), Verdict::Regressed));
    let sent = row(&found, "messages.total.sent");
    assert!(sent.verdict == Judged::Worse && sent.change.unwrap() >= 0.01, "{sent:?}");
    assert_eq!(sent.from.as_ref().map(|it| it.name.as_str()), Some("beat"));
    // The other way round it is told, and no fault.
    let (ended, found) = diff(&place, &["more", "base"]);
    assert_eq!((ended.code, found.verdict), (Some(0), Verdict::Passed));
    assert_eq!(row(&found, "messages.total.sent").verdict, Judged::Better);
    // Yet it is a difference.
    assert_eq!(place.types(&["diff", "more", "base", "--exact"]).code, Some(3));
}

#[test]
fn links_that_are_one_percent_slower_are_always_found() {
    for seed in ["7", "8", "9"] {
        let link = |latency: &str| json!({ "network": { "latency": latency } });
        let place = exact(link("20ms"));
        runs(&place, "base", &["--seed", seed]);
        runs(&place, "slower", &["--seed", seed, "--set", "network.latency=20.2ms"]);
        let (ended, found) = diff(&place, &["base", "slower", "--allow-different-scenarios"]);
        assert_eq!((ended.code, found.verdict), (Some(3), Verdict::Regressed));
        let latency = row(&found, "latency.message.p50");
        assert!(latency.verdict == Judged::Worse, "{latency:?}");
        assert!((latency.change.unwrap() - 0.01).abs() < 0.002, "{latency:?}");
    }
}

#[test]
fn limits_come_from_the_command_line_and_from_beside_the_baseline() {
    let place = exact(json!({}));
    edited(&place, "base", "more", |it| scaled(it, "/messages/total/sent", 1.05));
    let code = |args: &[&str]| place.types(&[&["diff", "base", "more"], args].concat()).code;
    assert_eq!(code(&[]), Some(3));
    assert_eq!(code(&["--max-regression", "10%"]), Some(0));
    assert_eq!(code(&["--max-regression", "10%", "--limit", "messages.total.sent=1%"]), Some(3));
    assert_eq!(code(&["--limit", "messages.total.sent=6%"]), Some(0));
    assert_eq!(code(&["--limit", "messages.total.sent=none"]), Some(0));
    let limits = json!({ "schema": "p2pfl-sim/limits/1", "limits": { "messages.total.sent": "6%" } });
    std::fs::write(place.file("base/limits.json"), limits.to_string()).unwrap();
    assert_eq!(code(&[]), Some(0));
    assert_eq!(
        code(&["--limit", "messages.total.sent=1%"]),
        Some(3),
        "the command line goes before the file"
    );
    let (_, found) = diff(&place, &["base", "more"]);
    assert_eq!(row(&found, "messages.total.sent").limit.to_string(), "6%");

    for (args, part) in [
        (&["--limit", "messages.total.snt=1%"][..], "did you mean"),
        (&["--limit", "nodes.total=1%"], "only describes"),
        (&["--limit", "messages.total.sent"], "METRIC=LIMIT"),
        (&["--limit", "messages.total.sent=lots"], "percentage"),
        (&["--max-regression", "10"], "percentage"),
        (&["--limits", "nowhere.json"], "nowhere.json"),
    ] {
        let ended = place.types(&[&["diff", "base", "more"], args].concat());
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
    }
    std::fs::write(place.file("base/limits.json"), "{\n  \"max\": 1 }").unwrap();
    let ended = place.types(&["diff", "base", "more"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("limits.json") && ended.stderr.contains("line 2"), "{}", ended.stderr);
}

#[test]
fn learned_values_have_a_tolerance_and_counts_have_none() {
    let place = exact(json!({}));
    let with_accuracy = |to: &str, accuracy: f64| {
        edited(&place, "base", to, |it| {
            it["final"]["accuracy"] = json!({ "mean": accuracy, "min": accuracy, "max": accuracy });
        });
    };
    with_accuracy("before", 0.9);
    with_accuracy("little", 0.895);
    with_accuracy("much", 0.88);
    let (ended, found) = diff(&place, &["before", "little"]);
    assert_eq!((ended.code, row(&found, "final.accuracy.mean").verdict), (Some(0), Judged::Within));
    let (ended, found) = diff(&place, &["before", "much"]);
    assert_eq!((ended.code, row(&found, "final.accuracy.mean").verdict), (Some(3), Judged::Worse));
    // The model no longer learns anything that can be told.
    edited(&place, "before", "none", |it| it["final"]["accuracy"] = Value::Null);
    let (ended, found) = diff(&place, &["before", "none"]);
    assert_eq!((ended.code, row(&found, "final.accuracy.mean").verdict), (Some(3), Judged::Gone));
}

#[test]
fn an_end_that_is_worse_is_a_regression_whatever_the_limits() {
    let place = exact(json!({}));
    edited(&place, "base", "stalled", |it| {
        it["outcome"] = json!("stalled");
        it["reason"] = json!("nothing is pending");
    });
    let (ended, found) = diff(&place, &["base", "stalled", "--max-regression", "1000%"]);
    assert_eq!((ended.code, found.outcome, found.verdict), (Some(3), Judged::Worse, Verdict::Regressed));
    let (ended, found) = diff(&place, &["stalled", "base"]);
    assert_eq!((ended.code, found.outcome), (Some(0), Judged::Better));
}

#[test]
fn runs_of_different_scenarios_or_clocks_are_not_judged() {
    let place = exact(json!({}));
    runs(&place, "more-nodes", &["--nodes", "7"]);
    runs(&place, "other-seed", &["--seed", "8"]);
    for (other, part) in [("more-nodes", "nodes: 6 -> 7"), ("other-seed", "seed: 7 -> 8")] {
        let ended = place.types(&["diff", "base", other]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("different scenarios") && ended.stderr.contains(part),
            "{}",
            ended.stderr
        );
    }
    let (ended, found) = diff(&place, &["base", "more-nodes", "--allow-different-scenarios"]);
    assert!(
        ended.code == Some(3) && found.scenario.iter().any(|it| it.path == "nodes"),
        "{:?}",
        found.scenario
    );
    let told = place.types(&["diff", "base", "more-nodes", "--allow-different-scenarios"]).stdout;
    assert!(told.contains("THE SCENARIOS DIFFER"), "{told}");

    edited(&place, "base", "real", |it| it["engine"]["clock"] = json!("real"));
    let ended = place.types(&["diff", "base", "real", "--allow-different-scenarios"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--clock"), "{}", ended.stderr);
}

#[test]
fn repeats_on_the_virtual_clock_are_compared_seed_by_seed() {
    let place = exact(json!({}));
    runs(&place, "three", &["--repeat", "3"]);
    runs(&place, "again", &["--repeat", "3"]);
    let (ended, found) = diff(&place, &["three", "again"]);
    assert_eq!((ended.code, found.verdict, found.current.runs), (Some(0), Verdict::Same, 3));
    edited(&place, "again/2", "again/2", |it| scaled(it, "/messages/total/sent", 1.01));
    let (ended, found) = diff(&place, &["three", "again"]);
    let sent = row(&found, "messages.total.sent");
    let worst = sent.worst.expect("one is");
    assert_eq!((ended.code, worst.seed, sent.paired.map(|it| it.n)), (Some(3), 8, Some(3)));
    assert!(worst.change.unwrap() >= 0.01 && sent.change.unwrap() < 0.005, "{sent:?}");
    let told = place.types(&["diff", "three", "again"]).stdout;
    assert!(told.contains("3 pairs of runs, exact") && told.contains("worst seed"), "{told}");
    let told = place.types(&["diff", "three", "again", "--format", "markdown"]).stdout;
    assert!(told.contains("n = 3)") && told.contains("(seed 8)"), "{told}");
}

#[test]
fn another_threshold_is_no_difference() {
    let place = exact(json!({}));
    runs(&place, "asked", &["--set", r#"thresholds=["nodes.finished == nodes.total"]"#]);
    assert_eq!(place.result("asked/result.json").thresholds.len(), 1);
    let (ended, found) = diff(&place, &["base", "asked", "--exact"]);
    assert_eq!((ended.code, found.verdict), (Some(0), Verdict::Same), "{:?}", found.differences);
    assert_eq!(found.scenario.len(), 1, "{:?}", found.scenario);
}

/// Ten runs on the real clock that differ a little, each so many times as slow as it was.
fn ten(place: &Place, to: &str, slower: f64) {
    for run in 0..10 {
        edited(place, "base", &format!("{to}/{}", run + 1), |it| {
            it["engine"]["clock"] = json!("real");
            it["scenario"]["clock"] = json!("real");
            it["scenario"]["seed"] = json!(run);
            it["cost"]["messages_per_cpu_s"] = json!(200_000.0 / (slower + f64::from(run * 3 % 10) / 500.0));
            it["latency"]["round"]["p50"] = json!(1e-3 * (1.0 + f64::from(run * 7 % 10) / 100.0));
            it["latency"]["message"]["p50"] = json!(1e-3 * slower);
        });
    }
}

#[test]
fn on_the_real_clock_it_takes_runs_and_more_than_the_limit() {
    let place = exact(json!({}));
    ten(&place, "main", 1.0);
    ten(&place, "slower", 1.2);
    ten(&place, "little", 1.05);
    let (ended, found) = diff(&place, &["main", "slower"]);
    let handling = row(&found, "cost.messages_per_cpu_s");
    assert_eq!((ended.code, found.verdict, handling.verdict), (Some(3), Verdict::Regressed, Judged::Worse));
    assert!(handling.p.unwrap() < 0.01 && handling.interval.unwrap().high < -0.1, "{handling:?}");
    assert_eq!(row(&found, "latency.round.p50").verdict, Judged::Same);
    // Over memory that is the machine's.
    assert!(found.metrics.iter().all(|it| !it.path.starts_with("latency.message")));
    assert!(found.metrics.len() <= 5 && found.differences.is_empty());
    // Beyond chance, but not beyond the limit; and with another limit it is.
    assert_eq!(diff(&place, &["main", "little"]).0.code, Some(0));
    assert_eq!(diff(&place, &["main", "little", "--max-regression", "2%"]).0.code, Some(3));
    let (ended, found) = diff(&place, &["slower", "main"]);
    assert_eq!((ended.code, row(&found, "cost.messages_per_cpu_s").verdict), (Some(0), Judged::Better));

    // A single pair of numbers is no verdict, however far they are apart.
    let (ended, found) = diff(&place, &["main/1", "slower/1"]);
    assert_eq!((ended.code, found.verdict), (Some(0), Verdict::Undecided));
    assert!(ended.stderr.contains("not enough runs"), "{}", ended.stderr);
    let told = place.types(&["diff", "main/1", "slower/1"]).stdout;
    assert!(told.contains("Not enough runs to judge") && told.contains("--repeat"), "{told}");
    let required = place.types(&["diff", "main/1", "slower/1", "--require-verdict"]);
    assert_eq!(required.code, Some(3), "{}", required.stderr);
    assert!(required.stderr.contains("not enough runs"), "{}", required.stderr);
    let args = ["--require-verdict"];
    assert_eq!(diff(&place, &[&["main", "little"], &args[..]].concat()).0.code, Some(0));
    // What does not depend on chance is judged all the same.
    edited(&place, "slower/1", "stalled", |it| it["outcome"] = json!("stalled"));
    assert_eq!(diff(&place, &["main/1", "stalled"]).0.code, Some(3));
}

#[test]
fn a_job_can_have_every_form_at_once() {
    let place = exact(json!({}));
    // No folder of results could be called so, but a result may say anything.
    edited(&place, "base", "base", |it| it["scenario"]["name"] = json!("a <b>|x| & \"q\""));
    edited(&place, "base", "more", |it| scaled(it, "/messages/total/sent", 1.01));
    let files = [
        "--json",
        "out/d.json",
        "--markdown",
        "out/d.md",
        "--junit",
        "out/d.xml",
        "--benchmark",
        "out/b.json",
    ];
    let ended = place.types(&[&["diff", "base", "more"], &files[..]].concat());
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let text = |name: &str| std::fs::read_to_string(place.file(name)).unwrap();

    let document: Diff = serde_json::from_str(&text("out/d.json")).unwrap();
    let worse: Vec<&str> = document.regressions().map(|row| row.path.as_str()).collect();
    assert_eq!(worse, ["messages.total.sent"]);

    let (cases, failed) = junit(&text("out/d.xml"));
    assert_eq!(failed, worse);
    // The ends of the runs and the figures as a whole are cases, too.
    assert_eq!(cases.len(), document.metrics.len() + 2);

    let markdown = text("out/d.md");
    assert!(!markdown.contains("<b>") && markdown.contains("**worse**"), "{markdown}");

    let entries: Vec<Value> = serde_json::from_str(&text("out/b.json")).unwrap();
    let sent =
        entries.iter().find(|it| it["name"].as_str().unwrap().ends_with("messages.total.sent")).unwrap();
    assert_eq!(sent["value"].as_f64(), row(&document, "messages.total.sent").current.map(|it| it.median));
    assert!(entries.iter().all(|it| it["unit"].is_string() && it["value"].is_number()));

    for (format, file) in [
        ("json", "out/d.json"),
        ("markdown", "out/d.md"),
        ("junit", "out/d.xml"),
        ("github-action-benchmark", "out/b.json"),
    ] {
        let ended = place.types(&["diff", "base", "more", "--format", format]);
        assert_eq!((ended.code, ended.stdout), (Some(3), text(file)), "{format}");
    }
}

/// The names of all cases, and of those that failed.
fn junit(text: &str) -> (Vec<String>, Vec<String>) {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut cases, mut failed) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().expect("it is XML") {
            quick_xml::events::Event::Eof => return (cases, failed),
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                match tag.name().as_ref() {
                    "testcase" => {
                        let name = tag.try_get_attribute("name").unwrap().expect("a case has a name");
                        cases.push(name.value.into_owned());
                    }
                    "failure" => failed.push(cases.last().expect("it is within a case").clone()),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_no_result_is_refused_and_nothing_is_written() {
    let place = exact(json!({}));
    let text = std::fs::read_to_string(place.file("base/result.json")).unwrap();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(place.file(name)).unwrap();
        std::fs::write(place.file(&format!("{name}/result.json")), text).unwrap();
    };
    write("newer", &text.replace("p2pfl-sim/result/1", "p2pfl-sim/result/2"));
    write("older", &text.replace("p2pfl-sim/result/1", "p2pfl-sim/result/0"));
    write("truncated", &text[..text.len() / 2]);
    write("foreign", r#"{ "benches": [] }"#);
    write("damaged", &text.replace("\"total\": 6", "\"total\": \"six\""));
    std::fs::create_dir(place.file("empty")).unwrap();
    let swept = place.types(&["sweep", "FILE", "--set", "nodes=4,5", "--quiet", "--out", "sweep"]);
    assert_eq!(swept.code, Some(0), "{}", swept.stderr);
    for (side, part) in [
        ("newer", "p2pfl-sim/result/2"),
        ("older", "p2pfl-sim/result/0"),
        ("truncated", "a part of one"),
        ("foreign", "no result of p2pfl-sim"),
        ("damaged", "nodes.total"),
        ("empty", "no result folder"),
        ("sweep", "different scenarios"),
        ("nowhere", "no such file or folder"),
    ] {
        for sides in [["base", side], [side, "base"]] {
            let ended = place.types(&["diff", sides[0], sides[1], "--junit", "out/diff.xml"]);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{sides:?}: {}", ended.stderr);
            assert!(
                ended.stderr.contains(part) && ended.stderr.contains(side),
                "{sides:?}: {}",
                ended.stderr
            );
            assert!(!place.file("out").exists(), "{sides:?}");
        }
        let ended = place.types(&["baseline", "save", "kept", side]);
        assert_eq!(ended.code, Some(2), "{side}: {}", ended.stderr);
        assert!(!place.file("baselines").exists(), "{side}");
    }
}

#[test]
fn baselines_are_kept_under_names_and_leave_the_same_bytes() {
    let place = exact(json!({}));
    runs(&place, "again", &["--threads", "2"]);
    runs(&place, "three", &["--repeat", "3"]);
    let code = |args: &[&str]| {
        let ended = place.types(&[&["baseline"], args].concat());
        (ended.code, ended.stdout + &ended.stderr)
    };
    assert!(code(&["list"]).1.contains("There is no baseline in baselines."));
    assert_eq!(code(&["save", "one", "base"]).0, Some(0));
    assert_eq!(code(&["save", "same", "again"]).0, Some(0));
    assert_eq!(code(&["save", "three.v1", "three", "--dir", "baselines"]).0, Some(0));
    let bytes = |name: &str| std::fs::read(place.file(&format!("baselines/{name}/result.json"))).unwrap();
    assert_eq!(bytes("one"), bytes("same"));
    assert!(bytes("three.v1/3").len() > 1_000);
    let files: Vec<_> = std::fs::read_dir(place.file("baselines/one")).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing but the result is kept");

    let (_, list) = code(&["list"]);
    assert!(["one", "same", "three.v1", "virtual"].iter().all(|it| list.contains(it)), "{list}");
    assert!(code(&["show", "one"]).1.contains("6 peers (P2PFL repaired) finished"));
    assert!(code(&["show", "three.v1"]).1.contains("messages.total.sent"));

    let (refused, said) = code(&["save", "one", "three"]);
    assert!(refused == Some(2) && said.contains("--force"), "{said}");
    let limits = place.file("baselines/one/limits.json");
    std::fs::write(&limits, r#"{ "schema": "p2pfl-sim/limits/1" }"#).unwrap();
    assert_eq!(code(&["save", "one", "three", "--force"]).0, Some(0));
    assert!(!place.file("baselines/one/result.json").exists() && place.file("baselines/one/2").exists());
    assert!(limits.exists(), "limits stay");

    for name in ["../out", "a/b", ".hidden", "", "a b", "-x-"] {
        let (refused, said) = code(&["save", "--", name, "base"]);
        assert!(refused == Some(2) && said.contains("no name of a baseline"), "{name}: {said}");
    }
    let (refused, said) = code(&["save", "mixed", "base", "three", "--force"]);
    assert!(refused == Some(2) && said.contains("same seed"), "{said}");
    let (refused, said) = code(&["show", "onee"]);
    assert!(refused == Some(2) && said.contains("did you mean `one`?"), "{said}");
}

#[test]
fn binaries_run_by_turns_and_are_compared_pair_by_pair() {
    let binary = env!("CARGO_BIN_EXE_p2pfl-sim");
    let place = exact(json!({}));
    let (ended, found) =
        diff(&place, &["--run", binary, binary, "scenario.json", "--out", "turns", "--", "--nodes", "5"]);
    assert_eq!((ended.code, found.verdict), (Some(0), Verdict::Same), "{}", ended.stderr);
    assert!(found.paired && place.result("turns/new/1/result.json").nodes.total == 5);

    let real = ["--clock", "real", "--speedup", "20", "--rounds", "1"];
    let turns = ["--run", binary, binary, "scenario.json", "--repeat", "2", "--out", "real", "-q", "--"];
    let ended = place.types(&[&["diff"], &turns[..], &real].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains(" pairs of runs") && ended.stdout.contains("Not enough runs"),
        "{}",
        ended.stdout
    );
    for pair in 1..=2 {
        for side in ["old", "new"] {
            let result = place.result(&format!("real/{side}/{pair}/result.json"));
            assert_eq!(result.scenario["seed"], 6 + pair);
        }
    }
}

#[test]
fn what_cannot_run_by_turns_is_said_at_once() {
    let binary = env!("CARGO_BIN_EXE_p2pfl-sim");
    let place = exact(json!({}));
    std::fs::write(place.file("bad.json"), "{}").unwrap();
    for (args, part) in [
        (&["--run", binary, binary][..], "takes three"),
        (&["base", "base", "base"], "name two sides"),
        (&["--run", "nowhere", binary, "scenario.json"], "no program"),
        (&["--run", binary, binary, "nowhere.json"], "no such scenario"),
        (&["--run", binary, binary, "bad.json"], "left no result"),
        (&["--run", "/bin/false", binary, "scenario.json"], "left no result"),
        (&["--run", binary, binary, "scenario.json", "--", "--seed=3"], "--set seed"),
        (&["base", "base", "--repeat", "3"], "go with --run"),
    ] {
        let ended = place.types(&[&["diff"], args].concat());
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
    }
    assert!(Path::new(binary).exists());
}

#[test]
fn a_file_that_cannot_be_written_is_exit_code_1_and_leaves_nothing_half_done() {
    let place = exact(json!({}));
    std::fs::write(place.file("file"), "").unwrap();
    let ended = place.types(&["diff", "base", "base", "--junit", "file/diff.xml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot write"), "{}", ended.stderr);
    assert_eq!(place.types(&["baseline", "save", "x", "base", "--dir", "file/in"]).code, Some(1));
}
