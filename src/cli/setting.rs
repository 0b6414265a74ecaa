//! Options that change a scenario, common to the commands that read one.

use super::transports;
use crate::scenario::{Clock, Override, Speedup, Transport};

/// Options that change the scenario.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Changes to the scenario")]
pub struct Settings {
    #[command(flatten)]
    named: Named,
    /// Any other field, such as settings.gossip.ttl=50 or learning.batch_size=8; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<Override>,
}

/// Fields with an option of their own.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Changes to the scenario")]
pub struct Named {
    /// What carries messages.
    #[arg(long, value_parser = transports::named())]
    transport: Option<Transport>,
    #[command(flatten)]
    alike: Alike,
}

/// Those of them that runs over several transports have in common.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Changes to the scenario")]
pub struct Alike {
    /// Which clock the run follows. On the virtual clock it takes as long as it takes to compute, and the same scenario
    /// and seed give the same result to the last byte.
    #[arg(long, value_enum)]
    clock: Option<Clock>,
    /// How many nodes.
    #[arg(long, value_name = "N")]
    nodes: Option<u64>,
    /// How many rounds of learning.
    #[arg(long, value_name = "N")]
    rounds: Option<u64>,
    /// All random draws derive from it.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Seconds of scenario time in a second of wall time, or `auto`. Real clock only.
    #[arg(long, value_name = "F|auto")]
    speedup: Option<Speedup>,
}

impl Settings {
    /// The changes, in the order in which they are made: what is named on its own wins.
    pub fn overrides(&self) -> Vec<Override> {
        let mut overrides = self.set.clone();
        overrides.extend(self.named.overrides());
        overrides
    }
}

impl Named {
    /// The changes.
    pub fn overrides(&self) -> Vec<Override> {
        let mut overrides = Vec::new();
        overrides.extend(self.transport.map(Override::transport));
        overrides.extend(self.alike.overrides());
        overrides
    }
}

impl Alike {
    /// The changes.
    pub fn overrides(&self) -> Vec<Override> {
        let mut overrides = Vec::new();
        overrides.extend(self.clock.map(Override::clock));
        overrides.extend(self.nodes.map(Override::nodes));
        overrides.extend(self.rounds.map(Override::rounds));
        overrides.extend(self.seed.map(Override::seed));
        overrides.extend(self.speedup.map(Override::speedup));
        overrides
    }
}

/// Threads that run nodes. On the virtual clock the result is the same at any number.
pub fn threads(chosen: Option<u16>, clock: Clock) -> usize {
    match (chosen, clock) {
        (Some(threads), _) => usize::from(threads),
        (None, Clock::Virtual) => std::thread::available_parallelism().map_or(1, usize::from),
        (None, Clock::Real) => 1,
    }
}
