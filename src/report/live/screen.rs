//! One picture of the view: where everything stands, and how it is written.

use super::super::Style;
use super::super::readable::{Count, amount, bytes, time};
use super::board::{Board, Known, Rate};
use super::field::{self, Grid};
use crate::engine::{Details, Snapshot};
use crate::metrics::trace::Mark;
use indicatif::HumanDuration;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier};
use ratatui::symbols::bar;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, RenderDirection, Sparkline};

/// Below this nothing can be read.
const SMALLEST: (u16, u16) = (40, 12);
/// From this width on what has happened stands beside the nodes, and not below.
const BESIDE: u16 = 120;
/// How wide it is there.
const HAPPENED_WIDTH: u16 = 46;
/// Rows of what has happened, where it stands below.
const HAPPENED_ROWS: u16 = 4;
/// From this height on throughput gets more than a row.
const TALL: u16 = 40;
/// Columns before the charts of throughput.
const LABEL: u16 = 22;

/// Bars without more than ASCII.
const ASCII: bar::Set<'static> = bar::Set {
    full: "#",
    seven_eighths: "#",
    three_quarters: "+",
    five_eighths: "+",
    half: "=",
    three_eighths: "=",
    one_quarter: "-",
    one_eighth: ".",
    empty: " ",
};

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, board: &Board) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = "The terminal is too small to show the run.\nIt goes on; q ends it.";
        return frame.render_widget(Paragraph::new(text), area);
    }
    let chart = if area.height >= TALL { 3 } else { 1 };
    let [head, rounds, rates, latency, middle, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(2 * chart),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    let known = board.shown();
    frame.render_widget(header(board, known), head);
    frame.render_widget(rounds_line(board, known, rounds.width), rounds);
    throughput(frame, known, board.style, rates);
    let details = known.now.as_ref().and_then(|now| now.details.as_ref());
    frame.render_widget(latency_line(details, board.style), latency);
    if board.help {
        let [title, rest] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(middle);
        frame.render_widget(rule("help", title.width, board.style), title);
        frame.render_widget(Paragraph::new(HELP), rest);
    } else if area.width >= BESIDE {
        let [left, _, right] = Layout::horizontal([
            Constraint::Fill(1),
            Constraint::Length(2),
            Constraint::Length(HAPPENED_WIDTH),
        ])
        .areas(middle);
        nodes(frame, details, board, left);
        happened(frame, known, board.style, right);
    } else {
        // A small field leaves its room to what has happened.
        let least = HAPPENED_ROWS + 1;
        let most = middle.height.saturating_sub(least);
        let height = details.map_or(0, |it| height_of_nodes(it, board.style, middle.width, most));
        let [above, below] =
            Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(middle);
        nodes(frame, details, board, above);
        happened(frame, known, board.style, below);
    }
    frame.render_widget(footer(board), foot);
}

const HELP: &str = "
  q        ends the run and keeps its results, marked as interrupted
  Ctrl-C   the same; a second one ends the program at once, without results
  p        pauses the display; the run goes on
  ?        shows this, and takes it away

  A cell of the field is a node, or several side by side. It has the letter and the colour of
  what most of them do; a small letter says that some of them crashed or failed.
  Messages and bytes are told by second of wall time. Latencies are those of the last
  seconds: wall time on the real clock, scenario time on the virtual one.";

fn header(board: &Board, known: &Known) -> Line<'static> {
    let about = &board.about;
    let mut parts = vec![bold(about.name.clone()), Span::raw(format!("  {} clock", about.clock))];
    match &known.now {
        None => parts.push(Span::raw("  starting")),
        Some(Snapshot { scenario_s: None, wall_s, .. }) => {
            parts.push(Span::raw(format!("  set-up, {} of wall time", time(*wall_s))));
        }
        Some(Snapshot { scenario_s: Some(scenario_s), wall_s, .. }) => {
            let (scenario, wall) = (time(*scenario_s), time(*wall_s));
            parts.push(Span::raw(format!("  {scenario} of scenario time, {wall} of wall time")));
        }
    }
    let marked = |text| Span::raw(text).patch_style(Modifier::REVERSED);
    if board.ending {
        parts.extend([Span::raw("  "), marked(" ENDING ")]);
    }
    if board.is_paused() {
        parts.extend([Span::raw("  "), marked(" PAUSED ")]);
    }
    Line::from(parts)
}

/// A bar of the rounds that all have finished, then of those that some are in; and the same in words.
fn rounds_line(board: &Board, known: &Known, width: u16) -> Line<'static> {
    let Some(now) = &known.now else { return Line::default() };
    let (all, done) = (board.about.rounds, now.rounds_done);
    let furthest = now.furthest_round.map_or(0, |round| round + 1).max(done);
    let [finished, nodes] = [now.nodes_finished, board.about.nodes].map(|count| Count(count.into()));
    let mut words = Vec::new();
    if all > 0 {
        words.push(format!("round {done}/{all}"));
        if furthest > done {
            words.push(format!("furthest {furthest}"));
        }
    }
    words.push(format!("{finished}/{nodes} nodes done"));
    if let Some(left) = known.left() {
        words.push(format!("about {:#} left", HumanDuration(left)));
    }
    let mut parts = Vec::new();
    if all > 0 {
        let cells = u64::from(width / 4);
        let reaches = |rounds: u32| (u64::from(rounds.min(all)) * cells / u64::from(all)) as usize;
        let (full, half, rest) = if board.style.unicode { ("█", "▒", "░") } else { ("#", "=", ".") };
        let [done, furthest] = [done, furthest].map(reaches);
        parts.push(coloured(full.repeat(done), Color::Green, board.style));
        parts.push(coloured(half.repeat(furthest - done), Color::Green, board.style));
        parts.push(Span::raw(rest.repeat(cells as usize - furthest) + "  "));
    }
    parts.push(Span::raw(words.join(", ")));
    Line::from(parts)
}

/// A rate with its chart.
struct Chart {
    name: &'static str,
    of: fn(&Rate) -> f64,
    written: fn(f64) -> String,
    colour: Color,
}

const CHARTS: [Chart; 2] = [
    Chart { name: "messages/s", of: |rate| rate.messages, written: amount, colour: Color::Cyan },
    Chart { name: "bytes/s", of: |rate| rate.bytes, written: bytes, colour: Color::Blue },
];

fn throughput(frame: &mut Frame<'_>, known: &Known, style: Style, area: Rect) {
    let rows: [Rect; 2] = Layout::vertical([Constraint::Fill(1); 2]).areas(area);
    for (row, Chart { name, of, written, colour }) in rows.into_iter().zip(CHARTS) {
        let [label, chart] = Layout::horizontal([Constraint::Length(LABEL), Constraint::Fill(1)]).areas(row);
        let now = known.rate().map_or_else(|| "-".into(), |rate| written(of(&rate)));
        frame.render_widget(Line::raw(format!("{name:10} {now:>9}")), label);
        let latest = known.rates.iter().rev().take(chart.width.into());
        let sparkline = Sparkline::default()
            .data(latest.map(|rate| of(rate).round() as u64))
            .direction(RenderDirection::RightToLeft)
            .bar_set(if style.unicode { bar::NINE_LEVELS } else { ASCII });
        frame.render_widget(if style.colour { sparkline.style(colour) } else { sparkline }, chart);
    }
}

fn latency_line(details: Option<&Details>, style: Style) -> Line<'static> {
    let Some(Details { latency, .. }) = details else { return Line::raw("latency    -") };
    let percentiles = [
        ("p50", latency.p50),
        ("p90", latency.p90),
        ("p99", latency.p99),
        ("p99.9", latency.p999),
        ("max", latency.max),
    ];
    let mut parts = vec![Span::raw("latency")];
    for (name, value) in percentiles {
        let value = time(value);
        let value = if style.unicode { value.replace(" us", " µs") } else { value };
        parts.extend([Span::raw(format!("  {name} ")), bold(format!("{value:>7}"))]);
    }
    Line::from(parts)
}

/// Rows of the field with its title and legend, `most` at most.
fn height_of_nodes(details: &Details, style: Style, width: u16, most: u16) -> u16 {
    let legend = field::legend(details, style, width).len() as u16;
    let around = legend + 1;
    Grid::new(details.nodes.len(), width, most.saturating_sub(around)).rows.saturating_add(around).min(most)
}

fn nodes(frame: &mut Frame<'_>, details: Option<&Details>, board: &Board, area: Rect) {
    let Some(details) = details else { return };
    let legend = field::legend(details, board.style, area.width);
    let [title, cells, below] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(legend.len() as u16),
    ])
    .areas(area);
    let grid = Grid::new(details.nodes.len(), cells.width, cells.height);
    let (in_cell, every) = (grid.nodes as u64, u64::from(details.every.max(1)));
    let mut text = match in_cell {
        1 if every == 1 => "nodes".to_owned(),
        _ => format!("nodes, {} a cell", Count(in_cell * every)),
    };
    if every > 1 {
        text += &format!("; every {}. is told", Count(every));
    }
    frame.render_widget(rule(&text, title.width, board.style), title);
    field::draw(details, grid, board.style, cells, frame.buffer_mut());
    // Where the field is smaller than its place the legend stands right below it.
    let below = Rect { y: below.y.min(cells.y + grid.rows), ..below };
    frame.render_widget(Paragraph::new(legend), below);
}

fn happened(frame: &mut Frame<'_>, known: &Known, style: Style, area: Rect) {
    let [title, rest] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let text = match known.happened {
        0 => "faults: none yet".to_owned(),
        count => format!("faults and the like: {}", Count(count)),
    };
    frame.render_widget(rule(&text, title.width, style), title);
    let rows = usize::from(rest.height);
    let latest = known.marks.iter().skip(known.marks.len().saturating_sub(rows));
    frame.render_widget(Paragraph::new(latest.map(mark).collect::<Vec<_>>()), rest);
}

/// When, what, to whom.
fn mark(it: &Mark) -> Line<'static> {
    let at = it.at_ns as f64 / 1e9;
    let whom = match it.node {
        Some(node) => format!("node {node}"),
        None => it.whom.clone(),
    };
    let what = it.happening.name().replace('_', " ");
    Line::raw(format!("{:>8}  {what:13} {whom}", time(at)))
}

fn footer(board: &Board) -> Line<'static> {
    let text = if board.ending {
        "The run is ending; Ctrl-C ends it at once, without results"
    } else {
        "q ends the run and keeps its results   p pauses the display   ? help"
    };
    Line::raw(text).patch_style(Modifier::DIM)
}

/// A title, and a line as wide as there is room.
fn rule(title: &str, width: u16, style: Style) -> Line<'static> {
    let line = if style.unicode { "─" } else { "-" };
    let used = title.chars().count() + 1;
    let rest = usize::from(width).saturating_sub(used);
    Line::from_iter([bold(format!("{title} ")), Span::raw(line.repeat(rest)).patch_style(Modifier::DIM)])
}

fn bold(text: String) -> Span<'static> {
    Span::raw(text).patch_style(Modifier::BOLD)
}

fn coloured(text: String, colour: Color, style: Style) -> Span<'static> {
    if style.colour { Span::raw(text).patch_style(colour) } else { Span::raw(text) }
}
