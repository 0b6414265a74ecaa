//! The first thing to read: what happened, in a sentence.

use super::{Style, WIDTH};
use crate::metrics::result::{Outcome, RunResult};
use crate::node::spec::Variant;
use crate::report::readable;
use std::fmt::Write;

/// The name of the scenario and what happened, with a second sentence if the figures are not to be trusted.
pub fn headline(result: &RunResult, style: Style) -> String {
    let name = result.scenario["name"].as_str().unwrap_or("run");
    let text = format!("{name}: {}", happened(result, style));
    let failed = thresholds_failed(result);
    let wrapped = textwrap::fill(&text, usize::from(WIDTH));
    style.paint(&wrapped, |paint| match (result.outcome, result.overloaded || failed > 0) {
        (Outcome::Completed, false) => paint.bold().green(),
        (Outcome::Failed | Outcome::Stalled | Outcome::Stopped, _) => paint.bold().red(),
        _ => paint.bold().yellow(),
    })
}

/// What happened, in a sentence, and in more if there is more to know before relying on the figures.
pub fn happened(result: &RunResult, style: Style) -> String {
    let mut text = ended(result, style);
    let nodes = &result.nodes;
    let fates = [
        (nodes.crashed, "crashed"),
        (nodes.joined, "joined later"),
        (nodes.left, "left"),
        (nodes.panicked, "panicked"),
    ];
    let fates = fates.into_iter().filter(|(count, _)| *count > 0);
    let fates: Vec<_> =
        fates.map(|(count, fate)| format!("{} {fate}", readable::Count(count.into()))).collect();
    if !fates.is_empty() {
        let _ = write!(text, " On the way, {}.", fates.join(", "));
    }
    let failed = thresholds_failed(result);
    if failed > 0 {
        let _ = write!(text, " {failed} of {} thresholds not met.", result.thresholds.len());
    }
    if result.overloaded {
        text.push_str(
            " Overloaded: this machine could not keep up, so the figures measure the machine and not the scenario.",
        );
    }
    text
}

fn thresholds_failed(result: &RunResult) -> usize {
    result.thresholds.iter().filter(|threshold| !threshold.passed).count()
}

fn ended(result: &RunResult, style: Style) -> String {
    let nodes = &result.nodes;
    let finished = if nodes.finished == nodes.total {
        counted(nodes.total, "peer")
    } else {
        format!("{} of {}", readable::Count(nodes.finished.into()), counted(nodes.total, "peer"))
    };
    // The default is not what is deployed, so it is said every time.
    let finished = match variant(result) {
        Some(variant) => format!("{finished} ({})", variant.title()),
        None => finished,
    };
    let rounds = result.scenario["workflow"]["rounds"].as_u64().unwrap_or(result.rounds.len() as u64);
    let rounds = counted(u32::try_from(rounds).unwrap_or(u32::MAX), "round");
    let after = match result.ended_s {
        Some(ended_s) => format!("after {} of scenario time", style.time(ended_s)),
        None => "before learning began".to_owned(),
    };
    let reason = result.reason.as_deref().map(|reason| format!(": {}", reason.trim_end_matches('.')));
    let reason = reason.unwrap_or_default();
    match result.outcome {
        Outcome::Completed => {
            let mut text = match (result.rumor, &result.probe) {
                (Some(rumor), _) => {
                    format!("the rumor reached {finished} within {}", counted(rumor.rounds, "round"))
                }
                (None, Some(probe)) => {
                    let cells = u32::try_from(probe.cells.len()).unwrap_or(u32::MAX);
                    let messages = readable::Count(result.messages.total.handled());
                    format!("{finished} exchanged {messages} messages in {}", counted(cells, "cell"))
                }
                (None, None) => format!("{finished} finished {rounds}"),
            };
            if let Some(ended_s) = result.ended_s {
                let _ = write!(text, " in {} of scenario time", style.time(ended_s));
            }
            let _ = write!(text, " ({} here", style.time(result.cost.wall_s));
            // On the virtual clock there is none: a run is as fast as it is.
            if result.engine.clock == "real" && result.engine.speedup.is_finite() {
                let _ = write!(text, ", speedup {}", readable::amount(result.engine.speedup));
            }
            text.push(')');
            if let Some(accuracy) = result.r#final.accuracy {
                let _ = write!(text, " and reach {:.3} accuracy", accuracy.mean);
            }
            format!("{text}.")
        }
        Outcome::Stalled | Outcome::Failed | Outcome::Interrupted | Outcome::Stopped => {
            let outcome = result.outcome.name();
            let done = if result.rumor.is_some() { "learnt the rumor" } else { "finished" };
            format!(
                "{outcome} {after}{reason}. {finished} had {done}; what follows is what was measured until then."
            )
        }
    }
}

/// Which P2PFL it was, if any.
fn variant(result: &RunResult) -> Option<Variant> {
    serde_json::from_value(result.scenario["workflow"]["variant"].clone()).ok()
}

fn counted(count: u32, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {word}{plural}", readable::Count(count.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use serde_json::json;

    #[test]
    fn the_sentence_says_which_p2pfl_was_simulated() {
        let mut result = sample::full();
        for (variant, said) in [
            ("repaired", "100 peers (P2PFL repaired) finished 2 rounds"),
            ("faithful", "100 peers (P2PFL 0.4.4 as it is over gRPC) finished 2 rounds"),
            ("faithful-memory", "100 peers (P2PFL 0.4.4 as it is over memory) finished 2 rounds"),
        ] {
            result.scenario["workflow"]["variant"] = json!(variant);
            assert!(happened(&result, Style::PLAIN).starts_with(said), "{}", happened(&result, Style::PLAIN));
        }
    }
}
