//! Many runs, one after another or side by side.

use crate::scenario::{Clock, Scenario};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Whether runs of a scenario can go side by side without one changing what is measured of another. On the real clock
/// they cannot: they would make each other's timers late. On the virtual clock nothing of one is seen in another.
pub const fn in_parallel(scenario: &Scenario) -> bool {
    match scenario.clock {
        Clock::Real => false,
        Clock::Virtual => true,
    }
}

/// Finds out whether the system gives so many threads. A runtime that is not given them panics.
///
/// # Errors
/// Why it does not.
pub(super) fn threads_are_given(count: usize) -> io::Result<()> {
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    thread::scope(|scope| {
        let waits = || drop(gate.lock().map(|gate| gate.recv()));
        let all: io::Result<Vec<_>> =
            (0..count).map(|_| thread::Builder::new().spawn_scoped(scope, waits)).collect();
        drop(open);
        all.map(drop)
    })
}

/// Does the work of every job on so many threads, at least one, and hands on what came of each, in this thread, in the
/// order in which they end. Jobs begin in their order, and none begins any more once `stopped` says so; those that have
/// begun are waited for. With one thread everything is done in this one.
pub fn each<T: Send>(
    jobs: &[usize],
    threads: usize,
    stopped: impl Fn() -> bool + Sync,
    work: impl Fn(usize) -> T + Sync,
    mut done: impl FnMut(usize, T),
) {
    if threads.min(jobs.len()) <= 1 {
        for &job in jobs.iter().take_while(|_| !stopped()) {
            done(job, work(job));
        }
        return;
    }
    let next = AtomicUsize::new(0);
    let take = || jobs.get(next.fetch_add(1, Ordering::Relaxed)).copied().filter(|_| !stopped());
    let (results, ended) = mpsc::channel();
    thread::scope(|scope| {
        let mut begun = 0;
        for _ in 0..threads.min(jobs.len()) {
            let (results, work, take) = (results.clone(), &work, &take);
            let spawned = thread::Builder::new().spawn_scoped(scope, move || {
                while let Some(job) = take() {
                    // The receiver outlives all threads.
                    let _ = results.send((job, work(job)));
                }
            });
            begun += usize::from(spawned.is_ok());
        }
        drop(results);
        // Where the system gives no threads there is still this one.
        while begun == 0
            && let Some(job) = take()
        {
            done(job, work(job));
        }
        for (job, result) in ended {
            done(job, result);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn every_job_is_done_once_on_any_number_of_threads() {
        for threads in [0, 1, 2, 7] {
            let jobs: Vec<usize> = (3..40).collect();
            let mut seen = Vec::new();
            each(&jobs, threads, || false, |job| job * job, |job, square| seen.push((job, square)));
            seen.sort_unstable();
            assert_eq!(seen, (3..40).map(|job| (job, job * job)).collect::<Vec<_>>(), "{threads} threads");
        }
    }

    #[test]
    fn several_go_at_a_time() {
        // Nobody passes the barrier alone.
        let barrier = Barrier::new(3);
        let mut ended = 0;
        each(&[0, 1, 2], 3, || false, |_| barrier.wait().is_leader(), |_, _| ended += 1);
        assert_eq!(ended, 3);
    }

    #[test]
    fn none_begins_after_the_stop_and_those_under_way_are_waited_for() {
        for threads in [1, 2] {
            let stop = AtomicBool::new(false);
            let jobs: Vec<usize> = (0..100).collect();
            let (begun, mut ended) = (AtomicUsize::new(0), 0);
            let work = |job| {
                begun.fetch_add(1, Ordering::Relaxed);
                if job == 4 {
                    stop.store(true, Ordering::Relaxed);
                }
            };
            each(&jobs, threads, || stop.load(Ordering::Relaxed), work, |_, ()| ended += 1);
            let begun = begun.into_inner();
            assert_eq!(begun, ended, "{threads} threads");
            assert!((5..100).contains(&begun), "{begun} of 100 began on {threads} threads");
        }
    }
}
