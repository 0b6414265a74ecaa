//! How far a run is, while it goes on: a bar on a terminal, a plain line now and then elsewhere. Always on stderr.

use super::readable::{Count, amount, time};
use crate::engine;
use crate::say;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Without a terminal there is a line at least so often, in seconds of wall time.
const LINE_AT_LEAST_EVERY: f64 = 5.0;
/// And never more often than this.
const LINE_AT_MOST_EVERY: f64 = 1.0;
/// The message rate is taken over at least so long.
const RATE_OVER: f64 = 1.0;

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Scenario time since the run began.
    pub scenario_time_s: f64,
    /// What is going on, in a word or two: `set-up`, `learning`.
    pub phase: String,
    /// Rounds that every live node has finished.
    pub round_min: u32,
    /// Rounds that the furthest node has finished.
    pub round_max: u32,
    /// Nodes that have finished all rounds.
    pub nodes_finished: u32,
    /// Messages handled so far.
    pub messages_total: u64,
    /// Wall time since the run began.
    pub wall_s: f64,
}

impl From<&engine::Snapshot> for Snapshot {
    fn from(now: &engine::Snapshot) -> Self {
        Self {
            scenario_time_s: now.scenario_s.unwrap_or_default(),
            phase: if now.scenario_s.is_some() { "learning" } else { "set-up" }.into(),
            round_min: now.rounds_done,
            round_max: now.furthest_round.map_or(0, |round| round + 1).max(now.rounds_done),
            nodes_finished: now.nodes_finished,
            messages_total: now.messages,
            wall_s: now.wall_s,
        }
    }
}

/// Shows the progress of one run.
#[derive(Debug)]
pub struct Progress {
    form: Form,
    pace: Pace,
}

#[derive(Debug)]
enum Form {
    Hidden,
    Bar(ProgressBar),
    Lines,
}

/// What is said and when, apart from where it is shown.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    total_nodes: u32,
    rounds: u32,
    last_line: Option<(f64, u32)>,
    rate_since: (f64, u64),
    rate: Option<f64>,
    /// Wall time and mean round when the first node finished a round.
    first_round: Option<(f64, f64)>,
}

impl Progress {
    /// For a run of so many nodes and rounds. Nothing is shown if `quiet`.
    pub fn new(total_nodes: u32, rounds: u32, quiet: bool) -> Self {
        let form = if quiet {
            Form::Hidden
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(rounds.into()), ProgressDrawTarget::stderr());
            let ascii = !super::Style::stderr().unicode;
            let style = ProgressStyle::with_template("{bar:16} {wide_msg}").expect("the template is valid");
            bar.set_style(style.progress_chars(if ascii { "=> " } else { "█▉▊▋▌▍▎▏ " }));
            Form::Bar(bar)
        } else {
            Form::Lines
        };
        Self { form, pace: Pace::new(total_nodes, rounds) }
    }

    /// Shows where the run is. Cheap enough to be called many times a second.
    pub fn update(&mut self, now: &Snapshot) {
        match &self.form {
            Form::Hidden => {}
            Form::Bar(bar) => {
                self.pace.note(now);
                bar.set_position(now.round_min.into());
                bar.set_message(self.pace.line(now));
            }
            Form::Lines => {
                self.pace.note(now);
                if self.pace.is_due(now) {
                    say::line(&self.pace.line(now));
                }
            }
        }
    }

    /// Takes the bar away. The summary says the rest.
    pub fn finish(self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

impl Pace {
    pub(super) fn new(total_nodes: u32, rounds: u32) -> Self {
        Self { total_nodes, rounds, last_line: None, rate_since: (0.0, 0), rate: None, first_round: None }
    }

    /// Keeps what later lines need to know.
    pub(super) fn note(&mut self, now: &Snapshot) {
        let (since_s, since_messages) = self.rate_since;
        if now.wall_s - since_s >= RATE_OVER {
            let messages = now.messages_total.saturating_sub(since_messages);
            self.rate = Some(messages as f64 / (now.wall_s - since_s));
            self.rate_since = (now.wall_s, now.messages_total);
        }
        if now.round_max > 0 && self.first_round.is_none() {
            self.first_round = Some((now.wall_s, now.mean_round()));
        }
    }

    /// Whether a plain line should be written now; if so, it counts as written.
    fn is_due(&mut self, now: &Snapshot) -> bool {
        let due = self.last_line.is_none_or(|(wall_s, round)| {
            let since = now.wall_s - wall_s;
            since >= LINE_AT_LEAST_EVERY || (round != now.round_min && since >= LINE_AT_MOST_EVERY)
        });
        if due {
            self.last_line = Some((now.wall_s, now.round_min));
        }
        due
    }

    /// What matters most comes first: a bar's line is cut where the terminal ends.
    fn line(&self, now: &Snapshot) -> String {
        let mut parts = vec![now.phase.clone()];
        if self.rounds > 0 {
            let ahead = if now.round_max > now.round_min {
                format!(" (furthest {})", now.round_max)
            } else {
                String::new()
            };
            parts.push(format!("round {}/{}{ahead}", now.round_min, self.rounds));
        }
        if let Some(left) = self.left(now) {
            parts.push(format!("about {:#} left", HumanDuration(left)));
        }
        let [finished, total] = [now.nodes_finished, self.total_nodes].map(|nodes| Count(nodes.into()));
        parts.push(format!("{finished}/{total} nodes done"));
        if let Some(rate) = self.rate {
            parts.push(format!("{} messages/s", amount(rate)));
        }
        parts.push(format!("{} of scenario time", time(now.scenario_time_s)));
        parts.join(", ")
    }

    /// Wall time to go, if later rounds take as long as those between the first one's end and now. Nothing is said
    /// before that, since set-up and the first round tell little about the others.
    pub(super) fn left(&self, now: &Snapshot) -> Option<Duration> {
        let (since_s, since_round) = self.first_round?;
        let (took_s, done) = (now.wall_s - since_s, now.mean_round() - since_round);
        let to_go = f64::from(self.rounds) - now.mean_round();
        let left_s = took_s / done * to_go;
        (done > 0.0 && left_s > 0.0).then(|| Duration::try_from_secs_f64(left_s.ceil()).ok()).flatten()
    }
}

impl Snapshot {
    fn mean_round(&self) -> f64 {
        (f64::from(self.round_min) + f64::from(self.round_max)) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall_s: f64, round_min: u32, round_max: u32) -> Snapshot {
        Snapshot {
            scenario_time_s: wall_s * 10.0,
            phase: "learning".to_owned(),
            round_min,
            round_max,
            nodes_finished: 0,
            messages_total: (wall_s * 1_000.0) as u64,
            wall_s,
        }
    }

    #[test]
    fn a_line_tells_rounds_nodes_rate_and_time_left() {
        let mut pace = Pace::new(1_200, 10);
        pace.note(&at(4.0, 0, 1));
        let now = at(8.0, 2, 3);
        pace.note(&now);
        assert_eq!(
            pace.line(&now),
            "learning, round 2/10 (furthest 3), about 15s left, 0/1,200 nodes done, 1.00 k messages/s, \
             80.0 s of scenario time"
        );
    }

    #[test]
    fn nothing_is_guessed_before_there_is_anything_to_guess_from() {
        let mut pace = Pace::new(3, 10);
        let now = at(0.5, 0, 0);
        pace.note(&now);
        assert_eq!(pace.line(&now), "learning, round 0/10, 0/3 nodes done, 5.00 s of scenario time");
    }

    #[test]
    fn the_last_round_leaves_nothing_to_go() {
        let mut pace = Pace::new(3, 2);
        pace.note(&at(1.0, 1, 1));
        let now = at(3.0, 2, 2);
        pace.note(&now);
        assert_eq!(pace.left(&now), None);
    }

    #[test]
    fn plain_lines_come_at_rounds_and_every_few_seconds_but_not_in_floods() {
        let mut pace = Pace::new(3, 10);
        let due: Vec<_> = [
            at(0.0, 0, 0),
            at(0.1, 1, 1),
            at(1.2, 1, 1),
            at(1.3, 1, 2),
            at(3.0, 2, 2),
            at(7.9, 2, 3),
            at(8.0, 2, 3),
            at(8.1, 3, 3),
        ]
        .iter()
        .map(|now| pace.is_due(now))
        .collect();
        assert_eq!(due, [true, false, true, false, true, false, true, false]);
    }
}
