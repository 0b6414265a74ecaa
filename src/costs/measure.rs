//! The measuring itself: what is counted once, and what is timed turn by turn, one transport after another in each.

use super::connections::{Opening, open};
use super::ends::{Ends, Means, Sample, Sockets};
use super::flights::round_trips;
use super::inboxes::Inboxes;
use super::load::{Flight, Turn, combine, measure};
use super::share::at_sender;
use super::wire::{Counted, count};
use super::{Connection, ConnectionMemory, Costs, CostsError, TransportCosts, runtime};
use crate::machine::Machine;
use crate::metrics::Sample as Spread;
use crate::scenario::Transport;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of the body of a small message, and of a large one.
pub const SMALL: usize = 64;
/// See [`SMALL`].
pub const LARGE: usize = 1_000_000;

/// How thoroughly it is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Effort {
    /// How many small messages are under way at a time, ascending from 1.
    pub in_flight: Vec<u32>,
    /// How often everything is timed.
    pub turns: u32,
    /// How long each load lasts in a turn.
    pub lasts: Duration,
}

impl Default for Effort {
    fn default() -> Self {
        Self { in_flight: vec![1, 8, 64], turns: 5, lasts: Duration::from_millis(25) }
    }
}

impl Costs {
    /// Measures transports. `go_on` is told what is measured next, and says whether it is to be.
    ///
    /// # Errors
    /// What stands in the way of measuring one of them; [`CostsError::Interrupted`] if it is not to go on.
    pub fn measure(
        transports: &[Transport],
        effort: &Effort,
        mut go_on: impl FnMut(&str) -> bool,
    ) -> Result<Self, (Transport, CostsError)> {
        let (small, large) = (Sample::of(SMALL), Sample::of(LARGE));
        let mut subjects = Vec::new();
        let mut ask = |what: &str| if go_on(what) { Ok(()) } else { Err(CostsError::Interrupted) };
        for &transport in transports {
            let subject = ask(&format!("{}: bytes and connections", transport.name()))
                .and_then(|()| Subject::count(transport, effort, &small, &large));
            subjects.push(subject.map_err(|error| (transport, error))?);
        }
        for turn in 1..=effort.turns {
            for subject in &mut subjects {
                let name = subject.transport.name();
                let timed = ask(&format!("{name}: turn {turn} of {}", effort.turns))
                    .and_then(|()| subject.time(effort, &small, &large));
                timed.map_err(|error| (subject.transport, error))?;
            }
        }
        Ok(Self {
            machine: Machine::this(),
            small_bytes: small.bytes,
            large_bytes: large.bytes,
            turns: effort.turns,
            transports: subjects.into_iter().map(Subject::conclude).collect(),
        })
    }
}

/// A transport that is being measured.
struct Subject {
    transport: Transport,
    means: Option<Means>,
    counted: Option<Counted>,
    round_trips: Option<u32>,
    small: Vec<Vec<Turn>>,
    apart: Vec<Vec<Turn>>,
    large: Vec<Turn>,
    opening: Vec<Opening>,
    shares: Vec<f64>,
}

impl Subject {
    /// What is exact, and needs no turns.
    fn count(
        transport: Transport,
        effort: &Effort,
        small: &Sample,
        large: &Sample,
    ) -> Result<Self, CostsError> {
        let several = effort.in_flight.iter().filter(|it| **it > 1).count();
        let mut it = Self {
            transport,
            means: Means::of(transport)?,
            counted: None,
            round_trips: None,
            small: vec![Vec::new(); effort.in_flight.len()],
            apart: vec![Vec::new(); several],
            large: Vec::new(),
            opening: Vec::new(),
            shares: Vec::new(),
        };
        if let Some(means) = &it.means {
            let runtime = runtime()?;
            it.counted = Some(runtime.block_on(count(means, &effort.in_flight, small, large))?);
            // A transport whose bytes do not go through as they are cannot be held back either.
            it.round_trips = runtime.block_on(round_trips(means)).ok();
        }
        Ok(it)
    }

    /// A turn.
    fn time(&mut self, effort: &Effort, small: &Sample, large: &Sample) -> Result<(), CostsError> {
        // Both ends, and everything that they do, on one thread.
        runtime()?.block_on(self.turn(effort, small, large))?;
        if let Some(means) = &self.means {
            let most = effort.in_flight.iter().copied().max().unwrap_or(1);
            self.shares.extend(at_sender(means, small, most, effort.lasts)?);
        }
        Ok(())
    }

    async fn turn(&mut self, effort: &Effort, small: &Sample, large: &Sample) -> Result<(), CostsError> {
        let most = effort.in_flight.iter().copied().max().unwrap_or(1);
        let ends = match &self.means {
            None => {
                let inboxes = Arc::new(Inboxes::new(most));
                let taker = Arc::clone(&inboxes);
                tokio::spawn(async move { taker.take().await });
                Ends::Inboxes(inboxes)
            }
            Some(means) => {
                let sockets = Sockets::new(means, most)?;
                self.opening.push(open(&sockets).await?);
                Ends::Sockets(sockets)
            }
        };
        for (&in_flight, turns) in effort.in_flight.iter().zip(&mut self.small) {
            let flight = Flight { in_flight, connections: 1 };
            turns.push(measure(&ends, small, flight, effort.lasts).await?);
        }
        if self.means.is_some() {
            let several = effort.in_flight.iter().filter(|it| **it > 1);
            for (&in_flight, turns) in several.zip(&mut self.apart) {
                let flight = Flight { in_flight, connections: in_flight };
                turns.push(measure(&ends, small, flight, effort.lasts).await?);
            }
        }
        let flight = Flight { in_flight: 1, connections: 1 };
        self.large.push(measure(&ends, large, flight, effort.lasts).await?);
        Ok(())
    }

    fn conclude(self) -> TransportCosts {
        let median = |values: Vec<f64>| Spread::of(values).map(|it| it.median);
        let memory = ConnectionMemory::of(self.transport);
        let connection = self.counted.as_ref().map(|counted| {
            let opens = self.opening.iter().flat_map(|it| it.took_s.clone()).collect();
            Connection {
                opens_s: median(opens).unwrap_or_default(),
                cpu_s: median(self.opening.iter().map(|it| it.cpu_s).collect()).unwrap_or_default(),
                round_trips: self.round_trips,
                bytes: counted.set_up,
                memory_bytes: memory.map(|it| it.idle),
                memory_after_large_bytes: memory.map(|it| it.after_large),
            }
        });
        let there = |turns: &Vec<Turn>| !turns.is_empty();
        TransportCosts {
            transport: self.transport.name().to_owned(),
            small: self.small.iter().map(|it| combine(it)).collect(),
            apart: self.apart.iter().filter(|it| there(it)).map(|it| combine(it)).collect(),
            large: combine(&self.large),
            sender_share: median(self.shares),
            wire: self.counted.map(|it| it.wire).unwrap_or_default(),
            connection,
        }
    }
}
