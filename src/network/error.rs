//! What makes a scenario's network impossible to build.

use std::io;
use std::path::{Path, PathBuf};

/// A setting of the `network` block that shows to be wrong only once files are read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`network.{field}` {message}")]
pub struct NetworkError {
    field: String,
    message: String,
    /// The file that is not there, if that is what is wrong.
    missing: Option<PathBuf>,
}

impl NetworkError {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), missing: None }
    }

    /// A file that cannot be read.
    pub(super) fn unreadable(field: &str, file: &Path, error: &io::Error) -> Self {
        let message = format!("cannot be read: {}: {error}", file.display());
        let missing = (error.kind() == io::ErrorKind::NotFound).then(|| file.to_owned());
        Self { missing, ..Self::new(field, message) }
    }

    /// The file that is not there, if that is what is wrong.
    pub fn missing(&self) -> Option<&Path> {
        self.missing.as_deref()
    }

    /// The path of the setting in the scenario.
    pub fn path(&self) -> String {
        format!("network.{}", self.field)
    }
}
