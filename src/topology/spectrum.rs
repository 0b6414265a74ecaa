//! The spectral gap of the mixing matrix: how fast averaging with neighbours brings everyone to the mean.
//!
//! The matrix is that of Metropolis and Hastings, W_ij = 1/(1 + max(d_i, d_j)) for neighbours, the rest on the
//! diagonal (Xiao and Boyd 2004). It is never written out. Every sum is taken over chunks of fixed size in order, so
//! that the result does not depend on the number of threads.

use super::Graph;
use crate::random::{NO_NODE, Purpose, Stream};
use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;

/// 1 − the second-largest modulus among the eigenvalues of the mixing matrix: 1 is perfect mixing, 0 none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SpectralGap {
    /// The gap; if not `exact`, it is at most this.
    pub value: f64,
    /// Whether the computation came to rest (to about six digits) before it cost too much.
    pub exact: bool,
}

/// Steps, and steps × (nodes + 2 edges), after which the bound so far is given.
const MAX_STEPS: usize = 50_000;
const MAX_WORK: f64 = 1.5e9;
const CHUNK: usize = 8192;

impl Graph {
    /// The spectral gap, by the Lanczos method in the space orthogonal to the constant vector, whose eigenvalue is 1.
    ///
    /// Without reorthogonalisation: rounding then only repeats eigenvalues that have converged (Paige 1972), which
    /// does not matter for the outermost ones, and three vectors suffice for any size.
    pub fn spectral_gap(&self, seed: u64) -> SpectralGap {
        let nodes = self.nodes() as usize;
        let known = |value| SpectralGap { value, exact: true };
        if self.is_complete() || nodes < 2 {
            // Every entry is 1/n: one step reaches the mean.
            return known(1.0);
        }
        if self.components().count() > 1 {
            return known(0.0);
        }
        let stream = &mut Stream::new(seed, NO_NODE, Purpose::Measure, 1);
        let mut current: Vec<f64> = (0..nodes).map(|_| stream.random_range(-1.0..1.0)).collect();
        remove_mean(&mut current);
        let norm = dot(&current, &current).sqrt();
        current.par_iter_mut().for_each(|x| *x /= norm);
        let mut previous = vec![0.0; nodes];
        let mut tridiagonal = Tridiagonal::default();

        let work = nodes as f64 + 2.0 * self.edges() as f64;
        let steps = MAX_STEPS.min((MAX_WORK / work) as usize).max(20);
        let (mut gap, mut check) = (f64::INFINITY, 16);
        for step in 1..=steps {
            let mut next = self.mix(&current);
            let beta = tridiagonal.beside.last().copied().unwrap_or(0.0);
            let alpha = dot(&next, &current);
            next.par_iter_mut()
                .zip(&current)
                .zip(&previous)
                .for_each(|((next, current), previous)| *next -= alpha * current + beta * previous);
            remove_mean(&mut next);
            let beta = dot(&next, &next).sqrt();
            tridiagonal.diagonal.push(alpha);
            // Nothing new is left: the space is exhausted and the eigenvalues are those of the matrix.
            let exhausted = beta < 1e-12;
            if exhausted || step == check || step == steps {
                let (last, now) = (gap, 1.0 - tridiagonal.largest_modulus());
                gap = now.max(0.0);
                if exhausted || (last - now).abs() <= 1e-7 * now + 1e-15 {
                    return known(gap);
                }
                // Further apart each time: while it still creeps, it shows between two checks.
                check += check / 4;
            }
            tridiagonal.beside.push(beta);
            next.par_iter_mut().for_each(|x| *x /= beta);
            previous = std::mem::replace(&mut current, next);
        }
        SpectralGap { value: gap, exact: false }
    }

    /// One step of averaging with the neighbours.
    fn mix(&self, x: &[f64]) -> Vec<f64> {
        let mut mixed = vec![0.0; x.len()];
        mixed.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, rows)| {
            for (i, row) in rows.iter_mut().enumerate() {
                let node = (chunk * CHUNK + i) as u32;
                let (own, degree) = (x[node as usize], self.degree(node));
                let pull = |other: u32| {
                    (x[other as usize] - own) / (1.0 + f64::from(degree.max(self.degree(other))))
                };
                *row = own + self.neighbours(node).map(pull).sum::<f64>();
            }
        });
        mixed
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let parts = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK));
    let sums: Vec<f64> = parts.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum()).collect();
    sums.iter().sum()
}

fn remove_mean(x: &mut [f64]) {
    let sums: Vec<f64> = x.par_chunks(CHUNK).map(|part| part.iter().sum()).collect();
    let mean = sums.iter().sum::<f64>() / x.len() as f64;
    x.par_iter_mut().for_each(|x| *x -= mean);
}

/// A symmetric tridiagonal matrix whose eigenvalues lie between −1 and 1.
#[derive(Default)]
struct Tridiagonal {
    diagonal: Vec<f64>,
    beside: Vec<f64>,
}

impl Tridiagonal {
    fn largest_modulus(&self) -> f64 {
        let size = self.diagonal.len();
        let top = bisect(|x| self.below(x) == size);
        let bottom = bisect(|x| self.below(x) >= 1);
        top.abs().max(bottom.abs())
    }

    /// How many eigenvalues are below x (Sturm's sequence).
    fn below(&self, x: f64) -> usize {
        let (mut count, mut pivot) = (0, 1.0);
        for (i, diagonal) in self.diagonal.iter().enumerate() {
            let beside = if i == 0 { 0.0 } else { self.beside[i - 1] };
            pivot = diagonal - x - beside * beside / pivot;
            if pivot == 0.0 {
                pivot = f64::MIN_POSITIVE;
            }
            count += usize::from(pivot < 0.0);
        }
        count
    }
}

/// Where a condition that is false at −1 and true at 1 becomes true.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (-1.001, 1.001);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    fn assert_gap(name: &str, nodes: u32, edges: impl IntoIterator<Item = (u32, u32)>, expected: f64) {
        let gap = Graph::from_edges(nodes, edges).spectral_gap(3);
        assert!(
            gap.exact && (gap.value - expected).abs() < 1e-8 * expected,
            "{name}: {gap:?}, expected {expected}"
        );
    }

    #[test]
    fn it_is_what_the_formula_gives_where_there_is_one() {
        for n in [3u32, 4, 10, 101, 1_000] {
            let angle = |k: u32| 2.0 * PI * f64::from(k) / f64::from(n);
            let moduli = (1..n).map(|k| ((1.0 + 2.0 * angle(k).cos()) / 3.0).abs());
            let expected = 1.0 - moduli.fold(0.0, f64::max);
            assert_gap("ring", n, (0..n).map(|i| (i, (i + 1) % n)), expected);
        }
        for n in [3u32, 4, 10, 500] {
            let expected = 2.0 / 3.0 * (1.0 - (PI / f64::from(n)).cos());
            assert_gap("line", n, (1..n).map(|i| (i - 1, i)), expected);
            assert_gap("star", n, (1..n).map(|i| (0, i)), 1.0 / f64::from(n));
            if n < 100 {
                assert_gap("complete", n, (0..n).flat_map(|a| (0..a).map(move |b| (a, b))), 1.0);
            }
        }
        for q in 1..10u32 {
            let edges = (0..1u32 << q).flat_map(|i| (0..q).map(move |bit| (i, i ^ (1 << bit))));
            assert_gap("hypercube", 1 << q, edges, 2.0 / f64::from(q + 1));
        }
        let (rows, columns) = (6u32, 11u32);
        let right = move |r: u32, c: u32| (r * columns + c, r * columns + (c + 1) % columns);
        let down = move |r: u32, c: u32| (r * columns + c, (r + 1) % rows * columns + c);
        let edges = (0..rows).flat_map(|r| (0..columns).flat_map(move |c| [right(r, c), down(r, c)]));
        assert_gap("torus", rows * columns, edges, 0.4 * (1.0 - (2.0 * PI / f64::from(columns)).cos()));
    }

    #[test]
    fn what_cannot_mix_has_no_gap_and_what_is_complete_mixes_at_once() {
        let exact = |value| SpectralGap { value, exact: true };
        assert_eq!(Graph::from_edges(4, [(0, 1), (2, 3)]).spectral_gap(0), exact(0.0));
        assert_eq!(Graph::complete(1_000_000).spectral_gap(0), exact(1.0));
        assert_eq!(Graph::from_edges(1, []).spectral_gap(0), exact(1.0));
        assert_gap("a pair", 2, [(0, 1)], 1.0);
    }

    #[test]
    fn the_number_of_threads_does_not_matter() {
        let nodes = 3 * CHUNK as u32;
        let edges = (0..nodes)
            .flat_map(|i| [(i, (i * 7 + 1) % nodes), (i, (i * 11 + 5) % nodes), (i, (i + 1) % nodes)]);
        let graph = Graph::from_edges(nodes, edges);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| graph.spectral_gap(1))
        };
        assert_eq!(with(1), with(4));
    }
}
