//! What is said around the figures of a comparison: under which conditions they came about, and what to beware of.

use super::{Cell, Compare, Row};
use crate::costs::SMALL;
use crate::metrics::result::Outcome;
use crate::report::readable::{bytes, digits};

impl Compare {
    /// How it was run.
    pub fn conditions(&self) -> String {
        let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        if self.repeat == 0 {
            return format!("{} by themselves.", plural(self.transports.len(), "transport"));
        }
        let runs = match self.repeat {
            1 => "a run of each".to_owned(),
            n => format!("{n} runs of each by turns"),
        };
        let why = if self.speedup_is_auto { " (the lowest that `auto` chooses for any of them)" } else { "" };
        let done = self.runs.iter().filter(|run| run.row.outcome != Outcome::Interrupted).count();
        let wanted = self.transports.len() * self.repeat as usize;
        let missing =
            if done < wanted { format!(" {done} of {wanted} runs are done.") } else { String::new() };
        let (transports, threads) =
            (plural(self.transports.len(), "transport"), plural(self.threads, "thread"));
        format!("{transports}, {runs}, speedup {}{why}, {threads}.{missing}", self.speedup)
    }

    /// How transports were measured by themselves, if they were.
    pub fn conditions_of_costs(&self) -> Option<String> {
        let costs = self.costs.as_ref()?;
        Some(format!(
            "By themselves, without nodes: both ends on one thread, a body of {}, encoded {} bytes; {} turns, of which the \
             medians are told. {}.",
            bytes(SMALL as f64),
            costs.small_bytes,
            costs.turns,
            costs.machine
        ))
    }

    /// What to know before relying on the figures, a paragraph each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.rows.iter().any(Row::is_doubtful) {
            notes.push("A ! marks a transport of which a run was overloaded or did not complete.".to_owned());
        }
        let overloaded =
            |name: &&String| self.rows.iter().any(|row| row.transport == **name && row.overloaded > 0);
        let overloaded: Vec<&str> = self.transports.iter().filter(overloaded).map(String::as_str).collect();
        if !overloaded.is_empty() {
            notes.push(format!(
                "Overloaded: {}. Timers, connections or calls took too long for this pace, so these figures measure what this \
                 machine can do and not what the transport costs. Run all of them again with a lower --speedup, such as {}.",
                overloaded.join(", "),
                digits(self.speedup / 2.0)
            ));
        }
        if !self.paces.is_empty() {
            let faster: Vec<String> = self.paces.iter().map(|it| digits(it.speedup)).collect();
            notes.push(format!(
                "At speedup {} a run was overloaded, so all were run again at {}.",
                faster.join(" and at "),
                digits(self.speedup)
            ));
        }
        let untold = self.untold();
        if !untold.is_empty() {
            notes.push(format!(
                "Cannot tell when these finish beside {}: {}. They were overloaded even at the slowest pace, and it says \
                 something else than the one before.",
                self.first(),
                untold.join(", ")
            ));
        }
        let failed = self.runs.iter().filter(|run| run.row.outcome == Outcome::Failed).count();
        if failed > 0 {
            notes.push(format!("Runs that failed, {failed} of them, are in no figure."));
        }
        let mut first = self.rows.iter().filter(|row| row.transport == self.first());
        if !self.runs.is_empty() && first.all(|row| row.figures.all().iter().all(Option::is_none)) {
            notes.push(format!(
                "There is nothing to set the others against: no run over {} counts.",
                self.first()
            ));
        }
        notes
    }
}

impl Row {
    /// Whether its figures are to be taken with care, or not all of its runs are in them.
    pub fn is_doubtful(&self) -> bool {
        self.overloaded > 0 || self.outcomes.completed < self.outcomes.all()
    }
}

impl Cell {
    /// What is exchanged: `64 B, 16 at a time`.
    pub fn told(&self) -> String {
        let how = self.concurrency.map_or("at a rate".to_owned(), |it| format!("{it} at a time"));
        format!("{}, {how}", bytes(self.payload_bytes as f64))
    }
}
