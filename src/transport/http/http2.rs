//! HTTP/2 with JSON.

use crate::transport::socket::link::{Broken, Io, Link, Request, Terms};
use crate::transport::socket::serve::Shared;
use crate::transport::socket::{Answer, Host, NoLink};
use std::future::{Future, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;
use tonic::Status;

/// A connection with HTTP/2.
#[derive(Debug)]
pub struct Http2 {
    driver: JoinHandle<()>,
}

impl Link for Http2 {
    async fn greet<S: Io>(_: S, _: &Terms) -> Result<Self, NoLink> {
        Err(NoLink::for_good("HTTP is not spoken yet".into()))
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<bool> {
        Poll::Ready(false)
    }

    fn leave(
        &mut self,
        _: &Request<'_>,
    ) -> Result<impl Future<Output = Result<Answer, Broken>> + Send + use<>, Broken> {
        Ok(ready(Err(Status::unimplemented("HTTP is not spoken yet").into())))
    }

    fn breaker(&self) -> AbortHandle {
        self.driver.abort_handle()
    }
}

/// Serves one connection to its end, whatever end that is.
pub async fn serve<H: Host, S: Io>(io: S, _: &Arc<Shared<H>>, _: Instant) {
    drop(io);
}
