//! Traces of devices: how long a job takes on each, from a column of a file.

use super::error::LearningError;
use super::file;
use super::spec::Trace;
use csv::StringRecord;
use std::path::Path;
use std::time::Duration;

/// The longest duration that integer nanoseconds can tell apart from "never", in seconds.
const LONGEST: f64 = 9.0e9;

/// How long the job takes on each device, in the order of the file's rows; at least one.
///
/// The file's path is relative to `folder`.
///
/// # Errors
/// Names the file, the line and the column of what is not as it should be.
pub fn read(trace: &Trace, folder: &Path) -> Result<Vec<Duration>, LearningError> {
    let path = &folder.join(&trace.file);
    let content = file::content(path)?;
    let mut reader = file::reader(&content, &trace.column);
    let header = reader.headers().map_err(|error| file::malformed(path, &content, error))?.clone();
    let column = header.iter().position(|name| name == trace.column);
    let column = column.ok_or_else(|| LearningError::NoColumn {
        path: path.into(),
        column: trace.column.clone(),
        columns: header.iter().take(12).map(String::from).collect(),
    })?;
    let unit = trace.unit.0.as_secs_f64();
    let mut durations = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| file::malformed(path, &content, error))? {
        let cell = record.get(column).unwrap_or_default();
        let seconds = cell.parse::<f64>().map_or(f64::NAN, |value| value * unit);
        if !(0.0..=LONGEST).contains(&seconds) {
            return Err(LearningError::NotADuration {
                path: path.into(),
                line: file::line(&content, record.position()),
                column: trace.column.clone(),
                text: cell.chars().take(40).collect(),
            });
        }
        durations.push(Duration::from_secs_f64(seconds));
    }
    if durations.is_empty() {
        return Err(LearningError::NoRows { path: path.into() });
    }
    Ok(durations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::units::Span;

    fn reading(content: &str, column: &str, unit: Span) -> Result<Vec<Duration>, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("devices.csv"), content).expect("a temporary file");
        let trace = Trace { file: "devices.csv".into(), column: column.into(), unit };
        read(&trace, folder.path())
            .map_err(|it| it.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn a_column_is_read_in_its_unit() {
        let content = "device,train_ms,factor\nphone, 250 ,2.5\nserver,1.5,0\n";
        let millis = |values: [f64; 2]| Ok(values.map(|it| Duration::from_secs_f64(it / 1e3)).to_vec());
        assert_eq!(reading(content, "train_ms", Span::millis(1)), millis([250.0, 1.5]));
        assert_eq!(reading(content, "factor", Span::millis(200)), millis([500.0, 0.0]));
    }

    #[test]
    fn what_is_wrong_is_named_with_file_line_and_column() {
        let fault = |content, column| reading(content, column, Span::secs(1)).expect_err("an error");
        insta::assert_snapshot!(fault("a,b\n1,2\n", "c"), @"devices.csv, line 1: there is no column `c`. There are: `a`, `b`");
        insta::assert_snapshot!(fault("a,b\n1,2\n3,x\n", "b"), @"devices.csv, line 3, column `b`: `x` is not a duration: a number from 0 to 9e9 seconds");
        insta::assert_snapshot!(fault("a\n1\n\n-2\n", "a"), @"devices.csv, line 4, column `a`: `-2` is not a duration: a number from 0 to 9e9 seconds");
        insta::assert_snapshot!(fault("a\n1e10\n", "a"), @"devices.csv, line 2, column `a`: `1e10` is not a duration: a number from 0 to 9e9 seconds");
        insta::assert_snapshot!(fault("a,b\n,2\n", "a"), @"devices.csv, line 2, column `a`: `` is not a duration: a number from 0 to 9e9 seconds");
        insta::assert_snapshot!(fault("a,b\n1\n", "a"), @"devices.csv, line 2: 1 cells where the header has 2");
        insta::assert_snapshot!(fault("a\n", "a"), @"devices.csv has no rows");
    }
}
