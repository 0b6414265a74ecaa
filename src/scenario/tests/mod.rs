//! The scenario format as a whole: that it is described truly, that mistakes are explained, that no input breaks it.

mod format;
mod mistakes;

mod mutations;
mod rules;
mod transport;

/// Every block of the format once.
const EVERY_BLOCK: &str = include_str!("every-block.json");
