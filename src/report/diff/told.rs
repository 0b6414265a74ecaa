//! What is said around the figures of a comparison, the same on a terminal and on a page: the verdict in a sentence, and
//! what to know before relying on it.

use super::{Diff, Difference, Judged, Row, Side, Test, Verdict};
use crate::report::figures::nature;
use crate::report::figures::nature::Unit;
use crate::report::readable::digits;
use crate::report::terminal::{Style, shown};
use serde_json::Value;

/// Differences between scenarios that are told one by one.
const TOLD: usize = 12;

impl Diff {
    /// The verdict in a sentence.
    pub fn headline(&self) -> String {
        let Self { name, baseline, current, .. } = self;
        let sides = format!("{name}, {} against {}", current.name, baseline.name);
        let runs = match (self.paired, self.clock.as_str()) {
            (true, _) => format!("{} pairs of runs", current.runs),
            (false, "real") => format!("{} and {} runs", current.runs, baseline.runs),
            (false, _) if current.runs == 1 => "one run each, exact".to_owned(),
            (false, _) => match self.metrics.iter().filter_map(|row| row.paired).map(|it| it.n).max() {
                Some(pairs) => format!("{pairs} pairs of runs, exact"),
                None => format!("{} and {} runs, exact", current.runs, baseline.runs),
            },
        };
        // A name may be any text; on a terminal it could paint.
        let sides: String = sides.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
        format!("{sides} ({runs}): {}", self.verdict_told())
    }

    fn verdict_told(&self) -> String {
        let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        match self.verdict {
            Verdict::Same => "the same.".into(),
            Verdict::Undecided => "not enough runs to judge.".into(),
            Verdict::Passed => {
                let better = self.metrics.iter().filter(|row| row.verdict == Judged::Better).count();
                let also = if better > 0 { format!(", and {} better", are(better)) } else { String::new() };
                format!("nothing is worse than it may be{also}.")
            }
            Verdict::Regressed => {
                let mut faults = Vec::new();
                if self.outcome == Judged::Worse {
                    faults.push(format!(
                        "runs end worse than before ({}; before: {})",
                        self.current.outcomes.told(),
                        self.baseline.outcomes.told()
                    ));
                }
                match self.regressions().count() {
                    0 => {}
                    1 => faults.push("1 metric is worse than it may be".into()),
                    n => faults.push(format!("{n} metrics are worse than they may be")),
                }
                if faults.is_empty() {
                    faults
                        .push(format!("{} where none may be", plural(self.differences.len(), "difference")));
                }
                format!("REGRESSED: {}.", faults.join("; "))
            }
        }
    }

    /// Says what to beware of.
    pub(super) fn note(&mut self, baseline: &Side, current: &Side, tested: &[Row], test: Test) {
        let mut notes = Vec::new();
        if !self.scenario.is_empty() {
            let told = match self.scenario.iter().any(super::changes_what_happens) {
                true => "THE SCENARIOS DIFFER, so what differs here may come from that:",
                false => "The scenarios differ in what changes nothing of the runs:",
            };
            notes.push(format!("{told}\n{}", scenario_lines(&self.scenario).join("\n")));
        }
        let judged =
            tested.iter().filter(|row| row.verdict != Judged::Gone && row.verdict != Judged::New).count();
        if tested.iter().any(|row| row.verdict == Judged::Undecided)
            || (tested.is_empty() && self.clock == "real")
        {
            let (needed, what) = match test {
                Test::Pairs => (test.least_runs(judged), "pairs of runs"),
                Test::Sides => (test.least_runs(judged), "runs of each side"),
            };
            notes.push(format!(
                "Not enough runs to judge {}: what depends on the machine is never the same twice, and to be sure of a \
                 difference takes {needed} {what} or more, such as --repeat {}. Nothing is said of it here.",
                if self.clock == "real" { "by" } else { "what it costs by" },
                needed.max(10)
            ));
        }
        for side in [baseline, current] {
            if side.overloaded > 0 {
                notes.push(format!(
                    "{}: {} of {} runs measure this machine and not the scenario, as timers came late; they, and what they are \
                     paired with, are left out. Run all of them again with a lower --speedup.",
                    side.name,
                    side.overloaded,
                    side.overloaded + side.runs.len()
                ));
            }
            if side.outcomes.interrupted > 0 {
                let n = side.outcomes.interrupted;
                notes.push(format!("{}: {n} runs that the user broke off are left out.", side.name));
            }
        }
        notes.extend(self.conditions(baseline, current));
        self.notes.extend(notes);
    }

    /// Conditions of runs that have to be the same on the real clock, and are not.
    fn conditions(&self, baseline: &Side, current: &Side) -> Option<String> {
        let conditions = |side: &Side| {
            let engine = &side.runs.first()?.result.engine;
            Some((engine.threads, engine.speedup))
        };
        let (was, is) = (conditions(baseline)?, conditions(current)?);
        (self.clock == "real" && was != is).then(|| {
            format!(
                "The runs did not have the same pace: {} had {} threads and speedup {}, {} has {} and {}.",
                baseline.name, was.0, was.1, current.name, is.0, is.1
            )
        })
    }
}

/// Differences between scenarios, a line each.
pub(super) fn scenario_lines(differences: &[Difference]) -> Vec<String> {
    let line = |it: &Difference| format!("  {}: {} -> {}", it.path, value(&it.baseline), value(&it.current));
    let mut lines: Vec<String> = differences.iter().take(TOLD).map(line).collect();
    if differences.len() > TOLD {
        lines.push(format!("  and {} more", differences.len() - TOLD));
    }
    lines
}

/// A value of a document, shortened.
pub fn value(value: &Value) -> String {
    const MOST: usize = 40;
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            if number.abs() >= 1e-3 && number.abs() < 1e9 {
                format!("{}", (number * 1e6).round() / 1e6)
            } else {
                format!("{number:.4e}")
            }
        }
        other => other.to_string(),
    };
    let text: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST - 1).chain(['~']).collect() }
}

/// A change as a person reads it: `+3.00 %`.
pub fn percent(change: f64) -> String {
    let percent = change * 100.0;
    match percent.abs() {
        0.0 => "0 %".to_owned(),
        1_000.0.. => format!("{}x", digits(change + 1.0)),
        // Figures of the virtual clock may differ by very little, and still differ.
        size if size < 0.01 => format!("{percent:+.1e} %"),
        10.0.. => format!("{percent:+.1} %"),
        _ => format!("{percent:+.2} %"),
    }
}

impl Row {
    /// What it counts in.
    pub fn unit(&self) -> Unit {
        nature::unit(&self.path)
    }

    /// What is shown of the baseline: of pairs their mean, else the median.
    pub fn baseline_shown(&self) -> Option<f64> {
        self.paired.map(|it| it.baseline).or(self.baseline.map(|it| it.median))
    }

    /// The same of the current side.
    pub fn current_shown(&self) -> Option<f64> {
        self.paired.map(|it| it.current).or(self.current.map(|it| it.median))
    }

    /// The change, or that there is none to be told.
    pub fn change_told(&self) -> String {
        self.as_change(self.change, self.baseline_shown(), self.current_shown())
    }

    /// The 95 % interval of the change, its ends divided by `between`; empty where there is none.
    pub fn interval_told(&self, between: &str) -> String {
        let ends = match (self.interval, self.paired.and_then(|it| it.interval)) {
            (Some(it), _) => [percent(it.low), percent(it.high)],
            (None, Some(it)) => [self.amount(it.low), self.amount(it.high)],
            (None, None) => return String::new(),
        };
        ends.join(between)
    }

    /// The change in the pair in which it came out worst; empty where there are not several.
    pub fn worst_told(&self) -> String {
        self.worst.map_or_else(String::new, |it| self.as_change(it.change, it.baseline, it.current))
    }

    /// The same with its seed: `+12.0 % (seed 3)`.
    pub fn worst_seed_told(&self) -> String {
        self.worst.map_or_else(String::new, |it| format!("{} (seed {})", self.worst_told(), it.seed))
    }

    fn as_change(&self, change: Option<f64>, was: Option<f64>, is: Option<f64>) -> String {
        match (change, was.zip(is)) {
            (Some(change), _) => percent(change),
            (None, Some((was, is))) => self.amount(is - was),
            (None, None) => "-".into(),
        }
    }

    /// A difference in the unit of the figure.
    fn amount(&self, by: f64) -> String {
        match by {
            0.0 => "0 %".into(),
            _ => {
                format!("{}{}", if by > 0.0 { "+" } else { "-" }, shown(by.abs(), self.unit(), Style::PLAIN))
            }
        }
    }

    /// Where the change comes from: `vote +40 %`.
    pub fn from_told(&self) -> String {
        self.from.as_ref().map_or_else(String::new, |from| match from.change {
            // It only has to say where to look.
            Some(change) if (0.1..10.0).contains(&change.abs()) => {
                format!("{} {:+.0} %", from.name, change * 100.0)
            }
            Some(change) => format!("{} {}", from.name, percent(change)),
            None => format!("{} (new)", from.name),
        })
    }

    /// The limit, unless nothing but a difference was asked for.
    pub fn limit_told(&self) -> String {
        match nature::tolerance(&self.path) {
            Some(nature::Tolerance::Absolute(most)) => format!("{}+{most}", self.limit),
            Some(nature::Tolerance::Relative(most)) => format!("{}+{}%", self.limit, most * 100.0),
            None => self.limit.to_string(),
        }
    }
}

fn are(n: usize) -> String {
    if n == 1 { "1 metric is".into() } else { format!("{n} metrics are") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_read_at_a_glance() {
        for (change, text) in [
            (0.0, "0 %"),
            (0.03, "+3.00 %"),
            (-0.4, "-40.0 %"),
            (1e-6, "+1.0e-4 %"),
            (11.0, "12.0x"),
            (99.0, "100x"),
        ] {
            assert_eq!(percent(change), text);
        }
    }

    #[test]
    fn values_are_short_and_on_one_line() {
        assert_eq!(value(&json!("a\nb\u{1b}[31m")), "a b [31m");
        assert_eq!(value(&json!([1, 2])), "[1,2]");
        assert_eq!(value(&json!(0.123_456_789)), "0.123457");
        assert_eq!(value(&json!("x".repeat(99))).len(), 40);
        assert_eq!(value(&Value::Null), "-");
    }
}
