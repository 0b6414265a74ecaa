//! What a scenario says about the workflow `probe`.

use crate::format::several::Several;
use crate::format::units::{Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Which messages nodes exchange. Every payload is combined with every concurrency: each combination is a *cell*, and
/// cells follow one another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Probe {
    /// Bytes that a message carries, or a list of such sizes. Default `"64B"`.
    pub payload: Several<Size>,
    /// Messages that are under way at a time, or a list of such numbers: from each node to each peer that it sends to. Default 1.
    pub concurrency: Several<u32>,
    /// Whether a sender waits for answers. Default: `request`.
    pub mode: Exchange,
    /// Who sends to whom. Default: `all_neighbours`.
    pub pattern: Pattern,
    /// How long a cell is measured. Default 5 s, unless there is a `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// In place of `duration`: messages that each node sends to each of its peers in a cell. All of them are measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How long messages are exchanged at the beginning of a cell before it is measured. Default: a tenth of `duration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Span>,
    /// Messages a second from each node to each of its peers, whatever is under way, in place of `concurrency`. Latency then counts from when a message was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
}

/// Whether a sender waits for answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exchange {
    /// Every message is answered, and with `concurrency` the next one waits for an answer.
    #[default]
    Request,
    /// Messages are not answered. With `concurrency` every so many of them (half of it, rounded up) ask for an answer, which tells that those before have arrived.
    OneWay,
}

/// Who sends to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Nodes 0 and 1 send to each other, 2 and 3, and so on. They have to be neighbours.
    Pairs,
    /// Every node to the next one, the last to node 0. They have to be neighbours.
    Ring,
    /// Every node to all of its neighbours.
    #[default]
    AllNeighbours,
}

/// One combination of payload and concurrency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Bytes that a message carries.
    pub payload: u32,
    /// Messages under way at a time; nothing where a rate decides.
    pub concurrency: Option<u32>,
}

/// How long a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So long: warming up, then being measured.
    Time {
        /// Not measured.
        warm_up: Duration,
        /// Measured.
        measured: Duration,
    },
    /// So many messages from each node to each of its peers.
    Count(u64),
}

/// No probe has more cells, each of which has histograms of its own: what a message from outside says of its cell is not believed
/// beyond it.
pub const MAX_CELLS: usize = 1_000;

impl Probe {
    /// How many cells there are.
    pub fn cells(&self) -> u32 {
        let concurrencies = if self.rate.is_some() { 1 } else { self.concurrency.0.len() };
        u32::try_from(self.payload.0.len().saturating_mul(concurrencies)).unwrap_or(u32::MAX)
    }

    /// A cell by its number: concurrencies change faster than payloads.
    pub fn cell(&self, number: u32) -> Option<Cell> {
        let number = number as usize;
        let concurrencies = if self.rate.is_some() { 1 } else { self.concurrency.0.len().max(1) };
        let payload = self.payload.0.get(number / concurrencies)?;
        let concurrency = match self.rate {
            Some(_) => None,
            None => Some(*self.concurrency.0.get(number % concurrencies)?),
        };
        Some(Cell { payload: u32::try_from(payload.0).unwrap_or(u32::MAX), concurrency })
    }

    /// How long each cell is.
    pub fn extent(&self) -> Extent {
        match self.count {
            Some(count) => Extent::Count(count),
            None => {
                let measured = self.duration.map_or(Duration::from_secs(5), |it| it.0);
                Extent::Time { warm_up: self.warm_up.map_or(measured / 10, |it| it.0), measured }
            }
        }
    }

    /// The largest payload, in bytes.
    pub fn largest_payload(&self) -> u64 {
        self.payload.0.iter().map(|it| it.0).max().unwrap_or(0)
    }
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            payload: Size(64).into(),
            concurrency: 1.into(),
            mode: Exchange::Request,
            pattern: Pattern::AllNeighbours,
            duration: None,
            count: None,
            warm_up: None,
            rate: None,
        }
    }
}
