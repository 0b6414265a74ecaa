//! What is counted against what is known of the protocols.

use super::*;
use crate::scenario::Transport;
use clap::ValueEnum as _;
use std::time::Duration;

/// Hardly any time, for what is exact whatever it takes.
fn brief() -> Effort {
    Effort { in_flight: vec![1, 8], turns: 1, lasts: Duration::from_millis(2) }
}

fn measured(transports: &[Transport]) -> Costs {
    Costs::measure(transports, &brief(), |_| true).map_err(|(_, error)| error).unwrap()
}

fn one(costs: &Costs, payload: u64, first: bool) -> Wire {
    let wire = &costs.transports[0].wire;
    let found = wire.iter().find(|it| it.first == first && it.in_flight == 1 && it.payload_bytes == payload);
    *found.expect("it was counted")
}

#[test]
fn a_unary_call_has_a_frame_and_a_prefix_around_its_payload() {
    let costs = measured(&[Transport::Grpc]);
    let small = one(&costs, costs.small_bytes, false);
    // gRPC's five bytes in a frame with a head of nine, there and back.
    assert_eq!((small.sent.payload, small.sent.encoding, small.sent.framing), (104.0, 5.0, 9.0));
    assert_eq!((small.answered.payload, small.answered.encoding, small.answered.framing), (0.0, 5.0, 9.0));
    assert_eq!((small.sent.security, small.answered.security), (0.0, 0.0));
    // A megabyte is cut into frames as large as the other end takes them.
    let large = one(&costs, costs.large_bytes, false);
    assert_eq!(large.sent.framing, 9.0 * (large.payload_bytes as f64 / f64::from(256 << 10)).ceil());
}

#[test]
fn headers_are_those_of_the_call_and_shrink_once_they_are_known() {
    let costs = measured(&[Transport::Grpc]);
    let (first, later) = (one(&costs, costs.small_bytes, true), one(&costs, costs.small_bytes, false));
    assert!(first.sent.headers > 2.0 * later.sent.headers, "{first:?} {later:?}");
    // As text they are the same each time, and known: the port may have four digits or five.
    let text = |port: &str| {
        let lines = [":method: POST", ":scheme: http", ":path: /node.NodeServices/send", "te: trailers"];
        let more = ["content-type: application/grpc", "grpc-timeout: 10000m"];
        let authority = format!(":authority: 127.0.0.1:{port}");
        let all = lines.into_iter().chain(more).chain([authority.as_str()]);
        all.map(|line| line.len() as f64 + 2.0).sum::<f64>()
    };
    let is = later.sent.headers_as_text.unwrap();
    assert!(is == text("12345") || is == text("1234"), "{is}");
    assert_eq!(first.sent.headers_as_text, later.sent.headers_as_text);
    let back = [":status: 200", "content-type: application/grpc", "grpc-status: 0"];
    let back: f64 = back.iter().map(|line| line.len() as f64 + 2.0).sum();
    assert_eq!(later.answered.headers_as_text, Some(back));
    assert!(later.sent.saved().unwrap() > 100.0);
}

#[test]
fn tls_adds_to_each_record_and_round_trips_to_open() {
    let costs = measured(&[Transport::Grpc, Transport::GrpcTls]);
    let [plain, tls] = &costs.transports[..] else { panic!("two were measured") };
    let small = tls.wire.iter().find(|it| !it.first && it.in_flight == 1).unwrap();
    // 22 bytes a record, and one record each way.
    assert_eq!((small.sent.security, small.answered.security), (22.0, 22.0));
    let trips = |it: &TransportCosts| it.connection.unwrap().round_trips;
    assert_eq!((trips(plain), trips(tls)), (Some(2), Some(3)));
    assert!(tls.connection.unwrap().bytes > 3.0 * plain.connection.unwrap().bytes);
}

#[test]
fn a_frame_of_websocket_has_a_head_and_a_mask() {
    let costs = measured(&[Transport::WebSocket]);
    let small = one(&costs, costs.small_bytes, false);
    // Up to 125 bytes fit into a head of two; who calls has a mask of four.
    assert_eq!(small.sent.framing, if small.sent.payload + small.sent.encoding <= 125.0 { 6.0 } else { 8.0 });
    assert_eq!((small.answered.framing, small.sent.headers), (2.0, 0.0));
    let large = one(&costs, costs.large_bytes, false);
    assert!(large.sent.framing >= 14.0, "{large:?}");
}

#[test]
fn every_transport_is_measured_and_its_parts_add_up() {
    let costs = measured(Transport::value_variants());
    for it in &costs.transports {
        let name = &it.transport;
        assert!(it.small.iter().all(|load| load.messages_per_s > 0.0), "{it:?}");
        let Some(connection) = it.connection else {
            assert!(it.wire.is_empty() && it.apart.is_empty(), "{name}");
            continue;
        };
        assert!(connection.round_trips.is_some(), "{name}");
        let (idle, after) = (connection.memory_bytes, connection.memory_after_large_bytes);
        assert!(idle.is_some() && idle < after, "{name}: {connection:?}");
        for wire in &it.wire {
            let sum = wire.sent.total() + wire.answered.total();
            assert!(wire.sent.payload > 0.0 && sum > wire.sent.payload, "{name}: {wire:?}");
            assert!(wire.sent.encoding >= 0.0 && wire.sent.security >= 0.0, "{name}: {wire:?}");
            assert!(wire.sent.framing + wire.sent.headers > 0.0, "{name}: {wire:?}");
        }
        assert_eq!(it.wire.len(), 4, "{name}: the first, one and eight at a time, a large one");
    }
}

#[test]
fn a_profile_has_what_was_measured_and_reads_back() {
    let costs = measured(&[Transport::Grpc, Transport::Memory]);
    let profile = costs.profile();
    let grpc = profile.transports["grpc"];
    let small = one(&costs, costs.small_bytes, false);
    let bytes = grpc.bytes.message + grpc.bytes.payload * costs.small_bytes as f64;
    assert!((bytes - small.sent.total()).abs() < 1e-6, "{bytes} {small:?}");
    let large = one(&costs, costs.large_bytes, false);
    let bytes = grpc.bytes.message + grpc.bytes.payload * costs.large_bytes as f64;
    assert!((bytes - large.sent.total()).abs() < 1e-3, "{bytes} {large:?}");
    assert_eq!(grpc.connection.unwrap().round_trips, 2);
    assert_eq!(profile.transports["memory"].connection, None);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("profile.json");
    std::fs::write(&file, serde_json::to_string(&profile).unwrap()).unwrap();
    assert_eq!(crate::network::profile::read(&file, "grpc").unwrap(), grpc);
}

#[test]
fn what_comes_together_is_measured_once_and_takes_longer_the_more_there_is() {
    let of = |transport, at_a_time, bytes| Burst::of(transport, at_a_time, bytes).unwrap();
    assert_eq!(of(Transport::Memory, 10, 64), None);
    assert_eq!(of(Transport::Grpc, 0, 64), None);
    let few = of(Transport::GrpcMtls, 4, 64).unwrap();
    assert!(few.connects_s > 0.0 && few.calls_s > 0.0, "{few:?}");
    assert_eq!(of(Transport::GrpcMtls, 4, 64), Some(few), "all runs of a process get the same");
    // What is not tried is in proportion.
    let (most, more) = (of(Transport::Grpc, 64, 64).unwrap(), of(Transport::Grpc, 640, 64).unwrap());
    assert_eq!((more.connects_s, more.calls_s), (10.0 * most.connects_s, 10.0 * most.calls_s));
}
