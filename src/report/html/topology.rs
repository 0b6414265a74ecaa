//! The topology drawn: where nodes stand, what they are coloured by, and which of them stand out.

use super::background::state_name;
use super::chart::{Data, Measure, Network, Real, Unit};
use super::layout;
use super::view::{Cell, Chart, Section, Size, Table};
use super::words::{count, counted, fixed, time};
use crate::metrics::Trace;
use crate::metrics::trace::Happening;
use crate::report::{Findings, NodeRow, NodeState, readable};
use std::collections::BTreeSet;

/// Rows of the table of those that stand out.
const LISTED: usize = 50;

/// The section, if there is something to draw.
pub fn section(findings: &Findings) -> Option<Section> {
    let drawing = &findings.drawing;
    if drawing.nodes.len() < 2 {
        return None;
    }
    let rows: Vec<Option<&NodeRow>> = drawing.nodes.iter().map(|&node| row(&findings.nodes, node)).collect();
    let late = Lateness::of(&findings.nodes);
    let fell: BTreeSet<u32> = crashed(&findings.trace);
    let flag = |row: &NodeRow| match late.flag(row) {
        2 => 2,
        _ if fell.contains(&row.node) => 3,
        other => other,
    };
    let flag: Vec<u8> = rows.iter().map(|row| row.map_or(0, flag)).collect();
    let finding = finding(findings, &late);
    let measures = measures(&rows, &late);
    let mut section = Section::new("topology", "The topology", finding.clone()).note(sampled(findings));
    section = section.chart(Some(Chart {
        id: "network".to_owned(),
        title: "Nodes and their connections".to_owned(),
        finding,
        size: Size::Tall,
        choices: measures.iter().map(|measure| measure.name.to_owned()).collect(),
        table: standing_out(findings, &late),
        data: Data::Network(drawn(findings, &rows, flag, measures)),
    }));
    Some(section)
}

fn row(rows: &[NodeRow], node: u32) -> Option<&NodeRow> {
    // Rows are in the order of nodes, and usually each is there.
    rows.get(node as usize)
        .filter(|row| row.node == node)
        .or_else(|| rows.iter().find(|row| row.node == node))
}

/// Nodes of which it is known that they crashed, whether they came back or not.
fn crashed(trace: &Trace) -> BTreeSet<u32> {
    let crashes = trace.marks.iter().filter(|mark| mark.happening == Happening::Crash);
    crashes.filter_map(|mark| mark.node).collect()
}

/// When nodes finished, and how far from each other.
struct Lateness {
    median_s: f64,
    /// After this much a node is late.
    limit_s: f64,
}

impl Lateness {
    /// Late is who finished more than three times the median deviation after the median, and one in twenty at most.
    fn of(rows: &[NodeRow]) -> Self {
        let mut at: Vec<f64> =
            rows.iter().filter_map(|row| row.finished_at_s).filter(|it| it.is_finite()).collect();
        at.sort_by(f64::total_cmp);
        let Some(&median_s) = at.get(at.len() / 2) else {
            return Self { median_s: f64::NAN, limit_s: f64::INFINITY };
        };
        let mut apart: Vec<f64> = at.iter().map(|it| (it - median_s).abs()).collect();
        apart.sort_by(f64::total_cmp);
        let usual = 3.0 * apart[apart.len() / 2];
        let most = at[at.len() - 1 - at.len() / 20] - median_s;
        // Of a run in which all finish nearly together nobody is late.
        let little = (at[at.len() - 1] - at[0]).max(median_s.abs() * 0.01) * 0.1;
        Self { median_s, limit_s: usual.max(most).max(little) }
    }

    fn late_by(&self, row: &NodeRow) -> Option<f64> {
        row.finished_at_s.map(|at| at - self.median_s).filter(|it| it.is_finite())
    }

    fn flag(&self, row: &NodeRow) -> u8 {
        match row.state {
            NodeState::Finished | NodeState::Idle => {
                u8::from(self.late_by(row).is_some_and(|late| late > self.limit_s))
            }
            _ => 2,
        }
    }
}

fn measures(rows: &[Option<&NodeRow>], late: &Lateness) -> Vec<Measure> {
    type Value<'a> = &'a dyn Fn(&NodeRow) -> Option<f64>;
    let all: [(&str, Unit, Value<'_>); 7] = [
        ("lateness", Unit::Time, &|row| late.late_by(row)),
        ("round time", Unit::Time, &|row| row.round_s),
        ("bytes sent", Unit::Bytes, &|row| Some(row.bytes_sent as f64)),
        ("messages handled", Unit::Count, &|row| Some(row.messages_handled as f64)),
        ("accuracy", Unit::Plain, &|row| row.accuracy),
        ("rounds finished", Unit::Count, &|row| Some(f64::from(row.rounds_finished))),
        ("neighbours", Unit::Count, &|row| Some(f64::from(row.degree))),
    ];
    let measured = all.into_iter().map(|(name, unit, of)| Measure {
        name,
        unit,
        values: rows.iter().map(|row| row.and_then(of).filter(|it| it.is_finite()).map(Real)).collect(),
    });
    measured.filter(|measure| measure.values.iter().any(Option::is_some)).collect()
}

fn drawn(findings: &Findings, rows: &[Option<&NodeRow>], flag: Vec<u8>, measures: Vec<Measure>) -> Network {
    let drawing = &findings.drawing;
    let scenario = &findings.result.scenario;
    let place = |node: u32| drawing.nodes.binary_search(&node).ok();
    let edges: Vec<(usize, usize)> =
        drawing.edges.iter().filter_map(|&(a, b)| Some((place(a)?, place(b)?))).collect();
    let kind = scenario["topology"]["kind"].as_str().unwrap_or_default();
    let columns = scenario["topology"]["columns"].as_u64().unwrap_or(0);
    let places = layout::places(kind, columns, &drawing.nodes, &edges);
    let mut states: Vec<&'static str> = Vec::new();
    let state = rows.iter().map(|row| {
        let name = row.map_or("unknown", |row| state_name(row.state));
        states.iter().position(|known| *known == name).unwrap_or_else(|| {
            states.push(name);
            states.len() - 1
        })
    });
    let state = state.collect();
    let first = scenario["workflow"]["initiator"].as_u64().unwrap_or(0);
    let grown = |value: f64| (value * 10_000.0).round() as u32;
    Network {
        nodes: drawing.nodes.clone(),
        x: places.iter().map(|place| grown(place[0])).collect(),
        y: places.iter().map(|place| grown(place[1])).collect(),
        state,
        states,
        flag,
        degree: rows.iter().map(|row| row.map_or(0, |row| row.degree)).collect(),
        edges: edges.into_iter().flat_map(|(a, b)| [a, b]).collect(),
        start: u32::try_from(first).ok().and_then(place),
        measures,
    }
}

fn sampled(findings: &Findings) -> Option<String> {
    let drawing = &findings.drawing;
    let total = u64::from(findings.result.nodes.total);
    let (nodes, edges) = (drawing.nodes.len() as u64, drawing.edges.len() as u64);
    let which = if nodes < total {
        format!("Of {} the {} nearest to the initiator are drawn", counted(total, "node"), count(nodes))
    } else {
        "All nodes are drawn".to_owned()
    };
    match edges < drawing.connections {
        true => Some(format!(
            "{which}, with {} of the {} between them.",
            count(edges),
            counted(drawing.connections, "connection")
        )),
        false => (nodes < total)
            .then(|| format!("{which}, with all {} between them.", counted(edges, "connection"))),
    }
}

fn finding(findings: &Findings, late: &Lateness) -> String {
    let result = &findings.result;
    let kind = shape(result.scenario["topology"]["kind"].as_str().unwrap_or_default());
    let degrees = findings.nodes.iter().map(|row| row.degree);
    let mut text = match (degrees.clone().min(), degrees.max()) {
        (Some(least), Some(most)) if least == most => format!(
            "A {kind} of {} in which each has {}.",
            counted(result.nodes.total.into(), "node"),
            counted(most.into(), "neighbour")
        ),
        (Some(least), Some(most)) => {
            format!(
                "A {kind} of {} with {least} to {most} neighbours.",
                counted(result.nodes.total.into(), "node")
            )
        }
        _ => format!("A {kind} of {}.", counted(result.nodes.total.into(), "node")),
    };
    let finished = findings.nodes.iter().filter_map(|row| Some((row.node, late.late_by(row)?)));
    if let Some((node, by)) = finished.max_by(|(_, a), (_, b)| a.total_cmp(b)) {
        text += &format!(" The last to finish was node {node}, {} after the median.", time(by));
    }
    let many = |wanted| findings.nodes.iter().filter(|row| late.flag(row) == wanted).count() as u64;
    let (slow, out) = (many(1), many(2));
    if slow > 0 {
        text += &format!(" {} finished late, by more than {}.", counted(slow, "node"), time(late.limit_s));
    }
    if out > 0 {
        text += &format!(" {} did not finish.", counted(out, "node"));
    }
    text
}

/// What one calls a topology of this kind.
fn shape(kind: &str) -> &str {
    match kind {
        "ring" | "line" | "star" | "grid" | "torus" => kind,
        "full" => "full mesh",
        "random_k" => "random graph",
        "random_regular" => "random regular graph",
        "erdos_renyi" => "random graph (Erdős and Rényi)",
        "watts_strogatz" => "small world (Watts and Strogatz)",
        "barabasi_albert" => "grown graph (Barabási and Albert)",
        "static_exponential" => "static exponential graph",
        _ => "network",
    }
}

/// Nodes that did not finish, and those that finished last.
fn standing_out(findings: &Findings, late: &Lateness) -> Table {
    let mut table = Table::new(
        "Nodes that stand out: those that did not finish, and the last to finish",
        &["#Node", "State", "#Late by", "#A round took", "#Payload sent", "#Accuracy", "#Neighbours"],
    );
    let mut rows: Vec<&NodeRow> = findings.nodes.iter().collect();
    let late_by = |row: &NodeRow| late.late_by(row).unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|a, b| {
        let out = |row: &NodeRow| late.flag(row) == 2;
        out(b).cmp(&out(a)).then(late_by(b).total_cmp(&late_by(a))).then(a.node.cmp(&b.node))
    });
    for row in rows.iter().take(LISTED) {
        table.row([
            Cell::text(row.node.to_string()),
            Cell::text(state_name(row.state)),
            Cell::maybe(late.late_by(row), time),
            Cell::maybe(row.round_s, time),
            Cell::bytes(row.bytes_sent),
            Cell::maybe(row.accuracy, fixed),
            Cell::text(readable::Count(row.degree.into()).to_string()),
        ]);
    }
    if rows.len() > LISTED {
        table.note = Some(format!("{LISTED} of {}.", counted(rows.len() as u64, "node")));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn finished_at(times: &[f64]) -> Vec<NodeRow> {
        let template = sample::node_rows()[0].clone();
        let rows = (0..).zip(times);
        rows.map(|(node, at)| NodeRow { node, finished_at_s: Some(*at), ..template.clone() }).collect()
    }

    #[test]
    fn the_few_that_finish_long_after_the_others_are_late() {
        let mut times: Vec<f64> = (0..100).map(|i| 50.0 + f64::from(i % 7) * 0.1).collect();
        times[40] = 75.0;
        let rows = finished_at(&times);
        let late = Lateness::of(&rows);
        let flagged: Vec<u32> = rows.iter().filter(|row| late.flag(row) == 1).map(|row| row.node).collect();
        assert_eq!(flagged, [40]);
    }

    #[test]
    fn of_those_that_finish_together_nobody_is_late() {
        let rows = finished_at(&[50.0; 30]);
        let late = Lateness::of(&rows);
        assert!(rows.iter().all(|row| late.flag(row) == 0));
    }

    #[test]
    fn a_crashed_node_stands_out_and_is_in_the_table() {
        let findings = sample::findings();
        let section = section(&findings).unwrap();
        assert!(section.finding.contains("did not finish"), "{}", section.finding);
        let table = standing_out(&findings, &Lateness::of(&findings.nodes));
        assert_eq!(table.rows[0][1].text, "crashed");
    }
}
