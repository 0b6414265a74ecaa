//! What a scenario asks of this machine, before it runs, and where it asks too much.

use crate::engine::load::{self, Load};
use crate::node::Rules;
use crate::node::spec::{Variant, Workflow};
use crate::scenario::Clock;
use crate::topology::Graph;
use std::time::Duration;

/// Bytes of a node's task, inbox and state without tables, as measured with ten thousand `dpsgd` nodes.
const TASK_BYTES: f64 = 3_500.0;
/// Bytes of a node on the virtual clock, with its timers and the events of its messages, as measured with `dpsgd`.
const VIRTUAL_NODE_BYTES: f64 = 1_200.0;
/// Bytes of the handles that a `dpsgd` task keeps for a neighbour and its early models.
const NEIGHBOUR_BYTES: f64 = 128.0;
/// Bytes that a `p2pfl` node keeps for each peer that it knows: neighbour, status, vote, contributions.
const KNOWN_PEER_BYTES: f64 = 120.0;
/// Bytes of a remembered message hash in its table.
const HASH_BYTES: f64 = 20.0;
/// Bytes of a gossip message that waits to be passed on.
const PENDING_BYTES: f64 = 160.0;
/// Bytes of the program itself, its recorders and the dataset.
const PROGRAM_BYTES: f64 = 40e6;

/// CPU time of a message that floods, on the virtual clock: what `benches/` measures on a thousand nodes.
const VIRTUAL_SECONDS_PER_MESSAGE: f64 = 0.2e-6;
/// CPU time of a message on the virtual clock where each is handled alone: what `benches/` measures with `dpsgd`.
const VIRTUAL_SECONDS_PER_CALL: f64 = 0.5e-6;

/// How long the first model takes for a hop: P2PFL waits a second before it passes it on.
const FIRST_MODEL_HOP: Duration = Duration::from_secs(1);

/// The estimate for a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The clock that it is for.
    pub clock: Clock,
    /// Messages and, on the real clock, CPU.
    pub load: Load,
    /// Seconds of scenario time in a second of wall time; on the virtual clock it means nothing.
    pub speedup: f64,
    /// How long a broadcast takes to reach everyone within its time to live.
    pub spreading: Duration,
    /// Hops from the initiator to the farthest node.
    pub depth: u32,
    /// Memory at the peak.
    pub memory_bytes: f64,
    /// Bytes of an encoded model.
    pub model_bytes: u64,
}

/// Something that a scenario asks too much of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The field it comes from.
    pub path: &'static str,
    /// A fixed name.
    pub code: &'static str,
    /// What is too much, with the numbers.
    pub message: String,
    /// What would mend it.
    pub help: String,
}

impl Estimate {
    /// The same with the memory that it takes.
    pub(super) fn with_memory(self, rules: &Rules, graph: &Graph, reach: &[u32]) -> Self {
        let load = self.load;
        let nodes = f64::from(graph.nodes());
        let model = self.model_bytes as f64;
        let memory = match &rules.workflow {
            Workflow::P2pfl(it) => {
                let known: f64 = reach.iter().map(|&peers| f64::from(peers)).sum();
                let remembered = match it.variant {
                    Variant::Repaired => {
                        load::memory(rules).as_secs_f64() * 2.0 * load.messages_per_s
                            / load.messages_per_broadcast.max(1.0)
                            * nodes
                    }
                    Variant::Faithful | Variant::FaithfulMemory => {
                        rules.settings.gossip.amount_last_messages_saved as f64 * nodes
                    }
                };
                let pending = load.messages_per_s * rules.settings.gossip.period.0.as_secs_f64();
                known * KNOWN_PEER_BYTES
                    + remembered * HASH_BYTES
                    + pending * PENDING_BYTES
                    + model * (nodes + 4.0 * f64::from(it.trainset_size))
            }
            Workflow::Probe(_) => 0.0,
            // Its own model, its next one, and up to two of each neighbour; a model on its way is one of these.
            Workflow::Rumor(_) => 0.0,
            Workflow::Dpsgd(_) => {
                let neighbours = match self.clock {
                    Clock::Real => 2.0 * graph.edges() as f64 * NEIGHBOUR_BYTES,
                    Clock::Virtual => 0.0,
                };
                2.0 * nodes * model + neighbours
            }
        };
        let node = match self.clock {
            Clock::Real => TASK_BYTES,
            Clock::Virtual => VIRTUAL_NODE_BYTES,
        };
        Self { memory_bytes: PROGRAM_BYTES + nodes * node + memory, ..self }
    }

    /// Very roughly, the CPU seconds on the virtual clock: for the messages of one round, and for the beats of a second
    /// of scenario time. What nodes compute comes on top.
    pub fn virtual_cpu(&self, rules: &Rules) -> (f64, f64) {
        let a_message = match rules.workflow {
            Workflow::P2pfl(_) => VIRTUAL_SECONDS_PER_MESSAGE,
            Workflow::Dpsgd(_) | Workflow::Rumor(_) | Workflow::Probe(_) => VIRTUAL_SECONDS_PER_CALL,
        };
        (self.load.messages_per_round * a_message, self.load.beats_per_s * VIRTUAL_SECONDS_PER_MESSAGE)
    }

    /// What does not fit: a cap, a list of known messages, the cores, a timeout.
    pub fn misfits(&self, rules: &Rules, graph: &Graph, cores: usize) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        let cpu = self.load.cpu * self.speedup;
        // The virtual clock waits for whatever takes long.
        if self.clock == Clock::Real && cpu > cores as f64 {
            misfits.push(Misfit {
                path: "speedup",
                code: "overload",
                message: format!(
                    "about {:.0} messages a second at speedup {} ask for {cpu:.1} cores; {cores} run nodes",
                    self.load.messages_per_s * self.speedup,
                    self.speedup
                ),
                help: "lower `speedup`, or set it to \"auto\"".into(),
            });
        }
        let Workflow::P2pfl(workflow) = &rules.workflow else { return misfits };
        let (gossip, heartbeat) = (&rules.settings.gossip, &rules.settings.heartbeat);
        let nodes = f64::from(graph.nodes());
        // Every node passes on every other's beat to its neighbours.
        let degree = 2.0 * graph.edges() as f64 / nodes.max(1.0);
        let reached = self.load.messages_per_broadcast / degree.max(1.0);
        let sends = reached / heartbeat.period.0.as_secs_f64() * degree * gossip.period.0.as_secs_f64();
        if workflow.variant == Variant::Repaired && sends > gossip.messages_per_period as f64 {
            misfits.push(Misfit {
                path: "settings.gossip.messages_per_period",
                code: "cap-exceeded",
                message: format!(
                    "heartbeats alone make a node forward about {sends:.0} messages a period; the cap is {}, so they \
                     pile up",
                    gossip.messages_per_period
                ),
                help: format!("set it to {:.0} or more, or lengthen `settings.heartbeat.period`", 3.0 * sends),
            });
        }
        let circulating =
            reached * (self.spreading.as_secs_f64() / heartbeat.period.0.as_secs_f64()).max(1.0);
        if workflow.variant != Variant::Repaired && circulating > gossip.amount_last_messages_saved as f64 {
            misfits.push(Misfit {
                path: "settings.gossip.amount_last_messages_saved",
                code: "dedup-overflow",
                message: format!(
                    "about {circulating:.0} messages circulate at a time, but a node remembers {}: it forgets \
                     messages that are still under way and floods them again",
                    gossip.amount_last_messages_saved
                ),
                help: format!("set it to {:.0} or more, or use the variant `repaired`", 3.0 * circulating),
            });
        }
        // `repaired` goes by the time of receipt: however far a peer is, its beats come one period apart.
        let late = self.spreading + heartbeat.period.0;
        if workflow.variant != Variant::Repaired && late > heartbeat.timeout.0 {
            misfits.push(Misfit {
                path: "settings.heartbeat.timeout",
                code: "flapping-peers",
                message: format!(
                    "a beat takes up to {:.1} s to reach the farthest peer, and the next comes {} later: far peers \
                     are forgotten and found again all the time",
                    self.spreading.as_secs_f64(),
                    heartbeat.period
                ),
                help: format!("set it to {:.0}s or more", (2.0 * late.as_secs_f64()).ceil()),
            });
        }
        // The first model waits a second at every hop before it is passed on, so the first to vote wait that long for
        // the last.
        let start = FIRST_MODEL_HOP * self.depth + self.spreading;
        if start > rules.settings.training.vote_timeout.0 {
            misfits.push(Misfit {
                path: "settings.training.vote_timeout",
                code: "votes-time-out",
                message: format!(
                    "the first model takes about {:.0} s to spread, so the first nodes to vote wait longer than {} for \
                     the votes of the last, and go on without them",
                    start.as_secs_f64(),
                    rules.settings.training.vote_timeout
                ),
                help: format!("set it to {:.0}s or more", (1.5 * start.as_secs_f64()).ceil()),
            });
        }
        misfits
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::parse;
    use crate::simulation::{Estimate, Options, prepare};

    /// The estimate for a scenario on a clock, and whether it is warned of overload.
    fn estimated(clock: &str, rest: &str) -> (Estimate, bool) {
        let text = format!(r#"{{ "name": "x", "clock": "{clock}", {rest} }}"#);
        let mut loaded = parse(&text, "x.json", &[]).unwrap();
        let estimate = prepare(&mut loaded, Options::default()).map(|it| it.estimate).unwrap();
        (estimate, loaded.warnings.0.iter().any(|it| it.code == "overload"))
    }

    #[test]
    fn nodes_are_smaller_on_the_virtual_clock() {
        let many = r#""nodes": 100000, "topology": { "kind": "random_regular", "degree": 8 },
            "workflow": { "kind": "dpsgd" }, "learning": { "model": { "kind": "averaging", "dimension": 1 } }"#;
        let (tasks, events) = (estimated("real", many).0, estimated("virtual", many).0);
        assert!(events.memory_bytes < tasks.memory_bytes / 2.0, "{events:?} {tasks:?}");
        assert!(events.memory_bytes > 100_000.0 * 1_000.0, "{events:?}");
    }

    #[test]
    fn only_the_real_clock_can_be_overloaded() {
        let busy = r#""nodes": 64, "topology": { "kind": "full" }, "speedup": 5000"#;
        assert!(estimated("real", busy).1);
        assert!(!estimated("virtual", busy).1);
    }
}
