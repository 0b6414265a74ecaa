//! A way to one peer: one connection, and the calls on it.

use super::gather::Gather;
use super::open::{Dial, Link, NoLink};
use super::payload::{self, Body, Payload};
use super::tls::server_name;
use super::{Address, Answer, CallError, Limits, Redial, Security, Traffic};
use crate::wire::proto;
use bytes::Bytes;
use h2::Reason;
use h2::client::ResponseFuture;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, StatusCode, Uri};
use prost::Message as _;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tonic::{Code, Status};

/// The largest reply that is taken: gRPC's default, which P2PFL leaves as it is.
const MAX_REPLY: usize = 4 << 20;
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// A way to a peer: connects when it is first used, and again when the connection broke. Clones are the same channel;
/// it is closed when the last is dropped.
///
/// Calls leave in the order in which their futures were first polled. A call that is dropped is cancelled.
#[derive(Clone)]
pub struct Channel {
    it: Arc<Inner>,
}

struct Inner {
    dial: Dial,
    authority: Authority,
    scheme: Scheme,
    /// The connection. Waiting for it is first come, first served, which keeps calls in order.
    link: tokio::sync::Mutex<Option<Link>>,
    /// Breaks the connection off without waiting for anything.
    breaker: std::sync::Mutex<Option<AbortHandle>>,
    closed: AtomicBool,
    /// Bytes of requests that are not answered yet.
    waiting: AtomicU64,
}

#[derive(Clone, Copy)]
enum Which {
    Handshake,
    Disconnect,
    Send,
}

impl Channel {
    /// A channel to `to`. Nothing happens until it is used.
    pub fn new(
        to: Address,
        security: &Security,
        limits: Limits,
        traffic: Arc<Traffic>,
        redial: Redial,
    ) -> Self {
        let tls = security.client().map(|config| (config.into(), server_name(&to)));
        let scheme = if tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        Self {
            it: Arc::new(Inner {
                authority: authority(&to),
                scheme,
                dial: Dial { to, tls, limits, traffic, redial },
                link: tokio::sync::Mutex::new(None),
                breaker: std::sync::Mutex::new(None),
                closed: AtomicBool::new(false),
                waiting: AtomicU64::new(0),
            }),
        }
    }

    /// Whom it leads to.
    pub fn address(&self) -> &Address {
        &self.it.dial.to
    }

    /// Connects, unless it is connected.
    ///
    /// # Errors
    ///
    /// If that is not to be had by `deadline`.
    pub async fn open(&self, deadline: Duration) -> Result<(), CallError> {
        let mut failed = None;
        let opening = async {
            let mut link = self.it.link.lock().await;
            self.it.connected(&mut link, &mut failed).await.map(|_| ())
        };
        within(deadline, opening).await.unwrap_or_else(|| Err(self.it.late(deadline, failed)))
    }

    /// Tells the peer that the one at `own` wants to be its neighbour.
    ///
    /// # Errors
    ///
    /// If there is no answer. That the peer does not want is an [`Answer::Error`].
    pub async fn handshake(&self, own: &str, deadline: Duration) -> Result<Answer, CallError> {
        let message = proto::HandShakeRequest { addr: own.to_owned() };
        self.call(Which::Handshake, message.encoded_len(), deadline, || payload::of(&message)).await
    }

    /// Tells the peer that the one at `own` is its neighbour no more. The peer is told no deadline, as P2PFL has none for
    /// this call; it is not waited for any longer than that.
    ///
    /// # Errors
    ///
    /// If the peer could not be told.
    pub async fn disconnect(&self, own: &str, deadline: Duration) -> Result<(), CallError> {
        let message = proto::HandShakeRequest { addr: own.to_owned() };
        self.call(Which::Disconnect, message.encoded_len(), deadline, || payload::of(&message)).await?;
        Ok(())
    }

    /// Sends a message and waits for what comes back. The deadline covers connecting, and is told the peer.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub async fn send(&self, message: Body, deadline: Duration) -> Result<Answer, CallError> {
        let length = message.encoded_len();
        self.call(Which::Send, length, deadline, || message.payload(length)).await
    }

    /// Breaks the connection off; calls under way end with [`CallError::Closed`], and so do later ones.
    pub fn close(&self) {
        self.it.closed.store(true, Ordering::Release);
        self.it.hang_up();
    }

    async fn call(
        &self,
        which: Which,
        length: usize,
        deadline: Duration,
        payload: impl Fn() -> Payload,
    ) -> Result<Answer, CallError> {
        let _waiting = Waiting::of(&self.it, length)?;
        let mut failed = None;
        let calling = async {
            loop {
                let answer = self.it.leave(which, deadline, &payload, &mut failed).await?;
                match reply(answer).await {
                    Err(Broken::Unheard) => {}
                    // The other end keeps the deadline as well, and may be the first to notice.
                    Err(Broken::Status(status)) if status.code() == Code::DeadlineExceeded => {
                        return Err(CallError::Timeout(deadline));
                    }
                    Err(Broken::Status(status)) => return Err(CallError::Refused(status)),
                    Err(Broken::Connection(why)) => return Err(self.it.unreachable(why)),
                    Ok(message) => return Ok(message.into()),
                }
            }
        };
        within(deadline, calling).await.unwrap_or_else(|| Err(self.it.late(deadline, failed)))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("to", self.address()).finish_non_exhaustive()
    }
}

impl Inner {
    /// Hands a request to the connection. Nothing is waited for but that.
    async fn leave(
        &self,
        which: Which,
        deadline: Duration,
        payload: &impl Fn() -> Payload,
        failed: &mut Option<String>,
    ) -> Result<ResponseFuture, CallError> {
        let mut link = self.link.lock().await;
        let requests = &mut self.connected(&mut link, failed).await?.requests;
        let broken = |error: h2::Error| self.unreachable(error.to_string());
        let (answer, mut body) =
            requests.send_request(self.request(which, deadline), false).map_err(broken)?;
        body.send_data(payload(), true).map_err(broken)?;
        Ok(answer)
    }

    /// The connection, ready for a request; a new one if there is none or it is broken.
    async fn connected<'a>(
        &self,
        link: &'a mut Option<Link>,
        failed: &mut Option<String>,
    ) -> Result<&'a mut Link, CallError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(CallError::Closed);
        }
        let broken = match link.as_mut() {
            None => true,
            Some(link) => poll_fn(|cx| link.requests.poll_ready(cx)).await.is_err(),
        };
        if broken {
            *link = None;
            let opened = self.dial.open(failed).await.map_err(|NoLink { why, .. }| self.unreachable(why))?;
            *self.breaker.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened.breaker());
            *link = Some(opened);
            if self.closed.load(Ordering::Acquire) {
                self.hang_up();
                return Err(CallError::Closed);
            }
        }
        Ok(link.as_mut().expect("there is one by now"))
    }

    fn request(&self, which: Which, deadline: Duration) -> Request<()> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static(match which {
            Which::Handshake => "/node.NodeServices/handshake",
            Which::Disconnect => "/node.NodeServices/disconnect",
            Which::Send => "/node.NodeServices/send",
        }));
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path make a URI");
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        if !matches!(which, Which::Disconnect) {
            headers.insert(TIMEOUT, grpc_timeout(deadline));
        }
        *request.headers_mut() = headers;
        request
    }

    fn hang_up(&self) {
        if let Some(breaker) = self.breaker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            breaker.abort();
        }
    }

    fn unreachable(&self, why: String) -> CallError {
        if self.closed.load(Ordering::Acquire) {
            return CallError::Closed;
        }
        CallError::Unreachable { address: self.dial.to.clone(), why }
    }

    /// The error of a call whose time is over: what kept it from connecting, if that is what did.
    fn late(&self, deadline: Duration, failed: Option<String>) -> CallError {
        failed.map_or(CallError::Timeout(deadline), |why| self.unreachable(why))
    }
}

/// Counts a request among the waiting until it is dropped.
struct Waiting<'a> {
    on: &'a AtomicU64,
    bytes: u64,
}

impl<'a> Waiting<'a> {
    fn of(inner: &'a Inner, length: usize) -> Result<Self, CallError> {
        let bytes = length as u64;
        let before = inner.waiting.fetch_add(bytes, Ordering::Relaxed);
        let counted = Self { on: &inner.waiting, bytes };
        if before > 0 && before + bytes > inner.dial.limits.backlog {
            return Err(CallError::Backlog { waiting: before });
        }
        Ok(counted)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.on.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Why there is no reply.
enum Broken {
    /// The other end says that it did not take the request: it may be sent again.
    Unheard,
    Status(Box<Status>),
    Connection(String),
}

/// Waits for the reply to a request that has left.
async fn reply(answer: ResponseFuture) -> Result<proto::ResponseMessage, Broken> {
    let (head, mut body) = answer.await?.into_parts();
    if head.status != StatusCode::OK {
        let text = format!("HTTP status {}", head.status);
        return Err(Status::new(Code::Unknown, text).into());
    }
    // A refusal has its status in the headers, and nothing behind them.
    if let Some(status) = Status::from_header_map(&head.headers) {
        return Err(status.into());
    }
    let mut gather = Gather::new(MAX_REPLY);
    while let Some(chunk) = poll_fn(|cx| body.poll_data(cx)).await {
        let chunk: Bytes = chunk?;
        let _ = body.flow_control().release_capacity(chunk.len());
        gather.add(chunk).map_err(|unfit| Status::internal(format!("the reply: {unfit}")))?;
    }
    let trailers = poll_fn(|cx| body.poll_trailers(cx)).await?;
    match trailers.as_ref().and_then(Status::from_header_map) {
        Some(status) if status.code() == Code::Ok => {}
        Some(status) => return Err(status.into()),
        None => return Err(Status::unknown("the reply has no status").into()),
    }
    let bytes = gather.finish().map_err(|unfit| Status::internal(format!("the reply: {unfit}")))?;
    let message = proto::ResponseMessage::decode(bytes);
    message.map_err(|error| Status::internal(error.to_string()).into())
}

impl From<h2::Error> for Broken {
    fn from(error: h2::Error) -> Self {
        match error.reason() {
            Some(Reason::REFUSED_STREAM) => Self::Unheard,
            _ if error.is_reset() => Self::Status(Box::new(reset(&error))),
            _ => Self::Connection(error.to_string()),
        }
    }
}

impl From<Status> for Broken {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

/// The status of a call whose stream was reset, as gRPC maps HTTP/2's reasons.
fn reset(error: &h2::Error) -> Status {
    let code = match error.reason() {
        Some(Reason::CANCEL) => Code::Cancelled,
        Some(Reason::ENHANCE_YOUR_CALM) => Code::ResourceExhausted,
        Some(Reason::INADEQUATE_SECURITY) => Code::PermissionDenied,
        _ => Code::Internal,
    };
    Status::new(code, error.to_string())
}

async fn within<T>(deadline: Duration, future: impl Future<Output = T>) -> Option<T> {
    timeout(deadline, future).await.ok()
}

/// What HTTP/2 calls the other end. A path is no name, and gRPC says `localhost` for one.
fn authority(to: &Address) -> Authority {
    match to {
        Address::Unix(_) => Authority::from_static("localhost"),
        at => Authority::try_from(at.to_string()).unwrap_or_else(|_| Authority::from_static("localhost")),
    }
}

/// A deadline as gRPC writes it: at most eight digits and a unit.
fn grpc_timeout(deadline: Duration) -> HeaderValue {
    let text = if deadline.as_millis() < 100_000_000 {
        format!("{}m", deadline.as_millis())
    } else {
        format!("{}S", deadline.as_secs().min(99_999_999))
    };
    HeaderValue::try_from(text).expect("digits and a letter")
}
