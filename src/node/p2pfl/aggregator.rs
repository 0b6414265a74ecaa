//! Collects the contributions to a round's aggregate.

use crate::learning::Model;
use crate::node::Rules;
use crate::wire::PeerId;
use std::sync::Arc;

/// A model and whose training went into it.
#[derive(Clone, Debug)]
pub struct Contribution {
    /// Who sent it.
    pub from: PeerId,
    /// The contributors, ascending.
    pub contributors: Arc<[PeerId]>,
    /// Training rows behind it.
    pub samples: u32,
    pub model: Arc<Model>,
}

/// Contributions held, and whose are still missing.
#[derive(Debug, Default)]
pub struct Aggregator {
    train_set: Arc<[PeerId]>,
    held: Vec<Contribution>,
    /// Came while none was asked for; looked at again when the train set is known.
    unhandled: Vec<Contribution>,
    /// Train-set peers that are no longer waited for.
    given_up: Vec<PeerId>,
}

impl Aggregator {
    /// Begins a round: only contributions of these peers count.
    pub fn begin(&mut self, train_set: Arc<[PeerId]>) {
        self.train_set = train_set;
        for contribution in std::mem::take(&mut self.unhandled) {
            self.add(contribution);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds a contribution if it is wanted: all its contributors are in the train set, and none is held already.
    /// Otherwise the merged model would count somebody twice.
    pub fn add(&mut self, contribution: Contribution) -> bool {
        if self.contributors().count() >= self.train_set.len() {
            self.unhandled.push(contribution);
            return false;
        }
        let wanted = !contribution.contributors.is_empty()
            && contribution
                .contributors
                .iter()
                .all(|peer| self.train_set.contains(peer) && !self.contributors().any(|held| held == *peer));
        if wanted {
            self.held.push(contribution);
        }
        wanted
    }

    /// How many contributions are put aside until the train set is known.
    pub fn puts_aside(&self) -> usize {
        self.unhandled.len()
    }

    /// Everyone whose training is in what is held.
    pub fn contributors(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.held.iter().flat_map(|it| it.contributors.iter().copied())
    }

    /// The same, as it is announced.
    pub fn held(&self) -> Arc<[PeerId]> {
        let mut held: Vec<PeerId> = self.contributors().collect();
        held.sort_unstable();
        held.into()
    }

    /// Does not wait for a peer any longer.
    pub fn give_up(&mut self, peer: PeerId) {
        if self.train_set.contains(&peer) && !self.given_up.contains(&peer) {
            self.given_up.push(peer);
        }
    }

    /// Whose contributions are still waited for.
    pub fn missing(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.train_set
            .iter()
            .copied()
            .filter(|peer| !self.given_up.contains(peer) && !self.contributors().any(|held| held == *peer))
    }

    /// Whether nothing is waited for.
    pub fn complete(&self) -> bool {
        self.missing().next().is_none()
    }

    /// What is held that a peer with `theirs` lacks, in the order of contributors: all contributions that share
    /// nobody with what it has.
    pub fn lacking(&self, theirs: &[PeerId]) -> Vec<Contribution> {
        self.those(|it| !it.contributors.iter().any(|peer| theirs.contains(peer)))
    }

    /// What is held of `wanted` and of nobody else, in the same order.
    pub fn within(&self, wanted: &[PeerId]) -> Vec<Contribution> {
        self.those(|it| it.contributors.iter().all(|peer| wanted.contains(peer)))
    }

    fn those(&self, which: impl Fn(&Contribution) -> bool) -> Vec<Contribution> {
        let mut those: Vec<Contribution> = self.held.iter().filter(|it| which(it)).cloned().collect();
        those.sort_unstable_by_key(|it| it.contributors.first().copied());
        those
    }
}

/// The contributors and samples of an aggregate of `parts`.
pub fn union(parts: &[Contribution]) -> (Arc<[PeerId]>, u32) {
    let mut contributors: Vec<PeerId> = parts.iter().flat_map(|it| it.contributors.iter().copied()).collect();
    contributors.sort_unstable();
    (contributors.into(), parts.iter().fold(0, |sum, it| sum.saturating_add(it.samples)))
}

/// What of `parts` goes in one message: all of them, or only the first where the rule takes no averages. P2PFL's own do the same.
pub fn in_one_message(rules: &Rules, mut parts: Vec<Contribution>) -> Vec<Contribution> {
    if !rules.takes_partials {
        parts.truncate(1);
    }
    parts
}
