//! Files, schema and types agree.

use super::EVERY_BLOCK;
use crate::scenario::{Override, load, parse, schema};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

#[test]
fn the_schema_in_the_repository_is_the_one_the_types_give() {
    let path = folder().join("scenario.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, schema::text()).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == schema::text(),
        "refresh it: UPDATE_SCHEMA=1 cargo test --lib the_schema_in_the_repository"
    );
}

#[test]
fn every_scenario_loads_without_warnings_and_fits_the_schema() {
    let validator = jsonschema::draft202012::new(schema::schema().as_value()).unwrap();
    let mut texts = vec![("every-block.json".to_owned(), EVERY_BLOCK.to_owned())];
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".json") && name != "scenario.schema.json" {
            let loaded = load(&path, &[]).unwrap_or_else(|faults| panic!("{faults}"));
            assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
            texts.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    for (name, text) in texts {
        let loaded = parse(&text, &name, &[]).unwrap_or_else(|faults| panic!("{faults}"));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        let document: Value = serde_json::from_str(&text).unwrap();
        let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{name}: {faults:#?}");
        // What is written out reads back as the same scenario, and the schema knows it too.
        let written = serde_json::to_value(&loaded.scenario).unwrap();
        assert!(validator.is_valid(&written), "{written:#}");
        assert_eq!(parse(&written.to_string(), &name, &[]).unwrap().scenario, loaded.scenario);
    }
}

#[test]
fn the_schema_refuses_what_the_loader_refuses() {
    let validator = jsonschema::draft202012::new(schema::schema().as_value()).unwrap();
    for (pointer, value) in [
        ("/lerning", json!({})),
        ("/topology", json!({ "kind": "ring", "k": 3 })),
        ("/topology", json!({ "kind": "rnig" })),
        ("/topology", json!({ "kind": "random_k" })),
        ("/topology", json!("ring")),
        ("/nodes", json!("100")),
        ("/settings/heartbeat/period", json!(2)),
        ("/settings/heartbeat/period", json!("2 parsecs")),
        ("/learning/partitioning/alpha", json!("x")),
        ("/learning/batch_size", json!("half")),
        ("/network/latency", json!({ "kind": "constant" })),
        ("/script/0/nodes", json!([])),
        ("/script/0/when", json!("3s")),
        ("/script/0/nodes", json!(["40 to 49"])),
        ("/speedup", json!("fast")),
    ] {
        let mut document: Value = serde_json::from_str(EVERY_BLOCK).unwrap();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[key] = value;
        assert!(!validator.is_valid(&document), "{pointer}: {document:#}");
        assert!(parse(&document.to_string(), "x.json", &[]).is_err(), "{pointer}");
    }
}

#[test]
fn aliases_and_fellow_fields_are_in_the_schema() {
    let validator = jsonschema::draft202012::new(schema::schema().as_value()).unwrap();
    for topology in [
        json!({ "kind": "mesh" }),
        json!({ "kind": "random_k", "k": 4 }),
        json!({ "kind": "ring", "additional_connections": [[0, 50]] }),
    ] {
        let document = json!({ "name": "x", "nodes": 100, "topology": topology });
        assert!(validator.is_valid(&document), "{document}");
    }
}

#[test]
fn a_network_with_everything_reads_and_is_in_the_schema() {
    let validator = jsonschema::draft202012::new(schema::schema().as_value()).unwrap();
    for latency in [
        json!("20ms"),
        json!({ "kind": "normal", "mean": "20ms", "stdev": "2ms" }),
        json!({ "kind": "regions", "preset": "internet-2019", "shares": { "Japan": 1, "South America": 0.5 } }),
        json!({ "kind": "regions", "file": "own.csv", "round_trip": true, "sigma": 0.1 }),
    ] {
        let document = json!({ "name": "x", "nodes": 10, "topology": { "kind": "ring" }, "network": {
            "latency": latency, "latency_floor": "1ms", "jitter": { "kind": "pareto", "scale": "1ms", "shape": 2 },
            "uplink": "10Mbps", "downlink": "100Mbps", "mtu": "9000B", "packet_loss": 0.01, "lossy": true,
            "duplication": 0.001, "connections": { "setup": "tls", "slow_start": false }
        } });
        let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:#?}");
        let scenario = parse(&document.to_string(), "x.json", &[]).unwrap().scenario;
        let written = serde_json::to_value(&scenario).unwrap();
        assert!(validator.is_valid(&written), "{written:#}");
        assert_eq!(parse(&written.to_string(), "x.json", &[]).unwrap().scenario, scenario);
    }
}

#[test]
fn fields_are_found_by_path_and_kind() {
    assert_eq!(
        schema::fields_of_kind("topology", "watts_strogatz"),
        ["kind", "k", "p", "additional_connections"]
    );
    assert_eq!(schema::fields_of_kind("network.latency", "uniform"), ["kind", "min", "max"]);
    let fields = schema::fields();
    let described = |parent: &str, name: &str| {
        let field = fields.iter().find(|it| it.parent == parent && it.name == name);
        field.is_some_and(|it| !it.description.is_empty())
    };
    for (parent, name) in
        [("", "nodes"), ("settings.gossip", "ttl"), ("script[]", "groups"), ("workflow", "rounds")]
    {
        assert!(described(parent, name), "{parent}.{name}");
    }
}

#[test]
fn the_hash_is_of_what_runs_and_not_of_how_it_is_written() {
    let hash = |text: &str, set: &[&str]| {
        let set: Vec<Override> = set.iter().map(|it| it.parse().unwrap()).collect();
        parse(text, "x.json", &set).unwrap().hash
    };
    let terse = r#"{"name":"x","nodes":10,"topology":{"kind":"full"}}"#;
    let wordy = r#"{ "description": "Says much.", "seed": 0, "topology": { "kind": "mesh" }, "nodes": 10,
                     "name": "x", "limits": { "wall": "60m" } }"#;
    assert_eq!(hash(terse, &[]), hash(wordy, &[]));
    assert_eq!(hash(terse, &[]).len(), 32);
    assert_ne!(hash(terse, &[]), hash(terse, &["seed=1"]));
    assert_ne!(hash(terse, &[]), hash(terse, &["settings.gossip.ttl=9"]));
    // A result kept from another day must still match: this changes only if the format does.
    insta::assert_snapshot!(hash(terse, &[]), @"8e0a7aaf449e6b9e7710a6dfd21e8419");
}

#[test]
fn files_that_cannot_be_scenarios_are_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let refused = |path: &Path| load(path, &[]).unwrap_err().0.remove(0);
    // Sparse: it takes no room on disk, and would take 200 MB of memory.
    std::fs::File::create(path("huge.json")).unwrap().set_len(200 << 20).unwrap();
    assert_eq!(refused(&path("huge.json")).code, "too-large");
    assert_eq!(refused(folder.path()).code, "unreadable");
    std::fs::write(path("latin1.json"), b"{ \"name\": \"caf\xe9\" }").unwrap();
    let fault = refused(&path("latin1.json"));
    assert_eq!((fault.code, fault.line, fault.column), ("syntax", 1, 15));
    std::fs::write(path("ring-100.json"), EVERY_BLOCK).unwrap();
    let help = refused(&path("rnig-100.json")).help.unwrap();
    assert!(help.contains("ring-100.json"), "{help}");
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [65usize, 200, 600, 100_000, 2_000_000] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let fault = parse(&text, "deep.json", &[]).unwrap_err().0.remove(0);
            assert_eq!(fault.code, "too-deep", "{depth}");
        }
    }
}
