//! Whom a node knows: direct neighbours, to which it has a connection, and others, of which it has heard beats.

use super::peer_map::PeerMap;
use crate::time::Time;
use crate::wire::PeerId;
use std::sync::Arc;
use std::time::Duration;

/// A node's neighbours.
#[derive(Debug, Default)]
pub struct Neighbours {
    known: PeerMap<Neighbour>,
    /// Where nobody beats, nothing is known of anyone but that there is a connection: then the table stays empty.
    tabled: bool,
    /// The direct ones, ascending; shared with messages on their way to all of them.
    direct: Arc<[PeerId]>,
    /// Everyone ever heard of, until learning starts.
    ever: Option<Box<PeerMap<()>>>,
    /// How many of the known were met since learning started, at most.
    newcomers: u32,
}

/// What is known of a neighbour.
#[derive(Clone, Copy, Debug)]
pub struct Neighbour {
    /// When its last beat was, by the clock that the variant goes by.
    pub last_beat: Time,
    /// Since when it is listed.
    pub since: Time,
    /// Whether there is a connection.
    pub direct: bool,
}

impl Neighbours {
    /// Nobody yet. `beats` tells whether peers beat, `count` whether first hearings are to be noted.
    pub fn new(beats: bool, count: bool) -> Self {
        Self { tabled: beats, ever: count.then(Box::default), ..Self::default() }
    }

    /// Lists a peer as direct. A peer that is already: false.
    pub fn add_direct(&mut self, peer: PeerId, now: Time) -> bool {
        if self.is_direct(peer) {
            return false;
        }
        self.newcomers += u32::from(self.ever.is_none());
        if self.tabled {
            let since = self.known.get(peer).map_or(now, |it| it.since);
            self.known.insert(peer, Neighbour { last_beat: now, since, direct: true });
            self.collect_direct();
        } else {
            let place = self.direct.partition_point(|&it| it < peer);
            let (before, after) = self.direct.split_at(place);
            self.direct = before.iter().chain(&[peer]).chain(after).copied().collect();
        }
        true
    }

    /// Notes a beat. A peer that was not listed is listed as of now.
    pub fn beat(&mut self, peer: PeerId, at: Time, now: Time) {
        match self.known.get_mut(peer) {
            Some(it) => it.last_beat = at,
            None => {
                self.newcomers += u32::from(self.ever.is_none());
                self.known.insert(peer, Neighbour { last_beat: now, since: now, direct: false });
            }
        }
    }

    /// Whether this is the first that was ever heard of a peer.
    pub fn first_heard(&mut self, peer: PeerId) -> bool {
        self.ever.as_mut().is_some_and(|ever| ever.insert(peer, ()).is_none())
    }

    /// First hearings no longer matter.
    pub fn stop_counting(&mut self) {
        self.ever = None;
    }

    /// Takes a peer off the list; whether it was direct, if it was there.
    pub fn remove(&mut self, peer: PeerId) -> Option<bool> {
        let direct = if self.tabled { self.known.remove(peer)?.direct } else { self.is_direct(peer) };
        if self.tabled && direct {
            self.collect_direct();
        } else if direct {
            self.direct = self.direct.iter().copied().filter(|&it| it != peer).collect();
        }
        (self.tabled || direct).then_some(direct)
    }

    /// A known peer has begun anew.
    pub fn renew(&mut self, peer: PeerId, now: Time) {
        if let Some(it) = self.known.get_mut(peer) {
            self.newcomers += 1;
            it.since = now;
            it.last_beat = now;
        }
    }

    /// Peers whose last beat is older than `timeout`.
    pub fn silent(&self, now: Time, timeout: Duration) -> Vec<PeerId> {
        self.known.iter().filter(|(_, it)| now.since(it.last_beat) > timeout).map(|(peer, _)| peer).collect()
    }

    /// The direct neighbours, ascending.
    pub fn direct(&self) -> &Arc<[PeerId]> {
        &self.direct
    }

    /// Whether a peer is a direct neighbour.
    pub fn is_direct(&self, peer: PeerId) -> bool {
        self.direct.binary_search(&peer).is_ok()
    }

    /// Whether a peer is known at all.
    pub fn knows(&self, peer: PeerId) -> bool {
        if self.tabled { self.known.contains(peer) } else { self.is_direct(peer) }
    }

    /// Everyone of whom more is known than that there is a connection, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (PeerId, &Neighbour)> {
        self.known.iter()
    }

    /// Everyone known, ascending.
    pub fn everyone(&self) -> Vec<PeerId> {
        if self.tabled { self.known.iter().map(|(peer, _)| peer).collect() } else { self.direct.to_vec() }
    }

    /// How many of the known were met since learning started, at most: some may have gone again.
    pub const fn newcomers(&self) -> usize {
        self.newcomers as usize
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    fn collect_direct(&mut self) {
        self.direct = self.known.iter().filter(|(_, it)| it.direct).map(|(peer, _)| peer).collect();
    }
}
