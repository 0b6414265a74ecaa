//! gRPC for whoever is called: one connection, from HTTP/2's first words to its end.

use super::receive::Receiving;
use crate::transport::socket::link::Io;
use crate::transport::socket::serve::{Serving, hung_up};
use crate::transport::socket::{Host, Refusal};
use crate::transport::stream::{self, Exchanging};
use bytes::Bytes;
use futures_util::future::Either;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use h2::Reason;
use h2::server::{Builder, Connection};
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout};

/// HTTP/2's windows: what the other end may send before it is told to go on. A window is no allocation.
pub(super) const WINDOW: u32 = 16 << 20;
/// The largest frame that is taken: larger ones mean fewer turns for a model.
pub(super) const FRAME: u32 = 256 << 10;
/// Bytes of headers that are taken; P2PFL's are some hundred.
pub(super) const HEADERS: u32 = 16 << 10;

/// Serves one connection to its end, whatever end that is; with `streams`, those of `stream` as well.
pub async fn serve<H: Host, S: Io>(io: S, shared: &Arc<Serving<H>>, began: Instant, streams: bool) {
    let mut http = Builder::new();
    http.initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_header_list_size(HEADERS)
        .max_concurrent_streams(shared.limits.streams)
        // Whoever gives up all the calls that it may have under way at a time has done no wrong.
        .max_pending_accept_reset_streams(shared.limits.streams as usize);
    let left = shared.limits.greeting.saturating_sub(began.elapsed());
    let mut connection = match timeout(left, http.handshake(io)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return count(shared, &error),
        Err(_) => return shared.traffic.refused(Refusal::Silent),
    };
    attend(&mut connection, shared, streams).await;
}

async fn attend<H: Host, S>(connection: &mut Connection<S, Bytes>, shared: &Arc<Serving<H>>, streams: bool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut unfinished: FuturesUnordered<Work<H>> = FuturesUnordered::new();
    let idle = shared.limits.idle;
    let mut quiet = pin!(sleep(idle));
    let mut calls = Calls { streams, ..Calls::default() };
    poll_fn(|cx| {
        if poll_calls(connection, &mut unfinished, shared, &mut calls, cx).is_ready() {
            return Poll::Ready(());
        }
        // Looked at only when the time is over: to set the timer anew at each call would cost every call.
        while quiet.as_mut().poll(cx).is_ready() {
            if calls.since_last_look.swap(0, Relaxed) == 0 {
                if calls.told_to_go {
                    return Poll::Ready(());
                }
                calls.told_to_go = true;
                connection.graceful_shutdown();
            }
            quiet.as_mut().reset(Instant::now() + idle);
        }
        Poll::Pending
    })
    .await;
}

/// What is going on on a connection: calls that have not come to their end, and streams.
type Work<H> = Either<Receiving<H>, Box<Exchanging<H>>>;

/// What an idle connection is known by, and what may come on it.
#[derive(Default)]
struct Calls {
    /// Streams count here as well, which go on by themselves.
    since_last_look: Arc<AtomicU64>,
    told_to_go: bool,
    /// Whether streams are taken.
    streams: bool,
}

/// Takes calls and what comes of them until nothing more comes for now. Ready is the connection's end.
fn poll_calls<H: Host, S>(
    connection: &mut Connection<S, Bytes>,
    unfinished: &mut FuturesUnordered<Work<H>>,
    shared: &Arc<Serving<H>>,
    calls: &mut Calls,
    cx: &mut Context<'_>,
) -> Poll<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match connection.poll_accept(cx) {
            Poll::Ready(Some(Ok((request, back)))) => {
                calls.since_last_look.fetch_add(1, Relaxed);
                if calls.streams && request.uri().path() == stream::PATH {
                    let begun = Exchanging::begin(shared, request, back, &calls.since_last_look);
                    unfinished.extend(begun.map(Box::new).map(Either::Right));
                } else if let Some(mut receiving) = Receiving::begin(shared, request, back) {
                    // A small call is all there by now, and needs no place among the unfinished.
                    if receiving.poll_rest(cx).is_pending() {
                        unfinished.push(Either::Left(receiving));
                    }
                }
            }
            Poll::Ready(Some(Err(error))) => {
                count(shared, &error);
                return Poll::Ready(());
            }
            Poll::Ready(None) => return Poll::Ready(()),
            Poll::Pending => break,
        }
    }
    while let Poll::Ready(Some(())) = unfinished.poll_next_unpin(cx) {
        calls.since_last_look.fetch_add(1, Relaxed);
    }
    Poll::Pending
}

fn count<H>(shared: &Serving<H>, error: &h2::Error) {
    if error.get_io().is_some_and(hung_up) || error.is_remote() {
        return;
    }
    let why = match error.reason() {
        Some(Reason::ENHANCE_YOUR_CALM) => Refusal::Flood,
        _ => Refusal::Protocol,
    };
    shared.traffic.refused(why);
}
