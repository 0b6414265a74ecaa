//! One run, from what is ready to what came of it.

use super::{Concluded, Facts, Prepared, conclude};
use crate::engine::{self, Failure, Watch};
use crate::metrics::Meter;
use crate::scenario::Loaded;

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
    let facts = Facts::of(&prepared.plan);
    let nodes = prepared.plan.nodes();
    let run = engine::run(prepared.plan, watch)?;
    let (handled, _) = run.recorder.handled();
    let cost = meter.cost(nodes, run.inputs, handled);
    Ok(conclude(loaded, &facts, run, cost, prepared.warnings))
}
