//! `compare.md`: the same as a table for a page, a row for each transport and a column for each figure.

use super::{Compare, CostTable, Row};
use crate::metrics::Sample;
use crate::report::figures::compared;
use crate::report::readable::digits;
use crate::report::terminal::{Style, shown};
use std::fmt::Write;

const STYLE: Style = Style { colour: false, unicode: true };

impl Compare {
    /// The text of `compare.md`.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", self.name, self.conditions());
        for rows in self.blocks() {
            if let Some(cell) = rows[0].cell {
                let _ = write!(text, "\n## {}\n", cell.told());
            }
            // What no transport has is no column.
            let figures: Vec<usize> =
                (0..compared().len()).filter(|&i| rows.iter().any(|row| row.told(i).0.is_some())).collect();
            text += &table(rows, &figures, |row, i| {
                row.told(i).0.map_or_else(String::new, |it| {
                    spread(it, |value| shown(value, compared()[i].unit(), STYLE))
                })
            });
            if rows.iter().any(|row| row.relative.is_some()) {
                let _ = write!(text, "\nRelative to {}:\n", self.first());
                let others: Vec<Row> = rows.iter().filter(|row| row.relative.is_some()).cloned().collect();
                text += &table(&others, &figures, |row, i| {
                    row.told(i).1.map_or_else(String::new, |it| spread(it, digits))
                });
            }
        }
        if let (Some(costs), Some(conditions)) = (&self.costs, self.conditions_of_costs()) {
            let _ = write!(text, "\n## What each costs by itself\n\n{conditions}\n");
            costs.tables().iter().for_each(|it| text += &format!("\n### {}\n\n{}", it.title, it.markdown()));
        }
        let notes = self.notes();
        if !notes.is_empty() {
            let _ = writeln!(text, "\n{}", notes.join("\n\n"));
        }
        text
    }
}

impl CostTable {
    /// As a table of Markdown, with a newline at its end.
    pub fn markdown(&self) -> String {
        // What no transport has is no column.
        let columns: Vec<usize> =
            (0..self.columns.len()).filter(|&i| self.rows.iter().any(|(_, row)| row[i].is_some())).collect();
        let titles: String = columns.iter().map(|&i| format!(" {} |", self.columns[i])).collect();
        let mut text = format!("| transport |{titles}\n| --- |{}\n", " ---: |".repeat(columns.len()));
        for (transport, row) in &self.rows {
            let show = |(value, unit)| shown(value, unit, STYLE);
            let cells: String =
                columns.iter().map(|&i| format!(" {} |", row[i].map_or_else(String::new, show))).collect();
            let _ = writeln!(text, "| {transport} |{cells}");
        }
        text
    }
}

fn table(rows: &[Row], figures: &[usize], cell: impl Fn(&Row, usize) -> String) -> String {
    let titles: String = figures.iter().map(|&i| format!(" {} |", compared()[i].title())).collect();
    let mut text = format!("\n| transport |{titles}\n| --- |{}\n", " ---: |".repeat(figures.len()));
    for row in rows {
        let cells: String = figures.iter().map(|&i| format!(" {} |", cell(row, i))).collect();
        let _ = writeln!(text, "| {}{} |{cells}", row.transport, if row.is_doubtful() { " (!)" } else { "" });
    }
    text
}

/// The median, and its interval if there is one.
fn spread(sample: &Sample, show: impl Fn(f64) -> String) -> String {
    let interval =
        sample.interval.map_or_else(String::new, |it| format!(" ({} … {})", show(it.low), show(it.high)));
    show(sample.median) + &interval
}
