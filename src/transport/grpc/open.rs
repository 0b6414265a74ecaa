//! How a channel gets its connection: dialling, TLS, HTTP/2, and trying again.

use super::payload::Payload;
use super::serve::{FRAME, HEADERS, WINDOW};
use super::socket::{Socket, Stream};
use super::{Address, Limits, Traffic};
use h2::Ping;
use h2::client::{Builder, Connection, SendRequest};
use nix::errno::Errno;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;

/// The first pause before another attempt, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(1));
/// How long a connection that nobody needs any more may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);
/// Calls that may leave before the other end has said how many it takes.
const STREAMS: usize = 256;

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
pub(super) struct Dial {
    pub to: Address,
    /// With whose certificate is expected.
    pub tls: Option<(TlsConnector, Option<ServerName<'static>>)>,
    pub limits: Limits,
    pub traffic: Arc<Traffic>,
    pub redial: Redial,
}

/// A connection. Dropped, it says farewell on its own.
#[derive(Debug)]
pub(super) struct Link {
    pub requests: SendRequest<Payload>,
    /// Dropped with the link, which tells the task that drives the connection.
    _needed: oneshot::Sender<()>,
    driver: JoinHandle<()>,
}

/// Why there is no connection, and whether trying again may help.
#[derive(Debug)]
pub(super) struct NoLink {
    pub why: String,
    again: bool,
}

impl Link {
    /// What breaks the connection off.
    pub fn breaker(&self) -> AbortHandle {
        self.driver.abort_handle()
    }
}

impl Dial {
    /// Connects, for as long as it takes: the caller has a deadline. `failed` is where the last failure is left for it.
    pub async fn open(&self, failed: &mut Option<String>) -> Result<Link, NoLink> {
        let mut pause = PAUSES.0;
        loop {
            let place = self.limits.opening.acquire().await.expect("nobody closes the semaphore");
            let began = Instant::now();
            let attempt = timeout(self.limits.greeting, self.attempt());
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

    async fn attempt(&self) -> Result<Link, NoLink> {
        let stream = match &self.to {
            Address::Tcp(at) => TcpStream::connect(at).await.map(Stream::Tcp),
            Address::Host(name, port) => TcpStream::connect((name.as_str(), *port)).await.map(Stream::Tcp),
            Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        };
        let socket = Socket::new(stream.map_err(NoLink::from)?, Arc::clone(&self.traffic));
        match &self.tls {
            None => greet(socket).await,
            Some((_, None)) => Err(NoLink::for_good("there is no TLS for such an address".into())),
            Some((connector, Some(name))) => {
                let encrypted = connector.connect(name.clone(), socket).await;
                greet(encrypted.map_err(|error| NoLink::for_good(format!("TLS: {error}")))?).await
            }
        }
    }

    fn silent(&self) -> NoLink {
        NoLink::for_good(format!("it did not speak HTTP/2 within {:?}", self.limits.greeting))
    }
}

/// Agrees on HTTP/2. A ping tells whether the other end speaks it, and means to: a connection is made by the system as
/// soon as a port is taken, whoever has it.
async fn greet<S>(io: S) -> Result<Link, NoLink>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = Builder::new();
    http.initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_header_list_size(HEADERS)
        .initial_max_send_streams(STREAMS)
        .enable_push(false);
    let (requests, mut connection) = http.handshake(io).await.map_err(NoLink::from)?;
    let mut ping = connection.ping_pong().expect("a new connection has its ping");
    let (needed, unneeded) = oneshot::channel();
    let driver = tokio::spawn(drive(connection, unneeded));
    let link = Link { requests, _needed: needed, driver };
    match ping.ping(Ping::opaque()).await {
        Ok(_) => Ok(link),
        Err(error) => Err(NoLink::from(error)),
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
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
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

impl NoLink {
    fn for_good(why: String) -> Self {
        Self { why, again: false }
    }
}

impl From<io::Error> for NoLink {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{AddrInUse, AddrNotAvailable, Interrupted, OutOfMemory, WouldBlock};
        let errno = error.raw_os_error().map(Errno::from_raw);
        let short = matches!(errno, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS));
        let again = short
            || matches!(error.kind(), AddrInUse | AddrNotAvailable | Interrupted | OutOfMemory | WouldBlock);
        Self { why: error.to_string(), again }
    }
}

impl From<h2::Error> for NoLink {
    fn from(error: h2::Error) -> Self {
        Self::for_good(format!("HTTP/2: {error}"))
    }
}
