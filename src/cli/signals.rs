//! What the system tells the program: to end, or that a file must not grow.

use nix::sys::signal::{SigHandler, Signal, signal};

/// A file that is larger than the user may have is an error of whoever writes it, and not the end of the program.
pub fn heed_limits() {
    ignore(Signal::SIGXFSZ);
}

/// Calls `told` whenever the program is asked to end: by Ctrl-C, by SIGTERM, or since its terminal is gone. A program that
/// was started with `nohup` stays when the terminal goes.
pub fn on_end(told: impl FnMut() + Send + 'static) {
    let stays = matches!(ignore(Signal::SIGHUP), Some(SigHandler::SigIgn));
    // Without a handler a signal ends the program at once, which is what a second one would do.
    let _ = ctrlc::set_handler(told);
    if stays {
        ignore(Signal::SIGHUP);
    }
}

/// What was done about it before.
#[allow(unsafe_code)] // The system has no other way, and nix no safe one.
fn ignore(which: Signal) -> Option<SigHandler> {
    // SAFETY: to ignore a signal runs no code of ours in a signal handler.
    unsafe { signal(which, SigHandler::SigIgn) }.ok()
}
