//! What headers would be if HTTP/2 did not compress them (RFC 7541). A connection that was listened to is played to HTTP/2's
//! own reader once more, which takes them apart.

use crate::transport::socket::Heard;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request};
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// More than any connection that is listened to has.
const STREAMS: u32 = 4_096;
const WINDOW: u32 = 1 << 30;

/// Bytes of headers as text, for each stream in the order of their numbers: those of requests, and those of answers with
/// their trailers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub requests: Vec<u64>,
    pub answers: Vec<u64>,
}

/// Reads a connection from its first byte on. What cannot be read is left out.
pub async fn texts(heard: &Heard) -> Texts {
    let requests = requests(&heard.caller).await;
    let answers = answers(&heard.called, requests.len()).await;
    Texts { requests, answers }
}

async fn requests(said: &[u8]) -> Vec<u64> {
    let mut http = h2::server::Builder::new();
    http.initial_window_size(WINDOW).initial_connection_window_size(WINDOW).max_concurrent_streams(STREAMS);
    let Ok(mut connection) = http.handshake::<_, Bytes>(Played::new(said)).await else { return Vec::new() };
    let (mut sizes, mut kept) = (Vec::new(), Vec::new());
    while let Some(Some(Ok((request, back)))) = connection.accept().now_or_never() {
        let uri = request.uri();
        let pseudo = [
            (":method", request.method().as_str().len()),
            (":scheme", uri.scheme_str().unwrap_or_default().len()),
            (":authority", uri.authority().map_or(0, |it| it.as_str().len())),
            (":path", uri.path_and_query().map_or(0, |it| it.as_str().len())),
        ];
        let pseudo: u64 = pseudo.into_iter().map(|(name, value)| line(name, value)).sum();
        sizes.push(pseudo + lines(request.headers()));
        // A stream that is dropped is reset, which would be counted.
        kept.push((request, back));
    }
    sizes
}

async fn answers(said: &[u8], requests: usize) -> Vec<u64> {
    let mut http = h2::client::Builder::new();
    http.initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .initial_max_send_streams(STREAMS as usize);
    let held = Rc::new(Cell::new(true));
    let played = Played { held: Rc::clone(&held), ..Played::new(said) };
    let Ok((send, mut connection)) = http.handshake::<_, Bytes>(played).await else {
        return Vec::new();
    };
    // Answers are read only if somebody has asked.
    let asked: Vec<_> = (0..requests)
        .map_while(|_| {
            let request = Request::post("http://localhost/").body(()).ok()?;
            // One handle takes one request until it has left.
            send.clone().send_request(request, true).ok().map(|(answer, _)| answer)
        })
        .collect();
    // First all requests leave, and then all that there is to be read is read.
    let _ = (&mut connection).now_or_never();
    held.set(false);
    let _ = (&mut connection).now_or_never();
    let mut sizes = Vec::new();
    for answer in asked {
        let Some(Ok(answer)) = answer.now_or_never() else { break };
        let head = line(":status", 3) + lines(answer.headers());
        let mut body = answer.into_body();
        while let Some(Some(Ok(_))) = poll_fn(|cx| body.poll_data(cx)).now_or_never() {}
        let trailers = poll_fn(|cx| body.poll_trailers(cx)).now_or_never();
        let trailers = trailers.and_then(|it| it.ok().flatten());
        sizes.push(head + trailers.as_ref().map_or(0, lines));
    }
    sizes
}

fn lines(headers: &HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| line(name.as_str(), value.len())).sum()
}

/// `name: value`, and the end of the line.
fn line(name: &str, value: usize) -> u64 {
    (name.len() + ": ".len() + value + "\r\n".len()) as u64
}

/// Says again what was said, and listens to nothing.
struct Played {
    said: Bytes,
    /// Whether it is silent yet.
    held: Rc<Cell<bool>>,
}

impl Played {
    fn new(said: &[u8]) -> Self {
        Self { said: Bytes::copy_from_slice(said), held: Rc::default() }
    }
}

impl AsyncRead for Played {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.said.is_empty() || self.held.get() {
            // Not the end, at which what was read and not yet looked at would be let go. Nobody waits for more.
            return Poll::Pending;
        }
        let some = self.said.len().min(buffer.remaining());
        buffer.put_slice(&self.said.split_to(some));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Played {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
