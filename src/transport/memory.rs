//! The in-memory transport: every node has an inbox, messages are passed by reference and never serialised. What comes in
//! over a socket is put into the same inboxes.
//!
//! Inboxes are bounded by the bytes of the messages in them, not by their number: a thousand heartbeats are nothing,
//! a thousand models are a gigabyte. A message that does not fit is handed back. Senders never wait: two full nodes
//! that waited for each other would wait for ever.

use super::socket::Reply;
use crate::metrics::Phase;
use crate::node::io::{JobId, JobResult, RequestId};
use crate::wire::{Message, PeerId, Response};
use flume::{Receiver, Sender};
use std::sync::atomic::{AtomicU64, Ordering};

/// A message on its way.
#[derive(Debug)]
pub struct Envelope {
    /// Who sent it.
    pub from: PeerId,
    /// What.
    pub message: Message,
    /// Where a response goes, if one is wanted.
    pub back: Option<Back>,
    /// When it was handed over: nanoseconds of wall time since the run began.
    pub sent: u64,
    /// Not to be taken before this, in the same time.
    pub due: u64,
    /// Bytes of its protobuf encoding.
    pub bytes: u64,
    /// The phase it was sent in.
    pub phase: Phase,
    /// Whether it can move a node on: heartbeats cannot.
    pub progress: bool,
    /// Whether it is through the receiver's downlink.
    pub through: bool,
    /// Whether it comes from a peer outside this program: when it was sent is then not known.
    pub outside: bool,
}

/// Where a response goes.
#[derive(Debug)]
pub enum Back {
    /// To a node of this run, through its inbox.
    Node(ReturnTo),
    /// To whoever made the call over a socket.
    Caller(Reply),
}

/// Where a response to a node of this run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnTo {
    /// Named in the response.
    pub request: RequestId,
    /// The sender's incarnation: a restarted node gets no answers to what it asked before.
    pub incarnation: u32,
    /// Only a failure is told.
    pub only_failure: bool,
}

/// What lies in an inbox. `C` is what the engine tells its nodes.
#[derive(Debug)]
pub enum Item<C> {
    /// A message.
    Message(Envelope),
    /// The answer to a request.
    Response {
        /// Whose request it was.
        incarnation: u32,
        /// Which.
        request: RequestId,
        /// The answer.
        response: Response,
        /// Not to be taken before this wall time.
        due: u64,
    },
    /// A job is done.
    JobDone {
        /// Who started it.
        incarnation: u32,
        /// Which.
        job: JobId,
        /// What came of it; what the panic said if it panicked.
        result: Result<JobResult, String>,
        /// Not to be taken before this wall time.
        due: u64,
    },
    /// The engine has something to say.
    Command(C),
}

/// The inboxes of all nodes.
#[derive(Debug)]
pub struct Memory<C> {
    inboxes: Box<[Inbox<C>]>,
    limit: u64,
}

#[derive(Debug)]
struct Inbox<C> {
    sender: Sender<Item<C>>,
    bytes: AtomicU64,
}

/// The receiver's inbox has no room for this message.
#[derive(Debug)]
pub struct Full(pub Envelope);

impl<C> Memory<C> {
    /// Inboxes for so many nodes, each for so many bytes, and the ends that the nodes read.
    pub fn new(nodes: u32, limit: u64) -> (Self, Vec<Receiver<Item<C>>>) {
        let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..nodes)
            .map(|_| {
                let (sender, receiver) = flume::unbounded();
                (Inbox { sender, bytes: AtomicU64::new(0) }, receiver)
            })
            .unzip();
        (Self { inboxes: inboxes.into(), limit }, receivers)
    }

    /// Hands a message over.
    ///
    /// # Errors
    /// The message, if the receiver's inbox has no room for it.
    pub fn send(&self, to: PeerId, envelope: Envelope) -> Result<(), Full> {
        let inbox = &self.inboxes[to as usize];
        let before = inbox.bytes.fetch_add(envelope.bytes, Ordering::Relaxed);
        // A message larger than the whole inbox still goes into an empty one.
        if before > 0 && before.saturating_add(envelope.bytes) > self.limit {
            inbox.bytes.fetch_sub(envelope.bytes, Ordering::Relaxed);
            return Err(Full(envelope));
        }
        // A node whose task has ended takes nothing any more: the run is over.
        let _ = inbox.sender.send(Item::Message(envelope));
        Ok(())
    }

    /// Hands over what is not a message, and always fits.
    pub fn tell(&self, to: PeerId, item: Item<C>) {
        let _ = self.inboxes[to as usize].sender.send(item);
    }

    /// A message has been taken out of an inbox.
    pub fn taken(&self, by: PeerId, bytes: u64) {
        self.inboxes[by as usize].bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(bytes: u64) -> Envelope {
        Envelope {
            from: 0,
            message: Message::Handshake,
            back: None,
            sent: 0,
            due: 0,
            bytes,
            phase: Phase::Setup,
            progress: true,
            through: false,
            outside: false,
        }
    }

    #[test]
    fn an_inbox_is_bounded_by_bytes_and_has_room_again_when_they_are_taken() {
        let (memory, receivers) = Memory::<()>::new(2, 100);
        assert!(memory.send(1, envelope(60)).is_ok());
        assert!(memory.send(1, envelope(60)).is_err());
        assert!(memory.send(0, envelope(60)).is_ok(), "each inbox has its own bound");
        assert!(matches!(receivers[1].try_recv(), Ok(Item::Message(it)) if it.bytes == 60));
        memory.taken(1, 60);
        assert!(memory.send(1, envelope(1_000)).is_ok(), "what is larger than the bound goes in alone");
        assert!(memory.send(1, envelope(1)).is_err());
    }
}
