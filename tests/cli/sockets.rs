//! Whole runs over sockets: the same peers with the same protocol, whatever carries their messages.

use crate::program::{Place, Ran, p2pfl, run, run_with};
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TRANSPORTS: [&str; 8] =
    ["grpc", "grpc+uds", "grpc+tls", "grpc+mtls", "http", "http+tls", "http2", "http2+tls"];

/// Slow enough for this machine to keep up while other tests run.
fn over(transport: &str, mut change: Value) -> Value {
    change["transport"] = json!(transport);
    change["speedup"] = json!(10);
    p2pfl(6, json!({ "kind": "ring" }), change)
}

fn sockets(ran: &Ran) -> &p2pfl_sim::metrics::result::Sockets {
    ran.result.sockets.as_ref().expect("a run over sockets says what went on at them")
}

#[test]
fn a_ring_learns_together_over_each_transport() {
    for transport in TRANSPORTS {
        let ran = run(&over(transport, json!({}))).completed();
        assert_eq!((ran.result.nodes.finished, ran.result.rounds.len()), (6, 2), "{transport}");
        for round in &ran.result.rounds {
            let [train_set] = &round.train_sets[..] else {
                panic!("{transport}: the nodes do not agree: {:?}", round.train_sets)
            };
            assert_eq!((train_set.members.len(), train_set.nodes), (3, 6), "{transport}");
        }
        assert_eq!(ran.result.engine.transport, transport);
        for latency in ["message", "rpc", "message.beat", "rpc.PRE_SEND_MODEL"] {
            assert!(ran.result.latency.get(latency).is_some_and(|it| it.count > 0), "{transport}: {latency}");
        }
        // Each neighbour opens a channel of its own; train-set peers that are none do so for each call.
        let sockets = sockets(&ran);
        assert!(sockets.connections >= 12, "{transport}: {sockets:?}");
        assert!(sockets.set_up.count >= 12 && sockets.set_up.p50 > 0.0, "{transport}: {sockets:?}");
        let total = &ran.result.messages.total;
        assert!(total.wire_bytes > total.payload_bytes + 20 * total.sent, "{transport}: {total:?}");
        let all = ran.result.setup.wire_bytes + total.wire_bytes;
        assert_eq!(all, sockets.bytes_written, "{transport}: every byte at the sockets is someone's");
    }
}

#[test]
fn peers_are_called_by_the_addresses_that_they_listen_on() {
    for (transport, listen, starts) in [
        ("grpc", json!(["127.0.0.1"]), vec!["127.0.0.1:"]),
        ("grpc", json!(["::1", "127.0.0.1"]), vec!["127.0.0.1:", "[::1]:"]),
        ("grpc+uds", json!(["127.0.0.1"]), vec!["unix:///"]),
    ] {
        let ran = run(&over(transport, json!({ "grpc": { "listen": listen } }))).completed();
        let addresses: BTreeSet<String> =
            ran.table("nodes.csv").iter().map(|row| row["address"].clone()).collect();
        assert_eq!(addresses.len(), 6);
        for start in &starts {
            assert!(addresses.iter().any(|it| it.starts_with(start)), "{start}: {addresses:?}");
        }
        assert!(addresses.iter().all(|it| starts.iter().any(|start| it.starts_with(start))), "{addresses:?}");
        if transport == "grpc+uds" {
            let gone = |it: &String| !std::path::Path::new(it.trim_start_matches("unix://")).exists();
            assert!(addresses.iter().all(gone), "sockets are removed at the end");
        }
    }
}

#[test]
fn what_a_model_weighs_on_the_wire_is_what_it_weighs_by_reference() {
    let payload = |ran: Ran| {
        let account = &ran.result.messages.by_command[&Command::InitModel];
        account.payload_bytes as f64 / account.sent as f64
    };
    let by_reference = payload(run(&over("memory", json!({}))).completed());
    let on_the_wire = payload(run(&over("grpc", json!({}))).completed());
    // Addresses differ in length, models do not.
    assert!((by_reference - on_the_wire).abs() < 20.0, "{by_reference} {on_the_wire}");
}

#[test]
fn models_learnt_over_sockets_are_as_good_and_all_the_same() {
    let ran = run(&over(
        "grpc+mtls",
        json!({
            "workflow": { "epochs": 3 },
            "learning": { "model": { "kind": "softmax", "size": null }, "batch_size": 4, "learning_rate": 1.0 }
        }),
    ))
    .completed();
    let last = ran.result.r#final;
    assert!(last.accuracy.is_some_and(|it| it.mean >= 0.8), "{last:?}");
    assert!(last.consensus_distance.is_some_and(|it| it < 1e-6), "{last:?}");
}

#[test]
fn a_peer_that_crashes_and_comes_back_is_connected_to_again() {
    let ran = run(&over(
        "grpc",
        json!({
            "workflow": { "rounds": 4 },
            "script": [
                { "at": { "round": 1 }, "do": "crash", "nodes": [5] },
                { "at": { "round": 2 }, "do": "restart", "nodes": [5] }
            ]
        }),
    ))
    .completed();
    assert_eq!((ran.result.nodes.crashed, ran.result.nodes.finished), (1, 6), "{}", ran.ended.stderr);
    let dropped = &ran.result.messages.total.dropped;
    assert!(dropped[&p2pfl_sim::metrics::Cause::Crash] > 0, "{dropped:?}");
}

#[test]
fn the_scenario_s_network_delays_what_goes_through_sockets() {
    let ran = run(&over("grpc", json!({ "network": { "latency": "200ms" } }))).completed();
    // 200 ms of scenario time are 20 ms here, there and back again.
    let (message, rpc) = (ran.result.latency["message"], ran.result.latency["rpc"]);
    assert!(message.min >= 0.020 && rpc.min >= 0.040, "{message:?} {rpc:?}");
}

#[test]
fn dpsgd_runs_over_sockets_on_one_thread_or_on_two() {
    let scenario = json!({
        "name": "dpsgd", "nodes": 12, "topology": { "kind": "random_regular", "degree": 4 }, "transport": "grpc+uds",
        "workflow": { "kind": "dpsgd", "rounds": 5 }, "speedup": 5,
        "learning": { "model": { "kind": "averaging", "dimension": 3 } }, "limits": { "wall": "60s" }
    });
    for threads in ["1", "2"] {
        let ran = run_with(&scenario, &["--threads", threads]).completed();
        assert_eq!(ran.result.nodes.finished, 12);
        let apart: Vec<f64> = ran.result.rounds.iter().filter_map(|it| it.consensus_distance).collect();
        assert!(apart.is_sorted_by(|a, b| a > b) && apart.len() == 5, "{apart:?}");
    }
}

#[test]
fn a_run_over_sockets_is_not_for_the_virtual_clock() {
    let ended =
        Place::with(&over("grpc", json!({ "speedup": 1 }))).types(&["run", "FILE", "--clock", "virtual"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("virtual") && ended.stderr.contains("memory"), "{}", ended.stderr);
}

#[test]
fn a_peer_listens_only_where_others_can_call_it() {
    let place = Place::with(&over("grpc", json!({})));
    for (address, part) in [
        ("0.0.0.0:0", "cannot call 0.0.0.0"),
        ("[::]:4000", "cannot call ::"),
        ("unix:relative", "no absolute path"),
    ] {
        let ended = place.types(&["node", "--listen", address]);
        assert_eq!(ended.code, Some(2), "{address}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{address}: {}", ended.stderr);
    }
}

/// A port at which nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it has an address").to_string()
}

#[test]
fn a_network_that_was_to_join_somebody_fails_if_nobody_is_there() {
    let change = json!({ "transport": "grpc", "workflow": { "rounds": 1, "start_after": "2s" } });
    let place = Place::with(&p2pfl(3, json!({ "kind": "full" }), change));
    let address = nobody();
    let join = ["run", "FILE", "--speedup", "1", "--join", &address];
    let failed = place.types(&[&join[..], &["--out", "out"]].concat());
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    let said = format!("nobody answers at {address}");
    assert!(failed.stderr.contains(&said), "{}", failed.stderr);
    let result = place.result("out/result.json");
    assert_eq!(result.outcome, p2pfl_sim::metrics::result::Outcome::Failed);
    assert!(result.reason.is_some_and(|it| it.starts_with(&said)));

    let alone = place.types(&[&join[..], &["--join-optional", "--out", "alone"]].concat());
    assert_eq!(alone.code, Some(0), "{}", alone.stderr);
    let result = place.result("alone/result.json");
    assert_eq!(result.nodes.finished, 3);
    assert!(result.warnings.iter().any(|it| it.starts_with(&said)), "{:?}", result.warnings);
}
