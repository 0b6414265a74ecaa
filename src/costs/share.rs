//! Which end spends how much: each on a thread of its own, whose CPU time the system tells. Waking each other up costs more
//! than staying on one thread, so that only the share is taken from here.

use super::ends::{Means, PATIENCE, Sample, send};
use super::spent::of_this_thread;
use super::{CostsError, runtime};
use crate::transport::socket::{Address, Redial, Traffic};
use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::{mpsc as told, oneshot};

/// What is asked of the thread that takes messages: the CPU time that it has spent.
type Question = oneshot::Sender<Option<f64>>;

/// The share of CPU time that is spent at the end that sends, with so many small messages under way for a while; nothing
/// if the system does not tell.
///
/// # Errors
/// If there is no thread, no connection, or no answer.
pub fn at_sender(
    means: &Means,
    sample: &Sample,
    in_flight: u32,
    lasts: Duration,
) -> Result<Option<f64>, CostsError> {
    if of_this_thread().is_none() {
        return Ok(None);
    }
    let (at, address) = mpsc::channel();
    let (questions, asked) = told::unbounded_channel();
    let taking = {
        let means = means.clone();
        std::thread::Builder::new().name("taker".into()).spawn(move || take(&means, &at, asked))?
    };
    let sent = address.recv().map_err(|_| gone()).map_err(CostsError::from).and_then(|to| {
        runtime()?.block_on(async {
            let sending = run(means, to, sample, in_flight, lasts);
            async {
                let taken = async || {
                    let (tell, told) = oneshot::channel();
                    questions.send(tell).map_err(|_| gone())?;
                    told.await.map_err(|_| gone())
                };
                let before = taken().await?;
                let spent = sending.await?;
                Ok(taken().await?.zip(before).map(|(now, before)| (spent, now - before)))
            }
            .await
        })
    });
    drop(questions);
    taking.join().map_err(|_| gone())??;
    let share = |(sender, taker): (f64, f64)| sender / (sender + taker);
    Ok(sent?.map(share).filter(|it| it.is_finite()))
}

/// Takes messages until nobody asks any more.
fn take(
    means: &Means,
    at: &mpsc::Sender<Address>,
    mut asked: told::UnboundedReceiver<Question>,
) -> Result<(), CostsError> {
    runtime()?.block_on(async {
        let (_server, to) = means.serve(2, &Arc::new(Traffic::default()))?;
        let _ = at.send(to);
        while let Some(question) = asked.recv().await {
            let _ = question.send(of_this_thread());
        }
        Ok(())
    })
}

/// CPU seconds of this thread for keeping messages under way.
async fn run(
    means: &Means,
    to: Address,
    sample: &Sample,
    in_flight: u32,
    lasts: Duration,
) -> Result<f64, CostsError> {
    let channel = means.endpoint(&Arc::new(Traffic::default())).channel(to, Redial::Never);
    channel.open(PATIENCE).await?;
    let before = of_this_thread().unwrap_or_default();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (channel, sample) = (channel.clone(), sample.clone());
            tokio::spawn(async move {
                loop {
                    send(&channel, &sample).await?;
                }
                #[expect(unreachable_code, reason = "it says what the loop comes to")]
                Ok::<(), CostsError>(())
            })
        })
        .collect();
    tokio::time::sleep(lasts).await;
    for caller in callers {
        if caller.is_finished() {
            caller.await??;
        } else {
            caller.abort();
        }
    }
    Ok(of_this_thread().unwrap_or_default() - before)
}

fn gone() -> io::Error {
    io::Error::other("the thread that takes messages is gone")
}
