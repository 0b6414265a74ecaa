//! What a scenario over sockets needs before the first socket is made: certificates that are right, and descriptors
//! enough. Whatever is lacking is said with what to do, and exit code 2.

use crate::program::{Ended, Place, dpsgd};
use serde_json::{Value, json};
use std::process::Command;

/// A run over sockets that is never begun.
fn scenario(nodes: u32, change: Value) -> Value {
    dpsgd(nodes, json!({ "kind": "ring" }), change)
}

#[track_caller]
fn refuses(ended: &Ended, parts: &[&str]) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in\n{}", ended.stderr);
    }
}

/// Types `p2pfl-sim ARGS...` where no more than so many descriptors may be had.
fn types_with_limit(place: &Place, descriptors: u32, args: &str) -> Ended {
    let line = format!("ulimit -Sn {descriptors} && ulimit -Hn {descriptors} && exec \"$0\" {args}");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(line).arg(env!("CARGO_BIN_EXE_p2pfl-sim")).current_dir(place.folder.path());
    shell.env("TERM", "dumb").output().expect("there is a shell").into()
}

#[test]
fn more_nodes_than_there_are_descriptors_are_refused_with_how_many_would_fit() {
    let place = Place::with(&scenario(500, json!({ "transport": "grpc", "grpc": { "opening": 10 } })));
    for command in ["check", "run"] {
        let refused = types_with_limit(&place, 620, &format!("{command} scenario.json"));
        refuses(
            &refused,
            &[
                "500 nodes with 500 connections",
                "2620 file descriptors",
                "620 at most",
                "about 100 nodes of this topology would fit",
                "ulimit -Hn 2620",
                "\"transport\": \"memory\"",
                "scenario.json:",
            ],
        );
        assert!(!place.file("runs").exists(), "nothing has begun");
    }
    let fits = types_with_limit(&place, 620, "check scenario.json --nodes 100");
    assert_eq!(fits.code, Some(0), "{}", fits.stderr);
    assert!(fits.stdout.contains("up to 620 for sockets of 620"), "{}", fits.stdout);
    let in_memory = types_with_limit(&place, 620, "check scenario.json --transport memory");
    assert_eq!(in_memory.code, Some(0), "{}", in_memory.stderr);
    assert!(!in_memory.stdout.contains("descriptors"), "{}", in_memory.stdout);
}

#[test]
fn check_says_how_many_descriptors_a_run_takes() {
    let place = Place::with(&scenario(20, json!({ "transport": "grpc+uds", "grpc": { "opening": 10 } })));
    let json = place.types(&["check", "FILE", "--format", "json"]);
    let checked: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!(checked[0]["descriptors"], 5 * 20 + 120);
    assert!(checked[0]["descriptors_allowed"].as_u64() >= Some(220), "{checked}");
    let json = place.types(&["check", "FILE", "--format", "json", "--transport", "memory"]);
    let checked: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!(checked[0]["descriptors"], Value::Null);
}

#[test]
fn certificates_need_not_be_named() {
    for transport in ["grpc+tls", "grpc+mtls"] {
        let place = Place::with(&scenario(4, json!({ "transport": transport })));
        let checked = place.types(&["check", "FILE"]);
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{transport}");
    }
}

#[test]
fn wrong_certificates_are_refused_by_field_and_file() {
    let ssl = json!({
        "ca_crt": "pem/ca.crt", "server_crt": "pem/server.crt", "server_key": "pem/server.key",
        "client_crt": "pem/client.crt", "client_key": "pem/client.key",
    });
    let place = Place::with(&scenario(4, json!({ "transport": "grpc+mtls", "settings": { "ssl": ssl } })));
    let refused = place.types(&["check", "FILE"]);
    refuses(&refused, &["settings.ssl.ca_crt", "pem/ca.crt", "cannot be read", "relative to the scenario"]);

    std::fs::create_dir(place.file("pem")).expect("a folder");
    let write =
        |name: &str, text: String| std::fs::write(place.file("pem").join(name), text).expect("a file");
    // Each its own authority: nobody has signed for anybody.
    let own = |name: &str| {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        write(&format!("{name}.crt"), made.cert.pem());
        write(&format!("{name}.key"), made.signing_key.serialize_pem());
    };
    own("ca");
    own("server");
    own("client");
    let refused = place.types(&["run", "FILE"]);
    refuses(
        &refused,
        &["settings.ssl.server_crt", "pem/server.crt", "has not signed", "pem/ca.crt", "scenario.json:"],
    );

    write("server.key", "no key at all".to_owned());
    let refused = place.types(&["run", "FILE"]);
    refuses(&refused, &["settings.ssl.server_key", "pem/server.key", "no PEM file", "openssl pkey"]);
    assert!(!place.file("runs").exists(), "nothing has begun");
}

#[test]
fn certificates_named_in_part_are_refused_rather_than_done_without() {
    let ssl = json!({ "ca_crt": "ca.crt", "server_crt": "server.crt" });
    let place = Place::with(&scenario(4, json!({ "transport": "grpc+tls", "settings": { "ssl": ssl } })));
    refuses(&place.types(&["run", "FILE"]), &["settings.ssl", "lacks server_key"]);
}

#[test]
#[cfg(not(feature = "libp2p"))]
fn a_transport_that_was_left_out_is_refused_with_how_to_have_it() {
    let place = Place::with(&scenario(4, json!({ "transport": "libp2p" })));
    let how = "cargo build --release --features libp2p";
    refuses(
        &place.types(&["check", "FILE"]),
        &["`libp2p` is not a value of `transport`", how, "scenario.json:"],
    );
    let place = Place::with(&scenario(4, json!({})));
    refuses(&place.types(&["run", "FILE", "--transport", "libp2p"]), &["--transport", "'libp2p'", how]);
    refuses(&place.types(&["compare", "FILE", "--transport", "grpc,libp2p"]), &["--transport", how]);
    refuses(&place.types(&["node", "--listen", "/ip4/127.0.0.1/tcp/0"]), &["--listen", "--features libp2p"]);
}

#[test]
fn a_model_that_nobody_would_take_is_refused_with_both_settings() {
    let learning = json!({ "model": { "kind": "synthetic", "size": "2MB" } });
    let change = json!({ "transport": "grpc", "grpc": { "max_message": "1MiB" }, "learning": learning });
    let place = Place::with(&scenario(4, change));
    let both = ["`learning.model.size`", "`grpc.max_message` is 1MiB", "scenario.json:"];
    for transport in ["grpc", "grpc+mtls", "grpc-stream", "websocket", "http", "http2+tls"] {
        for command in ["check", "run"] {
            refuses(&place.types(&[command, "FILE", "--transport", transport]), &both);
        }
    }
    refuses(&place.types(&["compare", "FILE", "--transport", "memory,grpc"]), &both);
    assert!(!place.file("runs").exists(), "nothing has begun");
    let checked = place.types(&["check", "FILE", "--transport", "memory"]);
    assert_eq!(checked.code, Some(0), "by reference nothing is too large: {}", checked.stderr);
}

#[test]
fn a_peer_of_its_own_takes_no_scenario_whose_models_it_would_refuse() {
    let learning = json!({ "model": { "kind": "synthetic", "size": "2MB" } });
    let change = json!({ "grpc": { "max_message": "1MiB" }, "learning": learning });
    let place = Place::with(&crate::program::p2pfl(4, json!({ "kind": "ring" }), change));
    let refused = place.types(&["node", "--listen", "127.0.0.1:0", "--scenario", "scenario.json"]);
    refuses(&refused, &["`learning.model.size`", "`grpc.max_message` is 1MiB", "scenario.json:"]);
}
