//! Lost packets: how many messages they hold up, how long, and how many they cost where they are not sent again.

use crate::running::run;
use p2pfl_sim::metrics::{Cause, Phase};
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};

/// One way, in milliseconds: a packet is sent again after a round trip of 300 ms, then after 600, 1,200, ...
const LATENCY: f64 = 150.0;

fn scenario(size: &str, loss: f64) -> Value {
    json!({
        "nodes": 30,
        "topology": { "kind": "full" },
        "workflow": { "kind": "dpsgd", "rounds": 12 },
        "settings": {
            "general": { "grpc_timeout": "10000s" },
            "training": { "aggregation_timeout": "100000s" }
        },
        "learning": { "model": { "kind": "synthetic", "size": size } },
        "network": { "latency": "150ms", "packet_loss": loss }
    })
}

#[test]
fn messages_are_held_up_by_the_unluckiest_of_their_packets() {
    // Of n packets none needs more than k retransmissions with probability (1 − p^(k+1))^n, and k of them take
    // 2^k − 1 timeouts together.
    for (size, packets, loss) in [("1kB", 1, 0.2_f64), ("1kB", 1, 0.02), ("100kB", 70, 0.01)] {
        let run = run(&scenario(size, loss));
        let counts = run.recorder.counts(Phase::Learning, Command::PartialModel);
        let sent = counts.sent as f64;
        assert_eq!(counts.sent, 30 * 29 * 12);
        assert_eq!(counts.dropped[Cause::Loss as usize], 0, "everything comes in the end");
        let took: Vec<(u64, u64)> = run.recorder.message_histogram(Command::PartialModel).values().collect();
        assert_eq!(took.iter().map(|it| it.1).sum::<u64>(), counts.delivered);
        let within = |k: i32| (1.0 - loss.powi(k + 1)).powi(packets);
        let mut told = 0;
        for k in 0..6 {
            let law = within(k) - if k > 0 { within(k - 1) } else { 0.0 };
            let delay = (LATENCY + 300.0 * f64::from((1 << k) - 1)) * 1e6;
            let near = |nanos: u64| (nanos as f64 / delay - 1.0).abs() < 2e-3;
            let count: u64 = took.iter().filter(|it| near(it.0)).map(|it| it.1).sum();
            told += count;
            let (is, deviation) = (count as f64 / sent, (law * (1.0 - law) / sent).sqrt());
            assert!(
                (is - law).abs() <= 4.0 * deviation + 1.0 / sent,
                "{size}, {loss}, {k} times: {is}, not {law} ± {deviation}"
            );
        }
        assert!(counts.delivered - told <= 3, "no message takes any other time");
    }
}

#[test]
fn what_is_not_sent_again_is_lost_with_any_of_its_packets() {
    for loss in [0.05, 0.3] {
        let mut sent = 0.0;
        let mut lost = 0.0;
        for seed in 0..3 {
            let run = run(&json!({
                "seed": seed,
                "nodes": 2_000,
                "topology": { "kind": "full" },
                "workflow": { "kind": "rumor", "mode": "push" },
                "network": { "latency": "20ms", "packet_loss": loss, "lossy": true }
            }));
            let counts = run.recorder.counts(Phase::Learning, Command::named("rumor").unwrap());
            sent += counts.sent as f64;
            lost += counts.dropped[Cause::Loss as usize] as f64;
        }
        let (is, deviation) = (lost / sent, (loss * (1.0 - loss) / sent).sqrt());
        assert!((is - loss).abs() < 4.0 * deviation, "{is}, not {loss} ± {deviation}");
    }
}
