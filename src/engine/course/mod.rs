//! What happens to a run, decided once for both engines: what has become of its nodes (`roster`), what the script does to them
//! (`script`), what is written down of messages (`ledger`), how nodes come up and learning starts (`start`), whether the run is over (`verdict`), and what is told of one that
//! is (`ending`).
//!
//! An engine moves time, messages and threads. It tells what happens here, and does what it is told.

pub mod ending;
pub mod ledger;
pub mod roster;
pub mod script;
pub mod start;
pub mod verdict;
