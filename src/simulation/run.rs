//! One run, from what is ready to what came of it.

use super::batch::threads_are_given;
use super::{Concluded, Facts, Prepared, conclude};
use crate::engine::{self, Failure, Watch};
use crate::metrics::Meter;
use crate::scenario::{Clock, Loaded};

/// Runs a scenario that is ready, and makes a result of what was measured. The cost is what `meter` has seen from when
/// it was made.
///
/// # Errors
/// If the operating system gives no threads or sockets. How the run ends is in its result, whatever it is.
pub fn run(
    loaded: &Loaded,
    prepared: Prepared,
    meter: &Meter,
    watch: &mut dyn Watch,
) -> Result<Concluded, Failure> {
    if prepared.plan.clock == Clock::Real && prepared.plan.threads > 1 {
        threads_are_given(prepared.plan.threads)?;
    }
    let facts = Facts::of(&prepared.plan);
    let nodes = prepared.plan.nodes();
    let run = engine::run(prepared.plan, watch)?;
    let (handled, _) = run.recorder.handled();
    let cost = meter.cost(nodes, run.inputs, handled);
    Ok(conclude(loaded, &facts, run, cost, prepared.warnings))
}
