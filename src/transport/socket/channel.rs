//! A way to one peer: its connections, and the calls on them.

use super::connections::{Connections, Lease};
use super::dial::Through;
use super::link::{Broken, Link, Outgoing, Request, Terms};
use super::tls::server_name;
use super::{Address, Answer, CallError, Dial, EndpointOf, Limits, NoLink, Redial, Refusal, WireProtocol};
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
pub struct ChannelOf<P: WireProtocol> {
    it: Arc<Inner<P>>,
}

struct Inner<P: WireProtocol> {
    dial: Dial<P>,
    connections: Connections<P::Link>,
    /// Break the connections off without waiting for anything.
    breakers: std::sync::Mutex<Vec<AbortHandle>>,
    closed: AtomicBool,
    /// Bytes of requests that are not answered yet.
    waiting: AtomicU64,
    /// Whether anybody has ever answered.
    answered: AtomicBool,
}

impl<P: WireProtocol> ChannelOf<P> {
    pub(super) fn new(to: Address, endpoint: &EndpointOf<P>, redial: Redial) -> Self {
        let through = match endpoint.security.client() {
            Some(config) => Through::Tls(config.into(), server_name(&to)),
            None => Through::Plain,
        };
        let terms = Terms {
            authority: authority(&to),
            secure: matches!(through, Through::Tls(..)),
            limits: endpoint.limits.clone(),
            traffic: Arc::clone(&endpoint.traffic),
        };
        let connections = if P::CALLS_BY_TURNS {
            Connections::several(endpoint.limits.parallel)
        } else {
            Connections::one()
        };
        Self {
            it: Arc::new(Inner {
                dial: Dial {
                    protocol: endpoint.protocol.clone(),
                    to,
                    through,
                    terms,
                    traffic: Arc::clone(&endpoint.traffic),
                    tap: endpoint.tap.clone(),
                    redial,
                },
                connections,
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
        let opening = self.it.open(&mut failed);
        within(deadline, opening).await.unwrap_or_else(|| Err(self.it.late(deadline, failed)))
    }

    /// Makes a call and waits for what comes back. The deadline covers connecting.
    ///
    /// # Errors
    ///
    /// If there is no answer. That the peer does not want is an [`Answer::Error`].
    pub async fn call(&self, call: Outgoing<'_>, deadline: Duration) -> Result<Answer, CallError> {
        // Nobody waits for longer than a year.
        let until = Instant::now() + deadline.min(A_YEAR);
        let request = Request { call, length: call.encoded_len(), deadline, until };
        let _waiting = Waiting::of(&self.it, request.length)?;
        self.it.call(&request).await
    }

    /// Breaks the connection off; calls under way end with [`CallError::Closed`], and so do later ones.
    pub fn close(&self) {
        self.it.closed.store(true, Ordering::Release);
        self.it.hang_up();
    }
}

impl<P: WireProtocol> Clone for ChannelOf<P> {
    fn clone(&self) -> Self {
        Self { it: Arc::clone(&self.it) }
    }
}

impl<P: WireProtocol> fmt::Debug for ChannelOf<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("to", self.address()).finish_non_exhaustive()
    }
}

impl<P: WireProtocol> Inner<P> {
    async fn open(&self, failed: &mut Option<String>) -> Result<(), CallError> {
        let mut lease = self.connections.lease().await;
        self.connected(lease.link(), failed).await?;
        lease.give_back();
        Ok(())
    }

    async fn call(&self, request: &Request<'_>) -> Result<Answer, CallError> {
        loop {
            let mut lease = match self.at_once() {
                Some(lease) => lease,
                None => self.in_time(request).await?,
            };
            let answer = lease.link().as_mut().expect("there is one by now").leave(request);
            let lease = lease.after_leaving();
            let answer = match answer {
                Ok(answer) if P::Link::KEEPS_DEADLINES => answer.await,
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
    fn at_once(&self) -> Option<Lease<'_, P::Link>> {
        let mut lease = self.connections.lease_at_once()?;
        let open = lease.link().as_mut().filter(|_| !self.closed.load(Ordering::Acquire))?;
        let ready = open.poll_ready(&mut Context::from_waker(Waker::noop()));
        ready.eq(&Poll::Ready(true)).then_some(lease)
    }

    /// A connection, once there is one that takes the request.
    async fn in_time(&self, request: &Request<'_>) -> Result<Lease<'_, P::Link>, CallError> {
        let mut failed = None;
        let connecting = async {
            let mut lease = self.connections.lease().await;
            self.connected(lease.link(), &mut failed).await?;
            Ok(lease)
        };
        let connected = timeout_at(request.until, connecting).await;
        connected.unwrap_or_else(|_| Err(self.late(request.deadline, failed)))
    }

    /// The connection, ready for a request; a new one if there is none or it is broken.
    async fn connected<'a>(
        &self,
        link: &'a mut Option<P::Link>,
        failed: &mut Option<String>,
    ) -> Result<&'a mut P::Link, CallError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(CallError::Closed);
        }
        let broken = match link.as_mut() {
            None => true,
            Some(link) => !poll_fn(|cx| link.poll_ready(cx)).await,
        };
        if broken {
            *link = None;
            let opened = self.dial.open(failed).await.map_err(|NoLink { why, .. }| self.unreachable(why))?;
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
    fn of<P: WireProtocol>(inner: &'a Inner<P>, length: usize) -> Result<Self, CallError> {
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
