//! libp2p over this program's own sockets: the port of a listener that was taken before the host runs, bytes that are
//! counted, and nothing that waits for more to be written.

use crate::transport::socket::io::{Socket, Stream};
use crate::transport::socket::peer_address::{multiaddr, socket_address};
use crate::transport::socket::server::PAUSE;
use crate::transport::socket::{Own, Refusal, Traffic};
use ::libp2p::Multiaddr;
use ::libp2p::core::transport::{DialOpts, ListenerId, Transport, TransportError, TransportEvent};
use std::future::{Future, Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

/// TCP connections for libp2p.
pub struct Tcp {
    parked: Parked,
    listening: Option<Listening>,
    own: Option<Own>,
    traffic: Arc<Traffic>,
}

/// Where a listener is left for [`Tcp`] to find: libp2p only hands addresses on.
#[derive(Clone, Debug, Default)]
pub struct Parked(Arc<Mutex<Option<TcpListener>>>);

struct Listening {
    id: ListenerId,
    socket: TcpListener,
    at: Multiaddr,
    announced: bool,
    /// While the system has nothing to accept connections with.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Tcp {
    pub fn new(parked: Parked, own: Option<Own>, traffic: Arc<Traffic>) -> Self {
        Self { parked, listening: None, own, traffic }
    }
}

impl Parked {
    pub fn leave(&self, listener: TcpListener) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    fn take(&self) -> Option<TcpListener> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Transport for Tcp {
    type Output = Compat<Socket>;
    type Error = io::Error;
    type ListenerUpgrade = Ready<io::Result<Self::Output>>;
    type Dial = Pin<Box<dyn Future<Output = io::Result<Self::Output>> + Send>>;

    fn listen_on(&mut self, id: ListenerId, at: Multiaddr) -> Result<(), TransportError<io::Error>> {
        let Some(socket) = self.parked.take() else {
            return Err(TransportError::MultiaddrNotSupported(at));
        };
        self.listening = Some(Listening { id, socket, at, announced: false, pause: None });
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.listening.take_if(|it| it.id == id).is_some()
    }

    fn dial(&mut self, at: Multiaddr, _: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        let Some(to) = socket_address(&at) else { return Err(TransportError::MultiaddrNotSupported(at)) };
        let (own, traffic) = (self.own.clone(), Arc::clone(&self.traffic));
        Ok(Box::pin(async move {
            let stream = match own {
                Some(own) => own.connect(to).await?,
                None => TcpStream::connect(to).await?,
            };
            Ok(Socket::new(Stream::Tcp(stream), traffic).compat())
        }))
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        let Self { listening: Some(it), own, traffic, .. } = &mut *self else { return Poll::Pending };
        if !it.announced {
            it.announced = true;
            return Poll::Ready(TransportEvent::NewAddress {
                listener_id: it.id,
                listen_addr: it.at.clone(),
            });
        }
        loop {
            if let Some(pause) = &mut it.pause {
                ready!(pause.as_mut().poll(cx));
                it.pause = None;
            }
            match ready!(it.socket.poll_accept(cx)) {
                Err(_) => it.pause = Some(Box::pin(sleep(PAUSE))),
                Ok((stream, from)) => {
                    let stream = Stream::Tcp(stream);
                    if own.as_ref().is_some_and(|own| !own.made(&stream, Some(from))) {
                        traffic.refused(Refusal::Stranger);
                        continue;
                    }
                    let socket = Socket::new(stream, Arc::clone(traffic));
                    return Poll::Ready(TransportEvent::Incoming {
                        listener_id: it.id,
                        upgrade: ready(Ok(socket.compat())),
                        local_addr: it.at.clone(),
                        send_back_addr: multiaddr(from),
                    });
                }
            }
        }
    }
}
