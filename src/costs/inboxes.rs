//! The transport within the process, between two ends: inboxes, as the nodes of a run have them.

use crate::metrics::Phase;
use crate::node::io::RequestId;
use crate::time::Time;
use crate::transport::{Back, Envelope, Item, Memory, ReturnTo};
use crate::wire::{Message, PeerId, Probe, Response};
use flume::Receiver;

/// Bytes that an inbox takes: none is ever full.
const ROOM: u64 = 1 << 40;

/// One inbox takes messages; the others are those of whoever sends them and waits for the answer.
pub struct Inboxes {
    memory: Memory<()>,
    receivers: Vec<Receiver<Item<()>>>,
}

impl Inboxes {
    /// For so many that send.
    pub fn new(callers: u32) -> Self {
        let (memory, receivers) = Memory::new(callers + 1, ROOM);
        Self { memory, receivers }
    }

    fn taker(&self) -> PeerId {
        self.receivers.len() as PeerId - 1
    }

    /// Sends a message of so many bytes and waits for its answer.
    pub async fn send(&self, caller: PeerId, bytes: u64) {
        let back =
            Back::Node(ReturnTo { request: RequestId::default(), incarnation: 0, only_failure: false });
        let probe = Probe { cell: 0, size: bytes as u32, due: Time::ZERO };
        let envelope = Envelope {
            from: caller,
            message: Message::Probe(probe),
            back: Some(back),
            sent: 0,
            due: 0,
            bytes,
            phase: Phase::Learning,
            progress: true,
            through: false,
            outside: false,
        };
        if self.memory.send(self.taker(), envelope).is_ok() {
            let _ = std::hint::black_box(self.receivers[caller as usize].recv_async().await);
        }
    }

    /// Takes messages and answers them, for ever.
    pub async fn take(&self) {
        let taker = self.taker();
        while let Ok(item) = self.receivers[taker as usize].recv_async().await {
            let Item::Message(envelope) = item else { continue };
            self.memory.taken(taker, envelope.bytes);
            if let Some(Back::Node(ReturnTo { request, incarnation, .. })) = envelope.back {
                let response = Response::Empty;
                self.memory.tell(envelope.from, Item::Response { incarnation, request, response, due: 0 });
            }
        }
    }
}
