//! What it costs to open connections.

use super::CostsError;
use super::ends::Sockets;
use super::spent::Clocks;

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
