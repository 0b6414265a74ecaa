//! A node's neighbours in the topology, as it is told of them when it comes up.

use crate::wire::PeerId;
use std::sync::Arc;

/// Neighbours with their degrees, ascending.
#[derive(Clone, Debug)]
pub enum Peers {
    /// These.
    Listed(Arc<[(PeerId, u32)]>),
    /// Everyone else, in a complete graph: its lists would take the square of its nodes.
    Others {
        /// The node itself.
        node: PeerId,
        /// How many nodes there are, the node itself included.
        of: u32,
    },
}

impl Peers {
    /// How many there are.
    pub fn len(&self) -> u32 {
        match self {
            Self::Listed(peers) => peers.len() as u32,
            Self::Others { of, .. } => of.saturating_sub(1),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The neighbour at a place, in ascending order, and its degree; nothing at a place where there is none.
    pub fn get(&self, place: u32) -> Option<(PeerId, u32)> {
        match self {
            Self::Listed(peers) => peers.get(place as usize).copied(),
            Self::Others { node, .. } => {
                (place < self.len()).then(|| (place + u32::from(place >= *node), self.len()))
            }
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (PeerId, u32)> + '_ {
        (0..self.len()).filter_map(|place| self.get(place))
    }
}

impl FromIterator<(PeerId, u32)> for Peers {
    fn from_iter<I: IntoIterator<Item = (PeerId, u32)>>(peers: I) -> Self {
        Self::Listed(peers.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_else_is_what_the_list_of_everyone_else_says() {
        for of in 1..7 {
            for node in 0..of {
                let listed: Peers = (0..of).filter(|&peer| peer != node).map(|peer| (peer, of - 1)).collect();
                let others = Peers::Others { node, of };
                assert!(others.iter().eq(listed.iter()));
                assert_eq!((others.len(), others.is_empty()), (listed.len(), listed.is_empty()));
                assert_eq!((others.get(of - 1), listed.get(of - 1)), (None, None));
            }
        }
    }
}
