//! Where rules put what they find wrong with a scenario. Each block of it has its rules in its own room; where in the file the
//! fields stand, and how it is said, is the scenario's.

use super::units::Span;
use std::time::Duration;

/// What rules find. Paths name fields as `workflow.payload[1]` does.
pub trait Findings {
    /// A scenario that cannot be run.
    fn error(&mut self, path: &str, message: String, help: String);

    /// One that can, but hardly as it was meant. `code` is a fixed name.
    fn warn(&mut self, path: &str, code: &'static str, message: String, help: String);

    /// Whether the scenario says anything of this field.
    fn is_written(&self, path: &str) -> bool;
}

impl dyn Findings + '_ {
    /// A field that must not be 0.
    pub fn at_least_one(&mut self, path: &str, value: impl Into<u64>) {
        if value.into() == 0 {
            self.error(path, format!("`{path}` is 0"), "it must be at least 1".into());
        }
    }

    /// A duration that must not be zero, and why.
    pub fn longer_than_zero(&mut self, path: &str, value: Span, why: &str) {
        if value.0 == Duration::ZERO {
            let help = "write a duration such as \"100ms\"".into();
            self.error(path, format!("`{path}` is zero: {why}"), help);
        }
    }

    /// A number that must be greater than 0.
    pub fn positive(&mut self, path: &str, value: f64) {
        if !(value > 0.0 && value.is_finite()) {
            self.error(path, format!("`{path}` is {value}"), "it must be greater than 0".into());
        }
    }

    /// Warns of a field that a workflow does not read, if it is written.
    pub fn without_effect(&mut self, path: &str, why: &str, help: &str) {
        if self.is_written(path) {
            self.warn(path, "setting-without-effect", format!("`{path}` has no effect {why}"), help.into());
        }
    }
}
