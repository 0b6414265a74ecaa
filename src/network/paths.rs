//! The paths between nodes: how far apart two of them are, and what their ends can carry.

use super::error::NetworkError;
use super::regions::{Bandwidth, Regions};
use super::spec::Network;
use crate::format::distribution::Distribution;
use crate::random::{Purpose, Stream};
use crate::wire::PeerId;
use std::path::Path;
use std::time::Duration;

/// The paths between all pairs of nodes. Nothing is kept of a pair: what is drawn for it is drawn again each time.
#[derive(Clone, Debug)]
pub(super) enum Paths {
    /// All are alike, which costs no draw.
    Alike(Duration),
    /// Each is drawn by itself.
    Drawn(Distribution),
    /// They go from region to region.
    Regions(Box<Regions>),
}

impl Paths {
    /// Paths as the scenario says.
    ///
    /// # Errors
    /// A matrix of regions that cannot be read, or shares of regions that are not in it.
    pub(super) fn build(spec: &Network, seed: u64, nodes: u32, folder: &Path) -> Result<Self, NetworkError> {
        Ok(match spec.latency.distribution() {
            Ok(distribution) => Self::drawn(distribution),
            Err(regions) => Self::Regions(Box::new(Regions::build(regions, seed, nodes, folder)?)),
        })
    }

    /// Paths drawn from a distribution.
    pub(super) fn drawn(distribution: Distribution) -> Self {
        match distribution {
            Distribution::Constant(it) => Self::Alike(it.value.0),
            other => Self::Drawn(other),
        }
    }

    /// The one-way delays from one node to another and back, before the floor. What is drawn is drawn once for each pair,
    /// for both directions; only regions can be farther from each other one way than the other.
    pub(super) fn latencies(&self, seed: u64, from: PeerId, to: PeerId) -> (Duration, Duration) {
        let random = || {
            let pair = (u64::from(from.min(to)) << 32) | u64::from(from.max(to));
            Stream::new(seed, pair, Purpose::Latency, 0)
        };
        let both = |delay| (delay, delay);
        match self {
            Self::Alike(delay) => both(*delay),
            Self::Drawn(distribution) => both(distribution.draw(&mut random())),
            Self::Regions(regions) => regions.latencies(from, to, random),
        }
    }

    /// No path is shorter than this.
    pub(super) fn least(&self) -> Duration {
        match self {
            Self::Alike(delay) => *delay,
            Self::Drawn(distribution) => distribution.least(),
            Self::Regions(regions) => regions.least(),
        }
    }

    /// Half of all paths, each way counted, are shorter than this.
    pub(super) fn median(&self) -> Duration {
        match self {
            Self::Alike(delay) => *delay,
            Self::Drawn(distribution) => distribution.median(),
            Self::Regions(regions) => regions.median(),
        }
    }

    /// What a node can send and receive, where its region says so.
    pub(super) fn bandwidth(&self, node: PeerId) -> Option<Bandwidth> {
        if let Self::Regions(regions) = self { regions.bandwidth(node) } else { None }
    }

    /// The regions, where there are any.
    pub(super) fn regions(&self) -> Option<&Regions> {
        if let Self::Regions(regions) = self { Some(regions) } else { None }
    }
}
