//! Floats in results: JSON has no NaN and no infinity, so what is not finite is written as `null` and read as NaN.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[allow(missing_docs)]
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    value.is_finite().then_some(*value).serialize(serializer)
}

#[allow(missing_docs)]
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Option::<f64>::deserialize(deserializer).map(|value| value.unwrap_or(f64::NAN))
}
