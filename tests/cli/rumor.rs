//! The workflow `rumor`, from the outside.

use crate::program::{Place, merge, run};
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};

fn rumor(nodes: u32, topology: Value, change: Value) -> Value {
    let mut scenario = json!({
        "name": "small",
        "seed": 7,
        "nodes": nodes,
        "topology": topology,
        "speedup": 50,
        "workflow": { "kind": "rumor" },
        "limits": { "wall": "60s" }
    });
    merge(&mut scenario, change);
    scenario
}

#[test]
fn a_rumor_reaches_everyone_and_the_result_says_when() {
    for mode in ["push", "pull", "push_pull"] {
        let change = json!({
            "workflow": { "mode": mode, "source": 3 },
            "thresholds": ["rumor.reached == 60", "rumor.rounds <= 30", "outcome == completed"]
        });
        let ran = run(&rumor(60, json!({ "kind": "full" }), change)).completed();
        let told = ran.result.rumor.expect("a rumor");
        let learnt: u32 = ran.result.rounds.iter().map(|round| round.nodes_finished).sum();
        assert_eq!((told.reached, learnt, ran.result.nodes.finished), (60, 59, 60), "{mode}");
        let last = ran.result.rounds.iter().rev().find(|round| round.nodes_finished > 0).expect("a round");
        assert_eq!(told.rounds, last.round + 1);
        let mut commands: Vec<Command> = ran.result.messages.by_command.keys().copied().collect();
        commands.retain(|it| !["rumor", "rumor_request"].contains(&it.name()));
        assert_eq!(commands, [], "{mode}");
        assert!(ran.ended.stdout.contains("the rumor reached 60 peers within"), "{}", ran.ended.stdout);
    }
}

fn command(name: &str) -> Command {
    Command::named(name).expect("it is declared")
}

/// The first copy that a node gets is news, all others are not; who is told in round r by the source is one hop away.
#[test]
fn a_copy_is_delivered_once_and_counts_its_hops() {
    for (clock, transport) in [("virtual", "memory"), ("real", "memory"), ("real", "grpc")] {
        let change = json!({ "clock": clock, "transport": transport, "workflow": { "mode": "push" } });
        let ran = run(&rumor(40, json!({ "kind": "full" }), change)).completed();
        let account = &ran.result.messages.by_command[&command("rumor")];
        assert_eq!(account.delivered, 39, "{clock} {transport}: {account:?}");
        assert!(account.duplicate > 0, "{clock} {transport}: {account:?}");
        let (hops, spread) = (ran.result.hops, ran.result.latency["dissemination"]);
        assert_eq!((hops.count, spread.count), (39, 39), "{clock} {transport}");
        // Each round adds a hop at most, and the first brings it one hop away.
        let rounds = f64::from(ran.result.rumor.expect("a rumor").rounds);
        assert!(hops.min == 1.0 && hops.max <= rounds && hops.max >= 2.0, "{clock} {transport}: {hops:?}");
    }
    let line =
        rumor(10, json!({ "kind": "line" }), json!({ "clock": "virtual", "workflow": { "mode": "pull" } }));
    let ran = run(&line).completed();
    assert_eq!((ran.result.hops.count, ran.result.hops.mean, ran.result.hops.max), (9, 5.0, 9.0));
    let requests = &ran.result.messages.by_command[&command("rumor_request")];
    assert_eq!(requests.duplicate, 0, "a question is never old news: {requests:?}");
}

#[test]
fn a_rumor_that_cannot_reach_everyone_ends_with_its_last_round() {
    let edges = json!({ "kind": "edges", "edges": [[0, 1], [1, 2], [3, 4]] });
    let ran = run(&rumor(5, edges, json!({ "workflow": { "rounds": 12 } }))).completed();
    let told = ran.result.rumor.expect("a rumor");
    assert_eq!((told.reached, ran.result.nodes.finished), (3, 3));
    assert!(ran.result.rounds.iter().all(|round| round.round < 12));
}

#[test]
fn rounds_that_would_run_into_each_other_are_refused() {
    let change = json!({
        "workflow": { "mode": "push_pull", "period": "30ms" }, "network": { "latency": "20ms" }
    });
    let place = Place::with(&rumor(5, json!({ "kind": "full" }), change));
    let ended = place.types(&["check", "FILE"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("workflow.period") && ended.stderr.contains("40ms"), "{}", ended.stderr);
    let ended = place.types(&["check", "FILE", "--set", "workflow.mode=push"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn settings_of_learning_have_no_effect_on_a_rumor_and_are_told_so() {
    let change = json!({ "learning": { "learning_rate": 0.1 }, "settings": { "gossip": { "ttl": 3 } } });
    let place = Place::with(&rumor(5, json!({ "kind": "full" }), change));
    let ended = place.types(&["check", "FILE"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = ended.stderr + &ended.stdout;
    assert!(
        said.contains("`learning` has no effect") && said.contains("`settings.gossip` has no effect"),
        "{said}"
    );
}

#[test]
fn virtual_time_passes_without_a_network_block_too_and_a_round_must_be_longer() {
    let change = json!({ "clock": "virtual", "workflow": { "mode": "push", "period": "500us" } });
    let place = Place::with(&rumor(8, json!({ "kind": "full" }), change));
    let ended = place.types(&["run", "FILE"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("workflow.period") && ended.stderr.contains("1ms"), "{}", ended.stderr);
    let ended = place.types(&["check", "FILE", "--set", "workflow.period=2ms"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
