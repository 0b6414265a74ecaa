//! Bad input: exit code 2, with file, line, column and path where there are any, and what would be right; or a named
//! warning where the run still makes sense. Nothing panics.

use crate::program::{Ended, Place, dpsgd, merge, p2pfl};
use serde_json::{Value, json};

fn valid() -> Value {
    p2pfl(8, json!({ "kind": "ring" }), json!({}))
}

fn changed(change: Value) -> Value {
    let mut scenario = valid();
    merge(&mut scenario, change);
    scenario
}

/// The program refuses: exit code 2, nothing on stdout, no panic, and all of `parts` on stderr.
#[track_caller]
fn refuses(ended: &Ended, parts: &[&str]) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    // Lines are wrapped for the eye.
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in\n{}", ended.stderr);
    }
}

/// `scenario.json:line:column` is named.
#[track_caller]
fn names_a_place(ended: &Ended) {
    let place = ended
        .stderr
        .split("scenario.json:")
        .nth(1)
        .unwrap_or_else(|| panic!("no place in\n{}", ended.stderr));
    let mut numbers = place.split(|c: char| !c.is_ascii_digit()).take(2).map(str::parse::<u32>);
    assert!(
        matches!((numbers.next(), numbers.next()), (Some(Ok(1..)), Some(Ok(1..)))),
        "no line and column in\n{}",
        ended.stderr
    );
}

#[test]
fn every_mistake_is_refused_with_its_place_and_path() {
    let script = |entry: Value| json!({ "script": [entry] });
    let mistakes: Vec<(Value, &[&str])> = vec![
        (json!({ "nods": 8 }), &["nods", "nodes"]),
        (json!({ "settings": { "gossip": { "tll": 3 } } }), &["settings.gossip.tll", "ttl"]),
        (json!({ "topology": { "kind": "rign" } }), &["topology.kind", "ring"]),
        (json!({ "nodes": "eight" }), &["nodes"]),
        (json!({ "nodes": 0 }), &["nodes"]),
        (json!({ "nodes": -4 }), &["nodes"]),
        (json!({ "nodes": 4.5 }), &["nodes"]),
        (json!({ "nodes": 1e300 }), &["nodes"]),
        (json!({ "settings": { "gossip": { "period": "100 bananas" } } }), &["settings.gossip.period"]),
        (json!({ "settings": { "gossip": { "period": 100 } } }), &["settings.gossip.period"]),
        (json!({ "settings": { "gossip": { "period": "0s" } } }), &["settings.gossip.period"]),
        (json!({ "limits": { "inbox": "1 stone" } }), &["limits.inbox"]),
        (json!({ "network": { "packet_loss": 1.5 } }), &["network.packet_loss"]),
        (json!({ "topology": { "kind": "erdos_renyi", "p": 1.2 } }), &["topology.p"]),
        (json!({ "topology": { "kind": "random_k", "k": 8 } }), &["topology.k"]),
        (json!({ "topology": { "kind": "random_regular", "degree": 8 } }), &["topology.degree"]),
        (json!({ "topology": { "kind": "torus", "rows": 3, "columns": 3 } }), &["topology"]),
        (json!({ "topology": { "kind": "edges", "edges": [[0, 8]] } }), &["topology.edges[0]"]),
        (json!({ "topology": { "kind": "file", "path": "no-such-file.txt" } }), &["no-such-file.txt"]),
        (json!({ "workflow": { "trainset_size": 9 } }), &["workflow.trainset_size"]),
        (json!({ "workflow": { "initiator": 8 } }), &["workflow.initiator"]),
        (json!({ "workflow": { "variant": "faithfull" } }), &["workflow.variant", "faithful"]),
        (json!({ "speedup": 0 }), &["speedup"]),
        (json!({ "learning": { "learning_rate": -1.0 } }), &["learning.learning_rate"]),
        (
            json!({ "learning": { "model": { "kind": "mlp", "size": null, "hidden": [] } } }),
            &["learning.model.hidden"],
        ),
        (
            json!({ "learning": { "dataset": { "kind": "csv", "train": "no-such.csv" }, "model": { "kind": "softmax", "size": null } } }),
            &["no-such.csv"],
        ),
        (script(json!({ "at": "1s", "do": "crash", "nodes": [8] })), &["script[0].nodes", "0 to 7"]),
        (script(json!({ "at": "1s", "do": "crash", "nodes": ["5-2"] })), &["script[0].nodes"]),
        (script(json!({ "at": "1s", "do": "crsh", "nodes": [1] })), &["script[0].do", "crash"]),
        (script(json!({ "at": "1s", "do": "crash", "nodes": { "random": 9 } })), &["script[0].nodes"]),
        (script(json!({ "at": "1s", "do": "join", "nodes": [0] })), &["script[0].nodes"]),
        (
            script(json!({ "at": "1s", "do": "partition", "groups": [["0-3"], ["3-7"]] })),
            &["script[0].groups"],
        ),
        (json!({ "thresholds": ["final.accuracy.mean => 1"] }), &["thresholds[0]"]),
        (json!({ "name": "../../etc/passwd" }), &["name"]),
    ];
    for (change, parts) in mistakes {
        let ended = Place::with(&changed(change)).types(&["run", "FILE"]);
        refuses(&ended, parts);
        names_a_place(&ended);
    }
}

#[test]
fn text_that_is_no_json_is_refused_with_its_place() {
    for text in
        ["", "{", "nodes: 8", "[1, 2]", "{ \"nodes\": NaN }", "{ \"nodes\": 8, \"nodes\": 9 }", "\u{0}"]
    {
        let ended = Place::with_text(text).types(&["run", "FILE"]);
        refuses(&ended, &["scenario.json"]);
    }
    let nested = Place::with_text(&("[".repeat(200_000) + &"]".repeat(200_000))).types(&["check", "FILE"]);
    refuses(&nested, &["scenario.json"]);
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    refuses(&Place::with_text(&deep).types(&["check", "FILE"]), &["scenario.json"]);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let place = Place::with_text("");
    std::fs::write(&place.scenario, [0xff, 0xfe, 0x00, 0x80]).unwrap();
    refuses(&place.types(&["check", "FILE"]), &["scenario.json", "UTF-8"]);
}

#[test]
fn a_file_that_is_not_there_is_named_and_a_similar_one_suggested() {
    let place = Place::with(&valid());
    refuses(&place.types(&["run", "scenari.json"]), &["scenari.json", "scenario.json"]);
    refuses(&place.types(&["run", "."]), &["cannot read ."]);
}

#[test]
fn a_huge_file_is_refused_unread() {
    let place = Place::with_text("{}");
    std::fs::File::create(&place.scenario).unwrap().set_len(200 << 20).unwrap();
    refuses(&place.types(&["run", "FILE"]), &["scenario.json", "16 MiB"]);
}

#[test]
fn a_wrong_setting_from_the_command_line_is_refused_before_anything_runs() {
    for (set, parts) in [
        ("settings.gosip.ttl=5", &["settings.gosip.ttl", "gossip"][..]),
        ("settings.gossip.ttl=many", &["settings.gossip.ttl"]),
        ("settings.gossip.ttl", &["settings.gossip.ttl"]),
        ("=5", &["="]),
        ("script[0].at=1s", &["script"]),
    ] {
        let place = Place::with(&valid());
        refuses(&place.types(&["run", "FILE", "--set", set]), parts);
        assert!(!place.file("runs").exists(), "nothing ran");
    }
    refuses(&Place::with(&valid()).types(&["run", "FILE", "--nodes", "2"]), &["trainset_size"]);
    refuses(&Place::with(&valid()).types(&["run", "FILE", "--speedup", "fast"]), &["--speedup"]);
}

#[test]
fn rows_that_do_not_suffice_for_so_many_nodes_are_told() {
    let scenario =
        changed(json!({ "nodes": 2_000, "learning": { "model": { "kind": "softmax", "size": null } } }));
    refuses(&Place::with(&scenario).types(&["check", "FILE"]), &["learning", "2000"]);
}

/// The run makes sense all the same: a warning with a name.
#[track_caller]
fn warns(change: Value, parts: &[&str]) {
    let place = Place::with(&changed(change));
    let ended = place.types(&["check", "FILE"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing in\n{}", ended.stderr);
    }
}

#[test]
fn a_network_in_pieces_is_warned_of_and_its_pieces_are_named() {
    let edges: Vec<[u32; 2]> = vec![[0, 1], [1, 2], [2, 3], [4, 5], [5, 6], [6, 7]];
    warns(json!({ "topology": { "kind": "edges", "edges": edges } }), &["not connected", "2 components"]);
}

#[test]
fn the_reachable_part_of_a_network_in_pieces_still_learns() {
    let edges: Vec<[u32; 2]> = vec![[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [6, 7]];
    let scenario = changed(json!({ "topology": { "kind": "edges", "edges": edges } }));
    let ran = crate::program::run(&scenario);
    assert!(matches!(ran.ended.code, Some(0 | 1)), "{}", ran.ended.stderr);
    for node in 0..6 {
        assert_eq!(ran.state(node), "finished", "{}", ran.ended.stderr);
    }
}

#[test]
fn edges_listed_twice_and_loops_are_warned_of() {
    let edges: Vec<[u32; 2]> = vec![[0, 1], [1, 0], [1, 2], [2, 2], [2, 3], [3, 4], [4, 5], [5, 6], [6, 7]];
    warns(
        json!({ "topology": { "kind": "edges", "edges": edges } }),
        &["listed again", "from a node to itself"],
    );
}

#[test]
fn entries_that_can_never_fire_are_warned_of() {
    warns(
        json!({ "script": [{ "at": { "round": 40 }, "do": "crash", "nodes": [1] }] }),
        &["never-fires", "round 40 never comes"],
    );
    warns(json!({ "script": [{ "at": "48h", "do": "heal" }] }), &["never-fires", "nothing-to-heal"]);
}

#[test]
fn a_trace_of_devices_that_is_wrong_is_named_with_file_line_and_column() {
    let change = json!({
        "learning": { "compute": { "train": { "kind": "trace", "file": "devices.csv", "column": "train_ms", "unit": "1ms" } } }
    });
    let place = Place::with(&dpsgd(4, json!({ "kind": "ring" }), change));
    for (content, said) in [
        ("train_ms\n100\n20O\n", "line 3, column `train_ms`: `20O` is not a duration"),
        ("train\n100\n", "line 1: there is no column `train_ms`. There are: `train`"),
        ("train_ms\n", "has no rows"),
    ] {
        std::fs::write(place.file("devices.csv"), content).expect("a file");
        refuses(&place.types(&["run", "FILE"]), &["learning.compute.train.", said]);
    }
    std::fs::write(place.file("devices.csv"), "train_ms\n100\n200\n").expect("a file");
    let ended = place.types(&["run", "FILE"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_profile_that_cannot_be_used_is_refused_with_its_path() {
    let with = |clock: &str, transport: &str| {
        Place::with(&changed(json!({
            "clock": clock, "network": { "profile": { "file": "profile.json", "transport": transport } }
        })))
    };
    let place = with("virtual", "grpc");
    refuses(&place.types(&["run", "FILE"]), &["network.profile.file", "cannot be read", "profile.json"]);
    let write = |place: &Place, text: &str| std::fs::write(place.file("profile.json"), text).unwrap();
    write(&place, "{");
    refuses(&place.types(&["run", "FILE"]), &["network.profile.file", "is no profile"]);
    let empty = r#"{ "schema": "p2pfl-sim/profile/1", "transports": {} }"#;
    write(&place, empty);
    let ended = place.types(&["run", "FILE"]);
    refuses(&ended, &["network.profile.transport", "grpc", "none"]);
    names_a_place(&ended);
    let place = with("real", "grpc");
    write(&place, empty);
    refuses(&place.types(&["run", "FILE"]), &["network.profile", "virtual clock alone"]);
}
