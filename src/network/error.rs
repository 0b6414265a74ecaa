//! What makes a scenario's network impossible to build.

/// A setting of the `network` block that shows to be wrong only once files are read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`network.{field}` {message}")]
pub struct NetworkError {
    field: String,
    message: String,
}

impl NetworkError {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// The path of the setting in the scenario.
    pub fn path(&self) -> String {
        format!("network.{}", self.field)
    }
}
