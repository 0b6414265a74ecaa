//! A run as it goes on, in the terminal: rounds, throughput, recent latencies, what every node is doing, faults.
//!
//! `board` keeps what is known of the run, `screen` and `field` draw it, `terminal` takes the terminal over and gives
//! it back. Here is the thread that does the drawing: a terminal that does not read stops the view, and not the run.
//! What is drawn goes to stderr, as all progress; what is measured is not decided here.

mod board;
mod field;
mod screen;
mod terminal;
#[cfg(test)]
mod tests;

pub use board::About;
pub use terminal::{give_back, is_up, possible};

use super::Style;
use crate::engine::Snapshot;
use board::{Board, Key};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use terminal::Screen;

/// How often the view looks for something new; keys are heeded at once. Half as often as the engines tell, as drawing is
/// what the view costs.
const EVERY: Duration = Duration::from_millis(200);

/// Shows one run until it is dropped.
#[derive(Debug)]
pub struct Live {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the run and the view have in common.
#[derive(Debug, Default)]
struct Shared {
    news: Mutex<Option<Snapshot>>,
    over: AtomicBool,
}

impl Live {
    /// Takes the terminal over. `ending` is set by whoever has asked the run to end; the view calls `quit` when the user
    /// asks for it, with whether they insist.
    ///
    /// # Errors
    /// If the terminal cannot be taken over, or there is no thread.
    pub fn start(
        about: About,
        style: Style,
        ending: Arc<AtomicBool>,
        quit: impl Fn(Quit) + Send + 'static,
    ) -> io::Result<Self> {
        let screen = Screen::take_over()?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let mut board = Board::new(about, style);
        let thread = std::thread::Builder::new().name("live".into()).spawn(move || {
            // A terminal that is gone is no reason to end the run.
            let _ = theirs.show(screen, &mut board, &ending, &quit);
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Shows how the run stands, before long.
    pub fn update(&self, now: &Snapshot) {
        let mut news = self.shared.news();
        let unseen = news.take();
        *news = Some(match unseen {
            Some(unseen) => board::joined(unseen, now),
            None => now.clone(),
        });
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // If it panicked, the terminal was given back all the same.
            let _ = thread.join();
        }
    }
}

/// How the user asks for the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quit {
    /// It is to end, and to keep its results: `q`. Asked again, nothing more happens.
    Kindly,
    /// As Ctrl-C does without a view: the second one ends the program.
    CtrlC,
}

impl Shared {
    fn news(&self) -> MutexGuard<'_, Option<Snapshot>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(
        &self,
        mut screen: Screen,
        board: &mut Board,
        ending: &AtomicBool,
        quit: &impl Fn(Quit),
    ) -> io::Result<()> {
        screen.draw(board)?;
        while !self.over.load(Ordering::Relaxed) {
            let mut changed = false;
            let mut waits = EVERY;
            while event::poll(waits)? {
                changed |= heed(&event::read()?, board, quit);
                waits = Duration::ZERO;
            }
            if let Some(news) = self.news().take() {
                changed |= board.note(news);
            }
            changed |= board.is_ending(ending.load(Ordering::Relaxed));
            if changed {
                screen.draw(board)?;
            }
        }
        Ok(())
    }
}

/// Does what a key says, and tells whether that changes what is shown.
fn heed(event: &Event, board: &mut Board, quit: &impl Fn(Quit)) -> bool {
    match event {
        Event::Resize(..) => true,
        Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) => match code {
            KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => {
                quit(Quit::CtrlC);
                false
            }
            KeyCode::Char('q' | 'Q') => {
                quit(Quit::Kindly);
                false
            }
            KeyCode::Char('p' | 'P' | ' ') => board.press(Key::Pause),
            KeyCode::Char('?' | 'h' | 'H') => board.press(Key::Help),
            KeyCode::Esc => board.press(Key::Back),
            _ => false,
        },
        _ => false,
    }
}
