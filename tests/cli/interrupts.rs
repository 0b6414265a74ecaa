//! Ctrl-C: the first one ends the run and keeps what was measured, the second one ends the program.

use crate::program::{Ended, Place, balanced, p2pfl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use p2pfl_sim::metrics::result::Outcome;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A run that goes on until someone ends it, or the minute is over.
pub fn endless(change: Value) -> Value {
    let mut scenario = p2pfl(
        4,
        json!({ "kind": "full" }),
        json!({ "workflow": { "rounds": 100_000 }, "limits": { "time": "1000h" } }),
    );
    crate::program::merge(&mut scenario, change);
    scenario
}

pub fn ctrl_c(child: &Child) {
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("the process is there");
}

/// Waits for the program to say that it is under way: from then on it heeds Ctrl-C.
pub fn under_way(child: &mut Child) -> BufReader<std::process::ChildStderr> {
    let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let mut line = String::new();
    assert!(stderr.read_line(&mut line).expect("it is text") > 0, "it ended before it said anything");
    stderr
}

pub fn wait_for(path: &Path) {
    for _ in 0..3_000 {
        if path.exists() {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("there is no {} after half a minute", path.display());
}

#[test]
fn the_first_ctrl_c_writes_what_there_is_and_marks_it() {
    let place = Place::with(&endless(json!({})));
    let mut child = place
        .command(&["run", "FILE", "--out", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = under_way(&mut child);
    ctrl_c(&child);
    let mut told = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut told).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{told}");
    assert!(told.contains("ending the run; again to end at once"), "{told}");
    assert!(told.contains("Results are in out"), "{told}");
    let result = place.result("out/result.json");
    assert_eq!(result.outcome, Outcome::Interrupted);
    balanced(&result);
    assert!(ended.stdout.contains("interrupted"), "{}", ended.stdout);
}

#[test]
fn the_second_ctrl_c_ends_the_program_at_once() {
    // The result that it prints is larger than a pipe, and nobody reads: it would never end by itself.
    let place = Place::with(&endless(json!({ "description": "x".repeat(1 << 20) })));
    let mut child = place
        .command(&["run", "FILE", "--out", "out", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _stderr = under_way(&mut child);
    ctrl_c(&child);
    wait_for(&place.file("out/result.json"));
    assert_eq!(child.try_wait().unwrap(), None, "it is still printing");
    ctrl_c(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(place.result("out/result.json").outcome, Outcome::Interrupted);
}
