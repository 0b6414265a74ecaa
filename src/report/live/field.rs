//! All nodes as a field: a cell for each, or for several side by side where there are more nodes than cells. A letter
//! says what a colour says, so that nothing is lost without colours.

use super::super::Style;
use crate::engine::{Details, Doing};
use crate::node::Stage;
use indicatif::HumanCount as Count;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use ratatui::text::{Line, Span};
use std::collections::BTreeMap;

/// What a node can be doing, in the order of the legend.
const ALL: [Doing; 12] = [
    Doing::Stage(Stage::Start),
    Doing::Stage(Stage::Vote),
    Doing::Stage(Stage::Train),
    Doing::Stage(Stage::Aggregate),
    Doing::Stage(Stage::Wait),
    Doing::Stage(Stage::Diffuse),
    Doing::Finished,
    Doing::Idle,
    Doing::Absent,
    Doing::Left,
    Doing::Crashed,
    Doing::Failed,
];

/// How many cells a field has for its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Columns of text that a cell takes: two where there is room.
    wide: u16,
    /// Told nodes in a cell.
    pub nodes: usize,
    /// Rows of text.
    pub rows: u16,
}

impl Grid {
    /// For so many nodes within an area.
    pub fn new(nodes: usize, width: u16, height: u16) -> Self {
        let cells = |wide: u16| usize::from((width / wide).max(1)) * usize::from(height.max(1));
        let wide = if nodes <= cells(2) { 2 } else { 1 };
        let in_cell = nodes.div_ceil(cells(wide)).max(1);
        let rows = nodes.div_ceil(in_cell).div_ceil(usize::from((width / wide).max(1)));
        Self { wide, nodes: in_cell, rows: u16::try_from(rows).unwrap_or(height).min(height) }
    }
}

/// Draws the field.
pub fn draw(details: &Details, grid: Grid, style: Style, area: Rect, buffer: &mut Buffer) {
    let columns = usize::from((area.width / grid.wide).max(1));
    for (i, nodes) in details.nodes.chunks(grid.nodes).enumerate() {
        let (row, column) = (i / columns, (i % columns) as u16);
        let Some(y) = u16::try_from(row).ok().filter(|&row| row < area.height) else { break };
        let (doing, down) = most(nodes);
        let letter = if down { letter(doing).to_ascii_lowercase() } else { letter(doing) };
        for part in 0..grid.wide {
            let x = area.x + column * grid.wide + part;
            if let Some(cell) = buffer.cell_mut((x, area.y + y)) {
                cell.set_char(if part == 0 { letter } else { ' ' }).set_style(look(doing, style));
                if down && style.colour {
                    cell.set_fg(Color::Red).modifier |= Modifier::BOLD;
                }
            }
        }
    }
}

/// What the colours and letters stand for, and how many nodes there are of each, in rows as wide as the terminal.
pub fn legend(details: &Details, style: Style, width: u16) -> Vec<Line<'static>> {
    let mut counts = BTreeMap::new();
    for doing in &details.nodes {
        *counts.entry(*doing).or_insert(0_u64) += 1;
    }
    let most = Count(details.nodes.len() as u64).to_string().len();
    // A letter, the longest name, the largest count, spaces between.
    let wide = 2 + 9 + 1 + most + 2;
    let columns = (usize::from(width) / wide).max(1);
    let entry = |doing: &Doing| {
        let count = Count(counts.get(doing).copied().unwrap_or(0)).to_string();
        [
            Span::styled(letter(*doing).to_string(), look(*doing, style)),
            Span::raw(format!(" {:9} {count:>most$}  ", name(*doing))),
        ]
    };
    ALL.chunks(columns).map(|row| Line::from_iter(row.iter().flat_map(entry))).collect()
}

/// What most of the nodes are doing, and whether there are others among them that crashed or failed.
fn most(nodes: &[Doing]) -> (Doing, bool) {
    let mut counts = [0_u32; ALL.len()];
    for doing in nodes {
        counts[ALL.iter().position(|it| it == doing).unwrap_or(0)] += 1;
    }
    let (place, _) = counts
        .iter()
        .enumerate()
        // Of two that are as many the later in the legend stands out.
        .max_by_key(|(_, count)| **count)
        .unwrap_or((0, &0));
    let doing = ALL[place];
    let is_down = |it: &Doing| matches!(it, Doing::Crashed | Doing::Failed);
    (doing, !is_down(&doing) && nodes.iter().any(is_down))
}

const fn letter(doing: Doing) -> char {
    match doing {
        Doing::Stage(Stage::Start) => 'S',
        Doing::Stage(Stage::Vote) => 'V',
        Doing::Stage(Stage::Train) => 'T',
        Doing::Stage(Stage::Aggregate) => 'A',
        Doing::Stage(Stage::Wait) => 'W',
        Doing::Stage(Stage::Diffuse) => 'D',
        Doing::Finished => 'F',
        Doing::Idle => 'I',
        Doing::Absent => 'N',
        Doing::Left => 'L',
        Doing::Crashed => 'X',
        Doing::Failed => 'E',
    }
}

const fn name(doing: Doing) -> &'static str {
    match doing {
        Doing::Stage(stage) => stage.name(),
        Doing::Finished => "finished",
        Doing::Idle => "idle",
        Doing::Absent => "not there",
        Doing::Left => "left",
        Doing::Crashed => "crashed",
        Doing::Failed => "failed",
    }
}

fn look(doing: Doing, style: Style) -> ratatui::style::Style {
    let look = ratatui::style::Style::new();
    if !style.colour {
        return look;
    }
    let filled = |colour| look.fg(Color::Black).bg(colour);
    match doing {
        Doing::Stage(Stage::Start) => filled(Color::Blue),
        Doing::Stage(Stage::Vote) => filled(Color::Magenta),
        Doing::Stage(Stage::Train) => filled(Color::Yellow),
        Doing::Stage(Stage::Aggregate) => filled(Color::Cyan),
        Doing::Stage(Stage::Wait) => filled(Color::Gray),
        Doing::Stage(Stage::Diffuse) => filled(Color::Green),
        Doing::Finished => look.fg(Color::Green),
        Doing::Idle => look,
        Doing::Absent | Doing::Left => look.fg(Color::DarkGray),
        Doing::Crashed | Doing::Failed => look.fg(Color::White).bg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_what_most_of_its_nodes_do_and_hides_none_that_are_down() {
        let (train, wait) = (Doing::Stage(Stage::Train), Doing::Stage(Stage::Wait));
        assert_eq!(most(&[train, wait, train]), (train, false));
        assert_eq!(most(&[train, Doing::Crashed, train]), (train, true));
        assert_eq!(most(&[Doing::Failed, train, Doing::Failed]), (Doing::Failed, false));
        assert_eq!(most(&[train, Doing::Left, train]), (train, false));
    }

    #[test]
    fn every_letter_stands_for_one_thing() {
        let mut letters = ALL.map(letter);
        letters.sort_unstable();
        assert!(letters.windows(2).all(|it| it[0] != it[1]), "{letters:?}");
    }

    #[test]
    fn a_field_has_room_for_all_nodes_and_no_more_cells_than_there_are() {
        for nodes in [0, 1, 7, 40, 41, 80, 81, 799, 800, 801, 5_000, 8_192] {
            for (width, height) in [(80, 9), (1, 1), (200, 40), (3, 2)] {
                let grid = Grid::new(nodes, width, height);
                let cells = usize::from((width / grid.wide).max(1)) * usize::from(grid.rows);
                assert!(
                    grid.rows <= height && cells * grid.nodes >= nodes,
                    "{nodes} {width} {height}: {grid:?}"
                );
            }
        }
    }
}
