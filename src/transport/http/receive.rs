//! One request on its way in: from its head to its last byte, to the host, and back with the answer.

use super::json;
use super::problem::Refused;
use super::route::{Route, Which, route};
use super::text::Text;
use super::{base64, openapi};
use crate::transport::socket::serve::{Serving, hung_up};
use crate::transport::socket::{Answer, Call, Hold, Host, Refusal, Reply, Responder, make_room};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, EXPECT, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use prost::Message as _;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
/// What JSON may have beside the bytes of a message: names, quotation marks, escapes.
const BESIDE: usize = 64 << 10;

/// How long more is waited for of a request that is refused already.
const LINGER: Duration = Duration::from_millis(500);

/// The other end went away before its request was complete: nobody is left to tell.
#[derive(Debug, thiserror::Error)]
#[error("the other end went away")]
pub struct Gone;

/// Why there is no request.
enum Unheard {
    Gone,
    Refused(Refused),
}

/// Takes a request to its end.
pub async fn respond<H: Host>(
    shared: &Arc<Serving<H>>,
    request: Request<Incoming>,
) -> Result<Response<Text>, Gone> {
    let (head, mut body) = request.into_parts();
    let refused = match answer(shared, &head, &mut body).await {
        Ok(response) => return Ok(response),
        Err(Unheard::Gone) => return Err(Gone),
        Err(Unheard::Refused(refused)) => refused,
    };
    if let Some(why) = refused.why {
        shared.traffic.refused(why);
    }
    // HTTP/1.1 has no way to end a request but the connection's end, and who is still writing then may never read why.
    // Who asks before it writes is told in time.
    if head.version < Version::HTTP_2
        && !body.is_end_stream()
        && refused.why != Some(Refusal::Slow)
        && !head.headers.contains_key(EXPECT)
    {
        let _ = timeout(shared.limits.receiving, discard(&mut body)).await;
    }
    Ok(refused.into_response())
}

async fn answer<H: Host>(
    shared: &Arc<Serving<H>>,
    head: &Parts,
    body: &mut Incoming,
) -> Result<Response<Text>, Unheard> {
    let which = match route(head)? {
        Route::Call(which) => which,
        Route::Options(allow) => return Ok(options(shared, allow)),
        Route::Description if head.method == Method::HEAD => return Ok(ok(Text::default())),
        Route::Description => return Ok(ok(Text::of(openapi::served()))),
    };
    let call = {
        let mut received = Received { shared, bytes: 0, hold: shared.limits.held.begin() };
        let within = shared.limits.receiving;
        let all = timeout(within, received.all(body)).await;
        let all = all.unwrap_or_else(|_| {
            let late = format!("the request did not come to its end within {within:?}");
            Err(Refused::new(Refusal::Slow, StatusCode::REQUEST_TIMEOUT, late).into())
        });
        read(which, &all?, shared.limits.max_message)?
    };
    // A node that went down answers nobody: its connections are about to be hung up on.
    if !shared.gate.is_up() {
        return pending().await;
    }
    let (back, outcome) = oneshot::channel();
    shared.host.take(&shared.caller, call, Reply::new(Responder::Waiting(back), which == Which::Disconnect));
    match outcome.await {
        Ok(Ok(answer)) => Ok(ok(written(&answer))),
        Ok(Err(status)) => Err(Refused::from(&*status).into()),
        Err(_) => pending().await,
    }
}

/// What methods a path takes, and how long a connection without a request is kept.
fn options<H>(shared: &Serving<H>, allow: &'static str) -> Response<Text> {
    let mut response = Response::new(Text::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    let idle = shared.limits.idle.as_secs();
    if idle > 0
        && let Ok(kept) = HeaderValue::try_from(format!("timeout={idle}"))
    {
        response.headers_mut().insert(KEEP_ALIVE, kept);
    }
    response
}

fn ok(text: Text) -> Response<Text> {
    let mut response = Response::new(text);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn written(answer: &Answer) -> Text {
    match answer {
        Answer::Empty => Text::of(Bytes::from_static(b"{}")),
        other => Text::of(json::write_answer(other)),
    }
}

fn read(which: Which, text: &[u8], max_message: usize) -> Result<Call, Refused> {
    let malformed = |error: serde_json::Error| {
        Refused::new(Refusal::Malformed, StatusCode::BAD_REQUEST, error.to_string())
    };
    Ok(match which {
        Which::Handshake => Call::Handshake(json::read_address(text).map_err(malformed)?),
        Which::Disconnect => Call::Disconnect(json::read_address(text).map_err(malformed)?),
        Which::Send => {
            let message = json::read(text).map_err(malformed)?;
            let bytes = message.encoded_len();
            if bytes > max_message {
                return Err(oversized(format_args!("{bytes} bytes"), max_message));
            }
            Call::Send { message, bytes: bytes as u64 }
        }
    })
}

fn oversized(what: impl std::fmt::Display, limit: usize) -> Refused {
    let detail = format!("a message of {what} is larger than {limit}, the most that is taken");
    Refused::new(Refusal::Oversized, StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// A request's content as far as it has come; what it holds is counted until it is dropped.
struct Received<'a, H> {
    shared: &'a Serving<H>,
    bytes: usize,
    hold: Hold,
}

impl<H> Received<'_, H> {
    async fn all(&mut self, body: &mut Incoming) -> Result<Bytes, Unheard> {
        let max_message = self.shared.limits.max_message;
        let limit = base64::encoded_len(max_message).saturating_add(BESIDE);
        let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if claimed > limit {
            return Err(oversized(format_args!("{claimed} bytes of JSON"), max_message).into());
        }
        let (mut first, mut rest) = (Bytes::new(), Vec::new());
        while let Some(chunk) = next(body, Some(&mut self.hold)).await? {
            self.count(chunk.len())?;
            if self.bytes > limit {
                return Err(oversized(format_args!("more than {limit} bytes of JSON"), max_message).into());
            }
            // What comes in one piece is not copied.
            if first.is_empty() && rest.is_empty() {
                first = chunk;
                continue;
            }
            make_room(&mut rest, self.bytes, claimed).map_err(|_| held())?;
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&chunk);
        }
        Ok(if rest.is_empty() { first } else { rest.into() })
    }

    fn count(&mut self, more: usize) -> Result<(), Refused> {
        self.bytes += more;
        if self.hold.is(self.bytes) { Ok(()) } else { Err(held()) }
    }
}

/// There is no room for a request, or none any longer.
fn held() -> Refused {
    Refused::new(Refusal::Held, StatusCode::TOO_MANY_REQUESTS, "too many requests at a time")
}

/// The next piece of a request's content, for which what has come of it may wait.
async fn next(body: &mut Incoming, mut hold: Option<&mut Hold>) -> Result<Option<Bytes>, Unheard> {
    loop {
        let frame = poll_fn(|cx| match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending if hold.as_mut().is_none_or(|it| it.waits(cx)) => Poll::Pending,
            Poll::Pending => Poll::Ready(Err(held())),
        });
        let Some(frame) = frame.await? else { return Ok(None) };
        match frame {
            // Trailers say nothing here.
            Ok(frame) => {
                if let Ok(chunk) = frame.into_data() {
                    return Ok(Some(chunk));
                }
            }
            Err(error) => return Err(broken(&error)),
        }
    }
}

/// Reads what still comes, and keeps nothing.
async fn discard(body: &mut Incoming) {
    while let Ok(Ok(Some(_))) = timeout(LINGER, next(body, None)).await {}
}

/// What became of a request that broke off: no end of it came, or no sense is in its pieces.
fn broken(error: &hyper::Error) -> Unheard {
    let mut cause = std::error::Error::source(error);
    while let Some(it) = cause {
        if let Some(io) = it.downcast_ref::<std::io::Error>()
            && !hung_up(io)
        {
            let detail = format!("the content makes no sense: {io}");
            return Refused::new(Refusal::Protocol, StatusCode::BAD_REQUEST, detail).into();
        }
        cause = it.source();
    }
    Unheard::Gone
}

impl From<Refused> for Unheard {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}
