//! HTTP/1.1, and for whoever calls: a connection that is kept alive, and one request at a time on it. Several connections to a
//! peer are the channel's.

use super::ask::{Ask, answer, greeted};
use super::serve::{BUFFER, serve_http1};
use super::text::Text;
use super::{as_base64, base64};
use crate::transport::socket::link::{Broken, Io, Link, Request, Terms};
use crate::transport::socket::serve::Serving;
use crate::transport::socket::{Answer, Host, Limits, NoLink, Traffic, WireProtocol};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

/// How much sooner than the other end this one thinks that a connection is no longer kept, but no more than half of
/// the time: a request that is written while the connection is being closed may or may not have been taken, and nobody
/// can tell.
const MARGIN: Duration = Duration::from_secs(1);

/// HTTP/1.1: one request at a time on a connection, and several connections to a peer.
#[derive(Clone, Copy, Debug)]
pub struct Http1;

impl WireProtocol for Http1 {
    const NAME: &'static str = "http";
    const ALPN: Option<&'static [u8]> = Some(b"http/1.1");
    const CALLS_BY_TURNS: bool = true;
    const CALL_S: f64 = 16e-6;
    type Link = Http1Link;

    fn new(_: &Limits, _: &Arc<Traffic>) -> Self {
        Self
    }

    fn message_with_answer(payload: f64) -> f64 {
        as_base64(payload) + 280.0
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
        serve_http1(io, serving, began)
    }
}

/// A connection with HTTP/1.1.
#[derive(Debug)]
pub struct Http1Link {
    requests: SendRequest<Text>,
    ask: Ask,
    /// How long the connection is kept without a request, if the other end said so, and when the last one left.
    kept: Option<Duration>,
    last: Instant,
    driver: JoinHandle<()>,
}

impl Link for Http1Link {
    /// Asks which methods there are: by itself HTTP/1.1 says nothing before it is asked.
    async fn greet<S: Io>(io: S, terms: &Terms) -> Result<Self, NoLink> {
        let handshake = Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(io)).await;
        let (mut requests, connection) = handshake.map_err(|error| NoLink::for_good(error.to_string()))?;
        // It ends when nobody has a request any more; what broke it is told to the call under way.
        let driver = tokio::spawn(async move { drop(connection.await) });
        let ask = Ask::by_path(terms);
        let last = Instant::now();
        let kept = greeted(requests.try_send_request(ask.greeting())).await?;
        // It has to have seen the end of that answer.
        requests.ready().await.map_err(|error| NoLink::for_good(error.to_string()))?;
        Ok(Self { requests, ask, kept, last, driver })
    }

    /// Ready when the request before is answered.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.kept.is_some_and(|kept| self.last.elapsed() >= kept - MARGIN.min(kept / 2)) {
            return Poll::Ready(false);
        }
        self.requests.poll_ready(cx).map(|ready| ready.is_ok())
    }

    fn leave(
        &mut self,
        request: &Request<'_>,
    ) -> Result<impl Future<Output = Result<Answer, Broken>> + Send + use<>, Broken> {
        self.last = Instant::now();
        Ok(answer(self.requests.try_send_request(self.ask.call(request)?)))
    }

    fn breaker(&self) -> AbortHandle {
        self.driver.abort_handle()
    }
}
