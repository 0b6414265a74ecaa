//! How long a transport takes when several want something of it at the same time: a short measurement, for whoever chooses
//! a pace. What sockets take is wall time, so a scenario that goes at 50 times real time takes it for 50 times as much.

use super::ends::{Means, PATIENCE, Sample, Sockets, send};
use super::spent::Clocks;
use super::{CostsError, LARGE, runtime};
use crate::scenario::Transport;
use crate::transport::Channel;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use tokio::task::JoinSet;

/// More at a time are not tried: what they would take is in proportion.
const MOST: u32 = 64;
/// Turns that are taken beside a first one, in which everything is warmed up.
const TURNS: usize = 5;

/// What many at a time take, in seconds of wall time: nine of ten are done by then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// Opening a connection.
    pub connects_s: f64,
    /// A call on an open connection, until its answer is back.
    pub calls_s: f64,
}

/// What was measured already: in one process all runs of a scenario get the same pace.
static KNOWN: Mutex<BTreeMap<(&str, u32, usize), Burst>> = Mutex::new(BTreeMap::new());

impl Burst {
    /// Measures `at_a_time` connections that are opened together, and then a call on each with a message of so many bytes.
    /// Nothing of a transport without sockets.
    ///
    /// # Errors
    /// Sockets that are not to be had, or a call without an answer.
    pub fn of(transport: Transport, at_a_time: u32, bytes: usize) -> Result<Option<Self>, CostsError> {
        if at_a_time == 0 || !transport.is_socket() {
            return Ok(None);
        }
        let (tried, body) = (at_a_time.min(MOST), bytes.min(LARGE));
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = match known.get(&(transport.name(), tried, body)) {
            Some(measured) => *measured,
            None => {
                // Whoever asks may be on a runtime of its own already.
                let measured =
                    std::thread::scope(|scope| scope.spawn(|| Self::measure(transport, tried, body)).join());
                let measured = measured.map_err(|_| std::io::Error::other("the measurement broke off"))??;
                known.insert((transport.name(), tried, body), measured);
                measured
            }
        };
        let more = f64::from(at_a_time) / f64::from(tried);
        let larger = bytes as f64 / body.max(1) as f64;
        Ok(Some(Self {
            connects_s: measured.connects_s * more,
            calls_s: measured.calls_s * more * larger.max(1.0),
        }))
    }

    fn measure(transport: Transport, at_a_time: u32, body: usize) -> Result<Self, CostsError> {
        let Some(means) = Means::of(transport)? else {
            return Ok(Self { connects_s: 0.0, calls_s: 0.0 });
        };
        let sample = Sample::of(body);
        // The least of a few turns: what else goes on on this machine just now is not what it costs.
        let mut least = Self { connects_s: f64::INFINITY, calls_s: f64::INFINITY };
        // Both ends, and everything that they do, on one thread, as where nodes run on one.
        runtime()?.block_on(async {
            for turn in 0..=TURNS {
                let sockets = Sockets::new(&means, at_a_time)?;
                let opened =
                    together(&sockets.channels, |channel| async move { channel.open(PATIENCE).await })
                        .await?;
                let called = together(&sockets.channels, |channel| {
                    let sample = sample.clone();
                    async move { send(&channel, &sample).await }
                })
                .await?;
                if turn > 0 {
                    least.connects_s = least.connects_s.min(opened);
                    least.calls_s = least.calls_s.min(called);
                }
            }
            Ok::<(), CostsError>(())
        })?;
        Ok(least)
    }
}

/// Does the same with all channels at the same time; by when nine of ten were done, in seconds.
async fn together<F, E>(channels: &[Channel], what: impl Fn(Channel) -> F) -> Result<f64, CostsError>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<CostsError> + Send + 'static,
{
    let mut all = JoinSet::new();
    for channel in channels {
        let doing = what(channel.clone());
        all.spawn(async move {
            let began = Clocks::read();
            doing.await.map_err(Into::into)?;
            Ok::<f64, CostsError>(began.elapsed().as_secs_f64())
        });
    }
    let mut took = Vec::new();
    while let Some(done) = all.join_next().await {
        took.push(done??);
    }
    took.sort_unstable_by(f64::total_cmp);
    Ok(took[(took.len() * 9).div_ceil(10).saturating_sub(1)])
}
