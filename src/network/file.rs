//! Reading a file that the `network` block names.

use super::error::NetworkError;
use crate::bounded;
use std::io;
use std::path::Path;

/// The text of a file of no more than `most` bytes. `field` is the setting that names it, for the errors.
///
/// # Errors
/// A file that cannot be read, is none, or is too large.
pub(super) fn read(field: &str, file: &Path, most: u64) -> Result<String, NetworkError> {
    let unreadable = |error: &io::Error| NetworkError::unreadable(field, file, error);
    let metadata = std::fs::metadata(file).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(unreadable(&io::Error::other("it is not a regular file")));
    }
    if metadata.len() > most {
        return Err(unreadable(&io::Error::other(format!("it is larger than {} MiB", most >> 20))));
    }
    bounded::text(file, most).map_err(|error| unreadable(&error))
}
