//! How long things took: the whole spectrum of percentiles, each command and stage beside the others, and how it went
//! over time.

use super::chart::{Axis, Data, Line, Lines, Range, Ranges, Real, Scale, Unit, points, thinned};
use super::view::{Cell, Chart, Section, Size, Table};
use super::words::{count, time};
use crate::metrics::Summary;
use crate::metrics::result::RunResult;
use crate::report::Findings;
use crate::report::findings::Spectrum;

/// Lines of a spectrum that can be told apart.
const LINES: usize = 6;

/// The section, if anything was measured.
pub fn section(findings: &Findings) -> Option<Section> {
    let result = &findings.result;
    let messages = spectrum(findings, "messages", "Latency of messages", &messages(result));
    let stages = spectrum(findings, "stages", "Duration of rounds and stages", &["round", "stage."]);
    let gossip = spectrum(findings, "gossip", "Dissemination of gossip", &["dissemination"]);
    let commands = ranges(result, "by-command", "Latency by command", "message.");
    let rpcs = ranges(result, "by-rpc", "Time until the answer, by command", "rpc.");
    let by_stage = ranges(result, "by-stage", "Duration by stage", "stage.");
    let lateness = spectrum(findings, "lateness", "Timers that came late", &["timer_lateness"]);
    let over_time = over_time(findings);
    let charts = [messages, over_time, commands, rpcs, stages, by_stage, gossip, lateness];
    if charts.iter().all(Option::is_none) {
        return None;
    }
    let mut section = Section::new("latency", "How long things took", finding(result)).note(clock(result));
    for chart in charts {
        section = section.chart(chart);
    }
    Some(section.table(all(result)))
}

fn measured<'a>(result: &'a RunResult, name: &str) -> Option<&'a Summary> {
    result.latency.get(name).filter(|it| it.count > 0)
}

/// What is drawn of messages: all together, their answers, and the commands that occur most.
fn messages(result: &RunResult) -> Vec<&str> {
    let mut commands: Vec<_> = result
        .latency
        .iter()
        .filter(|(name, of)| name.starts_with("message.") && of.count > 0)
        .map(|(name, of)| (name.as_str(), of.count))
        .collect();
    commands.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let one = commands.len() < 2;
    let mut names = vec!["message", "rpc"];
    names.extend(commands.into_iter().filter(|_| !one).map(|(name, _)| name).take(LINES - 2));
    names
}

/// Whether all took as long, as far as one can see: of a network with one latency there is little to draw.
fn same(of: &Summary) -> bool {
    of.max <= of.min * 1.02
}

fn finding(result: &RunResult) -> String {
    let mut text = String::new();
    if let Some(it) = measured(result, "message").filter(|it| same(it)) {
        text += &format!("Each of {} messages took {}.", count(it.count), time(it.p50));
    } else if let Some(it) = measured(result, "message") {
        text += &format!(
            "Half of {} messages took at most {}, one in a hundred more than {}, and the slowest {}.",
            count(it.count),
            time(it.p50),
            time(it.p99),
            time(it.max)
        );
    }
    let stages = result.latency.iter().filter(|(name, of)| name.starts_with("stage.") && of.count > 0);
    if let Some((name, of)) = stages.max_by(|(_, a), (_, b)| a.mean.total_cmp(&b.mean)) {
        let stage = name.trim_start_matches("stage.");
        let round = measured(result, "round");
        let round = round.map(|it| format!(" of rounds that take {}", time(it.p50))).unwrap_or_default();
        text += &format!(" Of the stages {stage} is the longest: {} on average{round}.", time(of.mean));
    } else if let Some(it) = measured(result, "round") {
        text += &format!(" Half of the rounds took at most {}, the slowest {}.", time(it.p50), time(it.max));
    }
    text.trim_start().to_owned()
}

fn clock(result: &RunResult) -> Option<String> {
    (result.engine.clock == "real").then(|| {
        "Messages, answers and timers are in wall time; rounds, stages and dissemination in scenario time.".to_owned()
    })
}

/// Percentiles up to the last one that was measured, of the latencies of these names; a name that ends in a point
/// stands for all that begin with it.
fn spectrum(findings: &Findings, id: &str, title: &str, names: &[&str]) -> Option<Chart> {
    let result = &findings.result;
    let mut found: Vec<(&str, &Summary)> = Vec::new();
    for name in names {
        let all = result.latency.iter().filter(|(it, of)| {
            of.count > 0 && if name.ends_with('.') { it.starts_with(name) } else { it == name }
        });
        found.extend(all.map(|(name, of)| (name.as_str(), of)));
    }
    let &(first, summary) = found.first()?;
    let mut table = Table::new(format!("{title}: percentiles"), &PERCENTILES);
    found.iter().for_each(|(name, of)| table.row(percentiles(short(name), of)));
    let lines = found.iter().map(|(name, of)| Line {
        name: short(name).to_owned(),
        points: points(steps(findings.spectra.get(*name), of)),
        step: findings.spectra.contains_key(*name),
        ..Line::default()
    });
    let all_same =
        format!("{}: {} for each of {}.", sentence_name(first), time(summary.p50), count(summary.count));
    let finding = format!(
        "{}: the median is {}, the 99th percentile {}, the 99.9th {}, the longest {}.",
        sentence_name(first),
        time(summary.p50),
        time(summary.p99),
        time(summary.p999),
        time(summary.max)
    );
    let finding = if same(summary) { all_same } else { finding };
    let lines = Lines {
        x: Axis::new("percentile", Unit::Percentile, Scale::Log),
        y: Axis::new("time", Unit::Time, Scale::Log),
        lines: lines.filter(|line| !line.points.is_empty()).collect(),
        marks: Vec::new(),
    };
    Some(Chart {
        id: format!("spectrum-{id}"),
        title: title.to_owned(),
        finding,
        size: Size::Normal,
        choices: Vec::new(),
        table,
        data: Data::Lines(lines),
    })
}

/// A spectrum as points, x being 1 / (1 - quantile); of a folder that has none, the few percentiles of the summary.
/// The longest of n values stands at n. Times of 0 have no logarithm and begin at a nanosecond.
pub fn steps(spectrum: Option<&Spectrum>, summary: &Summary) -> Vec<[f64; 2]> {
    let count = summary.count as f64;
    let points: Vec<[f64; 2]> = match spectrum.filter(|it| !it.steps.is_empty()) {
        Some(spectrum) => {
            let count = spectrum.count as f64;
            let at = |quantile: f64| if quantile < 1.0 { (1.0 / (1.0 - quantile)).min(count) } else { count };
            let steps = spectrum.steps.iter().map(|it| [at(it.quantile).max(1.0), it.value_s.max(1e-9)]);
            // Below the median nothing is to be seen at this scale but two points.
            steps.collect()
        }
        None => {
            let known = [
                (1.0, summary.min),
                (2.0, summary.p50),
                (10.0, summary.p90),
                (100.0, summary.p99),
                (1_000.0, summary.p999),
            ];
            let known =
                known.into_iter().filter(|(at, _)| *at <= count).map(|(at, value)| [at, value.max(1e-9)]);
            known.chain([[count.max(1.0), summary.max.max(1e-9)]]).collect()
        }
    };
    let mut points: Vec<_> = points.into_iter().filter(|it| it[1].is_finite()).collect();
    points.dedup_by(|b, a| a[0] == b[0] && a[1] == b[1]);
    thinned(points)
}

fn ranges(result: &RunResult, id: &str, title: &str, prefix: &str) -> Option<Chart> {
    let of = |it: &(&String, &Summary)| it.0.starts_with(prefix) && it.1.count > 0;
    let mut found: Vec<(&str, &Summary)> =
        result.latency.iter().filter(of).map(|(name, of)| (name.as_str(), of)).collect();
    // One alone is in the spectrum.
    if found.len() < 2
        || found.iter().all(|(_, it)| same(it) && same(&Summary { min: found[0].1.min, ..**it }))
    {
        return None;
    }
    found.sort_by(|(_, a), (_, b)| b.p50.total_cmp(&a.p50));
    let (slowest, _) = found.first()?;
    let (tail, of_tail) =
        found.iter().max_by(|(_, a), (_, b)| (a.p99 / a.p50).total_cmp(&(b.p99 / b.p50)))?;
    let finding = format!(
        "Longest at the median is {}; the longest tail is that of {}: {} at the 99th percentile, {} at the median.",
        &slowest[prefix.len()..],
        &tail[prefix.len()..],
        time(of_tail.p99),
        time(of_tail.p50)
    );
    let mut table = Table::new(format!("{title}: percentiles"), &PERCENTILES);
    found.iter().for_each(|(name, of)| table.row(percentiles(&name[prefix.len()..], of)));
    let rows = found.iter().map(|(name, of)| Range {
        name: name[prefix.len()..].to_owned(),
        values: [of.min, of.p50, of.p90, of.p99, of.p999, of.max].map(|it| Real(it.max(1e-9))),
        count: of.count,
    });
    let rows: Vec<Range> = rows.collect();
    Some(Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        finding,
        size: Size::Rows(rows.len() as u32),
        choices: Vec::new(),
        table,
        data: Data::Ranges(Ranges { axis: Axis::new("time", Unit::Time, Scale::Log), rows }),
    })
}

/// The latency of messages in each stretch of time.
fn over_time(findings: &Findings) -> Option<Chart> {
    let name = ["message", "rpc", "round"].into_iter().find(|name| {
        findings.intervals.iter().filter(|it| it.name == *name && it.latency.count > 0).count() > 1
    })?;
    let intervals: Vec<_> =
        findings.intervals.iter().filter(|it| it.name == name && it.latency.count > 0).collect();
    if intervals.iter().all(|it| same(&Summary { min: intervals[0].latency.min, ..it.latency })) {
        return None;
    }
    let worst = intervals.iter().max_by(|a, b| a.latency.p99.total_cmp(&b.latency.p99))?;
    let finding = format!(
        "{}: the 99th percentile was highest, {}, in the {} from {} on.",
        sentence_name(name),
        time(worst.latency.p99),
        time(worst.length_s),
        time(worst.start_s)
    );
    type Figure = fn(&Summary) -> f64;
    let figures: [(&str, Figure, bool); 3] =
        [("p50", |it| it.p50, false), ("p99", |it| it.p99, false), ("longest", |it| it.max, true)];
    let lines = figures.into_iter().map(|(name, of, light)| Line {
        name: name.to_owned(),
        points: points(thinned(
            intervals.iter().map(|it| [it.start_s + it.length_s, of(&it.latency).max(1e-9)]).collect(),
        )),
        light,
        ..Line::default()
    });
    let mut table = Table::new("Latency over time", &["#From", "#Count", "#p50", "#p90", "#p99", "#Longest"]);
    let every = intervals.len().div_ceil(200);
    for it in intervals.iter().step_by(every) {
        let of = &it.latency;
        let times = [of.p50, of.p90, of.p99, of.max].map(Cell::time);
        table.row([Cell::time(it.start_s), Cell::count(of.count)].into_iter().chain(times));
    }
    if every > 1 {
        table.note = Some(format!("Each {every}th stretch of time; all of them are in intervals.hlog."));
    }
    let lines = Lines {
        x: Axis::new("time", Unit::Time, Scale::Linear),
        y: Axis::new("time", Unit::Time, Scale::Log),
        lines: lines.collect(),
        marks: Vec::new(),
    };
    Some(Chart {
        id: "latency-over-time".to_owned(),
        title: format!("{} over time", sentence_name(name)),
        finding,
        size: Size::Normal,
        choices: Vec::new(),
        table,
        data: Data::Lines(lines),
    })
}

/// All latencies, as `result.json` has them.
fn all(result: &RunResult) -> Table {
    let mut table = Table::new("All latencies", &PERCENTILES);
    for (name, of) in result.latency.iter().filter(|(_, of)| of.count > 0) {
        table.row(percentiles(name, of));
    }
    table
}

const PERCENTILES: [&str; 9] =
    ["", "#Count", "#Shortest", "#Mean", "#p50", "#p90", "#p99", "#p99.9", "#Longest"];

fn percentiles(name: &str, of: &Summary) -> [Cell; 9] {
    let [min, mean, p50, p90, p99, p999, max] =
        [of.min, of.mean, of.p50, of.p90, of.p99, of.p999, of.max].map(Cell::time);
    [Cell::text(name), Cell::count(of.count), min, mean, p50, p90, p99, p999, max]
}

fn short(name: &str) -> &str {
    match name {
        "message" => "all messages",
        "rpc" => "with the answer",
        "timer_lateness" => "timers late by",
        _ => name.split_once('.').map_or(name, |(_, rest)| rest),
    }
}

fn sentence_name(name: &str) -> &'static str {
    match name {
        "message" => "Latency of messages",
        "rpc" => "Time until the answer",
        "round" => "Duration of rounds",
        "dissemination" => "Gossip until a node first takes it",
        "timer_lateness" => "Timers after they were due",
        _ => "The first of them",
    }
}
