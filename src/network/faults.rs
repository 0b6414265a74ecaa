//! What the script has done to the network so far: partitions and slow nodes.

use crate::wire::PeerId;

/// The state of partitions and slow nodes.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The group of each node, 0 for none; empty without a partition.
    groups: Vec<u16>,
    /// How many times longer the compute jobs and links of each node take; empty while all are 1.
    slow: Vec<Slowdown>,
}

/// How many times longer things take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowdown {
    /// Compute jobs.
    pub compute: f64,
    /// Messages from and to the node.
    pub link: f64,
}

impl Default for Slowdown {
    fn default() -> Self {
        Self { compute: 1.0, link: 1.0 }
    }
}

impl Faults {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.groups.is_empty() && self.slow.is_empty()
    }

    /// Separates groups of nodes, on top of nothing: an earlier partition ends. A node in no group talks to everyone.
    pub fn partition(&mut self, nodes: u32, groups: &[Vec<PeerId>]) {
        self.groups = vec![0; nodes as usize];
        for (number, group) in groups.iter().enumerate() {
            for &peer in group {
                self.groups[peer as usize] = number as u16 + 1;
            }
        }
    }

    /// Ends the partition.
    pub fn heal(&mut self) {
        self.groups = Vec::new();
    }

    /// Slows nodes down; a factor of 1 ends it.
    pub fn slow(&mut self, nodes: u32, which: &[PeerId], slowdown: Slowdown) {
        if self.slow.is_empty() {
            self.slow = vec![Slowdown::default(); nodes as usize];
        }
        for &peer in which {
            self.slow[peer as usize] = slowdown;
        }
        if self.slow.iter().all(|it| *it == Slowdown::default()) {
            self.slow = Vec::new();
        }
    }

    /// Whether a partition lies between two nodes.
    pub fn separated(&self, a: PeerId, b: PeerId) -> bool {
        let group = |peer: PeerId| self.groups.get(peer as usize).copied().unwrap_or(0);
        group(a) != group(b) && group(a) != 0 && group(b) != 0
    }

    /// How many times longer the compute jobs of a node take.
    pub fn compute(&self, node: PeerId) -> f64 {
        self.slow.get(node as usize).map_or(1.0, |it| it.compute)
    }

    /// How many times longer a message takes: as long as for the slower end.
    pub fn link(&self, a: PeerId, b: PeerId) -> f64 {
        let link = |peer: PeerId| self.slow.get(peer as usize).map_or(1.0, |it| it.link);
        link(a).max(link(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_separates_its_groups_and_nobody_else() {
        let mut faults = Faults::default();
        faults.partition(6, &[vec![0, 1], vec![2, 3]]);
        assert!(faults.separated(0, 2) && faults.separated(3, 1));
        assert!(!faults.separated(0, 1) && !faults.separated(2, 3));
        assert!(!faults.separated(0, 4) && !faults.separated(4, 5), "in no group: talks to everyone");
        faults.heal();
        assert!(!faults.separated(0, 2) && faults.is_none());
    }

    #[test]
    fn the_slower_end_decides_and_a_factor_of_one_ends_it() {
        let mut faults = Faults::default();
        faults.slow(3, &[1], Slowdown { compute: 4.0, link: 10.0 });
        assert_eq!((faults.compute(1), faults.compute(0)), (4.0, 1.0));
        assert_eq!((faults.link(0, 1), faults.link(1, 2), faults.link(0, 2)), (10.0, 10.0, 1.0));
        faults.slow(3, &[1], Slowdown::default());
        assert!(faults.is_none());
    }
}
