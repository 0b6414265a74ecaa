//! `p2pfl-sim check`: reads scenarios, prints what would run and what it asks of this machine, and runs nothing.

use super::setting::{Settings, threads};
use super::{CliError, Format};
use crate::engine::Plan;
use crate::network::Links;
use crate::report::figures::{amount, bytes, time};
use crate::scenario::{self, Clock, Loaded};
use crate::simulation::{Estimate, Options, Prepared, prepare};
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
    clock: Clock,
    threads: usize,
    speedup: Option<f64>,
    lookahead_s: Option<f64>,
    messages_per_s: f64,
    messages_per_round: f64,
    cpu_per_scenario_s: f64,
    cpu_per_round_s: Option<f64>,
    spreading_s: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regions: Vec<Region>,
    start_after_s: f64,
    model_bytes: u64,
    memory_bytes: f64,
    memory_available_bytes: Option<u64>,
    descriptors: Option<u64>,
    descriptors_allowed: Option<u64>,
    warnings: Vec<String>,
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
    let prepared = prepare(&mut loaded, options)?;
    if !loaded.warnings.is_empty() {
        eprint!("{}", loaded.warnings.for_stderr());
    }
    refuse_what_does_not_fit(&prepared.estimate, args.force)?;
    Ok(facts(path, &loaded, &prepared))
}

fn facts(path: &std::path::Path, loaded: &Loaded, prepared: &Prepared) -> Checked {
    let (plan, estimate) = (&prepared.plan, &prepared.estimate);
    let is_virtual = plan.clock == Clock::Virtual;
    let (cpu_of_round, cpu_of_beats) = estimate.virtual_cpu(&plan.rules);
    Checked {
        file: path.display().to_string(),
        name: loaded.scenario.name.clone(),
        scenario_hash: loaded.hash.clone(),
        nodes: plan.nodes(),
        edges: plan.graph.edges(),
        rounds: plan.rules.workflow.rounds(),
        clock: plan.clock,
        // Who shares state runs in the order of time.
        threads: if is_virtual && plan.rules.shared_ttl() { 1 } else { plan.threads },
        speedup: (!is_virtual).then_some(estimate.speedup),
        lookahead_s: plan.links.as_ref().filter(|_| is_virtual).map(|it| it.lookahead().as_secs_f64()),
        messages_per_s: estimate.load.messages_per_s,
        messages_per_round: estimate.load.messages_per_round,
        cpu_per_scenario_s: if is_virtual { cpu_of_beats } else { estimate.load.cpu },
        cpu_per_round_s: is_virtual.then_some(cpu_of_round),
        spreading_s: estimate.spreading.as_secs_f64(),
        regions: regions(plan),
        start_after_s: plan.start_after.as_secs_f64(),
        model_bytes: estimate.model_bytes,
        memory_bytes: estimate.memory_bytes,
        memory_available_bytes: available_memory(),
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
    text += &line(
        "messages",
        format!(
            "about {} a second of scenario time, and {} a round",
            amount(it.messages_per_s),
            amount(it.messages_per_round)
        ),
    );
    if let Some(speedup) = it.speedup {
        text += &line("cores", format!("about {:.2} for messages", it.cpu_per_scenario_s * speedup));
    }
    if let Some(a_round) = it.cpu_per_round_s {
        let mut takes =
            format!("very roughly {} for the messages of all rounds", cpu(a_round * f64::from(it.rounds)));
        if it.cpu_per_scenario_s > 0.0 {
            takes += &format!(", {} for each minute of beats", cpu(60.0 * it.cpu_per_scenario_s));
        }
        text += &line("CPU time", takes + "; learning comes on top");
    }
    text += &line("spreading", format!("a broadcast reaches everyone in about {}", time(it.spreading_s)));
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

/// CPU time as roughly as it is known.
fn cpu(seconds: f64) -> String {
    if seconds < 1e-3 { "under 1 ms".into() } else { time(seconds) }
}

/// Refuses what would not fit this machine's memory.
///
/// # Errors
/// With the numbers, unless `force`.
pub fn refuse_what_does_not_fit(estimate: &Estimate, force: bool) -> Result<(), CliError> {
    let Some(available) = available_memory() else { return Ok(()) };
    if estimate.memory_bytes <= available as f64 {
        return Ok(());
    }
    let text = format!(
        "this would take about {} of memory; {} are available",
        bytes(estimate.memory_bytes),
        bytes(available as f64)
    );
    if force {
        eprintln!("p2pfl-sim: {text}");
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{text}; fewer nodes or smaller models would fit, or --force runs it anyway"
    )))
}

/// Memory that this machine could give, where it tells.
fn available_memory() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}
