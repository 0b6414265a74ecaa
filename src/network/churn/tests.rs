//! What a churn promises: an order, lives that depend on nothing else, and an end.

use super::*;
use proptest::prelude::*;

fn span(text: &str) -> Distribution {
    serde_json::from_str(text).unwrap()
}

fn exponential(mean: &str) -> Distribution {
    span(&format!(r#"{{"kind":"exponential","mean":"{mean}"}}"#))
}

fn model(nodes: impl IntoIterator<Item = PeerId>, until: Option<u64>) -> ChurnModel {
    ChurnModel {
        entry: 0,
        nodes: nodes.into_iter().collect(),
        lives: Lives::Drawn { session: exponential("60s"), absence: exponential("20s") },
        until: until.map(|seconds| Time::ZERO + Duration::from_secs(seconds)),
    }
}

#[test]
fn constant_sessions_and_absences_alternate_from_the_start_on() {
    let lives = Lives::Drawn { session: span("\"10s\""), absence: span("\"3s\"") };
    let model = ChurnModel { lives, ..model([4, 9], None) };
    let churn = Churn::new(1, model, Time::ZERO + Duration::from_secs(5));
    assert_eq!(churn.peek(), Some(Time::ZERO + Duration::from_secs(15)));
    let seen: Vec<_> =
        churn.take(6).map(|(at, node, change)| (at.as_nanos() / 1_000_000_000, node, change)).collect();
    let expected = [
        (15, 4, Change::Down),
        (15, 9, Change::Down),
        (18, 4, Change::Up),
        (18, 9, Change::Up),
        (28, 4, Change::Down),
        (28, 9, Change::Down),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn exponential_sessions_and_absences_have_their_means() {
    let mut up_since = vec![Time::ZERO; 100];
    let mut spans = [(0.0, 0u32), (0.0, 0u32)];
    for (at, node, change) in Churn::new(3, model(0..100, None), Time::ZERO).take(40_000) {
        let before = std::mem::replace(&mut up_since[node as usize], at);
        let (sum, count) = &mut spans[usize::from(change == Change::Up)];
        *sum += at.since(before).as_secs_f64();
        *count += 1;
    }
    let [session, absence] = spans.map(|(sum, count)| sum / f64::from(count));
    // Spans that end early are seen more often than others, but after 200 of each per node that is little.
    assert!((session - 60.0).abs() < 2.0 && (absence - 20.0).abs() < 0.7, "{session} {absence}");
}

#[test]
fn a_million_nodes_take_no_more_than_one_entry_each() {
    assert!(size_of::<Next>() <= 16);
    let mut churn = Churn::new(7, model(0..1_000_000, None), Time::ZERO);
    churn.by_ref().take(10_000).for_each(drop);
    assert_eq!(churn.next.len(), 1_000_000);
}

#[test]
fn a_trace_is_followed_from_the_start_of_the_churn() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("churn.csv");
    std::fs::write(&file, "node,up_s,down_s\nx,0,4\nx,6,\ny,1,9\n").unwrap();
    let model = ChurnModel { lives: Lives::Traced(Trace::load(&file).unwrap()), ..model([3, 5], None) };
    let seen: Vec<_> = Churn::new(0, model.clone(), Time::from_nanos(100))
        .map(|(at, node, change)| (at.as_nanos() - 100, node, change))
        .collect();
    let second = 1_000_000_000;
    let expected = [
        (0, 5, Change::Down),
        (second, 5, Change::Up),
        (4 * second, 3, Change::Down),
        (6 * second, 3, Change::Up),
        (9 * second, 5, Change::Down),
    ];
    assert_eq!(seen, expected);
    let until = Some(Time::from_nanos(5 * second));
    let seen = Churn::new(0, ChurnModel { until, ..model }, Time::ZERO);
    assert_eq!(seen.map(|(_, node, _)| node).collect::<Vec<_>>(), [5, 5, 3, 3], "who is away comes back");
}

#[test]
fn of_several_churns_the_earliest_change_is_next() {
    let mut churns = Churns::default();
    assert_eq!((churns.peek(), churns.due(Time::NEVER)), (None, None));
    let until = Some(600);
    for (entry, nodes) in [(0, 0..5), (1, 3..9)] {
        churns.begin(Churn::new(1, ChurnModel { entry, ..model(nodes, until) }, Time::ZERO));
    }
    let mut merged: Vec<_> = churns.0.iter().flat_map(|churn| churn.clone()).map(|(at, ..)| at).collect();
    merged.sort();
    let mut seen = Vec::new();
    while let Some(at) = churns.peek() {
        assert_eq!(churns.due(at - Duration::from_nanos(1)), None, "not yet");
        seen.push(churns.due(at).unwrap().0);
    }
    assert_eq!(seen, merged);
}

proptest! {
    #[test]
    fn changes_come_in_order_alternate_and_stop_when_everyone_is_back(
        seed: u64, nodes in 1u32..40, until in 1u64..2_000, start in 0u64..500,
    ) {
        let start = Time::ZERO + Duration::from_secs(start);
        let churn = Churn::new(seed, model(0..nodes, Some(until)), start);
        let last = Time::ZERO + Duration::from_secs(until);
        let mut up = vec![true; nodes as usize];
        let mut before = start;
        for (at, node, change) in churn {
            prop_assert!(at >= before);
            before = at;
            prop_assert_eq!(up[node as usize], change == Change::Down);
            prop_assert!(change == Change::Up || at <= last);
            up[node as usize] = change == Change::Up;
        }
        prop_assert!(up.iter().all(|up| *up));
    }

    #[test]
    fn a_nodes_life_does_not_depend_on_who_else_churns(seed: u64, node in 0u32..50) {
        let alone: Vec<_> = Churn::new(seed, model([node], None), Time::ZERO).take(9).collect();
        let among = Churn::new(seed, model(0..50, None), Time::ZERO);
        let own: Vec<_> = among.filter(|(_, other, _)| *other == node).take(9).collect();
        prop_assert_eq!(alone, own);
    }
}
