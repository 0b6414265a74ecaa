//! The head of a report: what happened, in a sentence, the main figures, and what to know before relying on them.

use super::view::{Cell, Figure, Table};
use super::words::{amount, bytes, counted, fixed, share, time};
use crate::metrics::result::{Outcome, RunResult};
use crate::report::Findings;
use crate::report::terminal::{Style, happened};
use serde::Serialize;
use serde_json::Value;

/// The head of the report of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Head {
    /// The scenario's name.
    pub name: String,
    /// What it says of itself.
    pub description: String,
    /// How the run ended.
    pub outcome: &'static str,
    /// What that means: `good`, `bad` or `mark`.
    pub tone: &'static str,
    /// What happened, in a sentence or two.
    pub sentence: String,
    /// The main figures.
    pub figures: Vec<Figure>,
    /// What was asked of the run.
    pub thresholds: Option<Table>,
    /// Who waited for what, if it stalled.
    pub stalled: Option<Table>,
    /// What to know.
    pub warnings: Vec<String>,
}

/// The head of the report of these findings.
pub fn head(findings: &Findings) -> Head {
    let result = &findings.result;
    let scenario = &result.scenario;
    Head {
        name: name(result).to_owned(),
        description: scenario["description"].as_str().unwrap_or_default().to_owned(),
        outcome: result.outcome.name(),
        tone: tone(result),
        sentence: capitalised(happened(result, Style::PAGE)),
        figures: main_figures(result),
        thresholds: thresholds(result),
        stalled: stalled(result),
        warnings: result.warnings.clone(),
    }
}

/// The name of a run's scenario.
pub fn name(result: &RunResult) -> &str {
    result.scenario["name"].as_str().unwrap_or("run")
}

/// How an outcome is to be taken.
pub fn tone(result: &RunResult) -> &'static str {
    let asked_to_stall = result.thresholds.iter().any(|it| it.passed && it.threshold.contains("stalled"));
    match result.outcome {
        Outcome::Completed => "good",
        Outcome::Stalled if asked_to_stall => "mark",
        Outcome::Stalled | Outcome::Failed | Outcome::Stopped => "bad",
        Outcome::Interrupted => "mark",
    }
}

/// The figures that one asks for first, those that were measured.
fn main_figures(result: &RunResult) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |title, cell: Cell, more: String| figures.push(Figure { title, cell, more });
    let nodes = &result.nodes;
    if let Some(rumor) = result.rumor {
        let more = format!(
            "of {} in {}",
            counted(nodes.total.into(), "node"),
            counted(rumor.rounds.into(), "round")
        );
        add("Reached by the rumor", Cell::count(rumor.reached.into()), more);
    } else {
        let more = format!("of {}", counted(nodes.total.into(), "node"));
        add("Nodes finished", Cell::count(nodes.finished.into()), more);
    }
    if let Some(accuracy) = result.r#final.accuracy {
        let more = format!("{} to {} over nodes", fixed(accuracy.min), fixed(accuracy.max));
        add("Final accuracy", Cell::number(accuracy.mean, fixed), more);
    } else if let Some(loss) = result.r#final.loss {
        let more = format!("{} to {} over nodes", fixed(loss.min), fixed(loss.max));
        add("Final loss", Cell::number(loss.mean, fixed), more);
    }
    let latency = |name: &str| result.latency.get(name).filter(|it| it.count > 0);
    if let Some(round) = latency("round") {
        add("A round, median", Cell::time(round.p50), format!("{} for one in a hundred", time(round.p99)));
    }
    if let Some(message) = latency("message") {
        let more = format!("{} for one in a hundred", time(message.p99));
        add("A message, median", Cell::time(message.p50), more);
    }
    let throughput = &result.throughput;
    if throughput.messages.count > 0 {
        let more = format!("{}/s of payload", bytes(throughput.bytes.mean));
        add("Messages a second", Cell::number(throughput.messages.mean, amount), more);
    }
    let total = &result.messages.total;
    if total.sent > 0 {
        let more = match total.handled() {
            0 => "none of them taken".to_owned(),
            _ if total.duplicate == 0 => "no duplicates".to_owned(),
            handled => {
                format!("{} of those taken were duplicates", share(total.duplicate as f64, handled as f64))
            }
        };
        let mut cell = Cell::count(total.sent);
        cell.text = amount(total.sent as f64);
        add("Messages sent", cell, more);
    }
    if let Some(ended_s) = result.ended_s {
        add("Ended after", Cell::time(ended_s), "of scenario time".to_owned());
    }
    figures
}

fn thresholds(result: &RunResult) -> Option<Table> {
    if result.thresholds.is_empty() {
        return None;
    }
    let passed = result.thresholds.iter().filter(|it| it.passed).count();
    let all = result.thresholds.len();
    let caption = match all - passed {
        0 if all == 1 => "The threshold holds".to_owned(),
        0 => format!("All {all} thresholds hold"),
        failed => format!("{failed} of {} not met", counted(all as u64, "threshold")),
    };
    let mut table = Table::new(caption, &["", "Threshold", "#Reached"]);
    for threshold in &result.thresholds {
        let mark = if threshold.passed {
            Cell::text("✓ holds").toned("good")
        } else {
            Cell::text("✗ not met").toned("bad")
        };
        let reached = match &threshold.value {
            Value::Null => Cell::text("not measured"),
            Value::String(word) => Cell::text(word),
            Value::Number(number) => Cell {
                text: if number.is_f64() {
                    number.as_f64().map_or_else(String::new, fixed)
                } else {
                    number.to_string()
                },
                value: Some(number.to_string()),
                tone: None,
                beside: None,
            },
            other => Cell::text(other.to_string()),
        };
        table.row([mark, Cell::text(&threshold.threshold), reached]);
    }
    Some(table)
}

fn stalled(result: &RunResult) -> Option<Table> {
    if result.stalled.is_empty() {
        return None;
    }
    let waiting: u64 = result.stalled.iter().map(|it| u64::from(it.count)).sum();
    let caption = format!("Who waits for what: {} in all", counted(waiting, "node"));
    let mut table = Table::new(caption, &["Nodes", "#How many", "Stage", "Waiting for"]);
    for group in &result.stalled {
        let stage = group.stage.map_or("not started", |stage| stage.name());
        let cells = [Cell::text(&group.nodes), Cell::count(group.count.into()), Cell::text(stage)];
        table.row(cells.into_iter().chain([Cell::text(&group.waiting_for)]));
    }
    Some(table)
}

fn capitalised(text: String) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    }
}
