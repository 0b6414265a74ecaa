//! A table without lines: a dim header, columns two spaces apart, figures to the right.

use super::{Style, WIDTH};
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};

/// What a cell says where there is nothing to say.
pub const NOTHING: &str = "-";

/// A table that is being filled, row by row.
pub struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    text_columns: Vec<usize>,
}

impl Grid {
    /// An empty table; headers may be empty. The first column holds text, the others figures.
    pub fn new(header: &[&str]) -> Self {
        Self {
            header: header.iter().map(|&title| title.to_owned()).collect(),
            rows: Vec::new(),
            text_columns: vec![0],
        }
    }

    /// Columns that hold text, by number.
    pub fn text_columns(mut self, columns: &[usize]) -> Self {
        self.text_columns = columns.to_vec();
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table, or nothing if it has no row. Columns that say nothing in any row are left out; long text is
    /// wrapped. Cells that say `FAILED`, `✗` or `worse` are red, `ok`, `✓` and `better` green.
    pub fn render(&self, style: Style) -> Option<String> {
        if self.rows.is_empty() {
            return None;
        }
        let columns: Vec<usize> = (0..self.header.len())
            .filter(|column| *column == 0 || self.rows.iter().any(|row| row[*column] != NOTHING))
            .collect();
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(WIDTH);
        if style.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let aligned = |column: usize, cell: Cell| {
            let text = self.text_columns.contains(&column);
            cell.set_alignment(if text { CellAlignment::Left } else { CellAlignment::Right })
        };
        if self.header.iter().any(|title| !title.is_empty()) {
            let title = |column: &usize| {
                aligned(*column, Cell::new(&self.header[*column]).add_attribute(Attribute::Dim))
            };
            table.set_header(columns.iter().map(title));
        }
        for row in &self.rows {
            let cell = |column: &usize| aligned(*column, coloured(&row[*column]));
            table.add_row(columns.iter().map(cell));
        }
        table.column_iter_mut().for_each(|column| {
            column.set_padding((2, 0));
        });
        Some(table.trim_fmt())
    }
}

fn coloured(text: &str) -> Cell {
    let cell = Cell::new(text);
    match text {
        "✗" | "FAILED" | "worse" | "gone" => cell.fg(Color::Red),
        "✓" | "ok" | "better" => cell.fg(Color::Green),
        "!" | "undecided" => cell.fg(Color::Yellow),
        _ => cell,
    }
}
