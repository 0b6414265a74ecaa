//! What a page consists of, before it is HTML: sections with a finding each, and in them charts, tables and notes.
//!
//! The template and the script know these types and nothing of runs. What a section says is in the file of its name.

use super::chart::Data;
use serde::Serialize;

/// A part of the page under a heading.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// Its anchor.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What one sees in it, in a sentence or two with numbers.
    pub finding: String,
    /// What it shows, in order.
    pub parts: Vec<Part>,
}

/// Something in a section.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A chart with its table.
    Chart(Box<Chart>),
    /// A table.
    Table(Table),
    /// Something long that is opened by who wants it.
    Folded(Folded),
    /// Some words.
    Note(String),
}

/// A chart, drawn by the script from its data, and told by its finding and its table without it.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// Its anchor, by which the script finds its data.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What one sees in it, for those who hear it and those who see it.
    pub finding: String,
    /// How high it is.
    pub size: Size,
    /// What can be chosen: which of its measures is shown. None if there is nothing to choose.
    pub choices: Vec<String>,
    /// The numbers in it.
    pub table: Table,
    /// What the script draws; goes into the page once, beside the charts.
    #[serde(skip)]
    pub data: Data,
}

/// How high a chart is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// As most are: two stand side by side where there is room.
    #[default]
    Normal,
    /// As wide as the page.
    Wide,
    /// Wide and high.
    Tall,
    /// As high as so many rows.
    Rows(u32),
    /// As wide as the page, and as high as it has rows of nodes.
    Timeline(u32),
}

/// A table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// What it is of.
    pub caption: String,
    /// The heads of its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// What to know about it: what was left out.
    pub note: Option<String>,
}

/// The head of a column.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// Its words.
    pub title: String,
    /// Whether its cells are numbers, which stand under each other.
    pub number: bool,
}

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    /// As it is read.
    pub text: String,
    /// The number behind it, exactly as `result.json` has it.
    pub value: Option<String>,
    /// What it means: `good`, `bad` or `mark`.
    pub tone: Option<&'static str>,
    /// What stands beside it: by how much it differs.
    pub beside: Option<String>,
}

/// A text that is folded away.
#[derive(Clone, Debug, Serialize)]
pub struct Folded {
    /// What it is.
    pub title: String,
    /// The text, as it is.
    pub text: String,
}

/// A main figure, at the head of the page.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is.
    pub title: &'static str,
    /// Its value.
    pub cell: Cell,
    /// What else there is to say of it.
    pub more: String,
}

impl Table {
    /// A table without rows. Columns whose title begins with `#` are numbers.
    pub fn new(caption: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|title| match title.strip_prefix('#') {
            Some(title) => Column { title: title.to_owned(), number: true },
            None => Column { title: (*title).to_owned(), number: false },
        });
        Self { caption: caption.into(), columns: columns.collect(), rows: Vec::new(), note: None }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let cells: Vec<Cell> = cells.into_iter().collect();
        debug_assert_eq!(cells.len(), self.columns.len(), "a row of {}", self.caption);
        self.rows.push(cells);
    }
}

impl Section {
    /// A section without parts.
    pub fn new(id: &'static str, title: &'static str, finding: impl Into<String>) -> Self {
        Self { id, title, finding: finding.into(), parts: Vec::new() }
    }

    /// With one more chart.
    pub fn chart(mut self, chart: Option<Chart>) -> Self {
        self.parts.extend(chart.map(Box::new).map(Part::Chart));
        self
    }

    /// With one more table, if it has rows.
    pub fn table(mut self, table: Table) -> Self {
        if !table.rows.is_empty() {
            self.parts.push(Part::Table(table));
        }
        self
    }

    /// With some words, if there are any.
    pub fn note(mut self, note: Option<String>) -> Self {
        self.parts.extend(note.map(Part::Note));
        self
    }

    /// With a text that is folded away.
    pub fn folded(mut self, title: impl Into<String>, text: String) -> Self {
        self.parts.push(Part::Folded(Folded { title: title.into(), text }));
        self
    }
}
