//! Calls between two that behave.

use crate::rig::{Kind, Rig, SOON, code, message, until};
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::socket::{Answer, Body, Call, CallError, Limits};
use p2pfl_sim::wire::proto;
use prost::Message as _;
use std::time::Duration;
use tonic::Code;

pub async fn the_three_calls_come_through_and_back(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
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

pub async fn a_model_comes_as_it_was_sent_whichever_way_it_is_encoded(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
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

pub async fn every_message_is_delivered_once_and_in_order_where_that_is_promised(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
    let channel = rig.channel();
    let names: Vec<String> = (0..1_000).map(|i| format!("m{i:03}")).collect();
    // The first of them has to connect, and there are more than may be under way at a time.
    futures_util::future::try_join_all(names.iter().map(|name| channel.send(message(name, 10), SOON)))
        .await
        .unwrap();
    let mut came = rig.node.commands();
    if !kind.protocol.keeps_order() {
        came.sort();
    }
    assert_eq!(came, names);
}

pub async fn bytes_are_counted_at_both_ends_of_a_socket(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
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
    // JSON has four characters for three bytes of a model.
    let most = if matches!(kind.protocol, Protocol::Http | Protocol::Http2) { 1_360_000 } else { 1_010_000 };
    assert!((1_000_000..most).contains(&written), "{written} bytes");
    assert_eq!(rig.traffic.set_up().count(), 1);
}

pub async fn an_answer_that_does_not_come_in_time_is_a_timeout(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
    let channel = rig.channel();
    let late = channel.send(message("hold", 10), Duration::from_millis(50)).await;
    assert!(matches!(late, Err(CallError::Timeout(_))), "{late:?}");
    // Where a call has a stream or a connection of its own, the peer learns that nobody waits; the channel goes on.
    if !kind.protocol.keeps_order() {
        until(|| rig.node.held.lock().unwrap()[0].is_abandoned()).await;
    }
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
}

pub async fn an_answer_that_was_late_is_taken_for_no_other(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
    let channel = rig.channel();
    let late = channel.send(message("hold", 10), Duration::from_millis(50)).await;
    assert!(matches!(late, Err(CallError::Timeout(_))), "{late:?}");
    let next = tokio::spawn({
        let channel = channel.clone();
        async move { channel.send(message("hold", 10), SOON).await }
    });
    until(|| rig.node.held.lock().unwrap().len() == 2).await;
    let mut held = std::mem::take(&mut *rig.node.held.lock().unwrap());
    held.remove(0).answer(Answer::Response("late".into()));
    held.remove(0).answer(Answer::Response("in time".into()));
    assert_eq!(next.await.unwrap().unwrap(), Answer::Response("in time".into()));
}

pub async fn a_call_that_nobody_answers_is_unavailable(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
    assert_eq!(code(rig.channel().send(message("drop", 10), SOON).await), Code::Unavailable);
}

pub async fn a_message_that_is_too_large_is_refused_by_its_length(kind: Kind) {
    let rig = Rig::of(kind, Limits::new(1_000_000, 4));
    let channel = rig.channel();
    assert_eq!(channel.send(message("beat", 999_000), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(code(channel.send(message("beat", 1_000_000), SOON).await), Code::ResourceExhausted);
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(rig.traffic.snapshot().opened, 1);
}

pub async fn a_channel_takes_no_more_than_its_backlog(kind: Kind) {
    let rig = Rig::of(kind, Limits { backlog: 1_000, ..Limits::default() });
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
