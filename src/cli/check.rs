//! `p2pfl-sim check`: reads scenarios, prints what would run and what it asks of this machine, and runs nothing.

use super::memory::{self, Available};
use super::setting::{Settings, threads};
use super::{CliError, Format, planning};
use crate::engine::reach::Means;
use crate::engine::{Plan, Reach};
use crate::network::Links;
use crate::node::spec::Variant;
use crate::report::readable::{amount, bytes, time};
use crate::say;
use crate::scenario::{self, Clock, Loaded};
use crate::simulation::{Options, Prepared, prepare};
use serde::Serialize;
use std::path::PathBuf;

/// Check scenarios: what would run, and what it asks of this machine.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The scenario files.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only warn of a scenario that would not fit this machine's memory.
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim check scenarios/*.json
  p2pfl-sim check scenarios/full-64.json --nodes 1000
  p2pfl-sim check scenarios/full-64.json --nodes 1000 --clock virtual

Flooding costs the square of the number of nodes times their mean degree in messages, every heartbeat. On the real clock this machine has to keep up with it; on the virtual clock the run takes longer.";

/// What is printed of a scenario. Some of it means something on one clock alone.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    name: String,
    scenario_hash: String,
    nodes: u32,
    edges: u64,
    rounds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<Variant>,
    clock: Clock,
    threads: usize,
    speedup: Option<f64>,
    lookahead_s: Option<f64>,
    setup_s: f64,
    scenario_s: f64,
    may_stall: bool,
    messages: f64,
    messages_per_round: f64,
    beats_per_s: f64,
    wire_bytes: f64,
    cpu_s: f64,
    cores: Option<f64>,
    spreading_s: Option<f64>,
    reaches_everyone: Option<bool>,
    ttl_enough: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<Region>,
    start_after_s: f64,
    model_bytes: u64,
    memory_bytes: f64,
    memory_available_bytes: Option<u64>,
    descriptors: Option<u64>,
    descriptors_allowed: Option<u64>,
    warnings: Vec<String>,
    #[serde(skip)]
    reach: Reach,
}

/// How many nodes are in a region.
#[derive(Debug, Serialize)]
struct Region {
    name: String,
    nodes: u32,
}

/// Checks the scenarios, all of them even if one is bad.
///
/// # Errors
/// Scenarios that cannot run.
pub fn run(args: &Args) -> Result<(), CliError> {
    let mut checked = Vec::new();
    let mut worst = None;
    // The schema often lies beside the scenarios.
    let schema =
        |path: &&PathBuf| path.to_string_lossy().ends_with(".schema.json") && args.scenarios.len() > 1;
    for path in args.scenarios.iter().filter(|path| !schema(path)) {
        match check(args, path) {
            Ok(it) => checked.push(it),
            Err(error) => {
                if args.scenarios.len() == 1 {
                    return Err(error);
                }
                error.tell();
                worst = Some(format!("{} cannot run", path.display()));
            }
        }
    }
    let text = match args.format {
        Format::Text => checked.iter().map(describe).collect::<Vec<_>>().join("\n"),
        Format::Json => serde_json::to_string_pretty(&checked).unwrap_or_default() + "\n",
    };
    super::print(&text)?;
    worst.map_or(Ok(()), |text| Err(CliError::Usage(text)))
}

fn check(args: &Args, path: &std::path::Path) -> Result<Checked, CliError> {
    let mut loaded = scenario::load(path, &args.settings.overrides())?;
    let options = Options { threads: threads(None, loaded.scenario.clock), ..Options::default() };
    let nodes = loaded.scenario.nodes;
    let prepared = planning::shown(nodes, false, || prepare(&mut loaded, options))?;
    if !loaded.warnings.is_empty() {
        say::painted(&loaded.warnings.for_stderr());
    }
    memory::refuse_what_does_not_fit(&loaded, &prepared.estimate, args.force)?;
    Ok(facts(path, &loaded, &prepared))
}

fn facts(path: &std::path::Path, loaded: &Loaded, prepared: &Prepared) -> Checked {
    let (plan, estimate) = (&prepared.plan, &prepared.estimate);
    let is_virtual = plan.clock == Clock::Virtual;
    let (load, forecast) = (&estimate.load, &estimate.forecast);
    let spreads = plan.reach.by != Means::None;
    Checked {
        file: path.display().to_string(),
        name: loaded.scenario.name.clone(),
        scenario_hash: loaded.hash.clone(),
        nodes: plan.nodes(),
        edges: plan.graph.edges(),
        rounds: plan.rules.workflow.rounds(),
        variant: plan.rules.workflow.variant(),
        clock: plan.clock,
        // Who shares state runs in the order of time.
        threads: if is_virtual && plan.rules.shared_ttl() { 1 } else { plan.threads },
        speedup: (!is_virtual).then_some(estimate.speedup),
        lookahead_s: plan.links.as_ref().filter(|_| is_virtual).map(|it| it.lookahead().as_secs_f64()),
        setup_s: forecast.setup_s,
        scenario_s: forecast.scenario_s,
        may_stall: forecast.may_stall,
        messages: forecast.messages,
        messages_per_round: load.messages_per_round,
        beats_per_s: load.beats_per_s,
        wire_bytes: forecast.wire_bytes,
        cpu_s: estimate.cpu_s,
        cores: (!is_virtual).then_some(load.cpu * estimate.speedup),
        spreading_s: spreads.then_some(match plan.reach.by {
            Means::Calls => forecast.scenario_s,
            Means::None | Means::Flooding { .. } => estimate.spreading.as_secs_f64(),
        }),
        reaches_everyone: spreads.then(|| plan.reach.reaches_everyone()),
        ttl_enough: plan.reach.lack_of_ttl().map(|it| it.enough.ttl),
        reach: plan.reach.clone(),
        regions: regions(plan),
        start_after_s: plan.start_after.as_secs_f64(),
        model_bytes: estimate.model_bytes,
        memory_bytes: estimate.memory_bytes,
        memory_available_bytes: Available::now().map(|it| it.bytes),
        descriptors: plan.sockets.as_ref().map(|it| it.descriptors),
        descriptors_allowed: plan.sockets.as_ref().map(|it| it.descriptors_allowed),
        warnings: prepared.warnings.clone(),
    }
}

fn regions(plan: &Plan) -> Vec<Region> {
    let regions = plan.links.iter().flat_map(Links::regions);
    regions.map(|(name, nodes)| Region { name: name.to_owned(), nodes }).collect()
}

fn describe(it: &Checked) -> String {
    let line = |name: &str, text: String| format!("  {name:<16} {text}\n");
    let mut text = format!("{}: {} nodes, {} edges, {} rounds\n", it.name, it.nodes, it.edges, it.rounds);
    if let Some(variant) = it.variant {
        text += &line("simulates", variant.title().into());
    }
    let threads = if it.threads == 1 { "one thread".into() } else { format!("{} threads", it.threads) };
    text += &line(
        "clock",
        match it.speedup {
            Some(speedup) => format!("real: {speedup} s of scenario time in a second, on {threads}"),
            None => format!("virtual: as fast as {threads} compute it"),
        },
    );
    if let Some(lookahead) = it.lookahead_s {
        text += &line("lookahead", format!("{}: nodes run so far ahead of each other", time(lookahead)));
    }
    let here =
        it.speedup.map_or_else(String::new, |speedup| format!(", {} here", time(it.scenario_s / speedup)));
    let stalls = if it.may_stall { "; then it may stall" } else { "" };
    text += &line("scenario time", format!("about {}{here}{stalls}", time(it.scenario_s)));
    text += &line("messages", messages(it));
    text += &line("wire", format!("about {}", bytes(it.wire_bytes)));
    text += &line("CPU time", format!("about {}", time(it.cpu_s)));
    if let Some(cores) = it.cores.filter(|&it| it > 0.0) {
        text += &line("cores", format!("about {cores:.2} for messages"));
    }
    if let Some(spreading) = spreading(it) {
        text += &line("spreading", spreading);
    }
    if !it.regions.is_empty() {
        let regions: Vec<String> = it.regions.iter().map(|it| format!("{} {}", it.name, it.nodes)).collect();
        text += &line("regions", regions.join(", "));
    }
    text += &line("model", format!("{} encoded", bytes(it.model_bytes as f64)));
    let available = it
        .memory_available_bytes
        .map_or_else(String::new, |available| format!(" of {} available", bytes(available as f64)));
    text += &line("memory", format!("about {}{available}", bytes(it.memory_bytes)));
    if let (Some(taken), Some(allowed)) = (it.descriptors, it.descriptors_allowed) {
        let allowed =
            if allowed == u64::MAX { String::new() } else { format!(" of {allowed} that it may have") };
        text += &line("descriptors", format!("up to {taken} for sockets{allowed}"));
    }
    text
}

/// How many messages there are, and what for.
fn messages(it: &Checked) -> String {
    let mut text = format!("about {}", amount(it.messages));
    if it.rounds > 1 && it.messages_per_round > 0.0 {
        text += &format!(": {} a round", amount(it.messages_per_round));
    }
    if it.beats_per_s > 0.0 {
        text += &format!(", {} heartbeats a second of scenario time", amount(it.beats_per_s));
    }
    text
}

/// How far what a node says comes, if it says anything to everyone.
fn spreading(it: &Checked) -> Option<String> {
    let takes = time(it.spreading_s?);
    Some(match it.reach.by {
        Means::None => return None,
        Means::Calls if it.reaches_everyone == Some(true) => {
            format!("the rumor reaches everyone in about {takes}")
        }
        Means::Calls => format!("the rumor reaches {} of {} nodes", it.reach.most() + 1, it.nodes),
        Means::Flooding { lack: None, .. } if it.reaches_everyone == Some(true) => {
            format!("a broadcast reaches everyone in about {takes}")
        }
        Means::Flooding { lack: None, .. } => {
            format!("a broadcast reaches everyone in its part of the network in about {takes}")
        }
        Means::Flooding { ttl, shared, lack: Some(lack) } => format!(
            "a broadcast of node {} {} {} of {} peers with a time to live of {ttl}; {} is enough for everyone",
            lack.one.node,
            if shared { "may reach no more than" } else { "reaches" },
            lack.one.reached,
            lack.one.of,
            lack.enough.ttl
        ),
    })
}
