//! A real P2PFL peer: `peer.py` in a process of its own.

use crate::process::Process;
use crate::stage::Stage;
use crate::weights::Array;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/peer.py");

/// A peer that listens.
pub struct Peer {
    process: Process,
    out: PathBuf,
    /// Where others find it.
    pub address: String,
}

/// What a peer has gone through.
#[derive(Debug, Deserialize)]
pub struct Seen {
    /// Rounds that it has finished.
    pub rounds: u32,
    /// Rounds that it has trained in.
    pub trained: u32,
    /// Most other peers that it has known.
    pub peers: u32,
    /// The weights that it began with; none if it had none of its own.
    pub began: Vec<Array>,
    /// The weights at the end.
    pub arrays: Vec<Array>,
}

impl Peer {
    /// Starts one, with options of `peer.py`, and waits until it listens.
    pub fn start(stage: &Stage, name: &str, options: &[&str]) -> Self {
        let out = stage.file(&format!("{name}.json"));
        let mut command = Command::new(stage.python());
        command.arg(PROGRAM).current_dir(stage.folder()).arg("--out").arg(&out).args(options);
        if let Some(certificates) = stage.certificates() {
            command.args(certificates.options());
        }
        let process = Process::start(name, &command);
        let address = process.hear("listening on ");
        Self { process, out, address }
    }

    /// Waits until it has finished all rounds. It goes on beating, for the others may not have.
    pub fn finished(&self) -> Seen {
        self.process.hear("finished all rounds");
        let text = std::fs::read_to_string(&self.out).expect("it has written what it saw");
        serde_json::from_str(&text).expect("it writes what is read here")
    }

    /// Sends it home, and sees that it goes of its own will.
    pub fn end(mut self) {
        self.process.terminate();
        let status = self.process.ended();
        assert!(status.success(), "a peer ended with {status}");
    }
}

/// Reads weights in P2PFL's encoding, as P2PFL reads them.
pub fn read(stage: &Stage, file: &Path) -> Vec<Array> {
    #[derive(Deserialize)]
    struct Read {
        arrays: Vec<Array>,
    }
    let out = stage.file("read.json");
    let mut command = Command::new(stage.python());
    command.arg(PROGRAM).current_dir(stage.folder()).arg("--read").arg(file).arg("--out").arg(&out);
    let status = Process::start("reader", &command).ended();
    assert!(status.success(), "P2PFL does not read {}: {status}", file.display());
    let text = std::fs::read_to_string(&out).expect("it has written what it read");
    serde_json::from_str::<Read>(&text).expect("it writes what is read here").arrays
}
