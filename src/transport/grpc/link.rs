//! gRPC for whoever calls: a connection with HTTP/2, and unary calls on it.

use super::gather::Gather;
use super::payload;
use super::serve::{FRAME, HEADERS, WINDOW};
use crate::transport::socket::link::{Broken, Io, Link, Outgoing, Request, Terms};
use crate::transport::socket::{Answer, NoLink, Payload};
use crate::wire::proto;
use bytes::Bytes;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, Reason};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, StatusCode, Uri};
use prost::Message as _;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;
use tonic::{Code, Status};

/// How long a connection that nobody needs any more may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);
/// Calls that may leave before the other end has said how many it takes.
const STREAMS: usize = 256;
/// The largest reply that is taken: gRPC's default, which P2PFL leaves as it is.
const MAX_REPLY: usize = 4 << 20;
const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// A connection with HTTP/2, and unary calls on it.
#[derive(Debug)]
pub struct Unary {
    pub(in crate::transport) requests: SendRequest<Payload>,
    authority: Authority,
    scheme: Scheme,
    /// Dropped with the link, which tells the task that drives the connection.
    _needed: oneshot::Sender<()>,
    driver: JoinHandle<()>,
}

impl Link for Unary {
    /// A ping tells whether the other end speaks HTTP/2, and means to.
    async fn greet<S: Io>(io: S, terms: &Terms) -> Result<Self, NoLink> {
        let (link, mut ping) = Self::handshake(io, terms).await?;
        match ping.ping(Ping::opaque()).await {
            Ok(_) => Ok(link),
            Err(error) => Err(NoLink::from(error)),
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.requests.poll_ready(cx).map(|ready| ready.is_ok())
    }

    fn leave(
        &mut self,
        request: &Request<'_>,
    ) -> Result<impl Future<Output = Result<Answer, Broken>> + Send + use<>, Broken> {
        let path = match request.call {
            Outgoing::Handshake(_) => "/node.NodeServices/handshake",
            Outgoing::Disconnect(_) => "/node.NodeServices/disconnect",
            Outgoing::Send(_) => "/node.NodeServices/send",
        };
        // P2PFL has no deadline for a disconnect.
        let deadline = (!matches!(request.call, Outgoing::Disconnect(_))).then_some(request.deadline);
        let head = self.request(path, deadline);
        let (answer, mut body) = self.requests.send_request(head, false)?;
        body.send_data(payload::of_request(request.call, request.length), true)?;
        Ok(reply(answer))
    }

    fn breaker(&self) -> AbortHandle {
        self.driver.abort_handle()
    }
}

impl Unary {
    /// Says the first words of HTTP/2. Whether the other end understood them shows with its first answer, such as that to
    /// a ping.
    pub(in crate::transport) async fn handshake<S: Io>(
        io: S,
        terms: &Terms,
    ) -> Result<(Self, PingPong), NoLink> {
        let mut http = Builder::new();
        http.initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_frame_size(FRAME)
            .max_header_list_size(HEADERS)
            .initial_max_send_streams(STREAMS)
            .enable_push(false);
        let (requests, mut connection) = http.handshake(io).await.map_err(NoLink::from)?;
        let ping = connection.ping_pong().expect("a new connection has its ping");
        let (needed, unneeded) = oneshot::channel();
        let driver = tokio::spawn(drive(connection, unneeded));
        let scheme = if terms.secure { Scheme::HTTPS } else { Scheme::HTTP };
        let link = Self { requests, authority: terms.authority.clone(), scheme, _needed: needed, driver };
        Ok((link, ping))
    }

    /// The headers of a call to a method.
    pub(in crate::transport) fn request(
        &self,
        path: &'static str,
        deadline: Option<Duration>,
    ) -> http::Request<()> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static(path));
        let mut request = http::Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path make a URI");
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        if let Some(deadline) = deadline {
            headers.insert(TIMEOUT, grpc_timeout(deadline));
        }
        *request.headers_mut() = headers;
        request
    }
}

/// Drives a connection while anybody needs it, and a little longer.
///
/// Nothing is moved: that would keep a second copy of the connection, for every connection.
#[expect(clippy::manual_async_fn, reason = "an `async fn` keeps a second copy of what it is given")]
fn drive<S>(
    mut connection: Connection<S, Payload>,
    mut unneeded: oneshot::Receiver<()>,
) -> impl Future<Output = ()> + Send
where
    S: Io,
{
    async move {
        tokio::select! {
            // What broke it is told to the calls under way.
            _ = &mut connection => return,
            _ = &mut unneeded => {}
        }
        let _ = timeout(FAREWELL, &mut connection).await;
    }
}

/// Waits for the reply to a request that has left.
async fn reply(answer: ResponseFuture) -> Result<Answer, Broken> {
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
    message.map(Answer::from).map_err(|error| Status::internal(error.to_string()).into())
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

impl From<h2::Error> for NoLink {
    fn from(error: h2::Error) -> Self {
        Self::for_good(format!("HTTP/2: {error}"))
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
