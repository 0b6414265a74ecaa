//! However a command ends, it ends with one of five exit codes: whatever its output leads to, and whoever asks it to end.

use crate::interrupts::{endless, under_way};
use crate::program::{Ended, Place, balanced, program};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use p2pfl_sim::metrics::result::Outcome;
use serde_json::json;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

fn place() -> Place {
    Place::with(&json!({
        "name": "small", "seed": 7, "nodes": 2, "topology": { "kind": "full" }, "clock": "virtual",
        "workflow": { "kind": "dpsgd", "rounds": 1 },
        "learning": { "model": { "kind": "synthetic", "size": "2KiB" } },
        // Something to be warned of.
        "thresholds": ["nodes.finished >= 5"]
    }))
}

/// A pipe whose reader has gone.
fn unread() -> Stdio {
    std::io::pipe().expect("a pipe").1.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("there is /dev/full").into()
}

#[test]
fn whatever_output_leads_to_the_exit_code_is_one_of_five() {
    let place = place();
    assert_eq!(place.types(&["run", "FILE", "--out", "done", "--quiet"]).code, Some(3));
    assert_eq!(place.types(&["baseline", "save", "it", "done"]).code, Some(0));
    // Each with the exit code that it has by itself.
    let commands: [(&[&str], i32); 17] = [
        (&["run", "FILE", "--out", "out"], 3),
        (&["run", "FILE", "--out", "out", "--repeat", "2"], 3),
        (&["run", "--replay", "done", "--out", "out"], 0),
        (&["run", "nowhere.json"], 2),
        (&["sweep", "FILE", "--set", "seed=1,2", "--out", "out"], 3),
        (&["compare", "FILE", "--transport", "memory", "--no-costs", "--out", "out"], 2),
        (&["diff", "done", "it"], 0),
        (&["baseline", "list"], 0),
        (&["baseline", "show", "it"], 0),
        (&["baseline", "save", "it", "done", "--force"], 0),
        (&["check", "FILE"], 0),
        (&["node", "--listen", "0.0.0.0:1"], 2),
        (&["report", "done"], 0),
        (&["schema"], 0),
        (&["topology", "ring", "--nodes", "5"], 0),
        (&["--help"], 0),
        (&["no-such-command"], 2),
    ];
    for (args, own) in commands {
        let types = |change: &dyn Fn(&mut Command) -> &mut Command| {
            let _ = fs::remove_dir_all(place.file("out"));
            let mut command = place.command(args);
            change(&mut command);
            Ended::from(command.output().expect("the program starts"))
        };
        let plain = types(&|it| it);
        assert_eq!(plain.code, Some(own), "{args:?}: {}", plain.stderr);
        // What cannot be said costs nothing of what is done, nor does a reader who has gone.
        let said_to = [
            ("full stderr", types(&|it| it.stderr(full()))),
            ("unread stderr", types(&|it| it.stderr(unread()))),
            ("unread stdout", types(&|it| it.stdout(unread()))),
            ("unread both", types(&|it| it.stdout(unread()).stderr(unread()))),
        ];
        for (how, ended) in said_to {
            assert_eq!(ended.code, Some(own), "{args:?}, {how}: {}", ended.stderr);
        }
        let ended = types(&|it| it.stdout(full()));
        if plain.stdout.is_empty() {
            assert_eq!(ended.code, Some(own), "{args:?}");
        } else {
            assert_eq!(ended.code, Some(1), "{args:?}: {}", ended.stderr);
            assert!(ended.stderr.contains("cannot write to standard output"), "{args:?}: {}", ended.stderr);
        }
        if own == 3 && args.contains(&"out") && args.len() == 4 {
            assert!(place.file("out/result.json").exists(), "the result is there all the same");
        }
        assert_eq!(types(&|it| it.stdout(full()).stderr(full())).code, ended.code, "{args:?}");
        // Closed: the program must not take a file of its own for them.
        let closed = in_a_shell(&place, "exec \"$0\" \"$@\" >&- 2>&-", args);
        assert_eq!(closed.code, Some(own), "{args:?}, closed");
    }
}

/// The program, started by a shell.
fn in_a_shell(place: &Place, script: &str, args: &[&str]) -> Ended {
    let _ = fs::remove_dir_all(place.file("out"));
    let mut shell = Command::new("sh");
    shell.current_dir(place.folder.path()).args(["-c", script]);
    shell.arg(program(Path::new(".")).get_program());
    shell.args(args.iter().map(|arg| if *arg == "FILE" { "scenario.json" } else { arg }));
    shell.output().expect("there is a shell").into()
}

#[test]
#[allow(unsafe_code)] // The system has no other way.
fn who_is_asked_to_end_keeps_what_was_measured() {
    // Whoever runs the tests with `nohup` hands that on, and then nobody is to end.
    // SAFETY: to do as the system does runs no code of ours in a signal handler.
    unsafe { nix::sys::signal::signal(Signal::SIGHUP, nix::sys::signal::SigHandler::SigDfl) }.unwrap();
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let place = Place::with(&endless(json!({})));
        let mut child = place
            .command(&["run", "FILE", "--out", "out"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _stderr = under_way(&mut child);
        kill(Pid::from_raw(child.id() as i32), signal).expect("the process is there");
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        let result = place.result("out/result.json");
        assert_eq!(result.outcome, Outcome::Interrupted, "{signal}");
        balanced(&result);
    }
}

#[test]
fn the_runs_of_a_comparison_end_with_it() {
    let place = Place::with(&endless(json!({})));
    let binary = env!("CARGO_BIN_EXE_p2pfl-sim");
    let mut child = place
        .command(&["diff", "--run", binary, binary, "FILE", "--repeat", "2", "--out", "out"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _stderr = under_way(&mut child);
    crate::interrupts::wait_for(&place.file("out/old/1"));
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("the process is there");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn who_was_started_to_stay_stays_when_the_terminal_goes() {
    let place = Place::with(&endless(json!({})));
    let mut shell = Command::new("sh");
    shell.current_dir(place.folder.path()).args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    shell.arg(program(Path::new(".")).get_program()).args(["run", "scenario.json", "--out", "out"]);
    let mut child = shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let _stderr = under_way(&mut child);
    let tell = |signal| kill(Pid::from_raw(child.id() as i32), signal).expect("the process is there");
    tell(Signal::SIGHUP);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!place.file("out/result.json").exists(), "it has not ended");
    tell(Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn where_there_are_no_threads_that_is_said() {
    use std::os::unix::process::CommandExt as _;
    let place = place();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -u 1 2>/dev/null || ulimit -p 1; exec \"$0\" \"$@\""])
        .arg(program(Path::new(".")).get_program());
    shell.args(["topology", "ring", "--nodes", "5"]);
    // No limit holds for root.
    if nix::unistd::getuid().is_root() {
        shell.uid(65_534).current_dir("/");
    }
    let Ok(output) = shell.output() else { return };
    let ended = Ended::from(output);
    // The program may be where nobody else may look.
    if ended.code == Some(126) || ended.code == Some(127) {
        return;
    }
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("no threads to be had"), "{}", ended.stderr);
    drop(place);
}

#[test]
fn what_others_wrote_is_shown_and_not_obeyed() {
    let place = place();
    assert_eq!(place.types(&["run", "FILE", "--out", "done", "--quiet"]).code, Some(3));
    let file = place.file("done/result.json");
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m";
    let mut result: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    result["scenario"]["name"] = evil.into();
    result["warnings"] = json!([evil]);
    result["outcome"] = "failed".into();
    result["reason"] = evil.into();
    fs::write(&file, result.to_string()).unwrap();
    fs::write(place.file("bad.json"), format!("{{ \"name\": \"{evil}\", \"nodes\": 0 }}")).unwrap();
    let commands: [&[&str]; 7] = [
        &["baseline", "save", "it", "done"],
        &["baseline", "show", "it"],
        &["baseline", "list"],
        &["diff", "it", "done", "--all"],
        &["diff", "it", "done", "--format", "markdown"],
        &["run", "bad.json"],
        &["report", evil],
    ];
    for args in commands {
        for colour in [false, true] {
            let mut command = place.command(args);
            if colour {
                command.env("CLICOLOR_FORCE", "1");
            }
            let ended = Ended::from(command.output().unwrap());
            let all = ended.stdout + &ended.stderr;
            for obeyed in ["\u{1b}]", "\u{1b}[2J", "\u{9b}", "\u{7}"] {
                assert!(!all.contains(obeyed), "{args:?}: {all:?}");
            }
            if !colour {
                assert!(!all.contains('\u{1b}'), "{args:?}: {all:?}");
            }
        }
    }
    let shown = place.types(&["baseline", "show", "it"]).stdout;
    assert!(shown.contains("\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m"), "{shown}");
}
