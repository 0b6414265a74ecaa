//! What messages put on the wire, by what it is for: a connection is opened, listened to, and asked again and again.

use super::ends::{Means, Sample, Sockets, send};
use super::frames::{Direction, Tally};
use super::headers::{Texts, texts};
use super::{CostsError, Parts, Wire};
use crate::transport::socket::{Heard, Tap, Traffic};
use std::sync::Arc;
use std::time::Duration;

/// Messages that are sent alone, to be counted.
const ALONE: u32 = 64;
/// Messages for each one under way, where several are.
const TOGETHER: u32 = 16;
/// Large messages.
const LARGE: u32 = 8;
/// Messages between the first one and those that are counted: by then headers are known to both ends.
const BETWEEN: u32 = 4;

/// What was counted on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// Bytes both ways until a connection is open.
    pub set_up: f64,
    /// What messages put on the wire: the first, small ones by how many are under way, large ones.
    pub wire: Vec<Wire>,
}

/// Counts what a transport puts on the wire.
///
/// # Errors
/// A connection that is not to be had, or a message that is not answered.
pub async fn count(
    means: &Means,
    in_flight: &[u32],
    small: &Sample,
    large: &Sample,
) -> Result<Counted, CostsError> {
    let (sent, answered) = (Arc::new(Traffic::default()), Arc::new(Traffic::default()));
    let tap = Arc::new(Tap::default());
    let sockets = Sockets::heard(means, 1, [&sent, &answered], Some(Arc::clone(&tap)))?;
    let mut ear = Ear { traffic: [sent, answered], tap, ..Ear::default() };
    sockets.open().await?;
    let set_up = ear.listen(true).await.wrote.iter().sum::<u64>() as f64;
    let mut wire = Vec::new();

    let mut once = async |under_way: u32, each: u32, sample: &Sample, first: bool| {
        let calls: Vec<_> = (0..under_way)
            .map(|_| {
                let (channel, sample) = (sockets.channels[0].clone(), sample.clone());
                tokio::spawn(async move {
                    for _ in 0..each {
                        send(&channel, &sample).await?;
                    }
                    Ok::<(), CostsError>(())
                })
            })
            .collect();
        for call in calls {
            call.await??;
        }
        let said = ear.listen(under_way == 1 && sample.bytes == small.bytes).await;
        Ok::<_, CostsError>(said.wire(under_way, u64::from(under_way * each), sample.bytes, first))
    };
    wire.push(once(1, 1, small, true).await?);
    once(1, BETWEEN, small, false).await?;
    for &under_way in in_flight {
        let each = if under_way == 1 { ALONE } else { TOGETHER };
        wire.push(once(under_way, each, small, false).await?);
    }
    wire.push(once(1, LARGE, large, false).await?);

    // Where headers are compressed there is one connection.
    if let ([directions], [beginning]) = (&ear.directions[..], &ear.beginning[..])
        && directions.iter().all(Direction::is_http2)
    {
        name_headers(&mut wire, &texts(beginning).await);
    }
    Ok(Counted { set_up, wire })
}

/// Listens to both directions.
#[derive(Default)]
struct Ear {
    traffic: [Arc<Traffic>; 2],
    tap: Arc<Tap>,
    /// Of each connection.
    directions: Vec<[Direction; 2]>,
    /// All that was said while messages were small and alone: those come before all others.
    beginning: Vec<Heard>,
    written: [u64; 2],
}

/// What was said meanwhile.
struct SaidSince {
    wrote: [u64; 2],
    tallies: [Tally; 2],
}

impl Ear {
    /// Waits until nobody says anything any more. What was said is kept if it belongs to the beginning.
    async fn listen(&mut self, keeps: bool) -> SaidSince {
        let reading = |traffic: &Arc<Traffic>| traffic.snapshot().written;
        let mut before = [0, 0];
        let wrote = loop {
            tokio::time::sleep(Duration::from_millis(4)).await;
            let now = [reading(&self.traffic[0]), reading(&self.traffic[1])];
            if now == before {
                break [now[0] - self.written[0], now[1] - self.written[1]];
            }
            before = now;
        };
        self.written = before;
        let mut tallies = [Tally::default(); 2];
        for (i, heard) in self.tap.take().into_iter().enumerate() {
            if self.directions.len() == i {
                self.directions.push(Default::default());
                self.beginning.push(Heard::default());
            }
            let [caller, called] = &mut self.directions[i];
            tallies[0] += caller.take(&heard.caller);
            tallies[1] += called.take(&heard.called);
            if keeps {
                self.beginning[i].caller.extend_from_slice(&heard.caller);
                self.beginning[i].called.extend_from_slice(&heard.called);
            }
        }
        SaidSince { wrote, tallies }
    }
}

impl SaidSince {
    fn wire(&self, in_flight: u32, messages: u64, payload: u64, first: bool) -> Wire {
        let per = |bytes: u64| bytes as f64 / messages as f64;
        let parts = |direction: usize, payload: u64| {
            let Tally { body, framing, headers, control } = self.tallies[direction];
            let heard = body + framing + headers + control;
            Parts {
                payload: payload as f64,
                encoding: per(body) - payload as f64,
                framing: per(framing),
                headers: per(headers),
                control: per(control),
                security: per(self.wrote[direction].saturating_sub(heard)),
                headers_as_text: None,
            }
        };
        Wire { in_flight, payload_bytes: payload, first, sent: parts(0, payload), answered: parts(1, 0) }
    }
}

/// Says what headers would be as text: those of the first message, and of those behind it. Headers that are sent once for
/// many messages are the first one's.
fn name_headers(wire: &mut [Wire], texts: &Texts) {
    let of = |sizes: &[u64], first: bool| {
        let later = || sizes.iter().skip(1 + BETWEEN as usize).take(ALONE as usize);
        if first {
            return sizes.first().map_or(0.0, |it| *it as f64);
        }
        match later().count() {
            0 => 0.0,
            count => later().sum::<u64>() as f64 / count as f64,
        }
    };
    for it in wire {
        it.sent.headers_as_text = Some(of(&texts.requests, it.first));
        it.answered.headers_as_text = Some(of(&texts.answers, it.first));
    }
}
