use super::*;
use crate::scenario::parse;
use crate::simulation::{Options, prepare};
use std::time::Duration;

fn plan(script: &str) -> Plan {
    let text = format!(
        r#"{{ "name": "x", "nodes": 4, "topology": {{ "kind": "full" }}, "workflow": {{ "kind": "p2pfl" }},
              "script": [{script}] }}"#
    );
    let mut loaded = parse(&text, "x.json", &[]).expect("a scenario");
    prepare(&mut loaded, Options::default()).expect("a plan").plan
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

/// What happens before a time, learning having begun at 100 s; the rounds are entered at these times. Somebody learns.
fn plays(script: &mut Script, plan: &Plan, reached: u64, until: u64, rounds: &[u64]) -> Vec<String> {
    plays_with(script, plan, reached, until, rounds, None)
}

/// The same where `starter` has to start learning because nobody learns.
fn plays_with(
    script: &mut Script,
    plan: &Plan,
    reached: u64,
    until: u64,
    rounds: &[u64],
    starter: Option<PeerId>,
) -> Vec<String> {
    let mut deeds = Vec::new();
    let scene = Scene {
        zero: at(100),
        reached: at(reached),
        until: Some(at(until)),
        entered: &|round| rounds.get(round as usize).map(|it| at(*it)),
        starter: &|| starter,
    };
    script.play(plan, &scene, &mut deeds);
    let told = |(at, deed): (Time, Deed)| {
        let seconds = at.since(Time::ZERO).as_secs();
        match deed {
            Deed::Tell(node, Order::Up(start)) => format!("{seconds}: {node} up to {:?}", start.dial),
            Deed::Tell(node, Order::Crash) => format!("{seconds}: {node} crashes"),
            Deed::Tell(node, Order::Leave) => format!("{seconds}: {node} leaves"),
            Deed::Tell(node, Order::Control(_)) => format!("{seconds}: {node} is told"),
            Deed::Faults(faults) => format!("{seconds}: separated {}", faults.separated(0, 1)),
        }
    };
    deeds.into_iter().map(told).collect()
}

#[test]
fn entries_are_played_in_the_order_of_time_each_once() {
    let plan = plan(
        r#"{ "at": "9s", "do": "restart", "nodes": [1] }, { "at": "2s", "do": "crash", "nodes": [1, 2] },
           { "at": { "round": 1 }, "do": "partition", "groups": [[0], [1]] }, { "at": "60s", "do": "heal" }"#,
    );
    let mut script = Script::new(&plan);
    assert_eq!(script.next_due(&plan, at(100)), Some(at(102)));
    assert!(plays(&mut script, &plan, 100, 102, &[]).is_empty(), "not before its time");
    assert_eq!(plays(&mut script, &plan, 102, 103, &[]), ["102: 1 crashes", "102: 2 crashes"]);
    assert_eq!(script.next_round(&plan), Some(1));
    // Who comes back connects to those that are there.
    let late = plays(&mut script, &plan, 120, 121, &[101, 115]);
    assert_eq!(
        late,
        ["120: 1 up to [0, 3]", "120: separated true"],
        "what is late happens now, in its order"
    );
    assert!(script.fires(&plan) && script.next_round(&plan).is_none());
    assert_eq!(script.left_over().count(), 1);
}

#[test]
fn who_leaves_is_not_brought_back_by_churn_and_who_crashes_is() {
    let plan = plan(
        r#"{ "at": "0s", "do": "churn", "nodes": [1, 2], "session": "10s", "absence": "1s", "until": "15s" },
           { "at": "10s", "do": "leave", "nodes": [1] }"#,
    );
    let mut script = Script::new(&plan);
    // Both at the same moment: the script comes first, and the node is still on its way out.
    let all = plays(&mut script, &plan, 100, 112, &[]);
    assert_eq!(all, ["110: 1 leaves", "110: 2 crashes", "111: 2 up to [0, 3]"]);
}

#[test]
fn a_node_that_went_by_itself_is_away_unless_the_script_has_brought_it_back_since() {
    let plan = plan(
        r#"{ "at": "1s", "do": "restart", "nodes": [1] }, { "at": "2s", "do": "crash", "nodes": [1] },
           { "at": "3s", "do": "restart", "nodes": [1] }, { "at": "4s", "do": "restart", "nodes": [1] }"#,
    );
    let mut script = Script::new(&plan);
    assert!(plays(&mut script, &plan, 101, 102, &[]).is_empty(), "it is there");
    script.gone(&plan, 1, 0, at(101));
    assert!(plays(&mut script, &plan, 102, 103, &[]).is_empty(), "who is gone cannot crash");
    assert_eq!(plays(&mut script, &plan, 103, 104, &[]), ["103: 1 up to [0, 2, 3]"]);
    assert_eq!(script.life(1), 1);
    // Word of its first life comes late.
    script.gone(&plan, 1, 0, at(101));
    assert!(plays(&mut script, &plan, 104, 105, &[]).is_empty(), "it is there");
}

#[test]
fn learning_is_started_anew_some_time_after_a_node_came_or_went_where_nobody_learns() {
    for by_itself in [false, true] {
        let plan = plan(if by_itself { "" } else { r#"{ "at": "1s", "do": "crash", "nodes": [1] }"# });
        let mut script = Script::new(&plan);
        plays(&mut script, &plan, 101, 102, &[]);
        if by_itself {
            script.gone(&plan, 1, 0, at(101));
        }
        let heartbeat = &plan.rules.settings.heartbeat;
        let due = at(101) + heartbeat.wait_convergence.0.max(heartbeat.period.0);
        assert_eq!(script.next_due(&plan, at(100)), Some(due));
        let seconds = due.since(Time::ZERO).as_secs();
        let told = plays_with(&mut script, &plan, seconds, seconds + 1, &[], Some(2));
        assert_eq!(told, [format!("{seconds}: 2 is told")]);
        assert!(!script.fires(&plan), "once");
    }
}

#[test]
fn entries_bring_whom_they_name_if_they_are_away() {
    let brings = |script: &str, finished: fn(PeerId) -> bool| {
        let script = format!(
            r#"{{ "at": "1s", "do": "crash", "nodes": [1] }}, {{ "at": "1s", "do": "leave", "nodes": [2] }},
               {{ "at": "100s", {script} }}"#
        );
        let plan = plan(&script);
        let mut script = Script::new(&plan);
        plays(&mut script, &plan, 101, 102, &[]);
        script.brings(&plan, finished)
    };
    let nobody = |_| false;
    assert!(brings(r#""do": "restart", "nodes": [0, 1]"#, nobody));
    assert!(brings(r#""do": "restart", "nodes": [2]"#, nobody));
    assert!(!brings(r#""do": "restart", "nodes": [1]"#, |node| node == 1));
    assert!(!brings(r#""do": "restart", "nodes": [0]"#, nobody));
    assert!(!brings(r#""do": "crash", "nodes": [0]"#, nobody) && !brings(r#""do": "heal""#, nobody));
    let churns = |nodes: &str| {
        let churn = format!(r#""do": "churn", "nodes": [{nodes}], "session": "9s", "absence": "9s""#);
        brings(&churn, |_| false)
    };
    assert!(churns("1") && !churns("2") && !churns("0"));
}
