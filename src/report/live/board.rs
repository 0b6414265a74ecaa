//! What the view knows of a run: the last snapshot, rates, what has happened. It reads no clock: time is what snapshots
//! say.

use super::super::Style;
use super::super::progress::Pace;
use crate::engine::Snapshot;
use crate::metrics::trace::Mark;
use std::collections::VecDeque;
use std::time::Duration;

/// A point of throughput covers at least so much wall time, in seconds.
const RATE_OVER: f64 = 0.5;
/// Points of throughput that are kept: more than a terminal is wide.
const RATES: usize = 512;
/// Happenings that are kept.
const MARKS: usize = 256;
/// Happenings that wait to be seen at most: a terminal may stand still for hours.
const WAITING: usize = 65_536;

/// What does not change in a run.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The scenario's name.
    pub name: String,
    /// All nodes.
    pub nodes: u32,
    /// All rounds.
    pub rounds: u32,
    /// The clock, in a word.
    pub clock: &'static str,
}

/// Messages and bytes handled in a second of wall time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    pub messages: f64,
    pub bytes: f64,
}

/// Everything that is shown.
#[derive(Clone, Debug)]
pub struct Board {
    pub about: About,
    pub style: Style,
    pub known: Known,
    /// What is shown instead while the display is paused.
    paused: Option<Box<Known>>,
    pub help: bool,
    pub ending: bool,
}

/// What is known of the run.
#[derive(Clone, Debug)]
pub struct Known {
    pub now: Option<Snapshot>,
    /// Oldest first.
    pub rates: VecDeque<Rate>,
    /// Oldest first.
    pub marks: VecDeque<Mark>,
    /// How many happenings there were, kept or not.
    pub happened: u64,
    pace: Pace,
    since: Option<(f64, u64, u64)>,
}

/// What a key asks of the display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Pause,
    Help,
    Back,
}

impl Board {
    pub fn new(about: About, style: Style) -> Self {
        let pace = Pace::new(about.nodes, about.rounds);
        let known = Known {
            now: None,
            rates: VecDeque::new(),
            marks: VecDeque::new(),
            happened: 0,
            pace,
            since: None,
        };
        Self { about, style, known, paused: None, help: false, ending: false }
    }

    /// Takes in a snapshot, and tells whether that changes what is shown.
    pub fn note(&mut self, now: Snapshot) -> bool {
        self.known.note(now);
        self.paused.is_none()
    }

    /// Whether someone has asked the run to end; tells whether that is new.
    pub fn is_ending(&mut self, ending: bool) -> bool {
        std::mem::replace(&mut self.ending, ending) != ending
    }

    /// Does what a key asks, and tells whether that changes what is shown.
    pub fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Pause if self.paused.is_none() => self.paused = Some(Box::new(self.known.clone())),
            Key::Pause => self.paused = None,
            Key::Help => self.help = !self.help,
            Key::Back if !self.help => return false,
            Key::Back => self.help = false,
        }
        true
    }

    pub fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// What is to be shown of the run.
    pub fn shown(&self) -> &Known {
        self.paused.as_deref().unwrap_or(&self.known)
    }
}

impl Known {
    /// Wall time to go, if it can be guessed.
    pub fn left(&self) -> Option<Duration> {
        self.pace.left(&self.now.as_ref()?.into())
    }

    /// The latest throughput.
    pub fn rate(&self) -> Option<Rate> {
        self.rates.back().copied()
    }

    fn note(&mut self, mut now: Snapshot) {
        self.pace.note(&(&now).into());
        let (since_s, messages, bytes) = *self.since.get_or_insert((0.0, 0, 0));
        let over = now.wall_s - since_s;
        if over >= RATE_OVER {
            let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / over;
            let rate = Rate { messages: rate(now.messages, messages), bytes: rate(now.bytes, bytes) };
            keep(&mut self.rates, RATES, [rate]);
            self.since = Some((now.wall_s, now.messages, now.bytes));
        }
        if let Some(details) = &mut now.details {
            let happened = std::mem::take(&mut details.happened);
            self.happened += happened.len() as u64;
            keep(&mut self.marks, MARKS, happened);
        }
        self.now = Some(now);
    }
}

/// The later of two snapshots, with what happened before it and has not been seen yet.
pub fn joined(unseen: Snapshot, now: &Snapshot) -> Snapshot {
    let mut now = now.clone();
    if let (Some(before), Some(details)) = (unseen.details, &mut now.details) {
        let since = std::mem::replace(&mut details.happened, before.happened);
        details.happened.extend(since);
        let over = details.happened.len().saturating_sub(WAITING);
        details.happened.drain(..over);
    }
    now
}

fn keep<T>(all: &mut VecDeque<T>, most: usize, more: impl IntoIterator<Item = T>) {
    for one in more {
        if all.len() == most {
            all.pop_front();
        }
        all.push_back(one);
    }
}
