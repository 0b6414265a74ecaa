//! Comparing what peers have learnt.

use serde::Deserialize;

/// As `peer.py` writes it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Array {
    pub dtype: String,
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// Peers of a train set each add up its models, in the order in which they came: sums of float32 are the same but for
/// their rounding.
const ROUNDING: f64 = 1e-6;

/// Whether two models are the same, but for rounding.
pub fn same(one: &[Array], other: &[Array]) -> bool {
    let alike = |a: &Array, b: &Array| {
        (&a.dtype, &a.shape) == (&b.dtype, &b.shape)
            && a.values.iter().zip(&b.values).all(|(a, b)| near(*a, *b))
    };
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| alike(a, b))
}

/// Panics unless all models are the same, and there is something in them.
pub fn assert_same(models: &[(&str, &[Array])]) {
    let (first, model) = models[0];
    assert!(model.iter().any(|it| !it.values.is_empty()), "{first} has no weights");
    for (name, other) in models {
        assert!(same(model, other), "{first} and {name} differ:\n{model:?}\n{other:?}");
    }
}

/// By how much all weights have grown. Panics if not all by the same, for `peer.py` adds the same to each.
pub fn growth(began: &[Array], ended: &[Array]) -> f64 {
    assert_eq!(began.len(), ended.len());
    let differences: Vec<f64> = began
        .iter()
        .zip(ended)
        .flat_map(|(began, ended)| began.values.iter().zip(&ended.values).map(|(began, ended)| ended - began))
        .collect();
    let first = differences[0];
    // Weights are small, so that their rounding is no greater than that of ten.
    assert!(differences.iter().all(|it| near(10.0 + it, 10.0 + first)), "{differences:?}");
    first
}

/// Whether two numbers are the same but for rounding.
pub fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= ROUNDING * a.abs().max(1.0)
}

#[test]
fn weights_that_differ_by_more_than_rounding_are_not_the_same() {
    let model = |values: &[f64]| {
        vec![Array { dtype: "float32".into(), shape: vec![values.len()], values: values.to_vec() }]
    };
    assert!(same(&model(&[1.0, 0.0]), &model(&[1.0 + 5e-7, 5e-7])));
    assert!(!same(&model(&[1.0]), &model(&[1.00001])));
    assert!(!same(&model(&[1.0]), &model(&[f64::NAN])));
    assert!(!same(&model(&[1.0]), &model(&[1.0, 1.0])));
    assert!(!same(&model(&[1.0]), &[]));
    assert_eq!(growth(&model(&[1.0, 2.0]), &model(&[1.5, 2.5])), 0.5);
}
