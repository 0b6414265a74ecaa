//! What results mean as an exit code.

use super::CliError;
use crate::metrics::result::{Outcome, RunResult};

/// What the result means as an exit code. A stall that a threshold asks for is what was wanted.
pub fn of(result: &RunResult) -> Result<(), CliError> {
    let asked_for =
        result.thresholds.iter().any(|it| it.passed && it.threshold.trim_start().starts_with("outcome"));
    match result.outcome {
        Outcome::Interrupted => return Err(CliError::Interrupted),
        Outcome::Stalled | Outcome::Failed if !asked_for => {
            let why = result.reason.as_deref().unwrap_or("no reason is known");
            return Err(CliError::Failed(format!("the run {}: {why}", result.outcome.name())));
        }
        Outcome::Stalled | Outcome::Failed | Outcome::Completed => {}
    }
    let failed: Vec<&str> =
        result.thresholds.iter().filter(|it| !it.passed).map(|it| it.threshold.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    eprintln!("p2pfl-sim: does not hold: {}", failed.join("; "));
    Err(CliError::Threshold)
}
