//! The parameters that nodes train, send and combine: one flat buffer and the shapes of the arrays in it. What the
//! parameters mean belongs to the learner, how they are written on a wire to `wire`.

use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The shapes of the arrays that make up a model, in the order in which their values lie in its buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    shapes: Box<[Box<[usize]>]>,
    parameters: u64,
}

impl Layout {
    /// Arrays of these shapes, each row by row, one after another.
    pub fn new(shapes: impl IntoIterator<Item = Vec<usize>>) -> Self {
        let shapes: Box<[Box<[usize]>]> = shapes.into_iter().map(Vec::into_boxed_slice).collect();
        let parameters = shapes.iter().map(|shape| count(shape)).fold(0, u64::saturating_add);
        Self { shapes, parameters }
    }

    /// The shape of each array.
    pub fn shapes(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        self.shapes.iter().map(|shape| &**shape)
    }

    /// The number of values in all arrays.
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// The bytes of the values as 32-bit floats, without what an encoding adds.
    pub fn bytes(&self) -> u64 {
        self.parameters.saturating_mul(4)
    }
}

fn count(shape: &[usize]) -> u64 {
    shape.iter().fold(1, |product, &length| product.saturating_mul(length as u64))
}

/// A model: immutable once it exists, and shared by reference wherever it goes.
///
/// A *synthetic* model has a layout and no values: it weighs, and nothing else.
#[derive(Clone, Debug)]
pub struct Model {
    layout: Arc<Layout>,
    parameters: Parameters,
}

#[derive(Clone, Debug)]
enum Parameters {
    F32(Box<[f32]>),
    Synthetic,
}

impl Model {
    /// A model with values.
    ///
    /// # Panics
    /// If there are not exactly as many values as the layout has parameters.
    pub fn new(layout: Arc<Layout>, values: Vec<f32>) -> Self {
        assert_eq!(values.len() as u64, layout.parameters(), "a model has the values its layout asks for");
        Self { layout, parameters: Parameters::F32(values.into_boxed_slice()) }
    }

    /// A model that only weighs.
    pub fn synthetic(layout: Arc<Layout>) -> Self {
        Self { layout, parameters: Parameters::Synthetic }
    }

    /// The shapes of its arrays.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// All values, array after array; empty for a synthetic model.
    pub fn values(&self) -> &[f32] {
        match &self.parameters {
            Parameters::F32(values) => values,
            Parameters::Synthetic => &[],
        }
    }

    /// Each array's shape and values, row by row; no values for a synthetic model.
    pub fn arrays(&self) -> impl Iterator<Item = (&[usize], &[f32])> {
        let mut rest = self.values();
        self.layout.shapes().map(move |shape| {
            let length = if rest.is_empty() { 0 } else { count(shape) as usize };
            let (array, after) = rest.split_at(length);
            rest = after;
            (shape, array)
        })
    }

    /// Whether it only weighs.
    pub fn is_synthetic(&self) -> bool {
        matches!(self.parameters, Parameters::Synthetic)
    }

    /// Bytes that the model holds in memory beside itself and its shared layout.
    pub fn heap_bytes(&self) -> usize {
        size_of_val(self.values())
    }

    /// A hash of shapes and values (XXH3 over the bits, little endian): equal for equal models, on every machine, and
    /// different for different ones but for an accident of one in 2⁶⁴. `-0.0` differs from `0.0`.
    pub fn digest(&self) -> u64 {
        let mut hash = Xxh3::new();
        for shape in self.layout.shapes() {
            hash.update(&(shape.len() as u64).to_le_bytes());
            for &length in shape {
                hash.update(&(length as u64).to_le_bytes());
            }
        }
        let mut bytes = [0; 4096];
        for values in self.values().chunks(bytes.len() / 4) {
            let bytes = &mut bytes[..4 * values.len()];
            for (target, value) in bytes.chunks_exact_mut(4).zip(values) {
                target.copy_from_slice(&value.to_le_bytes());
            }
            hash.update(bytes);
        }
        hash.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Arc<Layout> {
        Arc::new(Layout::new([vec![2, 3], vec![3]]))
    }

    #[test]
    fn a_model_is_small_beside_its_values() {
        assert!(size_of::<Model>() <= 64);
    }

    #[test]
    fn arrays_follow_one_another_in_the_buffer() {
        let model = Model::new(layout(), (0..9).map(|value| value as f32).collect());
        let arrays: Vec<_> = model.arrays().collect();
        assert_eq!(arrays[0], (&[2, 3][..], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0][..]));
        assert_eq!(arrays[1], (&[3][..], &[6.0, 7.0, 8.0][..]));
        assert_eq!(model.layout().bytes(), 36);
    }

    #[test]
    fn a_synthetic_model_has_a_size_but_no_values() {
        let model = Model::synthetic(Arc::new(Layout::new([vec![1 << 40]])));
        assert!(model.is_synthetic());
        assert_eq!(model.layout().bytes(), 4 << 40);
        assert_eq!((model.values().len(), model.heap_bytes()), (0, 0));
        assert!(model.arrays().all(|(_, values)| values.is_empty()));
    }

    #[test]
    fn the_digest_is_of_the_content_and_the_same_everywhere() {
        let values: Vec<f32> = (0..9).map(|value| value as f32).collect();
        let digest = |layout: Arc<Layout>, values: &[f32]| Model::new(layout, values.to_vec()).digest();
        assert_eq!(digest(layout(), &values), digest(layout(), &values));
        let mut other = values.clone();
        other[8] = f32::from_bits(other[8].to_bits() + 1);
        assert_ne!(digest(layout(), &values), digest(layout(), &other));
        assert_ne!(digest(layout(), &values), digest(Arc::new(Layout::new([vec![9]])), &values));
        let large: Vec<f32> = (0..5000).map(|value| value as f32).collect();
        insta::assert_snapshot!(
            format!("{:016x}", digest(Arc::new(Layout::new([vec![5000]])), &large)),
            @"0dec5de0292bfd7c"
        );
    }
}
