//! HTTP/2, and for whoever calls: one connection, and many requests at a time on it.

use super::ask::{Ask, answer, greeted};
use super::serve::{FRAME, HEADERS, WINDOW, serve_http2};
use super::text::Text;
use super::together::{Crew, Together};
use super::{as_base64, base64};
use crate::transport::socket::link::{Broken, Io, Link, Request, Terms};
use crate::transport::socket::serve::Serving;
use crate::transport::socket::{Answer, Host, Limits, NoLink, Traffic, WireProtocol};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

/// Requests that may leave before the other end has said how many it takes.
const STREAMS: usize = 256;

/// HTTP/2: many requests at a time on one connection.
#[derive(Clone, Copy, Debug)]
pub struct Http2;

impl WireProtocol for Http2 {
    const NAME: &'static str = "http2";
    const ALPN: Option<&'static [u8]> = Some(b"h2");
    const CALL_S: f64 = 28e-6;
    type Link = Http2Link;

    fn new(_: &Limits, _: &Arc<Traffic>) -> Self {
        Self
    }

    fn message_with_answer(payload: f64) -> f64 {
        as_base64(payload) + 115.0
    }

    /// It is text.
    fn on_the_wire(bytes: u64) -> u64 {
        base64::encoded_len(usize::try_from(bytes).unwrap_or(usize::MAX)) as u64
    }

    fn serve<H: Host, S: Io>(
        io: S,
        serving: &Arc<Serving<H>>,
        began: Instant,
    ) -> impl Future<Output = ()> + Send {
        serve_http2(io, serving, began)
    }
}

/// A connection with HTTP/2.
#[derive(Debug)]
pub struct Http2Link {
    requests: SendRequest<Text>,
    ask: Ask,
    driver: JoinHandle<()>,
}

impl Link for Http2Link {
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
