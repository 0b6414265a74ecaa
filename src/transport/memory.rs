//! The in-memory transport: every node has an inbox, and what is put there is passed by reference and never serialised. What
//! comes in over a socket is put into the same inboxes. What lies in them is for who uses them to say.
//!
//! Inboxes are bounded by the bytes of the messages in them, not by their number: a thousand heartbeats are nothing,
//! a thousand models are a gigabyte. A message that does not fit is handed back. Senders never wait: two full nodes
//! that waited for each other would wait for ever.

use crate::wire::PeerId;
use flume::{Receiver, Sender};
use std::sync::atomic::{AtomicU64, Ordering};

/// The inboxes of all nodes.
#[derive(Debug)]
pub struct Memory<T> {
    inboxes: Box<[Inbox<T>]>,
    limit: u64,
}

#[derive(Debug)]
struct Inbox<T> {
    sender: Sender<T>,
    bytes: AtomicU64,
}

impl<T> Memory<T> {
    /// Inboxes for so many nodes, each for so many bytes, and the ends that the nodes read.
    pub fn new(nodes: u32, limit: u64) -> (Self, Vec<Receiver<T>>) {
        let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..nodes)
            .map(|_| {
                let (sender, receiver) = flume::unbounded();
                (Inbox { sender, bytes: AtomicU64::new(0) }, receiver)
            })
            .unzip();
        (Self { inboxes: inboxes.into(), limit }, receivers)
    }

    /// Hands over something of so many bytes.
    ///
    /// # Errors
    /// What was to be handed over, if the receiver's inbox has no room for it.
    pub fn send(&self, to: PeerId, bytes: u64, item: T) -> Result<(), T> {
        let inbox = &self.inboxes[to as usize];
        let before = inbox.bytes.fetch_add(bytes, Ordering::Relaxed);
        // A message larger than the whole inbox still goes into an empty one.
        if before > 0 && before.saturating_add(bytes) > self.limit {
            inbox.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(item);
        }
        // A node whose task has ended takes nothing any more: the run is over.
        let _ = inbox.sender.send(item);
        Ok(())
    }

    /// Hands over what counts for nothing, and always fits.
    pub fn tell(&self, to: PeerId, item: T) {
        let _ = self.inboxes[to as usize].sender.send(item);
    }

    /// So many bytes have been taken out of an inbox.
    pub fn taken(&self, by: PeerId, bytes: u64) {
        self.inboxes[by as usize].bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_is_bounded_by_bytes_and_has_room_again_when_they_are_taken() {
        let (memory, receivers) = Memory::new(2, 100);
        assert_eq!(memory.send(1, 60, "first"), Ok(()));
        assert_eq!(memory.send(1, 60, "second"), Err("second"));
        assert_eq!(memory.send(0, 60, "other"), Ok(()), "each inbox has its own bound");
        memory.tell(1, "told");
        assert_eq!(receivers[1].drain().collect::<Vec<_>>(), ["first", "told"]);
        memory.taken(1, 60);
        assert_eq!(memory.send(1, 1_000, "large"), Ok(()), "what is larger than the bound goes in alone");
        assert_eq!(memory.send(1, 1, "small"), Err("small"));
    }
}
