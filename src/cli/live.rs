//! `run --live`: the view of a run in the terminal, if it is built in and there is a terminal for it.

use super::CliError;
use super::watch::Shown;
use crate::report::Progress;
#[cfg(feature = "live")]
use crate::report::Style;
#[cfg(feature = "live")]
use crate::report::live::{About, Live, Quit, possible};
#[cfg(feature = "live")]
use crate::say;
#[cfg(feature = "live")]
use crate::scenario::Clock;
use crate::scenario::Scenario;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Refuses the view if this program has none.
///
/// # Errors
/// If it was built without.
pub fn refuse_if_not_built(wanted: bool) -> Result<(), CliError> {
    if wanted && cfg!(not(feature = "live")) {
        let text = "the live view is not built into this program: build it with `--features live`";
        return Err(CliError::Usage(text.into()));
    }
    Ok(())
}

/// The view of a run of so many nodes and rounds; where there is no terminal for it, the progress, with a note why.
#[cfg(feature = "live")]
pub fn shown(scenario: &Scenario, nodes: u32, rounds: u32, interrupted: &Arc<AtomicBool>) -> Shown {
    use super::watch::end;
    use std::sync::atomic::Ordering;

    let about = About {
        name: scenario.name.clone(),
        nodes,
        rounds,
        clock: match scenario.clock {
            Clock::Real => "real",
            Clock::Virtual => "virtual",
        },
    };
    let asked = Arc::clone(interrupted);
    let quit = move |quit| match quit {
        Quit::Kindly => asked.store(true, Ordering::Relaxed),
        Quit::CtrlC => end(&asked),
    };
    let started = possible().map_err(str::to_owned).and_then(|()| {
        Live::start(about, Style::stderr(), Arc::clone(interrupted), quit).map_err(|error| error.to_string())
    });
    match started {
        Ok(live) => Shown::Live(live),
        Err(why) => {
            say::line(&format!("p2pfl-sim: no live view: {why}; the progress is shown instead"));
            Shown::Progress(Progress::new(nodes, rounds, false))
        }
    }
}

/// The progress.
#[cfg(not(feature = "live"))]
pub fn shown(_: &Scenario, nodes: u32, rounds: u32, _: &Arc<AtomicBool>) -> Shown {
    Shown::Progress(Progress::new(nodes, rounds, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_the_view_says_so_and_runs_without_it() {
        let refused = refuse_if_not_built(true).map_err(|error| error.exit_code());
        assert_eq!(refused, if cfg!(feature = "live") { Ok(()) } else { Err(2) });
        assert!(refuse_if_not_built(false).is_ok());
    }
}
