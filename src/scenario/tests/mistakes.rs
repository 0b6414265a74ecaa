//! What users see for typical mistakes. Read the texts before accepting a change to them.

use crate::scenario::{Override, parse};
use insta::assert_snapshot;

/// What is shown for a scenario in which one line of an ordinary one is replaced.
fn shown(right: &str, wrong: &str) -> String {
    const RING: &str = r#"{
  "name": "ring-100",
  "nodes": 100,
  "topology": { "kind": "ring" },
  "workflow": { "kind": "p2pfl", "rounds": 5 },
  "settings": { "heartbeat": { "period": "2s" } },
  "learning": { "partitioning": { "kind": "dirichlet", "alpha": 0.5 } },
  "script": [
    { "at": { "round": 2 }, "do": "crash", "nodes": [3, "40-49"] },
    { "at": { "round": 4 }, "do": "restart", "nodes": ["40-49"] }
  ],
  "thresholds": ["final.accuracy.mean >= 0.85"]
}
"#;
    assert!(RING.contains(right), "{right}");
    match parse(&RING.replacen(right, wrong, 1), "ring.json", &[]) {
        Ok(loaded) => loaded.warnings.to_string(),
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn a_misspelt_kind() {
    assert_snapshot!(shown(r#""kind": "ring""#, r#""kind": "rnig""#), @r##"
unknown-kind

  × `rnig` is not a kind of `topology`
   ╭─[ring.json:4:25]
 3 │   "nodes": 100,
 4 │   "topology": { "kind": "rnig" },
   ·                         ───┬──
   ·                            ╰── topology.kind
 5 │   "workflow": { "kind": "p2pfl", "rounds": 5 },
   ╰────
  help: did you mean `ring`? possible are star, full, complete, mesh, line, ring, random_k,
        random_regular, grid, torus, erdos_renyi, watts_strogatz, barabasi_albert,
        static_exponential, edges, file
"##);
}

#[test]
fn a_kind_without_its_object() {
    assert_snapshot!(shown(r#"{ "kind": "ring" }"#, r#""ring""#), @r##"
wrong-value

  × "ring" stands where an object is expected
   ╭─[ring.json:4:15]
 3 │   "nodes": 100,
 4 │   "topology": "ring",
   ·               ───┬──
   ·                  ╰── topology
 5 │   "workflow": { "kind": "p2pfl", "rounds": 5 },
   ╰────
  help: write { "kind": "ring" }
"##);
}

#[test]
fn a_missing_kind_and_a_missing_parameter() {
    assert_snapshot!(shown(r#"{ "kind": "ring" }"#, "{ }"), @r##"
missing-field

  × `topology` has no `kind`
   ╭─[ring.json:4:15]
 3 │   "nodes": 100,
 4 │   "topology": { },
   ·               ─┬─
   ·                ╰── topology
 5 │   "workflow": { "kind": "p2pfl", "rounds": 5 },
   ╰────
  help: it is one of star, full, complete, mesh, line, ring, random_k, random_regular, grid,
        torus, erdos_renyi, watts_strogatz, barabasi_albert, static_exponential, edges, file
"##);
    assert_snapshot!(shown(r#""ring""#, r#""random_k""#), @r##"
missing-field

  × `topology` has no `k`
   ╭─[ring.json:4:15]
 3 │   "nodes": 100,
 4 │   "topology": { "kind": "random_k" },
   ·               ───────────┬──────────
   ·                          ╰── topology
 5 │   "workflow": { "kind": "p2pfl", "rounds": 5 },
   ╰────
  help: add "k", the mean degree
"##);
}

#[test]
fn a_parameter_of_another_kind() {
    assert_snapshot!(shown(r#""ring""#, r#""ring", "k": 4"#), @r##"
unknown-field

  × `k` is not a field of `topology` of kind `ring`
   ╭─[ring.json:4:33]
 3 │   "nodes": 100,
 4 │   "topology": { "kind": "ring", "k": 4 },
   ·                                 ─┬─
   ·                                  ╰── topology.k
 5 │   "workflow": { "kind": "p2pfl", "rounds": 5 },
   ╰────
  help: it is a field of kind `random_k`, kind `watts_strogatz`
"##);
}

#[test]
fn a_number_in_quotes() {
    assert_snapshot!(shown(": 100", r#": "100""#), @r##"
wrong-type

  × "100" is not a whole number from 0 to 4294967295
   ╭─[ring.json:3:12]
 2 │   "name": "ring-100",
 3 │   "nodes": "100",
   ·            ──┬──
   ·              ╰── nodes
 4 │   "topology": { "kind": "ring" },
   ╰────
  help: leave out the quotes: 100
"##);
}

#[test]
fn a_number_out_of_range() {
    assert_snapshot!(shown(": 100", ": -1"), @r##"
wrong-type

  × -1 is not a whole number from 0 to 4294967295
   ╭─[ring.json:3:12]
 2 │   "name": "ring-100",
 3 │   "nodes": -1,
   ·            ─┬
   ·             ╰── nodes
 4 │   "topology": { "kind": "ring" },
   ╰────
"##);
    assert_snapshot!(shown(": 100", ": 0"), @r##"
invalid-value

  × a scenario of no nodes
   ╭─[ring.json:3:12]
 2 │   "name": "ring-100",
 3 │   "nodes": 0,
   ·            ┬
   ·            ╰── nodes
 4 │   "topology": { "kind": "ring" },
   ╰────
  help: `nodes` must be at least 1
"##);
}

#[test]
fn a_duration_without_its_unit() {
    assert_snapshot!(shown(r#""2s""#, "2"), @r##"
wrong-type

  × 2 is not a duration with a unit, such as "250ms", "2s" or "1m"
   ╭─[ring.json:6:42]
 5 │   "workflow": { "kind": "p2pfl", "rounds": 5 },
 6 │   "settings": { "heartbeat": { "period": 2 } },
   ·                                          ┬
   ·                                          ╰── settings.heartbeat.period
 7 │   "learning": { "partitioning": { "kind": "dirichlet", "alpha": 0.5 } },
   ╰────
  help: a duration has a unit: "2ms" or "2s"
"##);
    assert_snapshot!(shown(r#""2s""#, r#""2""#), @r##"
wrong-value

  × `2` has no unit
   ╭─[ring.json:6:42]
 5 │   "workflow": { "kind": "p2pfl", "rounds": 5 },
 6 │   "settings": { "heartbeat": { "period": "2" } },
   ·                                          ─┬─
   ·                                           ╰── settings.heartbeat.period
 7 │   "learning": { "partitioning": { "kind": "dirichlet", "alpha": 0.5 } },
   ╰────
  help: write "2s" or "2ms"
"##);
    assert_snapshot!(shown(r#""2s""#, r#""2 parsecs""#), @r##"
wrong-value

  × `2 parsecs` is not a duration
   ╭─[ring.json:6:42]
 5 │   "workflow": { "kind": "p2pfl", "rounds": 5 },
 6 │   "settings": { "heartbeat": { "period": "2 parsecs" } },
   ·                                          ─────┬─────
   ·                                               ╰── settings.heartbeat.period
 7 │   "learning": { "partitioning": { "kind": "dirichlet", "alpha": 0.5 } },
   ╰────
  help: write a number and a unit, such as "250ms", "2s", "1m" or "1h 30m"
"##);
}

#[test]
fn a_text_for_a_number_and_a_number_out_of_range() {
    assert_snapshot!(shown("0.5", r#""x""#), @r##"
wrong-type

  × "x" is not a number
   ╭─[ring.json:7:65]
 6 │   "settings": { "heartbeat": { "period": "2s" } },
 7 │   "learning": { "partitioning": { "kind": "dirichlet", "alpha": "x" } },
   ·                                                                 ─┬─
   ·                                                                  ╰── learning.partitioning.alpha
 8 │   "script": [
   ╰────
"##);
    assert_snapshot!(shown("0.5", "-0.5"), @r##"
invalid-value

  × `learning.partitioning.alpha` is -0.5
   ╭─[ring.json:7:65]
 6 │   "settings": { "heartbeat": { "period": "2s" } },
 7 │   "learning": { "partitioning": { "kind": "dirichlet", "alpha": -0.5 } },
   ·                                                                 ──┬─
   ·                                                                   ╰── learning.partitioning.alpha
 8 │   "script": [
   ╰────
  help: it must be greater than 0
"##);
}

#[test]
fn a_misspelt_field_and_one_in_the_wrong_block() {
    assert_snapshot!(shown(r#""learning""#, r#""lerning""#), @r##"
unknown-field

  × `lerning` is not a field of a scenario
   ╭─[ring.json:7:3]
 6 │   "settings": { "heartbeat": { "period": "2s" } },
 7 │   "lerning": { "partitioning": { "kind": "dirichlet", "alpha": 0.5 } },
   ·   ────┬────
   ·       ╰── lerning
 8 │   "script": [
   ╰────
  help: did you mean `learning`?
"##);
    assert_snapshot!(shown(r#""ring" }"#, r#""ring", "additional_conections": [] }"#), @r##"
unknown-field

  × `additional_conections` is not a field of `topology` of kind `ring`
   ╭─[ring.json:4:33]
 3 │   "nodes": 100,
 4 │   "topology": { "kind": "ring", "additional_conections": [] },
   ·                                 ───────────┬───────────
   ·                                            ╰── topology.additional_conections
 5 │   "workflow": { "kind": "p2pfl", "rounds": 5 },
   ╰────
  help: did you mean `additional_connections`?
"##);
    assert_snapshot!(shown(r#""nodes": 100"#, r#""nodes": 100, "rounds": 5"#), @r##"
unknown-field

  × `rounds` is not a field of a scenario
   ╭─[ring.json:3:17]
 2 │   "name": "ring-100",
 3 │   "nodes": 100, "rounds": 5,
   ·                 ────┬───
   ·                     ╰── rounds
 4 │   "topology": { "kind": "ring" },
   ╰────
  help: did you mean `workflow.rounds`?
"##);
}

#[test]
fn broken_json() {
    assert_snapshot!(shown("100,", "100"), @r##"
syntax

  × a comma is missing here
   ╭─[ring.json:3:15]
 2 │   "name": "ring-100",
 3 │   "nodes": 100
   ·               ▲
   ·               ╰── here
 4 │   "topology": { "kind": "ring" },
   ╰────
"##);
    assert_snapshot!(shown("0.85\"]", "0.85\"],"), @r##"
syntax

  × nothing follows this comma
    ╭─[ring.json:12:48]
 11 │   ],
 12 │   "thresholds": ["final.accuracy.mean >= 0.85"],
    ·                                                ┬
    ·                                                ╰── here
 13 │ }
    ╰────
  help: JSON has no comma after the last entry: remove it
"##);
    assert_snapshot!(shown("0.5", "NaN"), @r##"
syntax

  × NaN is not a number that a scenario can hold
   ╭─[ring.json:7:65]
 6 │   "settings": { "heartbeat": { "period": "2s" } },
 7 │   "learning": { "partitioning": { "kind": "dirichlet", "alpha": NaN } },
   ·                                                                 ─┬─
   ·                                                                  ╰── here
 8 │   "script": [
   ╰────
  help: write a finite number
"##);
    assert_snapshot!(shown(r#""nodes": 100,"#, r#""nodes": 100, // many"#), @r##"
syntax

  × JSON has no comments
   ╭─[ring.json:3:17]
 2 │   "name": "ring-100",
 3 │   "nodes": 100, // many
   ·                 ───┬───
   ·                    ╰── here
 4 │   "topology": { "kind": "ring" },
   ╰────
  help: remarks can go into `description`
"##);
}

#[test]
fn a_field_that_is_there_twice() {
    assert_snapshot!(shown(r#""learning": {"#, "\"nodes\": 10,\n  \"learning\": {"), @r##"
duplicate-key

  × `nodes` is here twice
   ╭─[ring.json:7:3]
 6 │   "settings": { "heartbeat": { "period": "2s" } },
 7 │   "nodes": 10,
   ·   ───┬───
   ·      ╰── nodes
 8 │   "learning": { "partitioning": { "kind": "dirichlet", "alpha": 0.5 } },
   ╰────
  help: the first is on line 3; keep one
"##);
}

#[test]
fn a_script_that_does_not_fit_the_network() {
    assert_snapshot!(shown(": 100", ": 3"), @r##"
invalid-value

  × there is no node 3: the 3 nodes are 0 to 2
    ╭─[ring.json:9:54]
  8 │   "script": [
  9 │     { "at": { "round": 2 }, "do": "crash", "nodes": [3, "40-49"] },
    ·                                                      ┬
    ·                                                      ╰── script[0].nodes[0]
 10 │     { "at": { "round": 4 }, "do": "restart", "nodes": ["40-49"] }
    ╰────
  help: choose fewer or other nodes, or raise `nodes`

invalid-value

  × there is no node 49: the 3 nodes are 0 to 2
    ╭─[ring.json:10:56]
  9 │     { "at": { "round": 2 }, "do": "crash", "nodes": [3, "40-49"] },
 10 │     { "at": { "round": 4 }, "do": "restart", "nodes": ["40-49"] }
    ·                                                        ───┬───
    ·                                                           ╰── script[1].nodes[0]
 11 │   ],
    ╰────
  help: choose fewer or other nodes, or raise `nodes`
"##);
}

#[test]
fn a_range_that_is_none() {
    assert_snapshot!(shown(r#"[3, "40-49"]"#, r#"[3, "40..49"]"#), @r##"
wrong-value

  × "40..49" is not a range of nodes
    ╭─[ring.json:9:57]
  8 │   "script": [
  9 │     { "at": { "round": 2 }, "do": "crash", "nodes": [3, "40..49"] },
    ·                                                         ────┬───
    ·                                                             ╰── script[0].nodes[1]
 10 │     { "at": { "round": 4 }, "do": "restart", "nodes": ["40-49"] }
    ╰────
  help: write "first-last", such as "40-49"
"##);
    assert_snapshot!(shown(r#"[3, "40-49"]"#, r#""49-40""#), @r##"
wrong-value

  × the range "49-40" runs backwards
    ╭─[ring.json:9:53]
  8 │   "script": [
  9 │     { "at": { "round": 2 }, "do": "crash", "nodes": "49-40" },
    ·                                                     ───┬───
    ·                                                        ╰── script[0].nodes
 10 │     { "at": { "round": 4 }, "do": "restart", "nodes": ["40-49"] }
    ╰────
  help: write "40-49"
"##);
}

#[test]
fn a_threshold_that_is_none() {
    assert_snapshot!(shown(">= 0.85", "= 0.85"), @r##"
invalid-value

  × `=` is not a comparison
    ╭─[ring.json:12:18]
 11 │   ],
 12 │   "thresholds": ["final.accuracy.mean = 0.85"]
    ·                  ──────────────┬─────────────
    ·                                ╰── thresholds[0]
 13 │ }
    ╰────
  help: did you mean `==`?
"##);
    assert_snapshot!(shown("mean >= 0.85", "mean"), @r##"
invalid-value

  × a threshold without a comparison
    ╭─[ring.json:12:18]
 11 │   ],
 12 │   "thresholds": ["final.accuracy.mean"]
    ·                  ──────────┬──────────
    ·                            ╰── thresholds[0]
 13 │ }
    ╰────
  help: write PATH OP VALUE or PATH OP PATH, such as "final.accuracy.mean >= 0.85"; OP is one of
        >=, <=, >, <, ==, !=
"##);
    assert_snapshot!(shown("accuracy.mean >= 0.85", "acuracy.mean => 0.85"), @r##"
invalid-value

  × `=>` is not a comparison
    ╭─[ring.json:12:18]
 11 │   ],
 12 │   "thresholds": ["final.acuracy.mean => 0.85"]
    ·                  ──────────────┬─────────────
    ·                                ╰── thresholds[0]
 13 │ }
    ╰────
  help: did you mean `>=`?
"##);
    assert_snapshot!(shown("accuracy.mean >= 0.85", "acuracy.mean >= 0.85"), @r##"
invalid-value

  × `final.acuracy.mean` is not in a result: `final` has no `acuracy.mean`
    ╭─[ring.json:12:18]
 11 │   ],
 12 │   "thresholds": ["final.acuracy.mean >= 0.85"]
    ·                  ──────────────┬─────────────
    ·                                ╰── thresholds[0]
 13 │ }
    ╰────
  help: did you mean `final.accuracy.mean`?
"##);
}

#[test]
fn several_mistakes_at_once() {
    let text = r#"{ "name": "my ring", "nods": 100, "topology": { "kind": "ring" }, "seed": "a" }"#;
    assert_snapshot!(parse(text, "ring.json", &[]).unwrap_err(), @r##"
unknown-field

  × `nods` is not a field of a scenario
   ╭─[ring.json:1:22]
 1 │ { "name": "my ring", "nods": 100, "topology": { "kind": "ring" }, "seed": "a" }
   ·                      ───┬──
   ·                         ╰── nods
   ╰────
  help: did you mean `nodes`?

wrong-type

  × "a" is not a whole number from 0 to 18446744073709551615
   ╭─[ring.json:1:75]
 1 │ …ame": "my ring", "nods": 100, "topology": { "kind": "ring" }, "seed": "a" }
   ·                                                                        ─┬─
   ·                                                                         ╰── seed
   ╰────
"##);
}

#[test]
fn entries_that_never_fire_are_named() {
    assert_snapshot!(shown(r#""round": 4"#, r#""round": 1"#), @r##"
nothing-to-restart

  ⚠ nodes 40, 41, 42, 43, 44 and 5 others neither crash nor leave before this `restart`
    ╭─[ring.json:10:55]
  9 │     { "at": { "round": 2 }, "do": "crash", "nodes": [3, "40-49"] },
 10 │     { "at": { "round": 1 }, "do": "restart", "nodes": ["40-49"] }
    ·                                                       ────┬────
    ·                                                           ╰── script[1].nodes
 11 │   ],
    ╰────
  help: name nodes that are down by then; nodes that are up are left alone
"##);
    assert_snapshot!(shown(r#""round": 4"#, r#""round": 7"#), @r##"
never-fires

  ⚠ round 7 never comes: the 5 rounds are 0 to 4
    ╭─[ring.json:10:24]
  9 │     { "at": { "round": 2 }, "do": "crash", "nodes": [3, "40-49"] },
 10 │     { "at": { "round": 7 }, "do": "restart", "nodes": ["40-49"] }
    ·                        ┬
    ·                        ╰── script[1].at.round
 11 │   ],
    ╰────
  help: lower the round, or raise `workflow.rounds`
"##);
}

#[test]
fn a_setting_from_the_command_line() {
    let text = r#"{ "name": "ring", "nodes": 10, "topology": { "kind": "ring" } }"#;
    let set = |option: &str| parse(text, "ring.json", &[option.parse::<Override>().unwrap()]).unwrap_err();
    assert_snapshot!(set("settings.gosip.ttl=50"), @r##"
unknown-field

  × there is nothing at `settings.gosip.ttl` in a scenario
   ╭─[command line:1:7]
 1 │ --set settings.gosip.ttl=50
   ·       ─────────┬────────
   ·                ╰── settings.gosip.ttl
   ╰────
  help: did you mean `settings.gossip.ttl`?
"##);
    assert_snapshot!(set("settings.gossip.period=0s"), @r##"
invalid-value

  × `settings.gossip.period` is zero: a node would do nothing else (in P2PFL, whose tests write 0,
  │ it spins)
   ╭─[command line:1:30]
 1 │ --set settings.gossip.period=0s
   ·                              ─┬
   ·                               ╰── settings.gossip.period
   ╰────
  help: write a duration such as "100ms"
"##);
    assert_snapshot!(set("topology.kind=random_k"), @r##"
missing-field

  × `topology` has no `k`
   ╭─[command line:1:7]
 1 │ --set topology.kind=random_k
   ·       ──────┬──────
   ·             ╰── topology
   ╰────
  help: add "k", the mean degree
"##);
}

#[test]
fn a_long_line_is_cut_and_keeps_its_column() {
    let edges = (0..400).map(|i| format!("[{i},{}]", i + 1)).collect::<Vec<_>>().join(",");
    let text = format!(
        r#"{{"name":"x","nodes":401,"topology":{{"kind":"edges","edges":[{edges}]}},"nodez":1,"description":"{}"}}"#,
        "é".repeat(300)
    );
    assert_snapshot!(parse(&text, "long.json", &[]).unwrap_err(), @r##"
unknown-field

  × `nodez` is not a field of a scenario
   ╭─[long.json:1:3845]
 1 │ …93,394],[394,395],[395,396],[396,397],[397,398],[398,399],[399,400]]},"nodez":1,"description":"éééééééééééééééééééééééééé…
   ·                                                                        ───┬───
   ·                                                                           ╰── nodez
   ╰────
  help: did you mean `nodes`?
"##);
}

#[test]
fn what_turns_up_later_is_shown_where_it_comes_from() {
    let text = r#"{ "name": "dense", "nodes": 10, "topology": { "kind": "random_regular", "degree": 12 } }"#;
    let help = || Some("write a degree of at most 9".to_owned());
    let loaded = parse(text, "dense.json", &[]).unwrap();
    let message = "no node has 12 neighbours among 10 nodes";
    assert_snapshot!(loaded.diagnose("topology.degree", message, help()), @r##"
impossible

  × no node has 12 neighbours among 10 nodes
   ╭─[dense.json:1:83]
 1 │ …ense", "nodes": 10, "topology": { "kind": "random_regular", "degree": 12 } }
   ·                                                                        ─┬
   ·                                                                         ╰── topology.degree
   ╰────
  help: write a degree of at most 9
"##);
    let set = ["topology.degree=14".parse().unwrap()];
    let loaded = parse(text, "dense.json", &set).unwrap();
    assert_snapshot!(loaded.diagnose("topology.degree", message, help()), @r##"
impossible

  × no node has 12 neighbours among 10 nodes
   ╭─[command line:1:23]
 1 │ --set topology.degree=14
   ·                       ─┬
   ·                        ╰── topology.degree
   ╰────
  help: write a degree of at most 9
"##);
    let json = serde_json::to_string(&loaded.diagnose("topology.degree", message, None)).unwrap();
    assert_snapshot!(json, @r##"
[{"severity":"error","code":"impossible","file":"command line","line":1,"column":23,"path":"topology.degree","message":"no node has 12 neighbours among 10 nodes","help":null}]
"##);
}

#[test]
fn a_parameter_of_a_kind_that_the_block_does_not_have_by_default() {
    let text = r#"{ "name": "ring", "nodes": 10, "topology": { "kind": "ring" } }"#;
    let set = ["learning.partitioning.alpha=0.1".parse().unwrap()];
    assert_snapshot!(parse(text, "ring.json", &set).unwrap_err(), @r##"
unknown-field

  × `alpha` is not a field of `learning.partitioning` of kind `iid`
   ╭─[command line:1:7]
 1 │ --set learning.partitioning.alpha=0.1
   ·       ─────────────┬─────────────
   ·                    ╰── learning.partitioning.alpha
   ╰────
  help: it is a field of kind `dirichlet`, kind `DirichletPartitionStrategy`
"##);
}

#[test]
fn a_region_or_a_preset_that_does_not_exist() {
    let text = r#"{ "name": "wan", "nodes": 10, "topology": { "kind": "ring" },
  "network": { "latency": { "kind": "regions", "preset": "internet-2020" } } }"#;
    assert_snapshot!(parse(text, "wan.json", &[]).unwrap_err(), @r##"
unknown-kind

  × `internet-2020` is not a value of `network.latency.preset`
   ╭─[wan.json:2:58]
 1 │ { "name": "wan", "nodes": 10, "topology": { "kind": "ring" },
 2 │   "network": { "latency": { "kind": "regions", "preset": "internet-2020" } } }
   ·                                                          ───────┬───────
   ·                                                                 ╰── network.latency.preset
   ╰────
  help: did you mean `internet-2019`? possible are ibm-cloud-2024-08, internet-2019
"##);
    let text = text.replace("2020\"", "2019\", \"shares\": { \"Atlantis\": 1 }");
    let mut loaded = parse(&text, "wan.json", &[]).unwrap();
    let faults = crate::simulation::prepare(&mut loaded, Default::default()).err().unwrap();
    let fault = &faults.0[0];
    assert_eq!((fault.path.as_str(), fault.line, fault.column), ("network.latency.shares.Atlantis", 2, 99));
    assert!(fault.message.contains("is no region; there are North America, Europe"), "{}", fault.message);
}
