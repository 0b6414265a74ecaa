//! The part of Python's unpickler that models need: the opcodes of protocols 3 to 5 that CPython writes for plain values
//! and NumPy's arrays. What the values mean is in `mod`.
//!
//! Every opcode takes constant time and memory beside the bytes it reads (or what was on the stack), and there may only
//! be so many of them: that alone bounds stack, memo, objects and depth. Bytes are never copied, they are slices of the
//! message. (Protocol 2 has no bytes: arrays would have to be made of text, which P2PFL never did.)

use super::array::{Array, Dtype, Kind};
use super::error::ModelError;
use super::value::{Global, Loaded, Object, Value};
use bytes::Bytes;

/// An array takes about 30 operations, so these are enough for 17,000 of them.
pub(super) const MAX_OPERATIONS: usize = 1 << 19;

/// Reads a pickle.
pub(super) fn load(input: Bytes) -> Result<Loaded, ModelError> {
    let mut machine = Machine {
        input,
        at: 0,
        started: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        objects: Vec::new(),
    };
    for _ in 0..MAX_OPERATIONS {
        machine.started = machine.at;
        if let Some(root) = machine.step()? {
            return Ok(Loaded { objects: machine.objects, root });
        }
    }
    Err(ModelError::TooLong(MAX_OPERATIONS))
}

struct Machine {
    input: Bytes,
    at: usize,
    /// Where the opcode stands that is being done.
    started: usize,
    stack: Vec<Value>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memo: Vec<Value>,
    objects: Vec<Object>,
}

impl Machine {
    /// Does what the next opcode says; the value of the whole pickle once it is there.
    fn step(&mut self) -> Result<Option<Value>, ModelError> {
        let opcode = self.u8()?;
        match opcode {
            // PROTO, FRAME: how it is cut up does not matter.
            0x80 => match self.u8()? {
                3..=5 => {}
                _ => return self.malformed("a protocol other than 3 to 5"),
            },
            0x95 => {
                self.take(8)?;
            }
            b'.' => {
                let root = self.pop()?;
                return match self.stack.is_empty() && self.marks.is_empty() && self.at == self.input.len() {
                    true => Ok(Some(root)),
                    false => self.malformed("the pickle ends with something left over"),
                };
            }
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' | b'M' | b'J' | 0x8a => self.integer(opcode)?,
            b'G' => {
                let value = f64::from_be_bytes(self.fixed()?);
                self.push(Value::Float(value));
            }
            0x8c | b'X' | 0x8d => {
                let text = self.counted(opcode)?;
                self.make(Object::Text(text));
            }
            // BYTEARRAY8 (0x96) is what protocol 5 makes of an array's buffer.
            b'C' | b'B' | 0x8e | 0x96 => {
                let bytes = self.counted(opcode)?;
                self.make(Object::Bytes(bytes));
            }
            b'(' => self.marks.push(self.stack.len()),
            b')' | b't' | 0x85..=0x87 => self.tuple(opcode)?,
            b']' => self.make(Object::List(Vec::new())),
            b'}' => self.make(Object::Dict(Vec::new())),
            b'a' | b'e' => self.append(opcode == b'a')?,
            b's' | b'u' => self.set_items(opcode == b's')?,
            // MEMOIZE, BINPUT, LONG_BINPUT.
            0x94 | b'q' | b'r' => self.memoize(opcode)?,
            b'h' | b'j' => {
                let number = if opcode == b'h' { self.u8()?.into() } else { self.u32()? as usize };
                match self.memo.get(number) {
                    Some(value) => self.push(*value),
                    None => return self.malformed("what is referred to was never remembered"),
                }
            }
            b'c' | 0x93 => self.global(opcode == b'c')?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            _ => return Err(ModelError::Opcode { opcode, at: self.started }),
        }
        Ok(None)
    }

    fn integer(&mut self, opcode: u8) -> Result<(), ModelError> {
        let value = match opcode {
            b'K' => Value::Int(self.u8()?.into()),
            b'M' => Value::Int(u16::from_le_bytes(self.fixed()?).into()),
            b'J' => Value::Int(i32::from_le_bytes(self.fixed()?).into()),
            // LONG1: two's complement, little endian.
            _ => {
                let length = self.u8()?.into();
                let bytes = self.take(length)?;
                if length > 8 {
                    Value::Huge
                } else {
                    let sign = bytes.last().is_some_and(|it| it >> 7 == 1);
                    let mut wide = [if sign { 0xff } else { 0 }; 8];
                    wide[..length].copy_from_slice(&bytes);
                    Value::Int(i64::from_le_bytes(wide))
                }
            }
        };
        self.push(value);
        Ok(())
    }

    fn tuple(&mut self, opcode: u8) -> Result<(), ModelError> {
        let items = match opcode {
            b't' => self.pop_mark()?,
            b')' => Vec::new(),
            _ => {
                let count = usize::from(opcode - 0x84);
                let from = self.above_mark(count)?;
                self.stack.split_off(from)
            }
        };
        self.make(Object::Tuple(items.into()));
        Ok(())
    }

    fn append(&mut self, one: bool) -> Result<(), ModelError> {
        let items = if one { vec![self.pop()?] } else { self.pop_mark()? };
        match self.top_object()? {
            Object::List(list) => list.extend(items),
            _ => return self.malformed("something is appended to what is no list"),
        }
        Ok(())
    }

    fn set_items(&mut self, one: bool) -> Result<(), ModelError> {
        let items = if one {
            let from = self.above_mark(2)?;
            self.stack.split_off(from)
        } else {
            self.pop_mark()?
        };
        let (pairs, odd) = items.as_chunks::<2>();
        match self.top_object()? {
            Object::Dict(dict) if odd.is_empty() => {
                dict.extend(pairs.iter().map(|[key, value]| (*key, *value)))
            }
            _ => {
                return self
                    .malformed("keys and values are put into what is no dictionary, or a value is missing");
            }
        }
        Ok(())
    }

    /// Remembers the topmost value. CPython counts from 0 in all protocols.
    fn memoize(&mut self, opcode: u8) -> Result<(), ModelError> {
        let number = match opcode {
            b'q' => self.u8()?.into(),
            b'r' => self.u32()? as usize,
            _ => self.memo.len(),
        };
        let from = self.above_mark(1)?;
        let value = self.stack[from];
        if number > self.memo.len() {
            return self.malformed("numbers to refer to do not count up");
        }
        match self.memo.get_mut(number) {
            Some(known) => *known = value,
            None => self.memo.push(value),
        }
        Ok(())
    }

    fn global(&mut self, lines: bool) -> Result<(), ModelError> {
        let (module, name) = if lines {
            (self.line()?, self.line()?)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (self.object(module), self.object(name)) {
                (Some(Object::Text(module)), Some(Object::Text(name))) => (module.clone(), name.clone()),
                _ => return self.malformed("a name that is no text"),
            }
        };
        match Global::find(&module, &name) {
            Some(global) => self.make(Object::Global(global)),
            None => {
                let shown = |text: &Bytes| String::from_utf8_lossy(&text[..text.len().min(100)]).into_owned();
                let name = format!("{}.{}", shown(&module), shown(&name));
                return Err(ModelError::Global { name, at: self.started });
            }
        }
        Ok(())
    }

    /// Calls one of the few things that can be called.
    fn reduce(&mut self) -> Result<(), ModelError> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let Some(&Object::Global(callable)) = self.object(callable) else {
            return self.malformed("something is called that cannot be");
        };
        let Some(Object::Tuple(arguments)) = self.object(arguments) else {
            return self.malformed("a call without arguments");
        };
        let object = |value: &Value| self.object(*value);
        let made = match (callable, &**arguments) {
            (Global::Reconstruct, [class, ..]) => match object(class) {
                Some(Object::Global(Global::NdArray)) => Some(Made::Object(Object::Array(None))),
                _ => None,
            },
            (Global::Dtype, [name, ..]) => match object(name) {
                Some(Object::Text(name)) => {
                    let Some(kind) = Kind::find(name) else {
                        return self.malformed("an array of something else than numbers");
                    };
                    Some(Made::Object(Object::Dtype(Dtype { kind, big_endian: false })))
                }
                _ => None,
            },
            (Global::FromBuffer, [data, dtype, shape, order]) => {
                let by_column = match object(order) {
                    Some(Object::Text(order)) if **order == *b"C" => Some(false),
                    Some(Object::Text(order)) if **order == *b"F" => Some(true),
                    _ => None,
                };
                by_column
                    .and_then(|by_column| self.array(*shape, *dtype, by_column, *data))
                    .map(|array| Made::Object(Object::Array(Some(array))))
            }
            (Global::Scalar, [dtype, data]) => match (object(dtype), object(data)) {
                (Some(Object::Dtype(dtype)), Some(Object::Bytes(data))) => scalar(*dtype, data),
                _ => None,
            },
            _ => None,
        };
        match made {
            Some(Made::Object(object)) => self.make(object),
            Some(Made::Value(value)) => self.push(value),
            None => return self.malformed("a call with arguments that make no sense"),
        }
        Ok(())
    }

    /// Sets the state of an array or a type of values, as NumPy writes it.
    fn build(&mut self) -> Result<(), ModelError> {
        let state = self.pop()?;
        let Some(Object::Tuple(state)) = self.object(state) else {
            return self.malformed("a state that is no tuple");
        };
        let built = match (self.top().and_then(|it| self.object(it)), &**state) {
            // (version, byte order, subarray, names, fields, ..)
            (
                Some(Object::Dtype(dtype)),
                [Value::Int(3..), order, Value::None, Value::None, Value::None, ..],
            ) => match self.object(*order) {
                Some(Object::Text(order)) if [&b"<"[..], b"=", b"|", b">"].contains(&&**order) => {
                    Some(Object::Dtype(Dtype { big_endian: **order == *b">", ..*dtype }))
                }
                _ => None,
            },
            // (version, shape, type, whether column by column, data)
            (Some(Object::Array(None)), [Value::Int(1), shape, dtype, by_column, data]) => {
                let by_column = matches!(by_column, Value::Bool(true) | Value::Int(1));
                self.array(*shape, *dtype, by_column, *data).map(|it| Object::Array(Some(it)))
            }
            _ => None,
        };
        match (built, self.top_object()) {
            (Some(built), Ok(top)) => {
                *top = built;
                Ok(())
            }
            _ => self
                .malformed("a state that fits no array: its bytes are not those of its shape, or it is none"),
        }
    }

    fn array(&self, shape: Value, dtype: Value, by_column: bool, data: Value) -> Option<Array> {
        let (Object::Tuple(shape), Object::Dtype(dtype), Object::Bytes(data)) =
            (self.object(shape)?, self.object(dtype)?, self.object(data)?)
        else {
            return None;
        };
        let shape: Option<Box<[usize]>> = shape
            .iter()
            .map(|it| match it {
                Value::Int(length) => usize::try_from(*length).ok(),
                _ => None,
            })
            .collect();
        Array::raw(shape?, *dtype, by_column, data.clone())
    }

    fn make(&mut self, object: Object) {
        self.stack.push(Value::Object(self.objects.len() as u32));
        self.objects.push(object);
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    /// The place on the stack of the last `count` values since the last mark.
    fn above_mark(&self, count: usize) -> Result<usize, ModelError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(from) if from >= floor => Ok(from),
            _ => self.malformed("a value is missing"),
        }
    }

    fn pop(&mut self) -> Result<Value, ModelError> {
        let from = self.above_mark(1)?;
        let value = self.stack[from];
        self.stack.truncate(from);
        Ok(value)
    }

    fn pop_mark(&mut self) -> Result<Vec<Value>, ModelError> {
        match self.marks.pop() {
            Some(from) => Ok(self.stack.split_off(from)),
            None => self.malformed("a mark is missing"),
        }
    }

    fn object(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(place) => self.objects.get(place as usize),
            _ => None,
        }
    }

    fn top(&self) -> Option<Value> {
        self.above_mark(1).ok().map(|from| self.stack[from])
    }

    fn top_object(&mut self) -> Result<&mut Object, ModelError> {
        let at = self.started;
        match self.top() {
            Some(Value::Object(place)) => Ok(&mut self.objects[place as usize]),
            _ => Err(ModelError::Malformed { what: "a value is missing", at }),
        }
    }

    /// Bytes with their length before them, in 1, 4 or 8 bytes.
    fn counted(&mut self, opcode: u8) -> Result<Bytes, ModelError> {
        let length = match opcode {
            0x8c | b'C' => self.u8()?.into(),
            b'X' | b'B' => self.u32()?.into(),
            _ => u64::from_le_bytes(self.fixed()?),
        };
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) => Err(ModelError::Truncated(self.input.len())),
        }
    }

    fn take(&mut self, length: usize) -> Result<Bytes, ModelError> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.input.len());
        let end = end.ok_or(ModelError::Truncated(self.input.len()))?;
        let taken = self.input.slice(self.at..end);
        self.at = end;
        Ok(taken)
    }

    /// Up to the end of a line.
    fn line(&mut self) -> Result<Bytes, ModelError> {
        let length = self.input[self.at..].iter().take(256).position(|it| *it == b'\n');
        let Some(length) = length else { return self.malformed("a name without end") };
        let line = self.take(length)?;
        self.at += 1;
        Ok(line)
    }

    fn u8(&mut self) -> Result<u8, ModelError> {
        self.fixed().map(|[it]| it)
    }

    fn u32(&mut self) -> Result<u32, ModelError> {
        self.fixed().map(u32::from_le_bytes)
    }

    fn fixed<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], ModelError> {
        let bytes = self.input[self.at..].first_chunk().copied();
        self.at += LENGTH;
        bytes.ok_or(ModelError::Truncated(self.input.len()))
    }

    fn malformed<T>(&self, what: &'static str) -> Result<T, ModelError> {
        Err(ModelError::Malformed { what, at: self.started })
    }
}

/// What a call gives.
enum Made {
    Object(Object),
    Value(Value),
}

/// A single value of NumPy's. It is a number of settings, so it matters little what kind of float it was.
fn scalar(dtype: Dtype, data: &Bytes) -> Option<Made> {
    let mut value = Vec::new();
    Array::raw([].into(), dtype, false, data.clone())?.doubles(&mut value);
    let value = *value.first()?;
    Some(Made::Value(Value::Float(value)))
}
