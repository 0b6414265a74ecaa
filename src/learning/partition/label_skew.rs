//! Nodes that hold a few classes only (as in Li, Diao, Chen and He 2022).

use super::{Draw, NOBODY, Part, Rows, even, give};
use crate::random::NO_NODE;
use rand::Rng;
use rand::seq::SliceRandom;

impl Draw<'_> {
    /// Each node holds exactly `each` classes, chosen at random among those that the fewest nodes hold so far; the rows of a
    /// class are cut into equal shares for its holders. Where nodes are so few that a class has no holder, nobody has
    /// its rows.
    pub(super) fn label_skew(&self, each: usize, rows: &Rows, part: Part) -> Vec<u32> {
        let mut random = self.common_stream(NO_NODE);
        let mut holders: Vec<Vec<u32>> = vec![Vec::new(); self.classes];
        for node in 0..self.nodes {
            let mut order: Vec<(usize, u64, usize)> =
                (0..self.classes).map(|class| (holders[class].len(), random.next_u64(), class)).collect();
            order.sort_unstable();
            for (_, _, class) in &order[..each] {
                holders[*class].push(node);
            }
        }
        let mut owners = vec![NOBODY; rows.len()];
        for (holders, indices) in holders.iter_mut().zip(self.shuffled(rows, part)) {
            // Not always the same nodes should have the larger shares.
            holders.shuffle(&mut random);
            let mut rest = &indices[..];
            for (size, node) in even(indices.len(), holders.len()).zip(holders) {
                give(&mut owners, &mut rest, size, *node);
            }
        }
        owners
    }
}
