//! What a pickle is made of, once it is read: plain values, and objects that lie side by side in one vector.
//!
//! Objects refer to others by their place in it. So nothing recurses when a pickle is nested deeply, a thing that is
//! referred to a million times exists once, and a list that holds itself does no harm.

use super::array::{Array, Dtype};
use bytes::Bytes;

/// Where keys are looked for by name, there are no more of them: a search takes as long as there are keys.
const MAX_KEYS: usize = 1000;

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// An integer beyond 64 bits: nothing that a model needs.
    Huge,
    /// The place of an object.
    Object(u32),
}

/// What values refer to.
#[derive(Clone, Debug)]
pub(super) enum Object {
    /// Text, which need not be UTF-8.
    Text(Bytes),
    Bytes(Bytes),
    Tuple(Box<[Value]>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Global(Global),
    Dtype(Dtype),
    /// An array; nothing until its state is set.
    Array(Option<Array>),
}

/// The only things that a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    /// `numpy.ndarray`
    NdArray,
    /// `numpy.dtype`
    Dtype,
    /// `_reconstruct`: an array whose state follows.
    Reconstruct,
    /// `_frombuffer`: an array, since protocol 5.
    FromBuffer,
    /// `scalar`: a single value.
    Scalar,
}

impl Global {
    /// What a module has under a name. NumPy 2 calls `numpy.core` `numpy._core`.
    pub(super) fn find(module: &[u8], name: &[u8]) -> Option<Self> {
        match (module, name) {
            (b"numpy", b"ndarray") => Some(Self::NdArray),
            (b"numpy", b"dtype") => Some(Self::Dtype),
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"_reconstruct") => {
                Some(Self::Reconstruct)
            }
            (b"numpy.core.multiarray" | b"numpy._core.multiarray", b"scalar") => Some(Self::Scalar),
            (b"numpy.core.numeric" | b"numpy._core.numeric", b"_frombuffer") => Some(Self::FromBuffer),
            _ => None,
        }
    }
}

/// What a pickle held.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) objects: Vec<Object>,
    pub(super) root: Value,
}

impl Loaded {
    pub(super) fn object(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(place) => self.objects.get(place as usize),
            _ => None,
        }
    }

    /// The value of a key of a dictionary of not too many. As in Python the last one counts.
    pub(super) fn get(&self, dict: Value, key: &str) -> Option<Value> {
        let items = self.dict(dict).filter(|it| it.len() <= MAX_KEYS)?;
        let found = items.iter().rev().find(|(it, _)| self.text(*it) == Some(key.as_bytes()));
        found.map(|(_, value)| *value)
    }

    pub(super) fn dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        match self.object(value)? {
            Object::Dict(items) => Some(items),
            _ => None,
        }
    }

    /// The items of a list or tuple.
    pub(super) fn items(&self, value: Value) -> Option<&[Value]> {
        match self.object(value)? {
            Object::List(items) => Some(items),
            Object::Tuple(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn text(&self, value: Value) -> Option<&[u8]> {
        match self.object(value)? {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn bytes(&self, value: Value) -> Option<&Bytes> {
        match self.object(value)? {
            Object::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn array(&self, value: Value) -> Option<&Array> {
        match self.object(value)? {
            Object::Array(array) => array.as_ref(),
            _ => None,
        }
    }

    pub(super) fn dtype(&self, value: Value) -> Option<Dtype> {
        match self.object(value)? {
            Object::Dtype(dtype) => Some(*dtype),
            _ => None,
        }
    }

    /// A shape: a tuple or list of lengths.
    pub(super) fn shape(&self, value: Value) -> Option<Box<[usize]>> {
        let lengths = self.items(value)?.iter().map(|it| match it {
            Value::Int(length) => usize::try_from(*length).ok(),
            _ => None,
        });
        lengths.collect()
    }
}
