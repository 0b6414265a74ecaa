//! The text of a scenario as JSON, with the place of every value in it.
//!
//! Strict JSON, and more: nesting is bounded and a key may not come twice. What the values mean is not known here.

use super::diagnostic::Diagnostic;
use super::path::{Path, Segment};
use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions};
use serde_json::{Map, Value};
use std::ops::Range;
use std::str::FromStr as _;

/// A text and its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// The file's name as the user gave it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Where a value stands, and where those inside it do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    /// The value.
    pub value: Range<usize>,
    /// Its key, if it is a field.
    pub key: Option<Range<usize>>,
    inner: Inner,
}

#[derive(Clone, Debug, PartialEq)]
enum Inner {
    Leaf,
    Object(Vec<(Box<str>, Place)>),
    Array(Vec<Place>),
}

/// Faults beyond this many are not collected: nobody reads them, and a hostile file could have millions.
const MAX_FAULTS: usize = 20;

/// Values within values, beyond which a file is refused. A scenario needs six.
const MAX_DEPTH: usize = 64;

impl Source {
    /// Line and column of a byte, both counted from 1; columns in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The byte at a line and column as `serde_json` counts them: lines from 1, bytes from 1.
    fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
        let mut at = (start + column.saturating_sub(1)).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

impl Place {
    /// The place at the end of `path`, or of the innermost value around it that is written; and whether it is the
    /// former.
    pub(crate) fn find(&self, path: &Path) -> (&Self, bool) {
        let mut here = self;
        for segment in path.segments() {
            let inner = match (&here.inner, segment) {
                (Inner::Object(fields), Segment::Key(key)) => {
                    fields.iter().find(|(name, _)| **name == **key).map(|(_, place)| place)
                }
                (Inner::Array(entries), Segment::Index(index)) => entries.get(*index),
                _ => None,
            };
            match inner {
                Some(place) => here = place,
                None => return (here, false),
            }
        }
        (here, true)
    }
}

/// Reads a JSON document.
pub(crate) fn read(source: &Source) -> Result<(Value, Place), Vec<Diagnostic>> {
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let tree = jsonc_parser::parse_to_ast(&source.text, &CollectOptions::default(), &strict)
        .map_err(|error| vec![syntax(source, &error)])?
        .value;
    let Some(tree) = tree else {
        let end = source.text.len();
        return Err(vec![
            Diagnostic::at(source, end..end, "syntax", "the file is empty").help(String::from(MINIMAL)),
        ]);
    };
    // The tree's parser lets some things pass that JSON does not have: a leading zero, a tab within a text.
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&source.text) {
        let at = source.offset(error.line(), error.column());
        let text = error.to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        return Err(vec![Diagnostic::at(source, at..at, "syntax", format!("this is not JSON: {what}"))]);
    }
    let mut reader = Reader { source, here: Vec::new(), faults: Vec::new() };
    let read = reader.value(tree);
    if reader.faults.is_empty() { Ok(read) } else { Err(reader.faults) }
}

/// The smallest scenario there is.
pub(crate) const MINIMAL: &str =
    r#"the smallest scenario is { "name": "first", "nodes": 10, "topology": { "kind": "ring" } }"#;

struct Reader<'a> {
    source: &'a Source,
    /// The way to the value that is being read. A list may have a million entries: no path is built for each.
    here: Vec<Segment>,
    faults: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn value(&mut self, tree: ast::Value) -> (Value, Place) {
        let range = tree.range();
        let span = range.start..range.end;
        let leaf = Place { value: span.clone(), key: None, inner: Inner::Leaf };
        if self.here.len() > MAX_DEPTH {
            // One report is enough: everything further in is left unread.
            if !self.faults.iter().any(|fault| fault.code == "too-deep") {
                let message = format!("values are nested more than {MAX_DEPTH} deep");
                self.fault(span, "too-deep", message, "a scenario needs no more than six");
            }
            return (Value::Null, leaf);
        }
        match tree {
            ast::Value::NullKeyword(_) => (Value::Null, leaf),
            ast::Value::BooleanLit(it) => (Value::Bool(it.value), leaf),
            ast::Value::StringLit(it) => (Value::String(it.value.into_owned()), leaf),
            ast::Value::NumberLit(it) => match serde_json::Number::from_str(it.value) {
                Ok(number) => (Value::Number(number), leaf),
                Err(_) => {
                    let message = format!("{} is out of the range of numbers", shortened(it.value));
                    self.fault(span, "out-of-range", message, "numbers end at 1.7e308");
                    (Value::Null, leaf)
                }
            },
            ast::Value::Array(it) => {
                // Exactly as long as needed: most lists are many short ones, the edges of a graph.
                let mut values = Vec::with_capacity(it.elements.len());
                let mut places = Vec::with_capacity(it.elements.len());
                for (i, element) in it.elements.into_iter().enumerate() {
                    let (value, place) = self.inside(Segment::Index(i), element);
                    values.push(value);
                    places.push(place);
                }
                (Value::Array(values), Place { value: span, key: None, inner: Inner::Array(places) })
            }
            ast::Value::Object(it) => self.object(it),
        }
    }

    fn inside(&mut self, segment: Segment, tree: ast::Value) -> (Value, Place) {
        self.here.push(segment);
        let read = self.value(tree);
        self.here.pop();
        read
    }

    fn object(&mut self, object: ast::Object) -> (Value, Place) {
        let span = object.range.start..object.range.end;
        let mut values = Map::new();
        let mut places = Vec::with_capacity(object.properties.len());
        for property in object.properties {
            let key_range = property.name.range();
            let key_span = key_range.start..key_range.end;
            let key = property.name.into_string();
            let (value, mut place) = self.inside(Segment::Key(key.clone()), property.value);
            place.key = Some(key_span.clone());
            if values.insert(key.clone(), value).is_some() && self.faults.len() < MAX_FAULTS {
                let first = places.iter().find(|(name, _): &&(Box<str>, Place)| **name == *key);
                let (line, _) = self.source.position(first.map_or(0, |(_, place)| place.value.start));
                let message = format!("`{key}` is here twice");
                self.here.push(Segment::Key(key.clone()));
                self.fault(
                    key_span,
                    "duplicate-key",
                    message,
                    format!("the first is on line {line}; keep one"),
                );
                self.here.pop();
            }
            places.push((key.into_boxed_str(), place));
        }
        (Value::Object(values), Place { value: span, key: None, inner: Inner::Object(places) })
    }

    fn fault(&mut self, span: Range<usize>, code: &'static str, message: String, help: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            let path: Path = self.here.iter().cloned().collect();
            self.faults.push(Diagnostic::at(self.source, span, code, message).path(path).help(help.into()));
        }
    }
}

/// What the parser found, in a user's words.
fn syntax(source: &Source, error: &ParseError) -> Diagnostic {
    use ParseErrorKind as Kind;
    let range = error.range();
    let at = &source.text[range.start..range.end.max(range.start).min(source.text.len())];
    let (message, help): (String, Option<&str>) = match error.kind() {
        Kind::ExpectedComma => ("a comma is missing here".into(), None),
        Kind::TrailingCommasNotAllowed => {
            ("nothing follows this comma".into(), Some("JSON has no comma after the last entry: remove it"))
        }
        Kind::CommentsNotAllowed => {
            ("JSON has no comments".into(), Some("remarks can go into `description`"))
        }
        Kind::SingleQuotedStringsNotAllowed => {
            ("text in single quotes".into(), Some("JSON writes text in double quotes: \"ring\""))
        }
        Kind::NonFiniteNumbersNotAllowed => {
            (format!("{at} is not a number that a scenario can hold"), Some("write a finite number"))
        }
        Kind::HexadecimalNumbersNotAllowed => ("a hexadecimal number".into(), Some("write it in decimal")),
        Kind::UnaryPlusNumbersNotAllowed => ("a number with a plus sign".into(), Some("leave the plus out")),
        Kind::BareDecimalPointNumbersNotAllowed => {
            ("a decimal point without a digit on both sides".into(), Some("write 0.5 or 5.0"))
        }
        Kind::ExpectedStringObjectProperty => {
            (format!("the name of a field needs double quotes: \"{}\"", shortened(at)), None)
        }
        Kind::UnexpectedWord if ["nan", "inf", "infinity"].contains(&at.to_lowercase().as_str()) => {
            (format!("{at} is not a number that a scenario can hold"), Some("write a finite number"))
        }
        Kind::UnexpectedWord => (
            format!("`{}` is not a JSON value", shortened(at)),
            Some("text needs double quotes; true, false and null are written in lower case"),
        ),
        Kind::MultipleRootJsonValues => {
            ("something follows after the end of the scenario".into(), Some("a file holds one scenario"))
        }
        Kind::UnterminatedObject => ("the file ends within an object".into(), Some("a `}` is missing")),
        Kind::UnterminatedArray => ("the file ends within a list".into(), Some("a `]` is missing")),
        Kind::ExpectedColonAfterObjectKey => ("a colon is missing after the name of a field".into(), None),
        Kind::ExpectedObjectValue => ("the value of this field is missing".into(), None),
        Kind::NestingDepthExceeded => {
            return Diagnostic::at(
                source,
                range.start..range.end,
                "too-deep",
                format!("values are nested more than {MAX_DEPTH} deep"),
            );
        }
        other => {
            let text = other.to_string();
            let mut letters = text.chars();
            let lower = letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>());
            (format!("this is not JSON: {}", lower.unwrap_or_default()), None)
        }
    };
    Diagnostic::at(source, range.start..range.end, "syntax", message).help(help.map(String::from))
}

/// At most 40 characters of what a user wrote.
pub(crate) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
