//! `compare.csv`: a row for each figure of each transport, so that it can be filtered and drawn as it is.

use super::Compare;
use crate::metrics::Sample;
use crate::report::figures::compared;
use std::io::{self, Write};

/// The columns.
pub const COLUMNS: [&str; 17] = [
    "transport",
    "payload_bytes",
    "concurrency",
    "completed",
    "overloaded",
    "figure",
    "unit",
    "n",
    "median",
    "low",
    "high",
    "min",
    "max",
    "relative_n",
    "relative",
    "relative_low",
    "relative_high",
];

impl Compare {
    /// Writes `compare.csv`. Figures that no run has are left out.
    pub fn csv(&self, out: impl Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(COLUMNS)?;
        for row in &self.rows {
            for (i, figure) in compared().iter().enumerate() {
                let (Some(sample), relative) = row.told(i) else { continue };
                let of_cell = |value: fn(super::Cell) -> Option<u64>| row.cell.and_then(value);
                let text = |value: Option<u64>| value.map(|it| it.to_string()).unwrap_or_default();
                let mut cells = vec![
                    row.transport.clone(),
                    text(of_cell(|it| Some(it.payload_bytes))),
                    text(of_cell(|it| it.concurrency)),
                    row.outcomes.completed.to_string(),
                    row.overloaded.to_string(),
                    figure.path.to_owned(),
                    figure.unit().symbol().to_owned(),
                ];
                cells.extend(middle(Some(sample)));
                cells.extend([sample.min, sample.max].map(|it| it.to_string()));
                cells.extend(middle(relative));
                csv.write_record(cells)?;
            }
        }
        let Some(costs) = &self.costs else { return csv.flush() };
        for transport in &costs.transports {
            for it in transport.figures(costs.small_bytes, costs.large_bytes) {
                let text = |value: Option<u64>| value.map(|it| it.to_string()).unwrap_or_default();
                let (value, unit) = it.shown;
                let mut cells = vec![String::new(); COLUMNS.len()];
                cells[0].clone_from(&transport.transport);
                cells[1] = text(it.payload_bytes);
                cells[2] = text(it.in_flight.map(u64::from));
                cells[5] = it.path;
                cells[6] = unit.symbol().to_owned();
                cells[8] = value.to_string();
                csv.write_record(cells)?;
            }
        }
        csv.flush()
    }
}

/// How many there are, their median, and the ends of its interval.
fn middle(sample: Option<&Sample>) -> [String; 4] {
    let number = |value: Option<f64>| value.map(|it| it.to_string()).unwrap_or_default();
    let interval = sample.and_then(|it| it.interval);
    [
        sample.map(|it| it.n.to_string()).unwrap_or_default(),
        number(sample.map(|it| it.median)),
        number(interval.map(|it| it.low)),
        number(interval.map(|it| it.high)),
    ]
}
