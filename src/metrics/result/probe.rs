//! What a probe measured, cell by cell.

use crate::metrics::{Laps, Recorder, RoundLog, Summary};
use crate::node::probe::spec::{Exchange, Extent, Probe as Spec};
use crate::time::{Time, nanos};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const NANOS: f64 = 1e9;

/// What a probe measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// The cells that were begun, in their order.
    pub cells: Vec<Cell>,
}

/// What was measured of one combination of payload and concurrency. Seconds are those of the clock: of wall time on the
/// real one, of virtual time on the virtual one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Bytes that a message carries.
    pub payload_bytes: u64,
    /// Messages under way at a time; nothing at a rate.
    pub concurrency: Option<u32>,
    /// For how long it was measured.
    pub seconds: f64,
    /// Messages done with in that time: answered, or arrived where nothing is answered.
    pub messages: u64,
    /// Messages that could not be delivered, or were not answered in time.
    pub failed: u64,
    /// Messages a second, of all nodes together.
    #[serde(with = "crate::metrics::finite")]
    #[schemars(with = "Option<f64>")]
    pub messages_per_s: f64,
    /// Payload a second, of all nodes together.
    #[serde(with = "crate::metrics::finite")]
    #[schemars(with = "Option<f64>")]
    pub payload_bytes_per_s: f64,
    /// Bytes of a message's protobuf encoding, on average.
    #[serde(with = "crate::metrics::finite")]
    #[schemars(with = "Option<f64>")]
    pub message_bytes: f64,
    /// Bytes that a message puts on the link, on average.
    #[serde(with = "crate::metrics::finite")]
    #[schemars(with = "Option<f64>")]
    pub wire_bytes: f64,
    /// From hand-over to the receiving node, in seconds.
    pub message: Summary,
    /// From hand-over until the answer is back. `request` only.
    pub rpc: Option<Summary>,
    /// The same as `rpc`, or as `message` where nothing is answered, counted from when the message was due. At a rate only.
    pub since_due: Option<Summary>,
    /// How long after it was due a message was handed over. At a rate only.
    pub lateness: Option<Summary>,
    /// CPU time of the whole process while the cell was measured, for each message. Nothing on the virtual clock, or
    /// beside other runs.
    pub cpu_s_per_message: Option<f64>,
}

impl Probe {
    /// From what was recorded of a run that ended at `end`. `speedup` is how many seconds of scenario time a second of
    /// the clock takes.
    pub fn of(
        spec: &Spec,
        recorder: &Recorder,
        rounds: &RoundLog,
        laps: Option<&Laps>,
        end: Time,
        speedup: f64,
    ) -> Self {
        let cell = |number: u32| {
            let asked = spec.cell(number)?;
            let began = rounds.started_at(number)?;
            let measured = recorder.probe(number).cloned().unwrap_or_default();
            let lasted = match spec.extent() {
                Extent::Time { measured, .. } => measured.min(end.since(began)),
                Extent::Count(_) => measured.last.since(began),
            };
            let seconds = nanos(lasted) as f64 / NANOS / speedup;
            let messages = measured.done;
            let each = |of: u64| of as f64 / measured.sent as f64;
            let summary = |it: &crate::metrics::Histogram| it.summary(NANOS);
            let open = spec.rate.is_some();
            let cpu = laps.and_then(|it| it.cpu_s(number)).filter(|_| messages > 0);
            Some(Cell {
                payload_bytes: asked.payload.into(),
                concurrency: asked.concurrency,
                seconds,
                messages,
                failed: measured.failed,
                messages_per_s: rate(messages as f64, seconds),
                payload_bytes_per_s: rate(messages as f64 * f64::from(asked.payload), seconds),
                message_bytes: each(measured.payload_bytes),
                // At sockets it is counted what really goes over them, answers included.
                wire_bytes: each(laps.and_then(|it| it.written(number)).unwrap_or(measured.wire_bytes)),
                message: summary(&measured.message),
                rpc: (spec.mode == Exchange::Request).then(|| summary(&measured.rpc)),
                since_due: open.then(|| summary(&measured.since_due)),
                lateness: open.then(|| summary(&measured.lateness)),
                cpu_s_per_message: cpu.map(|it| it / messages as f64),
            })
        };
        Self { cells: (0..spec.cells()).map_while(cell).collect() }
    }

    /// What the reader of a probe at a rate should know: messages left so late that the rate was not kept.
    pub fn doubts(&self) -> Option<String> {
        let late = self
            .cells
            .iter()
            .filter(|it| it.lateness.is_some_and(|late| late.p50 > Duration::from_millis(10).as_secs_f64()));
        let late = late.count();
        (late > 0).then(|| {
            format!(
                "messages left more than 10 ms (the median) after they were due in {late} of {} cells: the rate is more \
                 than this machine or transport carries; `since_due` has what that does to latency",
                self.cells.len()
            )
        })
    }
}

fn rate(many: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { many / seconds } else { f64::NAN }
}
