//! What requests hold that have not come to their end.

use futures_util::task::AtomicWaker;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

/// Bytes of unfinished requests, with a bound for all servers that share it. Where there is no room for more, those are given
/// up that have waited for their rest the longest: who sends at all makes room for itself, and who has stopped half way keeps
/// nobody out.
#[derive(Debug)]
pub struct Unfinished {
    most: usize,
    held: AtomicUsize,
    waiting: Mutex<Waiting>,
}

/// Requests that wait for their rest, the oldest first.
#[derive(Debug, Default)]
struct Waiting {
    begun: u64,
    requests: BTreeMap<u64, Arc<Entry>>,
}

/// One of them.
#[derive(Debug, Default)]
struct Entry {
    /// Changed only while `Waiting` is locked.
    bytes: AtomicUsize,
    given_up: AtomicBool,
    waker: AtomicWaker,
}

/// What one request holds, until this is dropped.
#[derive(Debug)]
pub struct Hold {
    all: Arc<Unfinished>,
    bytes: usize,
    /// Set once it has waited.
    entry: Option<(u64, Arc<Entry>)>,
}

impl Unfinished {
    /// Nothing yet, and so many bytes at most.
    pub fn up_to(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicUsize::new(0), waiting: Mutex::default() })
    }

    /// How many bytes may be held.
    pub fn most(&self) -> usize {
        self.most
    }

    /// A request that holds nothing yet.
    pub fn begin(self: &Arc<Self>) -> Hold {
        Hold { all: Arc::clone(self), bytes: 0, entry: None }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, before: usize, now: usize) {
        // All servers share this number: whoever changes nothing leaves it alone.
        match now.cmp(&before) {
            Ordering::Less => _ = self.held.fetch_sub(before - now, Relaxed),
            Ordering::Equal => {}
            Ordering::Greater => _ = self.held.fetch_add(now - before, Relaxed),
        }
    }

    /// Gives up the oldest that wait, but for one, until there is room. Whether there is.
    fn make_room(&self, but: Option<u64>) -> bool {
        if self.held.load(Relaxed) <= self.most {
            return true;
        }
        let mut waiting = self.waiting();
        while self.held.load(Relaxed) > self.most {
            let oldest = waiting.requests.keys().find(|it| Some(**it) != but).copied();
            let Some(entry) = oldest.and_then(|it| waiting.requests.remove(&it)) else { return false };
            entry.given_up.store(true, Relaxed);
            self.count(entry.bytes.swap(0, Relaxed), 0);
            entry.waker.wake();
        }
        true
    }
}

impl Hold {
    /// Whether the request may hold so many bytes now, which includes room that was made for what is still to come. If not, it
    /// is to be given up; what it holds counts until it is dropped.
    #[must_use]
    pub fn is(&mut self, now: usize) -> bool {
        let before = std::mem::replace(&mut self.bytes, now);
        match &self.entry {
            // Nothing is locked for what comes at once.
            None => self.all.count(before, now),
            Some((_, entry)) => {
                let _locked = self.all.waiting();
                if entry.given_up.load(Relaxed) {
                    return false;
                }
                self.all.count(entry.bytes.swap(now, Relaxed), now);
            }
        }
        now <= before || self.all.make_room(self.entry.as_ref().map(|it| it.0))
    }

    /// The request waits for its rest. Whether it may go on waiting: the task is woken as soon as it may not.
    #[must_use]
    pub fn waits(&mut self, cx: &Context<'_>) -> bool {
        let Self { all, bytes, entry } = self;
        let (_, entry) = entry.get_or_insert_with(|| {
            let mut waiting = all.waiting();
            let (number, entry) = (waiting.begun, Arc::new(Entry::default()));
            entry.bytes.store(*bytes, Relaxed);
            waiting.begun += 1;
            waiting.requests.insert(number, Arc::clone(&entry));
            (number, entry)
        });
        entry.waker.register(cx.waker());
        !entry.given_up.load(Relaxed)
    }

    /// The request has come to its end; the next one on the connection holds nothing yet.
    pub fn ends(&mut self) {
        if self.bytes > 0 || self.entry.is_some() {
            *self = self.all.begin();
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        match &self.entry {
            None => self.all.count(self.bytes, 0),
            Some((number, entry)) => {
                let mut waiting = self.all.waiting();
                waiting.requests.remove(number);
                self.all.count(entry.bytes.swap(0, Relaxed), 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waits(hold: &mut Hold) -> bool {
        hold.waits(&Context::from_waker(std::task::Waker::noop()))
    }

    #[test]
    fn what_is_held_is_bounded_for_all_together_and_free_again_when_it_is_let_go() {
        let unfinished = Unfinished::up_to(100);
        let (mut one, mut two) = (unfinished.begin(), unfinished.begin());
        assert!(one.is(60) && two.is(40) && !two.is(41));
        drop(one);
        assert!(two.is(100) && !two.is(101));
        two.ends();
        assert!(two.is(100));
    }

    #[test]
    fn who_has_waited_longest_makes_room() {
        let unfinished = Unfinished::up_to(100);
        let mut holds: Vec<Hold> = (0..3).map(|_| unfinished.begin()).collect();
        for hold in &mut holds {
            assert!(hold.is(30) && waits(hold));
        }
        let mut more = unfinished.begin();
        assert!(more.is(40));
        assert_eq!([0, 1, 2].map(|i| waits(&mut holds[i])), [false, true, true]);
        assert!(!holds[0].is(31), "it was given up");
        assert!(holds[1].is(60), "the oldest of those left keeps its own place");
        assert_eq!([1, 2].map(|i| waits(&mut holds[i])), [true, false]);
        assert!(!more.is(101), "nobody makes room for what is too much by itself");
        drop((holds, more));
        assert_eq!(unfinished.held.load(Relaxed), 0);
    }

    proptest! {
        /// Whatever requests do in whatever order, nothing is counted that is not held, and all of it is free in the end.
        #[test]
        fn what_is_counted_is_what_is_held(
            steps in proptest::collection::vec((0_usize..6, 0_u8..4, 0_usize..80), 0..200),
        ) {
            let unfinished = Unfinished::up_to(100);
            let mut holds: Vec<Hold> = (0..6).map(|_| unfinished.begin()).collect();
            for (i, what, bytes) in steps {
                let goes_on = match what {
                    0 => holds[i].is(bytes),
                    1 => waits(&mut holds[i]),
                    _ => false,
                };
                if !goes_on {
                    holds[i].ends();
                }
                let held: usize = holds
                    .iter()
                    .filter(|it| it.entry.as_ref().is_none_or(|(_, entry)| !entry.given_up.load(Relaxed)))
                    .map(|it| it.bytes)
                    .sum();
                prop_assert_eq!(unfinished.held.load(Relaxed), held);
                prop_assert!(held <= 100);
            }
            drop(holds);
            prop_assert_eq!(unfinished.held.load(Relaxed), 0);
        }
    }
}
