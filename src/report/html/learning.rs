//! How well was learnt: accuracy and loss by round with their spread over nodes, and how far models are apart.

use super::chart::{Axis, Data, Line, Lines, Mark, Real, Scale, Unit, points};
use super::view::{Cell, Chart, Section, Size, Table};
use super::words::{counted, fixed};
use crate::metrics::result::RunResult;
use crate::metrics::{Round, Spread};
use crate::report::{Findings, readable};

/// The section, if anything was evaluated.
pub fn section(findings: &Findings) -> Option<Section> {
    let result = &findings.result;
    let accuracy = quality(result, "accuracy", "Accuracy", |it| it.accuracy);
    let loss = quality(result, "loss", "Loss", |it| it.loss);
    let consensus = consensus(result);
    if accuracy.is_none() && loss.is_none() && consensus.is_none() {
        return None;
    }
    let charts = [&accuracy, &loss, &consensus];
    let finding = charts.into_iter().flatten().next().map(|chart| chart.finding.clone()).unwrap_or_default();
    let section = Section::new("learning", "What was learnt", finding).note(disagreement(result));
    Some(section.chart(accuracy).chart(loss).chart(consensus))
}

/// Rounds that have finite values, with them.
fn evaluated(result: &RunResult, of: impl Fn(&Round) -> Option<Spread>) -> Vec<(u32, Spread)> {
    let rounds = result.rounds.iter().filter_map(|round| Some((round.round, of(round)?)));
    rounds.filter(|(_, spread)| spread.mean.is_finite()).collect()
}

fn quality(
    result: &RunResult,
    id: &str,
    title: &str,
    of: impl Fn(&Round) -> Option<Spread>,
) -> Option<Chart> {
    let rounds = evaluated(result, of);
    let (&(first_round, first), &(last_round, last)) = (rounds.first()?, rounds.last()?);
    let spread = if fixed(last.min) == fixed(last.max) {
        "all nodes agree on it to three decimals".to_owned()
    } else {
        format!("nodes are between {} and {}", fixed(last.min), fixed(last.max))
    };
    let finding = if first_round == last_round {
        format!("{title} was {} after round {last_round}; {spread}.", fixed(last.mean))
    } else {
        let way = match last.mean.total_cmp(&first.mean) {
            std::cmp::Ordering::Greater => "rose",
            std::cmp::Ordering::Less => "fell",
            std::cmp::Ordering::Equal => "stayed",
        };
        format!(
            "{title} {way} from {} after round {first_round} to {} after round {last_round}; in the end {spread}.",
            fixed(first.mean),
            fixed(last.mean)
        )
    };
    let mut table = Table::new(format!("{title} by round"), &["#Round", "#Mean", "#Lowest", "#Highest"]);
    for (round, spread) in &rounds {
        let values = [spread.mean, spread.min, spread.max].map(|value| Cell::number(value, fixed));
        table.row([Cell::count((*round).into())].into_iter().chain(values));
    }
    let line = Line {
        name: "mean over nodes".to_owned(),
        points: points(rounds.iter().map(|(round, spread)| [f64::from(*round), spread.mean])),
        band: rounds
            .iter()
            .filter(|(_, it)| it.min.is_finite() && it.max.is_finite())
            .map(|(round, it)| [f64::from(*round), it.min, it.max].map(Real))
            .collect(),
        ..Line::default()
    };
    let lines = Lines {
        x: Axis::new("round", Unit::Count, Scale::Linear),
        y: Axis::new(id, Unit::Plain, Scale::Linear),
        lines: vec![line],
        marks: asked(result, &format!("final.{id}.mean")),
    };
    Some(Chart {
        id: id.to_owned(),
        title: format!("{title} by round"),
        finding,
        size: Size::Normal,
        choices: Vec::new(),
        table,
        data: Data::Lines(lines),
    })
}

/// What thresholds ask of a figure, as lines across.
fn asked(result: &RunResult, figure: &str) -> Vec<Mark> {
    let asked = result.thresholds.iter().filter_map(|it| {
        let mut words = it.threshold.split_whitespace();
        let (path, sign, value) = (words.next()?, words.next()?, words.next()?);
        let value: f64 = value.parse().ok().filter(|_| path == figure)?;
        Some(Mark { x: None, y: Some(Real(value)), text: format!("asked: {sign} {value}") })
    });
    asked.collect()
}

fn consensus(result: &RunResult) -> Option<Chart> {
    let rounds = result.rounds.iter().filter_map(|it| Some((it.round, it.consensus_distance?)));
    let rounds: Vec<(u32, f64)> = rounds.filter(|(_, distance)| distance.is_finite()).collect();
    let (&(first_round, first), &(last_round, last)) = (rounds.first()?, rounds.last()?);
    let how = if first_round == last_round || first <= 0.0 || last <= 0.0 {
        String::new()
    } else if last < first * 0.99 {
        format!(", {} times closer than after round {first_round}", readable::digits(first / last))
    } else if last > first * 1.01 {
        format!(", {} times further apart than after round {first_round}", readable::digits(last / first))
    } else {
        format!(", as after round {first_round}")
    };
    let finding = match last {
        0.0 => format!("After round {last_round} all models were the same."),
        _ => format!(
            "After round {last_round} models were {} from their mean (root mean square){how}.",
            readable::digits(last)
        ),
    };
    let mut table = Table::new("Consensus distance by round", &["#Round", "#Distance"]);
    for (round, distance) in &rounds {
        table.row([Cell::count((*round).into()), Cell::number(*distance, readable::digits)]);
    }
    // 0 has no logarithm, and is in the table.
    let scale = if rounds.iter().any(|(_, distance)| *distance > 0.0) { Scale::Log } else { Scale::Zero };
    let seen = rounds.iter().filter(|(_, distance)| scale != Scale::Log || *distance > 0.0);
    let lines = Lines {
        x: Axis::new("round", Unit::Count, Scale::Linear),
        y: Axis::new("distance", Unit::Plain, scale),
        lines: vec![Line {
            name: "distance from the mean model".to_owned(),
            points: points(seen.map(|(round, distance)| [f64::from(*round), *distance])),
            ..Line::default()
        }],
        marks: Vec::new(),
    };
    Some(Chart {
        id: "consensus".to_owned(),
        title: "Consensus distance by round".to_owned(),
        finding,
        size: Size::Normal,
        choices: Vec::new(),
        table,
        data: Data::Lines(lines),
    })
}

/// Rounds in which nodes did not agree on who trains.
fn disagreement(result: &RunResult) -> Option<String> {
    let split: Vec<_> = result.rounds.iter().filter(|round| round.train_sets.len() > 1).collect();
    let most = split.iter().max_by_key(|round| round.train_sets.len())?;
    Some(format!(
        "In {} of {} nodes did not agree on who trains: in round {} there were {} different train sets.",
        split.len(),
        counted(result.rounds.len() as u64, "round"),
        most.round,
        most.train_sets.len()
    ))
}
