//! Addresses: how a peer is called on the wire, where it is a number inside.

use std::cmp::Ordering;
use std::fmt;

/// A peer inside the program: its index in the scenario.
pub type PeerId = u32;

/// What each peer is called on the wire. Peers compare names as text, so the order of names matters: candidates are
/// sorted by it, and it decides a draw between votes.
#[derive(Clone, Debug)]
pub enum AddressBook {
    /// `node-000` to `node-999`: as many digits as the last one needs, so that the order of names is that of numbers.
    Numbered {
        /// How many digits.
        digits: u8,
    },
}

impl AddressBook {
    /// Names for `nodes` peers of the in-memory transport.
    pub fn numbered(nodes: u32) -> Self {
        let last = nodes.saturating_sub(1);
        Self::Numbered { digits: last.checked_ilog10().unwrap_or(0) as u8 + 1 }
    }

    /// The name of a peer.
    pub fn name(&self, peer: PeerId) -> impl fmt::Display {
        match self {
            Self::Numbered { digits } => Numbered { peer, digits: *digits },
        }
    }

    /// The number of bytes of a peer's name.
    pub fn len(&self, _peer: PeerId) -> usize {
        match self {
            Self::Numbered { digits } => "node-".len() + usize::from(*digits),
        }
    }

    /// The order of two peers' names.
    pub fn compare(&self, a: PeerId, b: PeerId) -> Ordering {
        match self {
            Self::Numbered { .. } => a.cmp(&b),
        }
    }
}

struct Numbered {
    peer: PeerId,
    digits: u8,
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "node-{:0width$}", self.peer, width = usize::from(self.digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_long_as_the_book_says_and_sort_like_their_numbers() {
        for nodes in [1, 9, 10, 11, 100, 101, 1000] {
            let book = AddressBook::numbered(nodes);
            let names: Vec<String> = (0..nodes).map(|peer| book.name(peer).to_string()).collect();
            assert!(names.is_sorted());
            assert!(names.iter().all(|name| name.len() == book.len(0)));
        }
    }
}
