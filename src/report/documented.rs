//! Holds `docs/results.md` true: it names every field of a full result and every column of the tables, and no other.

use super::compare;
use super::figures::{compared, kept};
use super::sweep::{self, Setting};
use super::{Repeats, RunRow, Sweep, sample, tables};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../docs/results.md");

/// What the first column of the tables under a heading names, in order.
fn named_under(heading: &str) -> Vec<String> {
    let (_, rest) = PAGE.split_once(&format!("\n{heading}\n")).expect("the page has the heading");
    let section = rest.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap_or_default().to_owned()).collect()
}

/// The paths of a result as the page writes them: what has a section of its own is one path.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let leaf = |found: &mut BTreeSet<String>| {
        found.insert(path.to_owned());
    };
    match value {
        Value::Array(items) if items.first().is_some_and(Value::is_object) => {
            items.iter().for_each(|item| paths(item, &format!("{path}[]"), found));
        }
        Value::Object(fields) if !(path == "scenario" || is_shared(value)) => {
            for (name, field) in fields {
                let path = match path {
                    "" => name.clone(),
                    "latency" => "latency.<name>".to_owned(),
                    "hop_counts" => "hop_counts.<hops>".to_owned(),
                    "paces[].ended_s" => "paces[].ended_s.<transport>".to_owned(),
                    "sockets.refused" => "sockets.refused.<reason>".to_owned(),
                    "figures" | "combinations[].figures" | "combinations[].settings" => {
                        format!("{path}.<path>")
                    }
                    "messages.by_command" => "messages.by_command.<command>".to_owned(),
                    _ => format!("{path}.{name}"),
                };
                paths(field, &path, found);
            }
        }
        _ => leaf(found),
    }
}

/// Whether the fields are those of a summary, spread or account.
fn is_shared(value: &Value) -> bool {
    ["### Summary", "### Spread", "### Account", "### Sample", "### Run"]
        .into_iter()
        .any(|heading| fields(value) == named_under(heading))
}

fn fields(value: &Value) -> Vec<String> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

fn full() -> Value {
    let mut full = sample::full();
    full.stalled = sample::stalled().stalled;
    full.rumor = Some(crate::metrics::result::Rumor { rounds: 17, reached: 1_000 });
    full.probe = sample::probed().probe;
    full.sockets = Some(sample::sockets());
    serde_json::to_value(full).unwrap()
}

#[test]
fn the_page_names_every_field_of_a_result_and_no_other() {
    let mut found = BTreeSet::new();
    paths(&full(), "", &mut found);
    let named = named_under("## result.json");
    assert_eq!(named.iter().cloned().collect::<BTreeSet<_>>(), found);
    assert_eq!(named.len(), found.len(), "a field is named twice");
}

#[test]
fn the_page_names_the_fields_of_the_shared_types() {
    let full = full();
    assert_eq!(fields(&full["latency"]["message"]), named_under("### Summary"));
    assert_eq!(fields(&full["final"]["accuracy"]), named_under("### Spread"));
    assert_eq!(fields(&full["messages"]["total"]), named_under("### Account"));
}

#[test]
fn the_page_names_every_latency() {
    let full = full();
    let named = named_under("### Latencies");
    let general = |name: &str| match name.split_once('.') {
        Some(("stage", _)) => "stage.<stage>".to_owned(),
        Some((of, _)) => format!("{of}.<command>"),
        None => name.to_owned(),
    };
    let found: BTreeSet<_> = fields(&full["latency"]).iter().map(|name| general(name)).collect();
    assert_eq!(named.into_iter().collect::<BTreeSet<_>>(), found);
}

#[test]
fn the_page_names_the_columns_of_the_tables_in_their_order() {
    let header = |write: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        let mut reader = csv::Reader::from_reader(out.as_slice());
        reader.headers().unwrap().iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let result = sample::full();
    assert_eq!(header(&|out| tables::series(out, &sample::findings().series)), named_under("## series.csv"));
    assert_eq!(header(&|out| tables::nodes(out, &sample::node_rows())), named_under("## nodes.csv"));
    assert_eq!(header(&|out| tables::messages(out, &result)), named_under("## messages.csv"));
    assert_eq!(header(&|out| tables::rounds(out, &result.rounds)), named_under("## rounds.csv"));
}

#[test]
fn a_table_has_its_header_even_without_rows() {
    let mut out = Vec::new();
    tables::nodes(&mut out, &[]).unwrap();
    assert_eq!(String::from_utf8(out).unwrap().trim_end(), named_under("## nodes.csv").join(","));
}

fn rows() -> Vec<RunRow> {
    (1..=3).map(|run| RunRow::of(run, &run.to_string(), 6 + run as u64, &sample::full())).collect()
}

#[test]
fn the_page_names_what_is_in_a_summary_of_runs() {
    let summary = Repeats::of(json!({ "name": "full" }), 3, false, rows());
    let summary = serde_json::to_value(summary).unwrap();
    let mut found = BTreeSet::new();
    paths(&summary, "", &mut found);
    assert_eq!(named_under("## summary.json").into_iter().collect::<BTreeSet<_>>(), found);
    assert_eq!(fields(&summary["figures"]["ended_s"]), named_under("### Sample"));
    assert_eq!(fields(&summary["runs"][0]), named_under("### Run"));
    for figure in kept() {
        assert!(PAGE.contains(&format!("`{}`", figure.path)), "{}", figure.path);
    }
}

#[test]
fn the_page_names_what_is_in_a_sweep() {
    let setting = Setting { path: "nodes".into(), values: vec![json!(4), json!(5), json!(6)] };
    let mut sweep = Sweep {
        schema: sweep::SCHEMA.into(),
        name: "full".into(),
        settings: vec![setting],
        repeat: 2,
        total: 3,
        sweep_hash: sweep::hash(["a", "b", "c"]),
        rows: Vec::new(),
        combinations: Vec::new(),
    };
    for (row, nodes) in rows().into_iter().zip(4..) {
        sweep.add([("nodes".to_owned(), json!(nodes))].into_iter().collect(), row);
    }
    let mut csv = Vec::new();
    sweep.csv(&mut csv).unwrap();
    let header = String::from_utf8(csv).unwrap().lines().next().unwrap().to_owned();
    let mut named = named_under("## sweep.csv");
    named.insert(1, "nodes".into());
    named.extend(kept().map(|it| it.path.to_owned()));
    assert_eq!(header.split(',').collect::<Vec<_>>(), named);

    sweep.combine();
    assert_eq!(sweep.combinations.len(), 3);
    let mut value = serde_json::to_value(sweep).unwrap();
    let mut row = named_under("### Run");
    row.insert(0, "settings".into());
    assert_eq!(fields(&value["rows"][0]), row);
    value["rows"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|row| drop(row.as_object_mut().unwrap().shift_remove("settings")));
    let mut found = BTreeSet::new();
    paths(&value, "", &mut found);
    assert_eq!(named_under("## sweep.json").into_iter().collect::<BTreeSet<_>>(), found);
}

#[test]
fn the_page_names_what_is_in_a_comparison() {
    let faster = compare::Pace {
        speedup: 50.0,
        overloaded: vec!["grpc".into()],
        ended_s: [("grpc".to_owned(), 1.25)].into(),
    };
    let compare = compare::Compare { paces: vec![faster], ..compare::sample::repeated() };
    let mut csv = Vec::new();
    compare.csv(&mut csv).unwrap();
    let header = String::from_utf8(csv).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(header.split(',').collect::<Vec<_>>(), named_under("## compare.csv"));

    let mut value = serde_json::to_value(compare).unwrap();
    let cell = compare::sample::probe().rows.last().and_then(|row| row.cell);
    assert_eq!(fields(&serde_json::to_value(cell).unwrap()), ["payload_bytes", "concurrency"]);
    // What the page tells of them is that they have the fields of others.
    let figures: BTreeSet<String> = compared().iter().map(|it| format!("relative.{}", it.path)).collect();
    for row in value["rows"].as_array_mut().unwrap() {
        if !row["relative"].is_null() {
            let mut found = BTreeSet::new();
            paths(&row["relative"].take(), "relative", &mut found);
            assert_eq!(found, figures);
        }
    }
    // Within the process there is neither a wire nor a connection.
    value["costs"]["transports"].as_array_mut().unwrap().remove(0);
    let run = named_under("### Run");
    for entry in value["runs"].as_array_mut().unwrap() {
        let entry = entry.as_object_mut().unwrap();
        assert!(run.iter().all(|name| name == "fingerprint" || entry.contains_key(name)), "{entry:?}");
        entry.retain(|name, _| !run.contains(name));
        entry["measured"] = json!([]);
    }
    let mut found = BTreeSet::new();
    paths(&value, "", &mut found);
    let named: BTreeSet<String> = named_under("## compare.json")
        .into_iter()
        .map(|path| path.replace("measured[]", "measured"))
        .collect();
    assert_eq!(named, found);
}
