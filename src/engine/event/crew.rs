//! Shards on threads of their own: window after window, with one barrier at the end of each.
//!
//! At a window's end every shard leaves what others get in mailboxes and says how it stands; after the barrier each
//! takes what is its own, and all come by themselves to the same conclusion: which window is next, and whether the
//! conductor has to act before it. Only then a single thread acts while the others wait.
//!
//! Where windows hold so little that meeting takes longer than working, the first thread runs all shards alone until
//! there is more to do. That is decided by the real clock: it makes no difference to what happens.

use super::barrier::{Barrier, Broken};
use super::calendar::Window;
use super::core::{Core, Event, Payload};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A shard that can be run.
pub trait Run: Send {
    /// What its events carry.
    type Body: Payload<Crossing: Send>;
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

/// What a thread says at the end of a window.
#[derive(Clone, Default)]
struct Said<W> {
    word: W,
    /// The first window in which its shard, or another because of it, has something to do.
    first: Option<Window>,
    /// It wants to go on alone. The first thread alone says so.
    alone: bool,
}

/// What one shard has for another.
type Mailbox<B> = Mutex<Vec<Event<<B as Payload>::Crossing>>>;

/// What the threads share.
struct Meeting<S: Run, W> {
    barrier: Barrier,
    shards: Vec<Mutex<S>>,
    /// By parity of the turn, source and destination: who is a turn ahead does not disturb who still reads.
    mail: [Vec<Mailbox<S::Body>>; 2],
    /// By parity of the turn and shard.
    words: [Vec<Mutex<Said<S::Word>>>; 2],
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
            let spawned =
                std::thread::Builder::new().name(format!("shard-{shard}")).spawn_scoped(scope, work);
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
        let mut pace = Pace::default();
        let mut watch = None;
        let mut alone = me == 0;
        loop {
            self.exchange(me, turn, alone)?;
            let (words, mut next, solo) = self.hear(turn);
            if solo || next.is_none() || watch.as_ref().is_none_or(|watch| C::calls(watch, &words, next)) {
                self.barrier.wait(false)?;
                if let Some(conductor) = conductor.as_deref_mut() {
                    let mut shards: Vec<_> = self.shards.iter().map(lock).collect();
                    *lock(&self.said) = if solo {
                        go_alone(&mut shards, conductor, watch.take())
                    } else {
                        conductor.act(&mut shards, &words, next).map(|watch| (watch, first(&mut shards)))
                    };
                    pace = Pace::default();
                    alone = false;
                }
                self.barrier.wait(solo)?;
                let Some((what, window)) = lock(&self.said).clone() else { return Ok(()) };
                watch = Some(what);
                next = window;
            }
            turn += 1;
            if let Some(window) = next {
                let mut shard = lock(&self.shards[me]);
                if me != 0 {
                    shard.window(window);
                } else if let Some(work) = pace.measure(|| shard.window(window)) {
                    alone = work < WORTH_MEETING;
                }
            }
        }
    }

    /// The end of a window: leaves what is for others, waits for all, and takes what is this shard's own. This is the
    /// only place where shards touch.
    fn exchange(&self, me: usize, turn: usize, alone: bool) -> Result<(), Broken> {
        let count = self.shards.len();
        let (mail, words) = (&self.mail[turn % 2], &self.words[turn % 2]);
        let mut shard = lock(&self.shards[me]);
        let core = shard.core();
        let first = [core.first(), core.first_abroad()].into_iter().flatten().min();
        for to in (0..count).filter(|&to| to != me) {
            core.hand_over(to as u32, &mut lock(&mail[me * count + to]));
        }
        *lock(&words[me]) = Said { word: shard.word(), first, alone };
        drop(shard);
        self.barrier.wait(false)?;
        let mut shard = lock(&self.shards[me]);
        for from in (0..count).filter(|&from| from != me) {
            shard.core().take_over(&mut lock(&mail[from * count + me]));
        }
        Ok(())
    }

    /// What all say: their words, the next window, and whether the first goes on alone.
    fn hear(&self, turn: usize) -> (Vec<S::Word>, Option<Window>, bool) {
        let heard: Vec<Said<S::Word>> = self.words[turn % 2].iter().map(|it| lock(it).clone()).collect();
        let next = heard.iter().filter_map(|said| said.first).min();
        let alone = heard.iter().any(|said| said.alone);
        (heard.into_iter().map(|said| said.word).collect(), next, alone)
    }
}

/// Runs all shards on this thread until there is enough to do for all, or to the end: then nothing is returned.
fn go_alone<S: Run, C: Conduct<S>>(
    shards: &mut [MutexGuard<'_, S>],
    conductor: &mut C,
    mut watch: Option<C::Watch>,
) -> Option<(C::Watch, Option<Window>)> {
    let mut pace = Pace::default();
    let mut enough = false;
    let mut mailbox = Vec::new();
    loop {
        for from in 0..shards.len() {
            for to in (0..shards.len()).filter(|&to| to != from) {
                shards[from].core().hand_over(to as u32, &mut mailbox);
                shards[to].core().take_over(&mut mailbox);
            }
        }
        let words: Vec<S::Word> = shards.iter_mut().map(|shard| shard.word()).collect();
        let mut next = first(shards);
        if next.is_none() || watch.as_ref().is_none_or(|watch| C::calls(watch, &words, next)) {
            watch = Some(conductor.act(shards, &words, next)?);
            next = first(shards);
        }
        if let (true, Some(watch)) = (enough, &watch) {
            return Some((watch.clone(), next));
        }
        if let Some(window) = next {
            let work = pace.measure(|| shards.iter_mut().for_each(|shard| shard.window(window)));
            let threads = shards.len() as u32;
            enough = threads > 1 && work.is_some_and(|work| work / threads > 2 * WORTH_MEETING);
        }
    }
}

fn first<S: Run>(shards: &mut [MutexGuard<'_, S>]) -> Option<Window> {
    shards.iter_mut().filter_map(|shard| shard.core().first()).min()
}

/// How long the windows take that one thread runs, on average of so many.
#[derive(Debug, Default)]
struct Pace {
    windows: u32,
    spent: Duration,
}

/// A window with less work than this for each thread is not worth meeting for.
const WORTH_MEETING: Duration = Duration::from_micros(10);
/// Windows that are judged together.
const JUDGED: u32 = 64;

impl Pace {
    /// Runs a window; now and then how long windows took.
    #[expect(clippy::disallowed_methods, reason = "on which thread a window runs makes no difference to it")]
    fn measure(&mut self, run: impl FnOnce()) -> Option<Duration> {
        let began = Instant::now();
        run();
        self.spent += began.elapsed();
        self.windows += 1;
        if self.windows < JUDGED {
            return None;
        }
        let mean = self.spent / self.windows;
        *self = Self::default();
        Some(mean)
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
