//! What the script has done to the network so far: partitions, lossy links and slow nodes.
//!
//! [`Faults`] is how things stand at one moment, a plain value: a copy shares what did not change. [`Timeline`] is how
//! they stood and stand over time. When an entry fires is the engine's affair, what a loss costs that of `links`.

mod lossy;
mod timeline;

pub use timeline::Timeline;

use crate::wire::PeerId;
use lossy::Lossy;
use std::sync::Arc;

/// The state of partitions, lossy links and slow nodes at one moment.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    partition: Option<Partition>,
    lossy: Lossy,
    slow: Slow,
}

/// Groups of nodes that cannot reach each other.
#[derive(Clone, Debug)]
struct Partition {
    /// The group of each node, counted from 1; 0 for none.
    groups: Arc<[u16]>,
    /// Later groups reach earlier ones.
    one_way: bool,
}

/// Which nodes take longer. Most do not, and those that do mostly take equally longer.
#[derive(Clone, Debug, Default)]
struct Slow {
    /// For each node, the place of its slowdown in `paces`; empty while all go at the ordinary pace.
    of: Arc<[u32]>,
    /// The slowdowns there are; the first is the ordinary pace.
    paces: Arc<[Slowdown]>,
}

/// How many times longer things take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowdown {
    /// Compute jobs.
    pub compute: f64,
    /// Messages from and to the node: its uplink and downlink, and the latency of its paths.
    pub link: f64,
}

/// The most groups that a partition can have.
pub const MAX_GROUPS: usize = u16::MAX as usize;

impl Default for Slowdown {
    fn default() -> Self {
        Self { compute: 1.0, link: 1.0 }
    }
}

impl Faults {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.partition.is_none() && self.lossy.is_empty() && self.slow.of.is_empty()
    }

    /// Separates groups of nodes, on top of nothing: an earlier partition ends. A node in no group talks to everyone.
    /// With `one_way`, only what earlier groups send to later ones is lost.
    pub fn partition(&mut self, nodes: u32, groups: &[Vec<PeerId>], one_way: bool) {
        debug_assert!(groups.len() <= MAX_GROUPS, "the scenario was checked");
        let mut of = vec![0; nodes as usize];
        for (number, group) in (1..=u16::MAX).zip(groups) {
            for &peer in group {
                of[peer as usize] = number;
            }
        }
        self.partition = Some(Partition { groups: of.into(), one_way });
    }

    /// Ends the partition.
    pub fn heal(&mut self) {
        self.partition = None;
    }

    /// From now on this share of the packets that nodes of `from` send to nodes of `to` is lost, beside what the
    /// network loses anyway. It stands in place of what was said of these links before; 0 ends it.
    pub fn lose(&mut self, nodes: u32, from: &[PeerId], to: &[PeerId], share: f64) {
        self.lossy.set(nodes, from, to, share);
    }

    /// Slows nodes down; a factor of 1 ends it.
    pub fn slow(&mut self, nodes: u32, which: &[PeerId], slowdown: Slowdown) {
        let mut of = match self.slow.of.is_empty() {
            true => vec![0; nodes as usize],
            false => self.slow.of.to_vec(),
        };
        let mut paces = self.slow.paces.to_vec();
        if paces.is_empty() {
            paces.push(Slowdown::default());
        }
        let pace = paces.iter().position(|it| *it == slowdown).unwrap_or_else(|| {
            paces.push(slowdown);
            paces.len() - 1
        });
        for &peer in which {
            of[peer as usize] = pace as u32;
        }
        self.slow = match of.iter().all(|it| *it == 0) {
            true => Slow::default(),
            false => Slow { of: of.into(), paces: paces.into() },
        };
    }

    /// Whether a partition loses what one node sends to another.
    pub fn separated(&self, from: PeerId, to: PeerId) -> bool {
        let Some(Partition { groups, one_way }) = &self.partition else { return false };
        let group = |peer: PeerId| groups.get(peer as usize).copied().unwrap_or(0);
        let (from, to) = (group(from), group(to));
        from != 0 && to != 0 && if *one_way { from < to } else { from != to }
    }

    /// The share of packets from one node to another that is lost beside what the network loses anyway, 0 to 1.
    pub fn loss(&self, from: PeerId, to: PeerId) -> f64 {
        self.lossy.share(from, to)
    }

    /// How many times longer the compute jobs of a node take.
    pub fn compute(&self, node: PeerId) -> f64 {
        self.slow.pace(node).compute
    }

    /// How many times longer a message takes in a node's own uplink and downlink.
    pub fn access(&self, node: PeerId) -> f64 {
        self.slow.pace(node).link
    }

    /// How many times longer the way between two nodes is: as much as for the slower end.
    pub fn link(&self, a: PeerId, b: PeerId) -> f64 {
        self.slow.pace(a).link.max(self.slow.pace(b).link)
    }
}

impl Slow {
    fn pace(&self, node: PeerId) -> Slowdown {
        self.of.get(node as usize).map_or_else(Slowdown::default, |pace| self.paces[*pace as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_separates_its_groups_and_nobody_else() {
        let mut faults = Faults::default();
        faults.partition(6, &[vec![0, 1], vec![2, 3]], false);
        assert!(faults.separated(0, 2) && faults.separated(3, 1));
        assert!(!faults.separated(0, 1) && !faults.separated(2, 3));
        assert!(!faults.separated(0, 4) && !faults.separated(4, 5), "in no group: talks to everyone");
        faults.heal();
        assert!(!faults.separated(0, 2) && faults.is_none());
    }

    #[test]
    fn a_one_way_partition_loses_what_earlier_groups_send_to_later_ones() {
        let mut faults = Faults::default();
        faults.partition(7, &[vec![0, 1], vec![2, 3], vec![4]], true);
        assert!(faults.separated(0, 2) && faults.separated(1, 4) && faults.separated(3, 4));
        assert!(!faults.separated(2, 0) && !faults.separated(4, 1) && !faults.separated(4, 3));
        assert!(!faults.separated(0, 1) && !faults.separated(0, 6) && !faults.separated(6, 4));
        faults.partition(7, &[vec![0], vec![4]], false);
        assert!(faults.separated(4, 0) && !faults.separated(1, 2), "the earlier one has ended");
    }

    #[test]
    fn the_slower_end_decides_and_a_factor_of_one_ends_it() {
        let mut faults = Faults::default();
        faults.slow(3, &[1], Slowdown { compute: 4.0, link: 10.0 });
        assert_eq!((faults.compute(1), faults.compute(0)), (4.0, 1.0));
        assert_eq!((faults.link(0, 1), faults.link(1, 2), faults.link(0, 2)), (10.0, 10.0, 1.0));
        assert_eq!((faults.access(0), faults.access(1)), (1.0, 10.0), "each end has its own line");
        faults.slow(3, &[2], Slowdown { compute: 2.0, link: 1.0 });
        assert_eq!((faults.compute(1), faults.compute(2), faults.link(0, 2)), (4.0, 2.0, 1.0));
        faults.slow(3, &[1, 2], Slowdown::default());
        assert!(faults.is_none());
    }

    #[test]
    fn a_copy_shares_what_did_not_change() {
        let mut before = Faults::default();
        before.partition(1_000, &[vec![0], vec![1]], false);
        before.slow(1_000, &[5], Slowdown { compute: 2.0, link: 1.0 });
        let mut after = before.clone();
        after.heal();
        assert!(before.separated(0, 1) && !after.separated(0, 1));
        assert!(Arc::ptr_eq(&before.slow.of, &after.slow.of));
    }
}
