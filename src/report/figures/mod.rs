//! The figures that runs are shown, summed up, compared and judged by: one table of them. Whatever shows figures reads it: terminal,
//! Markdown, CSV, page and JUnit, of sweeps, repeats, comparisons and `diff`.
//!
//! A figure of a result is a row here and nothing more. What it counts in and which of two values is better follows from its path
//! ([`nature`]); what a change means is `diff`'s.

pub mod nature;

use crate::metrics::result::RunResult;
use crate::scenario::thresholds;
use nature::{Unit, unit};
use serde_json::Value;
use std::sync::LazyLock;

/// A figure, and where it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its path in `result.json`; see [`nature::value`] for what `*` means. Where only comparisons have it, that in a row of
    /// `compare.json`.
    pub path: &'static str,
    /// Whether it is kept of each of many runs: in sweeps, repeats, and pages of several runs.
    pub kept: bool,
    /// Its title in the table of a sweep, if it has a column there.
    pub column: Option<&'static str>,
    /// When `diff` judges it, unless something else is asked for.
    pub judged: Judged,
    /// How transports are compared by it, if they are.
    pub compared: Option<Compared>,
}

/// When a figure is judged by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Only if it is asked for.
    Never,
    /// Where figures are the same in every run.
    Virtual,
    /// Where they differ from run to run, too: of these no run has more than five. There a test is made of each, and the more
    /// tests, the more it takes to be sure of one.
    Always,
}

/// A figure of a comparison of transports.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// What it is called in a table.
    pub title: &'static str,
    /// Of a run as a whole; the result as a document beside it. Nothing if it was not measured.
    pub whole: fn(&RunResult, &Value) -> Option<f64>,
    /// Its path in a cell of a probe, where cells have it rather than the run.
    pub cell: Option<&'static str>,
}

const fn figure(path: &'static str) -> Figure {
    Figure { path, kept: false, column: None, judged: Judged::Never, compared: None }
}

impl Figure {
    const fn kept(self) -> Self {
        Self { kept: true, ..self }
    }

    const fn column(self, title: &'static str) -> Self {
        Self { column: Some(title), ..self }
    }

    const fn exact(self) -> Self {
        Self { judged: Judged::Virtual, ..self }
    }

    const fn always(self) -> Self {
        Self { judged: Judged::Always, ..self }
    }

    /// Of a run, and not of a cell.
    const fn compared(self, title: &'static str, whole: fn(&RunResult, &Value) -> Option<f64>) -> Self {
        Self { compared: Some(Compared { title, whole, cell: None }), ..self }
    }

    /// Of the run's cells, if it has any.
    const fn in_cells(self, cell: &'static str) -> Self {
        match self.compared {
            Some(it) => Self { compared: Some(Compared { cell: Some(cell), ..it }), ..self },
            None => self,
        }
    }

    /// What it counts in.
    pub fn unit(&self) -> Unit {
        unit(self.path)
    }

    /// What it is called where transports are compared.
    pub fn title(&self) -> &'static str {
        self.compared.map_or(self.path, |it| it.title)
    }
}

/// All of them, in the order in which they are shown.
pub static FIGURES: &[Figure] = &[
    figure("final.accuracy.mean").kept().column("accuracy").always(),
    figure("final.loss.mean").kept().exact(),
    figure("final.consensus_distance").kept().exact(),
    figure("ended_s").kept().column("ended").exact().compared("time to finish", |it, _| it.ended_s),
    figure("nodes.finished").kept().exact(),
    figure("nodes.panicked").exact(),
    figure("rumor.rounds").exact(),
    figure("rumor.reached").exact(),
    figure("setup.seconds").kept().exact(),
    figure("setup.messages").exact(),
    figure("setup.wire_bytes").exact(),
    figure("wall_s").compared("wall time", |it, _| Some(it.cost.wall_s)),
    figure("messages_per_s")
        .compared("messages", |it, _| ratio(it.messages.total.handled() as f64, learning_s(it)))
        .in_cells("messages_per_s"),
    figure("payload_bytes_per_s")
        .compared("payload", |it, _| ratio(it.messages.total.payload_bytes as f64, learning_s(it)))
        .in_cells("payload_bytes_per_s"),
    figure("latency.round.p50").kept().column("round p50").always(),
    figure("latency.round.p99").kept().exact(),
    figure("latency.message.mean").exact(),
    figure("latency.message.p50")
        .kept()
        .always()
        .compared("message p50", |_, it| number(it, "latency.message.p50"))
        .in_cells("message.p50"),
    figure("latency.message.p99")
        .kept()
        .exact()
        .compared("message p99", |_, it| number(it, "latency.message.p99"))
        .in_cells("message.p99"),
    figure("latency.rpc.mean").exact(),
    figure("latency.rpc.p50")
        .exact()
        .compared("rpc p50", |_, it| number(it, "latency.rpc.p50"))
        .in_cells("rpc.p50"),
    figure("latency.rpc.p99")
        .exact()
        .compared("rpc p99", |_, it| number(it, "latency.rpc.p99"))
        .in_cells("rpc.p99"),
    // Of a probe at a rate.
    figure("latency.since_due.p50").compared("since due p50", |_, _| None).in_cells("since_due.p50"),
    figure("latency.since_due.p99").compared("since due p99", |_, _| None).in_cells("since_due.p99"),
    figure("latency.dissemination.p99").kept().exact(),
    figure("messages.total.sent").kept().column("messages").exact(),
    figure("messages.total.duplicate").kept().exact(),
    figure("messages.total.dropped.*").exact(),
    figure("messages.total.payload_bytes").kept().exact(),
    figure("messages.total.wire_bytes").kept().column("wire").always(),
    figure("throughput.messages.mean").kept(),
    figure("connecting.p50").compared("connecting p50", |_, it| number(it, "sockets.set_up.p50")),
    figure("connecting.p99").compared("connecting p99", |_, it| number(it, "sockets.set_up.p99")),
    figure("cpu_s_per_message")
        .compared("CPU/message", |it, _| per(it.cost.cpu_s, it.messages.total.handled()))
        .in_cells("cpu_s_per_message"),
    figure("payload_bytes_per_message")
        .compared("payload/message", |it, _| {
            per(it.messages.total.payload_bytes as f64, it.messages.total.sent)
        })
        .in_cells("message_bytes"),
    figure("wire_bytes_per_message")
        .compared("wire/message", |it, _| per(it.messages.total.wire_bytes as f64, it.messages.total.sent))
        .in_cells("wire_bytes"),
    figure("probe.cells.*.messages_per_s").always(),
    figure("probe.cells.*.message.p50").always(),
    figure("probe.cells.*.message.p99").always(),
    figure("probe.cells.*.rpc.p99").exact(),
    figure("probe.cells.*.since_due.p99").exact(),
    figure("probe.cells.*.cpu_s_per_message").always(),
    figure("probe.cells.*.wire_bytes").always(),
    figure("cost.messages_per_cpu_s").always(),
    figure("cost.wall_s").kept().column("wall"),
    figure("cost.cpu_s").kept(),
    figure("cost.peak_rss_bytes").kept(),
];

/// How many of them transports are compared by.
pub const COMPARED: usize = {
    let (mut count, mut i) = (0, 0);
    while i < FIGURES.len() {
        count += FIGURES[i].compared.is_some() as usize;
        i += 1;
    }
    count
};

/// Those that are kept of each of many runs.
pub fn kept() -> impl Iterator<Item = &'static Figure> {
    FIGURES.iter().filter(|it| it.kept)
}

/// Those that transports are compared by: [`COMPARED`] of them.
pub fn compared() -> &'static [&'static Figure] {
    static ALL: LazyLock<Vec<&Figure>> =
        LazyLock::new(|| FIGURES.iter().filter(|it| it.compared.is_some()).collect());
    &ALL
}

/// The paths of those that `diff` judges by default, of a run with this result. Those that it has not are among them.
pub fn judged(document: &Value, on_real_clock: bool) -> impl Iterator<Item = &'static str> {
    let probe = !document["probe"].is_null();
    let memory = document["engine"]["transport"] == "memory";
    FIGURES
        .iter()
        .filter(move |it| match it.judged {
            Judged::Never => false,
            Judged::Virtual => !on_real_clock,
            Judged::Always => true,
        })
        // What a probe exchanges is told of its cells, and better there.
        .filter(move |it| !on_real_clock || probe == it.path.starts_with("probe."))
        // Over memory a message takes as long as the machine takes to wake a thread: it says nothing of either build, and
        // another load of the machine looks like a regression.
        .filter(move |it| !on_real_clock || !memory || !it.path.starts_with("latency.message."))
        .map(|it| it.path)
}

/// Wall seconds of learning; what came before is in no other figure of a result either.
fn learning_s(result: &RunResult) -> Option<f64> {
    result.ended_s.map(|ended_s| ended_s / result.engine.speedup)
}

fn per(of: f64, to: u64) -> Option<f64> {
    ratio(of, Some(to as f64))
}

fn ratio(of: f64, to: Option<f64>) -> Option<f64> {
    to.map(|to| of / to).filter(|it| it.is_finite())
}

/// The number at a path of a document, if there is one.
pub fn number(document: &Value, path: &str) -> Option<f64> {
    thresholds::find(document, path).ok().and_then(Value::as_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use nature::{better, value};
    use serde_json::json;

    #[test]
    fn every_figure_is_in_a_result_once_and_one_that_is_judged_has_a_direction() {
        let mut full = sample::full();
        full.rumor = Some(crate::metrics::result::Rumor { rounds: 17, reached: 1_000 });
        full.probe = sample::probed().probe;
        let document = serde_json::to_value(full).unwrap();
        for (i, figure) in FIGURES.iter().enumerate() {
            assert!(FIGURES[..i].iter().all(|it| it.path != figure.path), "{} is there twice", figure.path);
            let found = value(&document, figure.path);
            // Of a cell at a rate and one in a closed loop, some figures are of one alone.
            let half = ["rpc", "since_due", "cpu_s"].iter().any(|it| figure.path.contains(it));
            let derived = figure.compared.is_some() && !figure.kept && figure.judged == Judged::Never;
            assert!(matches!(found, Ok(Some(_))) || half || derived, "{}: {found:?}", figure.path);
            assert!(better(figure.path).is_some() || figure.judged == Judged::Never, "{}", figure.path);
            assert!(figure.kept || figure.column.is_none(), "{}: a sweep has it", figure.path);
        }
        assert!(value(&document, "latency.message").unwrap_err().contains("latency.message.p50"));
        assert!(value(&document, "latency.mesage.p50").unwrap_err().contains("did you mean"));
    }

    #[test]
    fn no_run_has_more_than_five_that_are_judged_on_the_real_clock() {
        for (result, transport, judged_are) in [
            (sample::full(), "grpc", 5),
            (sample::full(), "memory", 4),
            (sample::probed(), "grpc", 5),
            (sample::probed(), "memory", 5),
        ] {
            let mut document = serde_json::to_value(result).unwrap();
            document["engine"]["transport"] = json!(transport);
            assert_eq!(judged(&document, true).count(), judged_are);
        }
    }
}
