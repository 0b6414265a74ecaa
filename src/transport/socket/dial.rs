//! How a channel gets its connection: the socket, TLS, what is spoken on it, and trying again.

use super::io::{Socket, Stream};
use super::link::{Io, Link, Terms};
use super::tap::{Tap, Tapped};
use super::{Address, Traffic, WireProtocol};
use nix::errno::Errno;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;

/// The first pause before another attempt, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(1));

/// Whether a peer that nobody answers for is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redial {
    /// No: it is a peer in this process, so that a refused connection, or one hung up on at once, means that it is down.
    /// Only a shortage on this side (descriptors, ports, a full queue) is waited out.
    Never,
    /// Until the call's deadline, with growing pauses: it is a peer outside, which may be starting just now.
    Patiently,
}

/// Where a channel leads, and how.
pub struct Dial<P> {
    pub protocol: P,
    pub to: Address,
    pub through: Through,
    pub terms: Terms,
    pub traffic: Arc<Traffic>,
    pub tap: Option<Arc<Tap>>,
    pub redial: Redial,
}

/// What is between a socket and what is spoken.
pub enum Through {
    /// Nothing.
    Plain,
    /// TLS, with whose certificate is expected.
    Tls(TlsConnector, Option<ServerName<'static>>),
}

/// Why there is no connection, and whether trying again may help.
#[derive(Clone, Debug)]
pub struct NoLink {
    pub why: String,
    pub again: bool,
}

impl<P: WireProtocol> Dial<P> {
    /// Connects, for as long as it takes: the caller has a deadline. `failed` is where the last failure is left for it.
    pub async fn open(&self, failed: &mut Option<String>) -> Result<P::Link, NoLink> {
        let mut pause = PAUSES.0;
        loop {
            let place = self.terms.limits.opening.acquire().await.expect("nobody closes the semaphore");
            let began = Instant::now();
            let attempt = timeout(self.terms.limits.greeting, self.protocol.connect(self));
            let opened = attempt.await.unwrap_or_else(|_| Err(self.silent()));
            drop(place);
            match opened {
                Ok(link) => {
                    self.traffic.opened(began.elapsed());
                    return Ok(link);
                }
                Err(error) if error.again || self.redial == Redial::Patiently => {
                    self.traffic.failed();
                    *failed = Some(error.why);
                }
                Err(error) => {
                    self.traffic.failed();
                    return Err(error);
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Connects to a socket, through TLS if there is to be any.
    pub async fn over_socket(&self) -> Result<P::Link, NoLink> {
        match &self.through {
            Through::Plain => self.greet(self.socket().await?).await,
            Through::Tls(_, None) => Err(NoLink::for_good("there is no TLS for such an address".into())),
            Through::Tls(connector, Some(name)) => {
                let encrypted = connector.connect(name.clone(), self.socket().await?).await;
                let encrypted = encrypted.map_err(|error| NoLink::for_good(format!("TLS: {error}")))?;
                self.greet(encrypted).await
            }
        }
    }

    async fn socket(&self) -> Result<Socket, NoLink> {
        let stream = match &self.to {
            Address::Tcp(at) => match &self.terms.limits.own {
                Some(own) => own.connect(*at).await.map(Stream::Tcp),
                None => TcpStream::connect(at).await.map(Stream::Tcp),
            },
            Address::Host(name, port) => TcpStream::connect((name.as_str(), *port)).await.map(Stream::Tcp),
            Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
            #[cfg(feature = "libp2p")]
            Address::Libp2p(_) => {
                return Err(NoLink::for_good("a libp2p host is called over libp2p only".into()));
            }
        };
        Ok(Socket::new(stream.map_err(NoLink::from)?, Arc::clone(&self.traffic)))
    }

    /// Agrees on the protocol over what connects both ends.
    pub async fn greet(&self, io: impl Io) -> Result<P::Link, NoLink> {
        match &self.tap {
            None => P::Link::greet(io, &self.terms).await,
            // In a box, so that who is not listened to needs no room for it.
            Some(tap) => Box::pin(P::Link::greet(Tapped::new(io, tap), &self.terms)).await,
        }
    }

    fn silent(&self) -> NoLink {
        NoLink::for_good(format!("it did not say what it speaks within {:?}", self.terms.limits.greeting))
    }
}

impl NoLink {
    /// Trying again would not help.
    pub fn for_good(why: String) -> Self {
        Self { why, again: false }
    }

    /// Trying again may help.
    pub fn for_now(why: String) -> Self {
        Self { why, again: true }
    }

    /// Whether this machine is short of something that it may have again soon: descriptors, ports, a place in a queue.
    pub fn is_short(error: &io::Error) -> bool {
        use io::ErrorKind::{AddrInUse, AddrNotAvailable, Interrupted, OutOfMemory, WouldBlock};
        let errno = error.raw_os_error().map(Errno::from_raw);
        matches!(errno, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS))
            || matches!(error.kind(), AddrInUse | AddrNotAvailable | Interrupted | OutOfMemory | WouldBlock)
    }
}

impl From<io::Error> for NoLink {
    fn from(error: io::Error) -> Self {
        Self { why: error.to_string(), again: Self::is_short(&error) }
    }
}
