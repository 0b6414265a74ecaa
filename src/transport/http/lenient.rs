//! Integers as protobuf's JSON mapping reads them: as numbers, also `1e3` and `1.0`, and as text.

use serde::de::{Deserializer, Error, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// An integer; `null` is 0.
pub fn integer<'de, D: Deserializer<'de>, T: TryFrom<i64> + Default>(from: D) -> Result<T, D::Error> {
    Ok(optional(from)?.unwrap_or_default())
}

/// An integer; `null` is none.
pub fn optional<'de, D: Deserializer<'de>, T: TryFrom<i64>>(from: D) -> Result<Option<T>, D::Error> {
    from.deserialize_any(Integer(PhantomData))
}

/// An integer that is written as text.
pub mod text_or_integer {
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(it: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(it)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        super::integer(from)
    }
}

struct Integer<T>(PhantomData<T>);

impl<T: TryFrom<i64>> Visitor<'_> for Integer<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an integer of {} bits", 8 * size_of::<T>())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<T>, E> {
        let fits = T::try_from(number).map(Some);
        fits.map_err(|_| E::custom(format_args!("{number} does not fit into {} bits", 8 * size_of::<T>())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<T>, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Err(E::custom(format_args!("{number} does not fit into {} bits", 8 * size_of::<T>()))),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<T>, E> {
        // Below 2^63, where a cast would go to the nearest that there is.
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        if number.fract() == 0.0 && (-BEYOND..BEYOND).contains(&number) {
            return self.visit_i64(number as i64);
        }
        Err(E::custom(format_args!("{number} is no integer of {} bits", 8 * size_of::<T>())))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        if let Ok(number) = text.parse::<i64>() {
            return self.visit_i64(number);
        }
        match text.parse::<f64>() {
            Ok(number) => self.visit_f64(number),
            Err(_) => Err(E::custom(format_args!("`{}` is no number", text.escape_debug()))),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
}
