//! What became of messages and what they weighed; and of runs that have them, sockets, rumors and probes.

use super::chart::{Axis, Data, Line, Lines, Scale, Unit, points};
use super::view::{Cell, Chart, Section, Size, Table};
use super::words::{amount, bytes, count, counted, fixed, listed, share, time};
use crate::metrics::Cause;
use crate::metrics::result::{Account, RunResult};
use crate::report::Findings;

/// The account of messages, if any were sent.
pub fn section(findings: &Findings) -> Option<Section> {
    let result = &findings.result;
    let total = &result.messages.total;
    if total.sent == 0 {
        return None;
    }
    Some(Section::new("messages", "What became of messages", finding(result)).table(accounts(result)))
}

fn finding(result: &RunResult) -> String {
    let total = &result.messages.total;
    let mut text = format!(
        "Nodes sent {} ({} on the wire).",
        counted(total.sent, "message"),
        bytes(total.wire_bytes as f64)
    );
    if total.handled() > 0 && total.duplicate == 0 {
        text += " None of those taken was a duplicate.";
    } else if total.handled() > 0 {
        let taken = share(total.duplicate as f64, total.handled() as f64);
        text += &format!(" Of those taken {taken} were duplicates.");
    }
    let lost = total.dropped.iter().filter(|(_, many)| **many > 0);
    let lost: Vec<String> =
        lost.map(|(cause, many)| format!("{} by {}", count(*many), cause.name())).collect();
    if lost.is_empty() {
        text += " None was lost.";
    } else {
        text += &format!(" Lost were {}: {}.", count(total.dropped_total()), listed(&lost));
    }
    let commands = &result.messages.by_command;
    let most = commands.iter().max_by_key(|(_, it)| it.sent);
    let largest = commands.iter().max_by_key(|(_, it)| it.wire_bytes);
    if let (Some((most, by_count)), Some((largest, by_bytes)), true) = (most, largest, commands.len() > 1) {
        text += &format!(
            " Most were {most} ({}); most bytes were of {largest} ({}).",
            share(by_count.sent as f64, total.sent as f64),
            share(by_bytes.wire_bytes as f64, total.wire_bytes as f64)
        );
    }
    text
}

fn accounts(result: &RunResult) -> Table {
    let causes: Vec<Cause> = Cause::ALL
        .into_iter()
        .filter(|cause| result.messages.total.dropped.get(cause).is_some_and(|many| *many > 0))
        .collect();
    let copies = result.messages.total.network_copies > 0;
    let mut columns = vec!["".to_owned(), "#Sent".to_owned()];
    columns.extend(copies.then(|| "#Copies".to_owned()));
    columns.extend(["#Delivered".to_owned(), "#Duplicate".to_owned()]);
    columns.extend(causes.iter().map(|cause| format!("#Lost: {}", cause.name())));
    columns.extend(["#In flight", "#Payload", "#Wire"].map(str::to_owned));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new("Messages by command", &columns);
    let row = |name: &str, it: &Account| {
        let mut cells = vec![Cell::text(name), Cell::count(it.sent)];
        cells.extend(copies.then(|| Cell::count(it.network_copies)));
        cells.extend([Cell::count(it.delivered), Cell::count(it.duplicate)]);
        cells.extend(causes.iter().map(|cause| Cell::count(it.dropped.get(cause).copied().unwrap_or(0))));
        let in_flight = Cell {
            text: it.in_flight.to_string(),
            value: Some(it.in_flight.to_string()),
            tone: None,
            beside: None,
        };
        cells.extend([in_flight, Cell::bytes(it.payload_bytes), Cell::bytes(it.wire_bytes)]);
        cells
    };
    result.messages.by_command.iter().for_each(|(command, it)| table.row(row(command.name(), it)));
    if result.messages.by_command.len() > 1 {
        table.row(row("total", &result.messages.total));
    }
    let mut notes = vec![
        "Sent and copied by the network are as many as delivered, duplicate, lost and in flight.".to_owned(),
    ];
    let total = &result.messages.total;
    if total.payload_bytes > 0 {
        let overhead = total.wire_bytes as f64 / total.payload_bytes as f64;
        notes.push(format!("A byte of payload took {overhead:.2} on the wire."));
    }
    table.note = Some(notes.join(" "));
    table
}

/// What went on at sockets, of runs that have any.
pub fn sockets(findings: &Findings) -> Option<Section> {
    let it = findings.result.sockets.as_ref()?;
    let refused: u64 = it.refused.values().sum();
    let mut finding = format!("{} were made", counted(it.connections, "connection"));
    if it.set_up.count > 0 {
        finding += &format!(
            ", each in {} (median) to {} (one in a hundred longer)",
            time(it.set_up.p50),
            time(it.set_up.p99)
        );
    }
    finding +=
        &format!("; {} attempts failed, and {} things were refused.", count(it.failed), count(refused));
    let mut table = Table::new("At the sockets", &["", "#"]);
    table.row([Cell::text("connections"), Cell::count(it.connections)]);
    table.row([Cell::text("failed attempts"), Cell::count(it.failed)]);
    table.row([Cell::text("making one, p50"), Cell::time(it.set_up.p50)]);
    table.row([Cell::text("making one, p99"), Cell::time(it.set_up.p99)]);
    table.row([Cell::text("written"), Cell::bytes(it.bytes_written)]);
    table.row([Cell::text("read"), Cell::bytes(it.bytes_read)]);
    if it.peers_outside > 0 {
        table.row([Cell::text("peers outside"), Cell::count(it.peers_outside)]);
        table.row([Cell::text("calls of theirs"), Cell::count(it.messages_outside)]);
    }
    it.refused.iter().for_each(|(why, many)| {
        table.row([Cell::text(format!("refused: {why}")), Cell::count(*many).toned("bad")]);
    });
    Some(Section::new("sockets", "At the sockets", finding).table(table))
}

/// What a probe measured.
pub fn probe(findings: &Findings) -> Option<Section> {
    let cells = &findings.result.probe.as_ref()?.cells;
    let finding = match cells.iter().max_by(|a, b| a.messages_per_s.total_cmp(&b.messages_per_s)) {
        Some(best) => format!(
            "Of {} the fastest had {} messages/s of {} each, {} until a message was taken (median).",
            counted(cells.len() as u64, "cell"),
            amount(best.messages_per_s),
            bytes(best.payload_bytes as f64),
            time(best.message.p50)
        ),
        None => "No cell was measured.".to_owned(),
    };
    let mut table = Table::new(
        "Cells of the probe",
        &[
            "#Payload",
            "#At a time",
            "#Messages",
            "#Failed",
            "#Messages/s",
            "#Payload/s",
            "#Taken p50",
            "#Taken p99",
            "#Answer p50",
            "#Answer p99",
            "#Since due p99",
            "#CPU each",
        ],
    );
    for it in cells {
        let nan = f64::NAN;
        table.row([
            Cell::bytes(it.payload_bytes),
            it.concurrency.map_or_else(|| Cell::text("at a rate"), |many| Cell::count(many.into())),
            Cell::count(it.messages),
            Cell::count(it.failed),
            Cell::number(it.messages_per_s, amount),
            Cell::number(it.payload_bytes_per_s, bytes),
            Cell::time(it.message.p50),
            Cell::time(it.message.p99),
            Cell::time(it.rpc.map_or(nan, |it| it.p50)),
            Cell::time(it.rpc.map_or(nan, |it| it.p99)),
            Cell::time(it.since_due.map_or(nan, |it| it.p99)),
            Cell::maybe(it.cpu_s_per_message, time),
        ]);
    }
    Some(Section::new("probe", "What the probe measured", finding).table(table))
}

/// How a rumor spread.
pub fn rumor(findings: &Findings) -> Option<Section> {
    let result = &findings.result;
    let rumor = result.rumor?;
    let total = result.nodes.total;
    let mut table = Table::new("The rumor by round", &["#Round", "#Learnt it", "#Know it", "#Of all nodes"]);
    let mut known = u64::from(rumor.reached)
        .saturating_sub(result.rounds.iter().map(|it| u64::from(it.nodes_finished)).sum());
    let mut half = None;
    let mut line = Vec::new();
    for round in &result.rounds {
        known += u64::from(round.nodes_finished);
        let part = known as f64 / f64::from(total);
        if part >= 0.5 {
            half = half.or(Some(round.round));
        }
        line.push([f64::from(round.round), known as f64]);
        table.row([
            Cell::count(round.round.into()),
            Cell::count(round.nodes_finished.into()),
            Cell::count(known),
            Cell::number(part, fixed),
        ]);
    }
    let half = half.map(|it| format!(" Half of them knew it after round {it}.")).unwrap_or_default();
    let finding = format!(
        "The rumor reached {} of {} ({}) within {}.{half}",
        count(rumor.reached.into()),
        counted(total.into(), "node"),
        share(rumor.reached.into(), total.into()),
        counted(rumor.rounds.into(), "round")
    );
    let chart = (line.len() > 1).then(|| Chart {
        id: "rumor-spread".to_owned(),
        title: "Nodes that know the rumor".to_owned(),
        finding: finding.clone(),
        size: Size::Wide,
        choices: Vec::new(),
        table: table.clone(),
        data: Data::Lines(Lines {
            x: Axis::new("round", Unit::Count, Scale::Linear),
            y: Axis::new("nodes", Unit::Count, Scale::Zero),
            lines: vec![Line { name: "know it".to_owned(), points: points(line), ..Line::default() }],
            marks: Vec::new(),
        }),
    });
    let section = Section::new("rumor", "How the rumor spread", finding);
    Some(if chart.is_some() { section.chart(chart) } else { section.table(table) })
}
