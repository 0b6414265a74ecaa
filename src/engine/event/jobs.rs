//! Jobs on the virtual clock: how long one takes is drawn from the scenario; what comes of it is computed in the
//! background, and waited for only when the event that needs it comes up.

use crate::engine::compute::{self, Compute};
use crate::learning::{Aggregator, Evaluation, Learner, Model, State as Kept};
use crate::node::io::{Job, JobResult};
use crate::wire::PeerId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Jobs of less work than this, in floating-point operations, are done at once where they start: handing one to another
/// thread takes longer.
const SMALL: u64 = 4_000;

/// What comes of a job.
#[derive(Debug)]
pub enum Value {
    /// A model that is there, and what the node keeps.
    Model(Arc<Model>, Kept),
    /// An evaluation that is there.
    Evaluation(Option<Box<Evaluation>>),
    /// Being computed, or to be.
    Pending(Arc<Pending>),
    /// The computation panicked: what it said.
    Panicked(Box<str>),
}

/// A job that some thread will do: one of the pool, or the one that needs its value, whoever comes first.
#[derive(Debug)]
pub struct Pending {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug)]
enum State {
    Waiting(PeerId, Box<Job>),
    Running,
    Done(Result<JobResult, String>),
    Taken,
}

impl Value {
    /// Starts a job.
    pub fn start(learner: &Arc<dyn Learner>, aggregator: &Arc<Aggregator>, node: PeerId, job: Job) -> Self {
        if let Some(result) = compute::trivial(&job) {
            return Self::of(Ok(result));
        }
        if Compute::work(&**learner, aggregator, node, &job) < SMALL {
            return Self::of(attempt(&**learner, aggregator, node, &job));
        }
        let state = Mutex::new(State::Waiting(node, Box::new(job)));
        let pending = Arc::new(Pending { state, done: Condvar::new() });
        let (learner, aggregator) = (Arc::clone(learner), Arc::clone(aggregator));
        let ours = Arc::clone(&pending);
        rayon::spawn(move || ours.attempt(&*learner, &aggregator));
        Self::Pending(pending)
    }

    /// The result; waits for it, or computes it if nobody has begun.
    ///
    /// # Errors
    /// What the computation said when it panicked.
    pub fn get(self, learner: &dyn Learner, aggregator: &Aggregator) -> Result<JobResult, String> {
        match self {
            Self::Model(model, state) => Ok(JobResult::Model(model, state)),
            Self::Evaluation(it) => Ok(JobResult::Evaluation(it.map(|it| *it))),
            Self::Panicked(text) => Err(text.into()),
            Self::Pending(pending) => {
                pending.attempt(learner, aggregator);
                pending.wait()
            }
        }
    }

    fn of(result: Result<JobResult, String>) -> Self {
        match result {
            Ok(JobResult::Model(model, state)) => Self::Model(model, state),
            Ok(JobResult::Evaluation(it)) => Self::Evaluation(it.map(Box::new)),
            Err(text) => Self::Panicked(text.into()),
        }
    }
}

impl Pending {
    /// Does the job if nobody else does.
    fn attempt(&self, learner: &dyn Learner, aggregator: &Aggregator) {
        let (node, job) = {
            let mut state = lock(&self.state);
            match std::mem::replace(&mut *state, State::Running) {
                State::Waiting(node, job) => (node, job),
                other => {
                    *state = other;
                    return;
                }
            }
        };
        let result = attempt(learner, aggregator, node, &job);
        *lock(&self.state) = State::Done(result);
        self.done.notify_all();
    }

    fn wait(&self) -> Result<JobResult, String> {
        let mut state = lock(&self.state);
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Done(result) => return result,
                State::Taken => return Err("its result was asked for twice".into()),
                other => *state = other,
            }
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn attempt(
    learner: &dyn Learner,
    aggregator: &Aggregator,
    node: PeerId,
    job: &Job,
) -> Result<JobResult, String> {
    catch_unwind(AssertUnwindSafe(|| compute::execute(learner, aggregator, node, job)))
        .map_err(|panic| crate::engine::text_of(&*panic))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
