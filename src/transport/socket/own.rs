//! Which connections are our own: a server that takes those alone cannot be spoken to by anybody else.
//!
//! Nothing is said for it on the wire. A TCP connection is known by the addresses of its two ends, which the channel that made
//! it has noted, and a Unix socket by the process at its other end.

use super::io::Stream;
use socket2::{Domain, Socket, Type};
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpStream;

/// The connections that channels have made and no server has taken yet. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Own(Arc<Mutex<BTreeSet<Ends>>>);

/// Where a connection comes from and where it leads.
type Ends = (SocketAddr, SocketAddr);

impl Own {
    /// Connects, and notes the connection before a server can have looked for it.
    pub(in crate::transport) async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let attempt = {
            // Held until it is noted: a server that was offered the connection looks for it after that.
            let mut noted = self.noted();
            match socket.connect(&to.into()) {
                Err(error) if !is_under_way(&error) => return Err(error),
                _ => {}
            }
            let stream = TcpStream::from_std(socket.into())?;
            let ends = (stream.local_addr()?, to);
            noted.insert(ends);
            Attempt { own: self, ends, stream: Some(stream) }
        };
        attempt.finish().await
    }

    /// Whether a connection that a server was offered is one of these. `from` is what the system said of it when it was
    /// accepted: of one that is gone already it says nothing more.
    pub(in crate::transport) fn made(&self, stream: &Stream, from: Option<SocketAddr>) -> bool {
        match (stream, from) {
            (Stream::Unix(unix), _) => {
                let process = unix.peer_cred().ok().and_then(|it| it.pid());
                process.and_then(|it| u32::try_from(it).ok()) == Some(std::process::id())
            }
            (Stream::Tcp(tcp), Some(from)) => {
                tcp.local_addr().is_ok_and(|to| self.noted().remove(&(from, to)))
            }
            (Stream::Tcp(_), None) => false,
        }
    }

    fn noted(&self) -> MutexGuard<'_, BTreeSet<Ends>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is being made.
struct Attempt<'a> {
    own: &'a Own,
    ends: Ends,
    stream: Option<TcpStream>,
}

impl Attempt<'_> {
    async fn finish(mut self) -> io::Result<TcpStream> {
        if let Some(stream) = &self.stream {
            stream.writable().await?;
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
        }
        self.stream.take().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Attempt<'_> {
    /// What was given up and never came about is forgotten, so that nobody comes under its addresses later. What came about
    /// is left for the server to take, even if nobody waits for it any more: it is no stranger's.
    fn drop(&mut self) {
        if self.stream.as_ref().is_some_and(|it| it.peer_addr().is_err()) {
            self.own.noted().remove(&self.ends);
        }
    }
}

/// A connection that does not wait is not there yet when the call returns.
fn is_under_way(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(nix::errno::Errno::from_raw);
    error.kind() == io::ErrorKind::WouldBlock || errno == Some(nix::errno::Errno::EINPROGRESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, UnixStream};

    #[tokio::test]
    async fn what_a_channel_has_made_is_its_own_once_and_what_others_made_never() {
        let own = Own::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let _ours = own.connect(at).await.unwrap();
        let (taken, from) = listener.accept().await.unwrap();
        assert!(own.made(&Stream::Tcp(taken), Some(from)));
        assert!(own.noted().is_empty(), "nothing is kept of those that were taken");
        let _theirs = TcpStream::connect(at).await.unwrap();
        let (stranger, from) = listener.accept().await.unwrap();
        assert!(!own.made(&Stream::Tcp(stranger), Some(from)));
    }

    #[tokio::test]
    async fn one_of_our_own_that_is_gone_before_it_is_taken_is_no_stranger() {
        let own = Own::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = own.connect(listener.local_addr().unwrap()).await.unwrap();
        // Without a farewell, as if the process that has it had crashed.
        ours.set_zero_linger().unwrap();
        drop(ours);
        let (taken, from) = listener.accept().await.unwrap();
        assert!(own.made(&Stream::Tcp(taken), Some(from)));
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_connection_that_is_given_up() {
        let own = Own::default();
        // Nothing is routed there, and nobody answers.
        let nowhere = "192.0.2.1:9".parse().unwrap();
        let _ = tokio::time::timeout(std::time::Duration::from_millis(20), own.connect(nowhere)).await;
        assert!(own.noted().is_empty());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_connection_that_nobody_takes() {
        let own = Own::default();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(own.connect(gone).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(own.noted().is_empty());
    }

    #[tokio::test]
    async fn both_ends_of_a_socket_pair_are_this_process() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert!(Own::default().made(&Stream::Unix(one), None));
    }
}
