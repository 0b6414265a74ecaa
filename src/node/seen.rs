//! Which gossip messages a node already knows, so that it takes each once.
//!
//! P2PFL remembers a fixed number of hashes: where more messages than that are under way, it forgets some that still
//! circulate, takes them again and forwards them again. `repaired` remembers by age instead: longer than a message
//! can circulate.

use crate::time::Time;
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use std::collections::VecDeque;
use std::time::Duration;

type Hashes = HashSet<i64, FixedState>;

/// Known hashes.
#[derive(Debug)]
pub enum Seen {
    /// The last so many, first in, first out.
    Count {
        /// How many may be held.
        capacity: usize,
        /// For looking up.
        hashes: Hashes,
        /// For forgetting.
        order: VecDeque<i64>,
    },
    /// All of at least the last `age`, in two generations of which the older is dropped whole.
    Age {
        /// How long a hash is kept at least.
        age: Duration,
        /// When the young generation becomes the old one.
        turn: Time,
        /// Of this generation.
        young: Hashes,
        /// Of the one before.
        old: Hashes,
    },
}

impl Seen {
    /// Remembers the last `saved` hashes and one more: P2PFL drops one only once it holds more than `saved`.
    pub fn count(saved: u64) -> Self {
        let capacity = usize::try_from(saved).unwrap_or(usize::MAX).saturating_add(1);
        Self::Count { capacity, hashes: Hashes::default(), order: VecDeque::new() }
    }

    /// Remembers hashes for at least `age`.
    pub fn age(age: Duration) -> Self {
        Self::Age { age, turn: Time::ZERO, young: Hashes::default(), old: Hashes::default() }
    }

    /// Notes a hash; whether it is new.
    pub fn insert(&mut self, hash: i64, now: Time) -> bool {
        match self {
            Self::Count { capacity, hashes, order } => {
                if !hashes.insert(hash) {
                    return false;
                }
                if order.len() >= *capacity
                    && let Some(oldest) = order.pop_front()
                {
                    hashes.remove(&oldest);
                }
                order.push_back(hash);
                true
            }
            Self::Age { age, turn, young, old } => {
                if now >= *turn {
                    std::mem::swap(young, old);
                    young.clear();
                    if now >= *turn + *age {
                        old.clear();
                    }
                    *turn = now + *age;
                }
                // Most copies follow the first closely. One that is known from before stays known the longer.
                young.insert(hash) && !old.contains(&hash)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_count_the_oldest_is_forgotten_when_one_too_many_comes() {
        let mut seen = Seen::count(2);
        assert!((1..=3).all(|hash| seen.insert(hash, Time::ZERO)));
        assert!(!seen.insert(1, Time::ZERO), "P2PFL holds one more than the setting says");
        assert!(seen.insert(4, Time::ZERO));
        assert!(seen.insert(1, Time::ZERO), "forgotten, so taken again");
        assert!(!seen.insert(4, Time::ZERO));
    }

    #[test]
    fn by_age_a_hash_is_kept_at_least_that_long_and_not_for_ever() {
        let age = Duration::from_secs(10);
        for offset in 0..40 {
            let mut seen = Seen::age(age);
            let at = |seconds: u64| Time::ZERO + Duration::from_secs(seconds);
            // Other messages make the generations turn at any moment relative to the one that is watched.
            for second in 0..offset {
                seen.insert(1_000 + i64::from(second as u32), at(second));
            }
            assert!(seen.insert(7, at(offset)));
            assert!(!seen.insert(7, at(offset + 10)), "offset {offset}");
            seen.insert(8, at(offset + 31));
            assert!(seen.insert(7, at(offset + 42)), "offset {offset}");
        }
    }
}
