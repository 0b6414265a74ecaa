//! Reading comma-separated files of the user's own, and saying where in them something is wrong.

use super::error::LearningError;
use csv::{Position, Reader, ReaderBuilder, Trim};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest file that is read. Reading takes up to about six times as much memory.
pub const MAX_BYTES: u64 = 1 << 30;

/// All bytes of a file that is not too large.
pub fn content(path: &Path) -> Result<Vec<u8>, LearningError> {
    let unreadable = |source| LearningError::Unreadable { path: path.into(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(LearningError::NotAFile { path: path.into() });
    }
    if metadata.len() > MAX_BYTES {
        return Err(LearningError::TooLarge { path: path.into(), bytes: metadata.len(), most: MAX_BYTES });
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(unreadable)?;
    Ok(content)
}

/// Reads records after a header line; blanks around cells do not count.
pub fn reader(content: &[u8]) -> Reader<&[u8]> {
    ReaderBuilder::new().trim(Trim::All).from_reader(content)
}

/// The line that a record starts in. The reader's own count is of where it began to look, before blank lines.
pub fn line(content: &[u8], position: Option<&Position>) -> u64 {
    let Some(position) = position else { return 1 };
    let rest = &content[content.len().min(position.byte() as usize)..];
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    position.line() + blank.count() as u64
}

/// What the reader said, with its place in the file.
pub fn malformed(path: &Path, content: &[u8], error: csv::Error) -> LearningError {
    let line = line(content, error.position());
    match error.into_kind() {
        csv::ErrorKind::Io(source) => LearningError::Unreadable { path: path.into(), source },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            LearningError::Ragged { path: path.into(), line, expected: expected_len, found: len }
        }
        csv::ErrorKind::Utf8 { .. } => LearningError::NotText { path: path.into(), line },
        other => LearningError::Malformed { path: path.into(), line, why: format!("{other:?}") },
    }
}
