//! Many runs: what `run --repeat` and `sweep` have in common. What the runs are, and what is made of them, is theirs.

use super::{CliError, memory};
use crate::engine::{self, Failure, Watch};
use crate::metrics::Meter;
use crate::metrics::result::RunResult;
use crate::report::{Batch, Folder, FolderError, RunRow};
use crate::say;
use crate::scenario::{Diagnostics, Loaded, Override, ScenarioFile};
use crate::simulation::{self, Estimate, Options, each, in_parallel, prepare};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One of many runs.
#[derive(Debug)]
pub struct Planned {
    /// Its number, from 1.
    pub run: usize,
    /// The folder of its result, within that of all. Its number, unless something else is set.
    pub folder: String,
    /// What it is called while it goes on.
    pub label: String,
    /// What is changed in the scenario. The scenario is read again when the run begins: a sweep may have many runs.
    pub overrides: Vec<Override>,
    /// The hash of the scenario with these changes.
    pub hash: String,
    /// Its seed.
    pub seed: u64,
    side_by_side: bool,
}

impl Planned {
    /// A run of what is in the file, with changes.
    ///
    /// # Errors
    /// What is wrong with the scenario then.
    pub fn new(
        file: &ScenarioFile,
        run: usize,
        label: String,
        overrides: Vec<Override>,
    ) -> Result<Self, CliError> {
        let loaded = file.with(&overrides).map_err(|found| of(&label, found))?;
        let (seed, side_by_side) = (loaded.scenario.seed, in_parallel(&loaded.scenario));
        Ok(Self { run, folder: run.to_string(), label, overrides, hash: loaded.hash, seed, side_by_side })
    }
}

/// What many runs have in common.
#[derive(Clone, Copy, Debug)]
pub struct Conditions<'a> {
    /// What is run.
    pub file: &'a ScenarioFile,
    /// How each is run.
    pub options: Options,
    /// Neither progress nor warnings.
    pub quiet: bool,
    /// Run even what would not fit this machine's memory.
    pub force: bool,
}

/// The seeds of runs that repeat: the scenario's, and those that follow it.
///
/// # Errors
/// If they go beyond the largest there is.
pub fn seeds(seed: u64, repeat: u32) -> Result<impl Iterator<Item = u64> + Clone, CliError> {
    let last = seed.checked_add(u64::from(repeat) - 1).ok_or_else(|| {
        CliError::Usage(format!(
            "{repeat} seeds from {seed} on go beyond {}; begin with a smaller --seed",
            u64::MAX
        ))
    })?;
    Ok(seed..=last)
}

/// What it means that the engine could not begin.
pub fn not_begun(error: &Failure) -> CliError {
    match error {
        Failure::System(error) => CliError::Failed(format!("the run cannot begin: {error}")),
        // Another address would do, or another folder.
        Failure::Transport(_) | Failure::Claim(_) | Failure::Folder(_) => CliError::Usage(error.to_string()),
    }
}

/// What it means that results could not be written.
pub fn unwritten(error: &FolderError) -> CliError {
    CliError::Failed(error.to_string())
}

/// Shows how far looking at many runs has come, if that takes long.
struct Planning {
    total: usize,
    done: usize,
    told: Instant,
    quiet: bool,
}

impl Planning {
    /// How often it says so.
    const EVERY: Duration = Duration::from_secs(5);

    fn of(total: usize, quiet: bool) -> Self {
        Self { total, done: 0, told: Self::now(), quiet }
    }

    #[expect(clippy::disallowed_methods, reason = "how often it is told is a matter of the real clock")]
    fn now() -> Instant {
        Instant::now()
    }

    fn next(&mut self) {
        if !self.quiet && self.told.elapsed() >= Self::EVERY {
            self.told = Self::now();
            say::line(&format!("{} of {} runs looked at", self.done, self.total));
        }
        self.done += 1;
    }
}

impl Conditions<'_> {
    /// How many of these runs go on at a time.
    fn at_a_time(&self, planned: &[Planned], jobs: usize) -> usize {
        if !planned.iter().all(|it| it.side_by_side) {
            return 1;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (cores / self.options.threads.max(1)).clamp(1, jobs.max(1))
    }

    /// Finds what would keep runs from beginning: makes the chosen ones ready, says once what they warn of, and sees
    /// whether as many as go on at a time fit this machine.
    ///
    /// # Errors
    /// The first run that cannot begin, with its label.
    pub fn check(&self, planned: &[Planned], chosen: &[usize]) -> Result<(), CliError> {
        let mut told = BTreeSet::new();
        let mut largest: Option<(Estimate, Loaded)> = None;
        let mut planning = Planning::of(chosen.len(), self.quiet);
        for it in chosen.iter().map(|&i| &planned[i]) {
            planning.next();
            let mut loaded = self.file.with(&it.overrides)?;
            let prepared = prepare(&mut loaded, self.options).map_err(|found| of(&it.label, found))?;
            for warning in std::mem::take(&mut loaded.warnings).0 {
                if !self.quiet && told.insert(warning.to_string()) {
                    say::painted(&Diagnostics::from(warning).for_stderr());
                }
            }
            if largest.as_ref().is_none_or(|(it, _)| it.memory_bytes < prepared.estimate.memory_bytes) {
                largest = Some((prepared.estimate, loaded));
            }
        }
        let Some((largest, loaded)) = largest else { return Ok(()) };
        let at_a_time = self.at_a_time(planned, planned.len()) as f64;
        let together = Estimate { memory_bytes: largest.memory_bytes * at_a_time, ..largest };
        memory::refuse_what_does_not_fit(&loaded, &together, self.force)
    }

    /// Runs those of the planned runs that are in `jobs`, each into a folder of its own in `root`, and hands on what
    /// came of each as it ends. A run that cannot begin counts as one that failed, and has no result. Before the first
    /// result is written, `replace` makes room for it.
    ///
    /// # Errors
    /// The first result that could not be written, and what `ended` returns; no further run begins then.
    pub fn run(
        &self,
        planned: &[Planned],
        jobs: &[usize],
        root: &Folder,
        replace: impl FnOnce() -> Result<(), FolderError> + Send,
        interrupted: &Arc<AtomicBool>,
        mut ended: impl FnMut(RunRow, Option<RunResult>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let at_a_time = self.at_a_time(planned, jobs.len());
        let batch = Mutex::new(Batch::new(planned.len(), planned.len() - jobs.len(), self.quiet));
        let lock = || batch.lock().unwrap_or_else(PoisonError::into_inner);
        let how =
            if at_a_time == 1 { "one after another".to_owned() } else { format!("{at_a_time} at a time") };
        let done = planned.len() - jobs.len();
        let already = if done == 0 { String::new() } else { format!(", {done} of them are done") };
        lock().say(&format!(
            "{} runs, {how}{already}; results go to {}",
            planned.len(),
            root.path().display()
        ));
        let broken = AtomicBool::new(false);
        let stopped = || broken.load(Ordering::Relaxed) || interrupted.load(Ordering::Relaxed);
        let replace = Mutex::new(Some(replace));
        let replaced = || match replace.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(replace) => replace(),
            None => Ok(()),
        };
        let work = |job: usize| {
            let it = &planned[job];
            let meter = if at_a_time == 1 { Meter::start() } else { Meter::beside_others() };
            let mut watcher = Watcher {
                interrupted: Arc::clone(interrupted),
                batch: (at_a_time == 1).then_some(&batch),
                label: &it.label,
            };
            self.one(it, &meter, root, &replaced, &mut watcher)
        };
        let mut first_fault = Ok(());
        each(jobs, at_a_time, stopped, work, |job, Ended { row, result, unwritten: lost }| {
            lock().ended(&planned[job].label, &row);
            let handed_on = ended(row, result);
            let fault = lost.map_or(Ok(()), |error| Err(unwritten(&error))).and(handed_on);
            if fault.is_err() && first_fault.is_ok() {
                broken.store(true, Ordering::Relaxed);
                first_fault = fault;
            }
        });
        batch.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
        first_fault
    }

    /// One run, from what is planned to what it leaves.
    fn one(
        &self,
        it: &Planned,
        meter: &Meter,
        root: &Folder,
        replaced: &dyn Fn() -> Result<(), FolderError>,
        watch: &mut dyn Watch,
    ) -> Ended {
        let text =
            |found: Diagnostics| found.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let ready = self.file.with(&it.overrides).and_then(|mut loaded| {
            let prepared = prepare(&mut loaded, self.options)?;
            Ok((loaded, prepared))
        });
        let concluded = ready.map_err(text).and_then(|(loaded, prepared)| {
            simulation::run(&loaded, prepared, meter, watch).map_err(|error| not_begun(&error).to_string())
        });
        let concluded = match concluded {
            Ok(concluded) => concluded,
            Err(reason) => {
                let row = RunRow::failed(it.run, it.seed, &it.hash, reason);
                return Ended { row, result: None, unwritten: None };
            }
        };
        let mut row = RunRow::of(it.run, &it.folder, it.seed, &concluded.findings.result);
        let written = replaced()
            .and_then(|()| Folder::at(&root.path().join(&it.folder)))
            .and_then(|folder| folder.write_tables(&concluded.findings));
        if written.is_err() {
            row.folder = None;
        }
        Ended { row, result: Some(concluded.findings.result), unwritten: written.err() }
    }
}

/// What came of a run.
struct Ended {
    row: RunRow,
    /// Nothing if it could not begin.
    result: Option<RunResult>,
    /// What of it could not be written.
    unwritten: Option<FolderError>,
}

/// What is wrong with one of many runs.
pub fn of(label: &str, found: Diagnostics) -> CliError {
    say::line(&format!("p2pfl-sim: {label}:"));
    CliError::Scenario(found)
}

/// Watches one of many runs.
struct Watcher<'a> {
    interrupted: Arc<AtomicBool>,
    /// Where it shows how far it is, if it is the only one.
    batch: Option<&'a Mutex<Batch>>,
    label: &'a str,
}

impl Watch for Watcher<'_> {
    fn update(&mut self, now: &engine::Snapshot) {
        if let Some(batch) = self.batch {
            let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
            batch.update(self.label, &now.into());
        }
    }

    fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIO: &str = r#"{
        "name": "small", "nodes": 4, "topology": { "kind": "full" }, "speedup": 200,
        "workflow": { "kind": "dpsgd", "rounds": 2 },
        "learning": { "model": { "kind": "synthetic", "size": "2KiB" } }, "limits": { "wall": "60s" }
    }"#;

    /// On the real clock runs go one after another, for the sake of their times. That they can go side by side at all,
    /// in one process, is shown here.
    #[test]
    fn runs_side_by_side_do_not_meet() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("small.json");
        std::fs::write(&path, SCENARIO).unwrap();
        let file = ScenarioFile::read(&path).unwrap();
        let mut planned: Vec<Planned> = (1..=5)
            .map(|run| {
                let overrides = vec![Override::seed(run as u64), Override::nodes(3 + run as u64)];
                Planned::new(&file, run, String::new(), overrides).unwrap()
            })
            .collect();
        planned.iter_mut().for_each(|it| it.side_by_side = true);
        let conditions = Conditions { file: &file, options: Options::default(), quiet: true, force: false };
        assert_eq!(conditions.at_a_time(&planned, 1), 1);
        conditions.check(&planned, &[0, 4]).unwrap();
        let mut rows = Vec::new();
        let keep = |row, _| {
            rows.push(row);
            Ok(())
        };
        let cores = conditions.at_a_time(&planned, 5);
        let folder = Folder::at(root.path()).unwrap();
        conditions.run(&planned, &[0, 1, 2, 3, 4], &folder, || Ok(()), &Arc::default(), keep).unwrap();
        rows.sort_by_key(|row| row.run);
        for (row, planned) in rows.iter().zip(&planned) {
            assert_eq!((row.run, row.seed, &row.scenario_hash), (planned.run, planned.seed, &planned.hash));
            let text =
                std::fs::read_to_string(root.path().join(row.run.to_string()).join("result.json")).unwrap();
            let result: RunResult = serde_json::from_str(&text).unwrap();
            assert_eq!(result.nodes.finished, 3 + row.run as u32);
            assert_eq!(row.figures["nodes.finished"], 3 + row.run);
            // What belongs to the process is told of no single run.
            assert_eq!(cores > 1, row.figures["cost.cpu_s"].is_null());
            assert!(row.figures["cost.wall_s"].is_number());
        }
        assert_eq!(rows.len(), 5);
    }

    #[test]
    fn seeds_follow_each_other_to_the_last_there_is() {
        assert_eq!(seeds(7, 3).unwrap().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(seeds(u64::MAX, 1).unwrap().collect::<Vec<_>>(), [u64::MAX]);
        assert_eq!(seeds(u64::MAX, 2).map(|_| ()).unwrap_err().exit_code(), 2);
    }
}
