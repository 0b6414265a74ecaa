//! What the script does to a network, and how the network takes it.

use crate::program::{p2pfl, run};
use serde_json::json;

/// Enough patience for peers to notice who is gone, and to go on without.
fn patient() -> serde_json::Value {
    json!({
        "heartbeat": { "period": "5s", "timeout": "40s" },
        "training": { "vote_timeout": "100s", "aggregation_timeout": "150s" }
    })
}

#[test]
fn the_others_go_on_without_nodes_that_crash() {
    let ran = run(&p2pfl(
        8,
        json!({ "kind": "full" }),
        json!({
            "settings": patient(),
            "script": [{ "at": { "round": 1 }, "do": "crash", "nodes": [6, 7] }]
        }),
    ))
    .completed();
    assert_eq!((ran.result.nodes.crashed, ran.result.nodes.finished), (2, 6));
    assert_eq!((ran.state(6), ran.state(7)), ("crashed".into(), "crashed".into()));
    assert!(ran.dropped("crash") > 0, "messages to them find nobody");
}

#[test]
fn a_crash_at_a_time_is_one_too_and_random_nodes_are_as_many_as_asked_for() {
    let ran = run(&p2pfl(
        10,
        json!({ "kind": "full" }),
        json!({
            "settings": patient(),
            "script": [{ "at": "3s", "do": "crash", "nodes": { "random": 3 } }],
            "seed": 3
        }),
    ));
    assert_eq!(ran.result.nodes.crashed, 3, "{}", ran.ended.stderr);
    let states: Vec<String> = (0..10).map(|node| ran.state(node)).collect();
    assert_eq!(states.iter().filter(|it| *it == "crashed").count(), 3, "{states:?}");
}

#[test]
fn a_node_that_comes_back_catches_up_and_finishes() {
    let ran = run(&p2pfl(
        8,
        json!({ "kind": "full" }),
        json!({
            "workflow": { "rounds": 6 },
            "settings": patient(),
            "script": [
                { "at": { "round": 1 }, "do": "crash", "nodes": [5] },
                { "at": { "round": 2 }, "do": "restart", "nodes": [5] }
            ]
        }),
    ))
    .completed();
    assert_eq!((ran.result.nodes.crashed, ran.result.nodes.finished), (1, 8), "{:?}", ran.table("nodes.csv"));
    assert_eq!(ran.state(5), "finished");
}

#[test]
fn a_node_may_crash_and_come_back_in_the_same_moment() {
    for at in [json!({ "round": 1 }), json!("12s")] {
        let ran = run(&p2pfl(
            8,
            json!({ "kind": "full" }),
            json!({
                "workflow": { "rounds": 6 },
                "settings": patient(),
                "script": [
                    { "at": at, "do": "crash", "nodes": [5] },
                    { "at": at, "do": "restart", "nodes": [5] }
                ]
            }),
        ))
        .completed();
        assert_eq!(ran.result.nodes.crashed, 1);
        assert_ne!(ran.state(5), "crashed", "it came back");
    }
}

#[test]
fn what_was_under_way_to_a_node_that_crashes_is_lost_even_if_it_is_back_at_once() {
    let ran = run(&p2pfl(
        6,
        json!({ "kind": "full" }),
        json!({
            "workflow": { "rounds": 4 },
            "settings": patient(),
            "network": { "latency": "2s" },
            "script": [
                { "at": "10s", "do": "crash", "nodes": [5] },
                { "at": "10s", "do": "restart", "nodes": [5] }
            ]
        }),
    ));
    assert_eq!(ran.result.nodes.crashed, 1);
    assert!(ran.dropped("crash") > 0, "{:?}", ran.result.messages.total);
    assert_ne!(ran.state(5), "crashed");
}

#[test]
fn late_joiners_take_part_and_learning_does_not_wait_for_them() {
    let ran = run(&p2pfl(
        8,
        json!({ "kind": "full" }),
        json!({
            "workflow": { "rounds": 6 },
            "settings": patient(),
            "script": [{ "at": { "round": 3 }, "do": "join", "nodes": ["6-7"] }]
        }),
    ))
    .completed();
    assert_eq!((ran.result.nodes.joined, ran.result.nodes.finished), (2, 8), "{:?}", ran.table("nodes.csv"));
    assert!(
        !ran.result.warnings.iter().any(|it| it.contains("had not yet heard")),
        "{:?}",
        ran.result.warnings
    );
    let rounds: Vec<u32> =
        ran.table("nodes.csv").iter().map(|row| row["rounds_finished"].parse().expect("a number")).collect();
    assert_eq!(rounds[..6], [6; 6]);
    assert!(rounds[6] > 0 && rounds[6] < 6, "{rounds:?}");
}

#[test]
fn a_node_that_leaves_says_goodbye() {
    let ran = run(&p2pfl(
        8,
        json!({ "kind": "full" }),
        json!({
            "settings": patient(),
            "script": [{ "at": { "round": 1 }, "do": "leave", "nodes": [7] }]
        }),
    ))
    .completed();
    assert_eq!((ran.result.nodes.left, ran.result.nodes.finished), (1, 7));
    assert_eq!(ran.state(7), "left");
    let goodbyes = &ran.result.messages.by_command[&p2pfl_sim::wire::Command::Disconnect];
    assert_eq!(goodbyes.sent, 7, "one to each neighbour");
}

#[test]
fn a_partition_loses_messages_until_it_heals() {
    let ran = run(&p2pfl(
        8,
        json!({ "kind": "full" }),
        json!({
            "workflow": { "rounds": 3 },
            "settings": patient(),
            "script": [
                { "at": { "round": 1 }, "do": "partition", "groups": [["0-3"], ["4-7"]] },
                { "at": "90s", "do": "heal" }
            ]
        }),
    ))
    .completed();
    assert!(ran.dropped("partition") > 0);
    assert_eq!(ran.dropped("crash"), 0);
}

#[test]
fn slow_nodes_take_as_many_times_longer_to_train() {
    let scenario = |script| {
        p2pfl(
            5,
            json!({ "kind": "full" }),
            json!({
                "workflow": { "rounds": 1, "trainset_size": 5 },
                "learning": { "compute": { "train": "2s" } },
                "script": script
            }),
        )
    };
    let plain = run(&scenario(json!([]))).completed();
    let slow = run(&scenario(json!([{ "at": "0s", "do": "slow", "nodes": [2], "compute": 10 }]))).completed();
    assert!(plain.result.latency["stage.train"].min >= 2.0, "{:?}", plain.result.latency["stage.train"]);
    let stage = slow.result.latency["stage.train"];
    assert!(stage.max >= 20.0, "ten times two seconds: {stage:?}");
}

#[test]
fn learning_can_be_stopped_before_its_time() {
    for node in [None, Some(3)] {
        let mut stop = json!({ "at": { "round": 1 }, "do": "stop_learning" });
        if let Some(node) = node {
            stop["node"] = json!(node);
        }
        let ran = run(&p2pfl(
            6,
            json!({ "kind": "ring" }),
            json!({ "workflow": { "rounds": 50 }, "script": [stop] }),
        ))
        .completed();
        assert_eq!(ran.result.nodes.finished, 0);
        assert!(ran.result.rounds.len() < 50, "{} rounds", ran.result.rounds.len());
        for node in 0..6 {
            assert_eq!(ran.state(node), "stopped");
        }
    }
}

#[test]
fn an_entry_that_never_fired_is_told() {
    let ran = run(&p2pfl(
        4,
        json!({ "kind": "full" }),
        json!({ "script": [{ "at": "10h", "do": "crash", "nodes": [1] }] }),
    ))
    .completed();
    assert!(
        ran.result.warnings.iter().any(|it| it.contains("script[0] never fired")),
        "{:?}",
        ran.result.warnings
    );
    assert_eq!(ran.result.nodes.crashed, 0);
}
