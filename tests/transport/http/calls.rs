//! Calls between two that behave, as far as they are others over HTTP than what every transport promises.

use super::{VERSIONS, node};
use crate::rig::{Rig, SOON, code, message, until};
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::socket::{Answer, Body, Call, Limits, Security};
use p2pfl_sim::wire::proto::{self, root_message::PayloadType};
use prost::Message as _;
use std::sync::Arc;
use tonic::Code;

async fn three_calls(rig: &Rig) {
    let channel = rig.channel();
    assert_eq!(channel.handshake("127.0.0.1:7", SOON).await.unwrap(), Answer::Empty);
    assert_eq!(channel.send(message("beat", 0), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(channel.send(message("true", 100), SOON).await.unwrap(), Answer::Response("true".into()));
    let error = Answer::Error("Unknown command: fail".into());
    assert_eq!(channel.send(message("fail", 100_000), SOON).await.unwrap(), error);
    channel.disconnect("127.0.0.1:7", SOON).await.unwrap();
    assert_eq!(
        rig.node.commands(),
        ["Handshake(\"127.0.0.1:7\")", "beat", "true", "fail", "Disconnect(\"127.0.0.1:7\")"]
    );
    assert_eq!(rig.traffic.snapshot().opened, 1, "one connection carries them all");
}

#[tokio::test]
async fn the_three_calls_come_through_and_back() {
    for version in VERSIONS {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            three_calls(&Rig::speaking(version, at.parse().unwrap(), Limits::default(), Security::Plain))
                .await;
        }
        for mutual in [false, true] {
            let security = Security::generate(mutual, &[]).unwrap();
            let at = "127.0.0.1:0".parse().unwrap();
            three_calls(&Rig::speaking(version, at, Limits::default(), security)).await;
        }
    }
}

#[tokio::test]
async fn a_message_comes_as_it_was_sent_whichever_way_it_is_encoded() {
    let weights = proto::Weights {
        weights: (0..3_000_000u32).map(|i| (i % 251) as u8).collect::<Vec<_>>().into(),
        contributors: vec!["a".into(), "\"b\"\n".into()],
        num_samples: 17,
    };
    let gossip =
        proto::GossipMessage { ttl: -3, hash: i64::MIN + 1, args: vec![String::new(), "\u{1f980}".into()] };
    let payloads = [
        PayloadType::Weights(weights),
        PayloadType::GossipMessage(gossip),
        PayloadType::DirectMessage(proto::DirectMessage::default()),
    ];
    for version in VERSIONS {
        let rig = node(version, Limits::default());
        let channel = rig.channel();
        for payload in payloads.clone() {
            let message = proto::RootMessage {
                source: "me".into(),
                round: Some(0),
                cmd: "partial_model".into(),
                payload_type: Some(payload),
            };
            let bytes = message.encoded_len() as u64;
            let encoded = Body::Encoded(message.encode_to_vec().into());
            for body in [encoded, Body::Message(Arc::new(message.clone()))] {
                channel.send(body, SOON).await.unwrap();
                let taken = rig.node.calls.lock().unwrap().pop();
                assert!(taken == Some(Call::Send { message: message.clone(), bytes }), "{version:?}");
            }
        }
    }
}

#[tokio::test]
async fn calls_at_the_same_time_all_come_and_each_once() {
    for version in VERSIONS {
        let rig = node(version, Limits::default());
        let channel = rig.channel();
        let mut names: Vec<String> = (0..1_000).map(|i| format!("m{i}")).collect();
        futures_util::future::try_join_all(names.iter().map(|name| channel.send(message(name, 10), SOON)))
            .await
            .unwrap();
        let mut came = rig.node.commands();
        came.sort();
        names.sort();
        assert_eq!(came, names);
        let opened = rig.traffic.snapshot().opened;
        match version {
            Protocol::Http => assert_eq!(opened, 6, "as many as may be"),
            _ => assert_eq!(opened, 1),
        }
    }
}

#[tokio::test]
async fn bytes_are_counted_at_both_ends_of_a_socket() {
    for version in VERSIONS {
        let rig = node(version, Limits::default());
        let channel = rig.channel();
        channel.open(SOON).await.unwrap();
        let before = rig.traffic.snapshot();
        channel.send(message("beat", 1_500_000), SOON).await.unwrap();
        until(|| {
            let now = rig.traffic.snapshot();
            now.written == now.read
        })
        .await;
        let written = rig.traffic.snapshot().written - before.written;
        assert!((2_000_000..2_010_000).contains(&written), "{written} bytes");
        assert_eq!(rig.traffic.set_up().count(), 1);
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_and_the_next_is_not() {
    for version in VERSIONS {
        let rig = node(version, Limits::new(1_000_000, 4));
        let channel = rig.channel();
        assert_eq!(channel.send(message("beat", 999_000), SOON).await.unwrap(), Answer::Empty);
        for too_large in [1_000_000, 1_200_000, 10_000_000] {
            let refused = channel.send(message("beat", too_large), SOON).await;
            assert_eq!(code(refused), Code::ResourceExhausted, "{version:?} {too_large}");
            assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
        }
    }
}
