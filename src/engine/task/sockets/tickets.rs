//! Who sent what to whom, and when: kept beside the sockets, inside this process. So the time that a message takes one
//! way is measured, and what became of it is accounted for, without a byte more on the wire.
//!
//! A ticket is left when a message is handed to the socket, and taken up by the node that the message reaches, which
//! knows it by what the message says. Messages that say the same to the same node take each other's tickets in the
//! order in which they were sent: which of them is which makes no difference to anybody.

use crate::metrics::Phase;
use crate::time::Time;
use crate::wire::{Command, PeerId, proto};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of a message that is not on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ticket {
    /// Who sent it: of gossip, the last link.
    pub from: PeerId,
    /// When it was handed over: nanoseconds of wall time since the run began.
    pub sent: u64,
    /// The phase it was sent in.
    pub phase: Phase,
    /// What it tells its receiver to do.
    pub command: Command,
    /// Whether it can move a node on.
    pub progress: bool,
    /// Links that gossip has crossed.
    pub hops: u16,
    /// When gossip left its source, or a probe was meant to be sent.
    pub born: Time,
}

/// The tickets of all messages under way, by receiver.
#[derive(Debug)]
pub struct Tickets {
    to: Box<[Mutex<Waiting>]>,
}

#[derive(Debug, Default)]
struct Waiting {
    first: HashMap<u64, (u64, Ticket), FixedState>,
    /// Tickets of messages that say what another says that is under way already, in their order. They are rare.
    others: Vec<(u64, u64, Ticket)>,
    count: u64,
    /// What messages were known by whose tickets were taken back: they may get there all the same.
    late: VecDeque<u64>,
}

/// So many messages may still get there after their ticket was taken back.
const MAX_LATE: usize = 1_024;

impl Tickets {
    /// For messages to so many nodes.
    pub fn new(nodes: u32) -> Self {
        Self { to: (0..nodes).map(|_| Mutex::default()).collect() }
    }

    /// Leaves a ticket. The number names it to [`Tickets::withdraw`]; nothing if the receiver is not in this process.
    pub fn leave(&self, to: PeerId, key: u64, ticket: Ticket) -> Option<u64> {
        let mut waiting = self.of(to)?;
        waiting.count += 1;
        let number = waiting.count;
        match waiting.first.entry(key) {
            Entry::Vacant(place) => {
                place.insert((number, ticket));
            }
            Entry::Occupied(_) => waiting.others.push((key, number, ticket)),
        }
        Some(number)
    }

    /// Takes up the ticket of a message that has arrived; nothing if it comes from outside.
    pub fn take(&self, to: PeerId, key: u64) -> Option<Ticket> {
        let mut waiting = self.of(to)?;
        let (_, ticket) = waiting.first.remove(&key)?;
        waiting.promote(key);
        Some(ticket)
    }

    /// Takes back the ticket of a message that did not get there; false if it did.
    pub fn withdraw(&self, to: PeerId, key: u64, number: u64) -> bool {
        let Some(mut waiting) = self.of(to) else { return false };
        if waiting.first.get(&key).is_some_and(|(it, _)| *it == number) {
            waiting.first.remove(&key);
            waiting.promote(key);
        } else {
            let place = waiting.others.iter().position(|(_, it, _)| *it == number);
            let Some(i) = place else { return false };
            waiting.others.remove(i);
        }
        if waiting.late.len() == MAX_LATE {
            waiting.late.pop_front();
        }
        waiting.late.push_back(key);
        true
    }

    /// Whether a message without a ticket is one of ours, which was given up before it got there. Each is once.
    pub fn is_late(&self, to: PeerId, key: u64) -> bool {
        let Some(mut waiting) = self.of(to) else { return false };
        let place = waiting.late.iter().position(|it| *it == key);
        place.map(|i| waiting.late.remove(i)).is_some()
    }

    fn of(&self, to: PeerId) -> Option<MutexGuard<'_, Waiting>> {
        Some(self.to.get(to as usize)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Waiting {
    fn promote(&mut self, key: u64) {
        if self.others.is_empty() {
            return;
        }
        if let Some(i) = self.others.iter().position(|(it, ..)| *it == key) {
            let (_, number, ticket) = self.others.remove(i);
            self.first.insert(key, (number, ticket));
        }
    }
}

/// What a message is known by. Of a model only the length counts: who sends it, in which round and whose training went
/// into it tell it apart from others.
pub fn key(message: &proto::RootMessage) -> u64 {
    use proto::root_message::PayloadType;
    let mut hash = FixedState::default().build_hasher();
    message.cmd.hash(&mut hash);
    message.source.hash(&mut hash);
    message.round.hash(&mut hash);
    match &message.payload_type {
        // What gossip says follows from its hash.
        Some(PayloadType::GossipMessage(it)) => (1, it.hash, it.ttl, it.args.len()).hash(&mut hash),
        Some(PayloadType::DirectMessage(it)) => (2, &it.args).hash(&mut hash),
        Some(PayloadType::Weights(it)) => {
            (3, it.weights.len(), &it.contributors, it.num_samples).hash(&mut hash);
        }
        None => {}
    }
    hash.finish()
}

/// What a handshake or a disconnect is known by.
pub fn key_of_call(call: &'static str, address: &str) -> u64 {
    FixedState::default().hash_one((call, address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ticket(sent: u64) -> Ticket {
        let (phase, command, born) = (Phase::Learning, Command::Beat, Time::ZERO);
        Ticket { from: 0, sent, phase, command, progress: true, hops: 0, born }
    }

    #[test]
    fn a_message_from_outside_has_none() {
        let tickets = Tickets::new(1);
        assert_eq!(tickets.take(0, 7), None);
        assert_eq!(tickets.leave(1, 7, ticket(1)), None, "nobody here would take it up");
        assert_eq!(tickets.take(1, 7), None);
    }

    #[test]
    fn a_message_that_was_given_up_and_comes_all_the_same_is_known_once() {
        let tickets = Tickets::new(1);
        let number = tickets.leave(0, 7, ticket(1)).unwrap();
        assert!(!tickets.is_late(0, 7));
        assert!(tickets.withdraw(0, 7, number));
        assert_eq!(tickets.take(0, 7), None);
        assert!(tickets.is_late(0, 7) && !tickets.is_late(0, 7));
    }

    proptest! {
        #[test]
        fn whatever_was_left_is_taken_up_once_or_withdrawn_in_its_order(
            steps in proptest::collection::vec((0..3u64, 0..3u8), 0..80)
        ) {
            let tickets = Tickets::new(1);
            // What must be there, by key, in order.
            let mut there: Vec<(u64, u64, u64)> = Vec::new();
            for (sent, (key, step)) in (0..).zip(steps) {
                let first = there.iter().position(|it| it.0 == key);
                match step {
                    0 => {
                        let number = tickets.leave(0, key, ticket(sent)).unwrap();
                        there.push((key, number, sent));
                    }
                    1 => {
                        let expected = first.map(|i| there.remove(i).2);
                        prop_assert_eq!(tickets.take(0, key).map(|it| it.sent), expected);
                    }
                    _ => {
                        let last = there.iter().rposition(|it| it.0 == key);
                        match last.map(|i| there.remove(i)) {
                            Some((_, number, _)) => {
                                prop_assert!(tickets.withdraw(0, key, number));
                                prop_assert!(!tickets.withdraw(0, key, number), "it is gone");
                            }
                            None => prop_assert!(!tickets.withdraw(0, key, u64::MAX)),
                        }
                    }
                }
            }
        }
    }
}
