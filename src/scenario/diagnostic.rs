//! What is wrong with a scenario, where, and what would be right; shown with the line it is about.
//!
//! A diagnostic carries the few lines it shows and not the file, so that it outlives the file and stays small.
//! Finding faults is `load`'s and `validate`'s.

use super::source::Source;
use crate::say;
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceSpan,
};
use serde::Serialize;
use std::fmt;
use std::io::IsTerminal as _;
use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The scenario cannot run.
    Error,
    /// It can, but probably does not do what its author expects.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A fixed name for what is wrong, such as `unknown-field`.
    pub code: &'static str,
    /// The file, or `command line`.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The path of what is wrong, such as `learning.partitioning.alpha`; empty for the whole file.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    #[serde(skip)]
    excerpt: Option<Excerpt>,
}

/// Everything that is wrong with a scenario, in the order of its text. As an error it maps to exit code 2.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

/// The marked line and its neighbours, cut to what a terminal can show.
#[derive(Clone, Debug, PartialEq)]
struct Excerpt {
    text: String,
    /// The number of the first line, counted from 0.
    first_line: usize,
    mark: Range<usize>,
}

/// Characters kept before and after the mark in an overlong line.
const AROUND: usize = 70;

impl Diagnostic {
    /// An error in `source` at the bytes `span`.
    pub(crate) fn at(
        source: &Source,
        span: Range<usize>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let (line, column) = source.position(span.start);
        Self {
            severity: Severity::Error,
            code,
            file: source.name.clone(),
            line,
            column,
            path: String::new(),
            message: message.into(),
            help: None,
            excerpt: Some(Excerpt::cut(&source.text, span, line - 1)),
        }
    }

    /// An error about a file whose text is not known.
    pub(crate) fn of_file(name: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            file: name.to_owned(),
            line: 1,
            column: 1,
            path: String::new(),
            message: message.into(),
            help: None,
            excerpt: None,
        }
    }

    #[must_use]
    pub(crate) fn path(mut self, path: impl fmt::Display) -> Self {
        self.path = path.to_string();
        self
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }

    #[must_use]
    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

impl Diagnostic {
    /// With all that others wrote in it fit for a terminal.
    fn escaped(&self) -> Self {
        let text = |text: &String| say::escaped(text).into_owned();
        let mut escaped = self.clone();
        for it in [&mut escaped.file, &mut escaped.path, &mut escaped.message] {
            *it = text(it);
        }
        escaped.help = self.help.as_ref().map(text);
        if let Some(Excerpt { text, mark, .. }) = &mut escaped.excerpt {
            let [start, end] = [mark.start, mark.end].map(|at| say::escaped(&text[..at]).len());
            (*text, *mark) = (say::escaped(text).into_owned(), start..end);
        }
        escaped
    }
}

impl Diagnostics {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows every diagnostic with its line and a mark under what is meant; `width` in columns.
    pub fn render(&self, colour: bool, width: usize) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
        let mut shown = String::new();
        for diagnostic in &self.0 {
            if !shown.is_empty() {
                shown.push('\n');
            }
            // Writing to a string fails only if a diagnostic's own span is broken; its text is then enough.
            let diagnostic = &diagnostic.escaped();
            if handler.render_report(&mut shown, diagnostic).is_err() {
                shown.push_str(&format!("{diagnostic}\n"));
            }
        }
        shown
    }

    /// As [`render`](Self::render), with colour only if stderr is a terminal and `NO_COLOR` is not set.
    pub fn for_stderr(&self) -> String {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = console::Term::stderr().size_checked().map_or(100, |(_, columns)| usize::from(columns));
        self.render(!plain && std::io::stderr().is_terminal(), width.clamp(60, 120))
    }

    /// Sorts by place in the text; what comes from the command line goes last.
    pub(crate) fn sorted(mut self) -> Self {
        self.0.sort_by(|a, b| {
            (a.file == COMMAND_LINE, a.line, a.column).cmp(&(b.file == COMMAND_LINE, b.line, b.column))
        });
        self
    }
}

/// The file name of what was given on the command line.
pub(crate) const COMMAND_LINE: &str = "command line";

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

/// The message alone: where it belongs is shown by [`Diagnostics`].
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.render(false, 100))
    }
}

impl std::error::Error for Diagnostic {}
impl std::error::Error for Diagnostics {}

impl miette::Diagnostic for Diagnostic {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.excerpt.as_ref().map(|_| self as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let mark = &self.excerpt.as_ref()?.mark;
        let label = if self.path.is_empty() { "here" } else { &self.path };
        let span = LabeledSpan::new_primary_with_span(Some(label.to_owned()), (mark.start, mark.len()));
        Some(Box::new(std::iter::once(span)))
    }
}

/// The excerpt under the file's own name and line numbers.
impl miette::SourceCode for Diagnostic {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, MietteError> {
        let excerpt = self.excerpt.as_ref().ok_or(MietteError::OutOfBounds)?;
        let inner = excerpt.text.read_span(span, before, after)?;
        let line = excerpt.first_line + inner.line();
        // Only for the mark itself is the column shown, and there the excerpt's may be cut.
        let column = if line + 1 == self.line { self.column - 1 } else { inner.column() };
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.clone(),
            inner.data(),
            *inner.span(),
            line,
            column,
            inner.line_count(),
        )))
    }
}

impl Excerpt {
    /// The line of `span` in `text` with one line before and one after; `line` is its number, counted from 0.
    fn cut(text: &str, span: Range<usize>, line: usize) -> Self {
        let bytes = text.as_bytes();
        let back = |at: usize| bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let ahead = |at: usize| bytes[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |i| at + i);
        let (start, end) = (back(span.start), ahead(span.start));
        let mut excerpt = Self { text: String::new(), first_line: line, mark: 0..0 };
        if start > 0 {
            excerpt.first_line -= 1;
            excerpt.text.push_str(clip(&text[back(start - 1)..start - 1]));
            excerpt.text.push('\n');
        }
        // What goes over several lines is marked on its first.
        let marked = span.start..span.end.clamp(span.start, end);
        let from = floor(text, start.max(marked.start.saturating_sub(AROUND)));
        let from = if from - start > 3 { from } else { start };
        if from > start {
            excerpt.text.push('…');
        }
        let until = floor(text, marked.end.min(marked.start + AROUND));
        let to = floor(text, end.min(until + AROUND));
        excerpt.mark = excerpt.text.len() + (marked.start - from)..excerpt.text.len() + (until - from);
        excerpt.text.push_str(text[from..to].trim_end_matches('\r'));
        if to < end {
            excerpt.text.push('…');
        }
        excerpt.mark.end = excerpt.mark.end.min(excerpt.text.len());
        excerpt.mark.start = excerpt.mark.start.min(excerpt.mark.end);
        if end < text.len() {
            excerpt.text.push('\n');
            excerpt.text.push_str(clip(&text[end + 1..ahead(end + 1)]));
        }
        excerpt
    }
}

fn clip(line: &str) -> &str {
    line[..floor(line, line.len().min(2 * AROUND))].trim_end_matches('\r')
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
