//! Figures as the page has them: a text of three digits for the eye, and the number itself behind it.

use super::view::Cell;
use crate::report::figures::nature::Unit;
use crate::report::readable::{self, Count};

/// Seconds with a unit. Between a number and its unit no line ends, here and below.
pub fn time(seconds: f64) -> String {
    together(readable::time(seconds)).replace("us", "µs")
}

/// Bytes with a unit.
pub fn bytes(bytes: f64) -> String {
    together(readable::bytes(bytes))
}

/// A large count or rate.
pub fn amount(value: f64) -> String {
    together(readable::amount(value))
}

/// A value in its unit.
pub fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Time => time(value),
        Unit::Bytes => bytes(value),
        Unit::ByteRate => format!("{}/s", bytes(value)),
        Unit::Rate => format!("{}/s", amount(value)),
        Unit::Count => count(value as u64),
        Unit::Plain => fixed(value),
    }
}

fn together(figure: String) -> String {
    figure.replace(' ', "\u{a0}")
}

/// How many.
pub fn count(count: u64) -> String {
    Count(count).to_string()
}

/// How many of what: `1 node`, `2 nodes`.
pub fn counted(many: u64, word: &str) -> String {
    format!("{} {word}{}", Count(many), if many == 1 { "" } else { "s" })
}

/// A share of a whole, in percent.
pub fn share(part: f64, whole: f64) -> String {
    let percent = 100.0 * part / whole;
    match percent {
        it if !it.is_finite() => "-".to_owned(),
        it if it == 0.0 || (99.95..=100.0).contains(&it) => format!("{it:.0}\u{a0}%"),
        it if it < 0.1 => "under 0.1\u{a0}%".to_owned(),
        it if it < 10.0 => format!("{it:.1}\u{a0}%"),
        it => format!("{it:.0}\u{a0}%"),
    }
}

/// Three decimals, as accuracies are compared; fewer digits where there is nothing before the point but zeros.
pub fn fixed(value: f64) -> String {
    if !value.is_finite() {
        "-".to_owned()
    } else if (0.001..1_000.0).contains(&value.abs()) || value == 0.0 {
        format!("{value:.3}")
    } else {
        readable::digits(value)
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A number, shown as `show` has it.
    pub fn number(value: f64, show: impl Fn(f64) -> String) -> Self {
        if !value.is_finite() {
            return Self::text("-");
        }
        // As JSON has it, so that what stands in result.json is found in the page.
        let exact = serde_json::Number::from_f64(value).map(|it| it.to_string());
        Self { text: show(value), value: exact, tone: None, beside: None }
    }

    /// A number that may be missing.
    pub fn maybe(value: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        Self::number(value.unwrap_or(f64::NAN), show)
    }

    /// Seconds.
    pub fn time(seconds: f64) -> Self {
        Self::number(seconds, time)
    }

    /// So many.
    pub fn count(many: u64) -> Self {
        Self { text: count(many), value: Some(many.to_string()), tone: None, beside: None }
    }

    /// So many bytes.
    pub fn bytes(many: u64) -> Self {
        Self { text: bytes(many as f64), value: Some(many.to_string()), tone: None, beside: None }
    }

    /// With a meaning: `good`, `bad` or `mark`.
    pub fn toned(mut self, tone: &'static str) -> Self {
        self.tone = Some(tone);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_short_for_the_eye_and_exact_behind_it() {
        let cell = Cell::number(0.874_651_810_584_958_2, fixed);
        assert_eq!((cell.text.as_str(), cell.value.as_deref()), ("0.875", Some("0.8746518105849582")));
        assert_eq!(Cell::time(0.000_012).text, "12.0\u{a0}µs");
        assert_eq!(Cell::time(f64::NAN), Cell::text("-"));
    }

    #[test]
    fn words_are_listed_as_one_speaks() {
        let words = |many: &[&str]| listed(&many.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&["a", "b", "c"]), "a, b and c");
        assert_eq!(words(&["a", "b"]), "a and b");
        assert_eq!(words(&[]), "");
    }

    #[test]
    fn shares_are_told_with_two_digits() {
        assert_eq!(share(1.0, 3.0), "33\u{a0}%");
        assert_eq!(share(1.0, 30.0), "3.3\u{a0}%");
        assert_eq!(share(1.0, 10_000.0), "under 0.1\u{a0}%");
        assert_eq!(share(0.0, 0.0), "-");
        assert_eq!(share(5.0, 5.0), "100\u{a0}%");
    }
}
