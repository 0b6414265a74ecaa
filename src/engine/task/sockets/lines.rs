//! A node's ways to its peers, and what becomes of a message that goes one of them.
//!
//! A direct neighbour has a channel of its own for as long as it is one. Whoever is not gets one for a single call, as
//! P2PFL does it.

use super::tickets::{Ticket, key, key_of_call};
use crate::engine::task::envelope::{Item, ReturnTo};
use crate::engine::task::shared::Shared;
use crate::metrics::{Cause, Phase};
use crate::time::Time;
use crate::transport::socket::{Address, Answer, Body, CallError, Redial};
use crate::transport::{Channel, Endpoint};
use crate::wire::{Command, Gossip, Message, PeerId, Response, Weights, encode, weights};
use bytes::Bytes;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use prost::Message as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A node keeps so many channels to peers outside at most; P2PFL has no such bound.
pub const MAX_OUTSIDE: usize = 1 << 12;

/// Payloads up to so many bytes are copied into the message's encoding.
const SMALL: u32 = 4_096;

/// A node's channels.
#[derive(Debug)]
pub struct Lines {
    endpoint: Endpoint,
    /// For calling those who have come of their own accord.
    strangers: Endpoint,
    to: HashMap<PeerId, Channel, FixedState>,
    outside: usize,
    /// The model encoded last, by its place in memory: one is sent to one neighbour after another. The model is kept, so
    /// that no other takes its place.
    encoded: Option<(Arc<Weights>, Bytes)>,
}

/// A message on its way to a socket.
#[derive(Clone, Debug)]
pub struct Outbound {
    what: What,
    key: u64,
    pub command: Command,
    /// Where the answer goes, if anybody waits for it.
    pub back: Option<ReturnTo>,
    pub sent: u64,
    pub phase: Phase,
    pub bytes: u64,
    pub progress: bool,
    hops: u16,
    born: Time,
}

#[derive(Clone, Debug)]
enum What {
    Handshake,
    Disconnect,
    Send(Body),
}

impl Lines {
    /// No channels yet; they will be of this endpoint, and those to strangers of that.
    pub fn new(endpoint: Endpoint, strangers: Endpoint) -> Self {
        Self { endpoint, strangers, to: HashMap::default(), outside: 0, encoded: None }
    }

    /// A message that is not gossip, ready for the wire, and the bytes of its encoding.
    pub fn outbound(&mut self, shared: &Shared, from: PeerId, message: &Message) -> Option<Outbound> {
        let book = &shared.plan.rules.book;
        let command = message.command()?;
        let call = |what, name: &'static str| {
            let address = book.name(from).to_string();
            let bytes = shared.plan.rules.sizes.payload(from, message);
            (what, key_of_call(name, &address), bytes)
        };
        let mut born = Time::ZERO;
        let hops = if let Message::Own(own) = message { own.hops } else { 0 };
        let (what, key, bytes) = match message {
            Message::Handshake => call(What::Handshake, "handshake"),
            Message::Disconnect => call(What::Disconnect, "disconnect"),
            Message::Weights(it) => {
                let root = encode::weights(book, from, it, self.encoded(it));
                let bytes = root.encoded_len() as u64;
                let key = key(&root);
                (What::Send(Body::Message(Arc::new(root))), key, bytes)
            }
            Message::Probe(probe) => {
                born = probe.due;
                let root = encode::probe(book, from, *probe, &shared.sockets.as_ref()?.zeros);
                let bytes = root.encoded_len() as u64;
                let key = key(&root);
                // What is small is encoded at once, as gossip is; what is large goes without a copy.
                let body = match probe.size {
                    ..=SMALL => Body::Encoded(root.encode_to_vec().into()),
                    _ => Body::Message(Arc::new(root)),
                };
                (What::Send(body), key, bytes)
            }
            other => {
                let root = encode::direct(book, from, other)?;
                let encoded = Bytes::from(root.encode_to_vec());
                let bytes = encoded.len() as u64;
                (What::Send(Body::Encoded(encoded)), key(&root), bytes)
            }
        };
        Some(Outbound {
            what,
            key,
            command,
            back: None,
            sent: 0,
            phase: Phase::Setup,
            bytes,
            progress: true,
            hops,
            born,
        })
    }

    fn encoded(&mut self, it: &Arc<Weights>) -> Bytes {
        match &self.encoded {
            Some((known, bytes)) if Arc::ptr_eq(known, it) => bytes.clone(),
            _ => {
                let bytes = weights::encode_model(&it.model);
                self.encoded = Some((Arc::clone(it), bytes.clone()));
                bytes
            }
        }
    }

    /// Keeps a channel to a peer that is a neighbour now, and opens it. False if there are too many.
    pub fn keep(&mut self, shared: &Arc<Shared>, to: PeerId) -> bool {
        if self.to.contains_key(&to) {
            return true;
        }
        let outside = shared.is_outside(to);
        if outside && self.outside >= MAX_OUTSIDE {
            return false;
        }
        let Some(channel) = self.channel(shared, to) else { return false };
        self.outside += usize::from(outside);
        self.to.insert(to, channel.clone());
        // Whether it can be opened shows with the first call.
        let deadline = shared.plan.rules.settings.general.grpc_timeout.0;
        tokio::spawn(async move { channel.open(deadline).await });
        true
    }

    /// Hangs up on a peer.
    pub fn hang_up(&mut self, shared: &Shared, to: PeerId) {
        if let Some(channel) = self.to.remove(&to) {
            self.outside -= usize::from(shared.is_outside(to));
            channel.close();
        }
    }

    /// The peers outside that there are channels to, ascending.
    pub fn outside(&self, shared: &Shared) -> Vec<PeerId> {
        let mut peers: Vec<PeerId> = self.to.keys().copied().filter(|&it| shared.is_outside(it)).collect();
        peers.sort_unstable();
        peers
    }

    /// Hangs up on everyone.
    pub fn clear(&mut self) {
        self.to.drain().for_each(|(_, channel)| channel.close());
        self.outside = 0;
        self.encoded = None;
    }

    /// Sends a message on its way. Everything that becomes of it is accounted for; who waits for an answer gets one.
    pub fn send(&mut self, shared: &Arc<Shared>, from: PeerId, to: PeerId, it: Outbound) {
        let known = match it.what {
            // Who hangs up keeps the line until it has said so.
            What::Disconnect => {
                self.outside -= usize::from(self.to.contains_key(&to) && shared.is_outside(to));
                self.to.remove(&to)
            }
            What::Handshake => {
                self.keep(shared, to);
                self.to.get(&to).cloned()
            }
            What::Send(_) => self.to.get(&to).cloned(),
        };
        let direct = known.is_some() && !matches!(it.what, What::Disconnect);
        let Some(sockets) = &shared.sockets else { return };
        let Outbound { command, sent, phase, progress, hops, born, .. } = it;
        let ticket = Ticket { from, sent, phase, command, progress, hops, born };
        let ticket = sockets.tickets.leave(to, it.key, ticket);
        if it.back.is_some() {
            // The answer is pending for as long as the call is under way.
            shared.pending.fetch_add(1, Ordering::Relaxed);
        }
        if ticket.is_none() {
            sockets.calls_outside.fetch_add(1, Ordering::Relaxed);
        }
        let call = Call { from, to, it, ticket };
        let channel = known.or_else(|| self.channel(shared, to));
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let result = match &channel {
                Some(channel) => call.carry(&shared, channel).await,
                // Forged, or of another kind of transport.
                None => Err(CallError::Closed),
            };
            if let (Some(channel), false) = (channel, direct) {
                channel.close();
            }
            call.end(&shared, &result);
        });
    }

    fn channel(&self, shared: &Shared, to: PeerId) -> Option<Channel> {
        let sockets = shared.sockets.as_ref()?;
        let address: Address = sockets.names.name(to).parse().ok()?;
        Some(match (shared.is_outside(to), sockets.is_stranger(to)) {
            // A node of this process that hangs up is down, and is not to be waited for.
            (false, _) => self.endpoint.channel(address, Redial::Never),
            // It was there when it called.
            (true, true) => self.strangers.channel(address, Redial::Never),
            (true, false) => self.endpoint.channel(address, Redial::Patiently),
        })
    }
}

impl Outbound {
    /// A gossip message ready for the wire.
    pub fn gossip(shared: &Shared, gossip: &Gossip) -> Self {
        let root = encode::gossip(&shared.plan.rules.book, gossip);
        let encoded = Bytes::from(root.encode_to_vec());
        Self {
            key: key(&root),
            command: gossip.body.command(),
            back: None,
            sent: 0,
            phase: Phase::Setup,
            bytes: encoded.len() as u64,
            what: What::Send(Body::Encoded(encoded)),
            progress: gossip.body.moves_on(),
            hops: gossip.hops,
            born: gossip.born,
        }
    }
}

/// A call under way.
struct Call {
    from: PeerId,
    to: PeerId,
    it: Outbound,
    /// The number of its ticket; nothing if it goes to a peer outside.
    ticket: Option<u64>,
}

impl Call {
    async fn carry(&self, shared: &Shared, channel: &Channel) -> Result<Answer, CallError> {
        let deadline = shared.plan.rules.settings.general.grpc_timeout.0;
        let own = || shared.plan.rules.book.name(self.from).to_string();
        match &self.it.what {
            What::Handshake => channel.handshake(&own(), deadline).await,
            // P2PFL sets no deadline here; to wait for ever helps nobody.
            What::Disconnect => channel.disconnect(&own(), deadline).await.map(|()| Answer::Empty),
            What::Send(body) => channel.send(body.clone(), deadline).await,
        }
    }

    /// Accounts for what became of it, and tells who waits for the answer.
    fn end(self, shared: &Shared, result: &Result<Answer, CallError>) {
        let Self { from, to, it, ticket } = self;
        if let (None, Some(sockets)) = (ticket, &shared.sockets) {
            sockets.heard_of(to, result.as_ref().err());
        }
        match result {
            Err(error) => {
                if let (CallError::Refused(_), None, Some(sockets)) = (error, ticket, &shared.sockets) {
                    sockets.refused_outside(error);
                }
                let never_arrived = match (ticket, &shared.sockets) {
                    (Some(number), Some(sockets)) => sockets.tickets.withdraw(to, it.key, number),
                    _ => true,
                };
                if never_arrived {
                    shared
                        .workers
                        .with(|worker| worker.recorder.dropped(it.phase, it.command, cause(error), 1));
                    shared.pending.fetch_sub(i64::from(it.progress), Ordering::Relaxed);
                }
            }
            // Nobody here has seen it arrive.
            Ok(_) if ticket.is_none() => {
                shared.workers.with(|worker| worker.recorder.taken_outside(it.phase, it.command, 1));
                shared.pending.fetch_sub(i64::from(it.progress), Ordering::Relaxed);
            }
            Ok(_) => {}
        }
        if let Some(ReturnTo { request, incarnation, only_failure }) = it.back {
            let response = response(it.command, result);
            if only_failure && !matches!(response, Response::Timeout | Response::Unreachable) {
                shared.pending.fetch_sub(1, Ordering::Relaxed);
            } else {
                shared.memory.tell(from, Item::Response { incarnation, request, response, due: 0 });
            }
        }
        if let (None, Some(sockets)) = (ticket, &shared.sockets) {
            sockets.calls_outside.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Why a message did not arrive, as results have it.
fn cause(error: &CallError) -> Cause {
    match error {
        CallError::Timeout(_) => Cause::Timeout,
        CallError::Refused(_) | CallError::Backlog { .. } => Cause::Overflow,
        CallError::Unreachable { .. } | CallError::Closed => Cause::Crash,
    }
}

/// What a call's end means to the node.
fn response(command: Command, result: &Result<Answer, CallError>) -> Response {
    match result {
        Ok(Answer::Response(text))
            if matches!(command, Command::PreSendModel | Command::GetModel | Command::SwapModel) =>
        {
            Response::Wanted(text == "true")
        }
        Ok(Answer::Empty | Answer::Response(_)) => Response::Empty,
        Ok(Answer::Error(text)) => Response::Error(text.as_str().into()),
        Err(CallError::Timeout(_)) => Response::Timeout,
        Err(_) => Response::Unreachable,
    }
}
