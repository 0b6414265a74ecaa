//! A barrier for threads that meet every few microseconds.
//!
//! The standard library's puts threads to sleep, which takes longer than many a window. This one spins for a while
//! first, and gives its core away while it waits longer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Looks before the core is given away.
const SPINS: u32 = 4_000;

/// Where threads wait for each other.
#[derive(Debug)]
pub struct Barrier {
    threads: usize,
    arrived: AtomicUsize,
    turn: AtomicUsize,
    broken: AtomicBool,
}

/// A thread that was to come is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl Barrier {
    pub fn new(threads: usize) -> Self {
        Self {
            threads,
            arrived: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
        }
    }

    /// Waits until all threads have come.
    ///
    /// # Errors
    /// If one of them never will.
    pub fn wait(&self) -> Result<(), Broken> {
        let turn = self.turn.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.threads {
            self.arrived.store(0, Ordering::Relaxed);
            self.turn.store(turn.wrapping_add(1), Ordering::Release);
        } else {
            let mut spins = 0;
            while self.turn.load(Ordering::Acquire) == turn {
                if self.broken.load(Ordering::Relaxed) {
                    return Err(Broken);
                }
                spins += 1;
                if spins < SPINS {
                    std::hint::spin_loop();
                } else {
                    std::thread::yield_now();
                }
            }
        }
        if self.broken.load(Ordering::Relaxed) { Err(Broken) } else { Ok(()) }
    }

    /// The calling thread will not come any more.
    pub fn abandon(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn nobody_goes_on_before_all_have_come() {
        let (barrier, sum) = (Barrier::new(3), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for turn in 1..=500 {
                        sum.fetch_add(1, Ordering::Relaxed);
                        barrier.wait().unwrap();
                        assert_eq!(sum.load(Ordering::Relaxed), turn * 3);
                        barrier.wait().unwrap();
                    }
                });
            }
        });
    }

    #[test]
    fn those_who_wait_for_one_that_is_gone_are_told() {
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| barrier.wait());
            barrier.abandon();
            assert_eq!(waiting.join().unwrap(), Err(Broken));
        });
    }
}
