//! What scenarios are written in, and every room reads: units, distributions, objects with a kind, numbers of nodes, the script's
//! entries and P2PFL's settings. The ground floor: nothing here knows any other room but time and random draws.
//!
//! What a block of a scenario means is its own room's; how a whole scenario is read and checked is `scenario`'s.

pub mod distribution;
pub mod findings;
pub mod script;
pub mod selection;
pub mod settings;
pub mod several;
#[macro_use]
pub mod tagged;
pub mod units;
