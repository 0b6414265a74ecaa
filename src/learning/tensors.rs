//! Named arrays beside a model's own: what travels with it from node to node (P2PFL's `additional_info`), and what a node keeps
//! from round to round. Control variates, push-sum's weight and a compressor's residual are such.

use super::model::Precision;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An array of values, row by row. A single value has no shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Box<[usize]>,
    values: Box<[f64]>,
    precision: Precision,
}

/// Arrays by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors(BTreeMap<Box<str>, Tensor>);

/// What a node keeps from round to round: nothing at first.
pub type State = Option<Arc<Tensors>>;

impl Tensor {
    /// An array of a shape, which travels in this precision.
    ///
    /// # Panics
    /// If there are not exactly as many values as the shape asks for.
    pub fn new(shape: &[usize], values: &[f64], precision: Precision) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "the values must fill the shape {shape:?}");
        let rounded = |it: &f64| match precision {
            Precision::Single => f64::from(*it as f32),
            Precision::Double => *it,
        };
        Self { shape: shape.into(), values: values.iter().map(rounded).collect(), precision }
    }

    /// A single value in double precision.
    pub fn scalar(value: f64) -> Self {
        Self::new(&[], &[value], Precision::Double)
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its values, row by row. Those in single precision are exactly representable in it.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The precision in which it travels.
    pub fn precision(&self) -> Precision {
        self.precision
    }
}

impl Tensors {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The array of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// Adds an array, or replaces the one of this name.
    #[must_use]
    pub fn with(mut self, name: &str, tensor: Tensor) -> Self {
        self.0.insert(name.into(), tensor);
        self
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (&**name, tensor))
    }

    /// Whether no value is infinite or no number.
    pub fn is_finite(&self) -> bool {
        self.0.values().flat_map(|it| &it.values).all(|it| it.is_finite())
    }

    /// Bytes that the values take up.
    pub fn heap_bytes(&self) -> u64 {
        self.0.values().map(|it| size_of_val(&*it.values) as u64).sum()
    }
}
