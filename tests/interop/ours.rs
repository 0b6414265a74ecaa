//! This program among P2PFL peers: `p2pfl-sim node` and `p2pfl-sim run --join`.

use crate::peer;
use crate::process::Process;
use crate::stage::Stage;
use crate::weights::Array;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The scenario that takes part, and whose model an initiator brings.
pub const SCENARIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/interop.json");

/// `p2pfl-sim node` or `p2pfl-sim run`, under way.
pub struct Ours {
    process: Process,
    model: PathBuf,
}

impl Ours {
    /// Starts `p2pfl-sim node` at any free port, with further options.
    pub fn node(stage: &Stage, name: &str, options: &[&str]) -> Self {
        let mut args = vec!["node".to_owned(), "--listen".to_owned(), "127.0.0.1:0".to_owned()];
        args.extend(options.iter().map(|it| (*it).to_owned()));
        args.extend(stage.certificates().map(|it| it.options()).unwrap_or_default());
        Self::start(stage, name, &args)
    }

    /// Starts the scenario, whose nodes connect to a peer outside.
    pub fn run(stage: &Stage, join: &str) -> Self {
        let mut args = ["run", SCENARIO, "--join", join].map(str::to_owned).to_vec();
        if let Some(certificates) = stage.certificates() {
            args.extend(["--transport", "grpc+mtls"].map(str::to_owned));
            args.extend(certificates.settings());
        }
        Self::start(stage, "run", &args)
    }

    fn start(stage: &Stage, name: &str, args: &[String]) -> Self {
        let model = stage.file(&format!("{name}.model"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"));
        command.args(args).arg("--save-model").arg(&model).current_dir(stage.folder());
        Self { process: Process::start(name, &command), model }
    }

    /// Where others find it, once it listens.
    pub fn address(&self) -> String {
        self.process.hear("listening on ")
    }

    /// Waits for it to have done what it was to do. The model that it has saved.
    pub fn finished(&mut self) -> &Path {
        let status = self.process.ended();
        assert!(status.success(), "it ended with {status}");
        &self.model
    }

    /// Waits for it, and has P2PFL read the model that it has saved.
    pub fn learnt(&mut self, stage: &Stage) -> Vec<Array> {
        peer::read(stage, self.finished())
    }
}
