//! What is counted against what is known of the protocols.

use super::*;
use crate::scenario::Transport;
use std::time::Duration;

/// Hardly any time, for what is exact whatever it takes.
fn brief() -> Effort {
    Effort { in_flight: vec![1, 8], turns: 1, lasts: Duration::from_millis(2) }
}

fn measured(transports: &[Transport]) -> Costs {
    Costs::measure(transports, &brief(), |_| true).map_err(|(_, error)| error).unwrap()
}

fn later(costs: &TransportCosts, payload: u64) -> &Wire {
    let found = costs.wire.iter().find(|it| !it.first && it.in_flight == 1 && it.payload_bytes == payload);
    found.expect("it was counted")
}

#[test]
fn a_unary_call_has_a_frame_and_a_prefix_around_its_payload() {
    let costs = measured(&[Transport::Grpc]);
    let grpc = &costs.transports[0];
    let small = later(grpc, costs.small_bytes);
    println!("{small:#?} {:#?}", grpc.connection);
    // Five bytes of gRPC in a frame of nine there, and five in one of nine back.
    assert_eq!((small.sent.encoding, small.sent.framing), (5.0, 9.0));
    assert_eq!((small.answered.payload, small.answered.encoding, small.answered.framing), (0.0, 5.0, 9.0));
    assert_eq!(small.sent.security, 0.0);
}
