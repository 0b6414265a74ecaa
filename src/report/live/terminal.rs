//! Takes the terminal over and gives it back, whatever ends the view: its end, a panic, a second Ctrl-C.

use super::board::Board;
use super::screen;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use std::io::{self, BufWriter, IsTerminal, Stderr, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

/// Whether the terminal is taken over.
static UP: AtomicBool = AtomicBool::new(false);
/// What panics said meanwhile.
static HELD_BACK: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Whether there is a terminal that can be drawn on and has keys; if not, why.
///
/// # Errors
/// What is missing, in a few words.
pub fn possible() -> Result<(), &'static str> {
    if !io::stderr().is_terminal() {
        Err("standard error is not a terminal")
    } else if !io::stdin().is_terminal() {
        Err("standard input is not a terminal")
    } else if std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
        Err("TERM says that the terminal can only show lines")
    } else {
        Ok(())
    }
}

/// Whether the terminal is taken over now: then nothing else may be written to it.
pub fn is_up() -> bool {
    UP.load(Ordering::Relaxed)
}

/// Gives the terminal back, if it is taken over. Must be called before the process is ended without unwinding.
pub fn give_back() {
    if !UP.swap(false, Ordering::Relaxed) {
        return;
    }
    // There is nothing to be done about a terminal that does not listen.
    let _ = disable_raw_mode();
    let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
    for text in std::mem::take(&mut *HELD_BACK.lock().unwrap_or_else(PoisonError::into_inner)) {
        let _ = writeln!(io::stderr(), "{text}");
    }
}

/// The terminal while it is taken over.
pub struct Screen(Terminal<CrosstermBackend<BufWriter<Stderr>>>);

impl Screen {
    /// Takes it over: another screen, no cursor, keys one by one.
    pub fn take_over() -> io::Result<Self> {
        hold_back_panics();
        enable_raw_mode()?;
        UP.store(true, Ordering::Relaxed);
        let screen = || {
            execute!(io::stderr(), EnterAlternateScreen, Clear(ClearType::All))?;
            // All of a picture is written at once.
            let out = BufWriter::with_capacity(64 << 10, io::stderr());
            Ok(Self(Terminal::new(CrosstermBackend::new(out))?))
        };
        screen().inspect_err(|_: &io::Error| give_back())
    }

    /// Draws what has changed.
    pub fn draw(&mut self, board: &Board) -> io::Result<()> {
        self.0.draw(|frame| screen::draw(frame, board)).map(drop)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// A panic that is caught is counted and told in the summary; its text would be drawn over. So it is kept until the
/// terminal is back.
fn hold_back_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if is_up() {
                let name = std::thread::current().name().unwrap_or("unnamed").to_owned();
                let text = format!("thread '{name}' {panic}");
                HELD_BACK.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            } else {
                usual(panic);
            }
        }));
    });
}
