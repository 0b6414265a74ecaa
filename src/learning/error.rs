//! What can be wrong with the learning a scenario asks for: its settings, or the files it names.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why there is no learner.
#[derive(Debug, Error)]
pub enum LearningError {
    /// A setting has a value that makes no sense, or that the data rules out.
    #[error("{field} {message}")]
    Setting {
        /// Its path in the scenario's `learning` block, such as `partitioning.alpha`.
        field: Cow<'static, str>,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A file cannot be opened or read.
    #[error("{path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// A folder, or something else that is not a file.
    #[error("{path} is not a file", path = path.display())]
    NotAFile { path: PathBuf },
    /// A file is larger than any that is read.
    #[error("{path} has {bytes} bytes; at most {most} are read", path = path.display())]
    TooLarge { path: PathBuf, bytes: u64, most: u64 },
    /// Bytes that are not UTF-8.
    #[error("{path}, line {line}: not UTF-8 text", path = path.display())]
    NotText { path: PathBuf, line: u64 },
    /// Something else that the CSV reader does not understand.
    #[error("{path}, line {line}: {why}", path = path.display())]
    Malformed { path: PathBuf, line: u64, why: String },
    /// A row is longer or shorter than the header.
    #[error("{path}, line {line}: {found} cells where the header has {expected}", path = path.display())]
    Ragged { path: PathBuf, line: u64, expected: u64, found: u64 },
    /// The label column is not in the header.
    #[error(
        "{path}, line 1: there is no column `{label}`; name the one that holds the class with `label`. There are: {columns}",
        path = path.display(), columns = listed(columns)
    )]
    NoLabelColumn { path: PathBuf, label: String, columns: Vec<String> },
    /// A trace lacks the column that a scenario names.
    #[error("{path}, line 1: there is no column `{column}`. There are: {columns}", path = path.display(), columns = listed(columns))]
    NoColumn { path: PathBuf, column: String, columns: Vec<String> },
    /// A cell of a trace that is no duration.
    #[error(
        "{path}, line {line}, column `{column}`: `{text}` is not a duration: a number from 0 to 9e9 seconds",
        path = path.display()
    )]
    NotADuration { path: PathBuf, line: u64, column: String, text: String },
    /// A trace of how long a job takes cannot be used.
    #[error("{error}")]
    Trace {
        /// The job's setting, such as `compute.train.file`.
        field: String,
        /// Why.
        error: Box<LearningError>,
    },
    /// The label column is the only one.
    #[error("{path}, line 1: there is no column beside the label `{label}`", path = path.display())]
    NoFeatures { path: PathBuf, label: String },
    /// There is a header and nothing else, or not even that.
    #[error("{path} has no rows", path = path.display())]
    NoRows { path: PathBuf },
    /// A cell is empty. Missing values are not guessed at.
    #[error("{path}, line {line}, column `{column}`: the cell is empty", path = path.display())]
    Empty { path: PathBuf, line: u64, column: String },
    /// A feature is not a finite number.
    #[error(
        "{path}, line {line}, column `{column}`: `{text}` is not a finite number{hint}",
        path = path.display(), hint = decimal_point(text)
    )]
    NotANumber { path: PathBuf, line: u64, column: String, text: String },
    /// One class only, or so many that the column can hardly hold classes.
    #[error("{path}, column `{label}`: {found} classes; there must be 2 to {most}", path = path.display())]
    Classes { path: PathBuf, label: String, found: usize, most: usize },
    /// The test file has other columns than the training file.
    #[error("{path}, line 1: the columns differ from those of {train}", path = path.display(), train = train.display())]
    OtherColumns { path: PathBuf, train: PathBuf },
    /// The test file has a class that the training file lacks.
    #[error("{path}, line {line}: class `{class}` does not occur in the training file", path = path.display())]
    UnknownClass { path: PathBuf, line: u64, class: String },
    /// No class has enough rows to keep one for the test.
    #[error(
        "{path} has {rows} rows and no class with three: none can be kept to test on; name a `test` file",
        path = path.display()
    )]
    TooSmallToSplit { path: PathBuf, rows: usize },
    /// There are fewer than two rows for each node.
    #[error("{nodes} nodes share {rows} training rows, and each needs two")]
    TooManyNodes { nodes: u32, rows: usize },
    /// The data cannot be shared out so that every node has at least two rows.
    #[error("{field} leaves a node with fewer than two of the {rows} training rows: {message}")]
    Partition {
        /// The setting to change: `partitioning`, or a field of it.
        field: &'static str,
        /// Rows there are to share.
        rows: usize,
        /// Why, and what to change.
        message: String,
    },
}

impl LearningError {
    /// The file that is not there, if that is what is wrong.
    pub fn missing(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { path, source } if source.kind() == io::ErrorKind::NotFound => Some(path),
            Self::Trace { error, .. } => error.missing(),
            _ => None,
        }
    }

    /// The path of the setting to look at, within the scenario's `learning` block.
    pub fn field(&self) -> &str {
        match self {
            Self::Setting { field, .. } => field,
            Self::Partition { field, .. } => field,
            Self::Trace { field, .. } => field,
            Self::NoLabelColumn { .. } | Self::NoFeatures { .. } | Self::Classes { .. } => "dataset.label",
            Self::OtherColumns { .. } | Self::UnknownClass { .. } => "dataset.test",
            _ => "dataset",
        }
    }
}

/// What to write in place of a decimal comma.
fn decimal_point(text: &str) -> String {
    let pointed = text.replacen(',', ".", 1);
    let was_comma = pointed != text && pointed.parse::<f64>().is_ok_and(f64::is_finite);
    if was_comma { format!("; write a decimal point: {pointed}") } else { String::new() }
}

fn listed(columns: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    names.join(", ")
}
