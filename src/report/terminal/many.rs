//! What many runs say together.

use super::grid::{Grid, NOTHING};
use super::sections::{fixed, titled};
use super::{Style, WIDTH};
use crate::metrics::Sample;
use crate::report::figures::{Count, amount, bytes};
use crate::report::many::{self, FIGURES, Held, Outcomes, RunRow, Unit};
use crate::report::repeats::Repeats;
use crate::report::sweep::{Sweep, plain};
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

/// At most so many combinations are shown; the others are in `sweep.csv`.
const COMBINATIONS_SHOWN: usize = 50;

/// What the combinations of a sweep came to, a row for each, with a newline at the end; medians where there are several
/// seeds.
pub fn sweep_table(sweep: &Sweep, style: Style) -> String {
    let name = &sweep.name;
    let done = sweep.rows.len();
    let outcomes = Outcomes::of(sweep.rows.iter().map(|it| &it.row)).told();
    let mut text = match (done, sweep.total) {
        (0, total) => format!("{name}: none of {total} runs is done."),
        (done, total) if done < total => format!("{name}: {done} of {total} runs are done, {outcomes}."),
        (_, total) => format!("{name}: {total} runs, {outcomes}."),
    };
    text = style.paint(&textwrap::fill(&text, usize::from(WIDTH)), console::Style::bold);
    let combinations = sweep.rows.chunk_by(|a, b| a.settings == b.settings).collect::<Vec<_>>();
    let figures = [
        ("accuracy", "final.accuracy.mean", Unit::Plain),
        ("distance", "final.consensus_distance", Unit::Plain),
        ("ended after", "ended_s", Unit::Time),
        ("round p50", "latency.round.p50", Unit::Time),
        ("messages", "messages.total.sent", Unit::Count),
        ("on the wire", "messages.total.wire_bytes", Unit::Bytes),
        ("wall", "cost.wall_s", Unit::Time),
    ];
    let mut header: Vec<&str> = sweep.settings.iter().map(|it| it.path.as_str()).collect();
    let text_columns: Vec<usize> = (0..=header.len()).collect();
    header.push("");
    header.extend(figures.iter().map(|(title, ..)| *title));
    let mut grid = Grid::new(&header).text_columns(&text_columns);
    for runs in combinations.iter().take(COMBINATIONS_SHOWN) {
        let rows: Vec<RunRow> = runs.iter().map(|it| it.row.clone()).collect();
        let value = |path: &str| runs[0].settings.get(path).map(plain).unwrap_or_default();
        let mut cells: Vec<String> = sweep.settings.iter().map(|it| value(&it.path)).collect();
        cells.push(match (sweep.repeat, rows.as_slice()) {
            (1, [row]) => row.outcome.name().to_owned(),
            _ => Outcomes::of(&rows).told(),
        });
        cells.extend(figures.iter().map(|(_, path, unit)| {
            many::sample(&rows, path).map_or(NOTHING.to_owned(), |it| shown(it.median, *unit, style))
        }));
        grid.row(cells);
    }
    if let Some(table) = grid.render(style) {
        let medians = if sweep.repeat > 1 { "Medians" } else { "Figures" };
        let title = match combinations.len() {
            n if n > COMBINATIONS_SHOWN => {
                format!("{medians} ({COMBINATIONS_SHOWN} of {n} shown, all are in sweep.csv)")
            }
            _ => medians.to_owned(),
        };
        let _ = write!(text, "\n\n{}", titled(&title, table, style).unwrap_or_default());
    }
    text.push('\n');
    text
}
