//! How many round trips it takes until a message can leave: a go-between holds back what either end says until both wait,
//! and counts how often it has to let go of it. No clock decides on that, so that it is exact.

use super::CostsError;
use super::ends::{Means, PATIENCE};
use crate::transport::socket::{Address, Redial, Traffic};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long nobody has to say anything until both are taken to wait. Both are on this thread, so that a machine that is
/// busy holds up all three.
const QUIET: Duration = Duration::from_millis(4);
/// How often in a row.
const LOOKS: u32 = 3;

/// Round trips until a channel is open, that of TCP among them.
///
/// # Errors
/// If there is no connection.
pub async fn round_trips(means: &Means) -> Result<u32, CostsError> {
    let traffic = Arc::new(Traffic::default());
    let endpoint = means.endpoint(&traffic);
    let (_server, behind) = means.serve(0, &traffic)?;
    let between = Between::listen(means)?;
    let channel = endpoint.channel(between.instead_of(&behind)?, Redial::Never);
    let opening: JoinHandle<Result<(), CostsError>> =
        tokio::spawn(async move { Ok(channel.open(PATIENCE).await?) });
    let flights = timeout(PATIENCE, between.count(&behind, &opening)).await.map_err(io::Error::from)??;
    opening.await??;
    Ok(flights.div_ceil(2) + u32::from(means.connects()))
}

enum Between {
    Tcp(TcpListener),
    Unix(UnixListener, Address),
}

enum Line {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Between {
    fn listen(means: &Means) -> Result<Self, CostsError> {
        let at = means.address(1);
        Ok(match &at {
            Address::Unix(path) => {
                let _ = std::fs::remove_file(path);
                Self::Unix(UnixListener::bind(path)?, at.clone())
            }
            _ => {
                let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
                listener.set_nonblocking(true)?;
                Self::Tcp(TcpListener::from_std(listener)?)
            }
        })
    }

    /// What is called in place of whoever is behind: the same, elsewhere.
    fn instead_of(&self, behind: &Address) -> Result<Address, CostsError> {
        Ok(match (self, behind) {
            (Self::Unix(_, at), _) => at.clone(),
            #[cfg(feature = "libp2p")]
            (Self::Tcp(tcp), Address::Libp2p(place)) => {
                let at = tcp.local_addr()?;
                Address::Libp2p(Box::new(crate::transport::socket::PeerAddress { at, ..**place }))
            }
            (Self::Tcp(tcp), _) => Address::Tcp(tcp.local_addr()?),
        })
    }

    /// Passes on what is said, until `opening` is done; how often something had to be passed on.
    async fn count(
        &self,
        behind: &Address,
        opening: &JoinHandle<Result<(), CostsError>>,
    ) -> Result<u32, CostsError> {
        let caller = match self {
            Self::Tcp(tcp) => Line::Tcp(tcp.accept().await?.0),
            Self::Unix(unix, _) => Line::Unix(unix.accept().await?.0),
        };
        let called = match behind {
            Address::Unix(path) => Line::Unix(UnixStream::connect(path).await?),
            #[cfg(feature = "libp2p")]
            Address::Libp2p(place) => Line::Tcp(TcpStream::connect(place.at).await?),
            at => Line::Tcp(TcpStream::connect(at.to_string()).await?),
        };
        if let (Line::Tcp(a), Line::Tcp(b)) = (&caller, &called) {
            a.set_nodelay(true)?;
            b.set_nodelay(true)?;
        }
        let mut flights = 0;
        loop {
            let (mut there, mut back, mut quiet) = (Vec::new(), Vec::new(), 0);
            while quiet < LOOKS {
                sleep(QUIET).await;
                let more = caller.hear(&mut there)? + called.hear(&mut back)?;
                quiet = if more == 0 { quiet + 1 } else { 0 };
            }
            if opening.is_finished() {
                return Ok(flights);
            }
            if !there.is_empty() || !back.is_empty() {
                flights += 1;
            }
            called.say(&there).await?;
            caller.say(&back).await?;
        }
    }
}

impl Line {
    /// What there is to be read.
    fn hear(&self, into: &mut Vec<u8>) -> io::Result<usize> {
        let before = into.len();
        let mut piece = [0; 4_096];
        loop {
            let read = match self {
                Self::Tcp(tcp) => tcp.try_read(&mut piece),
                Self::Unix(unix) => unix.try_read(&mut piece),
            };
            match read {
                Ok(0) => return Ok(into.len() - before),
                Ok(count) => into.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(into.len() - before),
                Err(error) => return Err(error),
            }
        }
    }

    async fn say(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = match self {
                Self::Tcp(tcp) => {
                    tcp.writable().await?;
                    tcp.try_write(bytes)
                }
                Self::Unix(unix) => {
                    unix.writable().await?;
                    unix.try_write(bytes)
                }
            };
            match written {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
