//! HTTP/2 for whoever calls: one connection, and many requests at a time on it.

use super::ask::{Ask, answer, greeted};
use super::serve::{FRAME, HEADERS, WINDOW};
use super::text::Text;
use super::together::{Crew, Together};
use crate::transport::socket::link::{Broken, Io, Link, Request, Terms};
use crate::transport::socket::{Answer, NoLink};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::task::{Context, Poll};
use tokio::task::{AbortHandle, JoinHandle};

/// Requests that may leave before the other end has said how many it takes.
const STREAMS: usize = 256;

/// A connection with HTTP/2.
#[derive(Debug)]
pub struct Http2 {
    requests: SendRequest<Text>,
    ask: Ask,
    driver: JoinHandle<()>,
}

impl Link for Http2 {
    /// Asks which methods there are, as over HTTP/1.1.
    async fn greet<S: Io>(io: S, terms: &Terms) -> Result<Self, NoLink> {
        let crew = Crew::default();
        let mut http = Builder::new(crew.hands());
        http.initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .max_header_list_size(HEADERS)
            .initial_max_send_streams(STREAMS);
        let handshake = http.handshake(TokioIo::new(io)).await;
        let (mut requests, connection) = handshake.map_err(|error| NoLink::for_good(error.to_string()))?;
        let driver = tokio::spawn(async move { drop(Together::new(connection, crew).await) });
        let ask = Ask::by_uri(terms);
        greeted(requests.try_send_request(ask.greeting())).await?;
        Ok(Self { requests, ask, driver })
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.requests.poll_ready(cx).map(|ready| ready.is_ok())
    }

    fn leave(
        &mut self,
        request: &Request<'_>,
    ) -> Result<impl Future<Output = Result<Answer, Broken>> + Send + use<>, Broken> {
        Ok(answer(self.requests.try_send_request(self.ask.call(request)?)))
    }

    fn breaker(&self) -> AbortHandle {
        self.driver.abort_handle()
    }
}
