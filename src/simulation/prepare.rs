//! Everything that a run needs, drawn, loaded and checked.

use super::estimate::{Estimate, Misfit};
use super::sample::{self, initiator};
use super::sockets::sockets;
use super::transfers;
use crate::engine::{Action, ComputeModel, Plan, Starter, Step, load};
use crate::learning::{self, LearningError};
use crate::metrics::{Followed, Recording};
use crate::network::churn::{ChurnModel, Lives, Trace};
use crate::network::spec::Network;
use crate::network::{Links, Slowdown};
use crate::node::Rules;
use crate::node::probe::spec::{Pattern, Probe};
use crate::node::spec::{Rumor, Variant, Workflow};
use crate::scenario::script::{Churn, Entry};
use crate::scenario::units::Size;
use crate::scenario::{Clock, Diagnostics, Loaded, Scenario, Speedup, Transport};
use crate::time::Time;
use crate::topology::{Graph, TopologyError};
use crate::wire::size::Sizes;
use crate::wire::{AddressBook, PeerId, weights};
use std::sync::Arc;
use std::time::Duration;

/// What does not belong to the scenario but to how it is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads that run nodes.
    pub threads: usize,
    /// Whether everything is measured.
    pub recording: Recording,
}

/// A scenario ready to run.
pub struct Prepared {
    /// What the engine gets.
    pub plan: Plan,
    /// What it asks of this machine.
    pub estimate: Estimate,
    /// What the user should know, as text.
    pub warnings: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { threads: 1, recording: Recording::On }
    }
}

/// Makes a scenario ready to run. What is found on the way that a run can live with is added to the scenario's
/// warnings.
///
/// # Errors
/// What shows only with the graph and the data: parameters that fit no graph, files that do not hold what they
/// should, too few rows for so many nodes.
pub fn prepare(loaded: &mut Loaded, options: Options) -> Result<Prepared, Diagnostics> {
    let scenario = loaded.scenario.clone();
    let graph = graph(loaded, &scenario)?;
    let sockets = sockets(loaded, &scenario, &graph)?;
    let learner = if scenario.workflow.learns() {
        learning::build(&scenario.learning, scenario.nodes, scenario.seed, &loaded.base_dir)
            .map_err(|error| unlearnable(loaded, &error))?
    } else {
        learning::nothing()
    };
    let model = learner.initial(0);
    let shapes: Vec<&[usize]> = model.layout().shapes().collect();
    let book = match sockets {
        // They become known as the sockets are bound.
        Some(_) => AddressBook::Named(Arc::default()),
        None => AddressBook::numbered(scenario.nodes),
    };
    let model_bytes = weights::encoded_len(&shapes, model.layout().precision().bytes());
    let rules = Rules {
        seed: scenario.seed,
        settings: scenario.settings.clone(),
        workflow: scenario.workflow.clone(),
        sizes: Sizes::new(book.clone(), model_bytes),
        book,
        evaluates: model.is_trained(),
    };
    let compute =
        ComputeModel::load(scenario.seed, scenario.nodes, &scenario.learning.compute, &loaded.base_dir)
            .map_err(|error| unlearnable(loaded, &error))?;
    let links = links(loaded, &scenario)?;
    if let (Workflow::Rumor(it), Some(links)) = (&scenario.workflow, &links) {
        in_step(loaded, it, Duration::from_nanos(links.median()))?;
    }
    if let Workflow::Probe(it) = &scenario.workflow {
        exchangeable(loaded, it, &graph)?;
    }
    let script = script(loaded, &scenario)?;
    // Who joins later is heard of later.
    let there = graph.without(&absent(&script));
    let reach = match &scenario.workflow {
        Workflow::P2pfl(_) => there.reach(scenario.settings.gossip.ttl.saturating_add(1)),
        Workflow::Dpsgd(_) | Workflow::Rumor(_) | Workflow::Probe(_) => vec![0; scenario.nodes as usize],
    };
    let depth = match &scenario.workflow {
        Workflow::P2pfl(it) => graph.eccentricity(it.initiator),
        Workflow::Dpsgd(_) | Workflow::Rumor(_) | Workflow::Probe(_) => 1,
    };
    // No path is longer than twice the way from one node to its farthest; on most graphs they are not much longer.
    let hops = scenario.settings.gossip.ttl.saturating_add(1).min(depth.saturating_mul(3) / 2 + 1);
    let spreading = load::spreading(&rules, links.as_ref(), hops);
    let load = load::estimate(&rules, &graph, &reach, &compute, spreading, scenario.transport);
    let shortest_period = load::shortest_period(&rules, &compute);
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(options.threads.max(1));
    let speedup = match scenario.speedup {
        Speedup::Factor(factor) => factor,
        // Peers outside live in real time.
        Speedup::Auto(_) if !scenario.grpc.join.is_empty() => 1.0,
        // A probe measures this machine.
        Speedup::Auto(_) if matches!(scenario.workflow, Workflow::Probe(_)) => 1.0,
        Speedup::Auto(_) => load::auto_speedup(shortest_period, &load, cores),
    };
    let estimate =
        Estimate { clock: scenario.clock, load, speedup, spreading, depth, model_bytes, memory_bytes: 0.0 }
            .with_memory(&rules, &graph, &reach);
    let unheard = unheard(&rules, &there, &reach);
    for misfit in estimate.misfits(&rules, &graph, cores) {
        loaded.warn(misfit.path, misfit.code, misfit.message, Some(misfit.help));
    }
    let slow = links.iter().flat_map(|it| transfers::misfits(&rules, &graph, it, &load, model_bytes));
    for misfit in slow {
        loaded.warn(misfit.path, misfit.code, misfit.message, Some(misfit.help));
    }
    if let Some(misfit) = unheard {
        loaded.warn(misfit.path, misfit.code, misfit.message, Some(misfit.help));
    }
    let followed = match options.recording {
        Recording::On => sample::followed(&graph, initiator(&scenario), scenario.workflow.rounds()),
        Recording::Off => Followed::default(),
    };
    let plan = Plan {
        clock: scenario.clock,
        event_limit: scenario.limits.events.unwrap_or(u64::MAX),
        memory_limit: scenario.limits.memory.map_or(u64::MAX, |size| size.0),
        absent: absent(&script),
        learns_shapes: false,
        starter: Starter::Engine,
        script,
        start_after: start_after(&scenario, spreading),
        compute,
        time_limit: scenario.limits.time.0,
        wall_limit: scenario.limits.wall.0,
        inbox_limit: scenario.limits.inbox.0,
        evaluate_every: scenario.learning.evaluate_every,
        threads: options.threads,
        recording: options.recording,
        event_log: None,
        followed: Arc::new(followed),
        sockets,
        rules,
        graph,
        learner,
        links,
        reach,
        shortest_period,
        speedup,
    };
    let warnings = loaded.warnings.0.iter().map(ToString::to_string).collect();
    Ok(Prepared { plan, estimate, warnings })
}

/// What is said in a round has to arrive in it.
fn in_step(loaded: &Loaded, rumor: &Rumor, latency: Duration) -> Result<(), Diagnostics> {
    let takes = latency * rumor.mode.trips();
    if takes < rumor.period.0 {
        return Ok(());
    }
    let what = if rumor.mode.trips() == 1 { "a message" } else { "a message and its answer" };
    let message = format!(
        "`workflow.period` is {}, but {what} takes {takes:?} (the median): rounds would run into each other",
        rumor.period
    );
    let help = "write a longer period, or lower `network.latency`";
    Err(loaded.diagnose("workflow.period", message, Some(help.into())))
}

/// Who is to send to each other has to be connected, and what is under way has to fit into an inbox.
fn exchangeable(loaded: &Loaded, probe: &Probe, graph: &Graph) -> Result<(), Diagnostics> {
    let nodes = graph.nodes();
    let apart = match probe.pattern {
        Pattern::AllNeighbours => None,
        Pattern::Pairs => (0..nodes).step_by(2).map(|it| (it, it + 1)).find(|&(a, b)| !graph.connected(a, b)),
        Pattern::Ring => (0..nodes).map(|it| (it, (it + 1) % nodes)).find(|&(a, b)| !graph.connected(a, b)),
    };
    if let Some((a, b)) = apart {
        let message = format!("nodes {a} and {b} are to exchange messages, but they are not neighbours");
        let help =
            "choose a topology in which they are, such as { \"kind\": \"ring\" }, or \"all_neighbours\"";
        return Err(loaded.diagnose("workflow.pattern", message, Some(help.into())));
    }
    let scenario = &loaded.scenario;
    if scenario.transport != Transport::Memory || scenario.clock != Clock::Real || probe.rate.is_some() {
        return Ok(());
    }
    let senders = match probe.pattern {
        Pattern::Pairs | Pattern::Ring => 1,
        Pattern::AllNeighbours => (0..nodes).map(|node| graph.degree(node)).max().unwrap_or(0),
    };
    let each = probe.concurrency.0.iter().copied().max().unwrap_or(0);
    let under_way = u64::from(senders).saturating_mul(each.into());
    let inbox = scenario.limits.inbox;
    // One message goes into an empty inbox, however large it is.
    if under_way > 1 && under_way.saturating_mul(probe.largest()) > inbox.0 {
        let message = format!(
            "{under_way} messages of {} may be under way to a node, which is more than the {inbox} that its inbox holds",
            Size(probe.largest())
        );
        let help = "raise `limits.inbox` (over memory, no message takes up what it weighs), or write less";
        return Err(loaded.diagnose("workflow.concurrency", message, Some(help.into())));
    }
    Ok(())
}

/// A time to live that does not carry messages to everyone they could reach.
fn unheard(rules: &Rules, graph: &Graph, reach: &[u32]) -> Option<Misfit> {
    let Workflow::P2pfl(workflow) = &rules.workflow else { return None };
    let ttl = rules.settings.gossip.ttl;
    let everyone = graph.reach(graph.nodes());
    let short: Vec<u32> =
        (0..).zip(reach.iter().zip(&everyone)).filter(|(_, (a, b))| a < b).map(|(i, _)| i).collect();
    let (&first, rest) = short.split_first()?;
    let farthest = graph.eccentricity(first);
    Some(Misfit {
        path: "settings.gossip.ttl",
        code: "out-of-reach",
        message: format!(
            "messages reach {} hops and no farther: {} of {} nodes never hear of some others, node {first} of {} of \
             them{}",
            ttl.saturating_add(1),
            rest.len() + 1,
            graph.nodes(),
            everyone[first as usize] - reach[first as usize],
            if workflow.variant == Variant::Repaired { "; rounds then have several train sets" } else { "" },
        ),
        // The farthest pair is at most twice as far apart as any one node and its farthest.
        help: format!(
            "node {first} needs {}; {} is enough for everyone",
            farthest.saturating_sub(1),
            (2 * farthest).saturating_sub(1)
        ),
    })
}

/// Nodes that are not there until they join, ascending.
fn absent(script: &[Step]) -> Vec<PeerId> {
    let joining = script
        .iter()
        .filter_map(|step| if let Action::Join(nodes) = &step.action { Some(nodes) } else { None });
    let mut absent: Vec<PeerId> = joining.flatten().copied().collect();
    absent.sort_unstable();
    absent.dedup();
    absent
}

fn graph(loaded: &mut Loaded, scenario: &Scenario) -> Result<Graph, Diagnostics> {
    match scenario.topology.build(scenario.nodes, scenario.seed, &loaded.base_dir) {
        Ok(built) => {
            for warning in built.warnings {
                loaded.warn("topology", "topology", warning, None);
            }
            Ok(built.graph)
        }
        Err(TopologyError::Parameter { field, message }) => {
            Err(loaded.diagnose(&field, format!("`{field}` {message}"), None))
        }
        Err(error @ TopologyError::File(_)) => Err(loaded.diagnose("topology.path", error.to_string(), None)),
    }
}

fn links(loaded: &Loaded, scenario: &Scenario) -> Result<Option<Links>, Diagnostics> {
    let network = match (&scenario.network, scenario.clock) {
        (Some(network), _) => network.clone(),
        // Virtual time only passes if something takes time.
        (None, Clock::Virtual) => Network::default(),
        (None, Clock::Real) => return Ok(None),
    };
    let links = Links::build(scenario.seed, network, scenario.nodes, &loaded.base_dir);
    let deadline = scenario.settings.general.grpc_timeout.0;
    let links = links.map(|it| Some(it.with_deadline(deadline)));
    links.map_err(|error| loaded.diagnose(&error.path(), error.to_string(), None))
}

fn unlearnable(loaded: &Loaded, error: &LearningError) -> Diagnostics {
    let field = match error.field() {
        "" => "learning".to_owned(),
        field => format!("learning.{field}"),
    };
    let message = match error {
        LearningError::Setting { message, .. } => format!("`{field}` {message}"),
        other => other.to_string(),
    };
    loaded.diagnose(&field, message, None)
}

/// The latest moment for the initiator to start: time for every node's first beats to cross the network, thrice
/// over.
fn start_after(scenario: &Scenario, spreading: Duration) -> Duration {
    let chosen = match &scenario.workflow {
        Workflow::P2pfl(it) => it.start_after.map(|span| span.0),
        Workflow::Dpsgd(_) | Workflow::Rumor(_) | Workflow::Probe(_) => None,
    };
    let settling = 3 * (scenario.settings.heartbeat.period.0 + spreading) + Duration::from_secs(5);
    chosen.unwrap_or(settling)
}

fn script(loaded: &Loaded, scenario: &Scenario) -> Result<Vec<Step>, Diagnostics> {
    let (nodes, seed) = (scenario.nodes, scenario.seed);
    let initiator = scenario.workflow.first().map_or(0, |(node, _)| node);
    let step = |(i, entry): (usize, &Entry)| {
        let action = match entry {
            Entry::Crash(it) => it.nodes.resolve(nodes, seed, i).map(Action::Crash),
            Entry::Restart(it) => it.nodes.resolve(nodes, seed, i).map(Action::Restart),
            Entry::Join(it) => it.nodes.resolve(nodes, seed, i).map(Action::Join),
            Entry::Leave(it) => it.nodes.resolve(nodes, seed, i).map(Action::Leave),
            Entry::Churn(it) => {
                let lives = lives(loaded, it, i)?;
                let until = it.until.map(|until| Time::ZERO + until.0);
                it.nodes.resolve(nodes, seed, i).map(|nodes| {
                    Action::Churn(ChurnModel { entry: i as u32, nodes: nodes.into(), lives, until })
                })
            }
            Entry::Partition(it) => {
                it.resolve(nodes, seed, i).map(|groups| Action::Partition { groups, one_way: it.one_way })
            }
            Entry::Heal(_) => Ok(Action::Heal),
            Entry::Loss(it) => {
                it.resolve(nodes, seed, i).map(|(from, to)| Action::Loss { from, to, share: it.packet_loss })
            }
            Entry::Slow(it) => it
                .nodes
                .resolve(nodes, seed, i)
                .map(|nodes| Action::Slow(nodes, Slowdown { compute: it.compute, link: it.link })),
            Entry::StopLearning(it) => Ok(Action::StopLearning(it.node.unwrap_or(initiator))),
        };
        match action {
            Ok(action) => Ok(Step { at: entry.at().clone(), action }),
            Err(fault) => Err(loaded.diagnose(&format!("script[{i}]"), fault.message, None)),
        }
    };
    scenario.script.iter().enumerate().map(step).collect()
}

/// How nodes that come and go do so. A trace is read here.
fn lives(loaded: &Loaded, churn: &Churn, entry: usize) -> Result<Lives, Diagnostics> {
    let fault =
        |field: &str, message: String| loaded.diagnose(&format!("script[{entry}]{field}"), message, None);
    match (&churn.trace, &churn.session, &churn.absence) {
        (Some(file), ..) => {
            let trace = Trace::load(&loaded.base_dir.join(file));
            trace.map(Lives::Traced).map_err(|error| fault(".trace", error.to_string()))
        }
        (None, Some(session), Some(absence)) => {
            Ok(Lives::Drawn { session: session.clone(), absence: absence.clone() })
        }
        // The scenario was checked.
        _ => Err(fault("", "a churn needs `session` and `absence`, or a `trace`".into())),
    }
}
