//! Shares of each class drawn from a Dirichlet distribution (Hsu, Qi and Brown 2019).

use super::{Draw, NOBODY, Part, Rows, give};
use crate::format::distribution::standard_normal;
use crate::random::Stream;
use rand::distr::{Distribution, OpenClosed01};

impl Draw<'_> {
    /// For each class, proportions over the nodes from Dir(alpha, …, alpha), cut at the rounded cumulative sums.
    pub(super) fn dirichlet(&self, alpha: f64, rows: &Rows, part: Part) -> Vec<u32> {
        let mut owners = vec![NOBODY; rows.len()];
        for (class, indices) in self.shuffled(rows, part).iter().enumerate() {
            let mut random = self.common_stream(class as u64);
            let weights: Vec<f64> = (0..self.nodes).map(|_| gamma(alpha, &mut random)).collect();
            let total: f64 = weights.iter().sum();
            if !(total > 0.0 && total.is_finite()) {
                // So small an alpha that every weight underflowed: nobody holds the class, and the draw is refused.
                continue;
            }
            let (mut sum, mut given, mut rest) = (0.0, 0, &indices[..]);
            for (node, weight) in weights.iter().enumerate() {
                sum += weight;
                let until = libm::round(sum / total * indices.len() as f64) as usize;
                let until = until.clamp(given, indices.len());
                give(&mut owners, &mut rest, until - given, node as u32);
                given = until;
            }
        }
        owners
    }
}

/// A draw from the gamma distribution of this shape and scale 1: Marsaglia and Tsang 2000, with the usual power of a
/// uniform draw for shapes below 1. With pinned functions, where a ready crate takes the platform's.
fn gamma(shape: f64, random: &mut Stream) -> f64 {
    if shape < 1.0 {
        let uniform: f64 = OpenClosed01.sample(random);
        return gamma(shape + 1.0, random) * libm::pow(uniform, 1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = standard_normal(random);
        let v = 1.0 + c * x;
        if v <= 0.0 {
            continue;
        }
        let v = v * v * v;
        let uniform: f64 = OpenClosed01.sample(random);
        if libm::log(uniform) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn the_gamma_distribution_has_its_mean_and_variance() {
        for shape in [0.1, 0.5, 1.0, 3.0, 50.0] {
            let mut random = Stream::new(1, 0, Purpose::Partition, 0);
            let draws: Vec<f64> = (0..20_000).map(|_| gamma(shape, &mut random)).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean / shape - 1.0).abs() < 0.08, "mean {mean} of shape {shape}");
            assert!((variance / shape - 1.0).abs() < 0.15, "variance {variance} of shape {shape}");
        }
    }
}
