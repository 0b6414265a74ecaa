//! The part of CPython's pickler that models need: framing, memo numbers, and the shortest opcode for each value.
//!
//! It writes, or only counts what it would write. What a model consists of is in `weights`; the opcodes are those of
//! Python's `pickletools`, protocol 4.

/// What a bytes object holds.
pub(super) enum Payload<'a> {
    Singles(&'a [f32]),
    Doubles(&'a [f64]),
    /// So many zeros.
    Zeros(u64),
    /// Another pickle, which is so long.
    Nested(u64, &'a dyn Fn(&mut Pickler)),
}

impl Payload<'_> {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Singles(values) => size_of_val(*values) as u64,
            Self::Doubles(values) => size_of_val(*values) as u64,
            Self::Zeros(length) | Self::Nested(length, _) => *length,
        }
    }
}

pub(super) const MARK: u8 = b'(';
const MEMOIZE: u8 = 0x94;
pub(super) const NONE: u8 = b'N';
pub(super) const FALSE: u8 = 0x89;
pub(super) const TRUE: u8 = 0x88;
pub(super) const REDUCE: u8 = b'R';
pub(super) const BUILD: u8 = b'b';
pub(super) const TUPLE: u8 = b't';
const STOP: u8 = b'.';
const FRAME: u8 = 0x95;

/// A frame is closed at the first object that begins so far into it; bytes objects this long stand outside frames.
const FRAME_TARGET: u64 = 64 * 1024;
/// The opcode of a frame and its length.
const FRAME_HEADER: u64 = 9;
/// Shorter frames lose their header.
const FRAME_MIN: u64 = 4;
/// Items of a list are appended so many at a time.
pub(super) const BATCH: usize = 1000;

/// CPython's pickler, as far as models need it: what it writes, or only how much.
pub(super) struct Pickler {
    out: Option<Vec<u8>>,
    /// Where the pickle begins in what is written.
    base: usize,
    pub(super) length: u64,
    /// Where the header of the open frame stands.
    frame: Option<u64>,
    pub(super) memoized: u32,
}

impl Pickler {
    /// Writes, with room for so many bytes.
    pub(super) fn writing(length: u64) -> Self {
        // A frame's header may stand for a moment before it turns out to be none.
        Self::new(Some(Vec::with_capacity((length + FRAME_HEADER) as usize)))
    }

    pub(super) fn counting() -> Self {
        Self::new(None)
    }

    fn new(out: Option<Vec<u8>>) -> Self {
        let base = out.as_ref().map_or(0, Vec::len);
        let mut it = Self { out, base, length: 0, frame: None, memoized: 0 };
        // The protocol stands before the first frame.
        it.raw(&[0x80, 4]);
        it
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out.unwrap_or_default()
    }

    /// Writes an object the first time, and a reference to it after that. What it writes ends in being memoized.
    pub(super) fn once(&mut self, known: Option<u32>, write: impl FnOnce(&mut Self)) -> Option<u32> {
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

    pub(super) fn get(&mut self, number: u32) {
        match u8::try_from(number) {
            Ok(short) => self.put(&[b'h', short]),
            Err(_) => {
                let [a, b, c, d] = number.to_le_bytes();
                self.put(&[b'j', a, b, c, d]);
            }
        }
    }

    pub(super) fn tuple(&mut self, items: &[usize]) {
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

    pub(super) fn integer(&mut self, value: u64) {
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

    pub(super) fn text(&mut self, text: &str) {
        self.begin();
        self.put(&[0x8c, text.len() as u8]);
        self.object(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, data: Payload) {
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
        self.content(data);
        self.op(MEMOIZE);
        self.memoized += 1;
    }

    fn content(&mut self, data: Payload) {
        self.length += data.len();
        let Some(mut out) = self.out.take() else { return };
        match data {
            Payload::Singles(values) => extend(&mut out, values, |value| value.to_le_bytes()),
            Payload::Doubles(values) => extend(&mut out, values, |value| value.to_le_bytes()),
            Payload::Zeros(length) => out.resize(out.len() + length as usize, 0),
            Payload::Nested(length, write) => {
                // It goes straight to its place.
                let mut inner = Self::new(Some(out));
                write(&mut inner);
                assert_eq!(inner.length, length, "a pickle is as long as it was counted");
                out = inner.finish();
            }
        }
        self.out = Some(out);
    }

    /// An object without parts.
    pub(super) fn atom(&mut self, opcode: u8) {
        self.begin();
        self.op(opcode);
    }

    /// The opcode that completes an object, which is then remembered.
    pub(super) fn object(&mut self, opcode: &[u8]) {
        self.put(opcode);
        self.op(MEMOIZE);
        self.memoized += 1;
    }

    pub(super) fn op(&mut self, opcode: u8) {
        self.put(&[opcode]);
    }

    pub(super) fn stop(&mut self) {
        self.op(STOP);
        self.close_frame();
    }

    /// Where an object begins, a frame that is full ends.
    pub(super) fn begin(&mut self) {
        if self.frame.is_some_and(|start| self.length - start - FRAME_HEADER >= FRAME_TARGET) {
            self.close_frame();
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
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
        let header = self.base + start as usize..self.base + (start + FRAME_HEADER) as usize;
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

/// Adds the bytes of values, as fast as memory is.
fn extend<T: Copy, const SIZE: usize>(out: &mut Vec<u8>, values: &[T], bytes: impl Fn(T) -> [u8; SIZE]) {
    const CHUNK: usize = 512;
    let mut some = [[0; SIZE]; CHUNK];
    for values in values.chunks(CHUNK) {
        for (some, value) in some.iter_mut().zip(values) {
            *some = bytes(*value);
        }
        out.extend_from_slice(some[..values.len()].as_flattened());
    }
}
