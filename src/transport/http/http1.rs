//! HTTP/1.1 for whoever calls: a connection that is kept alive, and one request at a time on it. Several connections to a
//! peer are the channel's.

use super::ask::{Ask, answer, greeted};
use super::serve::BUFFER;
use super::text::Text;
use crate::transport::socket::link::{Broken, Io, Link, Request, Terms};
use crate::transport::socket::{Answer, NoLink};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

/// How much sooner than the other end this one thinks that a connection is no longer kept, but no more than half of
/// the time: a request that is written while the connection is being closed may or may not have been taken, and nobody
/// can tell.
const MARGIN: Duration = Duration::from_secs(1);

/// A connection with HTTP/1.1.
#[derive(Debug)]
pub struct Http1 {
    requests: SendRequest<Text>,
    ask: Ask,
    /// How long the connection is kept without a request, if the other end said so, and when the last one left.
    kept: Option<Duration>,
    last: Instant,
    driver: JoinHandle<()>,
}

impl Link for Http1 {
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
