//! What transports cost, side by side: figure by figure, so that what is to be compared stands in one column.

use super::costs;
use super::grid::{Grid, NOTHING};
use super::many::shown;
use super::sections::titled;
use super::{Style, WIDTH};
use crate::metrics::Sample;
use crate::report::compare::{Compare, Row};
use crate::report::figures::compared;
use crate::report::readable::digits;

/// The comparison, with a newline at its end.
pub fn compare_table(compare: &Compare, style: Style) -> String {
    let compare = &*crate::say::shown(compare);
    let mut sections = vec![headline(compare, style)];
    sections.extend(compare.blocks().filter_map(|rows| block(compare, rows, style)));
    if let (Some(costs), Some(conditions)) = (&compare.costs, compare.conditions_of_costs()) {
        let text = textwrap::fill(&conditions, usize::from(WIDTH));
        sections.push(style.paint(&text, console::Style::bold));
        sections.extend(costs::sections(costs, style));
    }
    sections.extend(troubles(compare, style));
    sections.extend(compare.notes().iter().map(|note| {
        let text = textwrap::fill(note, usize::from(WIDTH));
        style.paint(&text, |paint| paint.yellow())
    }));
    let mut text = sections.join("\n\n");
    text.push('\n');
    text
}

fn headline(compare: &Compare, style: Style) -> String {
    let text = textwrap::fill(&format!("{}: {}", compare.name, compare.conditions()), usize::from(WIDTH));
    style.paint(&text, console::Style::bold)
}

/// The table of one cell of a probe, or of all there is.
fn block(compare: &Compare, rows: &[Row], style: Style) -> Option<String> {
    let versus = format!("/ {}", compare.first());
    let mut grid =
        Grid::new(&["", "", "median", "95 % interval", &versus, "95 % interval"]).text_columns(&[0, 1]);
    for (i, figure) in compared().iter().enumerate() {
        let mut title = figure.title();
        for row in rows {
            let (Some(sample), relative) = row.told(i) else { continue };
            let mark = if row.is_doubtful() { " !" } else { "" };
            let show = |value| shown(value, figure.unit(), style);
            grid.row([
                // Once for all transports.
                std::mem::take(&mut title).to_owned(),
                format!("{}{mark}", row.transport),
                show(sample.median),
                interval(Some(sample), show),
                relative.map_or(NOTHING.to_owned(), |it| digits(it.median)),
                interval(relative, digits),
            ]);
        }
    }
    let title = match rows.first()?.cell {
        Some(cell) => cell.told(),
        None => "Transports".to_owned(),
    };
    titled(&title, grid.render(style)?, style)
}

fn interval(sample: Option<&Sample>, show: impl Fn(f64) -> String) -> String {
    let interval = sample.and_then(|it| it.interval);
    interval.map_or(NOTHING.to_owned(), |it| format!("{} .. {}", show(it.low), show(it.high)))
}

/// Runs that did not complete, and why.
fn troubles(compare: &Compare, style: Style) -> Option<String> {
    let mut grid = Grid::new(&["transport", "run", "outcome", "reason"]).text_columns(&[0, 2, 3]);
    for run in compare.runs.iter().filter(|run| run.row.reason.is_some()) {
        let reason = run.row.reason.clone().unwrap_or_default();
        let outcome = run.row.outcome.name().to_owned();
        grid.row([run.transport.clone(), run.repeat.to_string(), outcome, reason]);
    }
    titled("Runs that did not complete", grid.render(style)?, style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::compare::sample;

    const RICH: Style = Style { colour: false, unicode: true };

    #[test]
    fn transports_that_repeat() {
        insta::assert_snapshot!(compare_table(&sample::repeated(), RICH));
    }

    #[test]
    fn transports_that_ran_once() {
        insta::assert_snapshot!(compare_table(&sample::once(), RICH));
    }

    #[test]
    fn transports_by_themselves() {
        insta::assert_snapshot!(compare_table(&sample::by_themselves(), RICH));
    }

    #[test]
    fn transports_of_which_some_went_wrong() {
        insta::assert_snapshot!(compare_table(&sample::troubled(), RICH));
    }

    #[test]
    fn a_comparison_in_which_nothing_can_be_compared() {
        insta::assert_snapshot!(compare_table(&sample::without_first(), RICH));
    }

    #[test]
    fn the_cells_of_a_probe() {
        insta::assert_snapshot!(compare_table(&sample::probe(), RICH));
    }

    #[test]
    fn nothing_is_wider_than_the_page_or_says_more_than_the_style_allows() {
        for style in [Style::PLAIN, RICH, Style { colour: true, unicode: true }] {
            for compare in sample::all() {
                let text = compare_table(&compare, style);
                let widest = text.lines().map(console::measure_text_width).max();
                assert!(widest <= Some(usize::from(WIDTH)), "{widest:?} columns:\n{text}");
                assert_eq!(style.colour, text.contains('\u{1b}'));
                assert!(style.unicode || text.is_ascii(), "{text}");
            }
        }
    }
}
