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
    let fewer =
        Place::with(&valid()).types(&["run", "FILE", "--nodes", "2", "--set", "workflow.initiator=5"]);
    refuses(&fewer, &["workflow.initiator"]);
    refuses(&Place::with(&valid()).types(&["run", "FILE", "--speedup", "fast"]), &["--speedup"]);
}

#[test]
fn rows_that_do_not_suffice_for_so_many_nodes_are_told() {
    let scenario =
        changed(json!({ "nodes": 2_000, "learning": { "model": { "kind": "softmax", "size": null } } }));
    let place = Place::with(&scenario);
    let help = "enough for 719 nodes";
    refuses(&place.types(&["check", "FILE"]), &["nodes", "2000 nodes share 1438 training rows", help]);
    refuses(&place.types(&["check", "FILE", "--nodes", "800"]), &["--nodes 800", "command line", help]);
}

#[test]
fn where_a_file_was_looked_for_that_is_not_there_is_said() {
    let csv = json!({ "kind": "csv", "train": "no-such.csv" });
    let trace = json!({ "kind": "trace", "file": "no-such.csv", "column": "a" });
    for change in [
        json!({ "clock": "virtual", "network": { "profile": { "file": "no-such.json", "transport": "grpc" } } }),
        json!({ "network": { "latency": { "kind": "regions", "file": "no-such.csv" } } }),
        json!({ "learning": { "dataset": csv, "model": { "kind": "softmax", "size": null } } }),
        json!({ "learning": { "compute": { "train": trace } } }),
        json!({ "script": [{ "at": "1s", "do": "churn", "nodes": [1], "trace": "no-such.csv", "until": "9s" }] }),
        json!({ "topology": { "kind": "file", "path": "no-such.csv" } }),
    ] {
        let place = Place::with(&changed(change));
        // From another folder, where a file of this name would not be found either.
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("no-such.csv"), "").unwrap();
        let mut command = place.command(&["check", "FILE"]);
        let ended = command.current_dir(elsewhere.path()).output().unwrap().into();
        refuses(&ended, &["relative to the folder of its file"]);
        // Lines are broken within the path, too.
        let said: String = ended.stderr.split_whitespace().collect();
        let looked = format!("lookedforat{}", place.file("no-such.").display());
        assert!(said.contains(&looked), "{}", ended.stderr);
    }
}

#[test]
fn what_would_be_right_is_said_of_numbers_with_units_and_percentages() {
    let place = Place::with(&valid());
    for (setting, parts) in [
        ("network.latency=50", ["50 is not a duration", "a duration has a unit: \"50ms\" or \"50s\""]),
        ("learning.compute.train=2.5", ["2.5 is not a duration", "\"2.5ms\" or \"2.5s\""]),
        ("network.uplink=10", ["10 is not a rate", "a rate has a unit: \"10Mbps\""]),
        ("network.mtu=1500", ["1500 is not a size", "a size has a unit: \"1500B\""]),
        ("network.packet_loss=5%", ["\"5%\" is not a number", "a number from 0 to 1: 0.05"]),
        ("network.packet_loss=0,05", ["\"0,05\" is not a number", "write a decimal point: 0.05"]),
        ("network.packet_loss=5", ["`network.packet_loss` is 5", "5 % are 0.05"]),
        ("network.duplication=.5", ["\".5\" is not a number", "write 0.5"]),
        ("learning.learning_rate=5%", ["\"5%\" is not a number", "write the number alone: 5"]),
        ("nodes=+5", ["\"+5\" is not a whole number", "write 5"]),
    ] {
        let ended = place.types(&["check", "FILE", "--set", setting]);
        refuses(&ended, &parts);
        let setting = setting.split_once('=').unwrap();
        // The same in a file.
        let mut scenario = valid();
        let value = serde_json::from_str(setting.1).unwrap_or_else(|_| json!(setting.1));
        let nested = setting.0.rsplit('.').fold(value, |inner, key| json!({ key: inner }));
        merge(&mut scenario, nested);
        let ended = Place::with(&scenario).types(&["check", "FILE"]);
        refuses(&ended, &parts);
        names_a_place(&ended);
    }
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
fn what_a_dataset_probably_is_not_meant_to_hold_is_warned_of() {
    // The numbers of the rows, as pandas writes them, semicolons, and a class that was misspelt once.
    let row =
        |i: u32| format!("{i};{};{}\n", i % 7, if i == 50 { "yse" } else { ["yes", "no"][i as usize % 2] });
    let dataset = format!(";a;label\n{}", (0..60).map(row).collect::<String>());
    let change = json!({ "learning": {
        "dataset": { "kind": "csv", "train": "data.csv" }, "model": { "kind": "softmax", "size": null }
    } });
    let place = Place::with(&changed(change));
    std::fs::write(place.file("data.csv"), dataset).unwrap();
    for command in ["check", "run"] {
        let ended = place.types(&[command, "FILE"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let said = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["row-numbers", "holds the numbers of the rows", "rare-class", "`yse` (1 row)"] {
            assert!(said.contains(part), "`{part}` is missing in\n{}", ended.stderr);
        }
    }
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

/// Found out at the end, it would cost all that was measured.
#[test]
fn an_out_that_cannot_be_written_is_refused_before_anything_runs() {
    let place = Place::with(&valid());
    std::fs::write(place.file("file"), "not to be touched").unwrap();
    let binary = env!("CARGO_BIN_EXE_p2pfl-sim");
    let commands: [&[&str]; 6] = [
        &["run", "FILE"],
        &["run", "FILE", "--repeat", "2"],
        &["sweep", "FILE", "--set", "nodes=4,5"],
        &["compare", "FILE", "--transport", "memory,grpc", "--no-costs"],
        &["compare", "--costs-only", "--transport", "memory"],
        &["node", "--listen", "127.0.0.1:0", "--connect", "127.0.0.1:1"],
    ];
    // A file in the way, a folder below a file, a device, and a folder that takes no files, whoever asks.
    let mut outs = vec!["file", "file/in", "/dev/null/x"];
    outs.extend(cfg!(target_os = "linux").then_some("/proc"));
    for out in outs {
        // A sweep goes on in a folder of its own, and says so first.
        let of_sweeps = |command: &&&[&str]| command[0] == "sweep" && out == "/proc";
        for command in commands.iter().filter(|it| !of_sweeps(it)) {
            refuses(&place.types(&[*command, &["--out", out]].concat()), &["cannot write", out, "--out"]);
        }
        let turns = ["diff", "--run", binary, binary, "scenario.json", "--out", out];
        refuses(&place.types(&turns), &["cannot write", out, "--out"]);
    }
    // Nor are numbered folders made below a file.
    std::fs::write(place.file("runs"), "").unwrap();
    refuses(&place.types(&["run", "FILE"]), &["cannot write runs", "--out"]);
    // A model or profile that is to be kept at the end is the same.
    for file in ["file/model", "/dev/null/x", "nowhere/model", "."] {
        refuses(
            &place.types(&["run", "FILE", "--out", "out", "--save-model", file]),
            &["--save-model", file],
        );
        let compare =
            ["compare", "--costs-only", "--transport", "memory", "--save-profile", file, "--out", "out"];
        refuses(&place.types(&compare), &["--save-profile", file]);
    }
    let mut left: Vec<_> =
        std::fs::read_dir(place.folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["file", "runs", "scenario.json"], "nothing is left behind");
    assert_eq!(std::fs::read_to_string(place.file("file")).unwrap(), "not to be touched");
}
