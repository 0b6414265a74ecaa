//! Durations, sizes and rates as a scenario writes them: text with a unit, never a bare number that could mean
//! anything.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration: `"250ms"`, `"2s"`, `"1m"`, `"1h 30m"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes: `"512B"`, `"10kB"` and `"10MB"` (powers of 1000), `"1KiB"` and `"1MiB"` (powers of 1024).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Bits a second: `"100Mbps"`, `"1Gbps"`, `"64kbps"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u64);

impl Rate {
    /// How long so many bytes take, in whole nanoseconds, rounded up. For ever at a rate of zero.
    pub fn time(self, bytes: u64) -> Duration {
        const BITS_NANOS: u64 = 8 * 1_000_000_000;
        if self.0 == 0 {
            return Duration::from_nanos(u64::MAX);
        }
        Duration::from_nanos(match bytes.checked_mul(BITS_NANOS) {
            Some(scaled) => scaled.div_ceil(self.0),
            // Beyond two gigabytes.
            None => {
                let nanos = (u128::from(bytes) * u128::from(BITS_NANOS)).div_ceil(u128::from(self.0));
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        })
    }
}

const DURATION_UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];
const RATE_UNITS: [(&str, u64); 4] =
    [("bps", 1), ("kbps", 1_000), ("Mbps", 1_000_000), ("Gbps", 1_000_000_000)];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.parse::<f64>().is_ok() && text.trim() != "0" {
            return Err(format!("`{text}` has no unit; write \"{text}s\" or \"{text}ms\""));
        }
        let plain = text.replace('µ', "u");
        let number = |part: &str| parse_unit(part, &DURATION_UNITS);
        let total = if plain.trim() == "0" {
            Some(0)
        } else {
            terms(&plain).iter().try_fold(0u64, |sum, part| sum.checked_add(number(part)?))
        };
        match total {
            Some(nanos) if !plain.trim().is_empty() => Ok(Self(Duration::from_nanos(nanos))),
            _ => Err(format!(
                "`{text}` is not a duration; write a number and a unit, such as \"250ms\", \"2s\", \"1m\" or \"1h 30m\""
            )),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_unit(text, &SIZE_UNITS).map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not a size; write a number and a unit, such as \"512B\", \"10kB\" or \"1MiB\""
            )
        })
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_unit(text, &RATE_UNITS).map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not a rate; write bits a second with a unit, such as \"64kbps\" or \"100Mbps\""
            )
        })
    }
}

/// The terms of a sum such as `1h 30m`: what is between blanks, a unit with the number that it stands apart from.
fn terms(text: &str) -> Vec<String> {
    let mut terms: Vec<String> = Vec::new();
    for part in text.split_whitespace() {
        match terms.last_mut() {
            Some(last) if !last.contains(char::is_alphabetic) && part.starts_with(char::is_alphabetic) => {
                last.push_str(part);
            }
            _ => terms.push(part.to_owned()),
        }
    }
    terms
}

/// `number unit` as a whole count of the base unit, or nothing if it is malformed, negative or out of range.
fn parse_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_alphabetic())?;
    let (number, unit) = (text[..split].trim(), &text[split..]);
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value = number.parse::<f64>().ok()? * factor as f64;
    // Beyond 2^53 a fraction of a base unit means nothing.
    (0.0..=9.0e15).contains(&value).then(|| value.round() as u64)
}

/// The largest unit that leaves a whole number, so that what is written reads back exactly.
fn format_unit(value: u64, units: &[(&str, u64)], f: &mut fmt::Formatter) -> fmt::Result {
    let best =
        units.iter().filter(|(_, factor)| value.is_multiple_of(*factor)).max_by_key(|(_, factor)| *factor);
    match best {
        Some((unit, factor)) if value > 0 => write!(f, "{}{unit}", value / factor),
        _ => write!(f, "{value}{}", units[0].0),
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let nanos = crate::time::nanos(self.0);
        if nanos == 0 { f.write_str("0s") } else { format_unit(nanos, &DURATION_UNITS, f) }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        format_unit(self.0, &SIZE_UNITS, f)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        format_unit(self.0, &RATE_UNITS, f)
    }
}

macro_rules! as_text {
    ($type:ty, $name:literal, $description:literal, $pattern:literal, $examples:expr) => {
        impl $type {
            /// What it is, with examples.
            pub const DESCRIPTION: &str = $description;
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                        f.write_str($description)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $description, "pattern": $pattern, "examples": $examples })
            }
        }
    };
}

as_text!(
    Span,
    "Duration",
    "a duration with a unit, such as \"250ms\", \"2s\" or \"1m\"",
    r"^\s*(0|([0-9.]+\s*(ns|us|µs|ms|s|m|h|d)\s*)+)$",
    ["250ms", "2s", "1m"]
);
as_text!(
    Size,
    "Size",
    "a size with a unit, such as \"512B\", \"10kB\" or \"1MiB\"",
    r"^\s*[0-9.]+\s*(B|kB|KB|MB|GB|KiB|MiB|GiB|TiB)$",
    ["512B", "10kB", "1MiB"]
);
as_text!(
    Rate,
    "Rate",
    "a rate in bits a second with a unit, such as \"64kbps\" or \"100Mbps\"",
    r"^\s*[0-9.]+\s*(bps|kbps|Mbps|Gbps)$",
    ["64kbps", "100Mbps"]
);

impl Span {
    /// A whole number of seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A whole number of milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_with_their_units() {
        let nanos = |text: &str| text.parse::<Span>().map(|span| span.0.as_nanos());
        assert_eq!(nanos("250ms"), Ok(250_000_000));
        assert_eq!(nanos("1.5s"), Ok(1_500_000_000));
        assert_eq!(nanos("1h 30m"), Ok(5_400_000_000_000));
        assert_eq!(nanos("1 h 30 m"), Ok(5_400_000_000_000));
        assert_eq!(nanos("20µs"), Ok(20_000));
        assert_eq!(nanos("0"), Ok(0));
        for wrong in [
            "",
            "2",
            "s",
            "-2s",
            "2 lightyears",
            "NaNs",
            "infs",
            "1e400s",
            "99999999999999999999h",
            "1 2ms",
            "2 s s",
        ] {
            assert!(nanos(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in ["1ns", "250ms", "90s", "2h", "0s"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }
        for text in ["512B", "1KiB", "10MB", "1GiB"] {
            let size: Size = text.parse().unwrap();
            assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }
        assert_eq!("100Mbps".parse::<Rate>(), Ok(Rate(100_000_000)));
        assert_eq!("1KiB".parse::<Size>(), Ok(Size(1024)));
        assert_eq!("1kB".parse::<Size>(), Ok(Size(1000)));
    }

    #[test]
    fn a_rate_is_bits_a_second() {
        assert_eq!(Rate(8_000_000).time(1_000_000), Duration::from_secs(1));
        assert_eq!(Rate(3).time(1), Duration::from_nanos(2_666_666_667));
        assert_eq!(Rate(1_000_000_000).time(100_000_000_000), Duration::from_secs(800));
        assert_eq!(Rate(1).time(u64::MAX), Duration::from_nanos(u64::MAX));
    }
}
