//! Counters of messages, as recorders keep them.

use super::Cause;

/// What became of the messages of one command, in one phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handed over by nodes.
    pub sent: u64,
    /// Made by the network on top of what was sent.
    pub network_copies: u64,
    /// Taken by a node and new to it.
    pub delivered: u64,
    /// Taken by a node that knew it already.
    pub duplicate: u64,
    /// Lost, by the number of the cause.
    pub dropped: [u64; Cause::COUNT],
    /// Bytes of the protobuf encoding of what was sent.
    pub payload_bytes: u64,
    /// Bytes that the transport put on the link for it.
    pub wire_bytes: u64,
}

impl Counts {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Lost for any cause.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().copied().fold(0, u64::saturating_add)
    }

    /// Sent and copied, but neither taken nor dropped when the run ended. Negative if more was accounted for than
    /// was sent, which is a fault of whoever records.
    pub fn in_flight(&self) -> i128 {
        let sum = |parts: &[u64]| parts.iter().map(|part| i128::from(*part)).sum::<i128>();
        sum(&[self.sent, self.network_copies])
            - sum(&[self.delivered, self.duplicate])
            - self.dropped.iter().map(|part| i128::from(*part)).sum::<i128>()
    }

    /// Adds those of another recorder, phase or command.
    pub fn merge(&mut self, other: &Self) {
        add(&mut self.sent, other.sent);
        add(&mut self.network_copies, other.network_copies);
        add(&mut self.delivered, other.delivered);
        add(&mut self.duplicate, other.duplicate);
        self.dropped.iter_mut().zip(other.dropped).for_each(|(ours, theirs)| add(ours, theirs));
        add(&mut self.payload_bytes, other.payload_bytes);
        add(&mut self.wire_bytes, other.wire_bytes);
    }
}

/// A counter that reaches its end stays there rather than starting again; no real run gets that far.
pub(super) fn add(counter: &mut u64, count: u64) {
    debug_assert!(counter.checked_add(count).is_some(), "a counter overflows");
    *counter = counter.saturating_add(count);
}
