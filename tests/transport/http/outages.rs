//! Peers that go, stay away and come back.

use super::{VERSIONS, node};
use crate::rig::{SOON, message, until};
use p2pfl_sim::transport::Endpoint;
use p2pfl_sim::transport::socket::{Answer, CallError, Limits, Listener, Redial, Security};
use p2pfl_sim::transport::socket::{Refusal, Traffic};
use std::sync::Arc;
use std::time::Duration;

fn unreachable(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Err(CallError::Unreachable { .. }))
}

#[tokio::test]
async fn a_node_that_is_down_hangs_up_and_comes_back_under_its_address() {
    for version in VERSIONS {
        let rig = node(version, Limits::default());
        let channel = rig.channel();
        let under_way: Vec<_> = (0..3)
            .map(|_| {
                let channel = channel.clone();
                tokio::spawn(async move { channel.send(message("hold", 10), SOON).await })
            })
            .collect();
        until(|| rig.node.held.lock().unwrap().len() == 3).await;
        rig.server.down();
        for call in under_way {
            let broken = call.await.unwrap();
            assert!(unreachable(&broken), "{broken:?}");
        }
        until(|| rig.node.held.lock().unwrap().iter_mut().all(|it| it.is_abandoned())).await;
        let refused = channel.send(message("beat", 10), SOON).await;
        assert!(unreachable(&refused), "{refused:?}");
        assert!(rig.refused(Refusal::Down) > 0);
        rig.server.up();
        assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
        assert_eq!(rig.node.commands(), ["hold", "hold", "hold", "beat"], "each once");
    }
}

#[tokio::test]
async fn a_peer_that_dies_mid_message_leaves_no_message() {
    for version in VERSIONS {
        let rig = node(version, Limits::default());
        let channel = rig.channel();
        let sending = channel.send(message("beat", 50_000_000), SOON);
        let dying = async {
            let before = rig.traffic.snapshot().read;
            until(|| rig.traffic.snapshot().read > before + 1_000_000).await;
            rig.server.down();
        };
        let (broken, ()) = tokio::join!(sending, dying);
        assert!(unreachable(&broken), "{version:?}: {broken:?}");
        assert!(rig.node.commands().is_empty());
    }
}

#[tokio::test]
async fn a_channel_connects_again_after_its_peer_was_replaced() {
    for version in VERSIONS {
        let rig = node(version, Limits::default());
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
        let endpoint =
            Endpoint::new(version, &Security::Plain, Limits::default(), Arc::new(Traffic::default()));
        let _server = endpoint.serve(listener.unwrap(), Arc::clone(&node)).unwrap();
        assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
        assert_eq!(node.commands(), ["beat"]);
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_opened_again_when_it_is_needed() {
    for version in VERSIONS {
        let rig = node(version, Limits { idle: Duration::from_millis(200), ..Limits::default() });
        let channel = rig.channel();
        for _ in 0..3 {
            assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        assert_eq!(rig.node.commands().len(), 3);
        assert!(rig.traffic.snapshot().opened > 1, "it was closed meanwhile");
        assert!(rig.traffic.snapshot().refused.is_empty(), "and nobody is to blame for that");
    }
}

#[tokio::test]
async fn a_closed_channel_ends_its_calls() {
    for version in VERSIONS {
        let rig = node(version, Limits::default());
        let channel = rig.channel();
        let under_way: Vec<_> = (0..3)
            .map(|_| {
                let channel = channel.clone();
                tokio::spawn(async move { channel.send(message("hold", 10), SOON).await })
            })
            .collect();
        until(|| rig.node.held.lock().unwrap().len() == 3).await;
        channel.close();
        for call in under_way {
            let ended = call.await.unwrap();
            assert!(matches!(ended, Err(CallError::Closed)), "{ended:?}");
        }
        let later = channel.send(message("beat", 10), SOON).await;
        assert!(matches!(later, Err(CallError::Closed)), "{later:?}");
        until(|| rig.node.held.lock().unwrap().iter_mut().all(|it| it.is_abandoned())).await;
    }
}

#[tokio::test]
async fn a_peer_that_speaks_something_else_is_no_peer() {
    for version in VERSIONS {
        for other in [p2pfl_sim::transport::Protocol::Grpc]
            .into_iter()
            .chain(VERSIONS.into_iter().filter(|it| *it != version))
        {
            let rig = node(other, Limits::default());
            let endpoint =
                Endpoint::new(version, &Security::Plain, Limits::default(), Arc::new(Traffic::default()));
            let channel = endpoint.channel(rig.at.clone(), Redial::Never);
            let error = channel.open(SOON).await.unwrap_err();
            assert!(matches!(error, CallError::Unreachable { .. }), "{version:?} to {other:?}: {error}");
        }
    }
}
