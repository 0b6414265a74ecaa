//! Calls that reach a node's server: read, matched with their ticket, and put into the node's inbox. What cannot be read
//! is answered as the protocol says, and counted; the node hears nothing of it.

use super::Sockets;
use super::guests::Unwelcome;
use super::tickets::{Ticket, key, key_of_call};
use crate::engine::task::envelope::{Back, Envelope, Item};
use crate::engine::task::shared::{Event, Shared};
use crate::metrics::Cause;
use crate::transport::socket::{Answer, Call, Caller, Host, Refusal, Reply};
use crate::wire::decode::{self, DecodeError};
use crate::wire::proto::root_message::PayloadType::Weights;
use crate::wire::{Command, Message, PeerId};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Takes the calls of a node.
#[derive(Clone)]
pub struct Door {
    pub node: PeerId,
    pub shared: Arc<Shared>,
}

/// Why a call says nothing to its node.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Message(#[from] DecodeError),
    #[error(transparent)]
    Unwelcome(#[from] Unwelcome),
    #[error("ValueError: a value of the model is not finite")]
    Infinite,
}

/// What a call says.
struct Arrival {
    source: PeerId,
    message: Message,
}

impl Host for Door {
    fn take(&self, caller: &Caller, call: Call, reply: Reply) {
        let Some(sockets) = &self.shared.sockets else { return };
        let (key, bytes) = match &call {
            Call::Handshake(address) => (key_of_call("handshake", address), size_of_address(address)),
            Call::Disconnect(address) => (key_of_call("disconnect", address), size_of_address(address)),
            Call::Send { message, bytes } => (key(message), *bytes),
        };
        let ticket = sockets.tickets.take(self.node, key);
        let admitted = match (&ticket, &sockets.guests) {
            (None, Some(guests)) if !sockets.tickets.is_late(self.node, key) => {
                guests.admit(&sockets.names, caller, &call, self.shared.clock.wall()).map_err(Unread::from)
            }
            _ => Ok(()),
        };
        let is_model =
            matches!(&call, Call::Send { message, .. } if matches!(message.payload_type, Some(Weights(_))));
        match admitted {
            Err(error) => {
                reply.answer(Answer::Error(error.to_string()));
                self.refused(sockets, &error, ticket);
            }
            Ok(()) if is_model && ticket.is_none() => self.finish_beside(sockets, call, bytes, reply),
            Ok(()) => self.finish(sockets, call, ticket, bytes, reply),
        }
    }
}

impl Door {
    /// Reads a model of a peer outside, and delivers it, where that keeps nobody waiting.
    fn finish_beside(&self, sockets: &Sockets, call: Call, bytes: u64, reply: Reply) {
        let size = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut hold = sockets.waiting.begin();
        if !hold.is(size) {
            sockets.traffic.refused(Refusal::Held);
            return reply.answer(Answer::Error("ValueError: too many models at a time".into()));
        }
        let (door, reading) = (self.clone(), Arc::clone(&sockets.reading));
        tokio::spawn(async move {
            let _place = reading.acquire().await;
            let finish = move || {
                if let Some(sockets) = &door.shared.sockets {
                    door.finish(sockets, call, None, bytes, reply);
                }
            };
            // Whatever became of it, there is room for the next.
            let _ = tokio::task::spawn_blocking(finish).await;
            drop(hold);
        });
    }

    /// Reads what is said, and delivers it.
    fn finish(&self, sockets: &Sockets, call: Call, ticket: Option<Ticket>, bytes: u64, reply: Reply) {
        let read = self.read(sockets, call).and_then(|arrival| match &arrival.message {
            // What nodes of this run have learnt is theirs, whatever it has come to.
            Message::Weights(it) if ticket.is_none() && !it.model.is_finite() => Err(Unread::Infinite),
            _ => Ok(arrival),
        });
        match read {
            Ok(arrival) => self.deliver(arrival, ticket, bytes, reply),
            Err(error) => {
                reply.answer(Answer::Error(error.to_string()));
                self.refused(sockets, &error, ticket);
            }
        }
    }

    fn read(&self, sockets: &Sockets, call: Call) -> Result<Arrival, Unread> {
        match call {
            Call::Handshake(address) => {
                Ok(Arrival { source: self.peer(sockets, &address)?, message: Message::Handshake })
            }
            Call::Disconnect(address) => {
                Ok(Arrival { source: self.peer(sockets, &address)?, message: Message::Disconnect })
            }
            Call::Send { message, .. } => {
                let book = &self.shared.plan.rules.book;
                let read = decode::root(book, &sockets.names, message, &sockets.expected)?;
                Ok(Arrival { source: read.source, message: read.message })
            }
        }
    }

    /// The number of whoever calls.
    fn peer(&self, sockets: &Sockets, address: &str) -> Result<PeerId, Unread> {
        sockets.names.find(address).ok_or(Unread::Unwelcome(Unwelcome::Stranger))
    }

    fn deliver(&self, arrival: Arrival, ticket: Option<Ticket>, bytes: u64, reply: Reply) {
        let shared = &self.shared;
        let Arrival { source, mut message } = arrival;
        let now = shared.clock.wall();
        let outside = ticket.is_none();
        let ticket = ticket.unwrap_or_else(|| self.stranger(source, &message, bytes, now));
        match &mut message {
            Message::Gossip(parcel) => {
                if let Some([gossip]) = Arc::get_mut(parcel) {
                    (gossip.hops, gossip.born) = (ticket.hops, ticket.born);
                }
            }
            Message::Own(own) => own.hops = ticket.hops,
            Message::Probe(probe) => probe.due = ticket.born,
            _ => {}
        }
        let envelope = Envelope {
            from: ticket.from,
            message,
            back: Some(Back::Caller(reply)),
            sent: ticket.sent,
            due: now,
            bytes,
            phase: ticket.phase,
            progress: ticket.progress,
            through: false,
            outside,
        };
        if let Err(Item::Message(envelope)) = shared.memory.send(self.node, bytes, Item::Message(envelope)) {
            let command = command_of(&envelope.message);
            shared.workers.with(|it| it.recorder.dropped(envelope.phase, command, Cause::Overflow, 1));
            shared.pending.fetch_sub(i64::from(envelope.progress), Ordering::Relaxed);
        }
    }

    /// A message that nobody here has sent counts as sent when it arrives.
    fn stranger(&self, source: PeerId, message: &Message, bytes: u64, now: u64) -> Ticket {
        let shared = &self.shared;
        let phase = shared.phase();
        shared.sockets.iter().for_each(|it| it.heard_of(source, None));
        shared.workers.with(|it| it.recorder.sent_outside(phase, command_of(message), bytes));
        let progress = message.moves_on();
        shared.pending.fetch_add(i64::from(progress), Ordering::Relaxed);
        let born = shared.clock.scenario(now);
        let command = command_of(message);
        Ticket { from: source, sent: now, phase, command, progress, hops: 0, born }
    }

    /// A call that says nothing that could be understood.
    fn refused(&self, sockets: &Sockets, error: &Unread, ticket: Option<Ticket>) {
        if let Unread::Unwelcome(why) = error {
            sockets.traffic.refused(why.refusal());
        } else if sockets.unread.fetch_add(1, Ordering::Relaxed) == 0 {
            let text = format!("node {} was sent what it could not read, the first time: {error}", self.node);
            self.shared.tell(Event::Noticed(text));
        }
        if let Some(ticket) = ticket {
            // One of ours: its account must add up all the same.
            self.shared
                .workers
                .with(|it| it.recorder.dropped(ticket.phase, ticket.command, Cause::Overflow, 1));
            self.shared.pending.fetch_sub(i64::from(ticket.progress), Ordering::Relaxed);
        }
    }
}

/// The command of a message; gossip comes one at a time here.
fn command_of(message: &Message) -> Command {
    match message {
        Message::Gossip(parcel) => parcel.first().map_or(Command::Beat, |it| it.body.command()),
        other => other.command().unwrap_or(Command::Beat),
    }
}

/// Bytes of a `HandShakeRequest`.
fn size_of_address(address: &str) -> u64 {
    let len = address.len() as u64;
    1 + prost::encoding::encoded_len_varint(len) as u64 + len
}
