//! Where events wait for their window: a ring of buckets for the near future, and coarse buckets for the rest.
//!
//! Nothing is sorted here. An event goes into the bucket of its window in constant time, and a window is sorted when
//! its turn comes. Buckets are made of small blocks that are used again, so that memory follows the events that wait
//! and not the busiest moment of every bucket.

use super::core::Event;
use std::collections::BTreeMap;

/// Windows that the ring holds; what is later waits in a coarse bucket as wide as the ring.
const RING: u64 = 1_024;
/// Events in a block, as a power of two.
const BLOCK_BITS: usize = 5;
const BLOCK: usize = 1 << BLOCK_BITS;
/// Empty blocks that are kept for later use: as many as half a million events need.
const SPARE: usize = 16_384;

/// The number of a window: time divided by the width of a window.
pub type Window = u64;

/// Room for some events of one window.
type Block<B> = Box<[Option<Event<B>>; BLOCK]>;

/// The events of one window, in no order. Each can be taken out once.
#[derive(Debug)]
pub struct Bucket<B> {
    blocks: Vec<Block<B>>,
    len: usize,
}

/// Events by window.
#[derive(Debug)]
pub struct Calendar<B> {
    /// The width of a window in nanoseconds.
    width: u64,
    ring: Box<[Bucket<B>]>,
    /// A bit for every bucket of the ring that holds something.
    occupied: [u64; (RING / 64) as usize],
    /// The first window that has not been taken. The ring holds this one and those after it.
    next: Window,
    /// By the number of the ring's turn, with the first window of each in which there is something.
    far: BTreeMap<u64, (Window, Bucket<B>)>,
    /// Empty blocks.
    spare: Vec<Block<B>>,
}

impl<B> Default for Bucket<B> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }
}

impl<B> Bucket<B> {
    /// Whether nothing was put in.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many events were put in.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The event at a place, unless it has been taken.
    pub fn get(&self, place: usize) -> Option<&Event<B>> {
        self.blocks[place >> BLOCK_BITS][place & (BLOCK - 1)].as_ref()
    }

    /// Takes the event at a place.
    pub fn take(&mut self, place: usize) -> Option<Event<B>> {
        self.blocks[place >> BLOCK_BITS][place & (BLOCK - 1)].take()
    }

    /// All events that have not been taken, with their places.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Event<B>)> {
        let slots = self.blocks.iter().flat_map(|block| block.iter()).enumerate();
        slots.filter_map(|(place, slot)| slot.as_ref().map(|event| (place, event)))
    }

    fn push(&mut self, event: Event<B>, spare: &mut Vec<Block<B>>) {
        if self.len & (BLOCK - 1) == 0 {
            self.blocks.push(spare.pop().unwrap_or_else(|| Box::new([const { None }; BLOCK])));
        }
        self.blocks[self.len >> BLOCK_BITS][self.len & (BLOCK - 1)] = Some(event);
        self.len += 1;
    }
}

impl<B> Calendar<B> {
    /// An empty one with windows of so many nanoseconds.
    ///
    /// # Panics
    /// If the width is zero.
    pub fn new(width: u64) -> Self {
        assert!(width > 0, "a window has a width");
        Self {
            width,
            ring: (0..RING).map(|_| Bucket::default()).collect(),
            occupied: [0; (RING / 64) as usize],
            next: 0,
            far: BTreeMap::new(),
            spare: Vec::new(),
        }
    }

    /// The window of a time.
    pub fn window(&self, at: crate::time::Time) -> Window {
        at.as_nanos() / self.width
    }

    /// Keeps an event until its window.
    ///
    /// # Panics
    /// If its window has been taken already: it would never be seen.
    pub fn push(&mut self, event: Event<B>) {
        let window = self.window(event.at);
        assert!(window >= self.next, "an event comes too late for its window");
        if window - self.next < RING {
            let place = (window % RING) as usize;
            self.occupied[place / 64] |= 1 << (place % 64);
            self.ring[place].push(event, &mut self.spare);
        } else {
            let (first, bucket) =
                self.far.entry(window / RING).or_insert_with(|| (window, Bucket::default()));
            *first = window.min(*first);
            bucket.push(event, &mut self.spare);
        }
    }

    /// The first window in which there is something.
    pub fn first(&self) -> Option<Window> {
        let far = self.far.first_key_value().map(|(_, (first, _))| *first);
        match (self.first_in_ring(), far) {
            (Some(ring), Some(far)) => Some(ring.min(far)),
            (ring, far) => ring.or(far),
        }
    }

    fn first_in_ring(&self) -> Option<Window> {
        let words = self.occupied.len();
        let start = (self.next % RING) as usize;
        // The word in which the search begins is looked at twice: first from the start on, at last up to it.
        for i in 0..=words {
            let index = (start / 64 + i) % words;
            let from_start = u64::MAX << (start % 64);
            let mask = match i {
                0 => from_start,
                _ if i == words => !from_start,
                _ => u64::MAX,
            };
            let bits = self.occupied[index] & mask;
            if bits != 0 {
                let place = index as u64 * 64 + u64::from(bits.trailing_zeros());
                return Some(self.next + (place + RING - self.next % RING) % RING);
            }
        }
        None
    }

    /// Takes the events of a window. Windows are taken in ascending order; those left out must be empty.
    pub fn take(&mut self, window: Window) -> Bucket<B> {
        debug_assert!(self.first().is_none_or(|first| window <= first), "a window was left out");
        self.next = window;
        while let Some(entry) = self.far.first_entry()
            && *entry.key() <= window / RING
        {
            let (_, mut bucket) = entry.remove();
            for place in 0..bucket.len() {
                if let Some(event) = bucket.take(place) {
                    self.push(event);
                }
            }
            self.recycle(bucket);
        }
        let place = (window % RING) as usize;
        self.occupied[place / 64] &= !(1 << (place % 64));
        let bucket = std::mem::take(&mut self.ring[place]);
        self.next = window + 1;
        bucket
    }

    /// Gives back a bucket whose events have all been taken.
    pub fn recycle(&mut self, mut bucket: Bucket<B>) {
        debug_assert_eq!(bucket.iter().count(), 0, "an event was left behind");
        let room = SPARE.saturating_sub(self.spare.len());
        bucket.blocks.truncate(room);
        self.spare.append(&mut bucket.blocks);
    }

    /// All events that wait.
    pub fn iter(&self) -> impl Iterator<Item = &Event<B>> {
        let far = self.far.values().map(|(_, bucket)| bucket);
        self.ring.iter().chain(far).flat_map(Bucket::iter).map(|(_, event)| event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;
    use proptest::prelude::*;

    fn event(at: u64, seq: u32) -> Event<bool> {
        Event { at: Time::from_nanos(at), to: 0, from: 0, seq, body: true }
    }

    proptest! {
        /// Whatever is put in, however far ahead and while windows are being taken, comes out in its window.
        #[test]
        fn every_event_comes_out_in_its_window(
            width in 1_u64..50,
            steps in proptest::collection::vec(
                (proptest::collection::vec(prop_oneof![0_u64..500, 0_u64..500_000], 0..8), any::<bool>()),
                1..60,
            ),
        ) {
            let mut calendar = Calendar::new(width);
            let mut waiting = BTreeMap::<u64, Vec<u32>>::new();
            let (mut now, mut seq) = (0, 0);
            for (pushes, take) in steps {
                for ahead in pushes {
                    seq += 1;
                    calendar.push(event(now + ahead, seq));
                    waiting.entry((now + ahead) / width).or_default().push(seq);
                }
                let first = calendar.first();
                prop_assert_eq!(first, waiting.keys().next().copied());
                prop_assert_eq!(calendar.iter().count(), waiting.values().map(Vec::len).sum::<usize>());
                if let (true, Some(window)) = (take, first) {
                    let mut bucket = calendar.take(window);
                    let mut taken: Vec<u32> =
                        (0..bucket.len()).filter_map(|i| bucket.take(i)).map(|it| it.seq).collect();
                    taken.sort_unstable();
                    prop_assert_eq!(Some(taken), waiting.remove(&window));
                    calendar.recycle(bucket);
                    now = (window + 1) * width;
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "too late")]
    fn what_comes_too_late_is_never_lost_in_silence() {
        let mut calendar = Calendar::new(10);
        calendar.push(event(25, 1));
        calendar.take(2);
        calendar.push(event(29, 2));
    }
}
