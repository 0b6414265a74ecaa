//! Puts the events of a window in order, a handful at a time.
//!
//! First the places of all events are spread over slots, each for a few neighbouring processes, as a counting sort
//! does: this takes the same few nanoseconds an event however many there are. Then one handful of slots after another
//! is sorted in full. Only there are the events themselves looked at, many of them one right after the other, so that
//! the processor fetches them from memory all at once; and they are still in its cache when they happen.

use super::calendar::Bucket;
use crate::time::Time;
use std::ops::Range;

/// A handful has at least so many events, unless it is the last.
pub const HANDFUL: usize = 64;

/// What is left to do in a window.
#[derive(Debug, Default)]
pub struct Agenda {
    /// The slot of every event.
    slots: Vec<u32>,
    /// Where each slot ends among the places.
    ends: Vec<u32>,
    /// The places of events in their bucket, slot by slot.
    places: Vec<u32>,
    /// The next slot.
    slot: usize,
    /// One handful in order.
    keys: Vec<Key>,
}

/// What orders an event, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub to: u32,
    pub at: Time,
    pub from: u32,
    pub seq: u32,
    /// Its place in the bucket.
    pub place: u32,
}

impl Agenda {
    /// Begins with a bucket of events to these processes.
    pub fn spread<B>(&mut self, bucket: &Bucket<B>, processes: Range<u32>) {
        self.slot = 0;
        self.slots.clear();
        self.ends.clear();
        if bucket.is_empty() {
            return;
        }
        // About as many slots as events, and no more than processes.
        let per_slot = (processes.len() / bucket.len()).max(1).ilog2();
        let slots = (processes.len() >> per_slot) + 1;
        self.ends.resize(slots + 1, 0);
        self.slots.extend(bucket.iter().map(|(_, event)| {
            let slot = (event.to - processes.start) >> per_slot;
            self.ends[slot as usize + 1] += 1;
            slot
        }));
        // Where each slot begins; by the time all its places are there it will be where it ends.
        let mut sum = 0;
        for end in &mut self.ends {
            sum += *end;
            *end = sum;
        }
        // Every place is written below: what was there before need not be cleared.
        if self.places.len() < self.slots.len() {
            self.places.resize(self.slots.len(), 0);
        }
        for (place, &slot) in (0..).zip(&self.slots) {
            let end = &mut self.ends[slot as usize];
            self.places[*end as usize] = place;
            *end += 1;
        }
        self.ends.truncate(slots);
    }

    /// The next events, in order of destination, time, source and sequence number. All events of a process come
    /// together.
    pub fn next<B>(&mut self, bucket: &Bucket<B>) -> Option<&[Key]> {
        let start = self.slot.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        let first = self.slot;
        let mut end = start;
        while end - start < HANDFUL && self.slot < self.ends.len() {
            end = self.ends[self.slot] as usize;
            self.slot += 1;
        }
        self.keys.clear();
        self.keys.extend(self.places[start..end].iter().filter_map(|&place| {
            let event = bucket.get(place as usize)?;
            Some(Key { to: event.to, at: event.at, from: event.from, seq: event.seq, place })
        }));
        let mut from = 0;
        for &end in &self.ends[first..self.slot] {
            let end = end as usize - start;
            if end - from > 1 {
                self.keys[from..end].sort_unstable();
            }
            from = end;
        }
        (!self.keys.is_empty()).then_some(&self.keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::calendar::Calendar;
    use crate::engine::event::core::Event;
    use proptest::prelude::*;

    proptest! {
        /// However many events there are for however many processes, they come in order, and those of a process
        /// together.
        #[test]
        fn events_come_in_order(
            first in 0_u32..1_000,
            (processes, events) in (1_u32..300).prop_flat_map(|processes| {
                let event = (0..processes, 0_u64..20, 0_u32..3);
                (Just(processes), proptest::collection::vec(event, 0..600))
            }),
        ) {
            let mut calendar = Calendar::new(100);
            for (&(to, at, from), seq) in events.iter().zip(0..) {
                calendar.push(Event { at: Time::from_nanos(at), to: first + to, from, seq, body: true });
            }
            let mut bucket = calendar.take(0);
            let mut agenda = Agenda::default();
            // What an earlier window left must not matter.
            agenda.spread(&Bucket::<bool>::default(), 0..10);
            prop_assert_eq!(agenda.next(&bucket), None);
            agenda.spread(&bucket, first..first + processes);
            let mut came = Vec::new();
            while let Some(keys) = agenda.next(&bucket) {
                prop_assert!(came.last().is_none_or(|last: &Key| last.to < keys[0].to));
                came.extend_from_slice(keys);
                for key in keys {
                    prop_assert!(bucket.take(key.place as usize).is_some_and(|event| event.to == key.to));
                }
            }
            prop_assert_eq!(came.len(), events.len());
            prop_assert!(came.is_sorted());
        }
    }
}
