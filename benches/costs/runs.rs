//! Runs of the program for the tables, and what is taken of their results.

use crate::page::root;
use anyhow::{Result, bail};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// A way to do something, and what says so.
type Variant = (&'static str, &'static str, &'static [&'static str]);

/// Who takes the initiative: models, and rumors.
pub const INITIATIVE: [Variant; 6] = [
    ("models, push", "scenarios/wan-1k.json", &["workflow.dissemination=push"]),
    ("models, pull", "scenarios/wan-1k.json", &["workflow.dissemination=pull"]),
    ("models, push-pull", "scenarios/wan-1k.json", &["workflow.dissemination=push_pull"]),
    ("a rumor, push", RUMOR, &["workflow.mode=push"]),
    ("a rumor, pull", RUMOR, &["workflow.mode=pull"]),
    ("a rumor, push-pull", RUMOR, &["workflow.mode=push_pull"]),
];

/// Whether nodes wait for each other, where one in twenty is ten times slower.
pub const WAITING: [Variant; 2] = [
    (
        "synchronous rounds",
        "scenarios/dpsgd-10k.json",
        &["nodes=500", "thresholds=[]", SLOW, "workflow.mode=synchronous"],
    ),
    (
        "asynchronous pairs",
        "scenarios/dpsgd-10k.json",
        &["nodes=500", "thresholds=[]", SLOW, "workflow.mode=asynchronous"],
    ),
];

const SLOW: &str = "script=[{\"at\":\"0s\",\"do\":\"slow\",\"nodes\":{\"random\":25},\"compute\":10}]";

/// A scenario that is made here: ten thousand nodes and a rumor.
const RUMOR: &str = "rumor";

/// What the scenario is over each transport.
pub fn finish(folder: &Path) -> Result<String> {
    let out = folder.join("finish");
    let ran = program(&[
        "compare",
        "scenarios/ring-100.json",
        "--transport",
        "all",
        "--no-costs",
        "--nodes",
        "20",
        "--rounds",
        "2",
        "--repeat",
        "2",
        "--speedup",
        "10",
        "--set",
        "thresholds=[]",
        "--format",
        "json",
        "--quiet",
        "--out",
        &out.display().to_string(),
    ])?;
    let Some(compare) = ran else { bail!("the scenario cannot be compared") };
    let median = |row: &Value, figure: &str| row[figure]["median"].as_f64();
    let mut text = String::from(
        "| transport | time to finish | wall time | CPU/message | wire/message |\n| --- | ---: | ---: | ---: | ---: |\n",
    );
    for row in compare["rows"].as_array().into_iter().flatten() {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            row["transport"].as_str().unwrap_or_default(),
            seconds(median(row, "ended_s")),
            seconds(median(row, "wall_s")),
            seconds(median(row, "cpu_s_per_message")),
            bytes(median(row, "wire_bytes_per_message")),
        );
    }
    Ok(text)
}

/// The same done in several ways, on the virtual clock. A way that this program does not have is left out.
pub fn variants(variants: &[Variant], folder: &Path) -> Result<String> {
    let rumor = folder.join("rumor.json");
    std::fs::write(
        &rumor,
        r#"{ "name": "rumor", "nodes": 10000, "topology": { "kind": "random_regular", "degree": 8 }, "clock": "virtual",
             "workflow": { "kind": "rumor" }, "network": { "latency": "20ms" } }"#,
    )?;
    let mut text = header("way");
    for (name, scenario, set) in variants {
        let scenario = if *scenario == RUMOR { rumor.display().to_string() } else { (*scenario).to_owned() };
        match virtually(&scenario, set, folder)? {
            Some(result) => text += &row(name, &result),
            None => eprintln!("left out: {name}"),
        }
    }
    Ok(text)
}

/// A thousand peers at home over the transports of a profile.
pub fn wide_area(profile: &Path, folder: &Path) -> Result<String> {
    let names: Value = serde_json::from_str(&std::fs::read_to_string(profile)?)?;
    let names: Vec<&String> = names["transports"].as_object().into_iter().flatten().map(|it| it.0).collect();
    let mut text = header("transport");
    for name in names.into_iter().filter(|name| !name.contains('+') || name.as_str() == "grpc+tls") {
        let file = format!("network.profile.file={}", profile.display());
        let transport = format!("network.profile.transport={name}");
        let set = ["nodes=300", file.as_str(), transport.as_str()];
        match virtually("scenarios/wan-1k.json", &set, folder)? {
            Some(result) => text += &row(name, &result),
            None => eprintln!("left out: {name}"),
        }
    }
    Ok(text)
}

fn virtually(scenario: &str, set: &[&str], folder: &Path) -> Result<Option<Value>> {
    let out = folder.join("run").display().to_string();
    let mut arguments =
        vec!["run", scenario, "--clock", "virtual", "--format", "json", "--quiet", "--force", "--out", &out];
    arguments.extend(set.iter().flat_map(|it| ["--set", it]));
    program(&arguments)
}

/// What the program prints; nothing if it refuses what it is asked for.
fn program(arguments: &[&str]) -> Result<Option<Value>> {
    eprintln!("{}", arguments.join(" "));
    let ended = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim")).args(arguments).current_dir(root()).output()?;
    match ended.status.code() {
        // A threshold that is missed is no matter here.
        Some(0 | 3) => Ok(Some(serde_json::from_slice(&ended.stdout)?)),
        Some(2) => Ok(None),
        other => bail!("{arguments:?} ended with {other:?}: {}", String::from_utf8_lossy(&ended.stderr)),
    }
}

fn header(first: &str) -> String {
    format!(
        "| {first} | time to finish | round p50 | message p50 | message p99 | messages | wire |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    )
}

fn row(name: &str, result: &Value) -> String {
    let number = |pointer: &str| result.pointer(pointer).and_then(Value::as_f64);
    format!(
        "| {name} | {} | {} | {} | {} | {} | {} |\n",
        seconds(number("/ended_s")),
        seconds(number("/latency/round/p50")),
        seconds(number("/latency/message/p50")),
        seconds(number("/latency/message/p99")),
        number("/messages/total/sent").map_or_else(String::new, |it| format!("{it:.0}")),
        bytes(number("/messages/total/wire_bytes")),
    )
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(String::new, |it| p2pfl_sim::report::readable::time(it).replace("us", "µs"))
}

fn bytes(value: Option<f64>) -> String {
    value.map_or_else(String::new, p2pfl_sim::report::readable::bytes)
}
