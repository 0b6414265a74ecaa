//! Whom a host is connected to, who is let in, and who waits for a connection: what libp2p's swarm asks its behaviour.

use super::failure::{no_link, refusal};
use super::handler::{Asker, Handler, Taker};
use crate::transport::socket::server::Gate;
use crate::transport::socket::{Limits, NoLink, PeerAddress, Refusal, Traffic};
use ::libp2p::core::Endpoint;
use ::libp2p::core::transport::PortUse;
use ::libp2p::swarm::behaviour::{
    ConnectionClosed, ConnectionEstablished, DialFailure, FromSwarm, ListenFailure,
};
use ::libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use ::libp2p::swarm::{ConnectionDenied, ConnectionId, NetworkBehaviour, NotifyHandler, ToSwarm};
use ::libp2p::{Multiaddr, PeerId};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A host's connections.
pub struct Behaviour {
    /// Whether the node is there, once it takes calls.
    gate: Option<Arc<Gate>>,
    taker: Taker,
    limits: Limits,
    traffic: Arc<Traffic>,
    /// Connections to each host, the oldest first. There are two where both dialled at the same time.
    connected: HashMap<PeerId, Vec<ConnectionId>, FixedState>,
    /// Connections that others made, those that are being agreed on among them.
    inbound: BTreeSet<ConnectionId>,
    /// Who waits for a connection that is being made.
    waiting: HashMap<PeerId, Vec<Asker>, FixedState>,
    actions: VecDeque<ToSwarm<Infallible, Asker>>,
}

/// The node does not let in whoever wants to.
#[derive(Debug, thiserror::Error)]
#[error("not let in")]
struct NotLetIn;

impl Behaviour {
    pub fn new(taker: Taker, limits: Limits, traffic: Arc<Traffic>) -> Self {
        Self {
            gate: None,
            taker,
            limits,
            traffic,
            connected: HashMap::default(),
            inbound: BTreeSet::new(),
            waiting: HashMap::default(),
            actions: VecDeque::new(),
        }
    }

    /// From now on others are let in, if this says so.
    pub fn watch(&mut self, gate: Arc<Gate>) {
        self.gate = Some(gate);
    }

    /// Gets a stream to a host, over the connection there is or a new one.
    pub fn ask(&mut self, place: PeerAddress, peer: PeerId, asker: Asker) {
        match self.connected.get(&peer).and_then(|them| them.first()) {
            Some(&id) => self.hand_over(peer, id, asker),
            None => {
                let waiting = self.waiting.entry(peer).or_default();
                waiting.push(asker);
                if waiting.len() == 1 {
                    let opts = DialOpts::peer_id(peer)
                        .addresses(vec![place.multiaddr()])
                        .condition(PeerCondition::Always)
                        .allocate_new_port();
                    self.actions.push_back(ToSwarm::Dial { opts: opts.build() });
                }
            }
        }
    }

    /// Lets nobody in who is still on the way, and tells those who wait that there is nothing to wait for.
    pub fn forget(&mut self) {
        self.inbound.clear();
        self.waiting.clear();
    }

    fn hand_over(&mut self, peer_id: PeerId, id: ConnectionId, event: Asker) {
        self.actions.push_back(ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(id), event });
    }

    fn is_up(&self) -> bool {
        self.gate.as_ref().is_none_or(|gate| gate.is_up())
    }

    fn refuse(&self, why: Refusal) -> ConnectionDenied {
        self.traffic.refused(why);
        ConnectionDenied::new(NotLetIn)
    }

    fn handler(&self, peer: PeerId) -> Handler {
        Handler::new(peer, self.taker.clone(), self.limits.greeting)
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        if !self.is_up() {
            return Err(self.refuse(Refusal::Down));
        }
        if self.inbound.len() >= self.limits.connections {
            return Err(self.refuse(Refusal::Connections));
        }
        self.traffic.accepted();
        self.inbound.insert(id);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        // The node may have gone down meanwhile, and come up again.
        if self.inbound.contains(&id) { Ok(self.handler(peer)) } else { Err(ConnectionDenied::new(NotLetIn)) }
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        if self.is_up() { Ok(self.handler(peer)) } else { Err(ConnectionDenied::new(NotLetIn)) }
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, connection_id, .. }) => {
                self.connected.entry(peer_id).or_default().push(connection_id);
                for asker in self.waiting.remove(&peer_id).into_iter().flatten() {
                    self.hand_over(peer_id, connection_id, asker);
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, connection_id, .. }) => {
                self.inbound.remove(&connection_id);
                if let Some(them) = self.connected.get_mut(&peer_id) {
                    them.retain(|&it| it != connection_id);
                    if them.is_empty() {
                        self.connected.remove(&peer_id);
                    }
                }
            }
            FromSwarm::DialFailure(DialFailure { peer_id: Some(peer), error, .. }) => {
                let NoLink { why, again } = no_link(error);
                for asker in self.waiting.remove(&peer).into_iter().flatten() {
                    let _ = asker.send(Err(NoLink { why: why.clone(), again }));
                }
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, error, .. }) => {
                self.inbound.remove(&connection_id);
                if let Some(why) = refusal(error) {
                    self.traffic.refused(why);
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, Asker>> {
        // Whoever adds one polls the swarm next.
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}
