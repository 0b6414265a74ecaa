//! Links that lose more than the network does, in one direction.

use crate::wire::PeerId;
use std::sync::Arc;

/// The links that lose more. Of several rules for a link the latest holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Lossy {
    /// In the order in which they were made. A link is not stored by itself: there may be as many as pairs of nodes.
    rules: Vec<Rule>,
}

/// From each of some nodes to each of others, this share of packets is lost.
#[derive(Clone, Debug)]
struct Rule {
    from: Arc<Members>,
    to: Arc<Members>,
    share: f64,
}

/// A set of nodes: a bit for each.
#[derive(Debug, PartialEq, Eq)]
struct Members(Box<[u64]>);

impl Lossy {
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) fn set(&mut self, nodes: u32, from: &[PeerId], to: &[PeerId], share: f64) {
        let (from, to) = (Members::new(nodes, from), Members::new(nodes, to));
        // What is overruled on all of its links is forgotten, so that rules do not pile up in a long script.
        self.rules.retain(|old| !(old.from.within(&from) && old.to.within(&to)));
        let overrules = |old: &Rule| old.from.meets(&from) && old.to.meets(&to);
        if share > 0.0 || self.rules.iter().any(overrules) {
            self.rules.push(Rule { from: Arc::new(from), to: Arc::new(to), share });
        }
    }

    pub(super) fn share(&self, from: PeerId, to: PeerId) -> f64 {
        let holds = |rule: &&Rule| rule.from.contains(from) && rule.to.contains(to);
        self.rules.iter().rev().find(holds).map_or(0.0, |rule| rule.share)
    }
}

impl Members {
    fn new(nodes: u32, which: &[PeerId]) -> Self {
        let mut bits = vec![0; (nodes as usize).div_ceil(64)];
        for &node in which {
            bits[node as usize / 64] |= 1 << (node % 64);
        }
        Self(bits.into())
    }

    fn contains(&self, node: PeerId) -> bool {
        self.0.get(node as usize / 64).is_some_and(|bits| bits >> (node % 64) & 1 == 1)
    }

    fn within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, others)| own & !others == 0)
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(own, others)| own & others != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_direction_loses_and_the_other_does_not() {
        let mut lossy = Lossy::default();
        lossy.set(100, &[0, 70], &[1, 99], 0.3);
        assert_eq!((lossy.share(0, 1), lossy.share(70, 99)), (0.3, 0.3));
        assert_eq!((lossy.share(1, 0), lossy.share(0, 70), lossy.share(5, 1)), (0.0, 0.0, 0.0));
        lossy.set(100, &[0, 70], &[1, 99], 0.0);
        assert!(lossy.is_empty());
    }

    #[test]
    fn a_part_of_the_links_can_be_mended_alone() {
        let mut lossy = Lossy::default();
        lossy.set(10, &[0, 1], &[2, 3], 0.5);
        lossy.set(10, &[0], &[2], 0.0);
        assert_eq!((lossy.share(0, 2), lossy.share(0, 3), lossy.share(1, 2)), (0.0, 0.5, 0.5));
        lossy.set(10, &[5], &[6], 0.0);
        assert_eq!(lossy.rules.len(), 2, "nothing to overrule");
        lossy.set(10, &[0, 1, 2], &[2, 3], 0.1);
        assert_eq!((lossy.rules.len(), lossy.share(0, 2)), (1, 0.1));
    }

    proptest! {
        #[test]
        fn the_latest_rule_of_a_link_holds(
            rules in prop::collection::vec(
                (prop::collection::vec(0u32..6, 1..4), prop::collection::vec(0u32..6, 1..4), 0u8..4), 0..12,
            ),
        ) {
            let mut lossy = Lossy::default();
            let mut table = [[0.0; 6]; 6];
            for (from, to, share) in &rules {
                let share = f64::from(*share) / 4.0;
                lossy.set(6, from, to, share);
                for &a in from {
                    to.iter().for_each(|&b| table[a as usize][b as usize] = share);
                }
            }
            for a in 0..6 {
                for b in 0..6 {
                    prop_assert_eq!(lossy.share(a, b), table[a as usize][b as usize]);
                }
            }
        }
    }
}
