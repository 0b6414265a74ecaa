//! The answers of one connection, for whoever is called: how many requests have none yet, and what waits to be written.

use super::{frames, proto};
use crate::transport::socket::{Answer, AnswerQueue, Outcome, Responder};
use futures_util::task::AtomicWaker;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// The answers of a connection. Clones are the same answers.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    it: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    /// Wakes the task that drives the connection, when there is something to write.
    driver: AtomicWaker,
}

#[derive(Debug, Default)]
struct Table {
    ready: Vec<(u64, u32, Outcome)>,
    /// Requests without an answer.
    open: usize,
    gone: bool,
}

impl Answers {
    /// A request has come, which is to be answered: the place of its answer among the others.
    pub fn to(&self, sequence: u64) -> Responder {
        self.it.table().open += 1;
        Responder::Numbered(Arc::<Shared>::clone(&self.it), sequence)
    }

    /// Requests that have no answer yet.
    pub fn open(&self) -> usize {
        self.it.table().open
    }

    /// Takes the answers that are ready. If there are none, `waker` is woken when there are.
    pub fn take(&self, waker: &Waker, mut each: impl FnMut(proto::Response)) {
        self.it.driver.register(waker);
        let mut ready = std::mem::take(&mut self.it.table().ready);
        for (sequence, more, outcome) in ready.drain(..) {
            each(frames::response(sequence, more, outcome));
        }
        // Its room is used again, unless others have come meanwhile.
        let mut table = self.it.table();
        if table.ready.is_empty() && ready.capacity() <= ROOM {
            table.ready = ready;
        }
    }

    /// The connection has ended: nobody waits for answers any more.
    pub fn gone(&self) {
        let mut table = self.it.table();
        table.gone = true;
        table.ready = Vec::new();
    }
}

/// Room for so many answers is kept.
const ROOM: usize = 64;

impl AnswerQueue for Shared {
    fn answer(&self, sequence: u64, outcome: Outcome) {
        let mut table = self.table();
        table.open -= 1;
        if table.gone {
            return;
        }
        let idle = table.ready.is_empty();
        match (table.ready.last_mut(), &outcome) {
            // Acknowledgements that are ready together go together.
            (Some((first, more, Ok(Answer::Empty))), Ok(Answer::Empty))
                if *more < u32::MAX && first.checked_add(u64::from(*more) + 1) == Some(sequence) =>
            {
                *more += 1;
            }
            _ => table.ready.push((sequence, 0, outcome)),
        }
        drop(table);
        if idle {
            self.driver.wake();
        }
    }

    fn is_gone(&self) -> bool {
        self.table().gone
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(answers: &Answers) -> Vec<(u64, u32)> {
        let mut all = Vec::new();
        answers.take(Waker::noop(), |it| all.push((it.sequence, it.more)));
        all
    }

    #[test]
    fn acknowledgements_that_are_ready_together_go_together() {
        let answers = Answers::default();
        let mut open: Vec<_> = (1..=6).map(|it| Some(answers.to(it))).collect();
        for place in [0, 1, 2, 4, 3] {
            open[place].take().unwrap().say(Ok(Answer::Empty));
        }
        open[5].take().unwrap().say(Ok(Answer::Response("true".into())));
        assert_eq!(answers.open(), 0);
        assert_eq!(taken(&answers), [(1, 2), (5, 0), (4, 0), (6, 0)]);
        assert_eq!(taken(&answers), []);
    }

    /// Whoever asks numbers its requests as it likes.
    #[test]
    fn the_last_number_there_is_has_none_after_it() {
        let answers = Answers::default();
        let (last, first) = (answers.to(u64::MAX), answers.to(0));
        last.say(Ok(Answer::Empty));
        first.say(Ok(Answer::Empty));
        assert_eq!(taken(&answers), [(u64::MAX, 0), (0, 0)]);
    }

    #[test]
    fn nothing_is_kept_for_a_connection_that_has_ended() {
        let answers = Answers::default();
        let (one, mut other) = (answers.to(1), answers.to(2));
        one.say(Ok(Answer::Empty));
        answers.gone();
        assert!(other.is_abandoned());
        other.say(Ok(Answer::Empty));
        assert_eq!(taken(&answers), []);
    }
}
