//! Transports side by side: what each costs by itself, and what it makes of the scenario.

use super::chart::{Axis, Bar, Bars, Data, Real, Scale, Unit};
use super::happened::Head;
use super::view::{Cell, Chart, Column, Section, Size, Table};
use super::words::{bytes, counted, shown, time};
use crate::costs::{Costs, Parts};
use crate::metrics::result::Outcome;
use crate::report::compare::{Compare, CostTable, Row, both};
use crate::report::figures::compared;
use crate::report::readable;

/// The head of the page.
pub fn head(compare: &Compare) -> Head {
    let failed = compare.runs.iter().any(|run| run.row.outcome == Outcome::Failed);
    let (outcome, tone) = match (compare.interrupted, failed) {
        (true, _) => ("interrupted", "mark"),
        (false, true) => ("not all ran", "bad"),
        (false, false) => ("compared", "good"),
    };
    Head {
        name: compare.name.clone(),
        description: String::new(),
        outcome,
        tone,
        sentence: compare.conditions(),
        figures: Vec::new(),
        thresholds: None,
        stalled: None,
        warnings: compare.notes(),
    }
}

/// What there is to see.
pub fn sections(compare: &Compare) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(costs) = &compare.costs {
        let tables = costs.tables();
        let table = |id: &str| tables.iter().find(|it| it.id == id);
        sections.extend(table("messages").map(|it| messages(costs, it, compare.conditions_of_costs())));
        sections.extend(table("wire").map(|it| wire(costs, it)));
        sections.extend(table("apart").map(|it| apart(costs, it)));
        sections.extend(table("large").map(|it| large(costs, it)));
        sections.extend(table("connections").map(|it| connections(costs, it)));
    }
    sections.extend(compare.blocks().enumerate().filter_map(|(i, rows)| runs(i, rows)));
    sections
}

fn messages(costs: &Costs, told: &CostTable, conditions: Option<String>) -> Section {
    let most = costs.most();
    let finding =
        extremes(costs.transports.iter().filter_map(|it| Some((&*it.transport, it.cpu(most)?))), |it| {
            time(it)
        });
    let finding =
        format!("With {most} under way, {finding} of CPU for a message of a few bytes, both ends together.");
    let loads = costs.transports.first().map(|it| &it.small[..]).unwrap_or_default();
    let names: Vec<String> = loads.iter().map(|it| format!("{} under way", it.in_flight)).collect();
    let cpu = bars(names.clone(), false, Unit::Time, costs, |it| {
        it.small.iter().map(|load| load.cpu_s_per_message).collect()
    });
    let latency = bars(vec!["median".into(), "99th percentile".into()], false, Unit::Time, costs, |it| {
        let alone = it.small.first();
        alone.map(|load| vec![load.p50_s, load.p99_s]).unwrap_or_default()
    });
    let loaded = bars(vec!["median".into(), "99th percentile".into()], false, Unit::Time, costs, |it| {
        let last = it.small.last();
        last.map(|load| vec![load.p50_s, load.p99_s]).unwrap_or_default()
    });
    let table = table(told);
    Section::new("messages", "A message", finding.clone())
        .note(conditions)
        .chart(Some(chart("cpu", "CPU of a message", &finding, cpu, &table)))
        .chart(Some(chart("latency", "Until the answer is back, one under way", &finding, latency, &table)))
        .chart(Some(chart("latency-loaded", format!("The same, {most} under way"), &finding, loaded, &table)))
}

fn wire(costs: &Costs, told: &CostTable) -> Section {
    let small = |it: &crate::costs::TransportCosts| it.wire_of(1, costs.small_bytes).map(both);
    let sums = costs.transports.iter().filter_map(|it| Some((&*it.transport, small(it)?.total())));
    let finding = format!(
        "Around {} of payload, {} on the wire, with the answer.",
        bytes(costs.small_bytes as f64),
        extremes(sums, bytes)
    );
    let names =
        ["payload", "encoding", "framing", "headers", "control", "security"].map(str::to_owned).to_vec();
    let data = bars(names, true, Unit::Bytes, costs, |it| {
        let parts =
            small(it).map(|Parts { payload, encoding, framing, headers, control, security, .. }| {
                vec![payload, encoding, framing, headers, control, security]
            });
        parts.unwrap_or_default()
    });
    Section::new("wire", "On the wire", finding.clone()).chart(Some(chart(
        "wire-parts",
        "Bytes of a message and its answer",
        &finding,
        data,
        &table(told),
    )))
}

fn apart(costs: &Costs, told: &CostTable) -> Section {
    let most = costs.most();
    let gains = told.rows.iter().filter_map(|(name, row)| Some((name.as_str(), row.get(2).copied()??.0)));
    let best = gains.max_by(|a, b| a.1.total_cmp(&b.1));
    let finding = match best {
        Some((name, gain)) => format!(
            "With {most} messages under way, each on a connection of its own, {name} takes {} times the CPU of one \
             connection for all of them.",
            readable::digits(gain)
        ),
        None => "Nothing was measured.".to_owned(),
    };
    let names = vec!["on one connection".to_owned(), "each on its own".to_owned()];
    let data = bars(names, false, Unit::Time, costs, |it| {
        let of = |loads: &[crate::costs::Load]| {
            loads.iter().find(|load| load.in_flight == most).map(|it| it.cpu_s_per_message)
        };
        of(&it.small).zip(of(&it.apart)).map(|(one, each)| vec![one, each]).unwrap_or_default()
    });
    let title = format!("CPU of a message, {most} under way");
    Section::new("apart", "Many on one connection", finding.clone()).chart(Some(chart(
        "multiplexing",
        title,
        &finding,
        data,
        &table(told),
    )))
}

fn large(costs: &Costs, told: &CostTable) -> Section {
    let size = costs.large_bytes as f64;
    let cpu = |it: &crate::costs::TransportCosts| it.large.cpu_s_per_message / size * 1e9;
    let sockets = costs.transports.iter().filter(|it| it.connection.is_some());
    let finding = format!(
        "A gigabyte in messages of {} takes {} of CPU.",
        bytes(size),
        extremes(sockets.map(|it| (&*it.transport, cpu(it))), time)
    );
    let data = bars(vec!["CPU for a gigabyte".into()], false, Unit::Time, costs, |it| vec![cpu(it)]);
    Section::new("large", "Large messages", finding.clone()).chart(Some(chart(
        "large-cpu",
        "CPU of a gigabyte",
        &finding,
        data,
        &table(told),
    )))
}

fn connections(costs: &Costs, told: &CostTable) -> Section {
    let opens = costs.transports.iter().filter_map(|it| Some((&*it.transport, it.connection?.opens_s)));
    let finding = format!("A connection takes {} to open.", extremes(opens, time));
    let opening = bars(vec!["time".into(), "CPU".into()], false, Unit::Time, costs, |it| {
        it.connection.map(|it| vec![it.opens_s, it.cpu_s]).unwrap_or_default()
    });
    let held = costs.transports.iter().any(|it| it.connection.is_some_and(|it| it.memory_bytes.is_some()));
    let names = vec!["idle".to_owned(), "after a large message".to_owned()];
    let memory = bars(names, false, Unit::Bytes, costs, |it| {
        let nan = f64::NAN;
        it.connection
            .map(|it| vec![it.memory_bytes.unwrap_or(nan), it.memory_after_large_bytes.unwrap_or(nan)])
            .unwrap_or_default()
    });
    let table = table(told);
    let memory = held.then(|| chart("memory", "Memory of a connection, both ends", &finding, memory, &table));
    Section::new("connections", "Connections", finding.clone())
        .chart(Some(chart("opening", "Opening a connection", &finding, opening, &table)))
        .chart(memory)
}

/// What the runs came to: of the whole, or of a cell of a probe.
fn runs(number: usize, rows: &[Row]) -> Option<Section> {
    const IDS: [&str; 8] = ["runs", "runs-2", "runs-3", "runs-4", "runs-5", "runs-6", "runs-7", "runs-8"];
    let id = *IDS.get(number)?;
    let figures: Vec<usize> =
        (0..compared().len()).filter(|&i| rows.iter().any(|row| row.told(i).0.is_some())).collect();
    if figures.is_empty() {
        return None;
    }
    let what = rows.first()?.cell.map(|it| it.told());
    let caption = what.clone().unwrap_or_else(|| "What the runs came to".to_owned());
    let mut table = Table::new(format!("{caption}: medians"), &["Figure"]);
    table.columns.extend(rows.iter().map(|row| Column { title: row.transport.clone(), number: true }));
    for &i in &figures {
        let cells = rows.iter().map(|row| {
            let (sample, relative) = row.told(i);
            let mut cell = Cell::number(sample.map_or(f64::NAN, |it| it.median), |value| {
                shown(value, compared()[i].unit())
            });
            cell.beside = relative.map(|it| format!("× {}", readable::digits(it.median)));
            cell
        });
        table.row(std::iter::once(Cell::text(compared()[i].title())).chain(cells));
    }
    let of = |path: &str| compared().iter().position(|it| it.path == path).unwrap_or_default();
    let chosen = if rows[0].cell.is_some() { "latency.message.p50" } else { "ended_s" };
    let chosen = of(chosen);
    let median = |row: &Row, i: usize| row.told(i).0.map_or(f64::NAN, |it| it.median);
    let named = rows.iter().map(|row| (row.transport.as_str(), median(row, chosen)));
    let finding = format!(
        "Over {}, {} is {}.",
        counted(rows.len() as u64, "transport"),
        compared()[chosen].title(),
        extremes(named, time)
    );
    let data = |i: usize| {
        let rows =
            rows.iter().map(|row| Bar { name: row.transport.clone(), values: vec![Real(median(row, i))] });
        Data::Bars(Bars {
            axis: Axis::new(compared()[i].title(), Unit::Time, Scale::Zero),
            series: vec![compared()[i].title().to_owned()],
            stacked: false,
            rows: rows.collect(),
        })
    };
    let title = if number == 0 { "The scenario" } else { "Exchanged" };
    let chart = |i: usize| {
        figures
            .contains(&i)
            .then(|| chart(&format!("{id}-{i}"), compared()[i].title(), &finding, data(i), &table))
    };
    Some(
        Section::new(id, title, finding.clone())
            .note(what)
            .chart(chart(chosen))
            .chart(chart(of("cpu_s_per_message")))
            .table(table.clone()),
    )
}

/// Bars for the transports that have values.
fn bars(
    series: Vec<String>,
    stacked: bool,
    unit: Unit,
    costs: &Costs,
    values: impl Fn(&crate::costs::TransportCosts) -> Vec<f64>,
) -> Data {
    let rows = costs
        .transports
        .iter()
        .map(|it| Bar { name: it.transport.clone(), values: values(it).into_iter().map(Real).collect() });
    let rows = rows.filter(|row| !row.values.is_empty()).collect();
    Data::Bars(Bars { axis: Axis::new("", unit, Scale::Zero), series, stacked, rows })
}

fn chart(id: &str, title: impl Into<String>, finding: &str, data: Data, table: &Table) -> Chart {
    let rows = match &data {
        Data::Bars(it) if !it.stacked => it.rows.len() * it.series.len().div_ceil(2),
        Data::Bars(it) => it.rows.len(),
        _ => 0,
    };
    Chart {
        id: id.to_owned(),
        title: title.into(),
        finding: finding.to_owned(),
        size: Size::Rows(rows.max(2) as u32),
        choices: Vec::new(),
        table: table.clone(),
        data,
    }
}

/// From the least to the most, with the names.
fn extremes<'a>(values: impl Iterator<Item = (&'a str, f64)>, show: impl Fn(f64) -> String) -> String {
    let mut values: Vec<(&str, f64)> = values.filter(|it| it.1.is_finite()).collect();
    values.sort_by(|a, b| a.1.total_cmp(&b.1));
    match &values[..] {
        [] => "nothing that was measured".to_owned(),
        [(name, only)] => format!("{} ({name})", show(*only)),
        [(least, low), .., (most, high)] => {
            format!("from {} ({least}) to {} ({most})", show(*low), show(*high))
        }
    }
}

fn table(told: &CostTable) -> Table {
    let mut table = Table::new(told.title.clone(), &["Transport"]);
    table.columns.extend(told.columns.iter().map(|title| Column { title: title.clone(), number: true }));
    for (transport, row) in &told.rows {
        let cells = row.iter().map(|it| {
            it.map_or_else(|| Cell::text("-"), |(value, unit)| Cell::number(value, |it| shown(it, unit)))
        });
        table.row(std::iter::once(Cell::text(transport.clone())).chain(cells));
    }
    table
}
