//! Shards on threads of their own: window after window, with one barrier at the end of each.
//!
//! At a window's end every shard leaves what others get in mailboxes and says how it stands; after the barrier each
//! takes what is its own, and all come by themselves to the same conclusion: which window is next, and whether the
//! conductor has to act before it. Only then a single thread acts while the others wait.

use super::barrier::{Barrier, Broken};
use super::calendar::Window;
use super::core::{Core, Event};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A shard that can be run.
pub trait Run: Send {
    /// What its events carry.
    type Body: Send;
    /// How it stands, for the conductor.
    type Word: Clone + Default + Send;

    /// Its events.
    fn core(&mut self) -> &mut Core<Self::Body>;
    /// Runs a window.
    fn window(&mut self, window: Window);
    /// How it stands now.
    fn word(&mut self) -> Self::Word;
}

/// Looks after all shards together.
pub trait Conduct<S: Run> {
    /// What to look out for.
    type Watch: Clone + Send;

    /// Whether the conductor has to act before the next window. Every thread asks, and all must get the same answer.
    fn calls(watch: &Self::Watch, words: &[S::Word], next: Option<Window>) -> bool;

    /// Acts while no shard runs; what to look out for from now on, or nothing if that was the end.
    fn act(
        &mut self,
        shards: &mut [MutexGuard<'_, S>],
        words: &[S::Word],
        next: Option<Window>,
    ) -> Option<Self::Watch>;
}

/// What the threads share.
struct Meeting<S: Run, W> {
    barrier: Barrier,
    shards: Vec<Mutex<S>>,
    /// By parity of the turn, source and destination: who is a turn ahead does not disturb who still reads.
    mail: [Vec<Mutex<Vec<Event<S::Body>>>>; 2],
    /// By parity of the turn and shard.
    words: [Vec<Mutex<(S::Word, Option<Window>)>>; 2],
    /// What the conductor said last: what to look out for, and the next window. Nothing after the end.
    said: Mutex<Option<(W, Option<Window>)>>,
}

/// Runs shards until the conductor ends it, the first of them on this thread. `start` names the threads.
///
/// # Errors
/// If the operating system gives no threads.
pub fn run<S: Run, C: Conduct<S>>(shards: Vec<S>, conductor: &mut C) -> std::io::Result<Vec<S>> {
    let count = shards.len();
    let mailboxes = || (0..count * count).map(|_| Mutex::default()).collect();
    let words = || (0..count).map(|_| Mutex::default()).collect();
    let meeting = Meeting::<S, C::Watch> {
        barrier: Barrier::new(count),
        shards: shards.into_iter().map(Mutex::new).collect(),
        mail: [mailboxes(), mailboxes()],
        words: [words(), words()],
        said: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        for shard in 1..count {
            let meeting = &meeting;
            let work = move || {
                let _leaving = Leaving(&meeting.barrier);
                // Who breaks the barrier panics, and that is told by the scope.
                let _ = meeting.work::<C>(shard, None);
            };
            let spawned = std::thread::Builder::new().name(format!("shard-{shard}")).spawn_scoped(scope, work);
            if let Err(error) = spawned {
                meeting.barrier.abandon();
                return Err(error);
            }
        }
        let _leaving = Leaving(&meeting.barrier);
        let _ = meeting.work(0, Some(conductor));
        Ok(())
    })?;
    Ok(meeting.shards.into_iter().map(|it| it.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
}

impl<S: Run, W: Clone + Send> Meeting<S, W> {
    fn work<C: Conduct<S, Watch = W>>(&self, me: usize, mut conductor: Option<&mut C>) -> Result<(), Broken> {
        let mut turn = 0;
        // The conductor acts before the first window, too: there may be nothing in it yet.
        let mut next = None;
        let mut watch = None;
        loop {
            self.exchange(me, turn)?;
            let words = self.hear(turn, &mut next);
            if next.is_none() || watch.as_ref().is_none_or(|watch| C::calls(watch, &words, next)) {
                self.barrier.wait()?;
                if let Some(conductor) = conductor.as_deref_mut() {
                    let mut shards: Vec<_> = self.shards.iter().map(lock).collect();
                    let watch = conductor.act(&mut shards, &words, next);
                    let first = shards.iter_mut().filter_map(|shard| shard.core().first()).min();
                    *lock(&self.said) = watch.map(|watch| (watch, first));
                }
                self.barrier.wait()?;
                let Some((what, first)) = lock(&self.said).clone() else { return Ok(()) };
                watch = Some(what);
                next = first;
            }
            turn += 1;
            if let Some(window) = next {
                lock(&self.shards[me]).window(window);
            }
        }
    }

    /// The end of a window: leaves what is for others, waits for all, and takes what is this shard's own. This is the
    /// only place where shards touch.
    fn exchange(&self, me: usize, turn: usize) -> Result<(), Broken> {
        let count = self.shards.len();
        let (mail, words) = (&self.mail[turn % 2], &self.words[turn % 2]);
        let mut shard = lock(&self.shards[me]);
        let core = shard.core();
        let first = [core.first(), core.first_abroad()].into_iter().flatten().min();
        for to in (0..count).filter(|&to| to != me) {
            core.hand_over(to as u32, &mut lock(&mail[me * count + to]));
        }
        *lock(&words[me]) = (shard.word(), first);
        drop(shard);
        self.barrier.wait()?;
        let mut shard = lock(&self.shards[me]);
        for from in (0..count).filter(|&from| from != me) {
            shard.core().take_over(&mut lock(&mail[from * count + me]));
        }
        Ok(())
    }

    fn hear(&self, turn: usize, next: &mut Option<Window>) -> Vec<S::Word> {
        let heard: Vec<_> = self.words[turn % 2].iter().map(|it| lock(it).clone()).collect();
        *next = heard.iter().filter_map(|(_, first)| *first).min();
        heard.into_iter().map(|(word, _)| word).collect()
    }
}

/// Breaks the barrier if its thread panics, so that nobody waits for it.
struct Leaving<'a>(&'a Barrier);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abandon();
        }
    }
}

/// A thread that panics breaks the barrier; what it leaves is not looked at again.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
