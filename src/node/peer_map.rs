//! A map keyed by peers: a sorted vector. Its order is the peers' order on every machine, it has no overhead beside
//! its entries, and a node's tables are small or dense, where it is as fast as a hash table.

use crate::wire::PeerId;

/// Values by peer, ascending.
#[derive(Clone, Debug)]
pub struct PeerMap<V>(Vec<(PeerId, V)>);

impl<V> Default for PeerMap<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> PeerMap<V> {
    pub fn get(&self, peer: PeerId) -> Option<&V> {
        self.position(peer).ok().map(|i| &self.0[i].1)
    }

    pub fn get_mut(&mut self, peer: PeerId) -> Option<&mut V> {
        self.position(peer).ok().map(|i| &mut self.0[i].1)
    }

    pub fn contains(&self, peer: PeerId) -> bool {
        self.position(peer).is_ok()
    }

    /// Puts a value; returns the one that was there.
    pub fn insert(&mut self, peer: PeerId, value: V) -> Option<V> {
        match self.position(peer) {
            Ok(i) => Some(std::mem::replace(&mut self.0[i].1, value)),
            Err(i) => {
                self.0.insert(i, (peer, value));
                None
            }
        }
    }

    pub fn remove(&mut self, peer: PeerId) -> Option<V> {
        self.position(peer).ok().map(|i| self.0.remove(i).1)
    }

    /// The value of a peer, put there first if there is none.
    pub fn entry(&mut self, peer: PeerId, make: impl FnOnce() -> V) -> &mut V {
        let i = match self.position(peer) {
            Ok(i) => i,
            Err(i) => {
                self.0.insert(i, (peer, make()));
                i
            }
        };
        &mut self.0[i].1
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn iter(&self) -> impl Iterator<Item = (PeerId, &V)> {
        self.0.iter().map(|(peer, value)| (*peer, value))
    }

    fn position(&self, peer: PeerId) -> Result<usize, usize> {
        // In a table of all peers an entry stands at its own number, or a place before it: a node does not list itself.
        let number = peer as usize;
        for guess in [number, number.wrapping_sub(1)] {
            if self.0.get(guess).is_some_and(|(key, _)| *key == peer) {
                return Ok(guess);
            }
        }
        self.0.binary_search_by_key(&peer, |(key, _)| *key)
    }
}
