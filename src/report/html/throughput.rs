//! How much went over the network in each stretch of time.

use super::chart::{Axis, Data, Line, Lines, Scale, Unit, points, thinned};
use super::view::{Cell, Chart, Section, Size, Table};
use super::words::{amount, bytes, time};
use crate::metrics::Point;
use crate::metrics::result::RunResult;
use crate::report::Findings;

/// The section, if there was any traffic.
pub fn section(findings: &Findings) -> Option<Section> {
    let throughput = &findings.result.throughput;
    let messages = chart(findings, "messages-per-second", "Messages a second", Unit::Rate, |it| it.messages);
    let payload_chart =
        chart(findings, "bytes-per-second", "Payload a second", Unit::ByteRate, |it| it.bytes);
    if throughput.messages.count == 0 && messages.is_none() {
        return None;
    }
    let (of, payload) = (&throughput.messages, &throughput.bytes);
    let finding = format!(
        "On average nodes took {} messages/s ({}/s of payload); in the busiest {} it was {} messages/s and in the middle {}.",
        amount(of.mean),
        bytes(payload.mean),
        time(throughput.interval_s),
        amount(of.max),
        amount(of.p50),
    );
    Some(
        Section::new("throughput", "How much went over the network", finding)
            .chart(messages)
            .chart(payload_chart)
            .table(all(&findings.result)),
    )
}

/// The points of a series as rates, for the eye.
pub fn rates(series: &[Point], of: impl Fn(&Point) -> u64) -> Vec<[f64; 2]> {
    thinned(
        series
            .iter()
            .map(|it| [it.at_s, of(it) as f64 / it.interval_s])
            .filter(|it| it[1].is_finite())
            .collect(),
    )
}

fn chart(findings: &Findings, id: &str, title: &str, unit: Unit, of: fn(&Point) -> u64) -> Option<Chart> {
    let series = &findings.series;
    let rate = |it: &Point| of(it) as f64 / it.interval_s;
    let peak = series.iter().max_by(|a, b| rate(a).total_cmp(&rate(b)))?;
    let show = |value: f64| match unit {
        Unit::ByteRate => format!("{}/s", bytes(value)),
        _ => format!("{}/s", amount(value)),
    };
    let finding = format!("{title}: highest at {}, with {}.", time(peak.at_s), show(rate(peak)));
    let mut table = Table::new(format!("{title} over time"), &["#Until", "#Lasting", "#A second"]);
    let every = series.len().div_ceil(200).max(1);
    for it in series.iter().step_by(every) {
        table.row([Cell::time(it.at_s), Cell::time(it.interval_s), Cell::number(rate(it), show)]);
    }
    if every > 1 {
        table.note = Some(format!("Each {every}th of {} rows; all of them are in series.csv.", series.len()));
    }
    let lines = Lines {
        x: Axis::new("time", Unit::Time, Scale::Linear),
        y: Axis::new(title.to_lowercase(), unit, Scale::Zero),
        lines: vec![Line { name: title.to_owned(), points: points(rates(series, of)), ..Line::default() }],
        marks: Vec::new(),
    };
    Some(Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        finding,
        size: Size::Normal,
        choices: Vec::new(),
        table,
        data: Data::Lines(lines),
    })
}

fn all(result: &RunResult) -> Table {
    let throughput = &result.throughput;
    let caption = format!("Throughput, in intervals of {}", time(throughput.interval_s));
    let mut table = Table::new(caption, &["", "#Mean", "#p50", "#p90", "#p99", "#Highest"]);
    if throughput.messages.count == 0 {
        return table;
    }
    type Show = fn(f64) -> String;
    let rows: [(&str, _, Show); 2] =
        [("messages/s", &throughput.messages, amount), ("payload/s", &throughput.bytes, bytes)];
    for (name, of, show) in rows {
        let values = [of.mean, of.p50, of.p90, of.p99, of.max].map(|it| Cell::number(it, show));
        table.row([Cell::text(name)].into_iter().chain(values));
    }
    table
}
