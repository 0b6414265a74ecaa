//! What can be wrong with a model from outside.

/// Why a model was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The bytes are not what a model is written as.
    #[error("{0}")]
    Invalid(String),
    /// It is a model, and not of the shapes that are expected.
    #[error("{0}")]
    Mismatch(String),
}
