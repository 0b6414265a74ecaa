//! Several runs on one page: their main figures against the first, their charts over each other, and what differs in their
//! scenarios.

use super::chart::{Axis, Data, Line, Lines, Scale, Unit, points};
use super::happened::{self, Head};
use super::view::{Cell, Chart, Column, Section, Size, Table};
use super::words::{amount, counted, fixed, shown, time};
use super::{latency, throughput};
use crate::metrics::Round;
use crate::report::Findings;
use crate::report::figures::kept;
use crate::report::many::RunRow;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A run among several.
#[derive(Clone, Debug)]
pub struct Named {
    /// What it is called on the page; several may be called the same.
    pub name: String,
    /// What is known of it.
    pub findings: Findings,
}

/// Runs whose lines can be told apart.
const LINES: usize = 8;

/// The heads of the runs, under their own names.
pub fn heads(runs: &[Named]) -> Vec<Head> {
    let head = |run: &Named| {
        let mut head = happened::head(&run.findings);
        if head.name != run.name {
            head.sentence = format!("{}: {}", head.name, head.sentence);
        }
        head.name.clone_from(&run.name);
        head.thresholds =
            head.thresholds.filter(|_| run.findings.result.thresholds.iter().any(|it| !it.passed));
        head
    };
    runs.iter().map(head).collect()
}

/// What there is to see of them together.
pub fn sections(runs: &[Named]) -> Vec<Section> {
    let Some(first) = runs.first() else { return Vec::new() };
    let sections = [
        Some(main_figures(first, runs)),
        learning(runs),
        latencies(runs),
        traffic(runs),
        Some(scenarios(first, runs)),
    ];
    sections.into_iter().flatten().collect()
}

fn main_figures(first: &Named, runs: &[Named]) -> Section {
    let rows: Vec<RunRow> = runs.iter().map(|run| RunRow::of(1, "", 0, &run.findings.result)).collect();
    let mut table =
        Table::new(format!("Main figures, and how much more or less than {}", first.name), &["Figure"]);
    for run in runs {
        table.columns.push(Column { title: run.name.clone(), number: true });
    }
    let mut largest: Option<(f64, &str, &str)> = None;
    for figure in kept() {
        let exact: Vec<&Value> =
            rows.iter().map(|row| row.figures.get(figure.path).unwrap_or(&Value::Null)).collect();
        let values: Vec<f64> = exact.iter().map(|it| it.as_f64().unwrap_or(f64::NAN)).collect();
        if values.iter().all(|value| value.is_nan()) {
            continue;
        }
        let cells = values.iter().zip(runs).enumerate().map(|(i, (value, run))| {
            let mut cell = Cell::number(*value, |value| shown(value, figure.unit()));
            // A count stands in result.json as a whole number.
            cell.value = exact[i].is_number().then(|| exact[i].to_string());
            let change = value / values[0] - 1.0;
            if i > 0 && change.is_finite() && change != 0.0 {
                cell.beside = Some(percent(change));
                let told = largest.is_none_or(|(before, ..)| change.abs() > f64::abs(before));
                // What the machine does with it is not what is compared.
                if told && !figure.path.starts_with("cost.") {
                    largest = Some((change, figure.path, run.name.as_str()));
                }
            }
            cell
        });
        let cells: Vec<Cell> = cells.collect();
        table.row([Cell::text(figure.path)].into_iter().chain(cells));
    }
    let same = runs.iter().all(|run| {
        let print = &run.findings.result.fingerprint;
        print.is_some() && *print == first.findings.result.fingerprint
    });
    let finding = match largest {
        _ if same => {
            "All runs have the same fingerprint: the same happened in them, event by event.".to_owned()
        }
        Some((change, path, run)) => format!(
            "Against {} the largest change of {} is in {path}: {} in {run}.",
            first.name,
            counted(table.rows.len() as u64, "figure"),
            percent(change)
        ),
        None => "No figure differs, except for what the runs cost.".to_owned(),
    };
    Section::new("figures", "Side by side", finding).table(table)
}

fn percent(change: f64) -> String {
    let percent = change * 100.0;
    match percent.abs() {
        it if it < 0.05 => format!("{}0.0 %", if change < 0.0 { "-" } else { "+" }),
        it if it < 100.0 => format!("{percent:+.1} %"),
        _ => format!("{percent:+.0} %"),
    }
    .replace('-', "−")
    .replace(' ', "\u{a0}")
}

/// A chart with a line for each run that has points.
fn together(
    runs: &[Named],
    (id, title): (&str, &str),
    (x, y): (Axis, Axis),
    last: impl Fn(&Findings) -> Option<(String, String)>,
    of: impl Fn(&Findings) -> Vec<[f64; 2]>,
) -> Option<Chart> {
    let lines = runs.iter().take(LINES).map(|run| Line {
        name: run.name.clone(),
        points: points(of(&run.findings)),
        ..Line::default()
    });
    let lines: Vec<Line> = lines.filter(|line| !line.points.is_empty()).collect();
    if lines.is_empty() {
        return None;
    }
    let mut table = Table::new(title, &["Run", "", "#"]);
    let mut told = Vec::new();
    for run in runs {
        if let Some((what, value)) = last(&run.findings) {
            told.push(format!("{} {value}", run.name));
            table.row([Cell::text(&run.name), Cell::text(what), Cell::text(value)]);
        }
    }
    let what = table.rows.first().map(|row| row[1].text.clone()).unwrap_or_default();
    if runs.len() > LINES {
        table.note = Some(format!("Drawn are the first {LINES} of {}.", counted(runs.len() as u64, "run")));
    }
    Some(Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        finding: format!("{what}: {}.", told.join(", ")),
        size: Size::Normal,
        choices: Vec::new(),
        table,
        data: Data::Lines(Lines { x, y, lines, marks: Vec::new() }),
    })
}

fn learning(runs: &[Named]) -> Option<Section> {
    let chart = |id: &str, title: &str, scale: Scale, of: fn(&Round) -> Option<f64>| {
        let values = move |it: &Findings| -> Vec<[f64; 2]> {
            let rounds =
                it.result.rounds.iter().filter_map(|round| Some([f64::from(round.round), of(round)?]));
            rounds.filter(|it| it[1].is_finite() && (scale != Scale::Log || it[1] > 0.0)).collect()
        };
        let last = move |it: &Findings| {
            let [round, value] = *values(it).last()?;
            Some(("After the last round".to_owned(), format!("{} (round {round})", fixed(value))))
        };
        let axes = (Axis::new("round", Unit::Count, Scale::Linear), Axis::new(id, Unit::Plain, scale));
        together(runs, (id, title), axes, last, values)
    };
    let accuracy = chart("accuracy", "Accuracy by round", Scale::Linear, |it| it.accuracy.map(|it| it.mean));
    let loss = chart("loss", "Loss by round", Scale::Linear, |it| it.loss.map(|it| it.mean));
    let consensus = chart("consensus", "Consensus distance by round", Scale::Log, |it| it.consensus_distance);
    let finding = [&accuracy, &loss, &consensus].into_iter().flatten().next()?.finding.clone();
    Some(Section::new("learning", "What was learnt", finding).chart(accuracy).chart(loss).chart(consensus))
}

fn latencies(runs: &[Named]) -> Option<Section> {
    let chart = |name: &'static str, title: &str| {
        let axes = (
            Axis::new("percentile", Unit::Percentile, Scale::Log),
            Axis::new("time", Unit::Time, Scale::Log),
        );
        let summary = move |it: &Findings| it.result.latency.get(name).copied().filter(|it| it.count > 0);
        let last = move |it: &Findings| Some(("99th percentile".to_owned(), time(summary(it)?.p99)));
        together(runs, (name, title), axes, last, move |it| {
            summary(it).map(|of| latency::steps(it.spectra.get(name), &of)).unwrap_or_default()
        })
    };
    let charts = [
        chart("message", "Latency of messages"),
        chart("round", "Duration of rounds"),
        chart("dissemination", "Dissemination of gossip"),
    ];
    let finding = charts.iter().flatten().next()?.finding.clone();
    let section = Section::new("latency", "How long things took", finding);
    Some(charts.into_iter().fold(section, Section::chart))
}

fn traffic(runs: &[Named]) -> Option<Section> {
    let axes = (Axis::new("time", Unit::Time, Scale::Linear), Axis::new("messages", Unit::Rate, Scale::Zero));
    let mean = |it: &Findings| {
        let of = &it.result.throughput.messages;
        (of.count > 0).then(|| ("Mean".to_owned(), format!("{}/s", amount(of.mean))))
    };
    let chart = together(runs, ("messages-per-second", "Messages a second"), axes, mean, |it| {
        throughput::rates(&it.series, |point| point.messages)
    })?;
    let finding = chart.finding.clone();
    Some(Section::new("throughput", "How much went over the network", finding).chart(Some(chart)))
}

/// In what the scenarios differ, field by field.
fn scenarios(first: &Named, runs: &[Named]) -> Section {
    let all: Vec<BTreeMap<String, String>> =
        runs.iter().map(|run| flat(&run.findings.result.scenario)).collect();
    let paths: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let mut table = Table::new("Fields of the scenario that differ", &["Field"]);
    table.columns.extend(runs.iter().map(|run| Column { title: run.name.clone(), number: false }));
    for path in paths {
        let values: Vec<Option<&String>> = all.iter().map(|fields| fields.get(path)).collect();
        if values.iter().any(|value| *value != values[0]) {
            let cells = values.iter().map(|value| Cell::text(value.map_or("-", |value| value.as_str())));
            table.row([Cell::text(path)].into_iter().chain(cells));
        }
    }
    let finding = match table.rows.len() {
        0 => "All runs are of the same scenario with the same seed.".to_owned(),
        many => format!("Their scenarios differ in {}.", counted(many as u64, "field")),
    };
    let scenario = serde_json::to_string_pretty(&first.findings.result.scenario).unwrap_or_default();
    let title = format!("The scenario of {}, with all its defaults", first.name);
    Section::new("background", "What made these figures", finding).table(table).folded(title, scenario)
}

/// A document as paths with values.
fn flat(document: &Value) -> BTreeMap<String, String> {
    fn add(path: &str, value: &Value, fields: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(object) if !object.is_empty() => {
                for (name, value) in object {
                    add(
                        &if path.is_empty() { name.clone() } else { format!("{path}.{name}") },
                        value,
                        fields,
                    );
                }
            }
            Value::String(text) => drop(fields.insert(path.to_owned(), text.clone())),
            other => drop(fields.insert(path.to_owned(), other.to_string())),
        }
    }
    let mut fields = BTreeMap::new();
    add("", document, &mut fields);
    fields
}

#[cfg(test)]
mod tests {
    use super::super::view::Part;
    use super::*;
    use crate::report::sample;
    use serde_json::json;

    #[test]
    fn the_change_against_the_first_run_is_told() {
        let named = |name: &str, findings| Named { name: name.to_owned(), findings };
        let mut changed = sample::findings();
        changed.result.messages.total.sent *= 2;
        changed.result.fingerprint = Some("another".to_owned());
        changed.result.scenario["workflow"]["rounds"] = json!(7);
        let runs = [named("a", sample::findings()), named("b", changed)];
        let sections = sections(&runs);
        assert!(
            sections[0].finding.contains("messages.total.sent: +100\u{a0}% in b"),
            "{}",
            sections[0].finding
        );
        let Part::Table(figures) = &sections[0].parts[0] else { panic!("{:?}", sections[0]) };
        let sent = figures.rows.iter().find(|row| row[0].text == "messages.total.sent").unwrap();
        let exact = sample::findings().result.messages.total.sent.to_string();
        assert_eq!(sent[1].value.as_ref(), Some(&exact), "as result.json has it");
        let last = sections.last().unwrap();
        assert_eq!(last.finding, "Their scenarios differ in 1 field.");
    }

    #[test]
    fn small_changes_are_told_with_their_sign() {
        assert_eq!(percent(0.0123), "+1.2\u{a0}%");
        assert_eq!(percent(-0.5), "−50.0\u{a0}%");
        assert_eq!(percent(-0.0001), "−0.0\u{a0}%");
        assert_eq!(percent(12.0), "+1200\u{a0}%");
    }
}
