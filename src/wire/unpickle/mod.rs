//! Reads models as P2PFL sends them, from peers that need not mean well.
//!
//! A model travels as a pickle, and a pickle is a program: whoever loads it with Python runs code of the sender's
//! choice. Here nothing is imported, called or executed. An own machine knows the few opcodes that CPython writes for
//! plain values and NumPy's arrays, and five names of NumPy's; all else is refused by its name. A crate that reads pickles knows
//! all opcodes, builds a value for each thing that is referred to, and copies every byte of an array a few times.
//!
//! What a model may cost is bounded by its bytes and by what is expected: see `machine` for operations, `decompress` and
//! [`Expected::max_bytes`] for bytes, `technique` for what arrays grow to. How models are written is in `weights`.

mod array;
mod decompress;
mod error;
mod machine;
mod technique;
#[cfg(test)]
mod tests;
mod value;

pub use error::ModelError;

use super::expected::Expected;
use crate::learning::{Layout, Model, Precision, Tensor, Tensors};
use array::{Array, count};
use bytes::Bytes;
use std::sync::Arc;
use technique::Budget;
use value::{Loaded, Value};

/// A model has no more arrays.
const MAX_ARRAYS: usize = 1 << 14;

/// The name of an array beside a model has no more bytes.
const MAX_NAME: usize = 256;

/// P2PFL has five techniques, and applies each once at most.
const MAX_TECHNIQUES: usize = 5;

/// Reads the `weights` of a message.
///
/// A model has one precision. Where the layout is in single precision, half precision and integers become it (PyTorch
/// has some among its parameters), and double precision is refused; where it is in double precision, everything becomes
/// that, and nothing is lost. Where the layout is not known yet, it is in double precision if any array is.
///
/// # Errors
/// If they are no pickle of a model, hold anything but plain values and arrays, are larger than `expected` allows, or
/// not of its layout.
pub fn model(weights: &Bytes, expected: &Expected) -> Result<Model, ModelError> {
    let limits = Limits::of(expected, weights.len());
    if weights.len() as u64 > limits.bytes {
        return Err(ModelError::TooLarge(limits.bytes));
    }
    let inner = machine::load(envelope(weights, limits.bytes)?)?;
    let arrays = arrays(&inner, limits, expected)?;
    let layout = layout(&arrays, expected)?;
    let info = beside(&inner, limits)?;
    if expected.is_synthetic() {
        return Ok(Model::synthetic(layout).with_info(info));
    }
    let length = layout.parameters() as usize;
    let model = match layout.precision() {
        Precision::Single => {
            let mut values = Vec::with_capacity(length);
            arrays.iter().for_each(|array| array.singles(&mut values));
            Model::new(layout, values)
        }
        Precision::Double => {
            let mut values = Vec::with_capacity(length);
            arrays.iter().for_each(|array| array.doubles(&mut values));
            Model::double(layout, &values)
        }
    };
    Ok(model.with_info(info))
}

/// The arrays beside the model's own: what of `additional_info` is an array under a name of its own. All else that P2PFL's
/// peers put there means nothing here.
fn beside(inner: &Loaded, limits: Limits) -> Result<Arc<Tensors>, ModelError> {
    let info = inner.get(inner.root, "additional_info").and_then(|it| inner.dict(it)).unwrap_or(&[]);
    let (mut tensors, mut bytes) = (Tensors::default(), 0u64);
    for (name, value) in info {
        let name = inner.text(*name).and_then(|it| std::str::from_utf8(it).ok());
        let (Some(name), Some(array)) = (name, inner.array(*value)) else { continue };
        // An array that is referred to again and again has to be paid for each time.
        let values = count(&array.shape).unwrap_or(usize::MAX);
        bytes = bytes.saturating_add(8 * (values as u64).min(u64::MAX / 8));
        if name.len() > MAX_NAME || bytes > limits.bytes {
            return Err(ModelError::TooLarge(limits.bytes));
        }
        let mut values = Vec::with_capacity(values);
        array.doubles(&mut values);
        let precision = if array.is_double() { Precision::Double } else { Precision::Single };
        tensors = tensors.with(name, Tensor::new(&array.shape, &values, precision));
    }
    Ok(tensors.into())
}

/// What a model may take.
#[derive(Clone, Copy)]
struct Limits {
    /// Its bytes, as they came and decompressed.
    bytes: u64,
    /// The bytes of arrays that techniques make, altogether.
    undone: u64,
}

/// Where the layout is not known, arrays may grow to so many times the bytes that were sent, and some more: a layer of a
/// thousand by a thousand values of rank one grows to 500 times, one of which a thousandth was sent to 500 times as well.
const MAX_GROWTH: u64 = 1 << 10;
const SOME_MORE: u64 = 16 << 20;

impl Limits {
    fn of(expected: &Expected, sent: usize) -> Self {
        let largest = expected.max_bytes();
        match expected.largest() {
            Some(known) => {
                let bytes = known.min(largest);
                Self { bytes, undone: bytes.saturating_mul(4) }
            }
            None => {
                let grown = (sent as u64).saturating_mul(MAX_GROWTH).saturating_add(SOME_MORE);
                Self { bytes: largest, undone: grown.min(largest.saturating_mul(4)) }
            }
        }
    }
}

/// `{"byte_compressor": .., "bytes": ..}`: the pickle inside.
fn envelope(weights: &Bytes, max_bytes: u64) -> Result<Bytes, ModelError> {
    let outer = machine::load(weights.clone())?;
    let bytes = outer.get(outer.root, "bytes").and_then(|it| outer.bytes(it));
    let bytes = bytes.ok_or_else(|| ModelError::NoModel("there is no \"bytes\" in it".into()))?;
    match outer.get(outer.root, "byte_compressor") {
        None | Some(Value::None) => Ok(bytes.clone()),
        Some(name) => match outer.text(name) {
            Some(name) => decompress::decompress(name, bytes, max_bytes),
            None => Err(ModelError::NoModel("byte_compressor is no text".into())),
        },
    }
}

/// `{"params": [..], "additional_info": {.., "applied_techniques": [..]}}`: the arrays as they were before any technique.
fn arrays(inner: &Loaded, limits: Limits, expected: &Expected) -> Result<Vec<Array>, ModelError> {
    let params = inner.get(inner.root, "params").and_then(|it| inner.items(it));
    let params = params.ok_or_else(|| ModelError::NoModel("there is no list \"params\" in it".into()))?;
    few(params.len(), MAX_ARRAYS, "arrays")?;
    let arrays = params.iter().enumerate().map(|(index, value)| {
        let array = inner.array(*value).cloned();
        array.ok_or_else(|| ModelError::NoModel(format!("params[{index}] is no array")))
    });
    let mut arrays = arrays.collect::<Result<Vec<Array>, ModelError>>()?;
    let techniques = inner
        .get(inner.root, "additional_info")
        .and_then(|info| inner.get(info, "applied_techniques"))
        .and_then(|it| inner.items(it))
        .ok_or_else(|| ModelError::NoModel("there are no applied_techniques in it".into()))?;
    few(techniques.len(), MAX_TECHNIQUES, "techniques")?;
    let mut budget = Budget::new(limits.undone);
    for technique in techniques.iter().rev() {
        let (name, info) = match inner.items(*technique) {
            Some(&[name, info]) => (inner.text(name), info),
            _ => (None, Value::None),
        };
        let name =
            name.ok_or_else(|| ModelError::NoModel("a technique without a name or settings".into()))?;
        arrays = technique::undo(name, inner, info, arrays, expected, &mut budget)?;
    }
    few(arrays.len(), MAX_ARRAYS, "arrays")?;
    Ok(arrays)
}

fn few(there: usize, most: usize, what: &str) -> Result<(), ModelError> {
    match there > most {
        true => Err(ModelError::NoModel(format!("it has {there} {what}, which is more than {most}"))),
        false => Ok(()),
    }
}

/// The layout that is expected, if arrays have it.
fn layout(arrays: &[Array], expected: &Expected) -> Result<Arc<Layout>, ModelError> {
    let double = arrays.iter().any(Array::is_double);
    let layout = match expected.known() {
        Some(layout) => layout,
        None => {
            // An array that is referred to again and again costs nothing until here.
            let values = arrays.iter().map(|it| count(&it.shape).unwrap_or(usize::MAX));
            let values = values.fold(0usize, usize::saturating_add) as u64;
            let size = if double { Precision::Double } else { Precision::Single }.bytes() as u64;
            if values.saturating_mul(size) > expected.max_bytes() {
                return Err(ModelError::TooLarge(expected.max_bytes()));
            }
            let layout = Layout::new(arrays.iter().map(|it| it.shape.to_vec()));
            // Another thread may have been the first.
            expected.pin(if double { layout.in_double_precision() } else { layout })
        }
    };
    if layout.shapes().len() != arrays.len() {
        let (there, wanted) = (arrays.len(), layout.shapes().len());
        return Err(ModelError::Mismatch(format!("it has {there} arrays; {wanted} are expected")));
    }
    for (index, (wanted, array)) in layout.shapes().zip(arrays).enumerate() {
        if *wanted != *array.shape {
            let shape = &array.shape;
            let fault = format!("array {index} has the shape {shape:?}; {wanted:?} is expected");
            return Err(ModelError::Mismatch(fault));
        }
        if array.is_double() && layout.precision() == Precision::Single {
            let fault = format!("array {index} is float64; float32 is expected");
            return Err(ModelError::Mismatch(fault));
        }
    }
    Ok(Arc::clone(layout))
}
