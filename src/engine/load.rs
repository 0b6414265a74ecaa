//! What a scenario asks of this machine, estimated before it runs: messages a second, and how fast scenario time may
//! go.

use super::compute::Compute;
use super::reach::{Means, Reach, messages_of_broadcast};
use crate::format::settings::Settings;
use crate::network::Links;
use crate::node::Rules;
use crate::node::probe::spec::{Extent, Pattern};
use crate::node::spec::{Pace, Workflow};
use crate::scenario::{Carrier, Transport};
use crate::topology::Graph;
use crate::transport::socket::Protocol;
use std::time::Duration;

/// CPU time that a message costs over the in-memory transport, with the node's work and the recording: what
/// `benches/` measures on a flooding network, rounded up.
pub const SECONDS_PER_MESSAGE: f64 = 0.15e-6;

/// CPU time that a message costs where each is handled alone, as one that carries a model is.
const SECONDS_PER_MODEL: f64 = 1.0e-6;

/// CPU time that a call costs over a socket, at both ends and with the node's work: what `benches/` measures, rounded up.
const fn seconds_per_call(transport: Transport) -> f64 {
    let Some((protocol, carrier)) = transport.on_sockets() else { return 0.0 };
    let plain = match protocol {
        Protocol::Grpc | Protocol::GrpcStream => 22e-6,
        Protocol::WebSocket => 8e-6,
        #[cfg(feature = "libp2p")]
        Protocol::Libp2p => 28e-6,
        Protocol::Http => 16e-6,
        Protocol::Http2 => 28e-6,
    };
    match carrier {
        Carrier::Tcp | Carrier::Unix => plain,
        Carrier::Tls { .. } => plain + 3e-6,
    }
}

/// No period is compressed below so much: tokio's timers have a grain of a millisecond and come up to two late, which
/// is to stay within a tenth of every period.
const SHORTEST_WALL: Duration = Duration::from_millis(20);

/// Faster than this nothing is gained: set-up and computing take their time.
const MAX_SPEEDUP: f64 = 1_000.0;

/// The load of a scenario, in scenario time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Messages a second while nothing but heartbeats is going on; in `dpsgd`, the models; in `rumor`, all.
    pub messages_per_s: f64,
    /// Heartbeats among them, as they flood.
    pub beats_per_s: f64,
    /// Messages of one round, beside heartbeats.
    pub messages_per_round: f64,
    /// Messages that one broadcast makes.
    pub messages_per_broadcast: f64,
    /// More messages a second nodes do not flood, where a cap keeps the others back.
    pub most_messages_per_s: Option<f64>,
    /// CPU seconds of a message over a socket, beside what nodes do; none over memory.
    pub call_s: f64,
    /// CPU seconds in a second of scenario time.
    pub cpu: f64,
    /// The same while everybody's votes spread at once.
    pub peak_cpu: f64,
}

/// Estimates the load.
///
/// A message that floods crosses every edge in both directions but for its source's: about 2 · edges messages. Each of
/// n nodes beats once a period: n · 2 · edges, which is n² · mean degree.
pub fn estimate(
    rules: &Rules,
    graph: &Graph,
    reach: &Reach,
    compute: &Compute,
    spreading: Duration,
    transport: Transport,
) -> Load {
    // Over a socket each message is a call of its own, whatever it carries.
    let call = seconds_per_call(transport);
    let (a_message, a_model) = (SECONDS_PER_MESSAGE + call, SECONDS_PER_MODEL + call);
    let nodes = f64::from(graph.nodes());
    let edges = 2.0 * graph.edges() as f64;
    let broadcast = messages_of_broadcast(reach, graph);
    let period = rules.settings.heartbeat.period.0.as_secs_f64().max(1e-9);
    let most_messages_per_s = rules.repaired().then(|| {
        // What a node says itself goes out at once, whatever waits to be passed on.
        let gossip = &rules.settings.gossip;
        edges / period + nodes * gossip.messages_per_period as f64 / gossip.period.0.as_secs_f64().max(1e-9)
    });
    let beats = (nodes * broadcast / period).min(most_messages_per_s.unwrap_or(f64::INFINITY));
    match &rules.workflow {
        Workflow::P2pfl(it) => {
            let trainers = f64::from(it.trainset_size.min(graph.nodes()));
            // Votes and models_ready of everyone; models_aggregated of each trainer for each contribution.
            let broadcasts = 2.0 * nodes + trainers * (trainers + 1.0);
            let votes =
                nodes * broadcast / spreading.as_secs_f64().max(rules.settings.gossip.period.0.as_secs_f64());
            Load {
                messages_per_s: beats,
                beats_per_s: beats,
                messages_per_round: broadcasts * broadcast,
                messages_per_broadcast: broadcast,
                most_messages_per_s,
                call_s: call,
                cpu: beats * a_message,
                peak_cpu: (beats + votes) * a_message,
            }
        }
        Workflow::Dpsgd(it) => {
            let round = compute.train.median().saturating_mul(it.epochs) + compute.aggregate.median();
            // One to each neighbour, or one to one of them and its own back.
            let each = match it.mode {
                Pace::Synchronous => edges,
                Pace::Asynchronous => 2.0 * nodes,
            };
            let models = each / round.as_secs_f64().max(1e-3);
            let beats = if it.heartbeats { beats } else { 0.0 };
            let cpu = models * a_model + beats * a_message;
            Load {
                messages_per_s: models + beats,
                beats_per_s: beats,
                messages_per_round: each,
                messages_per_broadcast: broadcast,
                most_messages_per_s,
                call_s: call,
                cpu,
                peak_cpu: cpu,
            }
        }
        Workflow::Probe(it) => {
            let streams = match it.pattern {
                Pattern::Pairs | Pattern::Ring => nodes,
                Pattern::AllNeighbours => edges,
            };
            // A closed loop asks for nothing: it goes as fast as it can.
            let messages_per_s = streams * it.rate.unwrap_or(0.0);
            let messages_per_round = match it.extent() {
                Extent::Count(count) => streams * count as f64,
                Extent::Time { warm_up, measured } => messages_per_s * (warm_up + measured).as_secs_f64(),
            };
            let cpu = messages_per_s * SECONDS_PER_MODEL;
            Load {
                messages_per_s,
                beats_per_s: 0.0,
                messages_per_round,
                messages_per_broadcast: 0.0,
                most_messages_per_s: None,
                call_s: call,
                cpu,
                peak_cpu: cpu,
            }
        }
        Workflow::Rumor(it) => {
            // Every node calls once a round, and where nodes ask, is answered.
            let messages = nodes * f64::from(it.mode.trips());
            let messages_per_s = messages / it.period.0.as_secs_f64().max(1e-9);
            let cpu = messages_per_s * a_model;
            Load {
                messages_per_s,
                beats_per_s: 0.0,
                messages_per_round: messages,
                messages_per_broadcast: 0.0,
                most_messages_per_s: None,
                call_s: call,
                cpu,
                // All nodes call at the same time: what lasts longer than a tenth of the period comes late.
                peak_cpu: 10.0 * cpu,
            }
        }
    }
}

/// How much of the shortest period what a machine takes may take, timers that come late and sockets alike: the rest of
/// the period hides it.
pub const SHARE_OF_PERIOD: f64 = 0.1;

/// What comes to sockets at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Together {
    /// Connections that are opened while the clock of learning goes.
    pub connects: u32,
    /// Calls on open ones.
    pub calls: u32,
}

/// How much may come to sockets at the same time, once nodes are connected to their neighbours.
pub fn together(rules: &Rules, graph: &Graph) -> Together {
    let nodes = graph.nodes();
    match &rules.workflow {
        // Trainers offer their contributions to each other, each to one at a time, and connect for it to whoever is no
        // neighbour.
        Workflow::P2pfl(it) => {
            let trainers = it.trainset_size.min(nodes);
            Together { connects: if graph.is_complete() { 0 } else { trainers }, calls: trainers }
        }
        // All have trained equally long.
        Workflow::Dpsgd(_) => Together { connects: 0, calls: nodes },
        // Nobody stays connected, and all call at the same time.
        Workflow::Rumor(_) => Together { connects: nodes, calls: nodes },
        // How long it takes is what it is for.
        Workflow::Probe(_) => Together { connects: 0, calls: 0 },
    }
}

/// The largest speedup at which the load stays under half of the cores that run nodes, no period becomes shorter than
/// timers can keep, and what sockets take, `wall_s` of wall time, stays hidden in the shortest period. What they take in
/// real time is never too much: it is what they take.
pub fn auto_speedup(period: Duration, load: &Load, cores: usize, wall_s: f64) -> f64 {
    let by_load = if load.peak_cpu > 0.0 { cores as f64 / 2.0 / load.peak_cpu } else { MAX_SPEEDUP };
    // Jobs that take no time keep no period.
    let by_period =
        if period.is_zero() { MAX_SPEEDUP } else { period.as_secs_f64() / SHORTEST_WALL.as_secs_f64() };
    let by_sockets = if wall_s > 0.0 && !period.is_zero() {
        // Half of what there is: among nodes, it takes longer than alone.
        (period.as_secs_f64() * SHARE_OF_PERIOD / 2.0 / wall_s).max(1.0)
    } else {
        MAX_SPEEDUP
    };
    let speedup = by_load.min(by_period).min(by_sockets).clamp(0.01, MAX_SPEEDUP);
    // Two digits: an estimate is no better, and it reads better.
    let digits = 10f64.powf(1.0 - speedup.log10().floor());
    (speedup * digits).floor() / digits
}

/// The shortest period that nodes keep. Where they keep none it is the time that training takes.
pub fn shortest_period(rules: &Rules, compute: &Compute) -> Duration {
    let Settings { heartbeat, gossip, .. } = &rules.settings;
    match &rules.workflow {
        Workflow::P2pfl(_) => gossip.period.0.min(gossip.models_period.0).min(heartbeat.period.0),
        Workflow::Dpsgd(it) if it.heartbeats => gossip.period.0.min(heartbeat.period.0),
        Workflow::Dpsgd(it) => compute.train.median().saturating_mul(it.epochs),
        Workflow::Rumor(it) => it.period.0,
        // How late messages leave is among its figures.
        Workflow::Probe(_) => Duration::ZERO,
    }
}

/// How long a broadcast takes to reach everyone within `hops`: at each hop but the first it waits for the next batch,
/// half a period on average, and crosses a link.
pub fn spreading(rules: &Rules, reach: &Reach, links: Option<&Links>, hops: u32) -> Duration {
    let link = links.map_or(Duration::ZERO, |links| Duration::from_nanos(links.median()));
    match reach.by {
        Means::Flooding { .. } => hops * (rules.settings.gossip.period.0 / 2 + link),
        Means::Calls | Means::None => link,
    }
}
