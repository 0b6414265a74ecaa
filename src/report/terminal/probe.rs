//! The cells of a probe: what a transport does with messages of a size, so many at a time.

use super::Style;
use super::grid::{Grid, NOTHING};
use super::sections::titled;
use crate::metrics::Summary;
use crate::metrics::result::{Cell, RunResult};
use crate::report::readable::{Count, amount, bytes};

/// A row for each cell. Latency is told until the answer is back, or where nothing is answered until a message arrives;
/// at a rate, from when the message was due.
pub fn cells(result: &RunResult, style: Style) -> Option<String> {
    let probe = result.probe.as_ref()?;
    let header = [
        "payload",
        "under way",
        "messages/s",
        "payload/s",
        "p50",
        "p99",
        "p999",
        "max",
        "late p99",
        "CPU each",
        "failed",
    ];
    let mut grid = Grid::new(&header).text_columns(&[]);
    for cell in &probe.cells {
        let latency = latency(cell);
        let [p50, p99, p999, max] =
            [latency.p50, latency.p99, latency.p999, latency.max].map(|it| style.time(it));
        grid.row([
            bytes(cell.payload_bytes as f64),
            cell.concurrency.map_or(NOTHING.to_owned(), |it| Count(it.into()).to_string()),
            amount(cell.messages_per_s),
            bytes(cell.payload_bytes_per_s),
            p50,
            p99,
            p999,
            max,
            cell.lateness.map_or(NOTHING.to_owned(), |it| style.time(it.p99)),
            cell.cpu_s_per_message.map_or(NOTHING.to_owned(), |it| style.time(it)),
            if cell.failed > 0 { Count(cell.failed).to_string() } else { NOTHING.to_owned() },
        ]);
    }
    let first = probe.cells.first()?;
    let until = if first.rpc.is_some() { "the answer is back" } else { "arrival" };
    let from = if first.since_due.is_some() { "from when a message was due " } else { "" };
    titled(&format!("Probe (latency {from}until {until})"), grid.render(style)?, style)
}

fn latency(cell: &Cell) -> Summary {
    cell.since_due.or(cell.rpc).unwrap_or(cell.message)
}
