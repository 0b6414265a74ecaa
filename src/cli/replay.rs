//! `p2pfl-sim run --replay`: runs the scenario of a result again, and says whether the same came of it.

use super::CliError;
use crate::metrics::result::{Outcome, RunResult};
use crate::report::event_log::{self, Difference};
use crate::report::{files, findings};
use crate::scenario::{Loaded, ScenarioFile};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The version of the document that `--format json` prints.
const SCHEMA: &str = "p2pfl-sim/replay/1";

/// A result to be run again.
pub struct Original {
    fingerprint: String,
    maker: Maker,
    scenario_hash: String,
    result: PathBuf,
    /// Its event log, if that is to be compared.
    log: Option<PathBuf>,
    file: ScenarioFile,
}

/// What made a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Maker {
    version: String,
    commit: Option<String>,
}

/// What a replay has shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replayed {
    schema: &'static str,
    /// Whether the fingerprints are the same, and the event logs, if they were compared.
    same: bool,
    original: Told,
    replay: Told,
    /// Where the event logs first differ, if they were compared and do.
    first_difference: Option<Difference>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Told {
    fingerprint: Option<String>,
    #[serde(flatten)]
    maker: Maker,
}

impl Original {
    /// Reads a `result.json` or that of a result folder. Paths in its scenario are relative to `base`, or to the working
    /// directory.
    ///
    /// # Errors
    /// If it cannot be read, or no run of it can be compared with it.
    pub fn read(path: &Path, base: Option<&Path>, with_log: bool) -> Result<Self, CliError> {
        let usage = |why: String| CliError::Usage(format!("{} {why}", path.display()));
        let result = if path.is_dir() { path.join("result.json") } else { path.to_owned() };
        let found = findings::result(path).map_err(|error| CliError::Usage(error.to_string()))?;
        let Some(fingerprint) = found.fingerprint.clone() else {
            return Err(usage(format!(
                "has no fingerprint to compare with: it ran on the {} clock, where the order of events is the machine's \
                 affair and no two runs are the same",
                found.engine.clock
            )));
        };
        if found.outcome == Outcome::Interrupted {
            return Err(usage("was broken off by its user, at a moment that no run meets again".into()));
        }
        let log = with_log.then(|| result.with_file_name(event_log::NAME));
        if log.as_ref().is_some_and(|log| !log.exists()) {
            return Err(usage(format!("has no {} beside it; --event-log writes one", event_log::NAME)));
        }
        let scenario = serde_json::to_string_pretty(&found.scenario).unwrap_or_default();
        let file = ScenarioFile::kept(
            &format!("the scenario of {}", result.display()),
            scenario,
            base.unwrap_or(Path::new("")),
        );
        Ok(Self {
            fingerprint,
            maker: Maker::of(&found),
            scenario_hash: found.scenario_hash,
            result,
            log,
            file,
        })
    }

    /// Refuses the folder that the result is in, whatever links lead there: it would take the place of what it is compared
    /// with.
    ///
    /// # Errors
    /// If it is that folder.
    pub fn refuse_own_folder(&self, out: &Path) -> Result<(), CliError> {
        let Ok(out) = out.canonicalize() else { return Ok(()) };
        let named = files::folder_of(&self.result).canonicalize();
        let meant = self.result.canonicalize().map(|it| files::folder_of(&it));
        if [named, meant].iter().flatten().any(|it| *it == out) {
            return Err(CliError::Usage(format!(
                "{} has the result that is run again, which would be replaced; choose another folder with --out",
                out.display()
            )));
        }
        Ok(())
    }

    /// Its scenario.
    ///
    /// # Errors
    /// If this version cannot run it, or reads something else in it than the one that made it.
    pub fn scenario(&self) -> Result<Loaded, CliError> {
        let loaded = self.file.with(&[])?;
        if loaded.hash != self.scenario_hash {
            return Err(CliError::Usage(format!(
                "the scenario of the result is not the one that its scenario_hash stands for: it was changed, or {} reads it \
                 differently from {}",
                Maker::this().told(),
                self.maker.told()
            )));
        }
        Ok(loaded)
    }

    /// Compares it with what came of the replay, whose files are in `folder`.
    ///
    /// # Errors
    /// If an event log cannot be read.
    pub fn compare(&self, replay: &RunResult, folder: &Path) -> Result<Replayed, CliError> {
        let first_difference = match &self.log {
            Some(log) => event_log::first_difference(log, &folder.join(event_log::NAME))
                .map_err(|error| CliError::Failed(format!("cannot compare the event logs: {error}")))?,
            None => None,
        };
        let same = replay.fingerprint.as_ref() == Some(&self.fingerprint) && first_difference.is_none();
        let original = Told { fingerprint: Some(self.fingerprint.clone()), maker: self.maker.clone() };
        let replay = Told { fingerprint: replay.fingerprint.clone(), maker: Maker::of(replay) };
        Ok(Replayed { schema: SCHEMA, same, original, replay, first_difference })
    }
}

impl Maker {
    fn of(result: &RunResult) -> Self {
        Self { version: result.engine.version.clone(), commit: result.engine.commit.clone() }
    }

    fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("P2PFL_SIM_COMMIT").map(Into::into),
        }
    }

    fn told(&self) -> String {
        let commit = self.commit.as_ref().map_or(String::new(), |commit| format!(" ({commit})"));
        format!("p2pfl-sim {}{commit}", self.version)
    }
}

impl Replayed {
    /// For people, with a newline at its end.
    pub fn told(&self) -> String {
        let fingerprint = |told: &Told| told.fingerprint.clone().unwrap_or_else(|| "none".into());
        let mut text =
            String::from(if self.same { "The same came of it.\n" } else { "Something else came of it.\n" });
        for (name, told) in [("original", &self.original), ("replay", &self.replay)] {
            text += &format!("  {name:<8}  {}  by {}\n", fingerprint(told), told.maker.told());
        }
        if let Some(Difference { line, original, replay }) = &self.first_difference {
            let shown =
                |line: &Option<String>| line.clone().unwrap_or_else(|| "nothing: the log has ended".into());
            text += &format!("\nThe event logs differ from line {line} on:\n");
            text += &format!("  original  {}\n  replay    {}\n", shown(original), shown(replay));
        }
        text
    }

    /// What it means as an exit code.
    ///
    /// # Errors
    /// If it was not the same.
    pub fn verdict(&self) -> Result<(), CliError> {
        match self.same {
            true => Ok(()),
            false => Err(CliError::Failed("the replay differs from the original".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Snapshot, Watch};
    use crate::metrics::Meter;
    use crate::scenario::parse;
    use crate::simulation::{self, Options, prepare};
    use serde_json::{Value, json};
    use std::sync::atomic::AtomicBool;
    use std::sync::{Arc, LazyLock};

    const SCENARIO: &str = r#"{
        "name": "small", "nodes": 3, "topology": { "kind": "full" }, "speedup": 200,
        "workflow": { "kind": "dpsgd", "rounds": 1 },
        "learning": { "model": { "kind": "synthetic", "size": "2KiB" } }, "limits": { "wall": "60s" }
    }"#;

    struct Unwatched;

    impl Watch for Unwatched {
        fn update(&mut self, _: &Snapshot) {}
        fn interrupted(&self) -> Arc<AtomicBool> {
            Arc::default()
        }
    }

    /// A result of the program itself, with a fingerprint and with fields changed.
    fn result(change: impl FnOnce(&mut Value)) -> Value {
        static RUN: LazyLock<Value> = LazyLock::new(|| {
            let mut loaded = parse(SCENARIO, "small.json", &[]).unwrap();
            let prepared = prepare(&mut loaded, Options::default()).unwrap();
            let run = simulation::run(&loaded, prepared, &Meter::start(), &mut Unwatched).unwrap();
            serde_json::to_value(run.findings.result).unwrap()
        });
        let mut value = RUN.clone();
        value["fingerprint"] = json!("00ff");
        change(&mut value);
        value
    }

    fn read(result: &Value, log: Option<&str>) -> (tempfile::TempDir, Result<Original, CliError>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("result.json"), result.to_string()).unwrap();
        if let Some(log) = log {
            std::fs::write(folder.path().join(event_log::NAME), log).unwrap();
        }
        let original = Original::read(folder.path(), None, log.is_some());
        (folder, original)
    }

    fn refusal(result: &Value) -> String {
        match read(result, None).1.and_then(|original| original.scenario().map(|_| ())) {
            Err(error) if error.exit_code() == 2 => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_scenario_of_a_result_is_read_again_as_it_was() {
        let (_folder, original) = read(&result(|_| ()), None);
        let loaded = original.unwrap().scenario().unwrap();
        assert_eq!(loaded.hash, parse(SCENARIO, "small.json", &[]).unwrap().hash);
    }

    #[test]
    fn what_cannot_be_compared_is_refused_with_the_reason() {
        let no_fingerprint = result(|it| drop(it.as_object_mut().unwrap().shift_remove("fingerprint")));
        assert!(
            refusal(&no_fingerprint).contains("it ran on the real clock"),
            "{}",
            refusal(&no_fingerprint)
        );
        assert!(refusal(&result(|it| it["outcome"] = json!("interrupted"))).contains("broken off"));
        assert!(refusal(&result(|it| it["scenario"]["nodes"] = json!(5))).contains("it was changed"));
        assert!(refusal(&result(|it| it["scenario"]["nodes"] = json!(0))).contains("nodes"));
        assert!(refusal(&json!({ "schema": "p2pfl-sim/result/1" })).contains("damaged"));
        let nowhere = Original::read(Path::new("no/such/result.json"), None, false).map(|_| ()).unwrap_err();
        assert_eq!(nowhere.exit_code(), 2);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("result.json"), result(|_| ()).to_string()).unwrap();
        let no_log = Original::read(folder.path(), None, true).map(|_| ()).unwrap_err();
        assert!(no_log.to_string().contains("has no events.jsonl beside it"), "{no_log}");
    }

    fn replayed(fingerprint: Value, log: &str) -> Replayed {
        let (_folder, original) = read(&result(|_| ()), Some("start\nbeat 3\n"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(event_log::NAME), log).unwrap();
        let replay = serde_json::from_value(result(|it| it["fingerprint"] = fingerprint)).unwrap();
        original.unwrap().compare(&replay, folder.path()).unwrap()
    }

    #[test]
    fn the_same_fingerprint_is_the_same() {
        let replayed = replayed(json!("00ff"), "start\nbeat 3\n");
        assert!(replayed.same && replayed.verdict().is_ok());
        assert!(replayed.told().starts_with("The same came of it."), "{}", replayed.told());
    }

    #[test]
    fn another_fingerprint_is_a_failure_and_the_first_event_that_differs_is_shown() {
        let replayed = replayed(json!("00fe"), "start\nbeat 4\nbeat 5\n");
        assert_eq!(replayed.verdict().unwrap_err().exit_code(), 1);
        let told = replayed.told();
        for part in ["00ff", "00fe", env!("CARGO_PKG_VERSION"), "from line 2 on", "beat 3", "beat 4"] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!super::tests::replayed(Value::Null, "start\nbeat 3\n").same, "none is not the same");
    }
}
