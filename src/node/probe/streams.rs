//! To whom a node sends, and which of its messages have not been answered.

use super::spec::Pattern;
use crate::node::io::{Peers, RequestId};
use crate::time::Time;
use crate::wire::PeerId;

/// Requests of a probe have this bit, so that they are told from handshakes.
const MARK: RequestId = 1 << 31;

/// What a node sends to one peer in one cell.
#[derive(Clone, Debug)]
pub struct Stream {
    pub peer: PeerId,
    /// Messages so far.
    pub sent: u64,
    /// Those of them that nothing is known of yet.
    pub open: u32,
    /// Those sent since the last one that asked for an answer, that one not included.
    pub unasked: u32,
    /// Nothing more is sent: the count is reached, or the peer cannot be.
    pub done: bool,
}

/// A message that asks for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub stream: u32,
    /// The cell in which it was sent.
    pub of: u32,
    /// The cell that it is measured for, or [`crate::wire::NO_ROUND`].
    pub cell: i32,
    /// How many messages its answer tells of.
    pub worth: u32,
    pub sent: Time,
    pub due: Time,
}

/// Messages that ask for an answer and have none yet. Numbers are used again, so that as much is kept as is under way
/// at a time.
#[derive(Debug, Default)]
pub struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
}

impl Stream {
    pub const fn to(peer: PeerId) -> Self {
        Self { peer, sent: 0, open: 0, unasked: 0, done: false }
    }
}

impl Slots {
    /// Keeps what is known of a request, and gives it a number.
    pub fn keep(&mut self, slot: Slot) -> RequestId {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        self.slots[place as usize] = Some(slot);
        place | MARK
    }

    /// What is known of a request that was answered; nothing if it is none of these.
    pub fn take(&mut self, request: RequestId) -> Option<Slot> {
        let place = (request & MARK != 0).then_some(request & !MARK)?;
        let slot = self.slots.get_mut(place as usize)?.take()?;
        self.free.push(place);
        Some(slot)
    }

    /// Whether all have been answered.
    pub fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }
}

/// To whom a node sends. With a pattern of few it sends to neighbours only, which the engine's plan makes sure of.
pub fn peers(node: PeerId, neighbours: &Peers, pattern: Pattern) -> Vec<PeerId> {
    let has = |peer: PeerId| neighbours.iter().any(|(it, _)| it == peer);
    match pattern {
        Pattern::AllNeighbours => neighbours.iter().map(|(peer, _)| peer).collect(),
        Pattern::Pairs => [node ^ 1].into_iter().filter(|&peer| has(peer)).collect(),
        Pattern::Ring => {
            let next = node.wrapping_add(1);
            // The last node has no next one.
            [if has(next) { next } else { 0 }].into_iter().filter(|&peer| has(peer)).collect()
        }
    }
}
