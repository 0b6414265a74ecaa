//! Whether a scenario's `learning` block makes sense by itself, before any data is looked at.

use super::error::LearningError;
use super::spec::{Averaging, BatchSize, Learning, ModelKind, Partitioning, Quadratic};

/// The most hidden layers.
const MAX_LAYERS: usize = 64;
/// The most values of a vector: 1 GiB of float64.
const MAX_DIMENSION: u32 = 1 << 27;
/// The most values of all nodes' points together: what a machine draws in some seconds.
const MAX_DRAWN: u64 = 1 << 30;

impl Learning {
    /// Finds the first setting that makes no sense.
    ///
    /// # Errors
    /// Names the setting, what it is and what would be right. What depends on the data is found by `build`.
    pub fn check(&self) -> Result<(), LearningError> {
        let rate = self.learning_rate;
        require(rate > 0.0 && (rate as f32).is_finite(), "learning_rate", || {
            format!("is {rate:?}; it must be greater than 0 and finite in single precision")
        })?;
        require(self.batch_size != BatchSize::Rows(0), "batch_size", || {
            "is 0; it must be at least 1, or \"full\"".into()
        })?;
        require(self.evaluate_every > 0, "evaluate_every", || "is 0; it must be at least 1".into())?;
        match &self.partitioning {
            Partitioning::Iid(_) => {}
            Partitioning::Dirichlet(it) => {
                require(it.alpha > 0.0 && it.alpha.is_finite(), "partitioning.alpha", || {
                    format!("is {:?}; it must be greater than 0 and finite", it.alpha)
                })?;
            }
            Partitioning::LabelSkew(it) => {
                require(it.classes_per_node > 0, "partitioning.classes_per_node", || {
                    "is 0; it must be at least 1".into()
                })?;
            }
            Partitioning::Percentage(it) => {
                require((0.0..=100.0).contains(&it.percentage), "partitioning.percentage", || {
                    format!("is {}; it must be between 0 and 100", it.percentage)
                })?;
            }
        }
        match &self.model {
            ModelKind::Softmax(_) => {}
            ModelKind::Mlp(it) => {
                require((1..=MAX_LAYERS).contains(&it.hidden.len()), "model.hidden", || {
                    format!("has {} layers; there must be 1 to {MAX_LAYERS}", it.hidden.len())
                })?;
                require(!it.hidden.contains(&0), "model.hidden", || "has a layer without units".into())?;
            }
            ModelKind::Averaging(Averaging { dimension, .. })
            | ModelKind::Quadratic(Quadratic { dimension, .. }) => {
                require((1..=MAX_DIMENSION).contains(dimension), "model.dimension", || {
                    format!("is {dimension}; it must be between 1 and {MAX_DIMENSION}")
                })?;
            }
            ModelKind::Synthetic(it) => {
                require(it.size.0 >= 4, "model.size", || {
                    format!("is {}; it must hold at least one float32, 4B", it.size)
                })?;
            }
        }
        let compute = [
            ("train", &self.compute.train),
            ("evaluate", &self.compute.evaluate),
            ("aggregate", &self.compute.aggregate),
        ];
        for (name, distribution) in compute {
            if let Some((field, message)) = distribution.fault() {
                let field = format!("compute.{name}.{field}").into();
                return Err(LearningError::Setting { field, message });
            }
        }
        Ok(())
    }
}

impl Quadratic {
    /// Whether so many nodes' points can be drawn.
    pub(super) fn check(&self, nodes: u32) -> Result<(), LearningError> {
        let drawn = u64::from(nodes) * u64::from(self.dimension);
        require(drawn <= MAX_DRAWN, "model.dimension", || {
            let most = MAX_DRAWN / u64::from(nodes.max(1));
            format!("is {}; with {nodes} nodes it can be at most {most}", self.dimension)
        })
    }
}

fn require(holds: bool, field: &'static str, message: impl FnOnce() -> String) -> Result<(), LearningError> {
    if holds { Ok(()) } else { Err(LearningError::Setting { field: field.into(), message: message() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> String {
        let learning: Learning = serde_json::from_str(json).expect("the format is right");
        learning.check().expect_err("a setting that makes no sense").to_string()
    }

    #[test]
    fn the_defaults_make_sense() {
        assert!(Learning::default().check().is_ok());
    }

    #[test]
    fn a_setting_that_makes_no_sense_is_named_with_what_would_be_right() {
        insta::assert_snapshot!(fault(r#"{"learning_rate": 0}"#), @"learning_rate is 0.0; it must be greater than 0 and finite in single precision");
        insta::assert_snapshot!(fault(r#"{"learning_rate": 1e39}"#), @"learning_rate is 1e39; it must be greater than 0 and finite in single precision");
        insta::assert_snapshot!(fault(r#"{"batch_size": 0}"#), @r#"batch_size is 0; it must be at least 1, or "full""#);
        insta::assert_snapshot!(fault(r#"{"evaluate_every": 0}"#), @"evaluate_every is 0; it must be at least 1");
        insta::assert_snapshot!(fault(r#"{"partitioning": {"kind": "dirichlet", "alpha": -1}}"#), @"partitioning.alpha is -1.0; it must be greater than 0 and finite");
        insta::assert_snapshot!(fault(r#"{"partitioning": {"kind": "label_skew", "classes_per_node": 0}}"#), @"partitioning.classes_per_node is 0; it must be at least 1");
        insta::assert_snapshot!(fault(r#"{"partitioning": {"kind": "percentage", "percentage": 101}}"#), @"partitioning.percentage is 101; it must be between 0 and 100");
        insta::assert_snapshot!(fault(r#"{"model": {"kind": "mlp", "hidden": []}}"#), @"model.hidden has 0 layers; there must be 1 to 64");
        insta::assert_snapshot!(fault(r#"{"model": {"kind": "mlp", "hidden": [8, 0]}}"#), @"model.hidden has a layer without units");
        insta::assert_snapshot!(fault(r#"{"model": {"kind": "averaging", "dimension": 0}}"#), @"model.dimension is 0; it must be between 1 and 134217728");
        insta::assert_snapshot!(fault(r#"{"model": {"kind": "quadratic", "dimension": 4000000000}}"#), @"model.dimension is 4000000000; it must be between 1 and 134217728");
        insta::assert_snapshot!(fault(r#"{"model": {"kind": "synthetic", "size": "3B"}}"#), @"model.size is 3B; it must hold at least one float32, 4B");
        insta::assert_snapshot!(
            fault(r#"{"compute": {"train": {"kind": "pareto", "scale": "1ms", "shape": 0}}}"#),
            @"compute.train.shape is 0; it must be greater than 0"
        );
    }
}
