//! One run, from what is ready to what came of it.

use super::{Concluded, Facts, Prepared, conclude};
use crate::engine::{self, Watch};
use crate::metrics::Meter;
use crate::scenario::Loaded;
use std::io;

/// Runs a scenario that is ready, and makes a result of what was measured. The cost is what `meter` has seen from when
/// it was made.
///
/// # Errors
/// If the operating system gives no threads. How the run ends is in its result, whatever it is.
pub fn run(
    loaded: &Loaded,
    prepared: Prepared,
    meter: &Meter,
    watch: &mut dyn Watch,
) -> io::Result<Concluded> {
    let facts = Facts::of(&prepared.plan);
    let nodes = prepared.plan.nodes();
    let run = engine::run(prepared.plan, watch)?;
    let (handled, _) = run.recorder.handled();
    let cost = meter.cost(nodes, run.inputs, handled);
    Ok(conclude(loaded, &facts, run, cost, prepared.warnings))
}
