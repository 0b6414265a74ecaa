//! What many runs say together.

use super::grid::{Grid, NOTHING};
use super::sections::{fixed, titled};
use super::{Style, WIDTH};
use crate::metrics::Sample;
use crate::report::figures::{Count, amount, bytes};
use crate::report::many::{FIGURES, Held, RunRow, Unit};
use crate::report::repeats::Repeats;
use std::fmt::Write;

/// The summary of runs of one scenario, with a newline at its end.
pub fn repeats_summary(repeats: &Repeats, style: Style) -> String {
    let sections = [
        Some(headline(repeats, style)),
        figures(repeats, style),
        thresholds(&repeats.thresholds, style),
        troubles(&repeats.runs, style),
    ];
    let mut text = sections.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

fn headline(repeats: &Repeats, style: Style) -> String {
    let name = repeats.scenario["name"].as_str().unwrap_or("runs");
    let runs = &repeats.runs;
    let mut text = match runs.len() {
        0 => format!("{name}: no run began."),
        n => {
            let plural = if n == 1 { "run" } else { "runs" };
            format!("{name}: {n} {plural}, {}.", repeats.outcomes.told())
        }
    };
    if repeats.interrupted {
        let _ = write!(text, " Interrupted: {} were asked for.", repeats.repeat);
    }
    let overloaded = runs.iter().filter(|row| row.overloaded).count();
    if overloaded > 0 {
        let _ = write!(
            text,
            " {overloaded} of them overloaded: their figures measure this machine and not the scenario."
        );
    }
    let good = repeats.outcomes.completed == runs.len() && !repeats.interrupted && overloaded == 0;
    let bad = repeats.outcomes.stalled + repeats.outcomes.failed > 0;
    style.paint(&textwrap::fill(&text, usize::from(WIDTH)), |paint| match (good, bad) {
        (true, _) => paint.bold().green(),
        (_, true) => paint.bold().red(),
        _ => paint.bold().yellow(),
    })
}

fn figures(repeats: &Repeats, style: Style) -> Option<String> {
    let mut grid = Grid::new(&["", "runs", "median", "95 % interval", "min", "max"]);
    for figure in &FIGURES {
        let Some(sample) = repeats.figures.get(figure.path).copied().flatten() else { continue };
        let show = |value| shown(value, figure.unit, style);
        let interval =
            sample.interval.map_or(NOTHING.to_owned(), |it| format!("{} .. {}", show(it.low), show(it.high)));
        let Sample { n, median, min, max, .. } = sample;
        grid.row([
            figure.path.to_owned(),
            Count(n as u64).to_string(),
            show(median),
            interval,
            show(min),
            show(max),
        ]);
    }
    titled("Figures", grid.render(style)?, style)
}

/// What was asked of the runs, and in how many it holds.
fn thresholds(held: &[Held], style: Style) -> Option<String> {
    let mut grid = Grid::new(&["", "", ""]).text_columns(&[0, 1, 2]);
    for it in held {
        let runs = format!("in {} of {}", it.passed, it.n);
        grid.row([style.passed(it.passed == it.n).to_owned(), it.threshold.clone(), runs]);
    }
    titled("Thresholds", grid.render(style)?, style)
}

/// Runs that did not complete, and why.
fn troubles(runs: &[RunRow], style: Style) -> Option<String> {
    let mut grid = Grid::new(&["run", "seed", "outcome", "reason"]).text_columns(&[2, 3]);
    for row in runs.iter().filter(|row| row.reason.is_some()) {
        let reason = row.reason.clone().unwrap_or_default();
        grid.row([row.run.to_string(), row.seed.to_string(), row.outcome.name().to_owned(), reason]);
    }
    titled("Runs that did not complete", grid.render(style)?, style)
}

/// A value in its unit.
fn shown(value: f64, unit: Unit, style: Style) -> String {
    match unit {
        Unit::Time => style.time(value),
        Unit::Bytes => bytes(value),
        Unit::Count => amount(value),
        Unit::Rate => format!("{}/s", amount(value)),
        Unit::Plain => fixed(value),
    }
}
