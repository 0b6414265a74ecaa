//! A way to a peer: a connection that is made when it is first needed, and made again when it broke.

use super::codec::{Body, SendCodec};
use super::socket::Socket;
use super::{Address, Answer, CallError, Limits, Security, Traffic};
use crate::wire::proto::{HandShakeRequest, ResponseMessage};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tonic::body::Body as HttpBody;
use tonic::client::Grpc;
use tonic::codec::Codec;
use tonic_prost::ProstCodec;

/// The first wait before a connection is tried again; each further one is twice as long.
const BACKOFF: Duration = Duration::from_millis(20);
/// The longest.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// Whether a peer that nobody answers for is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redial {
    /// No.
    Never,
    /// Until the call's deadline.
    Patiently,
}

/// A way to a peer; clones are the same way.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: Arc<Inner>,
}

struct Inner {
    to: Address,
    origin: Uri,
    security: Security,
    limits: Limits,
    traffic: Arc<Traffic>,
    /// Whether a peer that refuses connections is tried again: it may be about to come up.
    patient: bool,
    state: Mutex<State>,
    /// Held by whoever makes the connection, so that others wait for it.
    connecting: tokio::sync::Mutex<()>,
    /// Bytes of messages that are under way.
    under_way: AtomicU64,
}

#[derive(Default)]
struct State {
    sender: Option<SendRequest<HttpBody>>,
    closed: bool,
}

impl Channel {
    /// A way to an address, not yet connected. If `patient`, a peer that refuses connections is tried until the deadline
    /// of the call, else it is unreachable at once.
    pub fn new(
        to: Address,
        security: Security,
        limits: Limits,
        traffic: Arc<Traffic>,
        redial: Redial,
    ) -> Self {
        let origin = origin(&to);
        Self {
            inner: Arc::new(Inner {
                to,
                origin,
                security,
                limits,
                traffic,
                patient: redial == Redial::Patiently,
                state: Mutex::default(),
                connecting: tokio::sync::Mutex::default(),
                under_way: AtomicU64::new(0),
            }),
        }
    }

    /// Makes the connection, if there is none.
    ///
    /// # Errors
    /// If the peer cannot be reached.
    pub async fn open(&self, deadline: Duration) -> Result<(), CallError> {
        let open = tokio::time::timeout(deadline, self.inner.sender()).await;
        open.map_err(|_| CallError::Timeout(deadline))?.map(drop)
    }

    /// Hangs up. Calls under way are finished; further ones fail.
    pub fn close(&self) {
        let mut state = self.inner.state();
        state.closed = true;
        state.sender = None;
    }

    /// `handshake`: "list me as a direct neighbour".
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn handshake(&self, own: &str, deadline: Duration) -> Result<Answer, CallError> {
        let request = HandShakeRequest { addr: own.to_owned() };
        let path = PathAndQuery::from_static("/node.NodeServices/handshake");
        let codec = ProstCodec::<_, ResponseMessage>::default();
        self.inner.call(request, path, codec, deadline).await.map(Answer::from)
    }

    /// `disconnect`: "forget me".
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn disconnect(&self, own: &str, deadline: Duration) -> Result<(), CallError> {
        let request = HandShakeRequest { addr: own.to_owned() };
        let path = PathAndQuery::from_static("/node.NodeServices/disconnect");
        self.inner.call(request, path, ProstCodec::<_, ()>::default(), deadline).await
    }

    /// `send`: any other message.
    ///
    /// # Errors
    /// If there is no answer, or too much waits to be sent already.
    pub async fn send(&self, message: Body, deadline: Duration) -> Result<Answer, CallError> {
        let bytes = message.len() as u64;
        let before = self.inner.under_way.fetch_add(bytes, Ordering::Relaxed);
        // A message larger than the bound still goes alone.
        let result = if before > 0 && before.saturating_add(bytes) > self.inner.limits.backlog {
            Err(CallError::Backlog { waiting: before })
        } else {
            let path = PathAndQuery::from_static("/node.NodeServices/send");
            self.inner.call(message, path, SendCodec, deadline).await.map(Answer::from)
        };
        self.inner.under_way.fetch_sub(bytes, Ordering::Relaxed);
        result
    }
}

impl Inner {
    async fn call<M, R, C>(
        &self,
        message: M,
        path: PathAndQuery,
        codec: C,
        deadline: Duration,
    ) -> Result<R, CallError>
    where
        C: Codec<Encode = M, Decode = R>,
        M: Send + Sync + 'static,
        R: Send + Sync + 'static,
    {
        let call = async {
            let sender = self.sender().await?;
            let mut grpc = Grpc::with_origin(Sender(sender), self.origin.clone());
            let mut request = tonic::Request::new(message);
            request.set_timeout(deadline);
            grpc.unary(request, path, codec).await.map_err(|status| self.failed(status))
        };
        let result = tokio::time::timeout(deadline, call).await;
        Ok(result.map_err(|_| CallError::Timeout(deadline))??.into_inner())
    }

    /// A handle of the connection, which is made if there is none.
    async fn sender(&self) -> Result<SendRequest<HttpBody>, CallError> {
        if let Some(sender) = self.connected()? {
            return Ok(sender);
        }
        let _turn = self.connecting.lock().await;
        if let Some(sender) = self.connected()? {
            return Ok(sender);
        }
        let mut wait = BACKOFF;
        loop {
            match self.connect().await {
                Ok(sender) => {
                    let mut state = self.state();
                    if state.closed {
                        return Err(CallError::Closed);
                    }
                    state.sender = Some(sender.clone());
                    return Ok(sender);
                }
                Err(error) if self.patient || passes(&error) => {
                    self.traffic.failed();
                    // The deadline of the call ends this.
                    tokio::time::sleep(wait).await;
                    wait = (2 * wait).min(MAX_BACKOFF);
                    self.connected()?;
                }
                Err(error) => {
                    self.traffic.failed();
                    return Err(self.unreachable(error.to_string()));
                }
            }
        }
    }

    fn connected(&self) -> Result<Option<SendRequest<HttpBody>>, CallError> {
        let state = self.state();
        if state.closed {
            return Err(CallError::Closed);
        }
        Ok(state.sender.as_ref().filter(|it| !it.is_closed()).cloned())
    }

    #[expect(clippy::disallowed_methods, reason = "sockets live on the real clock")]
    async fn connect(&self) -> io::Result<SendRequest<HttpBody>> {
        let _turn = self.limits.opening.acquire().await;
        let began = Instant::now();
        let socket = match &self.to {
            Address::Tcp(to) => Socket::tcp(TcpStream::connect(to).await?, &self.traffic)?,
            Address::Host(name, port) => {
                Socket::tcp(TcpStream::connect((name.as_str(), *port)).await?, &self.traffic)?
            }
            Address::Unix(path) => Socket::unix(UnixStream::connect(path).await?, &self.traffic),
        };
        let sender = match self.security.client() {
            None => self.handshake(socket).await?,
            Some(config) => {
                let connector = tokio_rustls::TlsConnector::from(config);
                self.handshake(connector.connect(server_name(&self.to)?, socket).await?).await?
            }
        };
        self.traffic.opened(began.elapsed());
        Ok(sender)
    }

    async fn handshake(
        &self,
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> io::Result<SendRequest<HttpBody>> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(super::WINDOW)
            .initial_connection_window_size(super::WINDOW)
            .max_frame_size(super::FRAME)
            .max_header_list_size(super::MAX_HEADERS)
            .handshake(TokioIo::new(io))
            .await
            .map_err(io::Error::other)?;
        // It ends with the last handle, or with an error that the calls hear of.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn unreachable(&self, why: String) -> CallError {
        CallError::Unreachable { address: self.to.clone(), why }
    }

    fn failed(&self, status: tonic::Status) -> CallError {
        use tonic::Code;
        match status.code() {
            Code::ResourceExhausted | Code::OutOfRange | Code::Unimplemented | Code::InvalidArgument => {
                CallError::Refused(Box::new(status))
            }
            _ => self.unreachable(status.message().to_owned()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "a channel to {}", self.to)
    }
}

/// A connection as tonic calls it.
struct Sender(SendRequest<HttpBody>);

impl tonic::codegen::Service<Request<HttpBody>> for Sender {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<HttpBody>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// Whom requests are addressed to, as HTTP/2 wants it said.
fn origin(to: &Address) -> Uri {
    let authority = match to {
        Address::Tcp(to) => to.to_string(),
        Address::Host(name, port) => format!("{name}:{port}"),
        // What Python's gRPC servers expect; a path would have to be escaped.
        Address::Unix(_) => "localhost".to_owned(),
    };
    format!("http://{authority}").parse().unwrap_or_default()
}

/// Whether an error is one that passes: a queue that is full for a moment, ports that are used up.
fn passes(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::AddrNotAvailable | io::ErrorKind::Interrupted
    )
}

fn server_name(to: &Address) -> io::Result<rustls::pki_types::ServerName<'static>> {
    match to {
        Address::Tcp(to) => Ok(to.ip().into()),
        Address::Host(name, _) => name.clone().try_into().map_err(io::Error::other),
        Address::Unix(_) => Err(io::Error::other("no TLS over Unix sockets")),
    }
}
