//! Peers that go, stay away and come back.

use crate::rig::{Rig, SOON, grpc, message, until};
use p2pfl_sim::transport::socket::{
    Address, Answer, CallError, Limits, Listener, Redial, Refusal, Security, Traffic,
};
use std::sync::Arc;
use std::time::Duration;

fn unreachable(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Err(CallError::Unreachable { .. }))
}

#[tokio::test]
async fn a_node_that_is_down_hangs_up_and_comes_back_under_its_address() {
    let rig = Rig::new(Limits::default());
    let channel = rig.channel();
    let under_way = tokio::spawn({
        let channel = channel.clone();
        async move { channel.send(message("hold", 10), SOON).await }
    });
    until(|| !rig.node.held.lock().unwrap().is_empty()).await;
    rig.server.down();
    let broken = under_way.await.unwrap();
    assert!(unreachable(&broken), "{broken:?}");
    let refused = channel.send(message("beat", 10), SOON).await;
    assert!(unreachable(&refused), "{refused:?}");
    assert!(rig.refused(Refusal::Down) > 0);
    assert!(rig.traffic.snapshot().failed > 0);
    rig.server.up();
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(rig.node.commands(), ["hold", "beat"]);
}

#[tokio::test]
async fn a_port_that_nobody_has_fails_at_once() {
    let gone = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap().address().clone();
    for to in [gone, Address::Unix("/tmp/p2pfl-sim-nobody-is-here".into())] {
        let traffic = Arc::new(Traffic::default());
        let channel = grpc(Limits::default(), traffic).channel(to, Redial::Never);
        let error = channel.open(Duration::MAX).await.unwrap_err();
        assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_peer_outside_is_waited_for() {
    let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let at = listener.address().clone();
    drop(listener);
    let traffic = Arc::new(Traffic::default());
    let channel = grpc(Limits::default(), Arc::clone(&traffic)).channel(at.clone(), Redial::Patiently);
    let short = channel.open(Duration::from_millis(30)).await.unwrap_err();
    assert!(short.to_string().contains("refused"), "{short}");
    let call = tokio::spawn(async move { channel.send(message("beat", 10), SOON).await });
    let tried = traffic.snapshot().failed;
    until(|| traffic.snapshot().failed > tried + 1).await;
    let rig = Rig::at(at, Limits::default(), Security::Plain);
    assert_eq!(call.await.unwrap().unwrap(), Answer::Empty);
    assert_eq!(rig.node.commands(), ["beat"]);
}

#[tokio::test]
async fn a_channel_connects_again_after_its_peer_was_replaced() {
    let rig = Rig::new(Limits::default());
    let (channel, at) = (rig.channel(), rig.at.clone());
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    drop(rig);
    // Until the port is free again.
    let mut listener = None;
    until(|| {
        listener = Listener::bind(&at).ok();
        listener.is_some()
    })
    .await;
    let node = Arc::new(crate::rig::Node::default());
    let (limits, traffic) = (Limits::default(), Arc::new(Traffic::default()));
    let _server = grpc(limits, traffic).serve(listener.unwrap(), Arc::clone(&node)).unwrap();
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(node.commands(), ["beat"]);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_opened_again_when_it_is_needed() {
    let limits = Limits { idle: Duration::from_millis(20), ..Limits::default() };
    let rig = Rig::new(limits);
    let channel = rig.channel();
    for _ in 0..5 {
        assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rig.node.commands().len(), 5);
    assert!(rig.traffic.snapshot().opened > 1, "it was closed meanwhile");
    assert!(rig.traffic.snapshot().refused.is_empty(), "and nobody is to blame for that");
}

#[tokio::test]
async fn a_closed_channel_ends_its_calls() {
    let rig = Rig::new(Limits::default());
    let channel = rig.channel();
    let under_way = tokio::spawn({
        let channel = channel.clone();
        async move { channel.send(message("hold", 10), SOON).await }
    });
    until(|| !rig.node.held.lock().unwrap().is_empty()).await;
    channel.close();
    let ended = under_way.await.unwrap();
    assert!(matches!(ended, Err(CallError::Closed)), "{ended:?}");
    let later = channel.send(message("beat", 10), SOON).await;
    assert!(matches!(later, Err(CallError::Closed)), "{later:?}");
    until(|| rig.node.held.lock().unwrap()[0].is_abandoned()).await;
}
