//! One connection between two hosts, as libp2p's swarm asks on it: streams that are wanted, and streams that come.

use super::PROTOCOL;
use crate::transport::socket::NoLink;
use ::libp2p::core::upgrade::ReadyUpgrade;
use ::libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use ::libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol};
use ::libp2p::{PeerId, Stream, StreamProtocol};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Who waits for a stream.
pub type Asker = oneshot::Sender<Result<Stream, NoLink>>;

/// Who takes the streams that others open, with who opened each.
pub type Streams = mpsc::UnboundedSender<(PeerId, Stream)>;

/// Where they go, if there is somebody who takes them.
#[derive(Clone, Debug, Default)]
pub struct Taker(Arc<Mutex<Option<Streams>>>);

impl Taker {
    pub fn set(&self, streams: Option<Streams>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = streams;
    }

    fn take(&self, peer: PeerId, stream: Stream) {
        if let Some(streams) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = streams.send((peer, stream));
        }
    }
}

/// What a connection has to do with streams.
pub struct Handler {
    /// Who is at the other end.
    peer: PeerId,
    asked: VecDeque<Asker>,
    taker: Taker,
    /// The longest that agreeing on a stream may take.
    greeting: Duration,
}

impl Handler {
    pub fn new(peer: PeerId, taker: Taker, greeting: Duration) -> Self {
        Self { peer, asked: VecDeque::new(), taker, greeting }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Asker;
    type ToBehaviour = Infallible;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Asker;

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ()).with_timeout(self.greeting)
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, Asker, Infallible>> {
        // What wakes the connection is the asker's arrival.
        while let Some(asker) = self.asked.pop_front() {
            if !asker.is_closed() {
                let protocol =
                    SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), asker).with_timeout(self.greeting);
                return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
            }
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, asker: Asker) {
        self.asked.push_back(asker);
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol, (), Asker>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. }) => {
                // Nobody takes the streams of a node that only calls.
                self.taker.take(self.peer, stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: stream,
                info: asker,
            }) => {
                let _ = asker.send(Ok(stream));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: asker, error }) => {
                let _ = asker.send(Err(no_stream(error)));
            }
            _ => {}
        }
    }
}

fn no_stream(error: StreamUpgradeError<Infallible>) -> NoLink {
    match error {
        StreamUpgradeError::Timeout => NoLink::for_good("it did not agree on a stream in time".into()),
        StreamUpgradeError::NegotiationFailed => {
            NoLink::for_good(format!("it does not have the protocol {PROTOCOL}"))
        }
        // The connection was just closing: there may be another.
        StreamUpgradeError::Io(error) => NoLink::for_now(error.to_string()),
        StreamUpgradeError::Apply(never) => match never {},
    }
}
