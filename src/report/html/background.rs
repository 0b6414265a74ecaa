//! What made the figures: the scenario, the seed, the version, what it cost, and the nodes one by one.

use super::view::{Cell, Section, Table};
use super::words::{amount, bytes, count, counted, fixed, time};
use crate::metrics::result::RunResult;
use crate::report::{Findings, NodeRow, NodeState};

/// Rows of nodes that a page has at most.
const MOST_NODES: usize = 2_000;

/// The nodes one by one, if they are known.
pub fn nodes(findings: &Findings) -> Option<Section> {
    let rows = &findings.nodes;
    let last = rows.iter().filter_map(|it| Some((it.node, it.finished_at_s?)));
    let last = last.max_by(|(_, a), (_, b)| a.total_cmp(b));
    let mut states: Vec<(NodeState, u64)> = Vec::new();
    for row in rows {
        match states.iter_mut().find(|(state, _)| *state == row.state) {
            Some((_, many)) => *many += 1,
            None => states.push((row.state, 1)),
        }
    }
    states.sort_by_key(|(_, many)| std::cmp::Reverse(*many));
    let states: Vec<String> =
        states.iter().map(|(state, many)| format!("{} {}", count(*many), state_name(*state))).collect();
    if rows.is_empty() {
        return None;
    }
    let mut finding = format!("Of {}: {}.", counted(rows.len() as u64, "node"), states.join(", "));
    if let Some((node, at_s)) = last {
        finding += &format!(" The last to finish was node {node}, at {}.", time(at_s));
    }
    let mut table = Table::new(
        "Nodes",
        &[
            "#Node",
            "Address",
            "State",
            "#Neighbours",
            "#Rounds",
            "#Finished at",
            "#A round took",
            "#Trained",
            "#Rows",
            "#Sent",
            "#Handled",
            "#Payload sent",
            "#Accuracy",
        ],
    );
    let chosen = chosen(rows);
    for row in &chosen {
        let tone = match row.state {
            NodeState::Finished | NodeState::Idle => None,
            NodeState::Crashed | NodeState::Failed | NodeState::Panicked | NodeState::Stalled => Some("bad"),
            _ => Some("mark"),
        };
        table.row([
            Cell::text(row.node.to_string()),
            Cell::text(&row.address),
            Cell { tone, ..Cell::text(state_name(row.state)) },
            Cell::text(row.degree.to_string()),
            Cell::text(row.rounds_finished.to_string()),
            plain(row.finished_at_s, time),
            plain(row.round_s, time),
            Cell::text(row.trained_rounds.to_string()),
            Cell::text(row.samples.to_string()),
            Cell::text(count(row.messages_sent)),
            Cell::text(count(row.messages_handled)),
            Cell::text(bytes(row.bytes_sent as f64)),
            plain(row.accuracy, fixed),
        ]);
    }
    if chosen.len() < rows.len() {
        table.note = Some(format!(
            "{} of {} nodes: all that did not finish, the latest, and others evenly chosen. All of them are in nodes.csv.",
            count(chosen.len() as u64),
            count(rows.len() as u64)
        ));
    }
    Some(Section::new("nodes", "The nodes", finding).table(table))
}

/// What became of a node, in a word.
pub const fn state_name(state: NodeState) -> &'static str {
    match state {
        NodeState::Finished => "finished",
        NodeState::Stalled => "stalled",
        NodeState::Crashed => "crashed",
        NodeState::Left => "left",
        NodeState::Panicked => "panicked",
        NodeState::Absent => "absent",
        NodeState::Stopped => "stopped",
        NodeState::Failed => "failed",
        NodeState::Idle => "idle",
    }
}

/// A number of `nodes.csv`, without the exact value behind it: there are many of them, and the file has it.
fn plain(value: Option<f64>, show: impl Fn(f64) -> String) -> Cell {
    Cell::text(value.map_or_else(|| "-".to_owned(), show))
}

/// The nodes that a page shows: of many a sample in which those that stand out are sure to be, ascending.
pub fn chosen(rows: &[NodeRow]) -> Vec<&NodeRow> {
    if rows.len() <= MOST_NODES {
        return rows.iter().collect();
    }
    let mut ranked: Vec<&NodeRow> = rows.iter().collect();
    // Those that did not finish first, then the latest; equals in their order.
    let finished = |row: &NodeRow| row.state == NodeState::Finished;
    let at = |row: &NodeRow| row.finished_at_s.unwrap_or(f64::NEG_INFINITY);
    ranked.sort_by(|a, b| finished(a).cmp(&finished(b)).then(at(b).total_cmp(&at(a))));
    let mut chosen: Vec<&NodeRow> = ranked[..MOST_NODES / 2].to_vec();
    let rest = &mut ranked[MOST_NODES / 2..];
    rest.sort_by_key(|row| row.node);
    let wanted = MOST_NODES / 2;
    chosen.extend((0..wanted).map(|i| rest[i * rest.len() / wanted]));
    chosen.sort_by_key(|row| row.node);
    chosen
}

/// The scenario, and what ran it.
pub fn section(findings: &Findings) -> Section {
    let result = &findings.result;
    let engine = &result.engine;
    let seed = result.scenario["seed"].as_u64().map_or_else(|| "-".to_owned(), |seed| seed.to_string());
    let commit = engine.commit.as_deref().map(|commit| format!(" ({commit})")).unwrap_or_default();
    let again = match engine.clock.as_str() {
        "virtual" => "The same scenario and seed leave the same bytes on any machine",
        _ => "The same scenario and seed draw the same; the order of events is the machine's affair",
    };
    let finding = format!(
        "Made by p2pfl-sim {}{commit} on the {} clock with seed {seed}. {again}.",
        engine.version, engine.clock
    );
    let scenario = serde_json::to_string_pretty(&result.scenario).unwrap_or_default();
    Section::new("background", "What made these figures", finding)
        .table(made_by(result))
        .table(cost(result))
        .folded("The scenario, with all its defaults", scenario)
}

fn made_by(result: &RunResult) -> Table {
    let engine = &result.engine;
    let mut table = Table::new("Scenario and engine", &["", "#"]);
    let mut row = |name: &str, cell: Cell| table.row([Cell::text(name), cell]);
    let seed = &result.scenario["seed"];
    row("scenario hash", Cell::text(&result.scenario_hash));
    if !seed.is_null() {
        row("seed", Cell { text: seed.to_string(), value: Some(seed.to_string()), tone: None, beside: None });
    }
    if let Some(fingerprint) = &result.fingerprint {
        row("fingerprint", Cell::text(fingerprint));
    }
    row("version", Cell::text(&engine.version));
    if let Some(commit) = &engine.commit {
        row("commit", Cell::text(commit));
    }
    row("clock", Cell::text(&engine.clock));
    row("transport", Cell::text(&engine.transport));
    if engine.clock == "real" {
        row("speedup", Cell::number(engine.speedup, amount));
    }
    if let Some(lookahead) = engine.lookahead_s {
        row("lookahead", Cell::time(lookahead));
    }
    if let Some(events) = engine.events_per_window {
        row("events in a window", Cell::number(events, amount));
    }
    table
}

fn cost(result: &RunResult) -> Table {
    let cost = &result.cost;
    let mut table = Table::new("What it cost on the machine that ran it", &["", "#"]);
    let mut row = |name: &str, cell: Cell| {
        // What was not measured is left out.
        if cell.text != "-" {
            table.row([Cell::text(name), cell]);
        }
    };
    if let Some(machine) = &cost.machine {
        row("machine", Cell::text(machine.to_string()));
    }
    row("threads that ran nodes", Cell::count(result.engine.threads.into()));
    row("wall time", Cell::time(cost.wall_s));
    row("CPU time", Cell::time(cost.cpu_s));
    row("memory at most", Cell::maybe(cost.peak_rss_bytes.map(|it| it as f64), bytes));
    row("memory for each node", Cell::number(cost.bytes_per_node, bytes));
    row("events", Cell::count(cost.events));
    row("events for each second of CPU", Cell::number(cost.events_per_cpu_s, amount));
    row("messages for each second of CPU", Cell::number(cost.messages_per_cpu_s, amount));
    let setup = &result.setup;
    row("set-up, in scenario time", Cell::time(setup.seconds));
    row("messages of set-up", Cell::count(setup.messages));
    row("bytes of set-up on the wire", Cell::bytes(setup.wire_bytes));
    table
}
