//! How far many runs are, while they go on: a bar on a terminal, a plain line for each run elsewhere. On stderr.

use super::{RunRow, Snapshot, readable};
use crate::metrics::result::Outcome;
use crate::say;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Without a terminal a run that takes long says at least so often where it is, in seconds of wall time.
const LINE_EVERY: f64 = 30.0;

/// Shows the progress of many runs.
#[derive(Debug)]
pub struct Batch {
    form: Form,
    total: usize,
    done: usize,
    /// When the run that goes on last had a line of its own, in its wall time.
    last_line: f64,
}

#[derive(Debug)]
enum Form {
    Hidden,
    Bar(ProgressBar),
    Lines,
}

impl Batch {
    /// For so many runs, of which some may be done already. Nothing is shown if `quiet`.
    pub fn new(total: usize, done: usize, quiet: bool) -> Self {
        let form = if quiet {
            Form::Hidden
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            let ascii = !super::Style::stderr().unicode;
            let style = ProgressStyle::with_template("{bar:16} {pos}/{len} runs done{wide_msg}");
            let style = style.expect("the template is valid");
            bar.set_style(style.progress_chars(if ascii { "=> " } else { "█▉▊▋▌▍▎▏ " }));
            // What was done before says nothing about how fast it goes now.
            bar.set_position(done as u64);
            bar.reset_eta();
            Form::Bar(bar)
        } else {
            Form::Lines
        };
        Self { form, total, done, last_line: 0.0 }
    }

    /// Says something that stays to be read.
    pub fn say(&self, text: &str) {
        match &self.form {
            Form::Hidden => {}
            Form::Bar(bar) => bar.suspend(|| say::line(text)),
            Form::Lines => say::line(text),
        }
    }

    /// Shows where the only run that goes on is.
    pub fn update(&mut self, label: &str, now: &Snapshot) {
        let text = || format!("{label}: {}, {} rounds finished", now.phase, now.round_min);
        match &self.form {
            Form::Hidden => {}
            Form::Bar(bar) => bar.set_message(format!("{}; {}", left(bar, self.done), say::escaped(&text()))),
            Form::Lines => {
                if now.wall_s - self.last_line >= LINE_EVERY {
                    self.last_line = now.wall_s;
                    say::line(&text());
                }
            }
        }
    }

    /// A run has ended.
    pub fn ended(&mut self, label: &str, row: &RunRow) {
        self.done += 1;
        self.last_line = 0.0;
        let took = row.figures.get("cost.wall_s").and_then(serde_json::Value::as_f64);
        let took = took.map(|wall_s| format!(" after {}", readable::time(wall_s))).unwrap_or_default();
        let text = format!("{label}: {}{took}", row.outcome.name());
        match &self.form {
            Form::Hidden => {}
            Form::Bar(bar) => {
                bar.set_position(self.done as u64);
                bar.set_message(format!("{}; {}", left(bar, self.done), say::escaped(&text)));
                // What went wrong stays to be read; the rest is in the table at the end.
                if row.outcome != Outcome::Completed {
                    let why = row.reason.as_deref().unwrap_or("no reason is known");
                    bar.suspend(|| say::line(&format!("{text}: {why}")));
                }
            }
            Form::Lines => say::line(&format!("{}/{} runs done; {text}", self.done, self.total)),
        }
    }

    /// Takes the bar away. The table says the rest.
    pub fn finish(self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

fn left(bar: &ProgressBar, done: usize) -> String {
    let left = Duration::from_secs(bar.eta().as_secs());
    if done == 0 || left.is_zero() {
        String::new()
    } else {
        format!(", about {:#} left", HumanDuration(left))
    }
}
