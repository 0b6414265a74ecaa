//! What P2PFL does to arrays before it writes them, undone: quantisation (`ptq`), sparse values (`topk`) and factors
//! (`low_rank`). `dp` and `local_dp` leave only a record of the noise they added.
//!
//! What comes of it can be far larger than what was sent, so it has a budget.

use super::super::expected::Expected;
use super::array::{Array, Data, Kind, count};
use super::error::ModelError;
use super::value::{Loaded, Value};

/// Multiplications that factors may take altogether: seconds, where a layer of 4096 by 4096 values of rank 64 takes
/// 10⁹.
const MAX_WORK: u64 = 1 << 32;

/// What undoing techniques may take.
pub(super) struct Budget {
    /// Bytes of new arrays.
    pub(super) bytes: u64,
    work: u64,
}

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, work: MAX_WORK }
    }

    fn values(&mut self, count: usize) -> Result<(), String> {
        let bytes = (count as u64).saturating_mul(8);
        self.bytes = self.bytes.checked_sub(bytes).ok_or("its arrays are larger than a model may be")?;
        Ok(())
    }
}

/// Undoes a technique.
pub(super) fn undo(
    name: &[u8],
    loaded: &Loaded,
    info: Value,
    arrays: Vec<Array>,
    expected: &Expected,
    budget: &mut Budget,
) -> Result<Vec<Array>, ModelError> {
    let undone = match name {
        b"ptq" => dequantized(loaded, info, arrays, budget),
        b"topk" => dense(loaded, info, arrays, budget),
        b"low_rank" => multiplied(loaded, info, arrays, expected, budget),
        b"dp" | b"local_dp" => Ok(arrays),
        _ => Err("it is not known".to_owned()),
    };
    undone.map_err(|reason| {
        let name = String::from_utf8_lossy(&name[..name.len().min(100)]).into_owned();
        ModelError::Technique { name, reason }
    })
}

/// Arrays in the precision that they had before, which may be given as that of the first one.
fn dequantized(
    loaded: &Loaded,
    info: Value,
    arrays: Vec<Array>,
    budget: &mut Budget,
) -> Result<Vec<Array>, String> {
    let original = field(loaded, info, "ptq_original_dtype")?;
    let original = loaded.dtype(original).ok_or("ptq_original_dtype is no type of values")?.kind;
    let kind = field(loaded, info, "ptq_type")?;
    if loaded.text(kind) == Some(b"float") {
        return arrays.into_iter().map(|array| as_kind(array, original, budget)).collect();
    }
    let list = |key| {
        let list = field(loaded, info, key)?;
        let list = loaded.items(list).filter(|it| it.len() >= arrays.len());
        list.ok_or_else(|| format!("{key} has not as many entries as there are arrays"))
    };
    let (scales, zeros) = (list("ptq_scales")?, list("ptq_zero_points")?);
    let axis = match loaded.get(info, "ptq_channel_axis") {
        Some(Value::Int(axis)) => usize::try_from(axis).unwrap_or(usize::MAX),
        _ => 0,
    };
    let entries = arrays.into_iter().zip(scales.iter().zip(zeros));
    entries
        .map(|(array, (scale, zero))| {
            let array = match array.len() {
                0 => array,
                _ => scaled(loaded, array, *scale, *zero, axis, budget)?,
            };
            as_kind(array, original, budget)
        })
        .collect()
}

/// (value − zero point) · scale, with one of each for the whole array, or for each channel: what has the same index
/// along an axis.
fn scaled(
    loaded: &Loaded,
    array: Array,
    scale: Value,
    zero: Value,
    axis: usize,
    budget: &mut Budget,
) -> Result<Array, String> {
    let channels = array.shape.get(axis).copied().unwrap_or(1);
    let (scale, zero) = (numbers(loaded, scale, channels)?, numbers(loaded, zero, channels)?);
    if scale.len() != zero.len() || scale.iter().any(|it| !it.is_finite() || *it <= 0.0) {
        return Err("a scale is not positive, or has no zero point".to_owned());
    }
    budget.values(array.len())?;
    let mut values = Vec::with_capacity(array.len());
    array.singles(&mut values);
    // So many values of a channel follow one another.
    let run = if scale.len() == 1 { values.len() } else { array.shape[axis + 1..].iter().product() };
    for (values, channel) in values.chunks_mut(run).zip((0..scale.len()).cycle()) {
        values.iter_mut().for_each(|value| *value = (*value - zero[channel]) * scale[channel]);
    }
    Ok(Array { shape: array.shape, data: Data::Single(values) })
}

/// An array in the precision of a type of values.
fn as_kind(array: Array, kind: Kind, budget: &mut Budget) -> Result<Array, String> {
    match (kind == Kind::F64, array.is_double()) {
        (true, false) => {
            budget.values(array.len())?;
            let mut values = Vec::with_capacity(array.len());
            array.doubles(&mut values);
            Ok(Array { shape: array.shape, data: Data::Double(values) })
        }
        (false, true) => {
            budget.values(array.len())?;
            let mut values = Vec::with_capacity(array.len());
            array.singles(&mut values);
            Ok(Array { shape: array.shape, data: Data::Single(values) })
        }
        _ => Ok(array),
    }
}

/// Zeros, but for the values that were sent.
fn dense(
    loaded: &Loaded,
    info: Value,
    arrays: Vec<Array>,
    budget: &mut Budget,
) -> Result<Vec<Array>, String> {
    let sparse = positions(loaded, info, "topk_sparse_metadata")?;
    let place = |(position, array): (usize, Array)| {
        let Ok(found) = sparse.binary_search_by_key(&(position as i64), |it| it.0) else { return Ok(array) };
        let about = sparse[found].1;
        let shape = loaded.shape(field(loaded, about, "shape")?).ok_or("a shape is none")?;
        let length = count(&shape).ok_or("a shape is larger than memory")?;
        let indices = loaded.array(field(loaded, about, "indices")?).ok_or("indices are no array")?;
        if indices.len() != array.len() {
            return Err("there are not as many indices as values".to_owned());
        }
        budget.values(length.saturating_add(3 * array.len()))?;
        let (mut at, mut values) = (Vec::with_capacity(array.len()), Vec::with_capacity(array.len()));
        indices.doubles(&mut at);
        array.doubles(&mut values);
        let mut full = vec![0.0; length];
        for (at, value) in at.into_iter().zip(values) {
            // What is negative or no number is no index that P2PFL writes.
            let at = if at >= 0.0 { at as usize } else { usize::MAX };
            *full.get_mut(at).ok_or("an index lies outside of its array")? = value;
        }
        let whole = Array { shape, data: Data::Double(full) };
        if array.is_double() { Ok(whole) } else { as_kind(whole, Kind::F32, budget) }
    };
    arrays.into_iter().enumerate().map(place).collect()
}

/// The product of three factors where an array was left out.
fn multiplied(
    loaded: &Loaded,
    info: Value,
    arrays: Vec<Array>,
    expected: &Expected,
    budget: &mut Budget,
) -> Result<Vec<Array>, String> {
    let factored = positions(loaded, info, "lowrank_compressed_state")?;
    let total = arrays.len() + factored.len();
    let (mut arrays, mut factored) = (arrays.into_iter(), factored.into_iter().peekable());
    let mut all = Vec::with_capacity(total);
    for position in 0..total {
        let array = match factored.next_if(|it| it.0 == position as i64) {
            Some((_, factors)) => {
                let wanted = expected.known().and_then(|it| it.shapes().nth(position));
                product(loaded, factors, wanted, budget)?
            }
            None => arrays.next().ok_or("it has factors for arrays that there are not")?,
        };
        all.push(array);
    }
    Ok(all)
}

/// u · diag(s) · vᵀ, added up in double precision.
fn product(
    loaded: &Loaded,
    factors: Value,
    wanted: Option<&[usize]>,
    budget: &mut Budget,
) -> Result<Array, String> {
    let wrong = "factors are not three arrays that can be multiplied";
    let factors: Option<Vec<&Array>> = loaded
        .items(factors)
        .filter(|it| it.len() == 3)
        .ok_or(wrong)?
        .iter()
        .map(|it| loaded.array(*it))
        .collect();
    let [u, s, vt] = factors.ok_or(wrong)?.try_into().map_err(|_| wrong)?;
    let (&[rows, rank], &[same, columns]) = (&*u.shape, &*vt.shape) else { return Err(wrong.to_owned()) };
    if *s.shape != [rank] || same != rank {
        return Err(wrong.to_owned());
    }
    if let Some(wanted) = wanted.filter(|it| **it != [rows, columns]) {
        return Err(format!("its factors make an array of {rows} by {columns}; {wanted:?} is expected"));
    }
    let length = rows.checked_mul(columns).ok_or(wrong)?;
    let parts = u.len().saturating_add(s.len()).saturating_add(vt.len());
    budget.values(length.saturating_add(parts))?;
    let work = (length as u64).saturating_mul(rank as u64);
    budget.work = budget.work.checked_sub(work).ok_or("its factors are too large to be multiplied")?;
    let double = |array: &Array| {
        let mut values = Vec::with_capacity(array.len());
        array.doubles(&mut values);
        values
    };
    let single = !u.is_double();
    let (u, s, vt) = (double(u), double(s), double(vt));
    let mut values = vec![0.0; length];
    if length > 0 && rank > 0 {
        for (u, row) in u.chunks_exact(rank).zip(values.chunks_exact_mut(columns)) {
            for ((u, s), vt) in u.iter().zip(&s).zip(vt.chunks_exact(columns)) {
                let factor = u * s;
                row.iter_mut().zip(vt).for_each(|(value, vt)| *value += factor * vt);
            }
        }
    }
    let whole = Array { shape: [rows, columns].into(), data: Data::Double(values) };
    if single { as_kind(whole, Kind::F32, budget) } else { Ok(whole) }
}

fn field(loaded: &Loaded, info: Value, key: &str) -> Result<Value, String> {
    loaded.get(info, key).ok_or_else(|| format!("it says no {key}"))
}

/// A dictionary of positions, in their order. The last entry for one counts.
fn positions(loaded: &Loaded, info: Value, key: &str) -> Result<Vec<(i64, Value)>, String> {
    let dict = loaded.dict(field(loaded, info, key)?).ok_or_else(|| format!("{key} is no dictionary"))?;
    let mut positions: Vec<(i64, Value)> = dict
        .iter()
        .rev()
        .filter_map(|(position, value)| match position {
            Value::Int(position) => Some((*position, *value)),
            _ => None,
        })
        .collect();
    positions.sort_by_key(|it| it.0);
    positions.dedup_by_key(|it| it.0);
    Ok(positions)
}

/// A number, or an array of one or so many.
fn numbers(loaded: &Loaded, value: Value, many: usize) -> Result<Vec<f32>, String> {
    match value {
        Value::Int(it) => Ok(vec![it as f32]),
        Value::Float(it) => Ok(vec![it as f32]),
        _ => {
            let array = loaded.array(value).filter(|it| it.len() == 1 || it.len() == many);
            let array = array.ok_or("there are not as many scales or zero points as channels")?;
            let mut values = Vec::with_capacity(array.len());
            array.singles(&mut values);
            Ok(values)
        }
    }
}
