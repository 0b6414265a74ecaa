//! What only libp2p has: identities, one connection for all, and hosts that want something else.

use crate::rig::{Carrier, Kind, Rig, SOON, message};
use futures_util::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, StreamProtocol, SwarmBuilder, noise, tcp, yamux};
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::socket::PeerAddress;
use p2pfl_sim::transport::socket::{Address, Answer, CallError, Limits, Redial, Refusal};
use std::sync::Arc;
use std::time::Duration;

const LIBP2P: Kind = Kind { protocol: Protocol::Libp2p, carrier: Carrier::Tcp };

fn place(rig: &Rig) -> PeerAddress {
    match &rig.at {
        Address::Libp2p(place) => **place,
        other => panic!("{other}"),
    }
}

/// A host that has nothing of this program, connected to a node.
async fn stranger(rig: &Rig) -> libp2p_stream::Control {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| libp2p_stream::Behaviour::new())
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build();
    swarm.dial(rig.at.to_string().parse::<Multiaddr>().unwrap()).unwrap();
    while !matches!(swarm.select_next_some().await, SwarmEvent::ConnectionEstablished { .. }) {}
    let control = swarm.behaviour().new_control();
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    control
}

#[tokio::test]
async fn a_node_is_called_by_its_key_and_nobody_else_answers_for_it() {
    let rig = Rig::of(LIBP2P, Limits::default());
    let other = rig.endpoint.of_node(|| [1; 32]).bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let Address::Libp2p(it) = other.address() else { panic!("{}", other.address()) };
    let peer = it.peer;
    assert_ne!(peer, place(&rig).peer);
    let impostor = Address::Libp2p(Box::new(PeerAddress { peer, ..place(&rig) }));
    let error = rig.caller.channel(impostor, Redial::Never).open(SOON).await.unwrap_err();
    assert!(error.to_string().contains("somebody else"), "{error}");
    let anybody = Address::Libp2p(Box::new(PeerAddress { peer: None, ..place(&rig) }));
    let error = rig.caller.channel(anybody, Redial::Never).open(SOON).await.unwrap_err();
    assert!(error.to_string().contains("which peer"), "{error}");
    rig.goes_on().await;
}

#[tokio::test]
async fn a_key_comes_from_its_secret_and_listens_for_nobody_else() {
    let rig = Rig::of(LIBP2P, Limits::default());
    let named = |secret| {
        let endpoint = rig.endpoint.of_node(|| [secret; 32]);
        let bound = endpoint.bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
        let Address::Libp2p(place) = bound.address() else { panic!("{}", bound.address()) };
        (endpoint, **place)
    };
    let ((_, one), (same, again), (_, another)) = (named(1), named(1), named(2));
    assert_eq!(one.peer, again.peer);
    assert_ne!(one.peer, another.peer);
    let at = |peer| Address::Libp2p(Box::new(PeerAddress { peer, at: "127.0.0.1:0".parse().unwrap() }));
    same.bind(&at(one.peer)).unwrap();
    let error = same.bind(&at(another.peer)).unwrap_err();
    assert!(error.to_string().contains(&one.peer.unwrap().to_string()), "{error}");
}

#[tokio::test]
async fn two_nodes_have_one_connection_whoever_calls() {
    let (one, other) = (Rig::of(LIBP2P, Limits::default()), Rig::of(LIBP2P, Limits::default()));
    let there = one.endpoint.channel(other.at.clone(), Redial::Never);
    let as_well = one.endpoint.channel(other.at.clone(), Redial::Never);
    let back = other.endpoint.channel(one.at.clone(), Redial::Never);
    for channel in [&there, &as_well, &back] {
        assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    }
    assert_eq!((one.node.commands().len(), other.node.commands().len()), (1, 2));
    assert_eq!((one.traffic.snapshot().accepted, other.traffic.snapshot().accepted), (0, 1));
    // One that is closed takes nothing from the others.
    there.close();
    assert_eq!(back.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
    assert_eq!(as_well.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
}

#[tokio::test]
async fn a_host_that_speaks_something_else_is_refused_and_the_node_goes_on() {
    let rig = Rig::of(LIBP2P, Limits { greeting: Duration::from_millis(500), ..Limits::default() });
    let mut control = stranger(&rig).await;
    let peer = place(&rig).peer.unwrap();
    let error = control.open_stream(peer, StreamProtocol::new("/chat/1")).await.unwrap_err();
    assert!(matches!(error, libp2p_stream::OpenStreamError::UnsupportedProtocol(_)), "{error}");
    let mut stream = control.open_stream(peer, StreamProtocol::new("/p2pfl/grpc/1")).await.unwrap();
    stream.write_all(&[7; 100]).await.unwrap();
    stream.flush().await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    rig.until_refused(Refusal::Protocol).await;
    let mut silent = control.open_stream(peer, StreamProtocol::new("/p2pfl/grpc/1")).await.unwrap();
    let _ = silent.read_to_end(&mut Vec::new()).await;
    rig.until_refused(Refusal::Silent).await;
    assert!(rig.node.commands().is_empty());
    rig.goes_on().await;
}

#[tokio::test]
async fn an_address_of_another_kind_cannot_be_called() {
    let rig = Rig::of(LIBP2P, Limits::default());
    let tcp = Address::Tcp(place(&rig).at);
    let error = rig.caller.channel(tcp, Redial::Never).open(SOON).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
    let grpc = Kind { protocol: Protocol::Grpc, carrier: Carrier::Tcp };
    let endpoint = grpc.endpoint(Limits::default(), Arc::default());
    let error = endpoint.channel(rig.at.clone(), Redial::Never).open(SOON).await.unwrap_err();
    assert!(error.to_string().contains("libp2p"), "{error}");
    assert!(endpoint.bind(&rig.at).is_err());
}
