//! What stands on the screen, character by character, for runs of several sizes.

use super::board::{About, Board, Key, joined};
use super::{Quit, heed, screen};
use crate::engine::{Details, Doing, Snapshot};
use crate::metrics::Summary;
use crate::metrics::trace::{Happening, Mark};
use crate::node::Stage;
use crate::report::Style;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use std::cell::RefCell;

const ALL: Style = Style { colour: true, unicode: true };

fn about(nodes: u32) -> About {
    About { name: "ring".into(), nodes, rounds: 10, clock: "real" }
}

fn mark(second: i64, node: Option<u32>, happening: Happening, whom: &str) -> Mark {
    Mark { at_ns: second * 1_000_000_000, node, happening, whom: whom.into() }
}

/// So many nodes, of which a third trains and a few are down.
fn details(nodes: u32) -> Details {
    let every = nodes.div_ceil(Details::MAX).max(1);
    let doing = |node: u32| match node {
        _ if node % 97 == 13 => Doing::Crashed,
        _ if node * 3 < nodes => Doing::Stage(Stage::Train),
        _ if node * 3 < 2 * nodes => Doing::Stage(Stage::Wait),
        _ if node.is_multiple_of(2) => Doing::Stage(Stage::Aggregate),
        _ => Doing::Finished,
    };
    Details {
        nodes: (0..nodes).step_by(every as usize).map(doing).collect(),
        every,
        latency: Summary {
            count: 9,
            p50: 0.001,
            p90: 0.012,
            p99: 0.2,
            p999: 1.5,
            max: 2.0,
            ..Summary::default()
        },
        happened: Vec::new(),
    }
}

fn snapshot(wall_s: f64, nodes: u32) -> Snapshot {
    Snapshot {
        scenario_s: Some(wall_s * 10.0),
        wall_s,
        rounds_done: 3,
        furthest_round: Some(4),
        nodes_finished: nodes / 6,
        messages: (wall_s * wall_s * 1_000.0) as u64,
        bytes: (wall_s * 2e6) as u64,
        details: Some(details(nodes)),
    }
}

/// A board that has seen ten seconds of a run.
fn board(nodes: u32, style: Style) -> Board {
    let mut board = Board::new(about(nodes), style);
    for tenth in 1..=100 {
        let mut now = snapshot(f64::from(tenth) / 10.0, nodes);
        let happened = &mut now.details.as_mut().unwrap().happened;
        match tenth {
            20 => happened.push(mark(20, Some(13), Happening::Crash, "")),
            30 => happened.push(mark(30, None, Happening::Partition, "0-49 | 50-99")),
            90 => happened.push(mark(90, None, Happening::StopLearning, "")),
            _ => {}
        }
        board.note(now);
    }
    board
}

fn picture(board: &Board, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen::draw(frame, board)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_run_of_one_node() {
    insta::assert_snapshot!(picture(&board(1, ALL), 80, 24));
}

#[test]
fn a_run_of_a_hundred_nodes_without_colour_or_unicode() {
    insta::assert_snapshot!(picture(&board(100, Style::PLAIN), 80, 24));
}

#[test]
fn a_run_of_ten_thousand_nodes() {
    insta::assert_snapshot!(picture(&board(10_000, ALL), 80, 24));
}

#[test]
fn a_large_terminal() {
    insta::assert_snapshot!(picture(&board(10_000, ALL), 200, 60));
}

#[test]
fn before_anything_is_known() {
    insta::assert_snapshot!(picture(&Board::new(about(100), ALL), 80, 24));
}

#[test]
fn help_says_what_the_keys_do() {
    let mut board = board(100, ALL);
    board.press(Key::Help);
    insta::assert_snapshot!(picture(&board, 100, 24));
}

#[test]
fn nothing_is_drawn_where_there_is_no_room() {
    for (width, height) in [(1, 1), (39, 24), (80, 11), (40, 12), (119, 12), (120, 12), (300, 100)] {
        for nodes in [1, 100, 10_000] {
            assert!(!picture(&board(nodes, ALL), width, height).is_empty());
        }
    }
}

#[test]
fn a_paused_display_stands_still_and_catches_up() {
    let mut board = board(100, ALL);
    let shown = |board: &Board| board.shown().now.as_ref().unwrap().wall_s;
    assert!(board.press(Key::Pause));
    assert!(!board.note(snapshot(11.0, 100)), "nothing new is to be drawn");
    assert_eq!(shown(&board), 10.0);
    assert!(picture(&board, 80, 24).contains("PAUSED"));
    board.press(Key::Pause);
    assert_eq!(shown(&board), 11.0);
    assert!(!picture(&board, 80, 24).contains("PAUSED"));
}

#[test]
fn nothing_that_happened_between_two_pictures_is_lost() {
    let with = |second, wall_s| {
        let mut now = snapshot(wall_s, 3);
        now.details.as_mut().unwrap().happened = vec![mark(second, Some(1), Happening::Crash, "")];
        now
    };
    let both = joined(with(1, 0.1), &with(2, 0.2));
    assert_eq!(both.wall_s, 0.2);
    let happened: Vec<_> = both.details.unwrap().happened.iter().map(|it| it.at_ns / 1_000_000_000).collect();
    assert_eq!(happened, [1, 2]);
}

#[test]
fn keys_ask_for_the_end_and_leave_ending_to_the_run() {
    let asked = RefCell::new(Vec::new());
    let mut board = board(3, ALL);
    let mut press = |code, modifiers| {
        heed(&Event::Key(KeyEvent::new(code, modifiers)), &mut board, &|quit| asked.borrow_mut().push(quit))
    };
    assert!(!press(KeyCode::Char('q'), KeyModifiers::NONE));
    assert!(!press(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert!(!press(KeyCode::Char('c'), KeyModifiers::NONE));
    assert!(press(KeyCode::Char('?'), KeyModifiers::NONE));
    assert_eq!(*asked.borrow(), [Quit::Kindly, Quit::CtrlC]);
    assert!(board.help && !board.ending);
    assert!(board.is_ending(true) && !board.is_ending(true));
    assert!(picture(&board, 80, 24).contains("ENDING"));
}
