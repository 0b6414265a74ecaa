//! A node's server: takes connections and calls, and refuses what nobody should be sent.
//!
//! Whoever connects is not trusted: connections are counted, have to say something soon, speak HTTP/2, and keep to
//! bounds of frames, headers, streams and messages. What breaks a rule is counted by reason, and ends there.

use super::host::Reply;
use super::listener::{Bound, Listener};
use super::socket::Socket;
use super::{Answer, Call, Host, Limits, Refusal, Security, Traffic};
use crate::wire::proto::node_services_server::{NodeServices, NodeServicesServer};
use crate::wire::proto::{HandShakeRequest, ResponseMessage, RootMessage};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message as _;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{oneshot, watch};
use tonic::body::Body as HttpBody;
use tonic::codegen::Service;
use tonic::{Code, Status};

/// HTTP/2's preface, and the header of the frame that must follow it.
const PREFACE: u64 = 24 + 9;

/// A node's server. It ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    up: watch::Sender<bool>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Server {
    /// A server that is down: it takes connections and hangs up, so that its address stays its own. Within a runtime.
    pub fn start<H: Host>(
        listener: Listener,
        host: Arc<H>,
        security: &Security,
        limits: Limits,
        traffic: Arc<Traffic>,
    ) -> io::Result<Self> {
        let (up, seen) = watch::channel(true);
        let handler = Handler { host };
        let service = NodeServicesServer::new(handler).max_decoding_message_size(limits.max_message);
        let door = Door {
            service: Checked { service, traffic: Arc::clone(&traffic) },
            security: security.clone(),
            limits,
            traffic,
            up: seen,
            connections: Arc::default(),
        };
        Ok(Self { up, accepting: tokio::spawn(door.accept(listener.socket)) })
    }

    /// Calls are taken from now on.
    pub fn up(&self) {
        self.up.send_replace(true);
    }

    /// Whoever is connected is hung up on, and so is whoever connects.
    pub fn down(&self) {
        self.up.send_replace(false);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.down();
        self.accepting.abort();
    }
}

/// Takes connections.
struct Door<H: Host> {
    service: Checked<H>,
    security: Security,
    limits: Limits,
    traffic: Arc<Traffic>,
    up: watch::Receiver<bool>,
    connections: Arc<AtomicUsize>,
}

impl<H: Host> Door<H> {
    async fn accept(self, socket: Bound) {
        // Both fail only outside a runtime that has sockets.
        match socket {
            Bound::Tcp(socket) => {
                let Ok(socket) = TcpListener::from_std(socket) else { return };
                loop {
                    match socket.accept().await {
                        Ok((stream, _)) => {
                            if let Ok(socket) = Socket::tcp(stream, &self.traffic) {
                                self.connected(socket);
                            }
                        }
                        Err(error) => rest(&error).await,
                    }
                }
            }
            Bound::Unix(socket) => {
                let Ok(socket) = UnixListener::from_std(socket) else { return };
                loop {
                    match socket.accept().await {
                        Ok((stream, _)) => self.connected(Socket::unix(stream, &self.traffic)),
                        Err(error) => rest(&error).await,
                    }
                }
            }
        }
    }

    fn connected(&self, socket: Socket) {
        if !*self.up.borrow() {
            return;
        }
        if self.connections.load(Ordering::Relaxed) >= self.limits.connections {
            self.traffic.refused(Refusal::Connections);
            return;
        }
        let guest = Guest::new(&self.connections);
        let (service, limits) = (self.service.clone(), self.limits.clone());
        let (traffic, security) = (Arc::clone(&self.traffic), self.security.clone());
        let mut up = self.up.clone();
        tokio::spawn(async move {
            let _guest = guest;
            tokio::select! {
                biased;
                _ = up.wait_for(|up| !*up) => {}
                result = serve(socket, service, &security, &limits) => {
                    if let Err(why) = result {
                        traffic.refused(why);
                    }
                }
            }
        });
    }
}

/// Out of file descriptors, mostly: others may be closed meanwhile.
async fn rest(_: &io::Error) {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

/// Counts a connection for as long as there is one.
struct Guest(Arc<AtomicUsize>);

impl Guest {
    fn new(all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(all))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn serve<H: Host>(
    socket: Socket,
    service: Checked<H>,
    security: &Security,
    limits: &Limits,
) -> Result<(), Refusal> {
    let heard = socket.heard();
    match security.server() {
        None => speak(socket, service, limits, &heard, PREFACE).await,
        Some(config) => {
            let acceptor = tokio_rustls::TlsAcceptor::from(config);
            let accepted = tokio::time::timeout(limits.greeting, acceptor.accept(socket)).await;
            let stream = accepted.map_err(|_| Refusal::Silent)?.map_err(|_| Refusal::Tls)?;
            let before = heard.load(Ordering::Relaxed);
            speak(stream, service, limits, &heard, before + PREFACE).await
        }
    }
}

/// Speaks HTTP/2. Who has not said so many bytes within the time that everyone has for it is hung up on.
async fn speak<H: Host>(
    io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    service: Checked<H>,
    limits: &Limits,
    heard: &AtomicU64,
    least: u64,
) -> Result<(), Refusal> {
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(super::WINDOW)
        .initial_connection_window_size(super::WINDOW)
        .max_frame_size(super::FRAME)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(super::MAX_HEADERS)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let spoke = tokio::time::timeout(limits.greeting, connection.as_mut()).await;
    let ended = match spoke {
        Ok(ended) => ended,
        Err(_) if heard.load(Ordering::Relaxed) < least => return Err(Refusal::Silent),
        Err(_) => connection.await,
    };
    match ended {
        Ok(()) => Ok(()),
        // A peer that is gone has broken no rule.
        Err(error) if is_gone(&error) => Ok(()),
        Err(_) => Err(Refusal::Protocol),
    }
}

fn is_gone(error: &hyper::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(it) = cause {
        if it.downcast_ref::<io::Error>().is_some_and(|it| it.kind() != io::ErrorKind::InvalidData) {
            return true;
        }
        cause = it.source();
    }
    false
}

/// The service, with what it refuses counted.
struct Checked<H: Host> {
    service: NodeServicesServer<Handler<H>>,
    traffic: Arc<Traffic>,
}

impl<H: Host> Clone for Checked<H> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), traffic: Arc::clone(&self.traffic) }
    }
}

impl<H: Host> hyper::service::Service<Request<Incoming>> for Checked<H> {
    type Response = Response<HttpBody>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let traffic = Arc::clone(&self.traffic);
        let served = self.service.clone().call(request);
        Box::pin(async move {
            let response = served.await?;
            // Errors come without a body, and say so in the headers.
            if let Some(status) = Status::from_header_map(response.headers())
                && let Some(why) = refusal(&status)
            {
                traffic.refused(why);
            }
            Ok(response)
        })
    }
}

fn refusal(status: &Status) -> Option<Refusal> {
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => Some(Refusal::Oversized),
        Code::Unimplemented => Some(Refusal::Method),
        Code::Internal | Code::InvalidArgument | Code::Unknown => Some(Refusal::Malformed),
        Code::DeadlineExceeded => Some(Refusal::Silent),
        // A node that is down.
        _ => None,
    }
}

struct Handler<H: Host> {
    host: Arc<H>,
}

impl<H: Host> Handler<H> {
    async fn ask(&self, call: Call) -> Result<Answer, Status> {
        let (reply, answer) = oneshot::channel();
        self.host.take(call, Reply(reply));
        answer.await.map_err(|_| Status::unavailable("the node is down"))
    }
}

#[tonic::async_trait]
impl<H: Host> NodeServices for Handler<H> {
    async fn handshake(
        &self,
        request: tonic::Request<HandShakeRequest>,
    ) -> Result<tonic::Response<ResponseMessage>, Status> {
        let answer = self.ask(Call::Handshake(request.into_inner().addr)).await?;
        Ok(tonic::Response::new(answer.into()))
    }

    async fn disconnect(
        &self,
        request: tonic::Request<HandShakeRequest>,
    ) -> Result<tonic::Response<()>, Status> {
        self.ask(Call::Disconnect(request.into_inner().addr)).await?;
        Ok(tonic::Response::new(()))
    }

    async fn send(
        &self,
        request: tonic::Request<RootMessage>,
    ) -> Result<tonic::Response<ResponseMessage>, Status> {
        let request = request.into_inner();
        let bytes = request.encoded_len() as u64;
        let answer = self.ask(Call::Send { message: request, bytes }).await?;
        Ok(tonic::Response::new(answer.into()))
    }
}
