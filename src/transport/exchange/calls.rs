//! The calls of one connection, for whoever makes them: requests that wait to be written, and those that wait for their
//! answer.

use super::frames;
use crate::transport::socket::link::{Broken, Request};
use crate::transport::socket::{Answer, Outcome, Payload};
use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::Status;

/// The calls of a connection. Clones are the same calls.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    it: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    /// Wakes the task that drives the connection, when there is something to write.
    driver: AtomicWaker,
    /// Set with the reason in the table: it is asked before every call.
    broken: AtomicBool,
}

#[derive(Debug, Default)]
struct Table {
    /// The number of the first that waits, less one.
    before: u64,
    /// Who waits for an answer, in the order of their numbers; nobody for what was answered out of turn.
    waiting: VecDeque<Option<Waiter>>,
    outgoing: VecDeque<Payload>,
    /// No deadline is sooner, but for those that were met.
    sooner: Option<Instant>,
    broken: Option<String>,
}

#[derive(Debug)]
struct Waiter {
    told: oneshot::Sender<Outcome>,
    until: Instant,
}

/// Waits for an answer.
#[derive(Debug)]
pub struct Answering {
    answer: oneshot::Receiver<Outcome>,
    calls: Arc<Shared>,
}

/// An answer for requests that nobody has made, or that were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it answers what was not asked")]
pub struct Unasked;

impl Calls {
    /// Numbers a request and has it written, behind `N` bytes that `before` makes of its length.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    pub fn make<const N: usize>(
        &self,
        request: &Request<'_>,
        before: impl FnOnce(usize) -> [u8; N],
    ) -> Result<Answering, Broken> {
        let (told, answer) = oneshot::channel();
        let mut table = self.it.table();
        if let Some(why) = &table.broken {
            return Err(Broken::Connection(why.clone()));
        }
        table.forget_the_abandoned();
        let until = request.until;
        table.waiting.push_back(Some(Waiter { told, until }));
        let sequence = table.before + table.waiting.len() as u64;
        let mut wake = table.outgoing.is_empty();
        if table.sooner.is_none_or(|it| until < it) {
            table.sooner = Some(until);
            wake = true;
        }
        table.outgoing.push_back(frames::request(sequence, request, before));
        drop(table);
        if wake {
            self.it.driver.wake();
        }
        Ok(Answering { answer, calls: Arc::clone(&self.it) })
    }

    /// Whether the connection is broken.
    pub fn is_broken(&self) -> bool {
        self.it.broken.load(Ordering::Acquire)
    }

    /// Takes all requests that wait to be written. If there are none, `waker` is woken when there are. True if the
    /// connection was given up, and nothing more is to be done for it.
    pub fn take_outgoing(&self, waker: &Waker, into: &mut VecDeque<Payload>) -> bool {
        self.it.driver.register(waker);
        let mut table = self.it.table();
        if into.is_empty() {
            std::mem::swap(into, &mut table.outgoing);
        } else {
            into.append(&mut table.outgoing);
        }
        table.broken.is_some()
    }

    /// An answer has come, for the request of this number and so many that follow it.
    ///
    /// # Errors
    ///
    /// If there were no such requests.
    pub fn answered(&self, sequence: u64, more: u32, outcome: Outcome) -> Result<(), Unasked> {
        let mut table = self.it.table();
        let Some(from) = sequence.checked_sub(table.before + 1) else {
            // Those who waited for it may have given up long ago.
            return if sequence > 0 && sequence + u64::from(more) <= table.before {
                Ok(())
            } else {
                Err(Unasked)
            };
        };
        let to = from.saturating_add(more.into());
        if to >= table.waiting.len() as u64 {
            return Err(Unasked);
        }
        let mut outcome = Some(outcome);
        for place in from..=to {
            let it = if place == to { outcome.take() } else { outcome.clone() };
            if let (Some(waiter), Some(it)) = (table.waiting[place as usize].take(), it) {
                // Who has given up does not listen.
                let _ = waiter.told.send(it);
            }
        }
        table.forget_the_answered();
        Ok(())
    }

    /// The first deadline there may be; [`expire`](Self::expire) is to be called then.
    pub fn sooner(&self) -> Option<Instant> {
        self.it.table().sooner
    }

    /// Tells those whose deadline is over that it is.
    pub fn expire(&self, now: Instant) {
        let mut table = self.it.table();
        let mut sooner = None;
        for place in &mut table.waiting {
            match place.take_if(|it| it.until <= now || it.told.is_closed()) {
                Some(late) => {
                    let status = Status::deadline_exceeded("no answer came in time");
                    let _ = late.told.send(Err(Box::new(status)));
                }
                None => sooner = [sooner, place.as_ref().map(|it| it.until)].into_iter().flatten().min(),
            }
        }
        table.sooner = sooner;
        table.forget_the_answered();
    }

    /// The connection broke: whoever waits is told, and no more calls are taken.
    pub fn broke(&self, why: &str) {
        let mut table = self.it.table();
        table.broken.get_or_insert_with(|| why.to_owned());
        self.it.broken.store(true, Ordering::Release);
        table.outgoing = VecDeque::new();
        // Whose sender is dropped looks here for the reason.
        table.waiting = VecDeque::new();
        drop(table);
        self.it.driver.wake();
    }
}

impl Table {
    /// What nobody waits for any more needs no place, as long as nobody before it does: a peer that answers nothing must
    /// not make the table grow for ever.
    fn forget_the_abandoned(&mut self) {
        while self.waiting.front().is_some_and(|it| it.as_ref().is_none_or(|it| it.told.is_closed())) {
            self.waiting.pop_front();
            self.before += 1;
        }
    }

    fn forget_the_answered(&mut self) {
        while self.waiting.front().is_some_and(Option::is_none) {
            self.waiting.pop_front();
            self.before += 1;
        }
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Answering {
    type Output = Result<Answer, Broken>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(cx).map(|told| match told {
            Ok(outcome) => outcome.map_err(Broken::Status),
            Err(_) => {
                let why = self.calls.table().broken.clone();
                Err(Broken::Connection(why.unwrap_or_else(|| "the connection was closed".into())))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::socket::link::Outgoing;
    use futures_util::FutureExt as _;
    use proptest::prelude::*;
    use std::time::Duration;

    fn made(calls: &Calls) -> Result<Answering, Broken> {
        made_until(calls, Instant::now() + Duration::from_secs(1))
    }

    fn made_until(calls: &Calls, until: Instant) -> Result<Answering, Broken> {
        let deadline = Duration::from_secs(1);
        let request = Request { call: Outgoing::Handshake("a"), length: 3, deadline, until };
        calls.make(&request, |_| [])
    }

    fn told(answering: &mut Answering) -> Option<String> {
        answering.now_or_never().map(|it| match it {
            Ok(Answer::Response(text)) => text,
            other => panic!("{other:?}"),
        })
    }

    proptest! {
        #[test]
        fn everyone_gets_the_answer_to_their_own_call_in_whatever_order_answers_come(
            order in Just((0..20usize).collect::<Vec<_>>()).prop_shuffle(),
            dropped in prop::collection::vec(any::<bool>(), 20),
        ) {
            let calls = Calls::default();
            let mut waiting: Vec<_> = (0..20).map(|_| Some(made(&calls).unwrap())).collect();
            for (it, gone) in waiting.iter_mut().zip(&dropped) {
                if *gone {
                    *it = None;
                }
            }
            for place in order {
                let answer = Answer::Response(place.to_string());
                calls.answered(place as u64 + 1, 0, Ok(answer)).unwrap();
                if let Some(it) = &mut waiting[place] {
                    prop_assert_eq!(told(it), Some(place.to_string()));
                }
            }
            prop_assert!(calls.it.table().waiting.is_empty());
            made(&calls).unwrap();
            prop_assert_eq!(calls.answered(22, 0, Ok(Answer::Empty)), Err(Unasked));
            prop_assert_eq!(calls.answered(21, 0, Ok(Answer::Empty)), Ok(()));
        }
    }

    #[test]
    fn one_answer_may_be_for_several_requests() {
        let calls = Calls::default();
        let mut waiting: Vec<_> = (0..5).map(|_| made(&calls).unwrap()).collect();
        calls.answered(2, 2, Ok(Answer::Response("x".into()))).unwrap();
        let told: Vec<_> = waiting.iter_mut().map(|it| told(it).is_some()).collect();
        assert_eq!(told, [false, true, true, true, false]);
        assert_eq!(calls.answered(4, 2, Ok(Answer::Empty)), Err(Unasked), "there is no sixth");
        assert_eq!(calls.answered(0, 0, Ok(Answer::Empty)), Err(Unasked));
        assert_eq!(calls.answered(u64::MAX, u32::MAX, Ok(Answer::Empty)), Err(Unasked));
    }

    #[test]
    fn a_peer_that_answers_nothing_does_not_make_the_table_grow() {
        let calls = Calls::default();
        for _ in 0..1_000 {
            drop(made(&calls).unwrap());
        }
        assert_eq!(calls.it.table().waiting.len(), 1);
        assert_eq!(calls.answered(3, 0, Ok(Answer::Empty)), Ok(()), "an answer that comes too late");
    }

    #[test]
    fn whoever_has_waited_for_long_enough_is_told_so() {
        let calls = Calls::default();
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let mut waiting: Vec<_> = [7, 3, 5].map(|it| made_until(&calls, after(it)).unwrap()).into();
        assert_eq!(calls.sooner(), Some(after(3)));
        calls.expire(after(5));
        let mut late = |place: usize| match (&mut waiting[place]).now_or_never() {
            Some(Err(Broken::Status(status))) => status.code() == tonic::Code::DeadlineExceeded,
            other => panic!("{other:?}"),
        };
        assert!(late(1) && late(2));
        assert_eq!(calls.sooner(), Some(after(7)));
        calls.expire(after(7));
        assert!(late(0));
        assert_eq!(calls.sooner(), None);
        assert_eq!(calls.answered(2, 0, Ok(Answer::Empty)), Ok(()), "it comes too late");
    }

    #[test]
    fn whoever_waits_on_a_broken_connection_is_told_why() {
        let calls = Calls::default();
        let mut waits = made(&calls).unwrap();
        calls.broke("it fell over");
        let why = (&mut waits).now_or_never().unwrap().unwrap_err();
        assert_eq!(why.to_string(), "it fell over");
        assert_eq!(made(&calls).unwrap_err().to_string(), "it fell over");
        assert!(calls.is_broken());
    }
}
