//! A node as a libp2p host: its identity, and the task that drives its swarm.

use super::Secret;
use super::behaviour::Behaviour;
use super::failure::Failure;
use super::handler::{Asker, Streams, Taker};
use super::tcp::{Parked, Tcp};
use crate::transport::socket::peer_address::multiaddr;
use crate::transport::socket::server::Gate;
use crate::transport::socket::{Limits, NoLink, PeerAddress, Traffic};
use ::libp2p::core::muxing::StreamMuxerBox;
use ::libp2p::core::transport::{Boxed, ListenerId, Transport as _, timeout::TransportTimeout};
use ::libp2p::core::upgrade::Version;
use ::libp2p::identity::Keypair;
use ::libp2p::swarm::{Config, Swarm};
use ::libp2p::{PeerId, Stream, noise, yamux};
use futures_util::StreamExt as _;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _};

/// How long a connection is kept on which there is no stream any more: who asks one thing may ask another.
const LINGER: Duration = Duration::from_secs(1);

/// A libp2p host. It runs from its first use until the last clone is dropped.
#[derive(Clone)]
pub struct Host {
    it: Arc<Inner>,
}

struct Inner {
    identity: Keypair,
    limits: Limits,
    traffic: Arc<Traffic>,
    running: OnceLock<mpsc::UnboundedSender<Command>>,
}

enum Command {
    Listen { socket: TcpListener, gate: Arc<Gate>, streams: Streams },
    Ask { place: PeerAddress, peer: PeerId, asker: Asker },
    HangUp,
}

impl Host {
    /// A host by this secret, or by one that nobody knows.
    pub fn new(secret: Option<Secret>, limits: Limits, traffic: Arc<Traffic>) -> Self {
        let identity = match secret {
            Some(secret) => {
                Keypair::ed25519_from_bytes(secret).expect("32 bytes are a secret key of Ed25519")
            }
            None => Keypair::generate_ed25519(),
        };
        Self { it: Arc::new(Inner { identity, limits, traffic, running: OnceLock::new() }) }
    }

    /// The same within the same limits, by another secret.
    pub fn known_by(&self, secret: Secret) -> Self {
        Self::new(Some(secret), self.it.limits.clone(), Arc::clone(&self.it.traffic))
    }

    /// What others know it by.
    pub fn peer(&self) -> PeerId {
        self.it.identity.public().to_peer_id()
    }

    /// A stream to the host at a place, over the connection there is or a new one. Nothing has been heard from the other
    /// end when the stream is over a connection that was there.
    ///
    /// # Errors
    /// If there is no connection to be had, or the place does not say whose it is.
    pub async fn stream(&self, to: PeerAddress) -> Result<Compat<Stream>, NoLink> {
        let Some(peer) = to.peer else {
            return Err(NoLink::for_good("its address does not say which peer it is".into()));
        };
        let (asker, answer) = oneshot::channel();
        self.tell(Command::Ask { place: to, peer, asker });
        match answer.await {
            Ok(stream) => stream.map(Stream::compat),
            Err(_) => Err(NoLink::for_now("the connection closed meanwhile".into())),
        }
    }

    /// Lets others in at `socket` as long as `gate` says so, until `streams` is closed. Once for a host.
    pub(super) fn listen(&self, socket: TcpListener, gate: Arc<Gate>, streams: Streams) {
        self.tell(Command::Listen { socket, gate, streams });
    }

    /// Breaks all connections off.
    pub(super) fn hang_up(&self) {
        self.tell(Command::HangUp);
    }

    fn tell(&self, command: Command) {
        let running = self.it.running.get_or_init(|| {
            let (sender, commands) = mpsc::unbounded_channel();
            tokio::spawn(drive(Running::of(&self.it), commands));
            sender
        });
        let _ = running.send(command);
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.peer()).finish()
    }
}

/// What the task of a host has.
struct Running {
    swarm: Swarm<Behaviour>,
    parked: Parked,
    taker: Taker,
    listening: Option<(ListenerId, Streams)>,
}

impl Running {
    fn of(it: &Inner) -> Self {
        let (parked, taker) = (Parked::default(), Taker::default());
        let behaviour = Behaviour::new(taker.clone(), it.limits.clone(), Arc::clone(&it.traffic));
        let config = Config::with_tokio_executor()
            .with_idle_connection_timeout(LINGER)
            .with_max_negotiating_inbound_streams(it.limits.streams as usize)
            // Whoever opens a stream says at once what for, and what it wants to say on it.
            .with_substream_upgrade_protocol_override(Version::V1Lazy);
        let transport = transport(it, parked.clone());
        let swarm = Swarm::new(transport, behaviour, it.identity.public().to_peer_id(), config);
        Self { swarm, parked, taker, listening: None }
    }

    fn listen(&mut self, socket: TcpListener, gate: Arc<Gate>, streams: Streams) -> io::Result<()> {
        let at = multiaddr(socket.local_addr()?);
        self.taker.set(Some(streams.clone()));
        self.swarm.behaviour_mut().watch(gate);
        self.parked.leave(socket);
        let id = self.swarm.listen_on(at).map_err(io::Error::other)?;
        self.listening = Some((id, streams));
        Ok(())
    }

    /// Gives the port back, and hangs up on everyone, when nobody takes streams any more.
    fn leave(&mut self) {
        if let Some((id, _)) = self.listening.take() {
            self.taker.set(None);
            self.swarm.remove_listener(id);
            self.hang_up();
        }
    }

    fn hang_up(&mut self) {
        self.swarm.behaviour_mut().forget();
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }
}

/// Drives a host until nobody needs it any more; its connections end with it.
async fn drive(mut it: Running, mut commands: mpsc::UnboundedReceiver<Command>) {
    loop {
        let streams = it.listening.as_ref().map(|(_, streams)| streams.clone());
        tokio::select! {
            () = abandoned(streams) => it.leave(),
            command = commands.recv() => match command {
                None => return,
                Some(Command::Ask { place, peer, asker }) => it.swarm.behaviour_mut().ask(place, peer, asker),
                Some(Command::HangUp) => it.hang_up(),
                Some(Command::Listen { socket, gate, streams }) => {
                    // Without an address of its own the socket is of no use to anybody.
                    let _ = it.listen(socket, gate, streams);
                }
            },
            // What there is to do about it, the behaviour has done.
            _ = it.swarm.select_next_some() => {}
        }
    }
}

/// Waits until nobody takes streams any more; for ever where nobody began to.
async fn abandoned(streams: Option<Streams>) {
    match streams {
        Some(streams) => streams.closed().await,
        None => std::future::pending().await,
    }
}

/// TCP, then noise, then yamux, all of it within the time that a greeting may take.
fn transport(it: &Inner, parked: Parked) -> Boxed<(PeerId, StreamMuxerBox)> {
    let noise = noise::Config::new(&it.identity).expect("an identity can sign");
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(it.limits.streams as usize);
    let upgraded = Tcp::new(parked, it.limits.own.clone(), Arc::clone(&it.traffic))
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    TransportTimeout::new(upgraded, it.limits.greeting).map_err(Failure::from).boxed()
}
