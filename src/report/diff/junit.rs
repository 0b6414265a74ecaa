//! The comparison as JUnit XML, which CI systems show as tests: a case for each metric, and one for how the runs ended.

use super::{Diff, Judged, Row, Verdict};
use crate::report::readable::digits;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

impl Diff {
    /// The XML document.
    ///
    /// # Errors
    /// If it cannot be put together, which no name can cause.
    pub fn junit(&self) -> Result<String, quick_junit::SerializeError> {
        let mut suite = TestSuite::new(self.name.clone());
        suite.add_property(("baseline", self.baseline.name.as_str()));
        suite.add_property(("current", self.current.name.as_str()));
        suite.add_test_case(self.case(
            "outcome",
            self.outcome,
            &format!("{}; before: {}", self.current.outcomes.told(), self.baseline.outcomes.told()),
        ));
        for row in &self.metrics {
            suite.add_test_case(self.case(&row.path, row.verdict, &row.told()));
        }
        if self.clock == "virtual" {
            let differ = self.verdict == Verdict::Regressed
                && self.outcome != Judged::Worse
                && self.regressions().next().is_none();
            let verdict = if differ { Judged::Worse } else { Judged::Same };
            suite.add_test_case(self.case(
                "figures",
                verdict,
                &format!("{} figures differ", self.differences.len()),
            ));
        }
        let mut report = Report::new("p2pfl-sim diff");
        report.add_test_suite(suite);
        report.to_string()
    }

    fn case(&self, name: &str, verdict: Judged, told: &str) -> TestCase {
        let mut status = match verdict {
            Judged::Worse | Judged::Gone => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Judged::Undecided => TestCaseStatus::skipped(),
            _ => TestCaseStatus::success(),
        };
        if verdict != Judged::Same {
            status.set_message(format!("{}: {told}", verdict.name()));
        }
        let mut case = TestCase::new(name, status);
        case.set_classname(format!("p2pfl-sim.diff.{}", self.name));
        case
    }
}

impl Row {
    /// The whole of it in a line.
    pub fn told(&self) -> String {
        let value = |value: Option<f64>| value.map_or("none".into(), digits);
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let (was, is) = (value(self.baseline_shown()), value(self.current_shown()));
        let from = self.from_told();
        let from = if from.is_empty() { from } else { format!(", from {from}") };
        let p = self.p.map_or_else(String::new, |p| format!(", p {}", digits(p)));
        let pairs = self.paired.map_or_else(String::new, |it| {
            format!(" in the mean of {} pairs (95 % interval {})", it.n, self.interval_told(" to "))
        });
        let worst = Some(self.worst_seed_told()).filter(|it| !it.is_empty());
        let worst = worst.map_or_else(String::new, |it| format!(", worst {it}"));
        let (change, limit) = (self.change_told(), self.limit_told());
        format!("{was}{unit} -> {is}{unit}, {change}{pairs}, limit {limit}{worst}{p}{from}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn the_document_of_a_regression() {
        insta::assert_snapshot!(sample::regressed().junit().unwrap());
    }

    #[test]
    fn markup_in_names_is_text() {
        let text = sample::with_markup().junit().unwrap();
        let mut reader = quick_xml::Reader::from_str(&text);
        let mut tags = std::collections::BTreeSet::new();
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                    tags.insert(tag.name().as_ref().to_owned());
                }
                _ => {}
            }
        }
        assert!(!tags.contains("script") && tags.contains("testcase"), "{tags:?}");
    }
}
