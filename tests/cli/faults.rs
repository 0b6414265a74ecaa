//! What the script does to a network, and how the network takes it.

use crate::program::{Place, Ran, dpsgd, merge, p2pfl, run, run_with};
use p2pfl_sim::metrics::result::Outcome;
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
                "workflow": { "rounds": 3, "trainset_size": 5 },
                "learning": { "compute": { "train": "2s" } },
                "script": script
            }),
        )
    };
    // What happens at 0 s may come after the first training has begun, on a busy machine. There are two more.
    // A histogram has three digits, and rounds down.
    let takes = |seconds: f64| seconds * 0.999;
    let plain = run(&scenario(json!([]))).completed().result.latency["stage.train"];
    assert!(plain.min >= takes(2.0), "{plain:?}");
    let script = json!([{ "at": "0s", "do": "slow", "nodes": [2], "compute": 10 }]);
    let slow = run(&scenario(script)).completed().result.latency["stage.train"];
    assert!(slow.max >= takes(20.0), "ten times two seconds: {slow:?}");
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

/// Two nodes that swap models in each of three rounds; what is done to them comes while they first train.
fn pair(change: serde_json::Value) -> serde_json::Value {
    let mut scenario = dpsgd(
        2,
        json!({ "kind": "line" }),
        json!({ "workflow": { "rounds": 3 }, "learning": { "compute": { "train": "10s" } } }),
    );
    merge(&mut scenario, change);
    scenario
}

/// Models that each of a pair took, from `nodes.csv`. Node 1 also took the other's handshake.
fn models_taken(ran: &Ran) -> [u64; 2] {
    let rows = ran.table("nodes.csv");
    let taken = |node: usize| rows[node]["messages_handled"].parse::<u64>().expect("a number");
    [taken(0), taken(1) - 1]
}

#[test]
fn a_one_way_partition_loses_one_direction_alone() {
    let partition =
        |groups| json!({ "script": [{ "at": "0s", "do": "partition", "groups": groups, "one_way": true }] });
    for (groups, taken) in [(json!([[0], [1]]), [3, 0]), (json!([[1], [0]]), [0, 3])] {
        let ran = run(&pair(partition(groups))).completed();
        let models = &ran.result.messages.by_command[&p2pfl_sim::wire::Command::PartialModel];
        assert_eq!((models.sent, models.delivered, ran.dropped("partition")), (6, 3, 3));
        assert_eq!(models_taken(&ran), taken);
    }
}

#[test]
fn a_link_can_lose_packets_in_one_direction() {
    let loss = |until: &str| {
        json!({
            "network": { "latency": "10ms", "lossy": true },
            "script": [
                { "at": "0s", "do": "loss", "from": 0, "to": 1, "packet_loss": 1 },
                { "at": until, "do": "loss", "from": 0, "to": [1], "packet_loss": 0 }
            ]
        })
    };
    let ran = run(&pair(loss("10h")));
    assert_eq!(ran.dropped("loss"), 3, "{}", ran.ended.stderr);
    assert_eq!(models_taken(&ran), [3, 0]);
    // Node 0 sends at 10 s and at 20 s, and then only once the other has given up waiting, at 30 s, and trained.
    let ran = run(&pair(loss("33s"))).completed();
    assert_eq!(ran.dropped("loss"), 2);
}

#[test]
fn nodes_come_and_go_as_a_trace_says() {
    let place = Place::with(&p2pfl(
        8,
        json!({ "kind": "full" }),
        json!({
            "workflow": { "rounds": 8 },
            "settings": patient(),
            "script": [{ "at": "2s", "do": "churn", "nodes": ["5-7"], "trace": "churn.csv" }]
        }),
    ));
    let trace = "node,up_s,down_s\nlaptop,0,6\nphone,0,\ntablet,9,14\nlaptop,12,400\ntablet,20,\n";
    std::fs::write(place.file("churn.csv"), trace).expect("a trace");
    let ended = place.types(&["run", "FILE", "--out", "out"]);
    let result = place.result("out/result.json");
    let ran = Ran { place, ended, result }.completed();
    assert_eq!(ran.result.nodes.crashed, 2, "the tablet twice, but it is one node");
    assert_eq!(ran.result.nodes.joined, 0);
    let states: Vec<String> = (5..8).map(|node| ran.state(node)).collect();
    assert!(states.iter().all(|it| it == "finished"), "all are back in the end: {states:?}");
    assert!(ran.dropped("crash") > 0);
}

/// A node on its way out is told to crash and to come back at once: on either clock it has left, and stays away.
#[test]
fn who_leaves_is_not_brought_back_by_churn() {
    for clock in ["virtual", "real"] {
        let place = Place::with(&p2pfl(
            8,
            json!({ "kind": "full" }),
            json!({
                "clock": clock,
                "settings": patient(),
                "script": [
                    { "at": "1s", "do": "leave", "nodes": [5] },
                    { "at": "1s", "do": "churn", "nodes": [5], "trace": "churn.csv" }
                ]
            }),
        ));
        std::fs::write(place.file("churn.csv"), "node,up_s,down_s\na,0,0.001\na,0.002,\n").expect("a trace");
        let ended = place.types(&["run", "FILE", "--out", "out"]);
        let result = place.result("out/result.json");
        let ran = Ran { place, ended, result }.completed();
        assert_eq!((ran.result.nodes.left, ran.result.nodes.crashed), (1, 0), "{clock}");
        assert_eq!(ran.state(5), "left", "{clock}");
    }
}

#[test]
fn nodes_come_and_go_as_drawn_until_they_are_left_in_peace() {
    let scenario = p2pfl(
        10,
        json!({ "kind": "full" }),
        json!({
            "workflow": { "rounds": 8 },
            "settings": patient(),
            "script": [{
                "at": { "round": 1 }, "do": "churn", "nodes": "1-9", "until": "60s",
                "session": { "kind": "exponential", "mean": "40s" }, "absence": { "kind": "uniform", "min": "5s", "max": "15s" }
            }]
        }),
    );
    let ran = run(&scenario).completed();
    assert!((1..=9).contains(&ran.result.nodes.crashed), "{:?}", ran.result.nodes);
    assert_eq!(ran.state(0), "finished", "{:?}", ran.table("nodes.csv"));
}

#[test]
fn a_run_waits_for_nodes_that_come_back() {
    // Both are away from the tenth second on, and with them all that could go on.
    for clock in ["real", "virtual"] {
        let ran = run(&pair(json!({
            "clock": clock,
            "script": [
                { "at": "0s", "do": "churn", "nodes": "0-1", "session": "5s", "absence": "55s", "until": "10s" }
            ]
        })))
        .completed();
        let ended = ran.result.ended_s.expect("learning had begun");
        assert!(ended > 60.0, "{clock}: they are back at 60 s, and begin anew: {ended}");
        assert_eq!(ran.result.nodes.finished, 2, "{clock}");
    }
}

/// Four nodes that train for half a minute, and a trace of when each of them is there.
fn traced(trace: &str) -> Ran {
    let place = Place::with(&dpsgd(
        4,
        json!({ "kind": "full" }),
        json!({
            "clock": "virtual",
            "workflow": { "rounds": 3 },
            "learning": { "compute": { "train": "30s" } },
            "script": [{ "at": "0s", "do": "churn", "nodes": ["0-3"], "trace": "trace.csv", "until": "10m" }]
        }),
    ));
    std::fs::write(place.file("trace.csv"), format!("node,up_s,down_s\n{trace}")).expect("a trace");
    let ended = place.types(&["run", "FILE", "--out", "out"]);
    let result = place.result("out/result.json");
    Ran { place, ended, result }
}

#[test]
fn a_network_goes_on_when_devices_come_back_however_many_were_away() {
    for (trace, least) in [
        // One is there from the beginning, and has finished before two others come for the first time.
        ("a,100,200\nb,100,\nc,0,50\nc,120,\nd,0,\n", 120.0),
        // All are away at first and come together.
        ("a,500,\nb,500,\nc,500,\nd,500,\n", 590.0),
        // They come one after another.
        ("a,100,\nb,100,\nc,120,\nd,150,\n", 190.0),
    ] {
        let ran = traced(trace).completed();
        assert_eq!(ran.result.nodes.finished, 4, "{trace}: {:?}", ran.table("nodes.csv"));
        let ended = ran.result.ended_s.expect("learning had begun");
        assert!(ended >= least && ended < least + 120.0, "{trace}: {ended}");
    }
}

#[test]
fn nodes_that_all_come_back_with_nothing_begin_anew_with_one_model() {
    for (clock, mode) in [
        ("virtual", "synchronous"),
        ("virtual", "asynchronous"),
        ("real", "synchronous"),
        ("real", "asynchronous"),
    ] {
        let ran = run(&dpsgd(
            4,
            json!({ "kind": "ring" }),
            json!({
                "clock": clock,
                "workflow": { "mode": mode },
                "learning": { "compute": { "train": "1s" } },
                "script": [
                    { "at": "1500ms", "do": "crash", "nodes": ["0-3"] },
                    { "at": "100s", "do": "restart", "nodes": ["0-3"] }
                ]
            }),
        ))
        .completed();
        assert_eq!(ran.result.nodes.finished, 4, "{clock} {mode}");
        // All begin at round 0, as nobody has a model to go on from.
        let trained: Vec<_> =
            ran.table("nodes.csv").iter().map(|row| row["trained_rounds"].clone()).collect();
        if clock == "virtual" {
            assert!(trained.iter().all(|it| it.parse::<u32>().unwrap() >= 4), "{mode}: {trained:?}");
        }
    }
}

#[test]
fn in_p2pfl_the_initiator_starts_anew_or_else_the_first_that_is_back() {
    for clock in ["virtual", "real"] {
        for (back, starter) in [("0-5", 0), ("2-5", 2)] {
            let scenario = |variant: &str| {
                p2pfl(
                    6,
                    json!({ "kind": "ring" }),
                    json!({
                        "clock": clock,
                        "workflow": { "variant": variant },
                        "settings": patient(),
                        "script": [
                            { "at": { "round": 1 }, "do": "crash", "nodes": ["0-5"] },
                            { "at": "300s", "do": "restart", "nodes": [back] },
                        ]
                    }),
                )
            };
            let ran = run(&scenario("repaired")).completed();
            let there = 6 - starter;
            assert_eq!(ran.result.nodes.finished, there, "{clock}: {:?}", ran.table("nodes.csv"));
            assert!(ran.result.ended_s.expect("learning had begun") > 300.0);
            let idle = run(&scenario("faithful"));
            assert_eq!((idle.result.outcome, idle.result.nodes.finished), (Outcome::Stalled, 0), "{clock}");
        }
    }
}

#[test]
fn a_run_is_over_only_when_a_late_joiner_has_the_model_too() {
    for clock in ["virtual", "real"] {
        for workflow in [json!({ "kind": "p2pfl" }), json!({ "kind": "dpsgd" })] {
            let mut scenario = p2pfl(
                5,
                json!({ "kind": "full" }),
                json!({ "clock": clock, "script": [{ "at": "3m", "do": "join", "nodes": [4] }] }),
            );
            scenario["workflow"] = workflow.clone();
            let ran = run(&scenario).completed();
            assert_eq!(
                (ran.result.nodes.finished, ran.state(4)),
                (5, "finished".into()),
                "{clock} {workflow}"
            );
        }
    }
}

#[test]
fn a_trace_that_is_wrong_is_refused_with_file_and_line() {
    let script = json!({ "script": [{ "at": "2s", "do": "churn", "nodes": [5], "trace": "churn.csv" }] });
    let place = Place::with(&p2pfl(8, json!({ "kind": "ring" }), script));
    let missing = place.types(&["run", "FILE"]);
    std::fs::write(place.file("churn.csv"), "node,up_s,down_s\na,0,5\na,9,7\n").expect("a trace");
    let wrong = place.types(&["check", "FILE"]);
    for (ended, part) in [(missing, "churn.csv: "), (wrong, "churn.csv, line 3: the session of `a` ends")] {
        let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(ended.code, Some(2), "{said}");
        assert!(said.contains(part) && said.contains("script[0].trace"), "{said}");
    }
}

#[test]
fn nodes_that_lie_keep_honest_ones_from_learning() {
    let accuracy = |byzantine: serde_json::Value| {
        let learning = json!({
            "model": { "kind": "softmax", "size": null }, "batch_size": 4, "learning_rate": 0.5, "byzantine": byzantine
        });
        let scenario = dpsgd(
            10,
            json!({ "kind": "full" }),
            json!({ "workflow": { "rounds": 6 }, "learning": learning }),
        );
        let ran = run(&scenario).completed();
        let rows = ran.table("nodes.csv");
        let honest = rows[3..].iter().map(|row| row["accuracy"].parse::<f64>().expect("a number"));
        honest.sum::<f64>() / 7.0
    };
    let honest = accuracy(json!([]));
    assert!(honest > 0.8, "{honest}");
    for attack in [json!({ "kind": "sign_flip", "scale": 4 }), json!({ "kind": "random", "scale": 50 })] {
        let lied = accuracy(json!({ "nodes": "0-2", "attack": attack }));
        assert!(lied < honest - 0.2, "{attack}: {lied} for {honest}");
    }
}

#[test]
fn on_the_virtual_clock_faults_are_the_same_at_any_number_of_threads() {
    let scenario = p2pfl(
        24,
        json!({ "kind": "random_regular", "degree": 5 }),
        json!({
            "clock": "virtual",
            "speedup": null,
            "workflow": { "rounds": 6 },
            "settings": patient(),
            "learning": {
                "model": { "kind": "softmax", "size": null }, "compute": { "train": "2s" },
                "byzantine": [
                    { "nodes": "1-2", "attack": { "kind": "sign_flip" } },
                    { "nodes": { "random": 2 }, "attack": { "kind": "random" } }
                ]
            },
            "network": { "latency": { "kind": "uniform", "min": "5ms", "max": "50ms" } },
            "script": [
                { "at": "1s", "do": "churn", "nodes": "12-23", "until": "60s",
                  "session": { "kind": "exponential", "mean": "40s" }, "absence": "8s" },
                { "at": "2s", "do": "loss", "from": "0-5", "to": "6-11", "packet_loss": 0.4 },
                { "at": { "round": 1 }, "do": "partition", "groups": ["0-3", "4-8"], "one_way": true },
                { "at": "25s", "do": "heal" },
                { "at": "30s", "do": "slow", "nodes": "3-6", "compute": 5, "link": 3 }
            ]
        }),
    );
    let results: Vec<serde_json::Value> = ["1", "2", "3"]
        .iter()
        .map(|threads| {
            let ran = run_with(&scenario, &["--threads", threads]).completed();
            assert!(ran.result.nodes.crashed > 0 && ran.dropped("partition") > 0, "{:?}", ran.result.nodes);
            assert!(ran.result.fingerprint.is_some());
            let mut result = serde_json::to_value(&ran.result).expect("it is JSON");
            result["cost"] = json!(null);
            result["engine"]["threads"] = json!(null);
            result
        })
        .collect();
    assert!(results.iter().all(|it| *it == results[0]), "{}", results[0]["fingerprint"]);
}
