//! Reading comma-separated files of the user's own, and saying where in them something is wrong.

use super::error::LearningError;
use crate::bounded;
use csv::{Position, Reader, ReaderBuilder, Trim};
use std::path::Path;

/// The largest file that is read. Reading takes several times as much memory.
pub const MAX_BYTES: u64 = 1 << 30;

/// All bytes of a file that is not too large.
pub fn content(path: &Path) -> Result<Vec<u8>, LearningError> {
    let unreadable = |source| LearningError::Unreadable { path: path.into(), source };
    let metadata = path.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(LearningError::NotAFile { path: path.into() });
    }
    if metadata.len() > MAX_BYTES {
        return Err(LearningError::TooLarge { path: path.into(), bytes: metadata.len(), most: MAX_BYTES });
    }
    bounded::read(path, MAX_BYTES).map_err(unreadable)
}

/// What may stand between cells. A comma is what the name of such files promises.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Reads records after a header line; blanks around cells do not count. Cells are separated by what gives the header the
/// `column` that is looked for, else by what gives it the most columns.
pub fn reader<'a>(content: &'a [u8], column: &str) -> Reader<&'a [u8]> {
    let header = |separator: u8| {
        let mut reader = separated(content, separator);
        reader.headers().cloned().unwrap_or_default()
    };
    let headers = SEPARATORS.map(|it| (it, header(it)));
    let found = headers.iter().find(|(_, header)| header.iter().any(|name| name == column));
    // Of equally many the first: the maximum of what is reversed is the last of them.
    let widest = || headers.iter().rev().max_by_key(|(_, header)| header.len());
    separated(content, found.or_else(widest).map_or(b',', |(separator, _)| *separator))
}

fn separated(content: &[u8], separator: u8) -> Reader<&[u8]> {
    ReaderBuilder::new().trim(Trim::All).delimiter(separator).from_reader(content)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str, column: &str) -> Vec<String> {
        reader(text.as_bytes(), column).headers().expect("text").iter().map(String::from).collect()
    }

    #[test]
    fn cells_are_separated_by_what_gives_the_column_that_is_looked_for() {
        assert_eq!(header("a,b,label\n", "label"), ["a", "b", "label"]);
        assert_eq!(header("a;\"b; c\";label\n1;2;x\n", "label"), ["a", "b; c", "label"]);
        assert_eq!(header("\u{feff}label\ta\tb\n", "label"), ["label", "a", "b"]);
        assert_eq!(header("mass, dry;volume, wet;label\n", "label"), ["mass, dry", "volume, wet", "label"]);
        assert_eq!(header("label\n", "label"), ["label"]);
    }

    #[test]
    fn where_it_is_not_there_the_most_columns_are_shown() {
        assert_eq!(header("a;b;c\n", "label"), ["a", "b", "c"]);
        assert_eq!(header("a,b;c\n", "label"), ["a", "b;c"]);
        assert!(header("", "label").is_empty());
    }
}
