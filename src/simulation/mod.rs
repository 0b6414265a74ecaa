//! From a scenario to a result: draws, loads and checks everything that a run needs, has an engine run it, and makes
//! a result of what was measured. Reading files and printing are not done here.

mod alone;
mod batch;
mod conclude;
mod descriptors;
mod estimate;
mod forecast;
mod largest;
mod prepare;
mod run;
mod sample;
mod sockets;
mod transfers;

pub use alone::{Alone, alone};
pub use batch::{each, in_parallel};
pub use conclude::{Concluded, Facts, conclude};
pub use estimate::Estimate;
pub use prepare::{Options, Prepared, prepare};
pub use run::run;
