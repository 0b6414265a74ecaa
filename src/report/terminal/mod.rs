//! The summary of a run for a person at a terminal: first a sentence, then what it achieved, how long things
//! took, what went over the network, what it cost.
//!
//! Never wider than 100 columns. Without colour it is plain text, and where the terminal is not known to speak
//! Unicode it is ASCII. Everything in it is in `result.json`, too.

mod compare;
mod costs;
mod diff;
mod grid;
mod many;
mod probe;
mod sections;
mod sentence;

pub use compare::compare_table;
pub use diff::diff_table;
pub(super) use many::shown;
pub use many::{repeats_summary, sweep_table};
pub(super) use sentence::happened;

use crate::metrics::result::RunResult;
use crate::report::readable;
use crate::say;
use console::Term;

/// How many columns a summary has at most.
pub const WIDTH: u16 = 100;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Colours and bold text.
    pub colour: bool,
    /// More than ASCII.
    pub unicode: bool,
}

impl Style {
    /// No colour, ASCII.
    pub const PLAIN: Self = Self { colour: false, unicode: false };

    /// No colour, and more than ASCII: for a page.
    pub(super) const PAGE: Self = Self { colour: false, unicode: true };

    /// What stdout can show: no colour if it is not a terminal or `NO_COLOR` is set.
    pub fn stdout() -> Self {
        Self { colour: console::colors_enabled(), unicode: Term::stdout().is_term() && speaks_utf8() }
    }

    /// The same of stderr.
    pub fn stderr() -> Self {
        Self { colour: console::colors_enabled_stderr(), unicode: Term::stderr().is_term() && speaks_utf8() }
    }

    fn paint(self, text: &str, paint: impl FnOnce(console::Style) -> console::Style) -> String {
        if self.colour {
            paint(console::Style::new().force_styling(true)).apply_to(text).to_string()
        } else {
            text.to_owned()
        }
    }

    /// Seconds with a unit.
    fn time(self, seconds: f64) -> String {
        let text = readable::time(seconds);
        if self.unicode { text.replace(" us", " µs") } else { text }
    }

    fn passed(self, passed: bool) -> &'static str {
        match (self.unicode, passed) {
            (true, true) => "✓",
            (true, false) => "✗",
            (false, true) => "ok",
            (false, false) => "FAILED",
        }
    }
}

/// The summary, with a newline at its end.
pub fn summary(result: &RunResult, style: Style) -> String {
    let result = &*say::shown(result);
    let sections = [
        Some(sentence::headline(result, style)),
        sections::stalled(result, style),
        probe::cells(result, style),
        sections::rounds(result, style),
        sections::latencies(result, style),
        sections::throughput(result, style),
        sections::messages(result, style),
        Some(sections::cost(result, style)),
        sections::thresholds(result, style),
        sections::warnings(result, style),
    ];
    let mut text = sections.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

/// Whether the locale is one of UTF-8, by the variables that decide it, the strongest first.
fn speaks_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| {
        let value = std::env::var(name).ok()?;
        (!value.is_empty()).then(|| value.to_ascii_lowercase())
    });
    locale.is_some_and(|locale| locale.contains("utf-8") || locale.contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const RICH: Style = Style { colour: false, unicode: true };

    #[test]
    fn a_full_result() {
        insta::assert_snapshot!(summary(&sample::full(), RICH));
    }

    #[test]
    fn a_full_result_in_ascii() {
        insta::assert_snapshot!(summary(&sample::full(), Style::PLAIN));
    }

    #[test]
    fn a_stalled_run() {
        insta::assert_snapshot!(summary(&sample::stalled(), RICH));
    }

    #[test]
    fn an_interrupted_run() {
        insta::assert_snapshot!(summary(&sample::interrupted(), RICH));
    }

    #[test]
    fn a_failed_and_overloaded_run() {
        insta::assert_snapshot!(summary(&sample::failed(), RICH));
    }

    #[test]
    fn a_run_in_which_nothing_was_measured() {
        insta::assert_snapshot!(summary(&sample::empty(), RICH));
    }

    #[test]
    fn a_run_of_one_node() {
        insta::assert_snapshot!(summary(&sample::one_node(), RICH));
    }

    #[test]
    fn a_run_of_many_rounds() {
        insta::assert_snapshot!(summary(&sample::many_rounds(), RICH));
    }

    #[test]
    fn a_probe() {
        insta::assert_snapshot!(summary(&sample::probed(), RICH));
    }

    #[test]
    fn no_summary_is_wider_than_the_page_or_says_more_than_the_style_allows() {
        for result in sample::all() {
            let plain = summary(&result, Style::PLAIN);
            assert!(plain.is_ascii(), "{plain}");
            assert!(!plain.contains('\u{1b}'));
            for style in [Style::PLAIN, RICH, Style { colour: true, unicode: true }] {
                let text = summary(&result, style);
                let widest = text.lines().map(console::measure_text_width).max();
                assert!(widest <= Some(usize::from(WIDTH)), "{widest:?} columns:\n{text}");
            }
        }
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        for result in sample::all() {
            let coloured = summary(&result, Style { colour: true, unicode: true });
            assert!(coloured.contains('\u{1b}'));
            let bare = console::strip_ansi_codes(&coloured).into_owned();
            let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
            assert_eq!(trimmed(&bare), trimmed(&summary(&result, RICH)));
        }
    }
}
