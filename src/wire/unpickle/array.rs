//! NumPy's arrays: their types of values, and how their bytes become floats, row by row.

use bytes::Bytes;

/// NumPy allows no more dimensions.
pub(super) const MAX_DIMENSIONS: usize = 64;

/// What the values of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

/// What the values of an array are, and the order of their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dtype {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
}

impl Kind {
    /// What NumPy calls so, without the order of bytes.
    pub(super) fn find(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"b1" => Self::Bool,
            b"i1" => Self::I8,
            b"i2" => Self::I16,
            b"i4" => Self::I32,
            b"i8" => Self::I64,
            b"u1" => Self::U8,
            b"u2" => Self::U16,
            b"u4" => Self::U32,
            b"u8" => Self::U64,
            b"f2" => Self::F16,
            b"f4" => Self::F32,
            b"f8" => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of a value.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
}

/// An array.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub(super) shape: Box<[usize]>,
    pub(super) data: Data,
}

/// The values of an array.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// As they came: part of the message.
    Raw {
        dtype: Dtype,
        by_column: bool,
        bytes: Bytes,
    },
    /// What came of undoing a technique, row by row.
    Single(Vec<f32>),
    Double(Vec<f64>),
}

/// The number of values of a shape.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length))
}

impl Array {
    /// An array as it came. Nothing if the bytes are not exactly those of its values.
    pub(super) fn raw(shape: Box<[usize]>, dtype: Dtype, by_column: bool, bytes: Bytes) -> Option<Self> {
        let fits = shape.len() <= MAX_DIMENSIONS
            && count(&shape).and_then(|count| count.checked_mul(dtype.kind.size())) == Some(bytes.len());
        fits.then(|| Self { shape, data: Data::Raw { dtype, by_column, bytes } })
    }

    /// The number of values.
    pub(super) fn len(&self) -> usize {
        match &self.data {
            Data::Raw { dtype, bytes, .. } => bytes.len() / dtype.kind.size(),
            Data::Single(values) => values.len(),
            Data::Double(values) => values.len(),
        }
    }

    /// Whether values are 64-bit floats.
    pub(super) fn is_double(&self) -> bool {
        match &self.data {
            Data::Raw { dtype, .. } => dtype.kind == Kind::F64,
            Data::Single(_) => false,
            Data::Double(_) => true,
        }
    }

    /// Adds the values, row by row, rounded to single precision.
    pub(super) fn singles(&self, to: &mut Vec<f32>) {
        match &self.data {
            Data::Single(values) => to.extend_from_slice(values),
            Data::Double(values) => to.extend(values.iter().map(|it| *it as f32)),
            Data::Raw { dtype, by_column, bytes } => {
                let start = to.len();
                raw(*dtype, bytes, to, |it| it, |it| it as f32);
                if *by_column {
                    let columns = to.split_off(start);
                    by_row(&self.shape, &columns, to);
                }
            }
        }
    }

    /// Adds the values, row by row, in double precision.
    pub(super) fn doubles(&self, to: &mut Vec<f64>) {
        match &self.data {
            Data::Single(values) => to.extend(values.iter().map(|it| f64::from(*it))),
            Data::Double(values) => to.extend_from_slice(values),
            Data::Raw { dtype, by_column, bytes } => {
                let start = to.len();
                raw(*dtype, bytes, to, f64::from, |it| it);
                if *by_column {
                    let columns = to.split_off(start);
                    by_row(&self.shape, &columns, to);
                }
            }
        }
    }
}

/// Adds values in the order in which they lie in the bytes.
fn raw<T>(dtype: Dtype, bytes: &[u8], to: &mut Vec<T>, single: impl Fn(f32) -> T, double: impl Fn(f64) -> T) {
    fn items<const SIZE: usize, T>(
        bytes: &[u8],
        big_endian: bool,
        to: &mut Vec<T>,
        value: impl Fn([u8; SIZE]) -> T,
    ) {
        let items = bytes.as_chunks::<SIZE>().0;
        if big_endian {
            to.extend(items.iter().map(|it| {
                let mut it = *it;
                it.reverse();
                value(it)
            }));
        } else {
            to.extend(items.iter().map(|it| value(*it)));
        }
    }
    let big = dtype.big_endian;
    match dtype.kind {
        Kind::Bool => items(bytes, big, to, |[it]| double((it != 0).into())),
        Kind::I8 => items(bytes, big, to, |it| double(i8::from_le_bytes(it).into())),
        Kind::I16 => items(bytes, big, to, |it| double(i16::from_le_bytes(it).into())),
        Kind::I32 => items(bytes, big, to, |it| double(i32::from_le_bytes(it).into())),
        Kind::I64 => items(bytes, big, to, |it| double(i64::from_le_bytes(it) as f64)),
        Kind::U8 => items(bytes, big, to, |it| double(u8::from_le_bytes(it).into())),
        Kind::U16 => items(bytes, big, to, |it| double(u16::from_le_bytes(it).into())),
        Kind::U32 => items(bytes, big, to, |it| double(u32::from_le_bytes(it).into())),
        Kind::U64 => items(bytes, big, to, |it| double(u64::from_le_bytes(it) as f64)),
        Kind::F16 => items(bytes, big, to, |it| single(half(u16::from_le_bytes(it)))),
        Kind::F32 => items(bytes, big, to, |it| single(f32::from_le_bytes(it))),
        Kind::F64 => items(bytes, big, to, |it| double(f64::from_le_bytes(it))),
    }
}

/// From column by column (the first index runs fastest) to row by row (the last one does).
fn by_row<T: Copy>(shape: &[usize], columns: &[T], to: &mut Vec<T>) {
    if columns.is_empty() {
        return;
    }
    let strides: Vec<usize> = shape
        .iter()
        .scan(1, |stride, &length| {
            let this = *stride;
            *stride *= length;
            Some(this)
        })
        .collect();
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    for _ in 0..columns.len() {
        to.push(columns[at]);
        // The next index, and where it lies.
        for dimension in (0..shape.len()).rev() {
            index[dimension] += 1;
            at += strides[dimension];
            if index[dimension] < shape[dimension] {
                break;
            }
            at -= strides[dimension] * shape[dimension];
            index[dimension] = 0;
        }
    }
}

/// IEEE 754's half precision: every one of its values is a float of single precision.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction as f32 * f32::from_bits((127 - 24) << 23),
        0x1f => f32::from_bits(0xff << 23 | fraction << 13),
        _ => f32::from_bits((exponent + 127 - 15) << 23 | fraction << 13),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_as_ieee_754_says() {
        let cases = [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan() && half(0x8000).is_sign_negative());
    }

    #[test]
    fn columns_become_rows_in_any_number_of_dimensions() {
        // The value at (i, j, k) is ijk in decimal.
        let shape = [2, 3, 4];
        let mut columns = Vec::new();
        for k in 0..4 {
            for j in 0..3 {
                (0..2).for_each(|i| columns.push(i * 100 + j * 10 + k));
            }
        }
        let mut rows = Vec::new();
        by_row(&[usize::MAX, usize::MAX, 0], &[], &mut rows);
        by_row(&shape, &columns, &mut rows);
        assert_eq!(rows.len(), 24);
        assert!(rows.is_sorted());
    }

    #[test]
    fn a_shape_that_is_larger_than_its_bytes_costs_nothing() {
        let dtype = Dtype { kind: Kind::F32, big_endian: false };
        let claim = |shape: &[usize]| Array::raw(shape.into(), dtype, false, Bytes::from_static(&[0; 8]));
        assert!(claim(&[2]).is_some() && claim(&[2, 1, 1]).is_some());
        assert!(claim(&[1_000_000]).is_none());
        assert!(claim(&[usize::MAX, usize::MAX]).is_none());
        assert!(claim(&[1; MAX_DIMENSIONS + 1]).is_none());
        assert!(Array::raw([0, usize::MAX, usize::MAX].into(), dtype, true, Bytes::new()).is_some());
    }
}
