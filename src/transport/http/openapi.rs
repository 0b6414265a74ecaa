//! The description of the interface, generated from its types.

use bytes::Bytes;

/// As it is served.
pub fn served() -> Bytes {
    Bytes::from_static(b"{}")
}
