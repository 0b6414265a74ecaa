use super::*;
use crate::engine::course::script::Scene;
use crate::scenario::parse;
use crate::simulation::{Options, prepare};

/// Four nodes of a variant, of which node 3 joins late, with what else happens.
fn plan(variant: &str, script: &str) -> Plan {
    let text = format!(
        r#"{{ "name": "x", "nodes": 4, "topology": {{ "kind": "full" }}, "script": [{script}],
              "workflow": {{ "kind": "p2pfl", "variant": "{variant}" }}, "limits": {{ "time": "1h" }} }}"#
    );
    let mut loaded = parse(&text, "x.json", &[]).expect("a scenario");
    let mut plan = prepare(&mut loaded, Options::default()).expect("a plan").plan;
    plan.event_limit = 1_000;
    plan
}

const JOINS: &str = r#"{ "at": "50s", "do": "join", "nodes": [3] }"#;

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::from_secs(seconds)
}

/// A script that has been played up to a time.
fn played(plan: &Plan, until: u64) -> Script {
    let mut script = Script::new(plan);
    let scene = Scene {
        zero: Time::ZERO,
        reached: Time::ZERO,
        until: Some(at(until)),
        entered: &|_| None,
        starter: &|| None,
    };
    script.play(plan, &scene, &mut Vec::new());
    script
}

/// How a run stands at 10 s in which nothing is pending, everything but `counts` being as usual.
fn judged(plan: &Plan, script: &Script, counts: Counts) -> Option<Outcome> {
    let state = State {
        plan,
        script,
        counts,
        zero: Time::ZERO,
        reached: at(10),
        next: Some(at(10)),
        inputs: 0,
        idle: false,
        finished: &|_| false,
    };
    state.judge().map(|it| it.outcome)
}

#[test]
fn a_run_is_over_when_everyone_who_is_up_has_finished_and_nobody_will_come() {
    let plan = plan("repaired", "");
    let script = Script::new(&plan);
    let done = Counts { done: 3, ..Counts::default() };
    assert_eq!(judged(&plan, &script, done), Some(Outcome::Completed));
    assert_eq!(judged(&plan, &script, Counts { awaited: 1, ..done }), None);
    assert_eq!(judged(&plan, &script, Counts { newcomers: 1, ..done }), None);
}

#[test]
fn whom_the_script_brings_is_waited_for_and_whoever_has_just_been_told_to_come() {
    let plan = plan("repaired", JOINS);
    let done = Counts { done: 3, ..Counts::default() };
    assert_eq!(judged(&plan, &played(&plan, 10), done), None);
    let mut late = played(&plan, 51);
    assert_eq!(judged(&plan, &late, done), None, "it comes at 50 s, and that is not over yet");
    // It was there, and went by itself.
    late.gone(&plan, 3, 0, at(52));
    let state = |reached, counts| State {
        plan: &plan,
        script: &late,
        counts,
        zero: Time::ZERO,
        reached,
        next: Some(reached),
        inputs: 0,
        idle: false,
        finished: &|_| false,
    };
    assert_eq!(state(at(60), done).judge().map(|it| it.outcome), Some(Outcome::Completed));
}

#[test]
fn nobody_waits_for_who_will_never_take_part() {
    let idle = Counts { done: 3, newcomers: 1, ..Counts::default() };
    for variant in ["faithful", "faithful-memory"] {
        let plan = plan(variant, JOINS);
        assert_eq!(judged(&plan, &Script::new(&plan), idle), Some(Outcome::Completed), "{variant}");
    }
    let stops = plan("repaired", r#"{ "at": "5s", "do": "stop_learning" }"#);
    let stopped = Counts { stopped: 3, ..idle };
    assert_eq!(judged(&stops, &played(&stops, 10), stopped), Some(Outcome::Completed));
    let plan = plan("repaired", "");
    assert_eq!(judged(&plan, &Script::new(&plan), stopped), Some(Outcome::Stopped));
    let some = Counts { stopped: 2, ..stopped };
    assert_eq!(judged(&plan, &Script::new(&plan), some), Some(Outcome::Completed));
}

#[test]
fn without_anyone_a_run_has_failed_unless_somebody_may_come() {
    let nobody = Counts::default();
    let plan_of = plan;
    let plan = plan_of("repaired", "");
    assert_eq!(judged(&plan, &Script::new(&plan), nobody), Some(Outcome::Failed));
    let joins = plan_of("repaired", JOINS);
    assert_eq!(judged(&joins, &Script::new(&joins), nobody), None);
    let faithful = plan_of("faithful", "");
    assert_eq!(judged(&faithful, &Script::new(&faithful), Counts { newcomers: 2, ..nobody }), None);
}

#[test]
fn limits_end_a_run_and_so_does_waiting_for_nothing() {
    let plan = plan("repaired", "");
    let script = Script::new(&plan);
    let busy = Counts { awaited: 3, unsettled: at(20), ..Counts::default() };
    let judge = |next: u64, inputs: u64, idle: bool| {
        let state = State {
            plan: &plan,
            script: &script,
            counts: busy,
            zero: at(1),
            reached: at(next),
            next: Some(at(next)),
            inputs,
            idle,
            finished: &|_| false,
        };
        state.judge().map(|it| (it.outcome, it.end))
    };
    assert_eq!(judge(30, 999, false), None);
    assert_eq!(judge(30, 1_000, false), Some((Outcome::Failed, at(30))));
    assert_eq!(judge(3_600, 0, false), None);
    assert_eq!(judge(4_000, 0, false), Some((Outcome::Failed, at(3_601))), "it ends at its limit");
    assert_eq!(judge(19, 0, true), None, "somebody may yet be missed");
    assert_eq!(judge(20, 0, true), Some((Outcome::Stalled, at(20))));
}

#[test]
fn the_user_and_the_limits_of_this_machine_end_a_run_however_far_it_is() {
    let mut plan = plan("repaired", "");
    (plan.wall_limit, plan.memory_limit) = (Duration::from_secs(9), u64::MAX);
    let interrupted = Arc::<AtomicBool>::default();
    let due = |plan: &Plan, seconds| {
        Halt::of(plan, Arc::clone(&interrupted)).due(Duration::from_secs(seconds)).map(|it| it.0)
    };
    assert_eq!((due(&plan, 8), due(&plan, 9)), (None, Some(Outcome::Failed)));
    plan.memory_limit = 1;
    assert_eq!(due(&plan, 8), Some(Outcome::Failed));
    interrupted.store(true, Ordering::Relaxed);
    assert_eq!(due(&plan, 8), Some(Outcome::Interrupted));
}
