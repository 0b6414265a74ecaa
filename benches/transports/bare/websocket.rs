//! tokio-tungstenite by itself: a message in a binary frame, its answer in another, so many of them on their way at a time.
//! What is ready together is flushed together. Its reads are of the size of ours.

use crate::io::{Io, dial, listen};
use anyhow::{Context as _, Result};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use p2pfl_sim::transport::socket::{Address, Security};
use p2pfl_sim::wire::proto::{ResponseMessage, RootMessage};
use prost::Message as _;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, client_async_with_config};

pub struct Pair {
    socket: Mutex<WebSocketStream<Io>>,
    server: JoinHandle<Result<()>>,
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(16 << 10)
}

impl Pair {
    pub async fn new(at: &Address, security: &Security) -> Result<Self> {
        let (mut incoming, at) = listen(at, security)?;
        let server = tokio::spawn(async move {
            let io = incoming.next().await.context("a connection")??;
            let mut socket = accept_async_with_config(io, Some(config())).await?;
            let mut next = socket.next().await;
            while let Some(message) = next {
                if let Message::Binary(bytes) = message? {
                    std::hint::black_box(RootMessage::decode(bytes)?);
                    let answer = ResponseMessage::default().encode_to_vec();
                    socket.feed(Message::Binary(answer.into())).await?;
                }
                next = match socket.next().now_or_never() {
                    Some(message) => message,
                    None => {
                        socket.flush().await?;
                        socket.next().await
                    }
                };
            }
            Ok(())
        });
        let io = dial(&at, security.client()).await?;
        let (socket, _) = client_async_with_config("ws://localhost/bare", io, Some(config())).await?;
        Ok(Self { socket: Mutex::new(socket), server })
    }

    /// So many messages, so many of them without an answer at a time.
    pub async fn calls(&self, message: &Arc<RootMessage>, in_flight: usize, calls: usize) -> Result<()> {
        let mut socket = self.socket.lock().await;
        let (mut sent, mut answered) = (0, 0);
        while answered < calls {
            while sent < calls && sent - answered < in_flight {
                socket.feed(Message::Binary(message.encode_to_vec().into())).await?;
                sent += 1;
            }
            socket.flush().await?;
            let mut next = Some(socket.next().await);
            while let Some(answer) = next {
                if let Message::Binary(bytes) = answer.context("an answer for each")?? {
                    std::hint::black_box(ResponseMessage::decode(bytes)?);
                    answered += 1;
                }
                next = socket.next().now_or_never();
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
