//! Peers that go, stay away and come back.

use crate::rig::{Kind, Rig, SOON, message, until};
use p2pfl_sim::transport::Channel;
use p2pfl_sim::transport::socket::{Address, Answer, CallError, Limits, Redial, Refusal, Traffic};
use std::sync::Arc;
use std::time::Duration;

fn unreachable(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Err(CallError::Unreachable { .. }))
}

pub async fn a_node_that_is_down_hangs_up_and_comes_back_under_its_address(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
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

/// Whoever dies in the middle of a message has not taken it, and who sent it is told.
pub async fn a_peer_that_dies_in_the_middle_of_a_message_took_nothing(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
    let channel = rig.channel();
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    let before = rig.traffic.snapshot().read;
    let large = tokio::spawn({
        let channel = channel.clone();
        async move { channel.send(message("large", 200_000_000), SOON).await }
    });
    until(|| rig.traffic.snapshot().read > before + 1_000_000).await;
    rig.server.down();
    let broken = large.await.unwrap();
    assert!(unreachable(&broken), "{broken:?}");
    rig.server.up();
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(rig.node.commands(), ["beat", "beat"]);
}

pub async fn a_port_that_nobody_has_fails_at_once(kind: Kind) {
    let (at, _folder) = kind.anywhere();
    let endpoint = kind.endpoint(Limits::default(), Arc::default());
    let gone = endpoint.bind(&at).unwrap().address().clone();
    let channel = endpoint.of_node(|| [7; 32]).channel(gone, Redial::Never);
    let error = channel.open(Duration::MAX).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
}

pub async fn a_peer_outside_is_waited_for(kind: Kind) {
    let (at, _folder) = kind.anywhere();
    let traffic = Arc::new(Traffic::default());
    let endpoint = kind.endpoint(Limits::default(), Arc::clone(&traffic));
    let listener = endpoint.bind(&at).unwrap();
    let at = listener.address().clone();
    drop(listener);
    if let Address::Unix(path) = &at {
        std::fs::remove_file(path).unwrap();
    }
    let channel = endpoint.of_node(|| [7; 32]).channel(at.clone(), Redial::Patiently);
    let short = channel.open(Duration::from_millis(30)).await.unwrap_err();
    assert!(matches!(short, CallError::Unreachable { .. }), "{short}");
    let call = tokio::spawn(async move { channel.send(message("beat", 10), SOON).await });
    let tried = traffic.snapshot().failed;
    until(|| traffic.snapshot().failed > tried + 1).await;
    let rig = Rig::with(endpoint, &at, traffic);
    assert_eq!(call.await.unwrap().unwrap(), Answer::Empty);
    assert_eq!(rig.node.commands(), ["beat"]);
}

pub async fn a_channel_connects_again_after_its_peer_was_replaced(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
    let (channel, at, endpoint) = (rig.channel(), rig.at.clone(), rig.endpoint.clone());
    assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    let Rig { folder, server, .. } = rig;
    drop(server);
    if let Address::Unix(path) = &at {
        std::fs::remove_file(path).unwrap();
    }
    // Until the port is free again.
    let mut listener = None;
    until(|| {
        listener = endpoint.bind(&at).ok();
        listener.is_some()
    })
    .await;
    let node = Arc::new(crate::rig::Node::default());
    let _server = endpoint.serve(listener.unwrap(), Arc::clone(&node)).unwrap();
    // Its first message may still leave on the connection that has gone.
    until_delivered(&channel).await;
    assert_eq!(node.commands(), ["beat"]);
    drop(folder);
}

/// A message that could not be delivered is sent again, as whoever is told so would do it.
async fn until_delivered(channel: &Channel) {
    loop {
        match channel.send(message("beat", 10), SOON).await {
            Ok(answer) => return assert_eq!(answer, Answer::Empty),
            Err(CallError::Unreachable { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

pub async fn an_idle_connection_is_closed_and_opened_again_when_it_is_needed(kind: Kind) {
    let limits = Limits { idle: Duration::from_millis(20), ..Limits::default() };
    let rig = Rig::of(kind, limits);
    let channel = rig.channel();
    for _ in 0..5 {
        until_delivered(&channel).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rig.node.commands().len(), 5);
    assert!(rig.traffic.snapshot().opened > 1, "it was closed meanwhile");
    assert!(rig.traffic.snapshot().refused.is_empty(), "and nobody is to blame for that");
}

pub async fn a_closed_channel_ends_its_calls(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
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

pub async fn a_server_that_is_gone_leaves_no_call_waiting(kind: Kind) {
    let rig = Rig::of(kind, Limits::default());
    let channel = rig.channel();
    let calls: Vec<_> = (0..50)
        .map(|i| {
            let channel = channel.clone();
            tokio::spawn(async move {
                channel.send(message(if i % 2 == 0 { "hold" } else { "drop" }, 5_000), SOON).await
            })
        })
        .collect();
    until(|| !rig.node.held.lock().unwrap().is_empty()).await;
    let Rig { server, node, folder, .. } = rig;
    drop(server);
    for call in calls {
        let ended = call.await.unwrap();
        // Who was answered before is told that nobody takes it.
        assert!(matches!(ended, Err(CallError::Unreachable { .. } | CallError::Refused(_))), "{ended:?}");
    }
    drop((node, folder));
}
