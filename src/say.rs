//! What the program says: the one place that writes to standard output and standard error, and none of it is a reason to
//! panic.
//!
//! Text that others wrote (names in scenarios, messages of peers, foreign results) may hold what a terminal would obey. It is
//! shown escaped, as in JSON: `\u001b`. Colours of the program's own go through where there is a terminal for them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};

/// Prints to standard output. A reader that has seen enough is no error.
///
/// # Errors
/// Why it cannot be written, such as a disk that is full.
pub fn out(text: &str) -> io::Result<()> {
    let shown = if console::colors_enabled() { but_for_colours(text) } else { escaped(text) };
    let mut out = io::stdout().lock();
    match out.write_all(shown.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// A line on standard error. If nobody can read it, what the program does is more than what it says.
pub fn line(text: &str) {
    let mut shown = escaped(text).into_owned();
    shown.push('\n');
    let _ = io::stderr().lock().write_all(shown.as_bytes());
}

/// Text on standard error that may have colours of the program's own; what others wrote in it is escaped already.
pub fn painted(text: &str) {
    let _ = io::stderr().lock().write_all(but_for_colours(text).as_bytes());
}

/// The text with all that a terminal would obey made visible. Lines and tabs stay.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, false)
}

/// The same, but for sequences that set colours.
fn but_for_colours(text: &str) -> Cow<'_, str> {
    escape(text, true)
}

fn escape(text: &str, colours: bool) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let as_it_is = match colour(rest).filter(|_| colours) {
            Some(length) => length,
            // The end of a line, as some systems write it.
            None if !is_obeyed(next) || rest.starts_with("\r\n") => next.len_utf8(),
            None => 0,
        };
        if as_it_is > 0 {
            shown.push_str(&rest[..as_it_is]);
            rest = &rest[as_it_is..];
        } else {
            let _ = write!(shown, "\\u{:04x}", u32::from(next));
            rest = &rest[next.len_utf8()..];
        }
    }
    shown.into()
}

/// Whether a terminal does something else with it than to show it. What turns the direction of writing makes text look like
/// another.
fn is_obeyed(it: char) -> bool {
    (it.is_control() && !matches!(it, '\n' | '\t'))
        || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How long the sequence is that sets a colour and stands at the beginning, if one does.
fn colour(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\x1b[")?;
    let end = numbers.find(|it: char| !it.is_ascii_digit() && it != ';')?;
    numbers[end..].starts_with('m').then_some("\x1b[".len() + end + 1)
}

/// A document with all of its texts escaped, for tables that are painted. Hardly any has something to escape.
pub fn shown<T: Clone + Serialize + DeserializeOwned>(document: &T) -> Cow<'_, T> {
    let mut looks = Looks(false);
    let looked = serde_json::to_writer(&mut looks, document);
    if looked.is_ok() && !looks.0 {
        return Cow::Borrowed(document);
    }
    let escaped = serde_json::to_value(document).map(texts_escaped).and_then(serde_json::from_value);
    escaped.map_or(Cow::Borrowed(document), Cow::Owned)
}

fn texts_escaped(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(&text).into_owned()),
        Value::Array(all) => all.into_iter().map(texts_escaped).collect(),
        Value::Object(fields) => {
            let escaped =
                |(name, value): (String, Value)| (escaped(&name).into_owned(), texts_escaped(value));
            Value::Object(fields.into_iter().map(escaped).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// Looks whether JSON that goes by has something to escape; that it says so for more than that costs a copy.
struct Looks(bool);

impl Write for Looks {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.0 |=
            part.starts_with(b"\\") || std::str::from_utf8(part).is_ok_and(|text| text.contains(is_obeyed));
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A cell of a table that a spreadsheet shows and does not run: what begins like a formula and is no number gets a `'`.
pub fn cell(text: &str) -> Cow<'_, str> {
    let begins = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if begins && text.parse::<f64>().is_err() { format!("'{text}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(escaped("plain — ü\n\tline"), "plain — ü\n\tline");
        assert_eq!(escaped("a\x1b[2Jb\rc\u{9b}d\u{7f}"), "a\\u001b[2Jb\\u000dc\\u009bd\\u007f");
        assert_eq!(escaped("one\r\ntwo"), "one\r\ntwo\\u0000".trim_end_matches("\\u0000"));
        assert_eq!(escaped("\u{202e}txt.exe"), "\\u202etxt.exe");
    }

    #[test]
    fn colours_of_our_own_go_through_and_nothing_else() {
        let painted = "\x1b[1;31mred\x1b[0m";
        assert_eq!(but_for_colours(painted), painted);
        assert_eq!(escaped(painted), "\\u001b[1;31mred\\u001b[0m");
        for obeyed in ["\x1b[2J", "\x1b]0;title\x07", "\x1b[1;3", "\x1b"] {
            assert!(!but_for_colours(obeyed).contains('\x1b'), "{obeyed:?}");
        }
    }

    #[test]
    fn the_texts_of_a_document_are_escaped_and_one_without_is_not_copied() {
        let result = sample::full();
        assert!(matches!(shown(&result), Cow::Borrowed(_)));
        let mut foreign = result.clone();
        foreign.scenario["name"] = "ring\x1b[31m".into();
        foreign.warnings.push("\u{9b}2J".into());
        let shown = shown(&foreign);
        assert_eq!(shown.scenario["name"], "ring\\u001b[31m");
        assert_eq!(shown.warnings.last().unwrap(), "\\u009b2J");
    }

    #[test]
    fn a_spreadsheet_runs_nothing() {
        for formula in ["=1+1", "+cmd", "-x", "@sum(a)", "\t=1", "\r=1"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        for plain in ["-1", "+2.5", "-1e-3", "ring", "a=b", ""] {
            assert_eq!(cell(plain), plain);
        }
    }
}
