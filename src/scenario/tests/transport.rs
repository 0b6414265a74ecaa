//! Rules of transports, by a scenario that breaks one and nothing else.

use super::rules::{found, refused, warned};
use serde_json::{Value, json};

fn transport(name: &str) -> (&'static str, Value) {
    ("/transport", json!(name))
}

fn grpc(block: Value) -> (&'static str, Value) {
    ("/grpc", block)
}

const WITH_SOCKETS: [&str; 8] =
    ["grpc", "grpc+uds", "grpc+tls", "grpc+mtls", "http", "http+tls", "http2", "http2+tls"];

#[test]
fn each_transport_is_in_order_by_itself() {
    for name in WITH_SOCKETS {
        assert_eq!(found(&[transport(name)]), [], "{name}");
    }
}

#[test]
fn sockets_are_refused_on_the_virtual_clock() {
    for name in WITH_SOCKETS {
        refused(&[transport(name), ("/clock", json!("virtual"))], "transport");
    }
}

#[test]
fn how_p2pfl_behaves_in_memory_is_refused_over_sockets() {
    for name in WITH_SOCKETS {
        refused(&[transport(name), ("/workflow/variant", json!("faithful-memory"))], "workflow.variant");
        assert_eq!(found(&[transport(name), ("/workflow/variant", json!("faithful"))]), []);
    }
}

#[test]
fn nodes_have_to_listen_where_they_can_be_called() {
    let listen = |at: Value| [transport("grpc"), grpc(json!({ "listen": at }))];
    assert_eq!(found(&listen(json!(["127.0.0.1", "::1", "127.9.9.9"]))), []);
    refused(&listen(json!([])), "grpc.listen");
    refused(&listen(json!(["127.0.0.1", "0.0.0.0"])), "grpc.listen[1]");
    refused(&listen(json!(["::"])), "grpc.listen[0]");
    refused(&listen(json!(["224.0.0.1"])), "grpc.listen[0]");
    warned(&listen(json!(["192.0.2.1"])), "open-to-others");
}

#[test]
fn limits_of_sockets_are_at_least_one() {
    refused(&[transport("grpc"), grpc(json!({ "opening": 0 }))], "grpc.opening");
    refused(&[transport("grpc"), grpc(json!({ "max_message": "0B" }))], "grpc.max_message");
    refused(&[transport("http"), grpc(json!({ "parallel": 0 }))], "grpc.parallel");
}

#[test]
fn peers_outside_are_refused_where_nobody_can_reach_them() {
    let join = |at: &str| grpc(json!({ "join": ["[::1]:4000", at] }));
    for at in ["127.0.0.1:4000", "peer.example:4000", "unix:///tmp/peer"] {
        assert_eq!(found(&[transport("grpc"), join(at)]), [], "{at}");
    }
    for at in ["", "127.0.0.1", "peer.example", "127.0.0.1:70000", "http://127.0.0.1:4000", "unix://peer"] {
        refused(&[transport("grpc"), join(at)], "grpc.join[1]");
    }
    for name in ["grpc+tls", "grpc+mtls"] {
        refused(&[transport(name), join("unix:///tmp/peer")], "grpc.join[1]");
        assert_eq!(found(&[transport(name), join("127.0.0.1:4000")]), []);
    }
    let in_memory: Vec<_> = found(&[join("127.0.0.1:1")]).into_iter().map(|it| (it.code, it.path)).collect();
    assert!(in_memory.contains(&("invalid-value", "grpc.join".into())), "{in_memory:?}");
}

#[test]
fn peers_outside_live_in_real_time() {
    let join = grpc(json!({ "join": ["127.0.0.1:4000"] }));
    refused(&[transport("grpc"), join.clone(), ("/speedup", json!(2))], "speedup");
    assert_eq!(found(&[transport("grpc"), join, ("/speedup", json!(1))]), []);
}

#[test]
fn what_has_no_effect_without_sockets_or_tls_is_named() {
    warned(&[grpc(json!({ "opening": 8 }))], "setting-without-effect");
    for name in ["grpc", "http2", "http2+tls"] {
        warned(&[transport(name), grpc(json!({ "parallel": 2 }))], "setting-without-effect");
    }
    assert_eq!(found(&[transport("http"), grpc(json!({ "parallel": 2 }))]), []);
    let ssl = ("/settings/ssl", files(&["ca_crt", "server_crt", "server_key"]));
    for name in ["memory", "grpc", "grpc+uds", "http", "http2"] {
        warned(&[transport(name), ssl.clone()], "setting-without-effect");
    }
}

#[test]
fn certificates_are_named_all_or_none() {
    let ssl = |names: &[&str]| ("/settings/ssl", files(names));
    let server = ["ca_crt", "server_crt", "server_key"];
    let all = ["ca_crt", "server_crt", "server_key", "client_crt", "client_key"];
    assert_eq!(found(&[transport("grpc+tls"), ssl(&server)]), []);
    assert_eq!(found(&[transport("grpc+mtls"), ssl(&all)]), []);
    refused(&[transport("grpc+mtls"), ssl(&server)], "settings.ssl");
    for lacking in all {
        let others: Vec<&str> = all.into_iter().filter(|it| *it != lacking).collect();
        refused(&[transport("grpc+mtls"), ssl(&others)], "settings.ssl");
    }
    for lacking in server {
        let others: Vec<&str> = server.into_iter().filter(|it| *it != lacking).collect();
        refused(&[transport("grpc+tls"), ssl(&others)], "settings.ssl");
    }
}

fn files(names: &[&str]) -> Value {
    names
        .iter()
        .map(|it| ((*it).to_owned(), json!(format!("{it}.pem"))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
