//! The parameters that nodes train, send and combine: one flat buffer and the shapes of the arrays in it. What the
//! parameters mean belongs to the learner, how they are written on a wire to `wire`.

use super::tensors::Tensors;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The shapes of the arrays that make up a model, in the order in which their values lie in its buffer, and what
/// their values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    shapes: Box<[Box<[usize]>]>,
    parameters: u64,
    precision: Precision,
    trained: bool,
}

/// How exact values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats: what P2PFL's models are made of.
    Single,
    /// 64-bit floats: for models that are held against closed forms.
    Double,
}

impl Layout {
    /// Arrays of these shapes in single precision, each row by row, one after another.
    pub fn new(shapes: impl IntoIterator<Item = Vec<usize>>) -> Self {
        let shapes: Box<[Box<[usize]>]> = shapes.into_iter().map(Vec::into_boxed_slice).collect();
        let parameters = shapes.iter().map(|shape| count(shape)).fold(0, u64::saturating_add);
        Self { shapes, parameters, precision: Precision::Single, trained: true }
    }

    /// The same in double precision.
    pub fn in_double_precision(self) -> Self {
        Self { precision: Precision::Double, ..self }
    }

    /// The same for models that training leaves as they are.
    pub fn untrained(self) -> Self {
        Self { trained: false, ..self }
    }

    /// The shape of each array.
    pub fn shapes(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        self.shapes.iter().map(|shape| &**shape)
    }

    /// The number of values in all arrays.
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// How exact the values are.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Whether training changes such a model, so that there is anything to evaluate.
    pub fn is_trained(&self) -> bool {
        self.trained
    }

    /// The bytes of the values, without what an encoding adds.
    pub fn bytes(&self) -> u64 {
        self.parameters.saturating_mul(self.precision.bytes() as u64)
    }
}

impl Precision {
    /// The bytes of a value.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Single => size_of::<f32>(),
            Self::Double => size_of::<f64>(),
        }
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
    F64(Box<[f64]>),
    /// As many values in double precision as the layout has parameters: they need no buffer of their own, of which a
    /// million nodes would have a million.
    Few([f64; FEW]),
    Synthetic,
    /// Any of these, with arrays beside it. Most models have none, so they pay nothing for it.
    With(Box<(Parameters, Arc<Tensors>)>),
}

impl Parameters {
    /// Its own arrays.
    #[inline]
    fn own(&self) -> &Self {
        if let Self::With(it) = self { &it.0 } else { self }
    }
}

/// Values that take no more room than a pointer to them.
const FEW: usize = 2;

/// Values in their precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// 32-bit floats.
    Single(&'a [f32]),
    /// 64-bit floats.
    Double(&'a [f64]),
}

impl<'a> Values<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn split_at(self, length: usize) -> (Self, Self) {
        match self {
            Self::Single(values) => {
                let (before, after) = values.split_at(length);
                (Self::Single(before), Self::Single(after))
            }
            Self::Double(values) => {
                let (before, after) = values.split_at(length);
                (Self::Double(before), Self::Double(after))
            }
        }
    }
}

impl Model {
    /// A model with values in single precision.
    ///
    /// # Panics
    /// If there are not exactly as many values as the layout has parameters, or it asks for others.
    pub fn new(layout: Arc<Layout>, values: Vec<f32>) -> Self {
        assert_eq!(layout.precision(), Precision::Single, "a model has the precision its layout asks for");
        assert_eq!(values.len() as u64, layout.parameters(), "a model has the values its layout asks for");
        Self { layout, parameters: Parameters::F32(values.into_boxed_slice()) }
    }

    /// A model with values in double precision.
    ///
    /// # Panics
    /// If there are not exactly as many values as the layout has parameters, or it asks for others.
    pub fn double(layout: Arc<Layout>, values: &[f64]) -> Self {
        assert_eq!(layout.precision(), Precision::Double, "a model has the precision its layout asks for");
        assert_eq!(values.len() as u64, layout.parameters(), "a model has the values its layout asks for");
        let parameters = if values.len() <= FEW {
            let mut few = [0.0; FEW];
            few[..values.len()].copy_from_slice(values);
            Parameters::Few(few)
        } else {
            Parameters::F64(values.into())
        };
        Self { layout, parameters }
    }

    /// A model that only weighs.
    pub fn synthetic(layout: Arc<Layout>) -> Self {
        Self { layout, parameters: Parameters::Synthetic }
    }

    /// The shapes of its arrays.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// All values, array after array; none for a synthetic model.
    pub fn all(&self) -> Values<'_> {
        match self.layout.precision {
            Precision::Single => Values::Single(self.values()),
            Precision::Double => Values::Double(self.doubles()),
        }
    }

    /// All values of a model in single precision, array after array; empty for others.
    pub fn values(&self) -> &[f32] {
        if let Parameters::F32(values) = self.parameters.own() { values } else { &[] }
    }

    /// All values of a model in double precision, array after array; empty for others.
    pub fn doubles(&self) -> &[f64] {
        match self.parameters.own() {
            Parameters::F64(values) => values,
            Parameters::Few(values) => &values[..self.layout.parameters as usize],
            _ => &[],
        }
    }

    /// Each array's shape and values, row by row; no values for a synthetic model.
    pub fn arrays(&self) -> impl Iterator<Item = (&[usize], Values<'_>)> {
        let mut rest = self.all();
        self.layout.shapes().map(move |shape| {
            let length = if rest.is_empty() { 0 } else { count(shape) as usize };
            let (array, after) = rest.split_at(length);
            rest = after;
            (shape, array)
        })
    }

    /// Whether none of its values is infinite or no number, and none of those beside it.
    pub fn is_finite(&self) -> bool {
        let own = match self.all() {
            Values::Single(values) => values.iter().all(|it| it.is_finite()),
            Values::Double(values) => values.iter().all(|it| it.is_finite()),
        };
        own && self.info().is_none_or(|it| it.is_finite())
    }

    /// Whether it only weighs.
    pub fn is_synthetic(&self) -> bool {
        matches!(self.parameters.own(), Parameters::Synthetic)
    }

    /// Whether training changes it. Where it does not there is nothing to evaluate either.
    pub fn is_trained(&self) -> bool {
        !self.is_synthetic() && self.layout.is_trained()
    }

    /// Bytes that the model holds in memory beside itself and its shared layout.
    pub fn heap_bytes(&self) -> usize {
        heap_bytes(&self.parameters)
    }

    /// What travels beside its own arrays: P2PFL's `additional_info`.
    pub fn info(&self) -> Option<&Arc<Tensors>> {
        if let Parameters::With(it) = &self.parameters { Some(&it.1) } else { None }
    }

    /// The same model with other arrays beside its own; with none, if there are none.
    #[must_use]
    pub fn with_info(self, info: Arc<Tensors>) -> Self {
        let own = match self.parameters {
            Parameters::With(it) => it.0,
            own => own,
        };
        let parameters = if info.is_empty() { own } else { Parameters::With(Box::new((own, info))) };
        Self { layout: self.layout, parameters }
    }

    /// A hash of the shapes and values of its own arrays (XXH3 over the bits, little endian): equal for equal models, on every machine, and
    /// different for different ones but for an accident of one in 2⁶⁴. `-0.0` differs from `0.0`.
    pub fn digest(&self) -> u64 {
        let mut hash = Xxh3::new();
        for shape in self.layout.shapes() {
            hash.update(&(shape.len() as u64).to_le_bytes());
            for &length in shape {
                hash.update(&(length as u64).to_le_bytes());
            }
        }
        match self.all() {
            Values::Single(values) => update(&mut hash, values, |value| value.to_le_bytes()),
            Values::Double(values) => update(&mut hash, values, |value| value.to_le_bytes()),
        }
        hash.digest()
    }
}

fn heap_bytes(parameters: &Parameters) -> usize {
    match parameters {
        Parameters::F32(values) => size_of_val(&**values),
        Parameters::F64(values) => size_of_val(&**values),
        Parameters::Few(_) | Parameters::Synthetic => 0,
        Parameters::With(it) => heap_bytes(&it.0) + size_of_val(&**it) + it.1.heap_bytes() as usize,
    }
}

/// Adds the bits of values to a hash, a few at a time.
fn update<T: Copy, const BYTES: usize>(hash: &mut Xxh3, values: &[T], bits: impl Fn(T) -> [u8; BYTES]) {
    const CHUNK: usize = 512;
    let mut bytes = [[0; BYTES]; CHUNK];
    for values in values.chunks(CHUNK) {
        for (target, value) in bytes.iter_mut().zip(values) {
            *target = bits(*value);
        }
        hash.update(bytes[..values.len()].as_flattened());
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
        assert!(size_of::<Model>() <= 32);
    }

    #[test]
    fn a_few_values_in_double_precision_take_no_buffer() {
        for length in 0..4 {
            let layout = Arc::new(Layout::new([vec![length]]).in_double_precision());
            let values: Vec<f64> = (0..length).map(|value| value as f64 + 0.1).collect();
            let model = Model::double(layout, &values);
            assert_eq!(model.doubles(), values);
            assert!(model.values().is_empty() && !model.is_synthetic());
            assert_eq!(model.heap_bytes(), if length <= 2 { 0 } else { 8 * length });
            assert_eq!(model.layout().bytes(), 8 * length as u64);
        }
    }

    #[test]
    fn arrays_beside_a_model_s_own_change_nothing_of_it() {
        use crate::learning::Tensor;
        let few = Arc::new(Layout::new([vec![2]]).in_double_precision());
        let models = [
            Model::new(layout(), (0..9).map(|value| value as f32).collect()),
            Model::double(few, &[1.0, -0.0]),
            Model::synthetic(layout()),
        ];
        for model in models {
            let info = Arc::new(Tensors::default().with("weight", Tensor::scalar(0.5)));
            let with = model.clone().with_info(Arc::clone(&info)).with_info(info);
            assert_eq!((with.digest(), with.is_synthetic()), (model.digest(), model.is_synthetic()));
            assert_eq!(with.info().unwrap().get("weight").unwrap().values(), [0.5]);
            assert!(with.heap_bytes() > model.heap_bytes());
            assert!(with.with_info(Arc::default()).info().is_none());
        }
    }

    #[test]
    fn arrays_follow_one_another_in_the_buffer() {
        let model = Model::new(layout(), (0..9).map(|value| value as f32).collect());
        let arrays: Vec<_> = model.arrays().collect();
        assert_eq!(arrays[0], (&[2, 3][..], Values::Single(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])));
        assert_eq!(arrays[1], (&[3][..], Values::Single(&[6.0, 7.0, 8.0])));
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
        let double = Arc::new(Layout::new([vec![5]]).in_double_precision());
        let digests =
            [0.0, -0.0, 1.0].map(|last| Model::double(double.clone(), &[1.0, 2.0, 3.0, 4.0, last]).digest());
        assert!(digests[0] != digests[1] && digests[1] != digests[2]);
        let large: Vec<f32> = (0..5000).map(|value| value as f32).collect();
        insta::assert_snapshot!(
            format!("{:016x}", digest(Arc::new(Layout::new([vec![5000]])), &large)),
            @"0dec5de0292bfd7c"
        );
    }
}
