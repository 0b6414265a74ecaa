//! What a scenario asks of this machine, before it runs, and where it asks too much.

use super::forecast::forecast;
use crate::engine::Plan;
use crate::node::Rules;
use crate::node::foresight::{Forecast, Heap, Load, Misfit, Prospect};
use crate::scenario::Clock;
use crate::topology::Graph;
use std::time::Duration;

// The figures that follow are what runs took on the machine that `benches/estimates` was written on; it says how far from
// them runs are.

/// Bytes of the program itself, its recorders and what it writes at the end; and of the threads that learn.
const PROGRAM_BYTES: f64 = 45e6;
const LEARNING_BYTES: f64 = 15e6;
/// Bytes of a connection between two nodes, both ends.
const CONNECTION_BYTES: f64 = 200e3;
/// Bytes of a node's task, inbox and state without tables, as measured with ten thousand `dpsgd` nodes.
const TASK_BYTES: f64 = 3_500.0;
/// Bytes of a node on the virtual clock, with its timers and the events of its messages, as measured with `dpsgd`.
const VIRTUAL_NODE_BYTES: f64 = 1_200.0;
/// Bytes of a model beside its values.
const MODEL_BYTES: f64 = 64.0;

/// CPU time of a run beside all else, and of each second that it takes on the real clock.
const PROGRAM_SECONDS: f64 = 0.03;
const SECONDS_PER_WALL_SECOND: f64 = 0.03;
/// CPU time of an input, with what a node does with it; on the virtual clock an event; of a probe, which comes with others.
const SECONDS_PER_INPUT: f64 = 1.5e-6;
const VIRTUAL_SECONDS_PER_INPUT: f64 = 1.3e-6;
const SECONDS_PER_PROBE: f64 = 0.3e-6;
/// CPU time of a timer on the real clock, which wakes a task and then its neighbours'.
const SECONDS_PER_TIMER: f64 = 15e-6;
/// CPU time that a call over a socket takes beside what `benches/` measures where many are under way.
const SECONDS_PER_LONE_CALL: f64 = 35e-6;
/// CPU time of a window on the virtual clock in which threads meet.
const SECONDS_PER_WINDOW: f64 = 3e-6;
/// CPU time of a flooded message beside its input, and of one that a node passes on: where there are a thousand nodes, whose
/// tables no longer fit the caches, and at least that share of it.
const SECONDS_PER_MESSAGE: f64 = 0.1e-6;
const SECONDS_PER_NEWS: f64 = 1.0e-6;
const LEAST_OF_NEWS: f64 = 0.3;
/// Floating-point operations in a second of CPU time.
const OPERATIONS_PER_SECOND: f64 = 4e9;
/// CPU time of reading data, for each byte that it takes up meanwhile.
const SECONDS_PER_BYTE_READ: f64 = 5e-9;

/// The estimate for a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The clock that it is for.
    pub clock: Clock,
    /// Messages and, on the real clock, CPU, a second of scenario time.
    pub load: Load,
    /// What the run will do.
    pub forecast: Forecast,
    /// Seconds of scenario time in a second of wall time; on the virtual clock it means nothing.
    pub speedup: f64,
    /// How long a broadcast takes to reach everyone within its time to live.
    pub spreading: Duration,
    /// Hops from the initiator to the farthest node.
    pub depth: u32,
    /// CPU seconds of the whole run.
    pub cpu_s: f64,
    /// Memory at the peak.
    pub memory_bytes: f64,
    /// Bytes of an encoded model.
    pub model_bytes: u64,
}

impl Estimate {
    /// For a plan.
    pub(super) fn of(plan: &Plan, load: Load, spreading: Duration, depth: u32, model_bytes: u64) -> Self {
        let forecast = forecast(plan, &load, spreading, model_bytes);
        Self {
            clock: plan.clock,
            load,
            speedup: plan.speedup,
            spreading,
            depth,
            cpu_s: cpu(plan, &load, &forecast),
            memory_bytes: memory(plan, &load, &forecast),
            model_bytes,
            forecast,
        }
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
        let degree = 2.0 * graph.edges() as f64 / f64::from(graph.nodes()).max(1.0);
        misfits.extend(rules.workflow.misfits(&Prospect {
            settings: &rules.settings,
            degree,
            reached: self.load.messages_per_broadcast / degree.max(1.0),
            spreading: self.spreading,
            depth: self.depth,
        }));
        misfits
    }
}

/// CPU seconds of a run.
fn cpu(plan: &Plan, load: &Load, forecast: &Forecast) -> f64 {
    let messages = forecast.messages + forecast.setup_messages;
    let seconds = forecast.setup_s + forecast.scenario_s;
    let probes = plan.rules.workflow.grid().is_some();
    let inputs = forecast.inputs
        * match plan.clock {
            _ if probes => SECONDS_PER_PROBE,
            Clock::Real => SECONDS_PER_INPUT,
            Clock::Virtual => VIRTUAL_SECONDS_PER_INPUT,
        };
    let clock = match (plan.clock, &plan.links) {
        (Clock::Real, _) => {
            forecast.timers * SECONDS_PER_TIMER + seconds / plan.speedup * SECONDS_PER_WALL_SECOND
        }
        // A time to live that all share keeps all nodes on one thread.
        (Clock::Virtual, Some(links)) if plan.threads > 1 && !plan.rules.shared_ttl() => {
            (seconds / links.lookahead().as_secs_f64()).min(forecast.inputs) * SECONDS_PER_WINDOW
        }
        (Clock::Virtual, _) => 0.0,
    };
    let calls = if plan.sockets.is_some() { messages * (load.call_s + SECONDS_PER_LONE_CALL) } else { 0.0 };
    let news =
        forecast.news * SECONDS_PER_NEWS * (f64::from(plan.nodes()) / 1_000.0).clamp(LEAST_OF_NEWS, 1.0);
    let flooding = (forecast.flooded + forecast.setup_messages) * SECONDS_PER_MESSAGE + news;
    let learning = forecast.work / OPERATIONS_PER_SECOND
        + plan.learner.data_bytes().reading as f64 * SECONDS_PER_BYTE_READ;
    PROGRAM_SECONDS + inputs + clock + calls + flooding + learning
}

/// Bytes of memory at the peak of a run.
fn memory(plan: &Plan, load: &Load, forecast: &Forecast) -> f64 {
    let (rules, graph) = (&plan.rules, &plan.graph);
    let nodes = f64::from(graph.nodes());
    let model = plan.learner.initial(0);
    // One that only weighs is there once.
    let model = if model.is_synthetic() { 0.0 } else { MODEL_BYTES + model.heap_bytes() as f64 };
    let edges = 2.0 * graph.edges() as f64;
    let held = rules.workflow.held(&Heap {
        settings: &rules.settings,
        nodes,
        edges,
        known: plan.reach.peers.iter().map(|&peers| f64::from(peers)).sum(),
        load,
        backlog: forecast.backlog,
        model,
        tasks: plan.clock == Clock::Real,
    });
    let node = match plan.clock {
        Clock::Real => TASK_BYTES,
        Clock::Virtual => VIRTUAL_NODE_BYTES,
    };
    let data = plan.learner.data_bytes();
    let learning = if rules.evaluates { LEARNING_BYTES } else { 0.0 };
    let connections = if plan.sockets.is_some() { edges } else { 0.0 };
    let running = nodes * node + held + data.held as f64 + learning + connections * CONNECTION_BYTES;
    PROGRAM_BYTES + running.max(data.reading as f64)
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
    fn a_model_that_only_weighs_is_there_once_and_one_that_is_learnt_at_every_node() {
        let of = |model: &str| {
            let rest = format!(
                r#""nodes": 700, "topology": {{ "kind": "ring" }}, "workflow": {{ "kind": "dpsgd" }},
                    "learning": {{ "model": {model} }}"#
            );
            estimated("virtual", &rest).0.memory_bytes
        };
        let weighs = of(r#"{ "kind": "synthetic", "size": "1MB" }"#);
        assert!(weighs < 60e6, "{weighs}");
        // 64 · 1000 + 1000 + 1000 · 10 + 10 values of four bytes, the node's own and its next.
        let learnt = of(r#"{ "kind": "mlp", "hidden": [1000] }"#);
        assert!(learnt > 700.0 * 2.0 * 75_010.0 * 4.0, "{learnt}");
    }

    #[test]
    fn a_cap_keeps_messages_back_in_the_estimate_too() {
        let of = |cap: u64| {
            let rest = format!(
                r#""nodes": 100, "topology": {{ "kind": "full" }},
                    "settings": {{ "gossip": {{ "period": "1s", "messages_per_period": {cap} }} }}"#
            );
            estimated("virtual", &rest).0.load.beats_per_s
        };
        // Each of a hundred nodes says its own to 99 every two seconds, and passes on ten of the others' a second.
        assert_eq!(of(10), 100.0 * 99.0 / 2.0 + 100.0 * 10.0);
        assert_eq!(of(1_000_000), 100.0 * 99.0 * 99.0 / 2.0);
    }

    #[test]
    fn only_the_real_clock_can_be_overloaded() {
        let busy = r#""nodes": 64, "topology": { "kind": "full" }, "speedup": 5000"#;
        assert!(estimated("real", busy).1);
        assert!(!estimated("virtual", busy).1);
    }
}
