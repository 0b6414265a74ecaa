//! tonic's own channel and server in the streams of libp2p's own swarms.

use super::service::node_services_client::NodeServicesClient;
use super::service::node_services_server::NodeServicesServer;
use crate::io::Io;
use crate::{FRAME, WINDOW};
use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use hyper_util::rt::TokioIo;
use libp2p::swarm::SwarmEvent;
use libp2p::{StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use p2pfl_sim::wire::proto::RootMessage;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::compat::FuturesAsyncReadCompatExt as _;
use tonic::transport::{Channel, Endpoint, Server};

const LIMIT: usize = 1 << 30;
const NAME: StreamProtocol = StreamProtocol::new("/bare/1");

pub struct Pair {
    client: NodeServicesClient<Channel>,
    tasks: [JoinHandle<()>; 3],
}

fn swarm() -> Result<Swarm<libp2p_stream::Behaviour>> {
    Ok(SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| libp2p_stream::Behaviour::new())?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build())
}

async fn drive(mut swarm: Swarm<libp2p_stream::Behaviour>) {
    loop {
        swarm.select_next_some().await;
    }
}

impl Pair {
    pub async fn new() -> Result<Self> {
        let (mut callee, mut caller) = (swarm()?, swarm()?);
        let peer = *callee.local_peer_id();
        callee.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let at = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = callee.select_next_some().await {
                break address;
            }
        };
        let incoming = callee.behaviour().new_control().accept(NAME).ok().context("a new name")?;
        let incoming = incoming.map(|(_, stream)| Ok::<_, io::Error>(Io(Box::pin(stream.compat()))));
        let callee = tokio::spawn(drive(callee));
        let server = tokio::spawn(async move {
            let service = NodeServicesServer::new(super::unary::Yes).max_decoding_message_size(LIMIT);
            let served = Server::builder()
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_frame_size(FRAME)
                .add_service(service)
                .serve_with_incoming(incoming);
            served.await.expect("the bare server serves");
        });
        caller.dial(at)?;
        while !matches!(caller.select_next_some().await, SwarmEvent::ConnectionEstablished { .. }) {}
        let control = caller.behaviour().new_control();
        let caller = tokio::spawn(drive(caller));
        let connector = tower::service_fn(move |_| {
            let mut control = control.clone();
            async move {
                let stream = control.open_stream(peer, NAME).await.map_err(io::Error::other)?;
                Ok::<_, io::Error>(TokioIo::new(Io(Box::pin(stream.compat()))))
            }
        });
        let endpoint = Endpoint::from_static("http://localhost")
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let channel = endpoint.connect_with_connector(connector).await?;
        let client = NodeServicesClient::new(channel).max_encoding_message_size(LIMIT);
        Ok(Self { client, tasks: [callee, server, caller] })
    }

    /// So many calls, so many of them at a time.
    pub async fn calls(&self, message: &Arc<RootMessage>, in_flight: usize, calls: usize) -> Result<()> {
        super::unary::calls(&self.client, message, in_flight, calls).await
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
