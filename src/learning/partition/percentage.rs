//! Nodes that hold a main class and a mix of all.

use super::{Draw, NOBODY, Part, Rows, even, give};
use crate::random::NO_NODE;
use rand::seq::SliceRandom;

impl Draw<'_> {
    /// All shares are equal. `percentage` per cent of each are of the node's main class, as far as its rows go round among
    /// the nodes that have it as theirs; the others are drawn from all that is left, of whatever class. Main classes are
    /// dealt out in turn, in a random order.
    pub(super) fn percentage(&self, percentage: f64, rows: &Rows, part: Part) -> Vec<u32> {
        let mut main: Vec<usize> = (0..self.classes).collect();
        main.shuffle(&mut self.common_stream(NO_NODE));
        let pools = self.shuffled(rows, part);
        let nodes = self.nodes as usize;
        let mut holders = vec![0; self.classes];
        for node in 0..nodes {
            holders[main[node % self.classes]] += 1;
        }
        let mut owners = vec![NOBODY; rows.len()];
        let mut rest: Vec<&[u32]> = pools.iter().map(Vec::as_slice).collect();
        let mut missing = Vec::with_capacity(nodes);
        for (node, size) in even(rows.len(), nodes).enumerate() {
            let class = main[node % self.classes];
            let wanted = libm::round(percentage / 100.0 * size as f64) as usize;
            let count = wanted.min(pools[class].len() / holders[class]);
            give(&mut owners, &mut rest[class], count, node as u32);
            missing.push(size - count);
        }
        let mut mix = rest.concat();
        mix.shuffle(&mut self.stream(NO_NODE, part));
        let mut mix = &mix[..];
        for (node, count) in missing.into_iter().enumerate() {
            give(&mut owners, &mut mix, count, node as u32);
        }
        owners
    }
}
