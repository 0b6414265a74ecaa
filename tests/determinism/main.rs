//! The same scenario and seed leave the same bytes on the virtual clock: at any number of threads, and on every repeat,
//! through the real binary. All files of the result folder are compared; only what a run cost (`cost`, thresholds on
//! it) and `engine.threads` may differ.
//!
//! `shipped` does so with the scenarios of the repository, `everything` with all that can happen to a network at once.
//! Here: how runs are made and compared. A failure names the file and the first line that differs.

mod compare;
mod everything;
mod shipped;

use compare::Left;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread::available_parallelism;

/// One run of the program.
#[derive(Clone)]
struct Job {
    scenario: PathBuf,
    threads: u32,
    /// Threads that compute values: what they are must not matter either.
    pool: u32,
    /// More of the command line.
    options: Vec<String>,
}

/// A run with 1, 2, 3 and 4 threads, and one more with 2 and another pool.
fn jobs(scenario: &Path, options: &[&str]) -> Vec<Job> {
    let job = |(threads, pool)| Job {
        scenario: scenario.to_owned(),
        threads,
        pool,
        options: options.iter().map(|&it| it.to_owned()).collect(),
    };
    [(1, 1), (2, 2), (3, 2), (4, 2), (2, 3)].map(job).into()
}

impl Job {
    /// Whether it runs for fewer rounds than the scenario says, which its thresholds do not know.
    fn shortened(&self) -> bool {
        self.options.iter().any(|it| it == "--rounds")
    }

    fn run(&self) -> Left {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let out = folder.path().join("out");
        let output = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"))
            .args(["run".as_ref(), self.scenario.as_os_str(), "--out".as_ref(), out.as_os_str()])
            .args(["--clock", "virtual", "--quiet", "--threads", &self.threads.to_string()])
            // Some scenarios are there for their sockets, which have no virtual clock.
            .args(["--set", "transport=memory"])
            .args(&self.options)
            .env("RAYON_NUM_THREADS", self.pool.to_string())
            .output()
            .expect("the program starts");
        let name = format!("{} with {} threads", self.scenario.display(), self.threads);
        assert!(
            out.join("result.json").exists(),
            "{name} left no result: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Left::read(name, output.status.code(), &out)
    }
}

/// How many runs go on side by side, if nothing is said against it.
fn cores() -> usize {
    available_parallelism().map_or(1, |it| it.get().min(4))
}

/// Runs the jobs, so many side by side, and gives what they left in their order.
fn run(jobs: &[&Job], at_a_time: usize) -> Vec<Left> {
    let todo = Mutex::new(jobs.iter().enumerate());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                loop {
                    let Some((i, job)) = todo.lock().expect("nobody panics with it").next() else { return };
                    let left = job.run();
                    done.lock().expect("nobody panics with it").push((i, left));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panics with it");
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, left)| left).collect()
}

/// Runs a scenario five times and says how the runs differ from the first; what the first left.
fn differences(scenario: &Path, options: &[&str]) -> (Left, Vec<String>) {
    let mut left = run(&jobs(scenario, options).iter().collect::<Vec<_>>(), cores()).into_iter();
    let first = left.next().expect("there are jobs");
    let differ = left.filter_map(|other| compare::difference(&first, &other)).collect();
    (first, differ)
}
