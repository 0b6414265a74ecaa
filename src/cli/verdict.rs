//! What results mean as an exit code.

use super::CliError;
use crate::metrics::result::{Outcome, RunResult, Threshold};
use crate::report::RunRow;
use crate::report::many::Held;
use crate::say;

/// How a run stands: whether it ended well, and what was asked of it holds. The worse is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stand {
    Good,
    /// It is done, but a threshold does not hold.
    Missed,
    /// It stalled, failed or was stopped, and nobody asked for that.
    Bad,
    Interrupted,
}

impl Stand {
    /// A stall that a threshold asks for is what was wanted.
    fn of(outcome: Outcome, thresholds: &[Threshold]) -> Self {
        let asked_for =
            thresholds.iter().any(|it| it.passed && it.threshold.trim_start().starts_with("outcome"));
        match outcome {
            Outcome::Interrupted => Self::Interrupted,
            Outcome::Stalled | Outcome::Failed | Outcome::Stopped if !asked_for => Self::Bad,
            _ if thresholds.iter().any(|it| !it.passed) => Self::Missed,
            Outcome::Stalled | Outcome::Failed | Outcome::Stopped | Outcome::Completed => Self::Good,
        }
    }
}

/// What the result of a run means as an exit code.
pub fn of(result: &RunResult) -> Result<(), CliError> {
    match Stand::of(result.outcome, &result.thresholds) {
        Stand::Good => Ok(()),
        Stand::Interrupted => Err(CliError::Interrupted),
        Stand::Bad => {
            let why = result.reason.as_deref().unwrap_or("no reason is known");
            Err(CliError::Failed(format!("the run {}: {why}", result.outcome.name())))
        }
        Stand::Missed => {
            let failed = result.thresholds.iter().filter(|it| !it.passed).map(|it| it.threshold.as_str());
            say::line(&format!("p2pfl-sim: does not hold: {}", failed.collect::<Vec<_>>().join("; ")));
            Err(CliError::Threshold)
        }
    }
}

/// What many runs mean as an exit code: that of the worst of them. All thresholds that do not hold everywhere are named,
/// whatever the exit code.
pub fn of_many(rows: &[RunRow], interrupted: bool) -> Result<(), CliError> {
    let missed: Vec<String> = Held::of(rows)
        .iter()
        .filter(|it| it.passed < it.n)
        .map(|it| format!("{} (in {} of {} runs)", it.threshold, it.n - it.passed, it.n))
        .collect();
    if !missed.is_empty() {
        say::line(&format!("p2pfl-sim: does not hold: {}", missed.join("; ")));
    }
    let stand = |row: &RunRow| Stand::of(row.outcome, &row.thresholds);
    let worst = rows.iter().map(stand).max().unwrap_or(Stand::Good);
    if interrupted || worst == Stand::Interrupted {
        return Err(CliError::Interrupted);
    }
    match worst {
        Stand::Good => Ok(()),
        Stand::Missed => Err(CliError::Threshold),
        Stand::Bad | Stand::Interrupted => {
            let bad: Vec<&RunRow> = rows.iter().filter(|row| stand(row) == Stand::Bad).collect();
            let first = bad.first().map_or(String::new(), |row| {
                let why = row.reason.as_deref().unwrap_or("no reason is known");
                let run = row.folder.clone().unwrap_or_else(|| row.run.to_string());
                format!("; run {run} {}: {why}", row.outcome.name())
            });
            Err(CliError::Failed(format!("{} of {} runs did not complete{first}", bad.len(), rows.len())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(outcome: Outcome, thresholds: &[(&str, bool)]) -> RunRow {
        let judged = |&(threshold, passed): &(&str, bool)| Threshold {
            threshold: threshold.to_owned(),
            value: json!(1),
            passed,
        };
        RunRow {
            outcome,
            thresholds: thresholds.iter().map(judged).collect(),
            ..RunRow::failed(1, 7, "", String::new())
        }
    }

    fn code(rows: &[RunRow], interrupted: bool) -> u8 {
        of_many(rows, interrupted).map_or_else(|error| error.exit_code(), |()| 0)
    }

    #[test]
    fn the_worst_run_decides() {
        let good = || row(Outcome::Completed, &[("nodes.finished >= 4", true)]);
        let missed = || row(Outcome::Completed, &[("nodes.finished >= 4", false)]);
        let stalled = || row(Outcome::Stalled, &[("nodes.finished >= 4", false)]);
        assert_eq!(code(&[good(), good()], false), 0);
        assert_eq!(code(&[good(), missed()], false), 3);
        assert_eq!(code(&[missed(), stalled(), good()], false), 1);
        assert_eq!(code(&[good()], true), 130);
        assert_eq!(code(&[stalled(), row(Outcome::Interrupted, &[])], false), 130);
        assert_eq!(code(&[], false), 0);
    }

    #[test]
    fn a_stall_that_is_asked_for_is_no_fault() {
        let asked = || row(Outcome::Stalled, &[("outcome == stalled", true)]);
        assert_eq!(code(&[asked(), asked()], false), 0);
        assert_eq!(code(&[asked(), row(Outcome::Completed, &[("outcome == stalled", false)])], false), 3);
    }
}
