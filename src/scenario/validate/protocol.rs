//! Rules of the workflow and of P2PFL's settings.

use super::Report;
use crate::node::foresight::Surroundings;
use crate::scenario::path::Path;
use crate::scenario::{Clock, Scenario, Speedup};

/// Rounds and epochs beyond this are a slip of the keyboard.
const MAX_ROUNDS: u32 = 1_000_000;

pub(super) fn check(scenario: &Scenario, report: &mut Report) {
    for (path, value) in
        [("workflow.rounds", scenario.workflow.rounds()), ("workflow.epochs", scenario.workflow.epochs())]
    {
        report.at_least_one(path, value);
        if value > MAX_ROUNDS {
            report.error(path, format!("`{path}` is {value}"), format!("it can be at most {MAX_ROUNDS}"));
        }
    }
    let surroundings = Surroundings {
        nodes: scenario.nodes,
        outside: scenario.grpc.join.len() as u32,
        settings: &scenario.settings,
        takes_partials: scenario.learning.aggregator.rule().takes_partials(),
        sockets: scenario.transport.is_socket().then(|| scenario.transport.name()),
        loses: scenario.network.as_ref().is_some_and(|it| it.lossy && it.packet_loss > 0.0),
        speedup: match (scenario.speedup, scenario.clock) {
            (Speedup::Factor(factor), Clock::Real) => Some(factor),
            _ => None,
        },
    };
    scenario.workflow.check(&surroundings, report);
    settings(scenario, report);
}

fn settings(scenario: &Scenario, report: &mut Report) {
    let settings = &scenario.settings;
    let busy = "a node would do nothing else (in P2PFL, whose tests write 0, it spins)";
    let at_once = "every wait would be over at once";
    report.longer_than_zero(
        "settings.general.grpc_timeout",
        settings.general.grpc_timeout,
        "every call would fail",
    );
    let heartbeat = &settings.heartbeat;
    report.longer_than_zero("settings.heartbeat.period", heartbeat.period, busy);
    report.longer_than_zero(
        "settings.heartbeat.timeout",
        heartbeat.timeout,
        "every peer would be forgotten at once",
    );
    if heartbeat.timeout <= heartbeat.period && !heartbeat.timeout.0.is_zero() {
        let path = if report.positions.is_written(&Path::from("settings.heartbeat.timeout")) {
            "settings.heartbeat.timeout"
        } else {
            "settings.heartbeat.period"
        };
        report.warn(
            path,
            "peers-flap",
            format!(
                "peers are forgotten after {}, before their next beat after {} can come: they will come and go",
                heartbeat.timeout, heartbeat.period
            ),
            "make `settings.heartbeat.timeout` at least twice the period",
        );
    }
    let gossip = &settings.gossip;
    report.longer_than_zero("settings.gossip.period", gossip.period, busy);
    report.longer_than_zero("settings.gossip.models_period", gossip.models_period, busy);
    report.at_least_one("settings.gossip.messages_per_period", gossip.messages_per_period);
    report.at_least_one("settings.gossip.amount_last_messages_saved", gossip.amount_last_messages_saved);
    report.at_least_one("settings.gossip.models_per_round", gossip.models_per_round);
    report.at_least_one("settings.gossip.exit_on_x_equal_rounds", gossip.exit_on_x_equal_rounds);
    if gossip.ttl > i32::MAX as u32 {
        let message = format!("`settings.gossip.ttl` is {}", gossip.ttl);
        report.error("settings.gossip.ttl", message, "it is a 32-bit number on the wire: at most 2147483647");
    }
    report.longer_than_zero("settings.training.vote_timeout", settings.training.vote_timeout, at_once);
    report.longer_than_zero(
        "settings.training.aggregation_timeout",
        settings.training.aggregation_timeout,
        at_once,
    );
}
