//! The transport within the process, between two ends: inboxes, as the nodes of a run have them.

use crate::node::io::RequestId;
use crate::time::Time;
use crate::transport::Memory;
use crate::wire::{Message, PeerId, Probe, Response};
use flume::Receiver;

/// Bytes that an inbox takes: none is ever full.
const ROOM: u64 = 1 << 40;

/// One inbox takes messages; the others are those of whoever sends them and waits for the answer.
pub struct Inboxes {
    memory: Memory<Item>,
    receivers: Vec<Receiver<Item>>,
}

/// What lies in them, as it does in those of nodes: a message with who sent it, or the answer to one.
enum Item {
    Message { from: PeerId, message: Message, request: RequestId, bytes: u64 },
    Response { request: RequestId, response: Response },
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
        let probe = Probe { cell: 0, size: bytes as u32, due: Time::ZERO };
        let (message, request) = (Message::Probe(probe), RequestId::default());
        let item = Item::Message { from: caller, message, request, bytes };
        if self.memory.send(self.taker(), bytes, item).is_ok()
            && let Ok(Item::Response { request, response }) =
                self.receivers[caller as usize].recv_async().await
        {
            std::hint::black_box((request, response));
        }
    }

    /// Takes messages and answers them, for ever.
    pub async fn take(&self) {
        let taker = self.taker();
        while let Ok(item) = self.receivers[taker as usize].recv_async().await {
            let Item::Message { from, message, request, bytes } = item else { continue };
            self.memory.taken(taker, bytes);
            drop(std::hint::black_box(message));
            self.memory.tell(from, Item::Response { request, response: Response::Empty });
        }
    }
}
