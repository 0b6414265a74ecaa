//! Calls between two that behave.

use crate::rig::{Rig, SOON, code, message, until};
use p2pfl_sim::transport::socket::{Address, Answer, Body, Call, CallError, Limits, Security};
use p2pfl_sim::wire::proto;
use prost::Message as _;
use std::time::Duration;
use tonic::Code;

#[tokio::test]
async fn the_three_calls_come_through_and_back() {
    let folder = tempfile::tempdir().unwrap();
    for at in
        ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap(), Address::Unix(folder.path().join("a"))]
    {
        let rig = Rig::at(at, Limits::default(), Security::Plain);
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
}

#[tokio::test]
async fn a_model_comes_as_it_was_sent_whichever_way_it_is_encoded() {
    let rig = Rig::new(Limits::default());
    let channel = rig.channel();
    let weights = proto::Weights {
        weights: (0..3_000_000u32).map(|i| (i % 251) as u8).collect::<Vec<_>>().into(),
        contributors: vec!["a".into(), "b".into()],
        num_samples: 17,
    };
    let message = proto::RootMessage {
        source: "me".into(),
        round: Some(3),
        cmd: "partial_model".into(),
        payload_type: Some(proto::root_message::PayloadType::Weights(weights)),
    };
    let bytes = message.encoded_len() as u64;
    let encoded = Body::Encoded(message.encode_to_vec().into());
    for body in [encoded, Body::Message(message.clone().into())] {
        channel.send(body, SOON).await.unwrap();
        let taken = rig.node.calls.lock().unwrap().pop();
        assert_eq!(taken, Some(Call::Send { message: message.clone(), bytes }));
    }
}

#[tokio::test]
async fn calls_leave_in_the_order_in_which_they_were_made() {
    let rig = Rig::new(Limits::default());
    let channel = rig.channel();
    let names: Vec<String> = (0..1_000).map(|i| format!("m{i}")).collect();
    // The first of them has to connect, and there are more than may be under way at a time.
    futures_util::future::try_join_all(names.iter().map(|name| channel.send(message(name, 10), SOON)))
        .await
        .unwrap();
    assert_eq!(rig.node.commands(), names);
}

#[tokio::test]
async fn bytes_are_counted_at_both_ends_of_a_socket() {
    let rig = Rig::new(Limits::default());
    let channel = rig.channel();
    channel.open(SOON).await.unwrap();
    let before = rig.traffic.snapshot();
    channel.send(message("beat", 1_000_000), SOON).await.unwrap();
    until(|| {
        let now = rig.traffic.snapshot();
        now.written == now.read
    })
    .await;
    let written = rig.traffic.snapshot().written - before.written;
    assert!((1_000_000..1_010_000).contains(&written), "{written} bytes");
    assert_eq!(rig.traffic.set_up().count(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_a_timeout() {
    let rig = Rig::new(Limits::default());
    let channel = rig.channel();
    let late = channel.send(message("hold", 10), Duration::from_millis(50)).await;
    assert!(matches!(late, Err(CallError::Timeout(_))), "{late:?}");
    // The peer learns that nobody waits, and the channel goes on.
    until(|| rig.node.held.lock().unwrap()[0].is_abandoned()).await;
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(rig.traffic.snapshot().opened, 1);
}

#[tokio::test]
async fn a_call_that_nobody_answers_is_unavailable() {
    let rig = Rig::new(Limits::default());
    assert_eq!(code(rig.channel().send(message("drop", 10), SOON).await), Code::Unavailable);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_by_its_length() {
    let rig = Rig::new(Limits::new(1_000_000, 4));
    let channel = rig.channel();
    assert_eq!(channel.send(message("beat", 999_000), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(code(channel.send(message("beat", 1_000_000), SOON).await), Code::ResourceExhausted);
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(rig.traffic.snapshot().opened, 1);
}

#[tokio::test]
async fn a_channel_takes_no_more_than_its_backlog() {
    let rig = Rig::new(Limits { backlog: 1_000, ..Limits::default() });
    let channel = rig.channel();
    // One message may be larger than all of it.
    assert_eq!(channel.send(message("beat", 5_000), SOON).await.unwrap(), Answer::Empty);
    let held = tokio::spawn({
        let channel = channel.clone();
        async move { channel.send(message("hold", 600), SOON).await }
    });
    until(|| !rig.node.held.lock().unwrap().is_empty()).await;
    let refused = channel.send(message("beat", 600), SOON).await;
    assert!(matches!(refused, Err(CallError::Backlog { .. })), "{refused:?}");
    assert_eq!(channel.send(message("beat", 100), SOON).await.unwrap(), Answer::Empty);
    rig.node.held.lock().unwrap().pop().unwrap().answer(Answer::Empty);
    assert_eq!(held.await.unwrap().unwrap(), Answer::Empty);
    assert_eq!(channel.send(message("beat", 600), SOON).await.unwrap(), Answer::Empty);
}
