//! How far messages come: what `check`, `topology` and the run itself say of it is the same, and true.

use crate::program::{Place, Ran, p2pfl, run};
use p2pfl_sim::metrics::result::Outcome;
use serde_json::{Value, json};

/// P2PFL over its in-memory transport: all receivers of a message share its time to live.
fn shared(nodes: u32, kind: &str, ttl: u32) -> Value {
    p2pfl(
        nodes,
        json!({ "kind": kind }),
        json!({
            "clock": "virtual",
            "speedup": null,
            "workflow": { "variant": "faithful-memory", "rounds": 1, "start_after": "100s" },
            "settings": { "gossip": {
                "ttl": ttl, "amount_last_messages_saved": 10_000, "mode_expectation_timeout": "2s"
            } }
        }),
    )
}

fn unready(ran: &Ran) -> Option<&String> {
    ran.result.warnings.iter().find(|it| it.contains("had not yet heard of every peer"))
}

/// What `check` prints of a scenario, and on standard error.
fn checked(scenario: &Value) -> (Value, String, String) {
    let place = Place::with(scenario);
    let (text, json) = (place.types(&["check", "FILE"]), place.types(&["check", "FILE", "--format", "json"]));
    assert_eq!((text.code, json.code), (Some(0), Some(0)), "{}", text.stderr);
    let value: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    (value[0].clone(), text.stdout, text.stderr)
}

#[test]
fn a_shared_time_to_live_is_enough_where_check_and_topology_say_so_and_one_less_is_not() {
    for (nodes, kind, enough) in [(30, "ring", 27u32), (10, "ring", 7), (12, "line", 10), (16, "star", 1)] {
        let graph = Place::with_text("{}").types(&["topology", kind, "--nodes", &nodes.to_string()]);
        let said = format!("reaches everyone, {enough} in `faithful-memory`");
        assert!(graph.stdout.contains(&said), "{said} is not in {}", graph.stdout);

        let (json, text, warnings) = checked(&shared(nodes, kind, enough));
        assert_eq!((&json["reaches_everyone"], warnings.as_str()), (&json!(true), ""), "{kind} {nodes}");
        assert!(text.contains("a broadcast reaches everyone in about"), "{text}");
        let ran = run(&shared(nodes, kind, enough)).completed();
        assert_eq!(unready(&ran), None);

        let (json, text, warnings) = checked(&shared(nodes, kind, enough - 1));
        assert_eq!((&json["reaches_everyone"], &json["ttl_enough"]), (&json!(false), &json!(enough)));
        assert!(
            !text.contains("reaches everyone") && text.contains(&format!("{enough} is enough")),
            "{text}"
        );
        assert!(
            warnings.contains("out-of-reach") && warnings.contains(&format!("{enough} is enough")),
            "{warnings}"
        );
        // On a star the hub is the initiator, and everyone its neighbour.
        if kind != "star" {
            let ran = run(&shared(nodes, kind, enough - 1));
            assert_eq!(ran.result.outcome, Outcome::Stalled, "{kind} {nodes}");
            assert!(
                unready(&ran).is_some_and(|it| it.contains(&format!("to {enough},"))),
                "{:?}",
                unready(&ran)
            );
        }
    }
}

#[test]
fn a_time_to_live_of_copies_is_enough_where_check_and_topology_say_so_and_one_less_is_not() {
    for (nodes, kind, enough) in [(30, "ring", 14u32), (12, "line", 10)] {
        let graph = Place::with_text("{}").types(&["topology", kind, "--nodes", &nodes.to_string()]);
        assert!(graph.stdout.contains(&format!("gossip.ttl {enough} reaches everyone")), "{}", graph.stdout);
        let with = |ttl: u32| {
            p2pfl(nodes, json!({ "kind": kind }), json!({ "settings": { "gossip": { "ttl": ttl } } }))
        };
        let (json, _, warnings) = checked(&with(enough));
        assert_eq!((&json["reaches_everyone"], warnings.as_str()), (&json!(true), ""));
        let (json, text, warnings) = checked(&with(enough - 1));
        assert_eq!((&json["reaches_everyone"], &json["ttl_enough"]), (&json!(false), &json!(enough)));
        assert!(!text.contains("reaches everyone"), "{text}");
        assert!(warnings.contains(&format!("{enough} is enough for everyone")), "{warnings}");
    }
}

#[test]
fn nothing_is_said_of_broadcasts_where_nobody_broadcasts() {
    let ring = json!({ "kind": "ring" });
    let of = |workflow: Value| {
        let scenario =
            json!({ "name": "x", "nodes": 8, "topology": ring, "workflow": workflow, "clock": "virtual" });
        let (json, text, _) = checked(&scenario);
        (json["spreading_s"].is_f64(), text)
    };
    for workflow in [json!({ "kind": "dpsgd" }), json!({ "kind": "probe", "duration": "1s" })] {
        let (spreads, text) = of(workflow);
        assert!(!spreads && !text.contains("broadcast") && !text.contains("spreading"), "{text}");
    }
    let (spreads, text) = of(json!({ "kind": "dpsgd", "heartbeats": true }));
    assert!(spreads && text.contains("a broadcast reaches everyone"), "{text}");
    let (spreads, text) = of(json!({ "kind": "rumor" }));
    assert!(spreads && text.contains("the rumor reaches everyone") && !text.contains("broadcast"), "{text}");
}

#[test]
fn heartbeats_of_dpsgd_that_do_not_come_far_are_told_too() {
    let change = json!({ "workflow": { "kind": "dpsgd", "heartbeats": true, "rounds": 2 } });
    let mut scenario =
        p2pfl(30, json!({ "kind": "ring" }), json!({ "settings": { "gossip": { "ttl": 3 } } }));
    scenario["workflow"] = change["workflow"].clone();
    let (json, text, warnings) = checked(&scenario);
    assert_eq!((&json["reaches_everyone"], &json["ttl_enough"]), (&json!(false), &json!(14)), "{text}");
    assert!(warnings.contains("out-of-reach"), "{warnings}");
}
