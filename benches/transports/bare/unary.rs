//! tonic's own channel and server, and unary calls.

use super::service::node_services_client::NodeServicesClient;
use super::service::node_services_server::{NodeServices, NodeServicesServer};
use crate::io::{dial, listen};
use crate::{FRAME, WINDOW};
use anyhow::Result;
use hyper_util::rt::TokioIo;
use p2pfl_sim::transport::socket::{Address, Security};
use p2pfl_sim::wire::proto::{HandShakeRequest, ResponseMessage, RootMessage};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

const LIMIT: usize = 1 << 30;

pub struct Pair {
    client: NodeServicesClient<Channel>,
    server: JoinHandle<()>,
}

pub struct Yes;

#[tonic::async_trait]
impl NodeServices for Yes {
    async fn handshake(&self, _: Request<HandShakeRequest>) -> Result<Response<ResponseMessage>, Status> {
        Ok(Response::new(ResponseMessage::default()))
    }

    async fn disconnect(&self, _: Request<HandShakeRequest>) -> Result<Response<()>, Status> {
        Ok(Response::new(()))
    }

    async fn send(&self, request: Request<RootMessage>) -> Result<Response<ResponseMessage>, Status> {
        std::hint::black_box(&request.into_inner());
        Ok(Response::new(ResponseMessage::default()))
    }
}

impl Pair {
    pub async fn new(at: &Address, security: &Security) -> Result<Self> {
        let (incoming, at) = listen(at, security)?;
        let server = tokio::spawn(async move {
            let service = NodeServicesServer::new(Yes).max_decoding_message_size(LIMIT);
            let served = Server::builder()
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_frame_size(FRAME)
                .add_service(service)
                .serve_with_incoming(incoming);
            served.await.expect("the bare server serves");
        });
        let endpoint = Endpoint::from_static("http://localhost")
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let client = security.client();
        let connector = tower::service_fn(move |_| {
            let (at, client) = (at.clone(), client.clone());
            async move { dial(&at, client).await.map(TokioIo::new) }
        });
        let channel = endpoint.connect_with_connector(connector).await?;
        Ok(Self { client: NodeServicesClient::new(channel).max_encoding_message_size(LIMIT), server })
    }

    /// So many calls, so many of them at a time.
    pub async fn calls(&self, message: &Arc<RootMessage>, in_flight: usize, calls: usize) -> Result<()> {
        self::calls(&self.client, message, in_flight, calls).await
    }
}

/// So many calls, so many of them at a time.
pub async fn calls(
    client: &NodeServicesClient<Channel>,
    message: &Arc<RootMessage>,
    in_flight: usize,
    calls: usize,
) -> Result<()> {
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let (mut client, message) = (client.clone(), Arc::clone(message));
            tokio::spawn(async move {
                for _ in 0..calls / in_flight {
                    client.send(RootMessage::clone(&message)).await?;
                }
                Ok::<_, Status>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.server.abort();
    }
}
