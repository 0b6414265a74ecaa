//! HTTP for whoever is called: one connection, from its first words to its end.

use super::receive::{Gone, respond};
use super::text::Text;
use super::together::{Crew, Together};
use crate::transport::socket::link::Io;
use crate::transport::socket::serve::{Serving, hung_up};
use crate::transport::socket::{Host, Refusal};
use h2::Reason;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt;
use hyper::rt::bounds::Http2ServerConnExec;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, Service, service_fn};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::io::InspectReader;

/// HTTP/2's windows: what the other end may send before it is told to go on. A window is no allocation.
pub(super) const WINDOW: u32 = 16 << 20;
/// The largest frame of HTTP/2 that is taken: larger ones mean fewer turns for a model.
pub(super) const FRAME: u32 = 256 << 10;
/// Bytes of headers that are taken.
pub(super) const HEADERS: u32 = 16 << 10;
/// What HTTP/1.1 reads at a time, and with it the longest head that is taken. What was needed once is kept while the
/// connection lasts.
pub(super) const BUFFER: usize = 16 << 10;

/// Serves one connection with HTTP/1.1 to its end, whatever end that is.
pub async fn serve_http1<H: Host, S: Io>(io: S, shared: &Arc<Serving<H>>, began: Instant) {
    let line = Line::new(shared);
    let mut http = http1::Builder::new();
    // Times are kept here, for both versions alike: hyper's time for a head runs while nobody asks for anything.
    http.header_read_timeout(None).max_buf_size(BUFFER);
    let reading = Arc::clone(&line);
    let io = InspectReader::new(io, move |came: &[u8]| reading.came(came));
    let connection = http.serve_connection(TokioIo::new(io), Arc::clone(&line).service());
    attend(connection, &line, began).await;
}

/// Serves one connection with HTTP/2 to its end, whatever end that is.
pub async fn serve_http2<H: Host, S: Io>(io: S, shared: &Arc<Serving<H>>, began: Instant) {
    let line = Line::new(shared);
    let crew = Crew::default();
    let mut http = http2::Builder::new(crew.hands());
    http.initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_header_list_size(HEADERS)
        .max_concurrent_streams(shared.limits.streams)
        // Whoever gives up all the requests that it may have under way at a time has done no wrong.
        .max_pending_accept_reset_streams(shared.limits.streams as usize);
    let connection = http.serve_connection(TokioIo::new(io), Arc::clone(&line).service());
    attend(Together::new(connection, crew), &line, began).await;
}

/// A connection, as far as its requests are concerned.
struct Line<H> {
    shared: Arc<Serving<H>>,
    /// How many have begun, and how many of them are done with.
    requests: AtomicU64,
    answered: AtomicU64,
    /// Over HTTP/1.1, how many had begun when the first byte of the next head came; they are counted from one.
    head_after: AtomicU64,
}

impl<H: Host> Line<H> {
    fn new(shared: &Arc<Serving<H>>) -> Arc<Self> {
        let (requests, answered, head_after) = Default::default();
        Arc::new(Self { shared: Arc::clone(shared), requests, answered, head_after })
    }

    /// Over HTTP/1.1, whatever comes between two requests is the next one's head.
    fn came(&self, bytes: &[u8]) {
        let requests = self.requests.load(Relaxed);
        if !bytes.is_empty() && self.answered.load(Relaxed) == requests {
            self.head_after.store(requests, Relaxed);
        }
    }

    /// Whether a head has begun after so many requests that has not come to its end.
    fn is_within_head(&self, requests: u64) -> bool {
        requests > 0 && self.head_after.load(Relaxed) == requests
    }

    fn service(
        self: Arc<Self>,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Text>,
        Error = Gone,
        Future: Future<Output = Result<Response<Text>, Gone>> + Send + 'static,
    > {
        service_fn(move |request| {
            let line = Arc::clone(&self);
            async move {
                line.requests.fetch_add(1, Relaxed);
                let response = respond(&line.shared, request).await;
                line.answered.fetch_add(1, Relaxed);
                response
            }
        })
    }
}

/// A connection of either version.
pub trait Connection: Future<Output = hyper::Result<()>> {
    /// Takes no more requests, and ends with the last that is under way.
    fn wind_up(self: Pin<&mut Self>);
}

impl<I, S> Connection for http1::Connection<I, S>
where
    S: HttpService<Incoming, ResBody = Text, Error: Into<Box<dyn Error + Send + Sync>>>,
    I: rt::Read + rt::Write + Unpin + 'static,
{
    fn wind_up(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, E> Connection for Together<http2::Connection<I, S, E>>
where
    S: HttpService<Incoming, ResBody = Text, Error: Into<Box<dyn Error + Send + Sync>>>,
    I: rt::Read + rt::Write + Unpin,
    E: Http2ServerConnExec<S::Future, Text>,
{
    fn wind_up(self: Pin<&mut Self>) {
        self.connection().graceful_shutdown();
    }
}

/// Drives a connection. Whoever has not asked for anything in time is hung up on, and so is whoever does not any more.
async fn attend<H: Host>(connection: impl Connection, line: &Line<H>, began: Instant) {
    let (limits, traffic) = (&line.shared.limits, &line.shared.traffic);
    let mut connection = pin!(connection);
    let mut quiet = pin!(sleep_until(began + limits.greeting));
    let (mut greeted, mut at_last_look, mut winding_up) = (false, 0, false);
    // Set when a head has begun, and for which request. One that comes at once never has it set.
    let mut head: Option<(u64, Pin<Box<Sleep>>)> = None;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if let Some(why) = ended.err().and_then(|error| fault(&error)) {
                    traffic.refused(why);
                }
                return Poll::Ready(());
            }
            let requests = line.requests.load(Relaxed);
            if !greeted && requests > 0 {
                (greeted, at_last_look) = (true, requests);
                quiet.as_mut().reset(Instant::now() + limits.idle);
            }
            if line.is_within_head(requests) {
                let until = Instant::now() + limits.receiving;
                let (of, late) = head.get_or_insert_with(|| (requests, Box::pin(sleep_until(until))));
                if *of != requests {
                    *of = requests;
                    late.as_mut().reset(until);
                }
                if late.as_mut().poll(cx).is_ready() {
                    traffic.refused(Refusal::Slow);
                    return Poll::Ready(());
                }
            }
            // Looked at only when the time is over: to set the timer anew at each request would cost every request.
            if quiet.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if !greeted {
                traffic.refused(Refusal::Silent);
                return Poll::Ready(());
            }
            if requests == at_last_look {
                if winding_up {
                    return Poll::Ready(());
                }
                winding_up = true;
                connection.as_mut().wind_up();
            }
            at_last_look = requests;
            quiet.as_mut().reset(Instant::now() + limits.idle);
        }
    })
    .await;
}

/// What the other end is to blame for, if it did not only go away.
fn fault(error: &hyper::Error) -> Option<Refusal> {
    let went_away = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    if went_away || error.is_user() || error.is_shutdown() {
        return None;
    }
    let mut cause = error.source();
    while let Some(it) = cause {
        if it.downcast_ref::<io::Error>().is_some_and(hung_up) {
            return None;
        }
        if let Some(error) = it.downcast_ref::<h2::Error>() {
            let flood = error.reason() == Some(Reason::ENHANCE_YOUR_CALM) && !error.is_remote();
            match error.get_io() {
                Some(io) if hung_up(io) => return None,
                _ if flood => return Some(Refusal::Flood),
                _ if error.is_remote() => return None,
                _ => {}
            }
        }
        cause = it.source();
    }
    Some(Refusal::Protocol)
}
