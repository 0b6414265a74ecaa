//! Distributions of durations: link latencies, compute times, and how long nodes stay.

use super::tagged::tagged;
use super::units::Span;
use rand::Rng;
use rand_distr::Distribution as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

tagged! {
    /// How a duration is drawn. A bare duration such as `"20ms"` is a constant.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Distribution by "kind" {
        /// Always the same.
        Constant(Constant) = "constant",
        /// Anything between two durations, equally likely.
        Uniform(Uniform) = "uniform",
        /// The normal distribution, cut off at zero.
        Normal(Normal) = "normal",
        /// The lognormal distribution, given by its median and the standard deviation of its logarithm.
        Lognormal(Lognormal) = "lognormal",
        /// The Pareto distribution: at least `scale`, with a tail of index `shape`.
        Pareto(Pareto) = "pareto",
        /// The exponential distribution: what is left of it never depends on how long it has lasted.
        Exponential(Exponential) = "exponential",
    }
    bare Span = |text| text.parse().map(|value| Distribution::Constant(Constant { value }))
}

/// Always `value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// The duration.
    pub value: Span,
}

/// Between `min` and `max`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Uniform {
    /// The shortest duration.
    pub min: Span,
    /// The longest duration.
    pub max: Span,
}

/// Normal with the given mean and standard deviation; negative draws count as zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normal {
    /// The mean before the cut at zero.
    pub mean: Span,
    /// The standard deviation before the cut at zero.
    pub stdev: Span,
}

/// `median · exp(sigma · N(0, 1))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lognormal {
    /// The median.
    pub median: Span,
    /// The standard deviation of the natural logarithm; 0.4 is mild, 1 is wide.
    pub sigma: f64,
}

/// Pareto of the first kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pareto {
    /// The shortest duration.
    pub scale: Span,
    /// The tail index; the mean is finite above 1.
    pub shape: f64,
}

/// Exponential with the given mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exponential {
    /// The mean; half of all draws are less than 0.69 of it.
    pub mean: Span,
}

impl From<Span> for Distribution {
    fn from(value: Span) -> Self {
        Self::Constant(Constant { value })
    }
}

impl Distribution {
    /// Draws a duration. Parameters that no distribution has were refused when the scenario was checked.
    pub fn draw(&self, random: &mut impl Rng) -> Duration {
        let seconds = |span: Span| span.0.as_secs_f64();
        let drawn = match self {
            Self::Constant(it) => return it.value.0,
            Self::Uniform(it) => {
                let share: f64 = rand_distr::StandardUniform.sample(random);
                seconds(it.min) + share * (seconds(it.max) - seconds(it.min))
            }
            Self::Normal(it) => seconds(it.mean) + seconds(it.stdev) * standard_normal(random),
            Self::Lognormal(it) => seconds(it.median) * libm::exp(it.sigma * standard_normal(random)),
            Self::Pareto(it) => {
                let share: f64 = rand_distr::OpenClosed01.sample(random);
                seconds(it.scale) * libm::pow(share, -1.0 / it.shape)
            }
            Self::Exponential(it) => {
                let share: f64 = rand_distr::OpenClosed01.sample(random);
                -seconds(it.mean) * libm::log(share)
            }
        };
        // The longest duration that integer nanoseconds can tell apart from "never".
        Duration::from_secs_f64(drawn.clamp(0.0, 9.0e9))
    }

    /// The median, for estimates before a run.
    pub fn median(&self) -> Duration {
        match self {
            Self::Constant(it) => it.value.0,
            Self::Uniform(it) => (it.min.0 + it.max.0) / 2,
            Self::Normal(it) => it.mean.0,
            Self::Lognormal(it) => it.median.0,
            Self::Pareto(it) => Duration::from_secs_f64(
                (it.scale.0.as_secs_f64() * libm::pow(2.0, 1.0 / it.shape)).clamp(0.0, 9.0e9),
            ),
            Self::Exponential(it) => it.mean.0.mul_f64(std::f64::consts::LN_2),
        }
    }

    /// The least that can be drawn.
    pub fn least(&self) -> Duration {
        match self {
            Self::Constant(it) => it.value.0,
            Self::Uniform(it) => it.min.0,
            Self::Normal(_) | Self::Lognormal(_) | Self::Exponential(_) => Duration::ZERO,
            Self::Pareto(it) => it.scale.0,
        }
    }

    /// What is wrong with the parameters: the field, and what would be right.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Uniform(it) if it.min > it.max => {
                Some(("max", format!("is less than min ({} < {})", it.max, it.min)))
            }
            Self::Lognormal(it) if !(0.0..=10.0).contains(&it.sigma) => {
                Some(("sigma", format!("is {}; it must be between 0 and 10", it.sigma)))
            }
            Self::Pareto(it) if !(it.shape > 0.0 && it.shape.is_finite()) => {
                Some(("shape", format!("is {}; it must be greater than 0", it.shape)))
            }
            _ => None,
        }
    }
}

/// A standard normal draw by the Box–Muller transform with a pinned mathematics library: the same bits everywhere.
pub(crate) fn standard_normal(random: &mut impl Rng) -> f64 {
    let radius: f64 = rand_distr::OpenClosed01.sample(random);
    let angle: f64 = rand_distr::StandardUniform.sample(random);
    libm::sqrt(-2.0 * libm::log(radius)) * libm::cos(std::f64::consts::TAU * angle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    fn draws(distribution: &Distribution) -> Vec<f64> {
        let mut random = Stream::new(1, 0, Purpose::Latency, 0);
        let mut drawn: Vec<f64> = (0..20_001).map(|_| distribution.draw(&mut random).as_secs_f64()).collect();
        drawn.sort_by(f64::total_cmp);
        drawn
    }

    #[test]
    fn the_median_of_the_draws_is_the_median_of_the_distribution() {
        for text in [
            r#"{"kind":"uniform","min":"10ms","max":"30ms"}"#,
            r#"{"kind":"normal","mean":"20ms","stdev":"4ms"}"#,
            r#"{"kind":"lognormal","median":"20ms","sigma":0.4}"#,
            r#"{"kind":"pareto","scale":"10ms","shape":2}"#,
            r#"{"kind":"exponential","mean":"30ms"}"#,
            r#""20ms""#,
        ] {
            let distribution: Distribution = serde_json::from_str(text).unwrap();
            let middle = draws(&distribution)[10_000];
            let expected = distribution.median().as_secs_f64();
            assert!((middle / expected - 1.0).abs() < 0.03, "{text}: {middle} for {expected}");
        }
    }
}
