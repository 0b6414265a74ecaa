//! Plans that take a while: a terminal shows that it is being made, and for how long already.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Fewer nodes are planned before anybody could have read that they are.
const AT_ONCE: u32 = 100_000;

/// Plans a scenario of so many nodes, and shows it on stderr, if that is a terminal, unless `quiet`.
pub fn shown<T>(nodes: u32, quiet: bool, plan: impl FnOnce() -> T) -> T {
    if quiet || nodes <= AT_ONCE {
        return plan();
    }
    let spinner = ProgressBar::new_spinner().with_message(format!("Planning {nodes} nodes"));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    let planned = plan();
    spinner.finish_and_clear();
    planned
}
