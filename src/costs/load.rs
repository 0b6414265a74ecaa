//! So many messages under way all the time, for a while: what each takes of the CPU, and how long its answer takes.

use super::ends::{Ends, Sample, Way};
use super::spent::{Clocks, Spent, Stamp};
use super::{CostsError, Load};
use crate::metrics::{Histogram, Sample as Spread};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::JoinHandle;

/// What one turn measured.
#[derive(Clone, Debug)]
pub struct Turn {
    pub in_flight: u32,
    pub connections: u32,
    cpu_s_per_message: f64,
    messages_per_s: f64,
    latency: Histogram,
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight {
    /// Messages at a time.
    pub in_flight: u32,
    /// Connections that they are on, in turn.
    pub connections: u32,
}

/// Keeps messages under way for as long as `lasts`, and then for half as long with a clock on each: to look at a clock
/// takes time of its own, which is not to be among what a message costs.
///
/// # Errors
/// A message that is not answered.
pub async fn measure(
    ends: &Ends,
    sample: &Sample,
    flight: Flight,
    lasts: Duration,
) -> Result<Turn, CostsError> {
    // Connections have to be warm, and the allocator.
    keep(ends, sample, flight, lasts / 8, None).await?;
    let (spent, messages) = keep(ends, sample, flight, lasts, None).await?;
    let latency = Arc::new(std::sync::Mutex::new(Histogram::default()));
    keep(ends, sample, flight, lasts / 2, Some(&latency)).await?;
    let latency = latency.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    Ok(Turn {
        in_flight: flight.in_flight,
        connections: flight.connections,
        cpu_s_per_message: spent.cpu_s / messages as f64,
        messages_per_s: messages as f64 / spent.wall_s,
        latency,
    })
}

/// The median over turns of the same; latencies are those of all turns.
pub fn combine(turns: &[Turn]) -> Load {
    let median =
        |of: &dyn Fn(&Turn) -> f64| Spread::of(turns.iter().map(of)).map_or(f64::NAN, |it| it.median);
    let mut latency = Histogram::default();
    turns.iter().for_each(|turn| latency.merge(&turn.latency));
    let latency = latency.summary(1e9);
    Load {
        in_flight: turns.first().map_or(0, |it| it.in_flight),
        connections: turns.first().map_or(0, |it| it.connections),
        cpu_s_per_message: median(&|it| it.cpu_s_per_message),
        p50_s: latency.p50,
        p99_s: latency.p99,
        messages_per_s: median(&|it| it.messages_per_s),
    }
}

type Latencies = Arc<std::sync::Mutex<Histogram>>;

async fn keep(
    ends: &Ends,
    sample: &Sample,
    flight: Flight,
    lasts: Duration,
    latencies: Option<&Latencies>,
) -> Result<(Spent, u64), CostsError> {
    let enough = Arc::new(AtomicBool::new(false));
    let messages = Arc::new(AtomicU64::new(0));
    let clocks = Clocks::read();
    let callers: Vec<JoinHandle<Result<(), CostsError>>> = (0..flight.in_flight)
        .map(|caller| {
            let way = ends.way(caller, flight.connections);
            let (enough, messages) = (Arc::clone(&enough), Arc::clone(&messages));
            tokio::spawn(repeat(way, sample.clone(), enough, messages, latencies.cloned()))
        })
        .collect();
    tokio::time::sleep(lasts).await;
    enough.store(true, Relaxed);
    for caller in callers {
        caller.await??;
    }
    Ok((clocks.spent(), messages.load(Relaxed)))
}

/// Sends one message after another until it is enough.
async fn repeat(
    way: Way,
    sample: Sample,
    enough: Arc<AtomicBool>,
    messages: Arc<AtomicU64>,
    latencies: Option<Latencies>,
) -> Result<(), CostsError> {
    let mut own = Histogram::default();
    loop {
        if latencies.is_some() {
            let began = Stamp::now();
            way.send(&sample).await?;
            own.record(began.nanos(), 1);
        } else {
            way.send(&sample).await?;
        }
        messages.fetch_add(1, Relaxed);
        if enough.load(Relaxed) {
            break;
        }
    }
    if let Some(all) = latencies {
        all.lock().unwrap_or_else(std::sync::PoisonError::into_inner).merge(&own);
    }
    Ok(())
}
