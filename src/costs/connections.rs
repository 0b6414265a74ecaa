//! What connections cost: opening them, and holding them.

use super::CostsError;
use super::ends::{Means, Sample, Sockets, send};
use super::heap::Count;
use super::spent::Clocks;
use std::time::Duration;

/// Connections that are held at a time to see what each holds.
const HELD: u32 = 32;
/// Until what was said last has been read, and is let go.
const SETTLES: Duration = Duration::from_millis(20);

/// Bytes of memory that a connection holds, at both ends together: one that was just opened, and after a large message.
///
/// # Errors
/// A connection that is not to be had, or a message that is not answered.
pub async fn memory(means: &Means, large: &Sample) -> Result<Option<(f64, f64)>, CostsError> {
    let mut sockets = Sockets::new(means, HELD + 1)?;
    // What is allocated once for all connections is with the first.
    let first = sockets.channels.pop().expect("there is one more than are held");
    first.open(super::ends::PATIENCE).await?;
    send(&first, large).await?;
    tokio::time::sleep(SETTLES).await;
    let Some(count) = Count::begin() else { return Ok(None) };
    let each = |count: &Count| count.held() as f64 / f64::from(HELD);
    sockets.open().await?;
    tokio::time::sleep(SETTLES).await;
    let idle = each(&count);
    for channel in &sockets.channels {
        send(channel, large).await?;
    }
    tokio::time::sleep(SETTLES).await;
    Ok(Some((idle, each(&count))))
}

/// Seconds that each took to open, and CPU seconds of one.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    pub took_s: Vec<f64>,
    pub cpu_s: f64,
}

/// Opens all channels, one after another.
///
/// # Errors
/// A connection that is not to be had.
pub async fn open(sockets: &Sockets) -> Result<Opening, CostsError> {
    let clocks = Clocks::read();
    let mut took_s = Vec::new();
    for channel in &sockets.channels {
        let began = Clocks::read();
        channel.open(super::ends::PATIENCE).await?;
        took_s.push(began.elapsed().as_secs_f64());
    }
    // What the other end has to do last, it does a little later.
    tokio::task::yield_now().await;
    let cpu_s = clocks.spent().cpu_s / took_s.len().max(1) as f64;
    Ok(Opening { took_s, cpu_s })
}
