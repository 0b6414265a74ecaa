//! How a result is shown and kept: the summary and the progress on a terminal, the files of a result folder.
//!
//! Everything here reads what `metrics` has measured and defines nothing of its own about it. One file for each
//! form of report. Progress goes to stderr; what goes to stdout is the caller's choice.

pub mod batch;
pub mod compare;
pub mod diff;
#[cfg(test)]
mod documented;
pub mod event_log;
pub mod figures;
pub mod files;
pub mod findings;
pub mod folder;
pub mod html;
#[cfg(feature = "live")]
pub mod live;
pub mod many;
pub mod progress;
pub mod readable;
pub mod repeats;
#[cfg(test)]
pub(crate) mod sample;
pub mod sweep;
pub mod tables;
pub mod terminal;

pub use batch::Batch;
pub use compare::Compare;
pub use diff::Diff;
pub use findings::Findings;
pub use folder::{Folder, FolderError};
pub use many::RunRow;
pub use progress::{Progress, Snapshot};
pub use repeats::Repeats;
pub use sweep::Sweep;
pub use tables::{NodeRow, NodeState};
pub use terminal::{Style, compare_table, diff_table, repeats_summary, summary, sweep_table};
