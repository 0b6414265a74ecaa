//! What a scenario asks of this machine, estimated before it runs: messages a second, and how fast scenario time may
//! go.

use super::compute::Compute;
use super::reach::{Means, Reach, messages_of_broadcast};
use crate::network::Links;
use crate::node::Rules;
use crate::node::foresight::{Load, Site};
use crate::scenario::{Carrier, Transport};
use crate::topology::Graph;
use std::time::Duration;

/// CPU time that a message costs over the in-memory transport, with the node's work and the recording: what
/// `benches/` measures on a flooding network, rounded up.
pub const SECONDS_PER_MESSAGE: f64 = 0.15e-6;

/// CPU time that a message costs where each is handled alone, as one that carries a model is.
const SECONDS_PER_MODEL: f64 = 1.0e-6;

/// CPU time that a call costs over a socket, at both ends and with the node's work: what `benches/` measures, rounded up.
const fn seconds_per_call(transport: Transport) -> f64 {
    let Some((protocol, carrier)) = transport.on_sockets() else { return 0.0 };
    match carrier {
        Carrier::Tcp | Carrier::Unix => protocol.call_s(),
        Carrier::Tls { .. } => protocol.call_s() + 3e-6,
    }
}

/// No period is compressed below so much: tokio's timers have a grain of a millisecond and come up to two late, which
/// is to stay within a tenth of every period.
const SHORTEST_WALL: Duration = Duration::from_millis(20);

/// Faster than this nothing is gained: set-up and computing take their time.
const MAX_SPEEDUP: f64 = 1_000.0;

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
    let call_s = seconds_per_call(transport);
    let nodes = f64::from(graph.nodes());
    let edges = 2.0 * graph.edges() as f64;
    let broadcast = messages_of_broadcast(reach, graph);
    let gossip = &rules.settings.gossip;
    let period = rules.settings.heartbeat.period.0.as_secs_f64().max(1e-9);
    let most_messages_per_s = rules.repaired().then(|| {
        // What a node says itself goes out at once, whatever waits to be passed on.
        edges / period + nodes * gossip.messages_per_period as f64 / gossip.period.0.as_secs_f64().max(1e-9)
    });
    let traffic = rules.workflow.traffic(&Site {
        nodes: graph.nodes(),
        edges,
        complete: graph.is_complete(),
        beats_per_s: (nodes * broadcast / period).min(most_messages_per_s.unwrap_or(f64::INFINITY)),
        broadcast,
        training: compute.train.median(),
        aggregating: compute.aggregate.median(),
        spreading,
        batch: gossip.period.0,
    });
    let cpu = |flooded: f64| {
        flooded * (SECONDS_PER_MESSAGE + call_s) + traffic.singles_per_s * (SECONDS_PER_MODEL + call_s)
    };
    Load {
        messages_per_s: traffic.singles_per_s + traffic.beats_per_s,
        beats_per_s: traffic.beats_per_s,
        messages_per_round: traffic.per_round,
        messages_per_broadcast: broadcast,
        most_messages_per_s,
        call_s,
        cpu: cpu(traffic.beats_per_s),
        peak_cpu: traffic.peak * cpu(traffic.beats_per_s + traffic.rush_per_s),
        together: traffic.together,
    }
}

/// How much of the shortest period what a machine takes may take, timers that come late and sockets alike: the rest of
/// the period hides it.
pub const SHARE_OF_PERIOD: f64 = 0.1;

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
    rules.workflow.period(&rules.settings, compute.train.median())
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
