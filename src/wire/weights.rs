//! Models as P2PFL sends them: a pickle of protocol 4 that holds a pickle of NumPy arrays.
//!
//! Written byte for byte as CPython's pickler writes it, so that sizes can be compared and P2PFL loads it. The opcodes
//! are those of Python's `pickletools`. Nothing is read here: a pickle from someone else may run any code.

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
        };
        assert_eq!(count, shape.iter().product::<usize>(), "the values must fill the shape {shape:?}");
        Self { shape, values }
    }
}

/// A model of these parameters, without compression: the `weights` of a message.
pub fn encode(params: &[Array]) -> Bytes {
    let mut inner = Pickler::writing();
    inner.model(params.iter().map(|array| match array.values {
        Values::F32(values) => {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (array.shape, 4, Payload::Bytes(bytes))
        }
        Values::F64(values) => {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (array.shape, 8, Payload::Bytes(bytes))
        }
    }));
    let mut outer = Pickler::writing();
    outer.envelope(Payload::Bytes(inner.finish()));
    outer.finish().into()
}

/// The length of what [`encode`] gives for arrays of these shapes, all with items of 4 (float32) or 8 (float64) bytes,
/// without making it.
pub fn encoded_len(shapes: &[&[usize]], item_size: usize) -> u64 {
    let mut inner = Pickler::counting();
    inner.model(shapes.iter().map(|shape| {
        let bytes = shape.iter().product::<usize>() as u64 * item_size as u64;
        (*shape, item_size, Payload::Length(bytes))
    }));
    let mut outer = Pickler::counting();
    outer.envelope(Payload::Length(inner.length));
    outer.length
}

/// A bytes object, or only how long it would be.
enum Payload {
    Bytes(Vec<u8>),
    Length(u64),
}

impl Payload {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Length(length) => *length,
        }
    }
}

const MARK: u8 = b'(';
const MEMOIZE: u8 = 0x94;
const NONE: u8 = b'N';
const FALSE: u8 = 0x89;
const TRUE: u8 = 0x88;
const REDUCE: u8 = b'R';
const BUILD: u8 = b'b';
const TUPLE: u8 = b't';
const STOP: u8 = b'.';
const FRAME: u8 = 0x95;

/// A frame is closed at the first object that begins so far into it; bytes objects this long stand outside frames.
const FRAME_TARGET: u64 = 64 * 1024;
/// The opcode of a frame and its length.
const FRAME_HEADER: u64 = 9;
/// Shorter frames lose their header.
const FRAME_MIN: u64 = 4;
/// Items of a list are appended so many at a time.
const BATCH: usize = 1000;

/// CPython's pickler, as far as models need it: what it writes, or only how much.
struct Pickler {
    out: Option<Vec<u8>>,
    length: u64,
    /// Where the header of the open frame stands.
    frame: Option<u64>,
    memoized: u32,
    known: Known,
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

impl Pickler {
    fn writing() -> Self {
        Self::new(Some(Vec::new()))
    }

    fn counting() -> Self {
        Self::new(None)
    }

    fn new(out: Option<Vec<u8>>) -> Self {
        let mut it = Self { out, length: 0, frame: None, memoized: 0, known: Known::default() };
        // The protocol stands before the first frame.
        it.raw(&[0x80, 4]);
        it
    }

    fn finish(self) -> Vec<u8> {
        self.out.unwrap_or_default()
    }

    /// `{"params": [..], "additional_info": {"applied_techniques": []}}`.
    fn model<'a>(&mut self, arrays: impl ExactSizeIterator<Item = (&'a [usize], usize, Payload)>) {
        self.begin();
        self.object(b"}");
        self.op(MARK);
        self.text("params");
        self.begin();
        self.object(b"]");
        let (count, mut open) = (arrays.len(), 0);
        for (i, (shape, item_size, data)) in arrays.enumerate() {
            if count > 1 && open == 0 {
                self.op(MARK);
            }
            self.array(shape, item_size, data);
            open += 1;
            if count == 1 {
                self.op(b'a');
            } else if open == BATCH || i + 1 == count {
                self.op(b'e');
                open = 0;
            }
        }
        self.text("additional_info");
        self.begin();
        self.object(b"}");
        self.text("applied_techniques");
        self.begin();
        self.object(b"]");
        self.op(b's');
        self.op(b'u');
        self.stop();
    }

    /// `{"byte_compressor": None, "bytes": ..}`.
    fn envelope(&mut self, bytes: Payload) {
        self.begin();
        self.object(b"}");
        self.op(MARK);
        self.text("byte_compressor");
        self.atom(NONE);
        self.text("bytes");
        self.bytes(bytes);
        self.op(b'u');
        self.stop();
    }

    /// `numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), b'b')`, then its state.
    fn array(&mut self, shape: &[usize], item_size: usize, data: Payload) {
        self.begin();
        self.known.reconstruct = self.once(self.known.reconstruct, |it| {
            it.text("numpy.core.multiarray");
            it.text("_reconstruct");
            it.object(&[0x93]);
        });
        // The arguments.
        self.begin();
        self.known.ndarray = self.once(self.known.ndarray, |it| {
            it.numpy();
            it.text("ndarray");
            it.object(&[0x93]);
        });
        self.tuple(&[0]);
        self.known.code = self.once(self.known.code, |it| it.object(b"C\x01b"));
        self.object(&[0x87]);
        self.object(&[REDUCE]);
        // The state: (1, shape, dtype, fortran, data).
        self.begin();
        self.op(MARK);
        self.integer(1);
        self.tuple(shape);
        self.dtype(item_size);
        self.atom(FALSE);
        if data.len() == 0 {
            self.known.empty = self.once(self.known.empty, |it| it.object(b"C\0"));
        } else {
            self.bytes(data);
        }
        self.object(&[TUPLE]);
        self.op(BUILD);
    }

    /// `numpy.dtype('f4', False, True)` with the state `(3, '<', None, None, None, -1, -1, 0)`.
    fn dtype(&mut self, item_size: usize) {
        let (place, name) = if item_size == 4 { (0, "f4") } else { (1, "f8") };
        self.begin();
        if let Some(known) = self.known.dtypes[place] {
            return self.get(known);
        }
        self.known.dtype = self.once(self.known.dtype, |it| {
            it.numpy();
            it.text("dtype");
            it.object(&[0x93]);
        });
        self.begin();
        self.text(name);
        self.atom(FALSE);
        self.atom(TRUE);
        self.object(&[0x87]);
        self.object(&[REDUCE]);
        self.known.dtypes[place] = Some(self.memoized - 1);
        self.begin();
        self.op(MARK);
        self.integer(3);
        self.known.order = self.once(self.known.order, |it| it.object(b"\x8c\x01<"));
        for _ in 0..3 {
            self.atom(NONE);
        }
        for _ in 0..2 {
            self.begin();
            self.put(b"J\xff\xff\xff\xff");
        }
        self.integer(0);
        self.object(&[TUPLE]);
        self.op(BUILD);
    }

    fn numpy(&mut self) {
        self.known.numpy = self.once(self.known.numpy, |it| {
            it.put(b"\x8c\x05numpy");
            it.op(MEMOIZE);
            it.memoized += 1;
        });
    }

    /// Writes an object the first time, and a reference to it after that. What it writes ends in being memoized.
    fn once(&mut self, known: Option<u32>, write: impl FnOnce(&mut Self)) -> Option<u32> {
        self.begin();
        match known {
            Some(number) => {
                self.get(number);
                known
            }
            None => {
                write(self);
                Some(self.memoized - 1)
            }
        }
    }

    fn get(&mut self, number: u32) {
        match u8::try_from(number) {
            Ok(short) => self.put(&[b'h', short]),
            Err(_) => {
                let [a, b, c, d] = number.to_le_bytes();
                self.put(&[b'j', a, b, c, d]);
            }
        }
    }

    fn tuple(&mut self, items: &[usize]) {
        self.begin();
        if items.is_empty() {
            // The empty tuple is not memoized.
            return self.op(b')');
        }
        if items.len() > 3 {
            self.op(MARK);
        }
        items.iter().for_each(|item| self.integer(*item as u64));
        self.object(&[match items.len() {
            1 => 0x85,
            2 => 0x86,
            3 => 0x87,
            _ => TUPLE,
        }]);
    }

    fn integer(&mut self, value: u64) {
        self.begin();
        let bytes = value.to_le_bytes();
        match value {
            0..=0xff => self.put(&[b'K', bytes[0]]),
            0x100..=0xffff => self.put(&[b'M', bytes[0], bytes[1]]),
            0x1_0000..=0x7fff_ffff => self.put(&[b'J', bytes[0], bytes[1], bytes[2], bytes[3]]),
            _ => {
                // Two's complement in as few bytes as leave the sign bit clear.
                let count = (u64::BITS - value.leading_zeros()) as usize / 8 + 1;
                self.put(&[0x8a, count as u8]);
                let wide = u128::from(value).to_le_bytes();
                self.put(&wide[..count]);
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.begin();
        self.put(&[0x8c, text.len() as u8]);
        self.object(text.as_bytes());
    }

    fn bytes(&mut self, data: Payload) {
        self.begin();
        let length = data.len();
        let outside = length >= FRAME_TARGET;
        if outside {
            self.close_frame();
        }
        let wide = length.to_le_bytes();
        let header: Vec<u8> = match length {
            0..=0xff => vec![b'C', wide[0]],
            0x100..=0xffff_ffff => [&b"B"[..], &wide[..4]].concat(),
            _ => [&[0x8e][..], &wide].concat(),
        };
        if !outside {
            self.open_frame();
        }
        self.raw(&header);
        match data {
            Payload::Bytes(bytes) => self.raw(&bytes),
            Payload::Length(length) => self.length += length,
        }
        self.op(MEMOIZE);
        self.memoized += 1;
    }

    /// An object without parts.
    fn atom(&mut self, opcode: u8) {
        self.begin();
        self.op(opcode);
    }

    /// The opcode that completes an object, which is then remembered.
    fn object(&mut self, opcode: &[u8]) {
        self.put(opcode);
        self.op(MEMOIZE);
        self.memoized += 1;
    }

    fn op(&mut self, opcode: u8) {
        self.put(&[opcode]);
    }

    fn stop(&mut self) {
        self.op(STOP);
        self.close_frame();
    }

    /// Where an object begins, a frame that is full ends.
    fn begin(&mut self) {
        if self.frame.is_some_and(|start| self.length - start - FRAME_HEADER >= FRAME_TARGET) {
            self.close_frame();
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.open_frame();
        self.raw(bytes);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        if let Some(out) = &mut self.out {
            out.extend_from_slice(bytes);
        }
    }

    fn open_frame(&mut self) {
        if self.frame.is_none() {
            self.frame = Some(self.length);
            self.raw(&[0; FRAME_HEADER as usize]);
        }
    }

    fn close_frame(&mut self) {
        let Some(start) = self.frame.take() else { return };
        let length = self.length - start - FRAME_HEADER;
        let header = start as usize..(start + FRAME_HEADER) as usize;
        if length < FRAME_MIN {
            self.length -= FRAME_HEADER;
            if let Some(out) = &mut self.out {
                out.drain(header);
            }
        } else if let Some(out) = &mut self.out {
            out[header.start] = FRAME;
            out[header.start + 1..header.end].copy_from_slice(&length.to_le_bytes());
        }
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

    fn encoded(arrays: &[Owned]) -> Bytes {
        let arrays: Vec<Array> = arrays
            .iter()
            .map(|it| {
                let values = it.f64.as_deref().map_or(Values::F32(&it.f32), Values::F64);
                Array::new(&it.shape, values)
            })
            .collect();
        encode(&arrays)
    }

    #[test]
    fn the_bytes_are_those_of_cpython_and_numpy() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../../tests/fixtures/weights/cases.json")).unwrap();
        assert!(cases.len() > 10);
        for case in cases {
            let arrays: Vec<Owned> = case.arrays.iter().map(|(dtype, shape)| values(dtype, shape)).collect();
            let bytes = encoded(&arrays);
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
