//! What many runs say together.

use super::grid::{Grid, NOTHING};
use super::sections::{fixed, titled};
use super::{Style, WIDTH};
use crate::metrics::Sample;
use crate::report::figures::kept;
use crate::report::figures::nature::Unit;
use crate::report::many::{self, Held, Outcomes, RunRow};
use crate::report::readable::{Count, amount, bytes};
use crate::report::repeats::Repeats;
use crate::report::sweep::{Setting, Sweep, plain};
use std::fmt::Write;

/// The summary of runs of one scenario, with a newline at its end.
pub fn repeats_summary(repeats: &Repeats, style: Style) -> String {
    let repeats = &*crate::say::shown(repeats);
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
    for figure in kept() {
        let Some(sample) = repeats.figures.get(figure.path).copied().flatten() else { continue };
        let show = |value| shown(value, figure.unit(), style);
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
        let runs = format!("held in {} of {}", it.passed, it.n);
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
pub fn shown(value: f64, unit: Unit, style: Style) -> String {
    match unit {
        Unit::Time => style.time(value),
        Unit::Bytes => bytes(value),
        Unit::Count => amount(value),
        Unit::Rate => format!("{}/s", amount(value)),
        Unit::ByteRate => format!("{}/s", bytes(value)),
        Unit::Plain => fixed(value),
    }
}

/// At most so many combinations are shown; the others are in `sweep.csv`.
const COMBINATIONS_SHOWN: usize = 50;

/// What the combinations of a sweep came to, a row for each, with a newline at the end; medians where there are several
/// seeds.
pub fn sweep_table(sweep: &Sweep, style: Style) -> String {
    let sweep = &*crate::say::shown(sweep);
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
    let figures = || kept().filter_map(|it| it.column.map(|title| (title, it)));
    // What has one value only is the same in every row.
    let settings = || sweep.settings.iter().filter(|it| it.values.len() > 1);
    let mut header: Vec<&str> = settings().map(|it| short(&it.path, &sweep.settings)).collect();
    let text_columns: Vec<usize> = (0..=header.len()).collect();
    header.push(if sweep.repeat > 1 { "completed" } else { "" });
    header.extend(figures().map(|(title, _)| title));
    let mut grid = Grid::new(&header).text_columns(&text_columns);
    for runs in combinations.iter().take(COMBINATIONS_SHOWN) {
        let rows: Vec<RunRow> = runs.iter().map(|it| it.row.clone()).collect();
        let value = |path: &str| runs[0].settings.get(path).map(plain).unwrap_or_default();
        let mut cells: Vec<String> = settings().map(|it| value(&it.path)).collect();
        cells.push(match (sweep.repeat, rows.as_slice()) {
            (1, [row]) => row.outcome.name().to_owned(),
            _ => format!("{} of {}", Outcomes::of(&rows).completed, rows.len()),
        });
        cells.extend(figures().map(|(_, figure)| {
            let sample = many::sample(&rows, figure.path);
            sample.map_or(NOTHING.to_owned(), |it| shown(it.median, figure.unit(), style))
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

/// The last name of a path, if no other setting has the same.
fn short<'a>(path: &'a str, settings: &[Setting]) -> &'a str {
    let last = |path: &'a str| path.rsplit('.').next().unwrap_or(path);
    let same = settings.iter().filter(|it| it.path.rsplit('.').next() == Some(last(path))).count();
    if same == 1 { last(path) } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::result::{Outcome, RunResult};
    use crate::report::sample;
    use crate::report::sweep::SCHEMA;
    use serde_json::json;

    const RICH: Style = Style { colour: false, unicode: true };

    fn rows(results: &[RunResult]) -> Vec<RunRow> {
        let row = |(run, result)| RunRow::of(run, &run.to_string(), 665 + run as u64, result);
        (1..).zip(results).map(row).collect()
    }

    fn repeats() -> Repeats {
        let results = [sample::full(), sample::many_rounds(), sample::stalled(), sample::full()];
        Repeats::of(json!({ "name": "ring-100" }), 4, false, rows(&results))
    }

    fn broken_off() -> Repeats {
        let results = [sample::full(), sample::failed(), sample::interrupted()];
        Repeats::of(json!({ "name": "ring-100" }), 9, true, rows(&results))
    }

    fn sweep(repeat: u32) -> Sweep {
        let setting = |path: &str, values| Setting { path: path.into(), values };
        let mut sweep = Sweep {
            schema: SCHEMA.into(),
            name: "ring-100".into(),
            settings: vec![
                setting("workflow.trainset_size", vec![json!(4), json!(8)]),
                setting("topology.kind", vec![json!("ring"), json!("static_exponential")]),
            ],
            repeat,
            total: 4 * repeat as usize,
            sweep_hash: String::new(),
            rows: Vec::new(),
            combinations: Vec::new(),
        };
        let results = [sample::full(), sample::stalled(), sample::many_rounds(), sample::full()];
        for (i, row) in rows(&results).into_iter().enumerate() {
            let i = i / repeat as usize;
            let (trainset, kind) = ([4, 8][i / 2], ["ring", "static_exponential"][i % 2]);
            let settings = json!({ "workflow.trainset_size": trainset, "topology.kind": kind });
            sweep.add(settings.as_object().unwrap().clone(), row);
        }
        sweep
    }

    #[test]
    fn runs_that_repeat() {
        insta::assert_snapshot!(repeats_summary(&repeats(), RICH));
    }

    #[test]
    fn runs_that_were_broken_off() {
        insta::assert_snapshot!(repeats_summary(&broken_off(), RICH));
    }

    #[test]
    fn a_sweep() {
        insta::assert_snapshot!(sweep_table(&sweep(1), RICH));
    }

    #[test]
    fn a_sweep_of_medians_that_is_not_done() {
        insta::assert_snapshot!(sweep_table(&sweep(2), RICH));
    }

    #[test]
    fn nothing_is_wider_than_the_page_or_says_more_than_the_style_allows() {
        for style in [Style::PLAIN, RICH, Style { colour: true, unicode: true }] {
            let mut texts = [repeats(), broken_off()].map(|it| repeats_summary(&it, style)).to_vec();
            texts.extend([1, 2].map(|repeat| sweep_table(&sweep(repeat), style)));
            for text in texts {
                let widest = text.lines().map(console::measure_text_width).max();
                assert!(widest <= Some(usize::from(WIDTH)), "{widest:?} columns:\n{text}");
                assert_eq!(style.colour, text.contains('\u{1b}'));
                assert!(style.unicode || text.is_ascii(), "{text}");
            }
        }
    }

    #[test]
    fn what_was_broken_off_is_no_row_of_a_sweep() {
        let mut sweep = sweep(1);
        sweep.rows.clear();
        for row in rows(&[sample::full(), sample::interrupted()]).into_iter().rev() {
            sweep.add(serde_json::Map::new(), row);
        }
        assert_eq!(sweep.rows.iter().map(|it| it.row.outcome).collect::<Vec<_>>(), [Outcome::Completed]);
        assert!(sweep_table(&sweep, RICH).starts_with("ring-100: 1 of 4 runs are done, 1 completed."));
    }
}
