//! Small networks run to the end, and what they leave can be read and adds up.

use crate::program::{p2pfl, run, run_with};
use p2pfl_sim::metrics::result::SCHEMA;
use p2pfl_sim::wire::{Command, proto, weights};
use prost::Message as _;
use serde_json::{Value, json};

/// All nodes finish every round, and agree on who trains in it.
#[track_caller]
fn learns_together(topology: Value) {
    let ran = run(&p2pfl(8, topology.clone(), json!({}))).completed();
    assert_eq!(ran.result.nodes.finished, 8, "{topology}");
    assert_eq!(ran.result.rounds.len(), 2, "{topology}");
    for round in &ran.result.rounds {
        assert_eq!(round.nodes_finished, 8, "{topology}");
        let [train_set] = &round.train_sets[..] else {
            panic!("{topology}: the nodes do not agree: {:?}", round.train_sets)
        };
        assert_eq!((train_set.members.len(), train_set.nodes), (3, 8), "{topology}");
    }
}

#[test]
fn a_ring_a_star_a_line_and_a_full_network_learn_together() {
    for kind in ["ring", "star", "line", "full"] {
        learns_together(json!({ "kind": kind }));
    }
}

#[test]
fn peers_learn_digits_better_than_any_of_them_could_guess() {
    let scenario = p2pfl(
        6,
        json!({ "kind": "ring" }),
        json!({
            "workflow": { "epochs": 3 },
            "learning": { "model": { "kind": "softmax", "size": null }, "batch_size": 4, "learning_rate": 1.0 },
            "thresholds": ["outcome == completed", "nodes.finished == 6", "final.accuracy.mean >= 0.8"]
        }),
    );
    let ran = run(&scenario).completed();
    assert!(ran.result.thresholds.iter().all(|it| it.passed));
    let last = ran.result.r#final;
    let accuracy = last.accuracy.expect("softmax is evaluated");
    assert!((0.8..=1.0).contains(&accuracy.mean) && accuracy.min <= accuracy.max, "{accuracy:?}");
    // All nodes end a round with the same aggregate.
    assert!(last.consensus_distance.is_some_and(|it| it < 1e-6), "{last:?}");
    let rounds = ran.table("rounds.csv");
    assert_eq!(rounds.len(), 2);
    for row in ran.table("nodes.csv") {
        let own: f64 = row["accuracy"].parse().expect("a number");
        assert!((own - accuracy.mean).abs() < 1e-9, "{row:?}");
    }
}

#[test]
fn the_result_folder_holds_what_is_documented() {
    let ran = run(&p2pfl(6, json!({ "kind": "ring" }), json!({}))).completed();
    assert_eq!(ran.result.schema, SCHEMA);
    assert_eq!(ran.result.scenario["workflow"]["trainset_size"], 3);
    assert!(!ran.result.scenario_hash.is_empty());
    assert!(ran.result.setup.messages > 0, "connecting takes messages");
    for latency in ["message", "rpc", "round", "dissemination", "stage.vote", "message.beat"] {
        assert!(ran.result.latency[latency].count > 0, "{latency}");
    }

    let nodes = ran.table("nodes.csv");
    assert_eq!(nodes.len(), 6);
    let sent: u64 = nodes.iter().map(|row| row["messages_sent"].parse::<u64>().expect("a number")).sum();
    assert_eq!(sent, ran.result.setup.messages + ran.result.messages.total.sent);
    let trained: u32 = nodes.iter().map(|row| row["trained_rounds"].parse::<u32>().expect("a number")).sum();
    assert_eq!(trained, 2 * 3, "three nodes in each of two rounds");

    assert_eq!(ran.table("rounds.csv").len(), ran.result.rounds.len());
    assert!(!ran.table("series.csv").is_empty());
    let messages = ran.table("messages.csv");
    assert_eq!(messages.len(), ran.result.messages.by_command.len() + 1);
    let total = messages.iter().find(|row| row["command"] == "total").expect("a row of totals");
    assert_eq!(total["sent"], ran.result.messages.total.sent.to_string());
}

#[test]
fn bytes_are_those_of_the_encoded_messages() {
    let ran = run(&p2pfl(5, json!({ "kind": "star" }), json!({}))).completed();
    let values = vec![0f32; 512];
    let array = weights::Array::new(&[512], weights::Values::F32(&values));
    let message = proto::RootMessage {
        source: "node-0".into(),
        round: Some(0),
        cmd: "init_model".into(),
        payload_type: Some(proto::root_message::PayloadType::Weights(proto::Weights {
            weights: weights::encode(&[array]),
            contributors: Vec::new(),
            num_samples: 1,
        })),
    };
    let account = &ran.result.messages.by_command[&Command::InitModel];
    assert_eq!(account.sent, 4, "the hub gives its model to each of the others");
    assert_eq!(account.payload_bytes, account.sent * message.encoded_len() as u64);
    assert_eq!(account.wire_bytes, account.payload_bytes + 5 * account.sent, "gRPC's prefix");
}

#[test]
fn nodes_may_run_on_one_thread_or_on_two() {
    for threads in ["1", "2"] {
        let ran =
            run_with(&p2pfl(8, json!({ "kind": "ring" }), json!({})), &["--threads", threads]).completed();
        assert_eq!(ran.result.engine.threads.to_string(), threads);
        assert_eq!(ran.result.nodes.finished, 8);
    }
}

#[test]
fn a_run_without_recording_ends_the_same_way() {
    let ran = run_with(&p2pfl(6, json!({ "kind": "ring" }), json!({})), &["--no-recording"]).completed();
    assert_eq!(ran.result.nodes.finished, 6);
    assert_eq!(ran.result.latency["message"].count, 0, "latencies are what it leaves out");
    assert_eq!(ran.result.messages.total.sent, 0, "and what became of each message");
    assert!(
        ran.table("nodes.csv").iter().all(|row| row["messages_handled"] != "0"),
        "nodes count all the same"
    );
}
