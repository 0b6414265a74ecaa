use super::*;
use crate::transport::http::text::Text;
use hyper::body::Body as _;
use proptest::prelude::*;
use serde_json::json;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// As it comes at the other end.
fn whole(written: Written) -> Vec<u8> {
    let mut text = Text::from(written);
    let claimed = text.size_hint().exact().unwrap();
    let mut all = Vec::new();
    while let Poll::Ready(Some(frame)) =
        Pin::new(&mut text).poll_frame(&mut Context::from_waker(Waker::noop()))
    {
        all.extend(frame.unwrap().into_data().unwrap());
    }
    assert_eq!(all.len() as u64, claimed, "as long as it says beforehand");
    all
}

fn taken(text: &str) -> Result<proto::RootMessage, String> {
    read(text.as_bytes()).map_err(|error| error.to_string())
}

fn weights(bytes: &[u8]) -> proto::RootMessage {
    let weights = proto::Weights { weights: bytes.to_vec().into(), ..Default::default() };
    proto::RootMessage { payload_type: Some(PayloadType::Weights(weights)), ..Default::default() }
}

fn messages() -> impl Strategy<Value = proto::RootMessage> {
    let bytes = (prop_oneof![0..64usize, Just(49_152), 49_000..100_000usize], any::<u8>())
        .prop_map(|(length, first)| (0..length).map(|i| (i as u8).wrapping_add(first)).collect::<Vec<_>>());
    let texts = || prop::collection::vec(any::<String>(), 0..4);
    let payload = prop_oneof![
        Just(None),
        (bytes, texts(), any::<i32>()).prop_map(|(weights, contributors, num_samples)| {
            Some(PayloadType::Weights(proto::Weights { weights: weights.into(), contributors, num_samples }))
        }),
        (any::<i32>(), any::<i64>(), texts()).prop_map(|(ttl, hash, args)| {
            Some(PayloadType::GossipMessage(proto::GossipMessage { ttl, hash, args }))
        }),
        texts().prop_map(|args| Some(PayloadType::DirectMessage(proto::DirectMessage { args }))),
    ];
    let source = prop_oneof![any::<String>(), Just("{\"weights\":{\"weights\":\"".to_owned())];
    (source, any::<Option<i32>>(), any::<String>(), payload).prop_map(|(source, round, cmd, payload_type)| {
        proto::RootMessage { source, round, cmd, payload_type }
    })
}

proptest! {
    #[test]
    fn any_message_is_read_as_it_was_written(message in messages()) {
        let text = whole(write(&message));
        prop_assert_eq!(read(&text).unwrap(), message);
    }

    #[test]
    fn any_answer_is_read_as_it_was_written(text in ".{1,40}") {
        for answer in [Answer::Empty, Answer::Response(text.clone()), Answer::Error(text)] {
            prop_assert_eq!(read_answer(&write_answer(&answer)).unwrap(), answer);
        }
    }

    #[test]
    fn any_address_is_read_as_it_was_written(own in any::<String>()) {
        prop_assert_eq!(read_address(&write_address(&own)).unwrap(), own);
    }

    #[test]
    fn whatever_comes_is_read_or_refused(text in "[{}\\[\\]:,\"a-zA-Z0-9.eE+ \\\\-]{0,80}") {
        let _ = read(text.as_bytes());
    }
}

#[test]
fn messages_are_written_as_protobuf_says() {
    let gossip = proto::GossipMessage { ttl: 10, hash: i64::MIN, args: vec!["1".into()] };
    let message = proto::RootMessage {
        source: "127.0.0.1:1".into(),
        round: Some(0),
        cmd: "beat".into(),
        payload_type: Some(PayloadType::GossipMessage(gossip)),
    };
    let expected = json!({
        "source": "127.0.0.1:1", "round": 0, "cmd": "beat",
        "gossipMessage": { "ttl": 10, "hash": "-9223372036854775808", "args": ["1"] }
    });
    assert_eq!(String::from_utf8(whole(write(&message))).unwrap(), expected.to_string());
    // What has its default is not there, but that something is carried is.
    let nothing = proto::RootMessage {
        payload_type: Some(PayloadType::DirectMessage(proto::DirectMessage::default())),
        ..Default::default()
    };
    assert_eq!(whole(write(&nothing)), b"{\"directMessage\":{}}");
    assert_eq!(whole(write(&proto::RootMessage::default())), b"{}");
    assert_eq!(
        whole(write(&weights(b"any carnal pleas"))),
        br#"{"weights":{"weights":"YW55IGNhcm5hbCBwbGVhcw=="}}"#
    );
}

#[test]
fn what_protobuf_allows_is_read() {
    let expected = proto::RootMessage {
        source: "a".into(),
        round: Some(3),
        payload_type: Some(PayloadType::Weights(proto::Weights {
            weights: vec![0xfb, 0xff, 0xfe].into(),
            contributors: Vec::new(),
            num_samples: 7,
        })),
        ..Default::default()
    };
    for text in [
        r#"{"source":"a","round":3,"weights":{"weights":"+//+","numSamples":7}}"#,
        r#" { "weights" : { "num_samples" : "7", "weights" : "-__-" }, "round" : 3.0e0, "source" : "\u0061" } "#,
        r#"{"source":"a","round":"3","weights":{"weights":"+\/\/+","numSamples":7.0,"contributors":null}}"#,
        r#"{"source":"a","round":3,"cmd":null,"gossipMessage":null,"weights":{"weights":"+//+","numSamples":7}}"#,
    ] {
        assert_eq!(taken(text), Ok(expected.clone()), "{text}");
    }
    // With padding or without.
    assert_eq!(taken(r#"{"weights":{"weights":"YQ=="}}"#), Ok(weights(b"a")));
    assert_eq!(taken(r#"{"weights":{"weights":"YQ"}}"#), Ok(weights(b"a")));
    assert_eq!(taken(r#"{"weights":{"weights":null}}"#), Ok(weights(b"")));
    let hash = |text: &str| match taken(&format!(r#"{{"gossip_message":{{"hash":{text}}}}}"#))?.payload_type {
        Some(PayloadType::GossipMessage(it)) => Ok(it.hash),
        other => panic!("{other:?}"),
    };
    assert_eq!(hash("-9223372036854775808"), Ok(i64::MIN));
    assert_eq!(hash("\"9223372036854775807\""), Ok(i64::MAX));
    let beyond: Result<i64, String> = hash("9223372036854775808");
    assert!(beyond.unwrap_err().contains("does not fit into 64 bits"));
}

#[test]
fn what_is_no_message_is_refused_with_the_place() {
    for (text, said) in [
        ("", "EOF"),
        ("[]", "invalid type"),
        ("{\"cmd\":\n  \"beat\",}", "line 2 column"),
        ("{\"cmd\":\"beat\"} x", "trailing characters at line 1 column 16"),
        ("{\"cmd\":\"beat\",\"cmd\":\"beat\"}", "duplicate field `cmd`"),
        ("{\"comand\":\"beat\"}", "unknown field `comand`"),
        ("{\"cmd\":7}", "expected a string"),
        ("{\"round\":2147483648}", "2147483648 does not fit into 32 bits at line 1"),
        ("{\"round\":1.5}", "1.5 is no integer of 32 bits"),
        ("{\"round\":\"x\"}", "`x` is no number"),
        ("{\"round\":1e400}", "number out of range"),
        ("{\"weights\":{\"weights\":\"a?\"}}", "no base64"),
        ("{\"weights\":[]}", "expected an object"),
        ("{\"weights\":{\"weights\":[1,2]}}", "expected bytes in base64"),
        ("{\"gossipMessage\":{\"args\":[null]}}", "expected a string"),
        ("{\"gossipMessage\":{},\"weights\":{}}", "only one of `gossipMessage`"),
        ("{\"source\":\"\\ud800\"}", "line 1"),
    ] {
        let refused = taken(text).unwrap_err();
        assert!(refused.contains(said), "{text}: {refused}");
    }
    assert!(read(b"{\"source\":\"\xff\"}").is_err(), "text is UTF-8");
}

#[test]
fn an_answer_of_a_newer_peer_is_understood() {
    let newer = br#"{"response":"true","since":"version 2"}"#;
    assert_eq!(read_answer(newer).unwrap(), Answer::Response("true".into()));
    // As P2PFL has it: an error without text is none.
    assert_eq!(read_answer(br#"{"error":"","response":"false"}"#).unwrap(), Answer::Response("false".into()));
    assert_eq!(read_answer(b"{ }").unwrap(), Answer::Empty);
}
