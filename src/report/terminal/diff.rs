//! What has changed between two sides, for a person at a terminal: the verdict, the metrics, and on the virtual clock every
//! figure that differs.

use super::grid::{Grid, NOTHING};
use super::many::shown;
use super::sections::titled;
use super::{Style, WIDTH};
use crate::report::diff::{Diff, Judged, Row, percent, value};

/// Differences that are shown unless all are asked for.
const DIFFERENCES: usize = 25;

/// The comparison, with a newline at its end.
pub fn diff_table(diff: &Diff, all: bool, style: Style) -> String {
    let diff = &*crate::say::shown(diff);
    let headline = textwrap::fill(&diff.headline(), usize::from(WIDTH));
    let mut sections = vec![style.paint(&headline, console::Style::bold)];
    sections.extend(metrics(diff, all, style));
    sections.extend(differences(diff, all, style));
    sections.extend(diff.notes.iter().map(|note| {
        let lines: Vec<String> = note.lines().map(|line| textwrap::fill(line, usize::from(WIDTH))).collect();
        style.paint(&lines.join("\n"), |paint| paint.yellow())
    }));
    let mut text = sections.join("\n\n");
    text.push('\n');
    text
}

/// Those that changed, unless all are asked for.
fn metrics(diff: &Diff, all: bool, style: Style) -> Option<String> {
    let header = ["", "baseline", "current", "change", "95 % interval", "pairs", "limit", "verdict", "from"];
    let mut grid = Grid::new(&header).text_columns(&[0, 7, 8]);
    let (shown, same): (Vec<&Row>, Vec<&Row>) =
        diff.metrics.iter().partition(|row| all || row.verdict != Judged::Same);
    let pairs = diff.metrics.iter().filter_map(|row| row.paired).map(|it| it.n).max();
    shown.iter().for_each(|row| grid.row(cells(row, pairs, style)));
    let title = match pairs {
        Some(n) => format!("Metrics: means over {n} pairs of runs with the same seed"),
        None => "Metrics".to_owned(),
    };
    let table = grid.render(style).and_then(|table| titled(&title, table, style));
    let same = match same.len() {
        0 => None,
        1 => Some("1 metric is the same".to_owned()),
        n => Some(format!("{n} metrics are the same")),
    };
    let parts: Vec<String> = table.into_iter().chain(same.map(|it| format!("  {it}"))).collect();
    let parts = [Some(parts.join("\n")).filter(|it| !it.is_empty()), worst(&shown, style)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// `pairs` are those of most metrics: how many there are is said of the others.
fn cells(row: &Row, pairs: Option<usize>, style: Style) -> [String; 9] {
    let changed = row.verdict != Judged::Same;
    let from = if row.worst.is_none() { row.from_told() } else { String::new() };
    [
        row.path.clone(),
        value_told(row.baseline_shown(), row, style),
        value_told(row.current_shown(), row, style),
        if changed { row.change_told() } else { NOTHING.to_owned() },
        told(if changed { row.interval_told(" .. ") } else { String::new() }),
        row.paired.filter(|it| Some(it.n) != pairs).map_or(NOTHING.to_owned(), |it| it.n.to_string()),
        row.limit_told(),
        row.verdict.name().to_owned(),
        told(from),
    ]
}

/// Of several seeds, the one in which each metric came out worst.
fn worst(rows: &[&Row], style: Style) -> Option<String> {
    let header = ["", "worst seed", "baseline", "current", "change", "mean change from"];
    let mut grid = Grid::new(&header).text_columns(&[0, 5]);
    for row in rows {
        let Some(worst) = row.worst else { continue };
        grid.row([
            row.path.clone(),
            worst.seed.to_string(),
            value_told(worst.baseline, row, style),
            value_told(worst.current, row, style),
            row.worst_told(),
            told(row.from_told()),
        ]);
    }
    titled("The seed in which each is worst", grid.render(style)?, style)
}

fn value_told(value: Option<f64>, row: &Row, style: Style) -> String {
    value.map_or(NOTHING.to_owned(), |it| shown(it, row.unit(), style))
}

fn told(text: String) -> String {
    Some(text).filter(|it| !it.is_empty()).unwrap_or_else(|| NOTHING.to_owned())
}

fn differences(diff: &Diff, all: bool, style: Style) -> Option<String> {
    let mut grid = Grid::new(&["", "baseline", "current", "change", "seed"]);
    let count = diff.differences.len();
    let most = if all { count } else { DIFFERENCES };
    for it in diff.differences.iter().take(most) {
        let change = it.change.map_or(NOTHING.to_owned(), percent);
        let seed = it.seed.map_or(NOTHING.to_owned(), |seed| seed.to_string());
        grid.row([
            it.path.clone(),
            plain(&value(&it.baseline), style),
            plain(&value(&it.current), style),
            change,
            seed,
        ]);
    }
    let mut text = titled(&format!("Figures that differ: {count}"), grid.render(style)?, style)?;
    if count > most {
        text += &format!("\n  and {} more; --all shows them", count - most);
    }
    Some(text)
}

/// Without what the terminal cannot show: a value may be any text of a scenario.
fn plain(text: &str, style: Style) -> String {
    if style.unicode { text.to_owned() } else { text.replace(|it: char| !it.is_ascii(), "?") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::diff::sample;

    const RICH: Style = Style { colour: false, unicode: true };

    #[test]
    fn a_regression_on_the_virtual_clock() {
        insta::assert_snapshot!(diff_table(&sample::regressed(), false, RICH));
    }

    #[test]
    fn several_seeds_on_the_virtual_clock() {
        insta::assert_snapshot!(diff_table(&sample::repeated_exactly(), false, RICH));
    }

    #[test]
    fn runs_on_the_real_clock() {
        insta::assert_snapshot!(diff_table(&sample::repeated(), false, RICH));
    }

    #[test]
    fn one_run_a_side() {
        insta::assert_snapshot!(diff_table(&sample::undecided(), false, RICH));
    }

    #[test]
    fn another_scenario_that_ended_worse() {
        insta::assert_snapshot!(diff_table(&sample::otherwise(), false, RICH));
    }

    #[test]
    fn all_differences_are_shown_if_they_are_asked_for() {
        let mut diff = sample::regressed();
        let one = diff.differences[0].clone();
        diff.differences = vec![one; DIFFERENCES + 7];
        assert!(diff_table(&diff, false, RICH).contains("and 7 more; --all shows them"));
        assert!(!diff_table(&diff, true, RICH).contains("--all"));
    }

    #[test]
    fn nothing_is_wider_than_the_page_or_says_more_than_the_style_allows() {
        for style in [Style::PLAIN, RICH, Style { colour: true, unicode: true }] {
            for diff in sample::all() {
                let text = diff_table(&diff, true, style);
                let widest = text.lines().map(console::measure_text_width).max();
                assert!(widest <= Some(usize::from(WIDTH)), "{widest:?} columns:\n{text}");
                assert_eq!(style.colour, text.contains('\u{1b}'), "{text:?}");
                assert!(style.unicode || text.is_ascii(), "{text}");
            }
        }
    }
}
