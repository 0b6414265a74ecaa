//! What happens to a run, decided once for both engines: how nodes come up and learning starts, and whether and how a run is
//! over.
//!
//! An engine moves time, messages and threads. It tells what happens here, and does what it is told.

pub mod ending;
pub mod start;
