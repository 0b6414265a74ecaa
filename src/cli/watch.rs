//! What a run is watched for: how far it is, and Ctrl-C.

use super::{CliError, signals};
use crate::engine::{self, Watch};
use crate::report::Progress;
#[cfg(feature = "live")]
use crate::report::live::{self, Live};
use crate::say;
use crate::transport::socket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shows how a run goes on, and hands on Ctrl-C.
pub struct Watcher {
    pub shown: Shown,
    pub interrupted: Arc<AtomicBool>,
}

/// As what a run is shown.
pub enum Shown {
    /// A bar, lines, or nothing.
    Progress(Progress),
    /// Everything, on the whole terminal.
    #[cfg(feature = "live")]
    Live(Live),
}

impl Watcher {
    /// Clears what was shown away.
    pub fn finish(self) {
        match self.shown {
            Shown::Progress(progress) => progress.finish(),
            #[cfg(feature = "live")]
            Shown::Live(live) => drop(live),
        }
    }
}

impl Watch for Watcher {
    fn update(&mut self, now: &engine::Snapshot) {
        match &mut self.shown {
            Shown::Progress(progress) => progress.update(&now.into()),
            #[cfg(feature = "live")]
            Shown::Live(live) => live.update(now),
        }
    }

    fn wants_details(&self) -> bool {
        !matches!(self.shown, Shown::Progress(_))
    }

    fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }
}

/// What the run that goes on is asked to end by, if one does.
static ENDING: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// Heeds Ctrl-C, SIGTERM and the end of the terminal from now on: a run is asked to end, and where there is none the program
/// ends.
pub fn heed_signals() {
    signals::on_end(|| {
        let ending = ENDING.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(ending) = ending else { leave() };
        end(&ending);
        if !is_drawn_on() {
            say::line("\np2pfl-sim: ending the run; again to end at once");
        }
    });
}

/// What the first Ctrl-C sets from now on; the second ends the program.
pub fn on_ctrl_c() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    *ENDING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&interrupted));
    interrupted
}

/// Asks the run to end; whoever asks a second time gets the end of the program.
pub fn end(interrupted: &AtomicBool) {
    if interrupted.swap(true, Ordering::Relaxed) {
        leave();
    }
}

/// Ends the program at once.
fn leave() -> ! {
    // Nobody else gets to clear them away.
    socket::remove_all();
    #[cfg(feature = "live")]
    live::give_back();
    std::process::exit(i32::from(CliError::Interrupted.exit_code()));
}

/// Whether the terminal belongs to the live view now, which shows itself that the run is ending.
fn is_drawn_on() -> bool {
    #[cfg(feature = "live")]
    return live::is_up();
    #[cfg(not(feature = "live"))]
    false
}
