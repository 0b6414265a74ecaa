//! Takes the calls of one node: accepts connections, bounds their number, hangs up on them.

use super::caller::Place;
use super::io::{Socket, Stream};
use super::listener::Bound;
use super::serve::{Shared, serve};
use super::{EndpointOf, Host, Listener, Refusal, WireProtocol};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// How long nothing is accepted after the system refused to: mostly for want of descriptors, which come back when
/// connections end.
pub const PAUSE: Duration = Duration::from_millis(20);

/// Takes the calls of one node until it is dropped. It starts *up*.
///
/// While it is *down*, its port stays taken, but new connections are hung up on at once, and the calls under way are
/// broken off: to others it is a process that crashed, and that may come back under the same address.
#[derive(Debug)]
pub struct Server {
    gate: Arc<Gate>,
    accepting: JoinHandle<()>,
}

/// Whether the node is there.
#[derive(Debug)]
pub struct Gate {
    up: AtomicBool,
    went_down: Notify,
}

impl Server {
    pub(super) fn start<P: WireProtocol, H: Host>(
        listener: Listener,
        host: Arc<H>,
        endpoint: &EndpointOf<P>,
    ) -> io::Result<Self> {
        let listener = match listener.socket {
            Bound::Tcp(tcp) => Accepting::Tcp(TcpListener::from_std(tcp)?),
            Bound::Unix(unix) => Accepting::Unix(UnixListener::from_std(unix)?),
        };
        let gate = Arc::new(Gate { up: AtomicBool::new(true), went_down: Notify::new() });
        let shared = Shared {
            host,
            gate: Arc::clone(&gate),
            tls: endpoint.security.server().map(Into::into),
            limits: endpoint.limits.clone(),
            traffic: Arc::clone(&endpoint.traffic),
        };
        let accepting = tokio::spawn(endpoint.protocol.clone().accept(listener, Arc::new(shared)));
        Ok(Self { gate, accepting })
    }

    /// Takes calls again.
    pub fn up(&self) {
        self.gate.up.store(true, Ordering::Release);
    }

    /// Hangs up on everyone. A call that another thread is just handing to the host may still come through.
    pub fn down(&self) {
        self.gate.up.store(false, Ordering::Release);
        self.gate.went_down.notify_one();
    }
}

impl Gate {
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// Waits until the node goes down. For one task only.
    pub async fn closed(&self) {
        self.went_down.notified().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A listener of the runtime's.
#[derive(Debug)]
pub enum Accepting {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Accepting {
    /// The next connection, and where it comes from if that has an address.
    async fn next(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(tcp) => tcp.accept().await.map(|(tcp, from)| (Stream::Tcp(tcp), Some(from))),
            Self::Unix(unix) => unix.accept().await.map(|(unix, _)| (Stream::Unix(unix), None)),
        }
    }
}

/// Accepts for ever. Connections end with this task, or all together when the node goes down.
pub async fn accept<P: WireProtocol, H: Host>(listener: Accepting, shared: Arc<Shared<H>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            // A node that came up again meanwhile has none of its old connections either.
            () = shared.gate.closed() => connections.abort_all(),
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            stream = listener.next() => match stream {
                Err(_) => tokio::time::sleep(PAUSE).await,
                Ok((stream, from)) if shared.limits.own.as_ref().is_some_and(|own| !own.made(&stream, from)) => {
                    shared.traffic.refused(Refusal::Stranger);
                }
                Ok(_) if !shared.gate.is_up() => shared.traffic.refused(Refusal::Down),
                Ok(_) if connections.len() >= shared.limits.connections => {
                    shared.traffic.refused(Refusal::Connections);
                }
                Ok((stream, from)) => {
                    shared.traffic.accepted();
                    let place = match &shared.limits.own {
                        // Nobody else comes.
                        Some(_) => Place::Unknown,
                        None => Place::of(&stream, from),
                    };
                    let socket = Socket::new(stream, Arc::clone(&shared.traffic));
                    connections.spawn(serve::<P, H>(socket, Arc::clone(&shared), place));
                }
            }
        }
    }
}
