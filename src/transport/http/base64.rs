//! Bytes in base64, as a field of JSON. What is large is written by `text`, piece by piece.

use base64::DecodeError;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ORDINARY: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, CONFIG);

/// Bytes that are base64 in JSON.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Base64(Vec<u8>);

/// The length of so many bytes in base64.
pub fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

/// Appends bytes in base64. Of what is appended piece by piece, all pieces but the last are a multiple of three bytes.
pub fn append(bytes: &[u8], to: &mut Vec<u8>) {
    let before = to.len();
    to.resize(before + encoded_len(bytes.len()), 0);
    match ORDINARY.encode_slice(bytes, &mut to[before..]) {
        Ok(_) => {}
        Err(error) => unreachable!("there is room for it: {error}"),
    }
}

impl From<Base64> for Bytes {
    fn from(it: Base64) -> Self {
        it.0.into()
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&ORDINARY.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Decode)
    }
}

/// Decodes from where the text lies, without a copy of it.
struct Decode;

impl Visitor<'_> for Decode {
    type Value = Base64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes in base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Base64, E> {
        let decoded = match ORDINARY.decode(text) {
            Err(DecodeError::InvalidByte(_, b'-' | b'_')) => FOR_URLS.decode(text),
            other => other,
        };
        decoded.map(Base64).map_err(|error| E::custom(format_args!("no base64: {error}")))
    }
}
