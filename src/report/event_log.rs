//! `events.jsonl`, the log of all protocol events of a run: where two of them differ. The engine writes it.

use serde::Serialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

/// The most of a line that is read at a time: the program writes none that is as long.
const LINE: u64 = 1 << 20;

/// The name of the log in a result folder.
pub const NAME: &str = "events.jsonl";

/// The first line in which two logs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its number, from 1.
    pub line: u64,
    /// What the one log has there; nothing if it has ended.
    pub original: Option<String>,
    /// What the other has.
    pub replay: Option<String>,
}

/// The first difference between two files. They are read side by side, however long they are.
///
/// # Errors
/// If one of them cannot be read.
pub fn first_difference(original: &Path, replay: &Path) -> io::Result<Option<Difference>> {
    compare(BufReader::new(File::open(original)?), BufReader::new(File::open(replay)?))
}

fn compare(mut original: impl BufRead, mut replay: impl BufRead) -> io::Result<Option<Difference>> {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for line in 1.. {
        one.clear();
        other.clear();
        (&mut original).take(LINE).read_until(b'\n', &mut one)?;
        (&mut replay).take(LINE).read_until(b'\n', &mut other)?;
        if one != other {
            return Ok(Some(Difference { line, original: text(&one), replay: text(&other) }));
        }
        if one.is_empty() {
            break;
        }
    }
    Ok(None)
}

/// A line without its end; nothing past the last one.
fn text(line: &[u8]) -> Option<String> {
    let shown = line.strip_suffix(b"\n").unwrap_or(line);
    (!line.is_empty()).then(|| String::from_utf8_lossy(shown).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(original: &str, replay: &str) -> Option<Difference> {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        std::fs::write(&one, original).unwrap();
        std::fs::write(&other, replay).unwrap();
        first_difference(&one, &other).unwrap()
    }

    fn difference(line: u64, original: Option<&str>, replay: Option<&str>) -> Option<Difference> {
        Some(Difference { line, original: original.map(Into::into), replay: replay.map(Into::into) })
    }

    #[test]
    fn the_first_line_that_differs_is_told_with_both() {
        assert_eq!(of("", ""), None);
        assert_eq!(of("a\nb\n", "a\nb\n"), None);
        assert_eq!(of("a\nb\nc\n", "a\nx\ny\n"), difference(2, Some("b"), Some("x")));
        assert_eq!(of("a\n", "a\nb\n"), difference(2, None, Some("b")));
        assert_eq!(of("a\nb\n", ""), difference(1, Some("a"), None));
    }

    /// A log that was cut off in the middle of a line is not the whole one.
    #[test]
    fn a_line_without_its_end_differs() {
        assert_eq!(of("a\nb\n", "a\nb"), difference(2, Some("b"), Some("b")));
        assert_eq!(of("a\n\n", "a\n"), difference(2, Some(""), None));
    }

    /// Pieces of a line that is longer than any count as lines.
    #[test]
    fn a_line_without_an_end_is_not_read_at_once() {
        let long = "x".repeat(3 * LINE as usize);
        assert_eq!(of(&long, &long), None);
        let found = of(&long, &format!("{long}y")).expect("they differ");
        assert_eq!((found.line, found.original, found.replay.as_deref()), (4, None, Some("y")));
    }

    #[test]
    fn a_log_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(first_difference(&folder.path().join("a"), &folder.path().join("b")).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_line_is_found_wherever_it_is(lines in proptest::collection::vec("[a-c]{0,3}", 1..40), at in any::<proptest::sample::Index>()) {
            let at = at.index(lines.len());
            let mut changed = lines.clone();
            changed[at].push('x');
            let log = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            prop_assert_eq!(of(&log(&lines), &log(&lines)), None);
            let found = difference(at as u64 + 1, Some(&lines[at]), Some(&changed[at]));
            prop_assert_eq!(of(&log(&lines), &log(&changed)), found);
        }
    }
}
