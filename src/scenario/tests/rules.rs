//! Every rule of validation, by a scenario that breaks it and nothing else.

use crate::scenario::{Diagnostic, parse};
use serde_json::{Value, json};

/// What is found in a small scenario with these changes, each a JSON pointer and a value.
pub(super) fn found(changes: &[(&str, Value)]) -> Vec<Diagnostic> {
    let mut document = json!({
        "name": "rules", "nodes": 20, "topology": { "kind": "ring" },
        "workflow": { "kind": "p2pfl" }, "settings": { "general": {}, "heartbeat": {}, "gossip": {}, "training": {} },
        "learning": {}, "limits": {}, "script": [], "thresholds": [],
    });
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match document.pointer_mut(parent).unwrap() {
            Value::Array(entries) => entries.push(value.clone()),
            object => object[key] = value.clone(),
        }
    }
    match parse(&format!("{document:#}"), "rules.json", &[]) {
        Ok(loaded) => loaded.warnings.0,
        Err(faults) => faults.0,
    }
}

#[track_caller]
pub(super) fn refused(changes: &[(&str, Value)], path: &str) {
    let found = found(changes);
    let shown: Vec<_> = found.iter().map(|it| (it.code, &it.path, &it.message)).collect();
    assert!(
        matches!(found.as_slice(), [only] if only.path == path && only.code == "invalid-value"),
        "{shown:?}"
    );
    assert!(found[0].help.is_some(), "{shown:?}");
    assert!(found[0].line > 1, "{shown:?}");
}

#[track_caller]
pub(super) fn warned(changes: &[(&str, Value)], code: &str) {
    let found = found(changes);
    let shown: Vec<_> = found.iter().map(|it| (it.code, &it.path, &it.message)).collect();
    assert!(matches!(found.as_slice(), [only] if only.code == code), "{shown:?}");
}

#[test]
fn the_scenario_that_is_changed_is_itself_in_order() {
    assert_eq!(found(&[]), []);
}

#[test]
fn values_out_of_their_range_are_refused_where_they_stand() {
    for (pointer, value) in [
        ("/name", json!("")),
        ("/name", json!("../evil")),
        ("/name", json!(".hidden")),
        ("/nodes", json!(4_000_000_000u32)),
        ("/speedup", json!(0)),
        ("/speedup", json!(-3.5)),
        ("/limits/time", json!("0s")),
        ("/limits/wall", json!("0s")),
        ("/limits/inbox", json!("0B")),
        ("/workflow/rounds", json!(0)),
        ("/workflow/rounds", json!(4_000_000_000u32)),
        ("/workflow/epochs", json!(0)),
        ("/workflow/trainset_size", json!(0)),
        ("/workflow/initiator", json!(20)),
        ("/settings/general/grpc_timeout", json!("0")),
        ("/settings/heartbeat/period", json!("0s")),
        ("/settings/heartbeat/timeout", json!("0s")),
        ("/settings/gossip/period", json!("0s")),
        ("/settings/gossip/models_period", json!("0s")),
        ("/settings/gossip/messages_per_period", json!(0)),
        ("/settings/gossip/models_per_round", json!(0)),
        ("/settings/gossip/exit_on_x_equal_rounds", json!(0)),
        ("/settings/gossip/ttl", json!(3_000_000_000u32)),
        ("/settings/training/vote_timeout", json!("0s")),
        ("/settings/training/aggregation_timeout", json!("0s")),
        ("/learning/learning_rate", json!(0)),
        ("/learning/learning_rate", json!(-1)),
        ("/learning/batch_size", json!(0)),
        ("/learning/evaluate_every", json!(0)),
        ("/thresholds/-", json!("outcome = completed")),
    ] {
        let path = match pointer {
            "/thresholds/-" => "thresholds[0]".to_owned(),
            _ => pointer[1..].replace('/', "."),
        };
        refused(&[(pointer, value)], &path);
    }
}

#[test]
fn parameters_of_kinds_are_refused_where_they_stand() {
    for (pointer, value, path) in [
        ("/topology", json!({ "kind": "erdos_renyi", "p": 1.5 }), "topology.p"),
        ("/topology", json!({ "kind": "watts_strogatz", "k": 4, "p": -0.1 }), "topology.p"),
        ("/learning/partitioning", json!({ "kind": "dirichlet", "alpha": 0 }), "learning.partitioning.alpha"),
        (
            "/learning/partitioning",
            json!({ "kind": "label_skew", "classes_per_node": 11 }),
            "learning.partitioning.classes_per_node",
        ),
        (
            "/learning/partitioning",
            json!({ "kind": "percentage", "percentage": 101 }),
            "learning.partitioning.percentage",
        ),
        ("/workflow", json!({ "kind": "rumor", "source": 20 }), "workflow.source"),
        ("/workflow", json!({ "kind": "rumor", "period": "0s" }), "workflow.period"),
        ("/workflow", json!({ "kind": "rumor", "rounds": 0 }), "workflow.rounds"),
        ("/learning/model", json!({ "kind": "mlp", "hidden": [] }), "learning.model.hidden"),
        ("/learning/model", json!({ "kind": "mlp", "hidden": [32, 0] }), "learning.model.hidden[1]"),
        ("/learning/model", json!({ "kind": "mlp", "hidden": [100000, 100000] }), "learning.model.hidden"),
        ("/learning/model", json!({ "kind": "synthetic", "size": "2GiB" }), "learning.model.size"),
        ("/learning/model", json!({ "kind": "synthetic", "size": "7B" }), "learning.model.size"),
        ("/learning/model", json!({ "kind": "averaging", "dimension": 0 }), "learning.model.dimension"),
        (
            "/learning/model",
            json!({ "kind": "quadratic", "dimension": 200_000_000 }),
            "learning.model.dimension",
        ),
        ("/learning/dataset", json!({ "kind": "csv", "train": "" }), "learning.dataset.train"),
        (
            "/learning/compute",
            json!({ "train": { "kind": "uniform", "min": "2s", "max": "1s" } }),
            "learning.compute.train.max",
        ),
        (
            "/learning/compute",
            json!({ "train": { "kind": "trace", "file": "devices.csv", "column": "" } }),
            "learning.compute.train.column",
        ),
        (
            "/network",
            json!({ "latency": { "kind": "pareto", "scale": "1ms", "shape": 0 } }),
            "network.latency.shape",
        ),
        ("/network", json!({ "packet_loss": 1.01 }), "network.packet_loss"),
        ("/network", json!({ "packet_loss": 1 }), "network.packet_loss"),
        ("/network", json!({ "latency_floor": "0s" }), "network.latency_floor"),
        ("/network", json!({ "duplication": -0.5 }), "network.duplication"),
        ("/network", json!({ "uplink": "0bps" }), "network.uplink"),
        ("/network", json!({ "downlink": "0Mbps" }), "network.downlink"),
        ("/network", json!({ "mtu": "60B" }), "network.mtu"),
        ("/network", json!({ "mtu": "1MiB" }), "network.mtu"),
        (
            "/network",
            json!({ "jitter": { "kind": "uniform", "min": "2ms", "max": "1ms" } }),
            "network.jitter.max",
        ),
        ("/network", json!({ "latency": { "kind": "regions" } }), "network.latency"),
    ] {
        refused(&[(pointer, value)], path);
    }
}

#[test]
fn regions_that_make_no_sense_are_refused_where_they_stand() {
    for (more, path) in [
        (json!({ "file": "own.csv" }), "network.latency.file"),
        (json!({ "round_trip": true }), "network.latency.round_trip"),
        (json!({ "sigma": 11 }), "network.latency.sigma"),
        (json!({ "shares": { "Japan": 1, "Europe": -1 } }), "network.latency.shares.Europe"),
        (json!({ "shares": { "Japan": 0 } }), "network.latency.shares"),
    ] {
        let mut latency = json!({ "kind": "regions", "preset": "internet-2019" });
        more.as_object().unwrap().iter().for_each(|(name, value)| latency[name] = value.clone());
        refused(&[("/network", json!({ "latency": latency }))], path);
    }
    let given = |fields: Value| ("/network", json!({ "latency": fields }));
    assert_eq!(
        found(&[given(json!({ "kind": "regions", "preset": "ibm-cloud-2024-08", "sigma": 0.2 }))]),
        []
    );
    assert_eq!(found(&[given(json!({ "kind": "regions", "file": "own.csv", "round_trip": true }))]), []);
}

#[test]
fn script_entries_that_make_no_sense_are_refused_where_they_stand() {
    for (entry, path) in [
        (json!({ "at": "1s", "do": "crash", "nodes": 20 }), "script[0].nodes"),
        (json!({ "at": "1s", "do": "crash", "nodes": [1, "5-20"] }), "script[0].nodes[1]"),
        (json!({ "at": "1s", "do": "crash", "nodes": [] }), "script[0].nodes"),
        (json!({ "at": "1s", "do": "crash", "nodes": { "random": 21 } }), "script[0].nodes"),
        (json!({ "at": "1s", "do": "crash", "nodes": { "random": 0 } }), "script[0].nodes"),
        (json!({ "at": "1s", "do": "slow", "nodes": 1, "compute": 0 }), "script[0].compute"),
        (json!({ "at": "1s", "do": "partition", "groups": [] }), "script[0].groups"),
        (json!({ "at": "1s", "do": "partition", "groups": ["0-9"] }), "script[0].groups"),
        (json!({ "at": "1s", "do": "partition", "groups": ["0-9", []] }), "script[0].groups[1]"),
        (json!({ "at": "1s", "do": "partition", "groups": ["0-9", [3, 12]] }), "script[0].groups[1]"),
        (json!({ "at": "1s", "do": "partition", "groups": ["0-9", [12, 30]] }), "script[0].groups[1][1]"),
        (json!({ "at": "1s", "do": "stop_learning", "node": 20 }), "script[0].node"),
        (json!({ "at": "1s", "do": "join", "nodes": "0-3" }), "script[0].nodes"),
        (
            json!({ "at": "1s", "do": "partition", "groups": ["0-9", [12, 30]], "one_way": true }),
            "script[0].groups[1][1]",
        ),
        (json!({ "at": "1s", "do": "churn", "nodes": 1 }), "script[0]"),
        (json!({ "at": "1s", "do": "churn", "nodes": 1, "session": "5s" }), "script[0]"),
        (
            json!({ "at": "1s", "do": "churn", "nodes": 20, "session": "5s", "absence": "1s" }),
            "script[0].nodes",
        ),
        (
            json!({ "at": "1s", "do": "churn", "nodes": 1, "session": "0s", "absence": "1s" }),
            "script[0].session",
        ),
        (
            json!({ "at": "1s", "do": "churn", "nodes": 1, "session": "5s",
                    "absence": { "kind": "uniform", "min": "2s", "max": "1s" } }),
            "script[0].absence.max",
        ),
        (
            json!({ "at": "1s", "do": "churn", "nodes": 1, "session": "5s", "trace": "churn.csv" }),
            "script[0].session",
        ),
        (json!({ "at": "1s", "do": "churn", "nodes": 1, "trace": "" }), "script[0].trace"),
        (
            json!({ "at": "9s", "do": "churn", "nodes": 1, "session": "5s", "absence": "1s", "until": "9s" }),
            "script[0].until",
        ),
        (json!({ "at": "1s", "do": "loss", "from": 30, "to": 1, "packet_loss": 0 }), "script[0].from"),
        (
            json!({ "at": "1s", "do": "loss", "from": 3, "to": [1, "7-20"], "packet_loss": 0 }),
            "script[0].to[1]",
        ),
        (json!({ "at": "1s", "do": "loss", "from": 3, "to": [], "packet_loss": 0 }), "script[0].to"),
    ] {
        refused(&[("/script/-", entry)], path);
    }
}

#[test]
fn nodes_that_lie_are_refused_where_they_stand() {
    let flip = |nodes: Value| json!({ "nodes": nodes, "attack": { "kind": "sign_flip" } });
    let byzantine = |value: Value| ("/learning/byzantine", value);
    for (value, path) in [
        (flip(json!(20)), "learning.byzantine.nodes"),
        (flip(json!([])), "learning.byzantine.nodes"),
        (flip(json!([1, "15-20"])), "learning.byzantine.nodes[1]"),
        (json!([flip(json!(1)), flip(json!({ "random": 20 }))]), "learning.byzantine[1].nodes"),
        (json!([flip(json!("0-4")), flip(json!("4-8"))]), "learning.byzantine[1].nodes"),
        (
            json!({ "nodes": 1, "attack": { "kind": "sign_flip", "scale": -1 } }),
            "learning.byzantine.attack.scale",
        ),
        (
            json!([{ "nodes": 1, "attack": { "kind": "random", "scale": 0 } }]),
            "learning.byzantine[0].attack.scale",
        ),
    ] {
        refused(&[byzantine(value)], path);
    }
    assert_eq!(found(&[byzantine(json!([flip(json!("0-4")), flip(json!({ "random": 15 }))]))]).len(), 1);
    warned(&[byzantine(flip(json!("0-19")))], "nobody-honest");
    let synthetic = ("/learning/model", json!({ "kind": "synthetic" }));
    warned(&[byzantine(flip(json!(3))), synthetic], "nothing-learnt");
    assert_eq!(found(&[byzantine(json!([])), ("/seed", json!(3))]), []);
}

#[test]
fn a_share_of_lost_packets_is_refused_where_it_stands() {
    let network = ("/network", json!({ "latency": "20ms" }));
    let lossy = ("/network", json!({ "latency": "20ms", "lossy": true }));
    let loss = |share: f64| {
        ("/script/-", json!({ "at": "1s", "do": "loss", "from": 1, "to": 2, "packet_loss": share }))
    };
    for share in [-0.1, 1.1, 1.0] {
        refused(&[network.clone(), loss(share)], "script[0].packet_loss");
    }
    assert_eq!(found(&[lossy, loss(1.0)]), []);
    assert_eq!(found(&[network, loss(0.9)]), []);
}

#[test]
fn what_has_no_effect_is_named() {
    warned(&[("/settings/heartbeat/timeout", json!("1s"))], "peers-flap");
    warned(&[("/settings/heartbeat/period", json!("9s"))], "peers-flap");
    warned(&[("/network", json!({ "latency": "1us" }))], "latency-below-floor");
    warned(&[("/network", json!({ "packet_loss": 1, "lossy": true }))], "nothing-arrives");
    let quadratic = ("/learning/model", json!({ "kind": "quadratic" }));
    assert_eq!(found(&[quadratic, ("/thresholds/-", json!("final.loss.mean < 0.5"))]), []);
    let dpsgd = ("/workflow", json!({ "kind": "dpsgd" }));
    warned(&[dpsgd.clone(), ("/settings", json!({ "gossip": { "ttl": 5 } }))], "setting-without-effect");
    assert_eq!(found(&[dpsgd, ("/settings", json!({ "training": { "aggregation_timeout": "5s" } }))]), []);
}

#[test]
fn a_threshold_that_cannot_be_met_or_missed_is_refused_where_it_stands() {
    let asked = |text: &str| ("/thresholds/-", json!(text));
    refused(&[asked("finale.accuracy.mean > 0.5")], "thresholds[0]");
    refused(&[asked("final.accuracy > 0.5")], "thresholds[0]");
    refused(&[asked("outcome == complete")], "thresholds[0]");
    let synthetic = ("/learning/model", json!({ "kind": "synthetic" }));
    refused(&[synthetic, asked("final.accuracy.mean > 0.5")], "thresholds[0]");
    let averaging = ("/learning/model", json!({ "kind": "averaging" }));
    refused(&[averaging, asked("final.loss.mean < 0.5")], "thresholds[0]");
    assert_eq!(found(&[asked("nodes.finished == nodes.total")]), []);
}

#[test]
fn a_rule_that_takes_no_averages_cannot_add_what_training_has_changed() {
    let median = ("/learning/aggregator", json!({ "kind": "median" }));
    let pairs = ("/workflow", json!({ "kind": "dpsgd", "mode": "asynchronous" }));
    refused(&[pairs.clone(), median.clone()], "learning.aggregator");
    let mean = ("/learning/aggregator", json!({ "kind": "fedavg" }));
    let dpsgd = ("/workflow", json!({ "kind": "dpsgd" }));
    for changes in [vec![pairs, mean], vec![dpsgd, median.clone()], vec![median]] {
        assert!(found(&changes).iter().all(|it| it.path != "learning.aggregator"), "{changes:?}");
    }
}

#[test]
fn what_counts_on_the_other_clock_alone_is_named() {
    let virtual_clock = ("/clock", json!("virtual"));
    for (path, value, on_virtual) in [
        ("/speedup", json!(10), true),
        ("/limits/inbox", json!("1MiB"), true),
        ("/limits/events", json!(1_000), false),
    ] {
        let (idle, useful) = match on_virtual {
            true => (vec![virtual_clock.clone(), (path, value.clone())], vec![(path, value)]),
            false => (vec![(path, value.clone())], vec![virtual_clock.clone(), (path, value)]),
        };
        warned(&idle, "setting-without-effect");
        assert_eq!(found(&useful), [], "{path}");
    }
    // As in the scenario of a result, which has all defaults.
    let written = [("/speedup", json!("auto")), ("/limits/inbox", json!("256MiB")), virtual_clock];
    assert_eq!(found(&written), []);
}

#[test]
fn script_entries_without_effect_are_named() {
    for (entry, code) in [
        (json!({ "at": { "round": 3 }, "do": "crash", "nodes": 1 }), "never-fires"),
        (json!({ "at": "25h", "do": "crash", "nodes": 1 }), "never-fires"),
        (json!({ "at": "1s", "do": "heal" }), "nothing-to-heal"),
        (json!({ "at": "1s", "do": "restart", "nodes": 1 }), "nothing-to-restart"),
        (json!({ "at": "1s", "do": "slow", "nodes": 1, "link": 2 }), "no-network"),
        (json!({ "at": "1s", "do": "slow", "nodes": 1 }), "slows-nothing"),
        (json!({ "at": "1s", "do": "loss", "from": 1, "to": "2-9", "packet_loss": 0.5 }), "no-network"),
    ] {
        warned(&[("/script/-", entry)], code);
    }
    let join = |at: &str| ("/script/-", json!({ "at": at, "do": "join", "nodes": [5] }));
    let crash = |at: Value| ("/script/-", json!({ "at": at, "do": "crash", "nodes": [5] }));
    warned(&[join("10s"), crash(json!("5s"))], "not-there-yet");
    warned(&[join("10s"), join("20s")], "joins-twice");
    assert_eq!(found(&[join("10s"), crash(json!("15s"))]), []);
}

#[test]
fn churn_fits_in_with_what_else_happens_to_its_nodes() {
    let churn = |at: &str, nodes: &str, until: &str| {
        let absence = json!({ "kind": "exponential", "mean": "20s" });
        let entry = json!({ "at": at, "do": "churn", "nodes": nodes, "session": "5m", "absence": absence, "until": until });
        ("/script/-", entry)
    };
    let restart = |at: &str| ("/script/-", json!({ "at": at, "do": "restart", "nodes": 3 }));
    assert_eq!(found(&[churn("1s", "0-9", "5m"), restart("2m")]), [], "it may be down by then");
    warned(&[churn("5m", "0-9", "9m"), restart("2m")], "nothing-to-restart");
    let join = ("/script/-", json!({ "at": "1m", "do": "join", "nodes": 5 }));
    assert_eq!(found(&[churn("1s", "0-9", "5m"), join]), [], "it churns from then on");
    assert_eq!(found(&[churn("1s", "0-9", "5m"), churn("5m", "5-15", "9m")]), []);
    assert_eq!(found(&[churn("1s", "0-4", "5m"), churn("4m", "5-15", "9m")]), []);
    warned(&[churn("4m", "5-15", "9m"), churn("1s", "0-9", "5m")], "churns-twice");
}

#[test]
fn entries_whose_order_only_the_run_decides_are_left_alone() {
    let heal = ("/script/-", json!({ "at": "10s", "do": "heal" }));
    let partition =
        |at: Value| ("/script/-", json!({ "at": at, "do": "partition", "groups": ["0-9", "10-19"] }));
    assert_eq!(found(&[heal.clone(), partition(json!({ "round": 1 }))]), []);
    assert_eq!(found(&[heal.clone(), partition(json!("5s"))]), []);
    warned(&[heal, partition(json!("15s"))], "nothing-to-heal");
}

#[test]
fn a_million_mistakes_are_not_a_million_reports() {
    let thresholds: Vec<String> = (0..200_000).map(|i| format!("\"x{i} = 3\"")).collect();
    let text = format!(
        r#"{{ "name": "x", "nodes": 3, "topology": {{ "kind": "ring" }}, "workflow": {{ "kind": "dpsgd" }},
             "thresholds": [{}] }}"#,
        thresholds.join(",\n")
    );
    let faults = parse(&text, "many.json", &[]).unwrap_err().0.len();
    assert!((1..=100).contains(&faults), "{faults}");
}

#[test]
fn only_repaired_nodes_ask_for_models() {
    for way in ["pull", "push_pull"] {
        let way = ("/workflow/dissemination", json!(way));
        assert_eq!(found(std::slice::from_ref(&way)), []);
        for variant in ["faithful", "faithful-memory"] {
            refused(&[way.clone(), ("/workflow/variant", json!(variant))], "workflow.dissemination");
        }
    }
    assert_eq!(
        found(&[("/workflow/dissemination", json!("push")), ("/workflow/variant", json!("faithful"))]),
        []
    );
    let strangers = [("/transport", json!("grpc")), ("/grpc", json!({ "join": ["127.0.0.1:4000"] }))];
    let asked = |way| found(&[&strangers[..], &[("/workflow/dissemination", json!(way))]].concat());
    let of = |way| asked(way).iter().any(|it| it.code == "pull-among-strangers");
    assert!(of("pull") && !of("push_pull") && !of("push"));
}

#[test]
fn where_nodes_average_in_pairs_mixing_has_no_effect() {
    let warned = |mode| {
        let found = found(&[("/workflow", json!({ "kind": "dpsgd", "mode": mode, "mixing": "uniform" }))]);
        found.iter().any(|it| it.path == "workflow.mixing" && it.code == "setting-without-effect")
    };
    assert!(warned("asynchronous") && !warned("synchronous"));
}
