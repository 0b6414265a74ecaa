//! The sections under the headline. Each is nothing where there is nothing to tell.

use super::Style;
use super::grid::{Grid, NOTHING};
use crate::metrics::result::{Account, RunResult};
use crate::metrics::{Round, Spread, Summary};
use crate::node::Stage;
use crate::report::readable::{self, Count, amount, bytes, digits};
use serde_json::Value;

/// At most so many rounds are shown; the others are in `rounds.csv`.
const ROUNDS_SHOWN: usize = 10;

/// Who waits for what.
pub fn stalled(result: &RunResult, style: Style) -> Option<String> {
    let mut grid = Grid::new(&["nodes", "count", "stage", "waits for"]).text_columns(&[0, 2, 3]);
    for group in &result.stalled {
        let stage = group.stage.map_or("not started", Stage::name);
        let count = Count(group.count.into()).to_string();
        grid.row([shortened(&group.nodes), count, stage.to_owned(), group.waiting_for.clone()]);
    }
    titled("Who waits for what", grid.render(style)?, style)
}

/// Times and quality by round.
pub fn rounds(result: &RunResult, style: Style) -> Option<String> {
    if result.probe.is_some() {
        // They are its cells.
        return None;
    }
    let header =
        ["round", "started", "ended", "finished", "accuracy", "min .. max", "loss", "distance", "train sets"];
    let mut grid = Grid::new(&header).text_columns(&[]);
    let all = &result.rounds;
    let shown = all.len().min(ROUNDS_SHOWN);
    for i in 0..shown {
        // Evenly spread, with the first and the last.
        let round = &all[if shown < 2 { 0 } else { i * (all.len() - 1) / (shown - 1) }];
        grid.row(round_row(round, style));
    }
    let mut text = grid.render(style)?;
    if shown == all.len() {
        return titled("Rounds", text, style);
    }
    if let Some(curve) = curve(all).filter(|_| style.unicode) {
        text.push_str(&format!("\n  {curve}"));
    }
    titled(&format!("Rounds ({shown} of {} shown, all are in rounds.csv)", all.len()), text, style)
}

fn round_row(round: &Round, style: Style) -> [String; 9] {
    let mean = |spread: Option<Spread>| spread.map_or(NOTHING.to_owned(), |of| fixed(of.mean));
    let range = round.accuracy.filter(|of| of.min.is_finite() && of.max.is_finite());
    [
        round.round.to_string(),
        round.started_s.map_or(NOTHING.to_owned(), |at| style.time(at)),
        round.ended_s.map_or(NOTHING.to_owned(), |at| style.time(at)),
        Count(round.nodes_finished.into()).to_string(),
        mean(round.accuracy),
        range.map_or(NOTHING.to_owned(), |of| format!("{:.3} .. {:.3}", of.min, of.max)),
        mean(round.loss),
        round.consensus_distance.map_or(NOTHING.to_owned(), digits),
        if round.train_sets.is_empty() { NOTHING.to_owned() } else { round.train_sets.len().to_string() },
    ]
}

/// Accuracy over the rounds as a line of bars, from its lowest to its highest.
fn curve(rounds: &[Round]) -> Option<String> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let means: Vec<f64> = rounds.iter().filter_map(|round| Some(round.accuracy?.mean)).collect();
    let Spread { min, max, .. } = Spread::of(&means).filter(|spread| spread.max > spread.min)?;
    let width = means.len().min(60);
    let bar = |i: usize| {
        let mean = means[i * (means.len() - 1) / (width - 1)];
        BARS[((mean - min) / (max - min) * (BARS.len() - 1) as f64).round() as usize]
    };
    let bars: String = (0..width).map(bar).collect();
    Some(format!("accuracy {} {bars} {}", fixed(means[0]), fixed(means[means.len() - 1])))
}

/// How long things took.
pub fn latencies(result: &RunResult, style: Style) -> Option<String> {
    let mut grid = Grid::new(&["", "count", "p50", "p90", "p99", "max", "time"]);
    let real = result.engine.clock == "real";
    let stages =
        Stage::ALL.map(|stage| (format!("stage.{}", stage.name()), format!("  {}", stage.name()), false));
    let named = |name: &str, title: &str, wall: bool| (name.to_owned(), title.to_owned(), wall);
    let rows = [named("message", "message", true), named("rpc", "rpc", true), named("round", "round", false)]
        .into_iter()
        .chain(stages)
        .chain([named("dissemination", "dissemination", false)]);
    let row = |grid: &mut Grid, title: String, of: &Summary, show: &dyn Fn(f64) -> String, time: &str| {
        let quantiles = [of.p50, of.p90, of.p99, of.max].map(show);
        let [p50, p90, p99, max] = quantiles;
        grid.row([title, Count(of.count).to_string(), p50, p90, p99, max, time.to_owned()]);
    };
    let measured = |name: &str| result.latency.get(name).filter(|summary| summary.count > 0);
    for (name, title, wall) in rows {
        if let Some(summary) = measured(&name) {
            let time = if !real {
                NOTHING
            } else if wall {
                "wall"
            } else {
                "scenario"
            };
            row(&mut grid, title, summary, &|seconds| style.time(seconds), time);
        }
    }
    if result.hops.count > 0 {
        row(&mut grid, "  hops".to_owned(), &result.hops, &|hops| format!("{hops}"), NOTHING);
    }
    if let Some(lateness) = measured("timer_lateness") {
        row(&mut grid, "timers late by".to_owned(), lateness, &|seconds| style.time(seconds), "wall");
    }
    titled("Latency", grid.render(style)?, style)
}

/// Messages and bytes a second.
pub fn throughput(result: &RunResult, style: Style) -> Option<String> {
    let throughput = &result.throughput;
    if throughput.messages.count == 0 {
        return None;
    }
    let mut grid = Grid::new(&["", "mean", "p50", "p90", "max"]);
    for (title, of, show) in [
        ("messages/s", &throughput.messages, amount as fn(f64) -> String),
        ("payload/s", &throughput.bytes, bytes),
    ] {
        let [mean, p50, p90, max] = [of.mean, of.p50, of.p90, of.max].map(show);
        grid.row([title.to_owned(), mean, p50, p90, max]);
    }
    let title = format!("Throughput (in intervals of {})", style.time(throughput.interval_s));
    titled(&title, grid.render(style)?, style)
}

/// What became of messages, and what they weighed.
pub fn messages(result: &RunResult, style: Style) -> Option<String> {
    let messages = &result.messages;
    let mut grid = Grid::new(&[
        "",
        "sent",
        "copies",
        "delivered",
        "duplicate",
        "dropped",
        "in flight",
        "payload",
        "wire",
    ]);
    let row = |name: &str, account: &Account| {
        let count = |count: u64| Count(count).to_string();
        let copies = if messages.total.network_copies == 0 {
            NOTHING.to_owned()
        } else {
            count(account.network_copies)
        };
        [
            name.to_owned(),
            count(account.sent),
            copies,
            count(account.delivered),
            count(account.duplicate),
            count(account.dropped_total()),
            u64::try_from(account.in_flight).map_or_else(|_| account.in_flight.to_string(), count),
            bytes(account.payload_bytes as f64),
            bytes(account.wire_bytes as f64),
        ]
    };
    for (command, account) in &messages.by_command {
        grid.row(row(command.name(), account));
    }
    if messages.by_command.len() > 1 {
        grid.row(row("total", &messages.total));
    }
    let mut text = grid.render(style)?;
    let total = &messages.total;
    let mut notes = Vec::new();
    if total.payload_bytes > 0 {
        let overhead = total.wire_bytes as f64 / total.payload_bytes as f64;
        notes.push(format!("wire/payload {overhead:.2}"));
    }
    if total.delivered > 0 && total.duplicate > 0 {
        notes.push(format!("duplicates/delivered {:.2}", total.duplicate as f64 / total.delivered as f64));
    }
    let lost = total.dropped.iter().filter(|(_, count)| **count > 0);
    let lost: Vec<_> = lost.map(|(cause, count)| format!("{} {}", Count(*count), cause.name())).collect();
    if !lost.is_empty() {
        notes.push(format!("dropped: {}", lost.join(", ")));
    }
    if !notes.is_empty() {
        text.push_str(&format!("\n  {}", notes.join("   ")));
    }
    titled("Messages", text, style)
}

/// What the run cost here, and what came before learning.
pub fn cost(result: &RunResult, style: Style) -> String {
    let cost = &result.cost;
    let engine = &result.engine;
    let mut grid = Grid::new(&["", ""]).text_columns(&[0, 1]);
    let mut time = format!("{} wall", style.time(cost.wall_s));
    if cost.cpu_s > 0.0 && cost.wall_s > 0.0 {
        time += &format!(", {} CPU ({} cores)", style.time(cost.cpu_s), digits(cost.cpu_s / cost.wall_s));
    }
    let threads = if engine.threads == 1 { "thread" } else { "threads" };
    grid.row([
        "time".to_owned(),
        format!("{time} on {} {threads}, {} clock, {}", engine.threads, engine.clock, engine.transport),
    ]);
    if let Some(peak) = cost.peak_rss_bytes {
        let each = if cost.bytes_per_node.is_finite() {
            format!(", {} a node", bytes(cost.bytes_per_node))
        } else {
            String::new()
        };
        grid.row(["memory".to_owned(), format!("{} at most{each}", bytes(peak as f64))]);
    }
    if cost.events > 0 && cost.cpu_s > 0.0 {
        let each = |rate: f64| style.time(1.0 / rate);
        let messages = if result.messages.total.handled() > 0 {
            format!(", {} a handled message", each(cost.messages_per_cpu_s))
        } else {
            String::new()
        };
        let event = each(cost.events_per_cpu_s);
        grid.row([
            "work".to_owned(),
            format!("{} events, CPU {event} an event{messages}", Count(cost.events)),
        ]);
    }
    let setup = &result.setup;
    if setup.messages > 0 || setup.seconds > 0.0 {
        let sent =
            format!("{} messages, {} on the wire", Count(setup.messages), bytes(setup.wire_bytes as f64));
        grid.row(["set-up".to_owned(), format!("{} of scenario time, {sent}", style.time(setup.seconds))]);
    }
    if let Some(it) = &result.sockets {
        let set_up = match it.set_up.count {
            0 => String::new(),
            _ => format!(
                ", each made in {} (p50) to {} (p99)",
                style.time(it.set_up.p50),
                style.time(it.set_up.p99)
            ),
        };
        let refused: u64 = it.refused.values().sum();
        let refused = if refused > 0 { format!(", {} refused", Count(refused)) } else { String::new() };
        grid.row(["sockets".to_owned(), format!("{} connections{set_up}{refused}", Count(it.connections))]);
        if it.peers_outside > 0 {
            let (peers, calls) = (Count(it.peers_outside), Count(it.messages_outside));
            let peers = if it.peers_outside == 1 { "one peer".to_owned() } else { format!("{peers} peers") };
            grid.row(["outside".to_owned(), format!("{peers}, {calls} calls from there")]);
        }
    }
    with_title("Cost", &grid.render(style).unwrap_or_default(), style)
}

/// What was asked of the run, and whether it holds.
pub fn thresholds(result: &RunResult, style: Style) -> Option<String> {
    let mut grid = Grid::new(&["", "", ""]).text_columns(&[0, 1, 2]);
    for threshold in &result.thresholds {
        let value = match &threshold.value {
            Value::Null => "not measured".to_owned(),
            Value::Number(number) if number.is_f64() => number.as_f64().map_or(NOTHING.to_owned(), fixed),
            Value::String(word) => word.clone(),
            other => other.to_string(),
        };
        let mark = style.passed(threshold.passed).to_owned();
        grid.row([mark, threshold.threshold.clone(), value]);
    }
    titled("Thresholds", grid.render(style)?, style)
}

/// What to know before relying on the figures.
pub fn warnings(result: &RunResult, style: Style) -> Option<String> {
    let mut grid = Grid::new(&["", ""]).text_columns(&[0, 1]);
    result.warnings.iter().for_each(|warning| grid.row(["!".to_owned(), warning.clone()]));
    titled("Warnings", grid.render(style)?, style)
}

pub(super) fn titled(title: &str, body: String, style: Style) -> Option<String> {
    Some(with_title(title, &body, style))
}

fn with_title(title: &str, body: &str, style: Style) -> String {
    format!("{}\n{body}", style.paint(title, console::Style::bold))
}

/// Three decimals, as accuracies are compared; fewer digits where there is nothing before the point but zeros.
pub(super) fn fixed(value: f64) -> String {
    if !value.is_finite() {
        NOTHING.to_owned()
    } else if (0.001..1_000.0).contains(&value.abs()) || value == 0.0 {
        format!("{value:.3}")
    } else {
        readable::digits(value)
    }
}

/// A list of ranges that is too long for its column ends in dots; the whole is in `result.json`.
fn shortened(nodes: &str) -> String {
    const LONGEST: usize = 40;
    match nodes.get(..LONGEST).and_then(|head| head.rfind(',')) {
        Some(comma) if nodes.len() > LONGEST => format!("{},...", &nodes[..comma]),
        _ => nodes.to_owned(),
    }
}
