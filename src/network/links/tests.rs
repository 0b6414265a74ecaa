//! Links against the formulas that they follow.

use super::*;
use crate::format::units::Span;
use crate::network::Slowdown;
use crate::network::spec::{Connections, Latency, Setup};
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

fn latency(text: &str) -> Latency {
    serde_json::from_str(text).unwrap()
}

/// A network of 20 ms with what is written on top.
fn network(text: &str) -> Network {
    Network { latency: Span::millis(20).into(), ..serde_json::from_str(text).unwrap() }
}

/// A payload that makes one packet of 1,250 bytes, which take a millisecond at 10 Mbps.
const PAYLOAD: u64 = 1_250 - 52 - 5;

/// When a message arrives that is handed over now.
fn arrival(links: &Links, port: &mut Port, now: Time, to: PeerId, payload: u64) -> Time {
    match links.depart(port, None, now, 1, to, payload, true) {
        Departure::Arrives { at, .. } => at,
        Departure::Dropped(cause) => panic!("dropped: {cause:?}"),
    }
}

/// The share of 10,000 messages that fare like this.
fn share(links: &Links, fate: impl Fn(Departure) -> bool) -> f64 {
    let mut port = Port::default();
    let depart = |_: &u32| fate(links.depart(&mut port, None, Time::ZERO, 1, 2, 100, true));
    (0..10_000).filter(depart).count() as f64 / 10_000.0
}

#[test]
fn a_path_has_one_latency_in_both_directions_and_none_below_the_floor() {
    let latency = latency(r#"{"kind":"uniform","min":"0s","max":"40ms"}"#);
    let links = Links::new(7, Network { latency, latency_floor: Span::millis(10), ..Network::default() });
    let drawn: Vec<Duration> = (1..500).map(|peer| links.latency(0, peer)).collect();
    assert!((1..500).all(|peer| links.latency(peer, 0) == drawn[peer as usize - 1]));
    assert_eq!(drawn.iter().min(), Some(&(10 * MS)));
    assert!(drawn.iter().max() > Some(&(35 * MS)));
}

#[test]
fn loss_costs_a_retransmission_or_the_message() {
    let lost = |it| it == Departure::Dropped(Cause::Loss);
    let late = |it| matches!(it, Departure::Arrives { at, .. } if at >= Time::ZERO + 220 * MS);
    let resending = Links::new(7, network(r#"{ "packet_loss": 0.1 }"#));
    assert!((share(&resending, late) - 0.1).abs() < 0.01);
    assert_eq!(share(&resending, lost), 0.0);
    let lossy = Links::new(7, network(r#"{ "packet_loss": 0.1, "lossy": true }"#));
    assert!((share(&lossy, lost) - 0.1).abs() < 0.01);
    assert_eq!(share(&Links::new(7, network(r#"{ "lossy": true }"#)), lost), 0.0);
}

#[test]
fn a_message_arrives_twice_as_often_as_was_asked_for() {
    let links = Links::new(
        7,
        network(r#"{ "duplication": 0.2, "jitter": { "kind": "uniform", "min": "0s", "max": "9ms" } }"#),
    );
    let twice = |it| matches!(it, Departure::Arrives { copy: Some(_), .. });
    assert!(links.loses(), "each message has a copy or none for itself");
    assert!((share(&links, twice) - 0.2).abs() < 0.012);
    // Copies have a jitter of their own, so that either may come first.
    let first = |it| matches!(it, Departure::Arrives { at, copy: Some(copy), .. } if at < copy);
    assert!((share(&links, first) - 0.1).abs() < 0.01);
    assert_eq!(share(&Links::new(7, network("{}")), twice), 0.0);
}

#[test]
fn jitter_only_adds_and_lets_messages_overtake_each_other() {
    let links = Links::new(7, network(r#"{ "jitter": { "kind": "uniform", "min": "0s", "max": "10ms" } }"#));
    let mut port = Port::default();
    let arrivals: Vec<Time> =
        (0..1_000).map(|i| arrival(&links, &mut port, Time::ZERO + i * MS, 2, 100)).collect();
    let delays = arrivals.iter().zip(0..).map(|(at, i)| at.since(Time::ZERO + i * MS));
    assert!(delays.clone().all(|it| (20 * MS..30 * MS).contains(&it)));
    let mean = delays.sum::<Duration>() / 1_000;
    assert!((24_600..25_400).contains(&mean.as_micros()), "{mean:?}");
    assert!(!arrivals.is_sorted());
}

#[test]
fn a_burst_leaves_at_the_rate_of_the_uplink_and_travels_side_by_side() {
    let links = Links::new(7, network(r#"{ "uplink": "10Mbps" }"#));
    let mut port = Port::default();
    for i in 1..=100 {
        // The hundredth leaves after 100 ms, when the first has long arrived: the link carries many at once.
        let expected = Time::ZERO + i * MS + 20 * MS;
        assert_eq!(arrival(&links, &mut port, Time::ZERO, 2 + i, PAYLOAD), expected);
    }
    let later = Time::ZERO + 500 * MS;
    assert_eq!(arrival(&links, &mut port, later, 2, PAYLOAD), later + 21 * MS, "the queue is empty again");
    assert!(!links.queues_at_receiver());
    assert_eq!(links.arrive(&mut port, None, 1, later, PAYLOAD), later);
}

#[test]
fn a_call_that_outlasts_its_deadline_is_given_up() {
    let links = Links::new(7, network(r#"{ "uplink": "10Mbps" }"#)).with_deadline(30 * MS);
    let mut port = Port::default();
    let mut depart = || links.depart(&mut port, None, Time::ZERO, 1, 2, PAYLOAD, true);
    for i in 1..=10 {
        assert_eq!(depart(), Departure::Arrives { at: Time::ZERO + (20 + i) * MS, copy: None, opens: false });
    }
    assert_eq!(depart(), Departure::Dropped(Cause::Timeout), "the queue is longer than ten milliseconds");
}

#[test]
fn what_many_send_at_once_queues_at_the_receiver() {
    let links = Links::new(7, network(r#"{ "downlink": "10Mbps" }"#));
    let (mut receiver, at) = (Port::default(), Time::ZERO + 20 * MS);
    assert!(links.queues_at_receiver());
    for sender in 2..50 {
        assert_eq!(arrival(&links, &mut Port::default(), Time::ZERO, sender, PAYLOAD), at);
        assert_eq!(links.arrive(&mut receiver, None, 1, at, PAYLOAD), at + (sender - 1) * MS);
    }
}

#[test]
fn the_wait_in_a_queue_follows_pollaczek_and_khinchine() {
    // M/D/1: Poisson arrivals, messages of one size. The mean wait is ρ / (2 μ (1 − ρ)), with a service time 1/μ of 1 ms.
    let links = Links::new(7, network(r#"{ "uplink": "10Mbps", "downlink": "10Mbps" }"#));
    for load in [0.3, 0.6, 0.8] {
        let mut random = Stream::new(11, 0, Purpose::Sample, 0);
        let (mut up, mut down, mut now) = (Port::default(), Port::default(), Time::ZERO);
        let (mut waited, mut waited_there) = (Duration::ZERO, Duration::ZERO);
        const MESSAGES: u32 = 400_000;
        for _ in 0..MESSAGES {
            let gap = -libm::log(1.0 - random.random::<f64>()) / load;
            now = now + MS.mul_f64(gap);
            waited += arrival(&links, &mut up, now, 2, PAYLOAD).since(now) - 21 * MS;
            waited_there += links.arrive(&mut down, None, 2, now, PAYLOAD).since(now) - MS;
        }
        let expected = load / (2.0 * (1.0 - load));
        let mean = (waited / MESSAGES).as_secs_f64() * 1e3;
        assert!((mean / expected - 1.0).abs() < 0.02, "at {load}: {mean} ms for {expected} ms");
        assert_eq!(waited, waited_there, "both ends queue alike");
    }
}

#[test]
fn a_regions_nodes_have_its_bandwidth_unless_the_scenario_says_otherwise() {
    let latency = latency(r#"{ "kind": "regions", "preset": "internet-2019", "shares": { "Japan": 1 } }"#);
    let build = |spec| Links::build(1, spec, 10, Path::new("")).unwrap();
    let links = build(Network { latency: latency.clone(), ..Network::default() });
    assert_eq!((links.uplink(3), links.downlink(3)), (Some(Rate(10_200_000)), Some(Rate(22_800_000))));
    assert_eq!((links.lookahead(), links.latency(0, 9)), (12 * MS, 12 * MS));
    assert!(links.queues_at_receiver());
    let given = Some(Rate(1_000_000));
    let links = build(Network { latency, uplink: given, ..Network::default() });
    assert_eq!((links.uplink(3), links.downlink(3)), (given, Some(Rate(22_800_000))));
    assert!(links.regions().filter(|(_, nodes)| *nodes > 0).eq([("Japan", 10)]));
}

#[test]
fn a_way_that_is_longer_in_one_direction_is_so_for_messages_answers_and_round_trips() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("matrix.csv"), "from,a,b\na,1,10\nb,100,1\n").unwrap();
    let latency = latency(r#"{ "kind": "regions", "file": "matrix.csv" }"#);
    let build = |more: &str| {
        let spec = Network { latency: latency.clone(), ..serde_json::from_str(more).unwrap() };
        Links::build(7, spec, 20, folder.path()).unwrap()
    };
    let links = build("{}");
    assert_eq!(links.lookahead(), MS, "the least of all ways");
    let at = |ms| {
        (0..20).flat_map(|a| (0..20).map(move |b| (a, b))).find(|&(a, b)| links.latency(a, b) == ms * MS)
    };
    let (a, b) = at(10).expect("nodes in both regions");
    assert_eq!(links.latency(b, a), 100 * MS);
    let arrives = |links: &Links, faults: Option<&Faults>, from, to| match links.depart(
        &mut Port::default(),
        faults,
        Time::ZERO,
        from,
        to,
        100,
        true,
    ) {
        Departure::Arrives { at, .. } => at.since(Time::ZERO),
        Departure::Dropped(cause) => panic!("dropped: {cause:?}"),
    };
    assert_eq!([arrives(&links, None, a, b), arrives(&links, None, b, a)], [10 * MS, 100 * MS]);
    assert_eq!([links.answer(None, b, a), links.answer(None, a, b)], [100 * MS, 10 * MS]);
    let mut faults = Faults::default();
    faults.slow(20, &[a], Slowdown { compute: 1.0, link: 3.0 });
    assert_eq!(
        [arrives(&links, Some(&faults), a, b), links.answer(Some(&faults), b, a)],
        [30 * MS, 300 * MS]
    );
    // A round trip to connect is there and back, whoever begins.
    let links = build(r#"{ "connections": { "setup": "tcp" } }"#);
    assert_eq!([arrives(&links, None, a, b), arrives(&links, None, b, a)], [120 * MS, 210 * MS]);
}

#[test]
fn a_large_message_pays_for_its_connection_and_for_slow_start() {
    let links = Links::new(7, network(r#"{ "connections": { "setup": "tls" } }"#));
    let mut port = Port::default();
    let mut takes = |now: Duration, to, known, payload| {
        let now = Time::ZERO + now;
        match links.depart(&mut port, None, now, 1, to, payload, known) {
            Departure::Arrives { at, .. } => at.since(now),
            Departure::Dropped(cause) => panic!("dropped: {cause:?}"),
        }
    };
    // A round trip is 40 ms. 14,400 bytes are ten packets, 100 kB are 70, with what TLS adds.
    assert_eq!(takes(Duration::ZERO, 2, true, 14_400), 100 * MS, "two round trips and the way");
    assert_eq!(takes(100 * MS, 2, true, 14_400), 20 * MS, "it is open now");
    assert_eq!(takes(200 * MS, 2, true, 100_000), 100 * MS, "two more round trips: 10, 20 and 40 packets");
    assert_eq!(takes(400 * MS, 2, true, 100_000), 20 * MS, "it has grown");
    assert_eq!(takes(60_000 * MS, 2, true, 100_000), 100 * MS, "and shrunk again");
    for _ in 0..2 {
        assert_eq!(takes(60_000 * MS, 3, false, 100_000), 180 * MS, "a stranger");
    }
    port.close(2);
    assert_eq!(
        arrival(&links, &mut port, Time::ZERO + 60_000 * MS, 2, 1),
        Time::ZERO + 60_100 * MS,
        "closed"
    );
}

/// Faults of five nodes, of which some have links that are so many times slower.
fn slow(nodes: &[PeerId], link: f64) -> Faults {
    let mut faults = Faults::default();
    faults.slow(5, nodes, Slowdown { compute: 1.0, link });
    faults
}

#[test]
fn a_slow_node_has_a_slow_uplink_and_downlink_and_a_long_way() {
    let links = Links::new(7, network(r#"{ "uplink": "10Mbps", "downlink": "10Mbps" }"#));
    let arrives = |faults: &Faults, port: &mut Port, to| match links.depart(
        port,
        Some(faults),
        Time::ZERO,
        1,
        to,
        PAYLOAD,
        true,
    ) {
        Departure::Arrives { at, .. } => at,
        Departure::Dropped(cause) => panic!("dropped: {cause:?}"),
    };
    let ms = |ms: u32| Time::ZERO + ms * MS;
    // Of its receiver only the way is slow until the message is there, then the downlink.
    let mut port = Port::default();
    let faults = slow(&[2], 10.0);
    assert_eq!(arrives(&faults, &mut port, 2), ms(1 + 200));
    assert_eq!(arrives(&faults, &mut port, 3), ms(2 + 20));
    assert_eq!(links.arrive(&mut Port::default(), Some(&faults), 2, ms(201), PAYLOAD), ms(201 + 10));
    assert_eq!(links.arrive(&mut Port::default(), Some(&faults), 3, ms(22), PAYLOAD), ms(22 + 1));
    assert_eq!(links.answer(Some(&faults), 2, 1), 200 * MS);
    // A slow sender is slow to all, and who takes its messages in is as fast as ever.
    let mut port = Port::default();
    let faults = slow(&[1], 10.0);
    assert_eq!([arrives(&faults, &mut port, 2), arrives(&faults, &mut port, 3)], [ms(210), ms(220)]);
    assert_eq!(links.arrive(&mut Port::default(), Some(&faults), 2, ms(210), PAYLOAD), ms(211));
}

#[test]
fn what_is_in_a_queue_when_a_link_becomes_slow_or_fast_again_keeps_its_time() {
    let links = Links::new(7, network(r#"{ "uplink": "10Mbps", "downlink": "10Mbps" }"#));
    let mut port = Port::default();
    let faults = slow(&[1], 10.0);
    let mut arrives =
        |faults: Option<&Faults>| match links.depart(&mut port, faults, Time::ZERO, 1, 2, PAYLOAD, true) {
            Departure::Arrives { at, .. } => at.since(Time::ZERO),
            Departure::Dropped(cause) => panic!("dropped: {cause:?}"),
        };
    // Handed over before, meanwhile and afterwards: whoever is behind a slow one waits for it.
    assert_eq!([arrives(None), arrives(None)], [21 * MS, 22 * MS]);
    assert_eq!([arrives(Some(&faults)), arrives(Some(&faults))], [(12 + 200) * MS, (22 + 200) * MS]);
    assert_eq!([arrives(None), arrives(None)], [(23 + 20) * MS, (24 + 20) * MS]);
    let mut port = Port::default();
    let mut through =
        |faults: Option<&Faults>| links.arrive(&mut port, faults, 1, Time::ZERO, PAYLOAD).since(Time::ZERO);
    assert_eq!([through(None), through(Some(&faults)), through(None)], [MS, 11 * MS, 12 * MS]);
}

#[test]
fn on_a_slow_link_windows_are_sent_for_longer_and_waited_for_less() {
    // A packet of 1,500 bytes takes 1.2 ms at 10 Mbps, and 4.8 ms where either end is four times slower; a round trip
    // grows from 40 to 160 ms. 30 packets: after the first ten there are 28 ms of 40 to wait, and 112 ms of 160.
    let links = Links::new(
        7,
        network(r#"{ "uplink": "10Mbps", "downlink": "10Mbps", "connections": { "setup": "tcp" } }"#),
    );
    let payload = 30 * 1_448 - 5;
    let arrives = |faults: &Faults| match links.depart(
        &mut Port::default(),
        Some(faults),
        Time::ZERO,
        1,
        2,
        payload,
        true,
    ) {
        Departure::Arrives { at, .. } => at.since(Time::ZERO).as_micros(),
        Departure::Dropped(cause) => panic!("dropped: {cause:?}"),
    };
    assert_eq!(arrives(&Faults::default()), 40_000 + 30 * 1_200 + 28_000 + 20_000);
    assert_eq!(arrives(&slow(&[1], 4.0)), 160_000 + 30 * 4_800 + 112_000 + 80_000);
    assert_eq!(arrives(&slow(&[2], 4.0)), 160_000 + 30 * 1_200 + 112_000 + 80_000);
}

#[test]
fn a_partition_drops_what_is_handed_over() {
    let links = Links::new(7, network("{}"));
    let mut faults = Faults::default();
    faults.partition(5, &[vec![1], vec![3]], false);
    let depart = |to| links.depart(&mut Port::default(), Some(&faults), Time::ZERO, 1, to, 1, true);
    assert_eq!(depart(3), Departure::Dropped(Cause::Partition));
    assert!(matches!(depart(2), Departure::Arrives { .. }));
}

fn any_latency() -> impl Strategy<Value = Latency> {
    prop_oneof![
        (0u64..50).prop_map(|ms| Span::millis(ms).into()),
        Just(latency(r#"{"kind":"uniform","min":"3ms","max":"40ms"}"#)),
        Just(latency(r#"{"kind":"normal","mean":"1ms","stdev":"9ms"}"#)),
        Just(latency(r#"{"kind":"lognormal","median":"20ms","sigma":3}"#)),
        Just(latency(r#"{"kind":"pareto","scale":"2ms","shape":0.1}"#)),
        Just(latency(r#"{"kind":"regions","preset":"ibm-cloud-2024-08"}"#)),
        Just(latency(r#"{"kind":"regions","preset":"internet-2019","sigma":2}"#)),
    ]
}

prop_compose! {
    fn any_network()(
        latency in any_latency(),
        jitter in proptest::option::of(Just(serde_json::from_str(r#"{"kind":"pareto","scale":"0s","shape":1}"#).unwrap())),
        uplink in proptest::option::of(1u64..1_000_000_000),
        downlink in proptest::option::of(1u64..1_000_000_000),
        packet_loss in prop_oneof![Just(0.0), 0.0f64..0.9],
        lossy: bool,
        duplication in prop_oneof![Just(0.0), 0.0f64..=1.0],
        connections in proptest::option::of(any::<(bool, bool)>()),
        mtu in MIN..=MAX,
    ) -> Network {
        let connections = connections.map(|(tls, slow_start)| Connections {
            setup: if tls { Setup::Tls } else { Setup::Tcp },
            slow_start,
        });
        let mtu = crate::format::units::Size(mtu);
        let (uplink, downlink) = (uplink.map(Rate), downlink.map(Rate));
        Network { latency, jitter, uplink, downlink, packet_loss, lossy, duplication, connections, mtu, ..Network::default() }
    }
}

const MIN: u64 = crate::network::MIN_MTU;
const MAX: u64 = crate::network::MAX_MTU;

proptest! {
    #[test]
    fn nothing_arrives_before_the_lookahead(
        network in any_network(),
        factor in prop_oneof![Just(1.0), 0.001f64..1e12],
        messages in proptest::collection::vec((0u64..1 << 40, 0u32..20, 0u64..100_000_000, any::<bool>()), 1..20),
    ) {
        let links = Links::build(3, network, 20, Path::new("")).unwrap();
        let mut faults = Faults::default();
        faults.slow(20, &[1, 2], Slowdown { compute: 1.0, link: factor });
        let (mut port, mut receiver, mut now) = (Port::default(), Port::default(), Time::ZERO);
        for (gap, to, payload, known) in messages {
            now = now + Duration::from_nanos(gap);
            match links.depart(&mut port, Some(&faults), now, 0, to, payload, known) {
                Departure::Arrives { at, copy, .. } => {
                    prop_assert!(at.since(now) >= links.lookahead());
                    prop_assert!(copy.is_none_or(|copy| copy.since(now) >= links.lookahead()));
                    prop_assert!(links.arrive(&mut receiver, Some(&faults), to, at, payload) >= at);
                }
                Departure::Dropped(cause) => prop_assert_eq!(cause, Cause::Loss),
            }
            prop_assert!(links.answer(Some(&faults), to, 0) >= links.lookahead());
            prop_assert!(links.latency(0, to) >= links.lookahead());
            prop_assert!(links.latency(to, 0) >= links.lookahead());
        }
    }

    #[test]
    fn the_same_draws_make_the_same_fate(network in any_network(), to in 1u32..20, payload in 0u64..1_000_000) {
        let build = || Links::build(3, network.clone(), 20, Path::new("")).unwrap();
        let fates = |links: Links| {
            let mut port = Port::default();
            (0..5).map(|_| links.depart(&mut port, None, Time::ZERO, 0, to, payload, true)).collect::<Vec<_>>()
        };
        prop_assert_eq!(fates(build()), fates(build()));
    }
}

/// Links with a profile: 2 ms and then 1 ms for a message at its sender, 3 ms and 2 ms at its receiver; 100 bytes on top.
fn profiled(network: serde_json::Value, connection: serde_json::Value) -> Links {
    let folder = tempfile::tempdir().unwrap();
    let profile = serde_json::json!({
        "schema": "p2pfl-sim/profile/1",
        "transports": { "test": {
            "sender": { "alone_s": 2e-3, "queued_s": 1e-3, "byte_s": 1e-6 },
            "receiver": { "alone_s": 3e-3, "queued_s": 2e-3, "byte_s": 0 },
            "bytes": { "message": 100, "payload": 1.5, "answer": 20 },
            "connection": connection
        } }
    });
    std::fs::write(folder.path().join("profile.json"), profile.to_string()).unwrap();
    let mut network = network;
    network["latency"] = "20ms".into();
    network["profile"] = serde_json::json!({ "file": "profile.json", "transport": "test" });
    Links::build(7, serde_json::from_value(network).unwrap(), 10, folder.path()).unwrap()
}

#[test]
fn messages_wait_for_the_cpu_at_either_end() {
    let links = profiled(serde_json::json!({}), serde_json::Value::Null);
    let mut port = Port::default();
    let mut arrives = |now: Time| arrival(&links, &mut port, now, 2, 0).since(Time::ZERO);
    // The first wakes the sender up; those behind it share that.
    assert_eq!([arrives(Time::ZERO), arrives(Time::ZERO), arrives(Time::ZERO)], [22 * MS, 23 * MS, 24 * MS]);
    assert_eq!(arrives(Time::ZERO + 4 * MS), 26 * MS, "it has been idle since");
    let mut port = Port::default();
    let mut taken = |at: u32, messages: u32| {
        let now = Time::ZERO + at * MS;
        links.take(&mut port, None, 2, now, Handover { messages, payload: 0 }, false).since(Time::ZERO)
    };
    assert_eq!([taken(10, 1), taken(11, 3), taken(20, 1)], [13 * MS, 19 * MS, 23 * MS]);
}

#[test]
fn one_cpu_does_all_that_a_node_sends_and_takes() {
    let links = profiled(serde_json::json!({}), serde_json::Value::Null);
    let mut port = Port::default();
    let took = links.take(&mut port, None, 1, Time::ZERO, 0.into(), false);
    assert_eq!(took, Time::ZERO + 3 * MS);
    assert_eq!(arrival(&links, &mut port, Time::ZERO + MS, 2, 0), Time::ZERO + (3 + 1 + 20) * MS);
}

#[test]
fn bytes_are_those_of_the_profile() {
    let links = profiled(serde_json::json!({}), serde_json::Value::Null);
    // 100 and one and a half for each in one packet; 20 come back in another.
    assert_eq!(links.wire_bytes(200), 100 + 300 + 52 + 20 + 52);
    // On the uplink only what leaves by it: 452 bytes at 1 Mbps. 200 bytes take the CPU 0.2 ms longer.
    let links = profiled(serde_json::json!({ "uplink": "1Mbps" }), serde_json::Value::Null);
    let at = arrival(&links, &mut Port::default(), Time::ZERO, 2, 200).since(Time::ZERO);
    assert_eq!(at.as_micros(), 2_200 + 452 * 8 + 20_000);
}

#[test]
fn a_connection_takes_the_round_trips_and_the_cpu_of_the_profile() {
    let connection =
        serde_json::json!({ "round_trips": 3, "bytes": 700, "sender_s": 5e-3, "receiver_s": 6e-3 });
    let links = profiled(serde_json::json!({ "connections": {} }), connection);
    assert_eq!(links.opening_bytes(), 700);
    let mut port = Port::default();
    let mut depart = |known| links.depart(&mut port, None, Time::ZERO, 1, 2, 0, known);
    let arrives = |at: u32, opens| Departure::Arrives { at: Time::ZERO + at * MS, copy: None, opens };
    assert_eq!(depart(true), arrives(5 + 2 + 3 * 40 + 20, true));
    assert_eq!(depart(true), arrives(5 + 2 + 3 * 40 + 20, false), "it waits for the same connection");
    assert_eq!(depart(false), arrives(5 + 2 + 1 + 5 + 1 + 3 * 40 + 20, true), "to a stranger anew");
    let mut port = Port::default();
    assert_eq!(links.take(&mut port, None, 2, Time::ZERO, 0.into(), true), Time::ZERO + 9 * MS);
    // Within the process there is nothing to connect.
    let links = profiled(serde_json::json!({ "connections": {} }), serde_json::Value::Null);
    assert_eq!(arrival(&links, &mut Port::default(), Time::ZERO, 2, 0), Time::ZERO + 22 * MS);
}

#[test]
fn a_slow_node_has_a_slow_cpu() {
    let links = profiled(serde_json::json!({}), serde_json::Value::Null);
    let mut faults = Faults::default();
    faults.slow(5, &[1], Slowdown { compute: 10.0, link: 1.0 });
    let Departure::Arrives { at, .. } =
        links.depart(&mut Port::default(), Some(&faults), Time::ZERO, 1, 2, 0, true)
    else {
        panic!("it was dropped");
    };
    assert_eq!(at, Time::ZERO + 40 * MS);
}
