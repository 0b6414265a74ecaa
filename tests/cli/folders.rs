//! Result folders: whole and of one run whenever the program ends, and of one process at a time.

use crate::interrupts::{ctrl_c, endless};
use crate::program::{Ended, Place, program};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

/// A run of milliseconds, the same each time.
fn small(nodes: u32) -> Value {
    json!({
        "name": "small", "seed": 7, "nodes": nodes, "topology": { "kind": "full" }, "clock": "virtual",
        "workflow": { "kind": "dpsgd", "rounds": 1 },
        "learning": { "model": { "kind": "synthetic", "size": "2KiB" } }
    })
}

/// All files in a folder and what is in it, by their paths. What differs from run to run is left out: costs, and pages,
/// which have costs.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, name: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
            match entry.path().is_dir() {
                true => walk(&entry.path(), &name, found),
                false => drop(found.insert(name, fs::read(entry.path()).unwrap())),
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, "", &mut found);
    for (name, text) in &mut found {
        if name.ends_with(".json")
            && let Ok(mut document) = serde_json::from_slice::<Value>(text)
        {
            without_cost(&mut document);
            *text = document.to_string().into_bytes();
        } else if name.ends_with(".html") || name.ends_with("sweep.csv") {
            text.clear();
        }
    }
    found
}

fn without_cost(document: &mut Value) {
    match document {
        Value::Object(fields) => {
            fields.retain(|name, _| name != "cost" && !name.starts_with("cost."));
            fields.values_mut().for_each(without_cost);
        }
        Value::Array(all) => all.iter_mut().for_each(without_cost),
        _ => {}
    }
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// Types a command again and again, and has it die `step` changes of files later each time, until it does not. How often that
/// was.
#[cfg(debug_assertions)]
fn dies_everywhere(
    place: &Place,
    step: usize,
    args: &[&str],
    mut before: impl FnMut(),
    mut after: impl FnMut(u32, bool),
) -> u32 {
    for at in (1..).step_by(step) {
        before();
        let mut command = place.command(args);
        let ended = command.env("P2PFL_SIM_TEST_ABORT_AT", at.to_string()).output().unwrap();
        let died = ended.status.code().is_none();
        assert!(died || ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        after(at, !died);
        if !died {
            return at - 1;
        }
    }
    unreachable!()
}

#[cfg(debug_assertions)]
#[test]
fn a_run_that_dies_leaves_the_old_result_the_new_one_or_none() {
    let place = Place::with(&small(2));
    let run = |out: &str, nodes: &str, more: &[&str]| {
        let mut args = vec!["run", "FILE", "--nodes", nodes, "--out", out, "--quiet"];
        args.extend(more);
        assert_eq!(place.types(&args).code, Some(0));
        files(&place.file(out))
    };
    let old = run("old", "3", &["--event-log"]);
    let new = run("new", "2", &[]);
    let mut seen = [0; 3];
    let died = dies_everywhere(
        &place,
        1,
        &["run", "FILE", "--nodes", "2", "--out", "out", "--quiet"],
        || copy(&place.file("old"), &place.file("out")),
        |at, done| {
            let mut there = files(&place.file("out"));
            there.retain(|name, _| !name.ends_with(".part"));
            if there.contains_key("/result.json") {
                let is_old = there == old;
                assert!(is_old && !done || there == new, "{at}: {:?}", there.keys());
                seen[usize::from(is_old)] += 1;
                return;
            }
            // Nothing of both.
            let of = |one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>| {
                there.iter().any(|(name, text)| one.get(name) == Some(text) && other.get(name) != Some(text))
            };
            assert!(!(of(&old, &new) && of(&new, &old)), "{at}: {:?}", there.keys());
            seen[2] += 1;
        },
    );
    assert!(died > 30 && seen.iter().all(|it| *it > 0), "{died} {seen:?}");
    // What it left is gone with the next run.
    assert_eq!(run("out", "2", &[]), new);
}

#[cfg(debug_assertions)]
#[test]
fn a_sweep_that_dies_goes_on_as_if_it_had_not() {
    let place = Place::with(&small(2));
    let sweep = |out: &str| {
        let ended =
            place.types(&["sweep", "FILE", "--set", "nodes=2,3", "--threads", "2", "--out", out, "--quiet"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        files(&place.file(out))
    };
    let whole = sweep("whole");
    let died = dies_everywhere(
        &place,
        3,
        &["sweep", "FILE", "--set", "nodes=2,3", "--threads", "2", "--out", "out", "--quiet"],
        || drop(fs::remove_dir_all(place.file("out"))),
        |at, _| {
            let mut there = sweep("out");
            // A sweep that died once takes no files of runs that are done for its own.
            there.retain(|name, _| !name.ends_with(".part"));
            assert_eq!(there, whole, "{at}");
        },
    );
    assert!(died > 20, "{died}");
}

#[cfg(debug_assertions)]
#[test]
fn a_baseline_that_is_replaced_is_always_there() {
    let place = Place::with(&small(2));
    for (out, nodes) in [("old", "3"), ("new", "2")] {
        let ended = place.types(&["run", "FILE", "--nodes", nodes, "--out", out, "--quiet", "--repeat", "2"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert_eq!(place.types(&["baseline", "save", "it", "old", "--dir", "saved"]).code, Some(0));
    fs::write(place.file("saved/it/limits.json"), r#"{ "schema": "p2pfl-sim/limits/1" }"#).unwrap();
    let old = files(&place.file("saved/it"));
    let mut seen = [0; 2];
    dies_everywhere(
        &place,
        1,
        &["baseline", "save", "it", "new", "--force", "--dir", "shelf"],
        || copy(&place.file("saved"), &place.file("shelf")),
        |at, done| {
            let shown = place.types(&["diff", "it", "new", "--dir", "shelf", "--allow-different-scenarios"]);
            let listed = place.types(&["baseline", "list", "--dir", "shelf"]).stdout;
            let is_old = listed.contains("it") && shown.stdout.contains("nodes");
            assert!(matches!(shown.code, Some(0 | 3)), "{at}: {}", shown.stderr);
            assert_eq!(listed.lines().count(), 2, "{at}: {listed}");
            seen[usize::from(is_old)] += 1;
            // Whatever was left, the next one is whole, and has the limits.
            let ended = place.types(&["baseline", "save", "it", "old", "--force", "--dir", "shelf"]);
            assert_eq!(ended.code, Some(0), "{at}: {}", ended.stderr);
            assert_eq!(files(&place.file("shelf/it")), old, "{at}");
            assert_eq!(fs::read_dir(place.file("shelf")).unwrap().count(), 1, "{at}: nothing is left");
            assert!(!done || !is_old, "{at}");
        },
    );
    assert!(seen.iter().all(|it| *it > 0), "{seen:?}");
}

#[test]
fn of_two_writers_one_runs_and_the_other_is_refused() {
    let place =
        Place::with(&endless(json!({ "nodes": 2, "speedup": 10, "workflow": { "trainset_size": 2 } })));
    for pair in 0..20 {
        let out = format!("out/{pair}");
        let start = || {
            let mut command = place.command(&["run", "FILE", "--out", &out]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            let stderr = BufReader::new(child.stderr.take().unwrap());
            (child, stderr)
        };
        let both = [start(), start()];
        let mut codes = both.map(|(mut child, mut stderr)| {
            // What it says first is that it is under way, or why it is not.
            let mut line = String::new();
            stderr.read_line(&mut line).unwrap();
            (line, child.try_wait().unwrap(), child, stderr)
        });
        for (line, _, child, _) in &codes {
            if !line.contains("another p2pfl-sim writes into it") {
                ctrl_c(child);
            }
        }
        let mut ended: Vec<_> = codes.iter_mut().map(|it| it.2.wait().unwrap().code()).collect();
        ended.sort();
        assert_eq!(ended, [Some(2), Some(130)], "{pair}: {:?}", codes.map(|it| it.0));
        let folder = place.file(&out);
        assert!(folder.join("result.json").exists() && folder.join("nodes.csv").exists());
    }
}

#[test]
fn a_disk_that_is_full_loses_no_more_than_it_must() {
    let place = Place::with(&small(2));
    let mut results = 0;
    for blocks in [0, 8, 64, 512] {
        let out = format!("out-{blocks}");
        assert_eq!(place.types(&["run", "FILE", "--out", &out, "--quiet"]).code, Some(0));
        let mut shell = std::process::Command::new("sh");
        let limited = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell
            .current_dir(place.folder.path())
            .args(["-c", &limited])
            .arg(program(Path::new(".")).get_program());
        let ended: Ended =
            shell.args(["run", "scenario.json", "--out", &out, "--quiet"]).output().unwrap().into();
        assert_eq!(ended.code, Some(1), "{blocks}: {}", ended.stderr);
        assert!(ended.stderr.contains("cannot write"), "{blocks}: {}", ended.stderr);
        assert!(ended.stdout.contains("2 peers finished"), "what was measured is shown: {}", ended.stdout);
        let there = files(&place.file(&out));
        assert!(!there.contains_key("/result.json"), "{blocks}: a folder with a result is whole");
        assert!(!there.keys().any(|name| name.ends_with(".part")), "{blocks}: {:?}", there.keys());
        results += u32::from(there.contains_key("/result.incomplete.json"));
    }
    assert!((1..4).contains(&results), "the result is kept where it fits: {results}");
}

#[test]
fn a_result_that_is_run_again_is_not_replaced() {
    let place = Place::with(&small(2));
    assert_eq!(place.types(&["run", "FILE", "--out", "out", "--quiet"]).code, Some(0));
    std::os::unix::fs::symlink("out", place.file("link")).unwrap();
    let before = fs::read(place.file("out/result.json")).unwrap();
    for (result, out) in [("out", "out"), ("out/result.json", "link"), ("link", "out/../out")] {
        let ended = place.types(&["run", "--replay", result, "--out", out]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("choose another folder"), "{}", ended.stderr);
        assert!(fs::read(place.file("out/result.json")).unwrap() == before);
    }
    assert_eq!(place.types(&["run", "--replay", "out", "--out", "again"]).code, Some(0));
}

#[test]
fn a_folder_of_two_runs_is_refused() {
    let place = Place::with(&small(2));
    for (out, nodes) in [("out", "2"), ("other", "3")] {
        assert_eq!(place.types(&["run", "FILE", "--nodes", nodes, "--out", out, "--quiet"]).code, Some(0));
    }
    for name in ["nodes.csv", "messages.csv", "trace.json"] {
        copy(&place.file("out"), &place.file("mixed"));
        assert_eq!(place.types(&["report", "mixed"]).code, Some(0));
        fs::copy(place.file("other").join(name), place.file("mixed").join(name)).unwrap();
        let ended = place.types(&["report", "mixed"]);
        assert_eq!(ended.code, Some(2), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(name) && ended.stderr.contains("another run"), "{}", ended.stderr);
    }
}

#[test]
fn many_runs_are_not_mixed_with_others() {
    let place = Place::with(&small(2));
    let repeat =
        |count: &str| place.types(&["run", "FILE", "--repeat", count, "--out", "out", "--quiet"]).code;
    assert_eq!(repeat("3"), Some(0));
    fs::write(place.file("out/3/mine.txt"), "mine").unwrap();
    assert_eq!(repeat("1"), Some(0));
    assert!(!place.file("out/2").exists(), "nothing is left of the runs before");
    assert!(!place.file("out/3/result.json").exists() && place.file("out/3/mine.txt").exists());
    // One run does not take the place of many.
    let ended = place.types(&["run", "FILE", "--out", "out"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("summary.json"), "{}", ended.stderr);
}

#[test]
fn a_run_of_a_sweep_that_is_not_whole_is_run_again() {
    let place = Place::with(&small(2));
    let sweep = || place.types(&["sweep", "FILE", "--set", "nodes=2,3", "--out", "out"]);
    assert_eq!(sweep().code, Some(0));
    let whole = files(&place.file("out"));
    fs::remove_file(place.file("out/1/series.csv")).unwrap();
    fs::write(place.file("out/2/result.json"), "{").unwrap();
    let ended = sweep();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("are done;"), "{}", ended.stderr);
    assert_eq!(files(&place.file("out")), whole);
}

#[test]
fn a_file_that_is_too_large_is_named_and_not_read() {
    let place = Place::with(&small(2));
    for name in ["result.json", "compare.json", "summary.json"] {
        let folder = place.file(name.split('.').next().unwrap());
        fs::create_dir(&folder).unwrap();
        // It takes no room on the disk.
        fs::File::create(folder.join(name)).unwrap().set_len((1 << 30) + 1).unwrap();
        let command = if name == "compare.json" { &["report"][..] } else { &["baseline", "save", "it"] };
        let mut args = command.to_vec();
        args.push(folder.to_str().unwrap());
        let ended = place.types(&args);
        assert_eq!(ended.code, Some(2), "{name}: {}", ended.stderr);
        let told = ["1073741825", "1073741824", name].iter().all(|it| ended.stderr.contains(it));
        assert!(told, "{name}: {}", ended.stderr);
    }
}
