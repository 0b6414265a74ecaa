//! Everything that a run needs, drawn, loaded and checked.

use super::estimate::Estimate;
use super::largest;
use super::sample::{self, initiator};
use super::sockets::sockets;
use super::transfers;
use crate::costs::{Burst, SMALL};
use crate::engine::reach::Means;
use crate::engine::{Action, ComputeModel, Plan, Reach, Step, load};
use crate::format::script::{Churn, Entry};
use crate::learning::spec::InitialModels;
use crate::learning::{self, LearningError};
use crate::metrics::{Followed, Recording};
use crate::network::churn::{ChurnModel, Lives, Trace};
use crate::network::spec::Network;
use crate::network::{Links, Slowdown};
use crate::node::foresight::{Drawn, Misfit, Together};
use crate::node::{Rules, Starter};
use crate::scenario::{Clock, Diagnostics, Loaded, Scenario, Speedup, Transport};
use crate::time::Time;
use crate::topology::{Graph, Short, TopologyError};
use crate::wire::size::Sizes;
use crate::wire::{AddressBook, PeerId, weights};
use std::path::Path;
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

/// The node whose initial model all others begin with; nothing where each has its own.
fn origin(scenario: &Scenario) -> Option<PeerId> {
    let start = scenario.learning.start.unwrap_or(if scenario.workflow.starts_everyone() {
        InitialModels::Shared
    } else {
        // P2PFL's peers are built apart, and all but the initiator are then sent its model.
        InitialModels::PerNode
    });
    (start == InitialModels::Shared).then(|| initiator(scenario))
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
        let origin = origin(&scenario);
        learning::build(&scenario.learning, scenario.nodes, scenario.seed, origin, &loaded.base_dir)
            .map_err(|error| unlearnable(loaded, &error))?
    } else {
        learning::nothing()
    };
    for it in learner.remarks() {
        let (message, help) = (it.message.as_str(), it.help.clone());
        loaded.warn(&format!("learning.{}", it.field), it.code, message, Some(help));
    }
    let model = learner.initial(0);
    let shapes: Vec<&[usize]> = model.layout().shapes().collect();
    let book = match sockets {
        // They become known as the sockets are bound.
        Some(_) => AddressBook::Named(Arc::default()),
        None => AddressBook::numbered(scenario.nodes),
    };
    let model_bytes = weights::encoded_len(&shapes, model.layout().precision().bytes());
    if let Some(sockets) = &sockets {
        largest::check(loaded, &scenario, &graph, &*learner, model_bytes, sockets)?;
    }
    let rules = Rules {
        seed: scenario.seed,
        settings: scenario.settings.clone(),
        workflow: scenario.workflow.clone(),
        sizes: Sizes::new(book.clone(), model_bytes),
        book,
        evaluates: model.is_trained(),
        takes_partials: scenario.learning.aggregator.rule().takes_partials(),
        own: scenario.nodes,
        starter: Starter::Engine,
    };
    let compute =
        ComputeModel::load(scenario.seed, scenario.nodes, &scenario.learning.compute, &loaded.base_dir)
            .map_err(|error| unlearnable(loaded, &error))?
            .with_losses(scenario.learning.aggregator.rule().asks_losses());
    let links = links(loaded, &scenario)?;
    let weighs = scenario.transport == Transport::Memory && scenario.clock == Clock::Real;
    let drawn = Drawn {
        graph: &graph,
        latency: links.as_ref().map(|it| Duration::from_nanos(it.median())),
        inbox: weighs.then_some(scenario.limits.inbox),
    };
    scenario
        .workflow
        .check_drawn(&drawn)
        .map_err(|it| loaded.diagnose(it.path, it.message, Some(it.help)))?;
    let script = script(loaded, &scenario)?;
    // Who joins later is heard of later.
    let reach = Reach::of(&rules, &graph, &absent(&script));
    let depth = match &reach.by {
        Means::Flooding { .. } => graph.eccentricity(initiator(&scenario)),
        Means::Calls | Means::None => 1,
    };
    // No path is longer than twice the way from one node to its farthest; on most graphs they are not much longer.
    let hops = scenario.settings.gossip.ttl.saturating_add(1).min(depth.saturating_mul(3) / 2 + 1);
    let spreading = load::spreading(&rules, &reach, links.as_ref(), hops);
    let load = load::estimate(&rules, &graph, &reach, &compute, spreading, scenario.transport);
    let shortest_period = load::shortest_period(&rules, &compute);
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(options.threads.max(1));
    let speedup = match scenario.speedup {
        Speedup::Factor(factor) => factor,
        // Peers outside live in real time.
        Speedup::Auto(_) if !scenario.grpc.join.is_empty() => 1.0,
        // A probe measures this machine.
        Speedup::Auto(_) if scenario.workflow.grid().is_some() => 1.0,
        Speedup::Auto(_) => {
            let wall_s = sockets_take(&scenario, &rules, load.together, model_bytes);
            load::auto_speedup(shortest_period, &load, cores, wall_s)
        }
    };
    let unheard = unheard(&rules, &graph, &reach);
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
        script,
        start_after: start_after(&scenario, spreading),
        compute,
        time_limit: scenario.limits.time.0,
        wall_limit: scenario.limits.wall.0,
        inbox_limit: scenario.limits.inbox.0,
        evaluate_every: scenario.learning.evaluate_every,
        aggregator: Arc::new(scenario.learning.aggregator.clone()),
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
    let estimate = Estimate::of(&plan, load, spreading, depth, model_bytes);
    let slow = plan
        .links
        .iter()
        .flat_map(|it| transfers::misfits(&plan.rules, &plan.graph, it, &plan.script, &load, model_bytes));
    let misfits = estimate.misfits(&plan.rules, &plan.graph, cores).into_iter().chain(slow).chain(unheard);
    for misfit in misfits {
        loaded.warn(misfit.path, misfit.code, misfit.message, Some(misfit.help));
    }
    let warnings = loaded.warnings.0.iter().map(ToString::to_string).collect();
    Ok(Prepared { plan, estimate, warnings })
}

/// How long a call takes on this machine where as many come together as may, connecting included where it has to, in
/// seconds of wall time; 0 where no sockets are, or none are to be had: then the run will say so.
fn sockets_take(scenario: &Scenario, rules: &Rules, together: Together, model_bytes: u64) -> f64 {
    if scenario.clock == Clock::Virtual {
        return 0.0;
    }
    let Together { connects, calls } = together;
    let bytes = if rules.workflow.learns() { model_bytes as usize } else { SMALL };
    let burst = |at_a_time| Burst::of(scenario.transport, at_a_time, bytes).ok().flatten();
    let connects_s = burst(connects).map_or(0.0, |it| it.connects_s);
    burst(calls).map_or(0.0, |it| it.calls_s) + connects_s
}

/// A time to live that does not carry messages to everyone they could reach.
fn unheard(rules: &Rules, graph: &Graph, reach: &Reach) -> Option<Misfit> {
    let Means::Flooding { ttl, shared, lack: Some(lack) } = reach.by else { return None };
    let Short { node, reached, of } = lack.one;
    let mut message = match lack.nodes {
        Some(nodes) => format!(
            "messages reach {} hops and no farther: {nodes} of {} nodes never hear of some others, node {node} of {} \
             of them",
            ttl.saturating_add(1),
            graph.nodes(),
            of - reached,
        ),
        None => format!(
            "in `faithful-memory` all receivers of a message share its time to live: it is forwarded {ttl} times in \
             all, so that no more than {reached} of {of} peers need hear of node {node}"
        ),
    };
    let initiator = rules.workflow.initiator();
    let unstarted = shared || initiator.is_some_and(|it| reach.peers[it as usize] < lack.one.of);
    message += rules.workflow.unreached(unstarted);
    let enough = if lack.enough.exact { "" } else { "certainly " };
    let all = format!("{} is {enough}enough for everyone", lack.enough.ttl);
    let help = if shared { all } else { format!("node {node} needs {}; {all}", lack.enough_for_one) };
    Some(Misfit { path: "settings.gossip.ttl", code: "out-of-reach", message, help })
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
        Err(TopologyError::File(error)) => {
            let help = error.missing().map(looked_for);
            Err(loaded.diagnose("topology.path", format!("topology.path: {error}"), help))
        }
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
    links.map_err(|error| loaded.diagnose(&error.path(), error.to_string(), error.missing().map(looked_for)))
}

/// Where a file was looked for that is not there.
fn looked_for(file: &Path) -> String {
    let full = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    format!("looked for at {}: paths in a scenario are relative to the folder of its file", full.display())
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
    match *error {
        LearningError::TooManyNodes { rows, .. } => {
            let help = format!(
                "these rows are enough for {} nodes; for more, name a larger dataset, or a model that needs none: \
                 \"model\": {{ \"kind\": \"synthetic\", \"size\": \"1MB\" }}",
                rows / 2
            );
            loaded.diagnose("nodes", message, Some(help))
        }
        _ => loaded.diagnose(&field, message, error.missing().map(looked_for)),
    }
}

/// The latest moment for the initiator to start: time for every node's first beats to cross the network, thrice
/// over.
fn start_after(scenario: &Scenario, spreading: Duration) -> Duration {
    let settling = 3 * (scenario.settings.heartbeat.period.0 + spreading) + Duration::from_secs(5);
    scenario.workflow.start_after().unwrap_or(settling)
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
    let fault = |field: &str, message: String, help| {
        loaded.diagnose(&format!("script[{entry}]{field}"), message, help)
    };
    match (&churn.trace, &churn.session, &churn.absence) {
        (Some(file), ..) => {
            let trace = Trace::load(&loaded.base_dir.join(file));
            trace
                .map(Lives::Traced)
                .map_err(|error| fault(".trace", error.to_string(), error.missing().map(looked_for)))
        }
        (None, Some(session), Some(absence)) => {
            Ok(Lives::Drawn { session: session.clone(), absence: absence.clone() })
        }
        // The scenario was checked.
        _ => Err(fault("", "a churn needs `session` and `absence`, or a `trace`".into(), None)),
    }
}
