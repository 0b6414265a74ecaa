//! What transports cost by themselves: tables, and the CPU of a message as bars.

use super::grid::{Grid, NOTHING};
use super::many::shown;
use super::sections::titled;
use super::{Style, WIDTH};
use crate::costs::Costs;
use crate::report::compare::CostTable;
use crate::report::figures::nature::Unit;

/// The sections, without what is between them.
pub(super) fn sections(costs: &Costs, style: Style) -> Vec<String> {
    let tables = costs.tables();
    let mut sections: Vec<String> = tables.iter().filter_map(|it| table(it, style)).collect();
    // Behind the table that has its numbers.
    sections.splice(1.min(sections.len())..1.min(sections.len()), bars(costs, style));
    sections
}

fn table(it: &CostTable, style: Style) -> Option<String> {
    let columns = std::iter::once("").chain(it.columns.iter().map(String::as_str));
    let mut grid = Grid::new(&columns.collect::<Vec<_>>());
    for (transport, figures) in &it.rows {
        let figures = figures
            .iter()
            .map(|it| it.map_or_else(|| NOTHING.to_owned(), |(value, unit)| shown(value, unit, style)));
        grid.row(std::iter::once(transport.clone()).chain(figures));
    }
    titled(&it.title, grid.render(style)?, style)
}

/// A bar for each transport: what a message takes of the CPU where most are under way.
fn bars(costs: &Costs, style: Style) -> Option<String> {
    let most = costs.most();
    let rows: Vec<(&str, f64)> =
        costs.transports.iter().filter_map(|it| Some((it.transport.as_str(), it.cpu(most)?))).collect();
    let largest = rows.iter().map(|row| row.1).fold(0.0, f64::max);
    if rows.len() < 2 || largest <= 0.0 {
        return None;
    }
    let names = rows.iter().map(|row| row.0.len()).max().unwrap_or_default();
    let room = usize::from(WIDTH) - names - 16;
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| {
            let bar = bar(value / largest, room, style);
            format!("  {name:<names$}  {bar} {}", shown(*value, Unit::Time, style))
        })
        .collect();
    titled(&format!("CPU of a message, {most} under way"), lines.join("\n"), style)
}

/// A bar as long as a share of the room, at least a trace of one.
fn bar(share: f64, room: usize, style: Style) -> String {
    if !style.unicode {
        return "#".repeat(((share * room as f64).round() as usize).max(1));
    }
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = ((share * room as f64 * 8.0).round() as usize).max(1);
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_nothing() {
        let rich = Style { colour: false, unicode: true };
        assert_eq!((bar(0.5, 10, rich), bar(1.0, 4, rich)), ("█████".into(), "████".into()));
        assert_eq!((bar(0.05, 10, rich), bar(0.0, 10, rich)), ("▌".into(), "▏".into()));
        assert_eq!((bar(0.5, 10, Style::PLAIN), bar(0.0, 10, Style::PLAIN)), ("#####".into(), "#".into()));
    }
}
