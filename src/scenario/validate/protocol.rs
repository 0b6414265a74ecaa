//! Rules of the workflow and of P2PFL's settings.

use super::Report;
use crate::node::spec::{Dissemination, P2pfl, Pace, Rumor, Variant, Workflow};
use crate::scenario::Scenario;
use crate::scenario::path::Path;

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
    match &scenario.workflow {
        Workflow::P2pfl(workflow) => p2pfl(scenario, workflow, report),
        Workflow::Dpsgd(workflow) => {
            if workflow.mode == Pace::Asynchronous
                && report.positions.is_written(&Path::from("workflow.mixing"))
            {
                report.warn(
                    "workflow.mixing",
                    "setting-without-effect",
                    "`workflow.mixing` has no effect where nodes average in pairs: each weighs one half",
                    "leave it out, or write \"mode\": \"synchronous\"",
                );
            }
            if workflow.mode == Pace::Asynchronous && !scenario.learning.aggregator.rule().takes_partials() {
                report.error(
                    "learning.aggregator",
                    "nodes that average in pairs add to that what training has changed, and this rule cannot",
                    "write \"aggregator\": \"fedavg\", or \"mode\": \"synchronous\" in `workflow`",
                );
            }
            let mut idle = vec!["settings.training.vote_timeout"];
            if !workflow.heartbeats {
                // Beats are flooded too.
                idle.extend(["settings.gossip", "settings.heartbeat"]);
            }
            for path in idle {
                if report.positions.is_written(&Path::from(path)) {
                    report.warn(
                        path,
                        "setting-without-effect",
                        format!("`{path}` has no effect in `dpsgd`"),
                        match path {
                            "settings.training.vote_timeout" => "leave it out: nobody votes",
                            _ => "leave it out, or write \"heartbeats\": true into `workflow`",
                        },
                    );
                }
            }
        }
        Workflow::Rumor(workflow) => rumor(scenario, workflow, report),
        Workflow::Probe(workflow) => super::probe::check(scenario, workflow, report),
    }
    settings(scenario, report);
}

fn rumor(scenario: &Scenario, workflow: &Rumor, report: &mut Report) {
    let nodes = scenario.nodes;
    if nodes > 0 && workflow.source >= nodes {
        report.error(
            "workflow.source",
            crate::format::selection::beyond(workflow.source, nodes),
            "the source must be one of the nodes",
        );
    }
    let why = "all rounds would be at once";
    report.longer_than_zero("workflow.period", workflow.period, why);
    for (path, help) in [
        ("learning", "leave it out: nothing is learnt"),
        ("settings.gossip", "leave it out: nothing floods"),
        ("settings.heartbeat", "leave it out: nobody beats"),
        ("settings.training", "leave it out: nobody trains"),
    ] {
        if report.positions.is_written(&Path::from(path)) {
            let message = format!("`{path}` has no effect in `rumor`");
            report.warn(path, "setting-without-effect", message, help);
        }
    }
}

fn p2pfl(scenario: &Scenario, workflow: &P2pfl, report: &mut Report) {
    let nodes = scenario.nodes;
    report.at_least_one("workflow.trainset_size", workflow.trainset_size);
    // Peers outside may be elected as well.
    let peers = nodes.saturating_add(scenario.grpc.join.len() as u32);
    let written = report.positions.is_written(&Path::from("workflow.trainset_size"));
    if nodes > 0 && workflow.trainset_size > peers && written {
        // P2PFL's ballots name no more candidates than there are peers.
        report.warn(
            "workflow.trainset_size",
            "trainset-clamped",
            format!(
                "a train set of {} is larger than the network of {peers}: all nodes train in every round, as in P2PFL",
                workflow.trainset_size
            ),
            format!("write {peers} or less"),
        );
    }
    if nodes > 0 && workflow.initiator >= nodes {
        report.error(
            "workflow.initiator",
            crate::format::selection::beyond(workflow.initiator, nodes),
            "the initiator must be one of the nodes",
        );
    }
    dissemination(scenario, workflow, report);
    let gossip = &scenario.settings.gossip;
    let path = "settings.gossip.amount_last_messages_saved";
    if workflow.variant == Variant::Repaired
        && gossip.amount_last_messages_saved != 100
        && report.positions.is_written(&Path::from(path))
    {
        report.warn(
            path,
            "setting-without-effect",
            format!("`{path}` has no effect: `repaired` remembers messages by age"),
            "leave it out, or write \"variant\": \"faithful\"",
        );
    }
}

/// What P2PFL does not have on the wire, its peers do not understand.
fn dissemination(scenario: &Scenario, workflow: &P2pfl, report: &mut Report) {
    let (path, way) = match workflow.dissemination {
        Dissemination::Push => return,
        Dissemination::Pull => ("workflow.dissemination", "pull"),
        Dissemination::PushPull => ("workflow.dissemination", "push_pull"),
    };
    if workflow.variant != Variant::Repaired {
        report.error(
            path,
            format!("`{path}` is `{way}`, but P2PFL knows no message that asks for a model"),
            "leave it out, or write \"variant\": \"repaired\"",
        );
    }
    if workflow.dissemination == Dissemination::Pull && !scenario.grpc.join.is_empty() {
        report.warn(
            path,
            "pull-among-strangers",
            "peers of P2PFL do not ask for models and do not answer who asks: only p2pfl-sim's own do",
            "write \"push_pull\" if some of the peers in `grpc.join` are P2PFL's",
        );
    }
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
