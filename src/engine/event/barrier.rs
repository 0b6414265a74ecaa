//! A barrier for threads that meet every few microseconds.
//!
//! The standard library's puts threads to sleep at once, which takes longer than many a window. Here they spin for a
//! little while first. They do sleep in the end: where there are fewer cores than threads, who spins keeps from working
//! who is waited for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Looks before a thread goes to sleep: about ten microseconds.
const SPINS: u32 = 2_000;

/// Where threads wait for each other.
#[derive(Debug)]
pub struct Barrier {
    threads: usize,
    spins: u32,
    arrived: AtomicUsize,
    turn: AtomicUsize,
    broken: AtomicBool,
    asleep: AtomicUsize,
    bed: Mutex<()>,
    bell: Condvar,
}

/// A thread that was to come is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl Barrier {
    pub fn new(threads: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads,
            spins: if threads <= cores { SPINS } else { 0 },
            arrived: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            asleep: AtomicUsize::new(0),
            bed: Mutex::new(()),
            bell: Condvar::new(),
        }
    }

    /// Waits until all threads have come. With `long` it is not worth spinning.
    ///
    /// # Errors
    /// If one of them never will.
    pub fn wait(&self, long: bool) -> Result<(), Broken> {
        let turn = self.turn.load(Ordering::SeqCst);
        if self.arrived.fetch_add(1, Ordering::SeqCst) + 1 == self.threads {
            self.arrived.store(0, Ordering::SeqCst);
            self.turn.store(turn.wrapping_add(1), Ordering::SeqCst);
            self.wake();
        } else if !self.spin(turn, if long { 0 } else { self.spins }) {
            self.sleep(turn);
        }
        if self.broken.load(Ordering::SeqCst) { Err(Broken) } else { Ok(()) }
    }

    /// The calling thread will not come any more.
    pub fn abandon(&self) {
        self.broken.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn open(&self, turn: usize) -> bool {
        self.turn.load(Ordering::SeqCst) != turn || self.broken.load(Ordering::SeqCst)
    }

    fn spin(&self, turn: usize, spins: u32) -> bool {
        for _ in 0..spins {
            if self.open(turn) {
                return true;
            }
            std::hint::spin_loop();
        }
        self.open(turn)
    }

    fn sleep(&self, turn: usize) {
        let mut bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever opens the barrier after this sees that somebody has to be woken.
        self.asleep.fetch_add(1, Ordering::SeqCst);
        while !self.open(turn) {
            bed = self.bell.wait(bed).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
    }

    fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst) > 0 {
            let _bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
            self.bell.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn nobody_goes_on_before_all_have_come() {
        for long in [false, true] {
            let (barrier, sum) = (Barrier::new(3), AtomicU64::new(0));
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        for turn in 1..=300 {
                            sum.fetch_add(1, Ordering::SeqCst);
                            barrier.wait(long).unwrap();
                            assert_eq!(sum.load(Ordering::SeqCst), turn * 3);
                            barrier.wait(long).unwrap();
                        }
                    });
                }
            });
        }
    }

    #[test]
    fn those_who_wait_for_one_that_is_gone_are_told() {
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| barrier.wait(true));
            barrier.abandon();
            assert_eq!(waiting.join().unwrap(), Err(Broken));
        });
    }
}
