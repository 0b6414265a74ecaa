//! tonic's own stream in both directions: messages one way, answers the other, so many of them on their way at a time.

use crate::io::{Io, dial, listen};
use crate::{FRAME, WINDOW};
use anyhow::{Context as _, Result};
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use hyper_util::rt::TokioIo;
use p2pfl_sim::transport::socket::{Address, Security};
use p2pfl_sim::wire::proto::{ResponseMessage, RootMessage};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::server::{NamedService, StreamingService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

const LIMIT: usize = 1 << 30;
const PATH: &str = "/bare.Bare/Stream";

pub struct Pair {
    channel: Channel,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Bare;

impl NamedService for Bare {
    const NAME: &'static str = "bare.Bare";
}

struct Yes;

impl StreamingService<RootMessage> for Yes {
    type Response = ResponseMessage;
    type ResponseStream = BoxStream<'static, Result<ResponseMessage, Status>>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<RootMessage>>) -> Self::Future {
        let answers = request.into_inner().map(|message| {
            std::hint::black_box(&message?);
            Ok(ResponseMessage::default())
        });
        std::future::ready(Ok(Response::new(answers.boxed())))
    }
}

impl tower::Service<http::Request<Body>> for Bare {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let codec = ProstCodec::<ResponseMessage, RootMessage>::default();
            let mut grpc = tonic::server::Grpc::new(codec).apply_max_message_size_config(Some(LIMIT), None);
            Ok(grpc.streaming(Yes, request).await)
        })
    }
}

impl Pair {
    pub async fn new(at: &Address, security: &Security) -> Result<Self> {
        let (incoming, at): (BoxStream<'static, std::io::Result<Io>>, _) = listen(at, security)?;
        let server = tokio::spawn(async move {
            let served = Server::builder()
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_frame_size(FRAME)
                .add_service(Bare)
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
        Ok(Self { channel: endpoint.connect_with_connector(connector).await?, server })
    }

    /// So many messages, so many of them without an answer at a time.
    pub async fn calls(&self, message: &Arc<RootMessage>, in_flight: usize, calls: usize) -> Result<()> {
        let (sender, receiver) = mpsc::channel::<RootMessage>(in_flight);
        let outgoing = unfold(receiver, |mut it| async { it.recv().await.map(|message| (message, it)) });
        let mut grpc = Grpc::new(self.channel.clone()).max_encoding_message_size(LIMIT);
        grpc.ready().await?;
        let codec = ProstCodec::<RootMessage, ResponseMessage>::default();
        let path = http::uri::PathAndQuery::from_static(PATH);
        for _ in 0..in_flight {
            sender.send(RootMessage::clone(message)).await?;
        }
        let mut answers = grpc.streaming(Request::new(outgoing), path, codec).await?.into_inner();
        for sent in in_flight..calls + in_flight {
            answers.next().await.context("an answer for each")??;
            if sent < calls {
                sender.send(RootMessage::clone(message)).await?;
            }
        }
        Ok(())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.server.abort();
    }
}
