//! What a run is watched for: how far it is, and Ctrl-C.

use crate::engine::{self, Watch};
use crate::report::Progress;
#[cfg(feature = "live")]
use crate::report::live::{self, Live};
use crate::transport::socket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// The first Ctrl-C is noted, the second ends the program.
pub fn on_ctrl_c() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&interrupted);
    // Without a handler Ctrl-C ends the program at once, which is what a second one would do.
    let _ = ctrlc::set_handler(move || {
        end(&seen);
        if !is_drawn_on() {
            eprintln!("\np2pfl-sim: ending the run; again to end at once");
        }
    });
    interrupted
}

/// Asks the run to end; whoever asks a second time gets the end of the program.
pub fn end(interrupted: &AtomicBool) {
    if interrupted.swap(true, Ordering::Relaxed) {
        // Nobody else gets to clear them away.
        socket::remove_all();
        #[cfg(feature = "live")]
        live::give_back();
        std::process::exit(130);
    }
}

/// Whether the terminal belongs to the live view now, which shows itself that the run is ending.
fn is_drawn_on() -> bool {
    #[cfg(feature = "live")]
    return live::is_up();
    #[cfg(not(feature = "live"))]
    false
}
