//! What whoever calls writes and reads, whichever version carries it: a request for each call, and its answer.

use super::json;
use super::problem;
use super::route::{DISCONNECT, HANDSHAKE, MESSAGES};
use super::text::Text;
use crate::transport::socket::link::{Broken, Outgoing, Request, Terms};
use crate::transport::socket::{Answer, Body, NoLink};
use crate::wire::proto;
use bytes::{Bytes, BytesMut};
use h2::Reason;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Response, StatusCode, Uri};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::TrySendError;
use prost::Message as _;
use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;
use tonic::{Code, Status};

/// How long an answer is waited for (RFC 7240): the only header of HTTP for it.
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The largest reply that is taken, as gRPC's.
const MAX_REPLY: usize = 4 << 20;

/// Makes requests to one peer.
#[derive(Debug)]
pub struct Ask {
    messages: Uri,
    handshake: Uri,
    disconnect: Uri,
    /// Not in HTTP/2, where it is in the URI.
    host: Option<HeaderValue>,
    /// The deadline that was told last, as most are the same.
    told: (Duration, HeaderValue),
}

impl Ask {
    /// Over HTTP/1.1: paths, and a header for the host.
    pub fn by_path(terms: &Terms) -> Self {
        let host = HeaderValue::try_from(terms.authority.as_str());
        Self {
            messages: Uri::from_static(MESSAGES),
            handshake: Uri::from_static(HANDSHAKE),
            disconnect: Uri::from_static(DISCONNECT),
            host: Some(host.expect("an authority has only what headers may have")),
            told: wait(Duration::ZERO),
        }
    }

    /// Over HTTP/2: whole URIs.
    pub fn by_uri(terms: &Terms) -> Self {
        let uri = |path| {
            let mut parts = http::uri::Parts::default();
            parts.scheme = Some(if terms.secure { Scheme::HTTPS } else { Scheme::HTTP });
            parts.authority = Some(terms.authority.clone());
            parts.path_and_query = Some(PathAndQuery::from_static(path));
            Uri::from_parts(parts).expect("scheme, authority and path make a URI")
        };
        Self {
            messages: uri(MESSAGES),
            handshake: uri(HANDSHAKE),
            disconnect: uri(DISCONNECT),
            host: None,
            told: wait(Duration::ZERO),
        }
    }

    /// Asks whether anybody is there.
    pub fn greeting(&self) -> http::Request<Text> {
        self.to(Method::OPTIONS, &self.messages, Text::default())
    }

    /// A call. Nothing is told of how long a disconnect may take, as P2PFL has no deadline for it.
    ///
    /// # Errors
    /// If it is a message that somebody else encoded, and is none.
    pub fn call(&mut self, request: &Request<'_>) -> Result<http::Request<Text>, Broken> {
        let (uri, text) = match request.call {
            Outgoing::Handshake(own) => (&self.handshake, Text::of(json::write_address(own))),
            Outgoing::Disconnect(own) => (&self.disconnect, Text::of(json::write_address(own))),
            Outgoing::Send(body) => (&self.messages, written(body)?),
        };
        let mut call = self.to(Method::POST, uri, text);
        call.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if !matches!(request.call, Outgoing::Disconnect(_)) {
            if self.told.0 != request.deadline {
                self.told = wait(request.deadline);
            }
            call.headers_mut().insert(PREFER, self.told.1.clone());
        }
        Ok(call)
    }

    fn to(&self, method: Method, uri: &Uri, text: Text) -> http::Request<Text> {
        let mut request = http::Request::new(text);
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        if let Some(host) = &self.host {
            request.headers_mut().insert(HOST, host.clone());
        }
        request
    }
}

/// In whole seconds, and no fewer than there are.
fn wait(deadline: Duration) -> (Duration, HeaderValue) {
    let seconds = deadline.as_secs().saturating_add(u64::from(deadline.subsec_nanos() > 0));
    let header = HeaderValue::try_from(format!("wait={seconds}"));
    (deadline, header.expect("letters and digits"))
}

fn written(body: &Body) -> Result<Text, Broken> {
    Ok(match body {
        Body::Message(message) => json::write(message).into(),
        Body::Encoded(bytes) => {
            let message = proto::RootMessage::decode(bytes.clone());
            json::write(&message.map_err(|error| Status::internal(error.to_string()))?).into()
        }
    })
}

/// Waits for the answer to a call that has left.
pub async fn answer(
    sent: impl Future<Output = Result<Response<Incoming>, TrySendError<http::Request<Text>>>>,
) -> Result<Answer, Broken> {
    let (head, body) = sent.await.map_err(broken)?.into_parts();
    let text = all(body).await?;
    match head.status {
        StatusCode::OK => json::read_answer(&text)
            .map_err(|error| Status::new(Code::Internal, format!("the answer: {error}")).into()),
        status if status.is_success() => Ok(Answer::Empty),
        status => Err(problem::status(status, &text).into()),
    }
}

/// Waits for the answer to a greeting: how long the other end keeps a connection without a request, if it says so.
pub async fn greeted(
    sent: impl Future<Output = Result<Response<Incoming>, TrySendError<http::Request<Text>>>>,
) -> Result<Option<Duration>, NoLink> {
    let no_link = |broken: Broken| NoLink::for_good(broken.to_string());
    let (head, body) = sent.await.map_err(|error| no_link(broken(error)))?.into_parts();
    all(body).await.map_err(no_link)?;
    if !head.status.is_success() {
        let text = format!("it answers `OPTIONS {MESSAGES}` with {}: no node is there", head.status);
        return Err(NoLink::for_good(text));
    }
    let kept = head.headers.get("keep-alive").and_then(|it| it.to_str().ok());
    let seconds = kept.and_then(|it| it.split(',').find_map(|it| it.trim().strip_prefix("timeout=")));
    Ok(seconds.and_then(|it| it.parse().ok()).map(Duration::from_secs))
}

async fn all(body: Incoming) -> Result<Bytes, Broken> {
    let mut body = pin!(body);
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(chunk) = frame.map_err(|error| unanswered(&error))?.into_data() else { continue };
        if first.is_empty() && rest.is_empty() {
            first = chunk;
            continue;
        }
        rest.extend_from_slice(&std::mem::take(&mut first));
        rest.extend_from_slice(&chunk);
        if rest.len() > MAX_REPLY {
            return Err(Status::internal(format!("the answer has more than {MAX_REPLY} bytes")).into());
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn broken(mut error: TrySendError<http::Request<Text>>) -> Broken {
    // What comes back has not been written, nor a part of it.
    match error.take_message() {
        Some(_) => Broken::Unheard,
        None => unanswered(error.error()),
    }
}

fn unanswered(error: &hyper::Error) -> Broken {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(it) = cause {
        if let Some(error) = it.downcast_ref::<h2::Error>() {
            match error.reason() {
                Some(Reason::REFUSED_STREAM) => return Broken::Unheard,
                Some(Reason::ENHANCE_YOUR_CALM) if error.is_reset() => {
                    return Status::resource_exhausted(error.to_string()).into();
                }
                _ if error.is_reset() => return Status::internal(error.to_string()).into(),
                _ => {}
            }
        }
        text = format!("{text}: {it}");
        cause = it.source();
    }
    Broken::Connection(text)
}
