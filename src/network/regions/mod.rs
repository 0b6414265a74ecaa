//! Regions of the world: which one each node is in, and how far apart they are.
//!
//! Matrices come from `presets` or from a file of the user's; reading them is in `matrix`. Nodes are assigned by draws of
//! their own, so that a node stays where it is if the number of nodes changes.

mod matrix;

use super::error::NetworkError;
use super::spec::{self, Preset};
use crate::format::distribution::standard_normal;
use crate::format::units::Rate;
use crate::random::{Purpose, Stream};
use crate::time::nanos;
use crate::wire::PeerId;
use matrix::Matrix;
use rand::{Rng, RngExt};
use std::path::Path;
use std::time::Duration;

const IBM_CLOUD_2024_08: &str = include_str!("../presets/latency-ibm-cloud-2024-08.csv");
const INTERNET_2019: &str = include_str!("../presets/latency-internet-2019.csv");
const INTERNET_2019_BANDWIDTH: &str = include_str!("../presets/bandwidth-internet-2019.csv");

/// The delay within a region where a matrix says nothing of it: what IBM gives between two zones, one way.
const WITHIN: Duration = Duration::from_millis(1);

/// The regions of a scenario, with its nodes in them.
#[derive(Clone, Debug)]
pub(super) struct Regions {
    matrix: Matrix,
    sigma: f64,
    /// The region of each node.
    homes: Box<[u16]>,
    /// What the nodes of each region can send and receive; empty where nothing is known of it.
    bandwidths: Box<[Bandwidth]>,
}

/// What a node can send and receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bandwidth {
    pub uplink: Rate,
    pub downlink: Rate,
}

impl Regions {
    /// Reads the matrix and assigns the nodes.
    ///
    /// # Errors
    /// A file that is no matrix; shares of regions that are not in it.
    pub(super) fn build(
        spec: &spec::Regions,
        seed: u64,
        nodes: u32,
        folder: &Path,
    ) -> Result<Self, NetworkError> {
        let (matrix, known_shares, bandwidths) = match (&spec.file, spec.preset) {
            (Some(file), _) => (matrix::read(&folder.join(file), spec.round_trip)?, Vec::new(), Vec::new()),
            (None, Some(Preset::IbmCloud202408)) => {
                (matrix::parse(IBM_CLOUD_2024_08, true).expect("a preset is sound"), Vec::new(), Vec::new())
            }
            (None, Some(Preset::Internet2019)) => {
                let matrix = matrix::parse(INTERNET_2019, false).expect("a preset is sound");
                let (bandwidths, shares) = end_users(&matrix);
                (matrix, shares, bandwidths)
            }
            (None, None) => {
                return Err(NetworkError::new("latency", "names neither a preset nor a file"));
            }
        };
        let shares = shares(spec, &matrix, known_shares)?;
        let home = |node: u32| {
            let mut random = Stream::new(seed, u64::from(node), Purpose::Region, 0);
            draw(&shares, &mut random)
        };
        let homes = (0..nodes).map(home).collect();
        Ok(Self { matrix, sigma: spec.sigma, homes, bandwidths: bandwidths.into() })
    }

    /// The one-way delays from one node to another and back; `random` is the pair's own, made if it is needed. The same
    /// factor holds for both directions.
    pub(super) fn latencies<R: Rng>(
        &self,
        from: PeerId,
        to: PeerId,
        random: impl FnOnce() -> R,
    ) -> (Duration, Duration) {
        let (here, there) = (self.home(from), self.home(to));
        let (forth, back) = (self.matrix.delay(here, there), self.matrix.delay(there, here));
        if self.sigma == 0.0 {
            return (forth, back);
        }
        let factor = libm::exp(self.sigma * standard_normal(&mut random()));
        // The conversion saturates; a year is more than enough and leaves room for sums.
        let spread = |delay| Duration::from_nanos((nanos(delay) as f64 * factor).min(3.2e16) as u64);
        (spread(forth), spread(back))
    }

    /// From no node to another does it take less than this.
    pub(super) fn least(&self) -> Duration {
        if self.sigma > 0.0 {
            return Duration::ZERO;
        }
        self.pairs().map(|(delay, _)| delay).min().unwrap_or_default()
    }

    /// Half of all pairs of nodes, each way counted, are nearer than this.
    pub(super) fn median(&self) -> Duration {
        let mut pairs: Vec<(Duration, u64)> = self.pairs().collect();
        pairs.sort_unstable();
        let half = pairs.iter().map(|(_, count)| count).sum::<u64>() / 2;
        let mut below = 0;
        let middle = pairs.iter().find(|(_, count)| {
            below += count;
            below > half
        });
        middle.map_or(WITHIN, |(delay, _)| *delay)
    }

    /// What a node can send and receive.
    pub(super) fn bandwidth(&self, node: PeerId) -> Option<Bandwidth> {
        self.bandwidths.get(self.home(node)).copied()
    }

    /// Whether anything is known of what nodes can send and receive.
    pub(super) fn have_bandwidths(&self) -> bool {
        !self.bandwidths.is_empty()
    }

    /// The regions with the number of nodes in each.
    pub(super) fn population(&self) -> impl Iterator<Item = (&str, u32)> {
        let mut counts = vec![0u32; self.matrix.names().len()];
        self.homes.iter().for_each(|&home| counts[usize::from(home)] += 1);
        self.matrix.names().iter().map(String::as_str).zip(counts)
    }

    fn home(&self, node: PeerId) -> usize {
        usize::from(self.homes[node as usize])
    }

    /// The delays that occur from a node to another, with the number of ordered pairs that have them.
    fn pairs(&self) -> impl Iterator<Item = (Duration, u64)> {
        let counts: Vec<u64> = self.population().map(|(_, count)| u64::from(count)).collect();
        let regions = counts.len();
        let all = (0..regions).flat_map(move |a| (0..regions).map(move |b| (a, b)));
        all.map(move |(a, b)| {
            let pairs = counts[a] * if a == b { counts[a].saturating_sub(1) } else { counts[b] };
            (self.matrix.delay(a, b), pairs)
        })
        .filter(|(_, pairs)| *pairs > 0)
    }
}

/// Bandwidths and shares of `internet-2019`, in the order of its matrix.
fn end_users(matrix: &Matrix) -> (Vec<Bandwidth>, Vec<f64>) {
    let mut rows = csv::Reader::from_reader(INTERNET_2019_BANDWIDTH.as_bytes());
    let rows: Vec<(String, u64, u64, f64)> =
        rows.deserialize().collect::<Result<_, _>>().expect("a preset is sound");
    let row = |name: &String| rows.iter().find(|(region, ..)| region == name).expect("a preset is sound");
    let of = |name: &String| {
        let (_, downlink, uplink, share) = row(name);
        (Bandwidth { uplink: Rate(*uplink), downlink: Rate(*downlink) }, *share)
    };
    matrix.names().iter().map(of).unzip()
}

/// The share of each region, running up: what is chosen, else what the preset knows, else equal ones.
fn shares(spec: &spec::Regions, matrix: &Matrix, known: Vec<f64>) -> Result<Vec<f64>, NetworkError> {
    let names = matrix.names();
    if let Some(name) = spec.shares.keys().find(|&name| !names.contains(name)) {
        let field = format!("latency.shares.{name}");
        return Err(NetworkError::new(field, format!("is no region; there are {}", names.join(", "))));
    }
    let single: Vec<f64> = if !spec.shares.is_empty() {
        names.iter().map(|name| spec.shares.get(name).copied().unwrap_or(0.0)).collect()
    } else if known.is_empty() {
        vec![1.0; names.len()]
    } else {
        known
    };
    let mut sum = 0.0;
    Ok(single.into_iter().map(|share| (sum += share, sum).1).collect())
}

/// Draws a region by shares that run up.
fn draw(shares: &[f64], random: &mut impl Rng) -> u16 {
    let at = random.random::<f64>() * shares.last().copied().unwrap_or_default();
    let last = shares.len().saturating_sub(1);
    shares.partition_point(|&upto| upto <= at).min(last) as u16
}

#[cfg(test)]
mod tests;
