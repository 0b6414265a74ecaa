//! What requests hold that have not come to their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of unfinished requests, with a bound for all servers that share it.
#[derive(Debug)]
pub struct Unfinished {
    most: usize,
    held: AtomicUsize,
}

impl Unfinished {
    /// Nothing yet, and so many bytes at most.
    pub fn up_to(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicUsize::new(0) })
    }

    /// How many bytes may be held.
    pub fn most(&self) -> usize {
        self.most
    }

    /// A request that held `before` bytes holds `now`, which includes room that was made for what is still to come. Whether
    /// there is room for it; it counts in either case.
    pub fn holds(&self, before: usize, now: usize) -> bool {
        if now <= before {
            self.held.fetch_sub(before - now, Relaxed);
            return true;
        }
        let more = now - before;
        self.held.fetch_add(more, Relaxed) + more <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_bounded_for_all_together_and_free_again_when_it_is_let_go() {
        let unfinished = Unfinished::up_to(100);
        assert!(unfinished.holds(0, 60) && unfinished.holds(0, 40));
        assert!(!unfinished.holds(40, 41));
        assert!(unfinished.holds(60, 0) && unfinished.holds(41, 100));
    }
}
