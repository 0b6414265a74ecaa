//! How a result is shown and kept: the summary and the progress on a terminal, the files of a result folder.
//!
//! Everything here reads what `metrics` has measured and defines nothing of its own about it. One file for each
//! form of report. Progress goes to stderr; what goes to stdout is the caller's choice.

#[cfg(test)]
mod documented;
pub mod figures;
pub mod folder;
pub mod progress;
#[cfg(test)]
mod sample;
pub mod tables;
pub mod terminal;

pub use folder::{Folder, FolderError};
pub use progress::{Progress, Snapshot};
pub use tables::{NodeRow, NodeState};
pub use terminal::{Style, summary};
