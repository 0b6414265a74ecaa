//! Settings that count on one of the clocks alone.

use super::Report;
use crate::scenario::path::Path;
use crate::scenario::{Clock, Limits, Scenario, Speedup};

/// What is written out with its default, as in the scenario of a result, is nothing that anybody asked for.
pub(super) fn check(scenario: &Scenario, report: &mut Report) {
    let limits = &scenario.limits;
    match scenario.clock {
        Clock::Virtual => {
            if let Speedup::Factor(factor) = scenario.speedup {
                idle(
                    report,
                    "speedup",
                    format!("is {factor}, but the virtual clock goes as fast as it is computed"),
                );
            }
            if limits.inbox != Limits::default().inbox {
                idle(report, "limits.inbox", "has no effect: no inbox fills up on the virtual clock".into());
            }
        }
        Clock::Real => {
            if limits.events.is_some() {
                idle(report, "limits.events", "counts on the virtual clock alone".into());
            }
        }
    }
}

fn idle(report: &mut Report, path: &'static str, what: String) {
    if !report.positions.is_written(&Path::from(path)) {
        return;
    }
    let other = match path {
        "speedup" | "limits.inbox" => "real",
        _ => "virtual",
    };
    let help = format!("leave it out, or write \"clock\": \"{other}\"");
    report.warn(path, "setting-without-effect", format!("`{path}` {what}"), help);
}
