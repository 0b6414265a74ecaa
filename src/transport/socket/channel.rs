//! A way to one peer: its connections, and the calls on them.

use super::connections::{Connections, Lease};
use super::dial::Through;
use super::link::{Broken, Link, Outgoing, Request, Terms};
use super::{Address, Answer, Body, CallError, Dial, Endpoint, Limits, NoLink, Protocol, Redial, Refusal};
use crate::transport::grpc::Unary;
use crate::transport::http::{Http1, Http2};
use crate::transport::stream::Stream;
use crate::transport::websocket::WebSocket;
use http::uri::Authority;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Code;

const A_YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A way to a peer: connects when it is first used, and again when the connection broke. Clones are the same channel;
/// it is closed when the last is dropped.
///
/// Calls leave in the order in which their futures were first polled; where each has a connection of its own, they may
/// overtake each other from there on. A call that is dropped is cancelled.
#[derive(Clone)]
pub struct Channel {
    it: Arc<Inner>,
}

struct Inner {
    dial: Dial,
    way: Way,
    /// Break the connections off without waiting for anything.
    breakers: std::sync::Mutex<Vec<AbortHandle>>,
    closed: AtomicBool,
    /// Bytes of requests that are not answered yet.
    waiting: AtomicU64,
    /// Whether anybody has ever answered.
    answered: AtomicBool,
}

/// The connections, by what is spoken on them.
enum Way {
    Grpc(Connections<Unary>),
    Stream(Connections<Stream>),
    WebSocket(Connections<WebSocket>),
    Http(Connections<Http1>),
    Http2(Connections<Http2>),
}

/// Does the same with the connections, whatever is spoken on them.
macro_rules! on {
    ($way:expr, $connections:ident => $body:expr) => {
        match $way {
            Way::Grpc($connections) => $body,
            Way::Stream($connections) => $body,
            Way::WebSocket($connections) => $body,
            Way::Http($connections) => $body,
            Way::Http2($connections) => $body,
        }
    };
}

impl Channel {
    pub(super) fn new(to: Address, endpoint: &Endpoint, redial: Redial) -> Self {
        let through = endpoint.through(&to);
        let secure = matches!(through, Through::Tls(..));
        let terms = Terms {
            authority: authority(&to),
            secure,
            limits: endpoint.limits.clone(),
            traffic: Arc::clone(&endpoint.traffic),
        };
        let way = match endpoint.protocol {
            Protocol::Grpc => Way::Grpc(Connections::one()),
            Protocol::GrpcStream => Way::Stream(Connections::one()),
            Protocol::WebSocket => Way::WebSocket(Connections::one()),
            #[cfg(feature = "libp2p")]
            Protocol::Libp2p => Way::Grpc(Connections::one()),
            Protocol::Http => Way::Http(Connections::several(endpoint.limits.parallel)),
            Protocol::Http2 => Way::Http2(Connections::one()),
        };
        Self {
            it: Arc::new(Inner {
                dial: Dial {
                    to,
                    through,
                    terms,
                    traffic: Arc::clone(&endpoint.traffic),
                    tap: endpoint.tap.clone(),
                    redial,
                },
                way,
                breakers: std::sync::Mutex::default(),
                closed: AtomicBool::new(false),
                waiting: AtomicU64::new(0),
                answered: AtomicBool::new(false),
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
        let opening =
            async { on!(&self.it.way, connections => self.it.open(connections, &mut failed).await) };
        within(deadline, opening).await.unwrap_or_else(|| Err(self.it.late(deadline, failed)))
    }

    /// Tells the peer that the one at `own` wants to be its neighbour.
    ///
    /// # Errors
    ///
    /// If there is no answer. That the peer does not want is an [`Answer::Error`].
    pub async fn handshake(&self, own: &str, deadline: Duration) -> Result<Answer, CallError> {
        self.call(Outgoing::Handshake(own), deadline).await
    }

    /// Tells the peer that the one at `own` is its neighbour no more. The peer is told no deadline, as P2PFL has none for
    /// this call; it is not waited for any longer than that.
    ///
    /// # Errors
    ///
    /// If the peer could not be told.
    pub async fn disconnect(&self, own: &str, deadline: Duration) -> Result<(), CallError> {
        self.call(Outgoing::Disconnect(own), deadline).await?;
        Ok(())
    }

    /// Sends a message and waits for what comes back. The deadline covers connecting, and is told the peer.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub async fn send(&self, message: Body, deadline: Duration) -> Result<Answer, CallError> {
        self.call(Outgoing::Send(&message), deadline).await
    }

    /// Breaks the connection off; calls under way end with [`CallError::Closed`], and so do later ones.
    pub fn close(&self) {
        self.it.closed.store(true, Ordering::Release);
        self.it.hang_up();
    }

    async fn call(&self, call: Outgoing<'_>, deadline: Duration) -> Result<Answer, CallError> {
        // Nobody waits for longer than a year.
        let until = Instant::now() + deadline.min(A_YEAR);
        let request = Request { call, length: call.encoded_len(), deadline, until };
        let _waiting = Waiting::of(&self.it, request.length)?;
        on!(&self.it.way, connections => self.it.call(connections, &request).await)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("to", self.address()).finish_non_exhaustive()
    }
}

impl Inner {
    async fn open<L: Link>(
        &self,
        connections: &Connections<L>,
        failed: &mut Option<String>,
    ) -> Result<(), CallError> {
        let mut lease = connections.lease().await;
        self.connected(lease.link(), failed).await?;
        lease.give_back();
        Ok(())
    }

    async fn call<L: Link>(
        &self,
        connections: &Connections<L>,
        request: &Request<'_>,
    ) -> Result<Answer, CallError> {
        loop {
            let mut lease = match self.at_once(connections) {
                Some(lease) => lease,
                None => self.in_time(connections, request).await?,
            };
            let answer = lease.link().as_mut().expect("there is one by now").leave(request);
            let lease = lease.after_leaving();
            let answer = match answer {
                Ok(answer) if L::KEEPS_DEADLINES => answer.await,
                Ok(answer) => match timeout_at(request.until, answer).await {
                    Ok(answer) => answer,
                    Err(_) => return Err(CallError::Timeout(request.deadline)),
                },
                Err(broken) => Err(broken),
            };
            if let (Ok(_) | Err(Broken::Status(_)), Some(lease)) = (&answer, lease) {
                lease.give_back();
            }
            match answer {
                Ok(answer) => return Ok(answer),
                Err(Broken::Unheard) => {}
                // The other end keeps the deadline as well, and may be the first to notice.
                Err(Broken::Status(status)) if status.code() == Code::DeadlineExceeded => {
                    return Err(CallError::Timeout(request.deadline));
                }
                Err(Broken::Status(status)) => return Err(CallError::Refused(status)),
                Err(Broken::Connection(why)) => return Err(self.unreachable(why)),
            }
        }
    }

    /// A connection, if there is one that takes a request now: mostly there is, and nothing is waited for.
    fn at_once<'a, L: Link>(&self, connections: &'a Connections<L>) -> Option<Lease<'a, L>> {
        let mut lease = connections.lease_at_once()?;
        let open = lease.link().as_mut().filter(|_| !self.closed.load(Ordering::Acquire))?;
        let ready = open.poll_ready(&mut Context::from_waker(Waker::noop()));
        ready.eq(&Poll::Ready(true)).then_some(lease)
    }

    /// A connection, once there is one that takes the request.
    async fn in_time<'a, L: Link>(
        &self,
        connections: &'a Connections<L>,
        request: &Request<'_>,
    ) -> Result<Lease<'a, L>, CallError> {
        let mut failed = None;
        let connecting = async {
            let mut lease = connections.lease().await;
            self.connected(lease.link(), &mut failed).await?;
            Ok(lease)
        };
        let connected = timeout_at(request.until, connecting).await;
        connected.unwrap_or_else(|_| Err(self.late(request.deadline, failed)))
    }

    /// The connection, ready for a request; a new one if there is none or it is broken.
    async fn connected<'a, L: Link>(
        &self,
        link: &'a mut Option<L>,
        failed: &mut Option<String>,
    ) -> Result<&'a mut L, CallError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(CallError::Closed);
        }
        let broken = match link.as_mut() {
            None => true,
            Some(link) => !poll_fn(|cx| link.poll_ready(cx)).await,
        };
        if broken {
            *link = None;
            let opened =
                self.dial.open::<L>(failed).await.map_err(|NoLink { why, .. }| self.unreachable(why))?;
            {
                let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
                breakers.retain(|it| !it.is_finished());
                breakers.push(opened.breaker());
            }
            *link = Some(opened);
            self.answered.store(true, Ordering::Relaxed);
            if self.closed.load(Ordering::Acquire) {
                self.hang_up();
                return Err(CallError::Closed);
            }
        }
        Ok(link.as_mut().expect("there is one by now"))
    }

    fn hang_up(&self) {
        for breaker in self.breakers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
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
        let Limits { backlog, unanswered, .. } = inner.dial.terms.limits;
        let most = if inner.answered.load(Ordering::Relaxed) { backlog } else { backlog.min(unanswered) };
        if before > 0 && before + bytes > most {
            inner.dial.traffic.refused(Refusal::Backlog);
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

async fn within<T>(deadline: Duration, future: impl Future<Output = T>) -> Option<T> {
    timeout(deadline, future).await.ok()
}

/// What HTTP/2 calls the other end. A path is no name, and neither is a key: gRPC says `localhost` for one.
fn authority(to: &Address) -> Authority {
    match to {
        Address::Unix(_) => Authority::from_static("localhost"),
        #[cfg(feature = "libp2p")]
        Address::Libp2p(_) => Authority::from_static("localhost"),
        at => Authority::try_from(at.to_string()).unwrap_or_else(|_| Authority::from_static("localhost")),
    }
}
