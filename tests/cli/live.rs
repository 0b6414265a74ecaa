//! `run --live`, in a terminal that this test is at the other end of.

use crate::interrupts::endless;
use crate::program::{Ended, Place, balanced, run_with};
use crate::program::{p2pfl, program};
use nix::pty::{OpenptyResult, Winsize, openpty};
use p2pfl_sim::metrics::result::Outcome;
use serde_json::json;
use std::fs::File;
use std::io::{Read, Write};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// What switches to the other screen, and back.
const TAKEN_OVER: &str = "\x1b[?1049h";
const GIVEN_BACK: &str = "\x1b[?1049l";

/// A program in a terminal.
struct Terminal {
    child: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    /// Starts `p2pfl-sim run FILE --out out --live`.
    fn new(place: &Place, options: &[&str]) -> Self {
        let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(&size, None).expect("a pseudo-terminal");
        let mut command = place.command(&["run", "FILE", "--out", "out", "--live"]);
        command.args(options).env("TERM", "xterm-256color");
        let [stdin, stdout] = [(); 2].map(|()| slave.try_clone().expect("a file descriptor"));
        command.stdin(stdin).stdout(stdout).stderr(slave);
        let child = command.spawn().expect("the program starts");
        // The command holds the other end open as long as it is there.
        drop(command);
        let keys = File::from(master);
        let mut reading = keys.try_clone().expect("a file descriptor");
        let (send, screen) = channel();
        std::thread::spawn(move || {
            let mut some = [0; 4_096];
            // Once nobody is at the other end, reading fails.
            while let Ok(count @ 1..) = reading.read(&mut some) {
                if send.send(some[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keys, screen, seen: String::new() }
    }

    /// Waits until this has been written.
    #[track_caller]
    fn sees(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.screen.recv_timeout(Duration::from_secs(60)) {
                Ok(some) => self.seen += &String::from_utf8_lossy(&some),
                Err(why) => {
                    let last: String = self.seen.chars().rev().take(2_000).collect();
                    panic!("no {text:?}, {why}: {:?}", last.chars().rev().collect::<String>())
                }
            }
        }
    }

    fn types(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).expect("the terminal takes keys");
    }

    /// Waits for the program to end; returns its exit code and what it wrote after it gave the screen back.
    fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("it ends").code();
        while let Ok(some) = self.screen.recv_timeout(Duration::from_secs(60)) {
            self.seen += &String::from_utf8_lossy(&some);
        }
        let after = self.seen.rsplit_once(GIVEN_BACK).expect("the screen is given back").1.to_owned();
        (code, after)
    }
}

#[test]
fn q_ends_a_run_that_is_shown_and_keeps_its_results() {
    let place = Place::with(&endless(json!({})));
    let mut terminal = Terminal::new(&place, &[]);
    terminal.sees(TAKEN_OVER);
    terminal.sees("messages/s");
    terminal.sees("wall");
    terminal.types(b"?");
    // Where cells stay blank nothing is written, so words have no blanks between them.
    terminal.sees("Latencies");
    terminal.types(b"q");
    let (code, after) = terminal.ended();
    assert_eq!(code, Some(130), "{after}");
    assert!(after.contains("interrupted") && after.contains("Results are in out"), "{after}");
    let result = place.result("out/result.json");
    assert_eq!(result.outcome, Outcome::Interrupted);
    balanced(&result);
}

#[test]
fn ctrl_c_does_the_same_as_without_a_view() {
    let place = Place::with(&endless(json!({})));
    let mut terminal = Terminal::new(&place, &[]);
    terminal.sees("wall");
    terminal.types(b"\x03");
    let (code, after) = terminal.ended();
    assert_eq!(code, Some(130), "{after}");
    assert_eq!(place.result("out/result.json").outcome, Outcome::Interrupted);
}

#[test]
fn a_run_that_is_done_gives_the_terminal_back_and_tells_its_summary() {
    let place = Place::with(&p2pfl(6, json!({ "kind": "ring" }), json!({})));
    let mut terminal = Terminal::new(&place, &["--clock", "virtual"]);
    terminal.sees(TAKEN_OVER);
    let (code, after) = terminal.ended();
    assert_eq!(code, Some(0), "{after}");
    assert!(after.contains("Throughput") && after.contains("Results are in out"), "{after}");
    assert_eq!(place.result("out/result.json").outcome, Outcome::Completed);
}

#[test]
fn without_a_terminal_the_progress_is_shown_with_a_note_why() {
    let ran = run_with(&p2pfl(4, json!({ "kind": "full" }), json!({})), &["--live"]).completed();
    let stderr = &ran.ended.stderr;
    assert!(stderr.contains("no live view: standard error is not a terminal"), "{stderr}");
    assert!(!stderr.contains('\x1b'), "{stderr:?}");
}

#[test]
fn what_does_not_go_with_a_view_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for other in [&["--quiet"][..], &["--repeat", "2"]] {
        let output = program(folder.path()).args(["run", "x.json", "--live"]).args(other).output().unwrap();
        let ended = Ended::from(output);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("cannot be used with"), "{}", ended.stderr);
    }
}
