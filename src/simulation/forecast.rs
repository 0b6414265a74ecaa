//! What a run will do, foreseen before it runs. How is the workflow's to say; here is what it is told of the scenario.

use crate::engine::{Action, Plan, SAMPLE, SocketPlan, Step};
use crate::node::foresight::{Disturbance, Forecast, Load, Outlook};
use crate::node::io::Job;
use crate::scenario::Clock;
use crate::transport::socket::Security;
use crate::wire::AddressBook;
use crate::wire::size::{GRPC_PREFIX, Sizes};
use std::time::Duration;

/// How long a message of a probe and its answer take over memory, on a thread.
const PROBE_SECONDS: f64 = 1.3e-6;

/// Foresees a run.
pub(super) fn forecast(plan: &Plan, load: &Load, spreading: Duration, model_bytes: u64) -> Forecast {
    plan.rules.workflow.forecast(&outlook(plan, load, spreading, model_bytes))
}

fn outlook<'a>(plan: &'a Plan, load: &'a Load, spreading: Duration, model_bytes: u64) -> Outlook<'a> {
    let link_s = plan.links.as_ref().map_or(0.0, |it| it.median() as f64 / 1e9);
    let epochs = plan.rules.workflow.epochs();
    let job = Job::Train { round: 0, epochs, start: plan.learner.initial(0), state: None };
    let unbound = plan.clock == Clock::Real && link_s == 0.0;
    Outlook {
        settings: &plan.rules.settings,
        graph: &plan.graph,
        links: plan.links.as_ref(),
        learner: &*plan.learner,
        load,
        // Addresses of sockets are not known yet.
        sizes: Sizes::new(AddressBook::numbered(plan.nodes()), model_bytes),
        wire: Box::new(|payload| wire(plan, payload)),
        train_s: Box::new(move |node| plan.compute.duration(node, &job).as_secs_f64()),
        evaluate_s: plan.compute.evaluating().as_secs_f64(),
        aggregate_s: plan.compute.aggregating().as_secs_f64(),
        evaluates: plan.rules.evaluates,
        evaluate_every: plan.evaluate_every,
        sample: SAMPLE,
        epochs,
        disturbances: plan.script.iter().map(disturbance).collect(),
        reached: &plan.reach.peers,
        lacking: plan.reach.lack_of_ttl().is_some(),
        start_after_s: plan.start_after.as_secs_f64(),
        link_s,
        // On a complete graph nobody has to pass anything on.
        flood_s: if plan.graph.is_complete() { link_s } else { spreading.as_secs_f64() },
        unbound_per_s: unbound
            .then(|| plan.threads as f64 / (PROBE_SECONDS + load.call_s) * plan.speedup.recip()),
    }
}

fn disturbance(step: &Step) -> Disturbance<'_> {
    let removes = matches!(step.action, Action::Crash(_) | Action::Partition { .. } | Action::Churn(_));
    let slows = match &step.action {
        Action::Slow(nodes, by) => Some((nodes.as_slice(), by.compute)),
        _ => None,
    };
    Disturbance { at: &step.at, slows, removes }
}

/// Bytes of a message of so many on its link.
fn wire(plan: &Plan, payload: f64) -> f64 {
    match (&plan.sockets, &plan.links) {
        (Some(sockets), _) => on_sockets(sockets, payload),
        (None, Some(links)) => links.wire_bytes(payload as u64) as f64,
        (None, None) => payload + GRPC_PREFIX as f64,
    }
}

/// Bytes of a message of so many with its answer, as `docs/costs.md` has them; with addresses that are longer than numbers.
fn on_sockets(sockets: &SocketPlan, payload: f64) -> f64 {
    let plain = sockets.protocol.message_with_answer(payload);
    let secured = if matches!(sockets.security, Security::Plain) { 0.0 } else { 44.0 + plain * 0.0015 };
    plain + secured + 8.0
}
