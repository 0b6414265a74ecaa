//! hyper's own client and server, with the same JSON from serde and nothing around them: over HTTP/1.1 six connections in
//! turn, over HTTP/2 one.

use crate::io::{dial, listen};
use crate::{FRAME, WINDOW};
use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::StreamExt as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use p2pfl_sim::transport::socket::{Address, Security};
use p2pfl_sim::wire::proto;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// As many connections as this program has over HTTP/1.1.
const CONNECTIONS: usize = 6;

/// A message, as anyone would write it down.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    source: String,
    round: Option<i32>,
    cmd: String,
    weights: Weights,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Weights {
    weights: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    contributors: Vec<String>,
    num_samples: i32,
}

pub struct Pair {
    ways: Vec<Way>,
    server: JoinHandle<()>,
}

enum Way {
    One(Mutex<http1::SendRequest<Full<Bytes>>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

async fn yes(request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let text = request.into_body().collect().await?.to_bytes();
    let message: Message = serde_json::from_slice(&text)?;
    std::hint::black_box(STANDARD.decode(&message.weights.weights)?);
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::new(Bytes::from_static(b"{}")))?)
}

impl Pair {
    pub async fn new(two: bool, at: &Address, security: &Security) -> Result<Self> {
        let (mut incoming, at) = listen(at, security)?;
        let server = tokio::spawn(async move {
            while let Some(Ok(io)) = incoming.next().await {
                let io = TokioIo::new(io);
                tokio::spawn(async move {
                    let _ = if two {
                        let mut http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        http.initial_stream_window_size(WINDOW)
                            .initial_connection_window_size(WINDOW)
                            .max_frame_size(FRAME);
                        http.serve_connection(io, service_fn(yes)).await
                    } else {
                        hyper::server::conn::http1::Builder::new().serve_connection(io, service_fn(yes)).await
                    };
                });
            }
        });
        let mut ways = Vec::new();
        for _ in 0..if two { 1 } else { CONNECTIONS } {
            let io = TokioIo::new(dial(&at, security.client()).await?);
            ways.push(if two {
                let mut http = http2::Builder::new(TokioExecutor::new());
                http.initial_stream_window_size(WINDOW)
                    .initial_connection_window_size(WINDOW)
                    .max_frame_size(FRAME);
                let (requests, connection) = http.handshake(io).await?;
                tokio::spawn(connection);
                Way::Two(requests)
            } else {
                let (requests, connection) = http1::handshake(io).await?;
                tokio::spawn(connection);
                Way::One(Mutex::new(requests))
            });
        }
        Ok(Self { ways, server })
    }

    /// So many calls, so many of them at a time.
    pub async fn calls(
        self: &Arc<Self>,
        message: &Arc<proto::RootMessage>,
        in_flight: usize,
        calls: usize,
    ) -> Result<()> {
        let tasks: Vec<_> = (0..in_flight)
            .map(|i| {
                let (pair, message) = (Arc::clone(self), Arc::clone(message));
                tokio::spawn(async move {
                    let way = &pair.ways[i % pair.ways.len()];
                    for _ in 0..calls / in_flight {
                        way.call(&message).await?;
                    }
                    Ok::<_, anyhow::Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    }
}

impl Way {
    async fn call(&self, message: &proto::RootMessage) -> Result<()> {
        let Some(proto::root_message::PayloadType::Weights(weights)) = &message.payload_type else {
            anyhow::bail!("a model is sent");
        };
        let text = serde_json::to_vec(&Message {
            source: message.source.clone(),
            round: message.round,
            cmd: message.cmd.clone(),
            weights: Weights {
                weights: STANDARD.encode(&weights.weights),
                contributors: weights.contributors.clone(),
                num_samples: weights.num_samples,
            },
        })?;
        let uri = match self {
            Self::One(_) => "/v1/messages",
            Self::Two(_) => "http://localhost/v1/messages",
        };
        let request = Request::post(uri).header("content-type", "application/json");
        let answer = match self {
            Self::One(requests) => {
                let request = request.header("host", "localhost").body(Full::new(text.into()))?;
                let mut requests = requests.lock().await;
                requests.ready().await?;
                let answer = requests.send_request(request).await?;
                answer.into_body().collect().await?.to_bytes()
            }
            Self::Two(requests) => {
                let request = request.body(Full::new(text.into()))?;
                let answer = requests.clone().send_request(request).await?;
                answer.into_body().collect().await?.to_bytes()
            }
        };
        ensure!(answer == "{}");
        Ok(())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.server.abort();
    }
}
