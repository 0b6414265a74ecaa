//! Models as P2PFL sends them: a pickle of protocol 4 that holds a pickle of NumPy arrays.
//!
//! Written byte for byte as CPython's pickler writes it, so that sizes can be compared and P2PFL loads it. Values are
//! copied once, to their place in the message. What others send is read in `unpickle`.

use super::pickle::{BATCH, BUILD, FALSE, MARK, NONE, Payload, Pickler, REDUCE, TRUE, TUPLE};
use crate::learning::{self, Model, Precision, Tensor};
use bytes::Bytes;

/// A C-ordered array of parameters.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a> {
    shape: &'a [usize],
    values: Values<'a>,
}

/// The values of an array, in C order.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// NumPy's float32.
    F32(&'a [f32]),
    /// NumPy's float64.
    F64(&'a [f64]),
    /// As many zeros as the shape asks for.
    Zeros(Precision),
}

impl<'a> Array<'a> {
    /// An array of a shape; `[]` is a single value.
    ///
    /// # Panics
    /// If the number of values is not the product of the shape.
    pub fn new(shape: &'a [usize], values: Values<'a>) -> Self {
        let count = match values {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
            Values::Zeros(_) => return Self { shape, values },
        };
        assert_eq!(count, shape.iter().product::<usize>(), "the values must fill the shape {shape:?}");
        Self { shape, values }
    }

    fn precision(&self) -> Precision {
        match self.values {
            Values::F32(_) => Precision::Single,
            Values::F64(_) => Precision::Double,
            Values::Zeros(precision) => precision,
        }
    }

    fn payload(&self) -> Payload<'a> {
        match self.values {
            Values::F32(values) => Payload::Singles(values),
            Values::F64(values) => Payload::Doubles(values),
            Values::Zeros(precision) => {
                Payload::Zeros(self.shape.iter().product::<usize>() as u64 * precision.bytes() as u64)
            }
        }
    }
}

/// A model as the `weights` of a message, without compression; the values of a synthetic one are zeros.
pub fn encode_model(model: &Model) -> Bytes {
    let precision = model.layout().precision();
    let arrays = model.arrays().map(|(shape, values)| {
        let values = match values {
            _ if model.is_synthetic() => Values::Zeros(precision),
            learning::Values::Single(values) => Values::F32(values),
            learning::Values::Double(values) => Values::F64(values),
        };
        Array::new(shape, values)
    });
    let arrays: Vec<Array> = arrays.collect();
    let Some(info) = model.info() else { return encode(&arrays) };
    let narrow: Vec<Vec<f32>> = info.iter().map(|(_, it)| narrowed(it)).collect();
    let beside = info.iter().zip(&narrow).map(|((name, it), narrow)| {
        let values = match it.precision() {
            Precision::Single => Values::F32(narrow),
            Precision::Double => Values::F64(it.values()),
        };
        (name, Array::new(it.shape(), values))
    });
    encode_with(&arrays, &beside.collect::<Vec<_>>())
}

/// The values of an array that travels in single precision; none for others.
fn narrowed(it: &Tensor) -> Vec<f32> {
    match it.precision() {
        Precision::Single => it.values().iter().map(|value| *value as f32).collect(),
        Precision::Double => Vec::new(),
    }
}

/// A model of these parameters, without compression: the `weights` of a message.
pub fn encode(params: &[Array]) -> Bytes {
    encode_with(params, &[])
}

/// The same with arrays beside them, by their names.
fn encode_with(params: &[Array], info: &[(&str, Array)]) -> Bytes {
    let (inner, whole) = lengths(params, info);
    let mut outer = Pickler::writing(whole);
    envelope(&mut outer, Payload::Nested(inner, &|to| model(to, params, info)));
    outer.finish().into()
}

/// The length of what [`encode_model`] gives, without making it.
pub fn encoded_model_len(model: &Model) -> u64 {
    let precision = model.layout().precision();
    let arrays: Vec<Array> =
        model.layout().shapes().map(|shape| Array::new(shape, Values::Zeros(precision))).collect();
    let info = model.info().map(|it| &**it);
    let info = info.iter().flat_map(|it| it.iter());
    let info = info.map(|(name, it)| (name, Array::new(it.shape(), Values::Zeros(it.precision()))));
    lengths(&arrays, &info.collect::<Vec<_>>()).1
}

/// The length of what [`encode`] gives for arrays of these shapes, all with items of 4 (float32) or 8 (float64) bytes,
/// without making it.
pub fn encoded_len(shapes: &[&[usize]], item_size: usize) -> u64 {
    let precision = if item_size == 4 { Precision::Single } else { Precision::Double };
    let arrays: Vec<Array> = shapes.iter().map(|shape| Array::new(shape, Values::Zeros(precision))).collect();
    lengths(&arrays, &[]).1
}

/// The lengths of the inner pickle and of the whole.
fn lengths(params: &[Array], info: &[(&str, Array)]) -> (u64, u64) {
    let mut inner = Pickler::counting();
    model(&mut inner, params, info);
    let mut outer = Pickler::counting();
    envelope(&mut outer, Payload::Zeros(inner.length));
    (inner.length, outer.length)
}

/// `{"params": [..], "additional_info": {.., "applied_techniques": []}}`.
fn model(to: &mut Pickler, arrays: &[Array], info: &[(&str, Array)]) {
    let mut known = Known::default();
    to.begin();
    to.object(b"}");
    to.op(MARK);
    to.text("params");
    to.begin();
    to.object(b"]");
    let (count, mut open) = (arrays.len(), 0);
    for (i, array) in arrays.iter().enumerate() {
        if count > 1 && open == 0 {
            to.op(MARK);
        }
        known.array(to, array);
        open += 1;
        if count == 1 {
            to.op(b'a');
        } else if open == BATCH || i + 1 == count {
            to.op(b'e');
            open = 0;
        }
    }
    to.text("additional_info");
    to.begin();
    to.object(b"}");
    if !info.is_empty() {
        to.op(MARK);
    }
    for (name, array) in info {
        to.text(name);
        known.array(to, array);
    }
    to.text("applied_techniques");
    to.begin();
    to.object(b"]");
    to.op(if info.is_empty() { b's' } else { b'u' });
    to.op(b'u');
    to.stop();
}

/// `{"byte_compressor": None, "bytes": ..}`.
fn envelope(to: &mut Pickler, bytes: Payload) {
    to.begin();
    to.object(b"}");
    to.op(MARK);
    to.text("byte_compressor");
    to.atom(NONE);
    to.text("bytes");
    to.bytes(bytes);
    to.op(b'u');
    to.stop();
}

/// Memo numbers of objects that every array shares.
#[derive(Default)]
struct Known {
    reconstruct: Option<u32>,
    numpy: Option<u32>,
    ndarray: Option<u32>,
    code: Option<u32>,
    dtype: Option<u32>,
    /// float32, float64.
    dtypes: [Option<u32>; 2],
    order: Option<u32>,
    /// Python has one empty bytes object.
    empty: Option<u32>,
}

impl Known {
    /// `numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), b'b')`, then its state.
    fn array(&mut self, to: &mut Pickler, array: &Array) {
        let data = array.payload();
        to.begin();
        self.reconstruct = to.once(self.reconstruct, |it| {
            it.text("numpy.core.multiarray");
            it.text("_reconstruct");
            it.object(&[0x93]);
        });
        // The arguments.
        to.begin();
        let numpy = &mut self.numpy;
        self.ndarray = to.once(self.ndarray, |it| {
            *numpy = it.once(*numpy, |it| it.text("numpy"));
            it.text("ndarray");
            it.object(&[0x93]);
        });
        to.tuple(&[0]);
        self.code = to.once(self.code, |it| it.object(b"C\x01b"));
        to.object(&[0x87]);
        to.object(&[REDUCE]);
        // The state: (1, shape, dtype, fortran, data).
        to.begin();
        to.op(MARK);
        to.integer(1);
        to.tuple(array.shape);
        self.dtype(to, array.precision());
        to.atom(FALSE);
        if data.len() == 0 {
            self.empty = to.once(self.empty, |it| it.object(b"C\0"));
        } else {
            to.bytes(data);
        }
        to.object(&[TUPLE]);
        to.op(BUILD);
    }

    /// `numpy.dtype('f4', False, True)` with the state `(3, '<', None, None, None, -1, -1, 0)`.
    fn dtype(&mut self, to: &mut Pickler, precision: Precision) {
        let (place, name) = match precision {
            Precision::Single => (0, "f4"),
            Precision::Double => (1, "f8"),
        };
        to.begin();
        if let Some(known) = self.dtypes[place] {
            return to.get(known);
        }
        let numpy = &mut self.numpy;
        self.dtype = to.once(self.dtype, |it| {
            *numpy = it.once(*numpy, |it| it.text("numpy"));
            it.text("dtype");
            it.object(&[0x93]);
        });
        to.begin();
        to.text(name);
        to.atom(FALSE);
        to.atom(TRUE);
        to.object(&[0x87]);
        to.object(&[REDUCE]);
        self.dtypes[place] = Some(to.memoized - 1);
        to.begin();
        to.op(MARK);
        to.integer(3);
        self.order = to.once(self.order, |it| it.object(b"\x8c\x01<"));
        for _ in 0..3 {
            to.atom(NONE);
        }
        for _ in 0..2 {
            to.begin();
            to.put(b"J\xff\xff\xff\xff");
        }
        to.integer(0);
        to.object(&[TUPLE]);
        to.op(BUILD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    /// What CPython and NumPy made of arrays whose value i is i/2 − 3; see tests/fixtures/weights/make.py.
    #[derive(Deserialize)]
    struct Case {
        arrays: Vec<(String, Vec<usize>)>,
        #[serde(default)]
        info: std::collections::BTreeMap<String, (String, Vec<usize>)>,
        length: u64,
        crc32: u32,
    }

    struct Owned {
        shape: Vec<usize>,
        f32: Vec<f32>,
        f64: Option<Vec<f64>>,
    }

    fn values(dtype: &str, shape: &[usize]) -> Owned {
        let value = |i: usize| i as f64 * 0.5 - 3.0;
        let all: Vec<f64> = (0..shape.iter().product()).map(value).collect();
        Owned {
            shape: shape.to_vec(),
            f32: all.iter().map(|it| *it as f32).collect(),
            f64: (dtype == "f8").then_some(all),
        }
    }

    fn array(it: &Owned) -> Array<'_> {
        Array::new(&it.shape, it.f64.as_deref().map_or(Values::F32(&it.f32), Values::F64))
    }

    fn encoded(arrays: &[Owned]) -> Bytes {
        encode(&arrays.iter().map(array).collect::<Vec<_>>())
    }

    #[test]
    fn the_bytes_are_those_of_cpython_and_numpy() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../tests/fixtures/weights/cases.json")).unwrap();
        assert!(cases.len() > 10);
        for case in cases {
            let arrays: Vec<Owned> = case.arrays.iter().map(|(dtype, shape)| values(dtype, shape)).collect();
            let info: Vec<(&str, Owned)> =
                case.info.iter().map(|(name, (dtype, shape))| (&**name, values(dtype, shape))).collect();
            let info: Vec<(&str, Array)> = info.iter().map(|(name, it)| (*name, array(it))).collect();
            let bytes = encode_with(&arrays.iter().map(array).collect::<Vec<_>>(), &info);
            let mut crc = flate2::Crc::new();
            crc.update(&bytes);
            let name: Vec<_> = case.arrays.iter().take(8).collect();
            assert_eq!((bytes.len() as u64, crc.sum()), (case.length, case.crc32), "{name:?}");
        }
        let small = encoded(&[values("f4", &[2, 3]), values("f8", &[])]);
        assert_eq!(small, &include_bytes!("../../tests/fixtures/weights/small.pickle")[..]);
    }

    #[test]
    fn a_kibibyte_of_float32_makes_1284_bytes() {
        assert_eq!(encoded_len(&[&[256]], 4), 1_284);
    }

    #[test]
    fn a_length_beyond_all_memory_is_still_counted() {
        // A shape in 5 bytes, data with a length of 8 bytes, and little around it.
        let data = 4 * (1u64 << 33);
        let length = encoded_len(&[&[1 << 33]], 4);
        assert!((data + 250..data + 320).contains(&length), "{}", length - data);
    }

    #[test]
    fn a_model_is_as_long_with_what_is_beside_it_as_is_counted() {
        use crate::learning::{Layout, Tensors};
        let info = Tensors::default()
            .with("weight", Tensor::scalar(0.25))
            .with("c", Tensor::new(&[2, 3], &[0.1; 6], Precision::Single));
        let layout = std::sync::Arc::new(Layout::new([vec![2, 3], vec![]]));
        let model = Model::new(layout, vec![1.0; 7]).with_info(info.into());
        assert_eq!(encoded_model_len(&model), encode_model(&model).len() as u64);
    }

    proptest! {
        #[test]
        fn the_length_is_known_before_the_bytes_are_there(
            shapes in proptest::collection::vec(proptest::collection::vec(0usize..24, 0..4), 0..60),
            large in proptest::collection::vec(15_000usize..20_000, 0..4), wide: bool
        ) {
            let shapes: Vec<Vec<usize>> = shapes.into_iter().chain(large.into_iter().map(|n| vec![n])).collect();
            let arrays: Vec<Owned> = shapes.iter().map(|it| values(if wide { "f8" } else { "f4" }, it)).collect();
            let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(encoded_len(&shapes, if wide { 8 } else { 4 }), encoded(&arrays).len() as u64);
        }
    }
}
