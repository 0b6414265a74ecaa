//! Who did what when: stages and jobs of some nodes, what happened to them, and who waited for whom.

use super::chart::{Data, Moment, Timeline};
use super::view::{Cell, Chart, Section, Size, Table};
use super::words::{count, counted, listed, share, time};
use crate::metrics::trace::{Activity, Happening, Job, Mark, Span, Trace, Transfer};
use crate::node::Stage;
use crate::report::Findings;
use std::collections::{BTreeMap, BTreeSet};

/// Rows that can be read on a screen.
const ROWS: usize = 40;
/// Spans that a browser draws at once without a pause.
const SPANS: usize = 12_000;
/// Models on their way that are kept of those between the rows.
const TRANSFERS: usize = 4_000;
/// Rows of the table of waits, and of that of what happened.
const LISTED: usize = 30;

/// The section, if nodes were followed.
pub fn section(findings: &Findings) -> Option<Section> {
    let trace = &findings.trace;
    if trace.spans.is_empty() {
        return None;
    }
    let waits = waits(trace);
    let rows = rows(findings);
    let finding = finding(trace, &waits);
    let section = Section::new("timeline", "Who did what when", finding.clone());
    Some(
        section
            .note(sampled(findings, &rows))
            .chart(Some(Chart {
                id: "stages".to_owned(),
                title: "Nodes by stage".to_owned(),
                finding,
                size: Size::Timeline(rows.len() as u32),
                choices: Vec::new(),
                table: shares(trace),
                data: Data::Timeline(drawn(trace, rows)),
            }))
            .table(waited(trace, &waits))
            .table(happened(trace)),
    )
}

/// What is to be known of what is not drawn.
fn sampled(findings: &Findings, rows: &[u32]) -> Option<String> {
    let trace = &findings.trace;
    let total = u64::from(findings.result.nodes.total);
    let mut text = String::new();
    if (trace.nodes.len() as u64) < total {
        text += &format!(
            "Of {} {} were followed: those nearest to the initiator, and some from everywhere. ",
            counted(total, "node"),
            count(trace.nodes.len() as u64)
        );
    }
    if rows.len() < trace.nodes.len() {
        text += &format!(
            "{} of the {} followed are drawn: the initiator, those that something happened to, the latest, and others evenly \
             chosen. ",
            count(rows.len() as u64),
            count(trace.nodes.len() as u64)
        );
    }
    if trace.left_out > 0 {
        text += &format!("{} spans and models were more than are kept. ", count(trace.left_out));
    }
    if !text.is_empty() {
        text += "All that was kept is in trace.json, which ui.perfetto.dev opens.";
    }
    (!text.is_empty()).then_some(text)
}

/// The nodes that are drawn, ascending: those that one would look for first, and the rest evenly chosen.
fn rows(findings: &Findings) -> Vec<u32> {
    let trace = &findings.trace;
    if trace.nodes.len() <= ROWS {
        return trace.nodes.clone();
    }
    let followed: BTreeSet<u32> = trace.nodes.iter().copied().collect();
    let first = findings.result.scenario["workflow"]["initiator"].as_u64();
    let mut chosen: BTreeSet<u32> =
        first.and_then(|it| u32::try_from(it).ok()).or(Some(trace.nodes[0])).into_iter().collect();
    let touched = trace.marks.iter().filter_map(|mark| mark.node);
    chosen.extend(touched.filter(|node| followed.contains(node)).take(ROWS / 3));
    let mut ends: BTreeMap<u32, i64> = BTreeMap::new();
    for span in &trace.spans {
        let end = ends.entry(span.node).or_insert(span.end_ns);
        *end = span.end_ns.max(*end);
    }
    let mut latest: Vec<(i64, u32)> = ends.into_iter().map(|(node, end)| (end, node)).collect();
    latest.sort_unstable_by_key(|(end, node)| (std::cmp::Reverse(*end), *node));
    chosen.extend(latest.iter().take(ROWS / 5).map(|(_, node)| *node));
    chosen.retain(|node| followed.contains(node));
    let rest: Vec<u32> = trace.nodes.iter().copied().filter(|node| !chosen.contains(node)).collect();
    let wanted = ROWS.saturating_sub(chosen.len()).min(rest.len());
    chosen.extend((0..wanted).map(|i| rest[i * rest.len() / wanted]));
    chosen.into_iter().collect()
}

fn drawn(trace: &Trace, rows: Vec<u32>) -> Timeline {
    let row = |node: u32| rows.binary_search(&node).ok();
    let micros = |nanos: i64| nanos.div_euclid(1_000);
    let mut spans: Vec<(&Span, usize)> =
        trace.spans.iter().filter_map(|span| Some((span, row(span.node)?))).collect();
    if spans.len() > SPANS {
        // The shortest go first: they are narrower than a pixel.
        spans.sort_by_key(|(span, _)| std::cmp::Reverse(span.end_ns - span.start_ns));
        spans.truncate(SPANS);
        spans.sort_by_key(|(span, row)| (span.start_ns, *row, span.activity));
    }
    let spans = spans.into_iter().flat_map(|(span, row)| {
        let round = span.round.map_or(-1, i64::from);
        let length = micros(span.end_ns) - micros(span.start_ns);
        [row as i64, micros(span.start_ns), length, activity(span.activity) as i64, round]
    });
    let between = trace.transfers.iter().filter_map(|it| Some((it, row(it.from)?, row(it.to)?)));
    let between: Vec<_> = between.collect();
    let every = between.len().div_ceil(TRANSFERS).max(1);
    let mut commands: Vec<&'static str> = Vec::new();
    let mut transfers = Vec::new();
    for (it, from, to) in between.into_iter().step_by(every) {
        let name = it.command.name();
        let command = commands.iter().position(|known| *known == name).unwrap_or_else(|| {
            commands.push(name);
            commands.len() - 1
        });
        let way = micros(it.taken_ns) - micros(it.sent_ns);
        let bytes = i64::try_from(it.bytes).unwrap_or(i64::MAX);
        transfers.extend([
            from as i64,
            to as i64,
            micros(it.sent_ns),
            way,
            command as i64,
            it.round.into(),
            bytes,
        ]);
    }
    let marks = trace.marks.iter().filter(|mark| mark.node.is_none_or(|node| row(node).is_some()));
    let marks = marks.take(400).map(|mark| Moment {
        at: micros(mark.at_ns),
        row: mark.node.and_then(row),
        what: word(mark.happening),
        whom: mark.whom.clone(),
    });
    Timeline {
        start: micros(trace.start_ns),
        end: micros(trace.end_ns),
        activities: Stage::ALL
            .iter()
            .map(|stage| stage.name())
            .chain([Job::Train, Job::Evaluate, Job::Aggregate].map(job))
            .collect(),
        spans: spans.collect(),
        commands,
        transfers,
        marks: marks.collect(),
        rows,
    }
}

fn activity(activity: Activity) -> usize {
    match activity {
        Activity::Stage(stage) => stage as usize,
        Activity::Job(Job::Train) => Stage::COUNT,
        Activity::Job(Job::Evaluate) => Stage::COUNT + 1,
        Activity::Job(Job::Aggregate) => Stage::COUNT + 2,
    }
}

const fn job(job: Job) -> &'static str {
    match job {
        Job::Train => "computing: training",
        Job::Evaluate => "computing: evaluation",
        Job::Aggregate => "computing: aggregation",
    }
}

/// What happened, in words.
const fn word(happening: Happening) -> &'static str {
    match happening {
        Happening::Crash => "crashed",
        Happening::Restart => "came back",
        Happening::Join => "joined",
        Happening::Leave => "left",
        Happening::Failure => "stopped itself",
        Happening::Panic => "ended by a fault",
        Happening::Partition => "partition",
        Happening::Heal => "healed",
        Happening::Loss => "loss",
        Happening::Slow => "slowed down",
        Happening::Churn => "churn",
        Happening::StopLearning => "learning stopped",
    }
}

/// A wait that a model ended.
struct Wait<'a> {
    span: &'a Span,
    ended_by: &'a Transfer,
}

/// Waits for models, and whose model came last in each, the longest first.
fn waits(trace: &Trace) -> Vec<Wait<'_>> {
    let mut taken: BTreeMap<u32, Vec<&Transfer>> = BTreeMap::new();
    trace.transfers.iter().for_each(|it| taken.entry(it.to).or_default().push(it));
    taken.values_mut().for_each(|all| all.sort_by_key(|it| (it.taken_ns, it.from)));
    let waiting = |span: &&Span| {
        matches!(span.activity, Activity::Stage(Stage::Start | Stage::Aggregate | Stage::Wait))
    };
    let ended_by = |span: &Span| {
        let all = taken.get(&span.node)?;
        let after = all.partition_point(|it| it.taken_ns <= span.end_ns);
        let last = *all.get(after.checked_sub(1)?)?;
        (last.taken_ns > span.start_ns).then_some(last)
    };
    let found = trace.spans.iter().filter(waiting);
    let mut found: Vec<Wait<'_>> =
        found.filter_map(|span| Some(Wait { span, ended_by: ended_by(span)? })).collect();
    found.sort_by_key(|it| {
        (std::cmp::Reverse(it.span.end_ns - it.span.start_ns), it.span.node, it.span.start_ns)
    });
    found
}

/// How the time of the nodes went by, by stage.
fn by_stage(trace: &Trace) -> Vec<(Stage, i64, u64)> {
    let mut sums = [(0_i64, 0_u64); Stage::COUNT];
    for span in &trace.spans {
        if let Activity::Stage(stage) = span.activity {
            let (sum, many) = &mut sums[stage as usize];
            *sum = sum.saturating_add(span.end_ns - span.start_ns);
            *many += 1;
        }
    }
    let all = Stage::ALL.into_iter().zip(sums).map(|(stage, (sum, many))| (stage, sum, many));
    all.filter(|(.., many)| *many > 0).collect()
}

fn finding(trace: &Trace, waits: &[Wait<'_>]) -> String {
    let mut stages = by_stage(trace);
    let whole: i64 = stages.iter().map(|(_, sum, _)| sum).sum();
    stages.sort_by_key(|(stage, sum, _)| (std::cmp::Reverse(*sum), *stage));
    let most: Vec<String> = stages
        .iter()
        .take(3)
        .filter(|(_, sum, _)| *sum > 0)
        .map(|(stage, sum, _)| format!("{} in {}", share(*sum as f64, whole as f64), stage.name()))
        .collect();
    let mut text = format!("Nodes spent {} of their time.", listed(&most));
    if let Some(Wait { span, ended_by }) = waits.first() {
        let round = span.round.map(|round| format!(" in round {round}")).unwrap_or_default();
        text += &format!(
            " The longest wait for a model was that of node {}{round}: {}, until one came from node {}.",
            span.node,
            time(seconds(span.end_ns - span.start_ns)),
            ended_by.from
        );
    }
    text
}

fn shares(trace: &Trace) -> Table {
    let stages = by_stage(trace);
    let whole: i64 = stages.iter().map(|(_, sum, _)| sum).sum();
    let mut table = Table::new(
        "How the time of the nodes followed went by",
        &["Stage", "#Times", "#In all", "#Share", "#Each, on average"],
    );
    for (stage, sum, many) in stages {
        table.row([
            Cell::text(stage.name()),
            Cell::count(many),
            Cell::time(seconds(sum)),
            Cell::text(share(sum as f64, whole as f64)),
            Cell::time(seconds(sum) / many as f64),
        ]);
    }
    table
}

fn waited(trace: &Trace, waits: &[Wait<'_>]) -> Table {
    let mut table = Table::new(
        "Who waited for whom: the longest waits that a model ended, three of a round at most",
        &["#Node", "#Round", "Stage", "#Waited", "#Until", "Model", "#From node", "#On its way"],
    );
    let mut of_round: BTreeMap<Option<u32>, u32> = BTreeMap::new();
    let told = waits.iter().filter(|it| {
        let many = of_round.entry(it.span.round).or_default();
        *many += 1;
        *many <= 3
    });
    for Wait { span, ended_by } in told.take(LISTED) {
        let Activity::Stage(stage) = span.activity else { continue };
        table.row([
            Cell::text(span.node.to_string()),
            Cell::text(span.round.map_or_else(|| "-".to_owned(), |it| it.to_string())),
            Cell::text(stage.name()),
            Cell::time(seconds(span.end_ns - span.start_ns)),
            Cell::time(seconds(span.end_ns)),
            Cell::text(ended_by.command.name()),
            Cell::text(ended_by.from.to_string()),
            Cell::time(seconds(ended_by.taken_ns - ended_by.sent_ns)),
        ]);
    }
    let mut by_sender: BTreeMap<u32, u64> = BTreeMap::new();
    waits.iter().for_each(|it| *by_sender.entry(it.ended_by.from).or_default() += 1);
    let most = by_sender.iter().max_by_key(|(node, many)| (**many, std::cmp::Reverse(**node)));
    if let Some((node, many)) = most {
        let among = if trace.nodes.len() > 1 { " among the nodes followed" } else { "" };
        table.note = Some(format!(
            "Of {}{among} most, {}, ended with a model of node {node}.",
            counted(waits.len() as u64, "wait"),
            count(*many)
        ));
    }
    table
}

fn happened(trace: &Trace) -> Table {
    let mut table = Table::new("What happened on the way", &["#At", "What", "To whom"]);
    // What the script did to many stands there once, and not again for each of the nodes followed.
    let together: BTreeSet<(i64, Happening)> =
        trace.marks.iter().filter(|it| it.node.is_none()).map(|it| (it.at_ns, it.happening)).collect();
    let alone = |it: &&Mark| it.node.is_none() || !together.contains(&(it.at_ns, it.happening));
    let marks: Vec<&Mark> = trace.marks.iter().filter(alone).collect();
    for mark in marks.iter().take(LISTED) {
        let whom = match mark.node {
            Some(node) => format!("node {node}"),
            None => mark.whom.clone(),
        };
        table.row([Cell::time(seconds(mark.at_ns)), Cell::text(word(mark.happening)), Cell::text(whom)]);
    }
    if marks.len() > LISTED {
        table.note = Some(format!(
            "The first {LISTED} of {}; all of them are in trace.json.",
            count(marks.len() as u64)
        ));
    }
    table
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::wire::Command;

    #[test]
    fn a_wait_is_put_down_to_whoever_sent_the_last_model_in_it() {
        let wait = |node, start_ns, end_ns| Span {
            start_ns,
            node,
            activity: Activity::Stage(Stage::Wait),
            round: Some(0),
            end_ns,
        };
        let model = |from, to, sent_ns, taken_ns| Transfer {
            sent_ns,
            from,
            to,
            command: Command::AddModel,
            round: 0,
            taken_ns,
            bytes: 10,
        };
        let trace = Trace {
            nodes: vec![0, 1, 2],
            spans: vec![wait(0, 10, 50), wait(1, 10, 20), wait(2, 10, 90)],
            transfers: vec![model(1, 0, 5, 12), model(2, 0, 6, 50), model(2, 0, 6, 60), model(0, 1, 0, 5)],
            ..Trace::default()
        };
        let waits = waits(&trace);
        let told: Vec<_> =
            waits.iter().map(|it| (it.span.node, it.ended_by.from, it.ended_by.taken_ns)).collect();
        // Node 1 had its model before it waited, and node 2 got none.
        assert_eq!(told, [(0, 2, 50)]);
    }

    #[test]
    fn of_many_nodes_those_that_stand_out_are_drawn() {
        let mut findings = sample::findings();
        findings.trace.nodes = (0..500).collect();
        let mark =
            |node| Mark { at_ns: 5, node: Some(node), happening: Happening::Crash, whom: String::new() };
        findings.trace.marks = vec![mark(321)];
        findings.trace.spans.push(Span {
            start_ns: 0,
            node: 499,
            activity: Activity::Stage(Stage::Vote),
            round: Some(0),
            end_ns: i64::MAX / 4,
        });
        let rows = rows(&findings);
        assert_eq!(rows.len(), ROWS);
        assert!(rows.contains(&321) && rows.contains(&499) && rows.is_sorted(), "{rows:?}");
        let text = section(&findings).unwrap().parts.iter().map(|it| format!("{it:?}")).collect::<String>();
        assert!(text.contains("40 of the 500 followed"), "it says what is not drawn");
    }
}
