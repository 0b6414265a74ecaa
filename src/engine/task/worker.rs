//! What belongs to a thread that runs nodes: a recorder, and room for a node's outputs.

use crate::metrics::{Followed, Histogram, Recorder, Recording, Tracer};
use crate::node::io::{Output, Taken};
use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One thread's state. Its lock is taken by its own thread, and a few times a second by the supervisor.
#[derive(Debug)]
pub struct Worker {
    pub recorder: Recorder,
    pub tracer: Tracer,
    pub out: Vec<Output>,
    pub taken: Taken,
    /// Inputs that nodes handled.
    pub inputs: u64,
}

/// The workers of a run.
#[derive(Debug)]
pub struct Workers {
    recording: Recording,
    followed: Arc<Followed>,
    /// Whether somebody wants latencies of the last seconds.
    watched: bool,
    all: Mutex<Vec<Arc<Mutex<Worker>>>>,
}

thread_local! {
    /// This thread's worker, and the run that it belongs to.
    static WORKER: RefCell<Option<(usize, Arc<Mutex<Worker>>)>> = const { RefCell::new(None) };
}

impl Workers {
    pub fn new(recording: Recording, followed: Arc<Followed>, watched: bool) -> Self {
        Self { recording, followed, watched, all: Mutex::default() }
    }

    /// Does something with this thread's worker.
    pub fn with<R>(self: &Arc<Self>, f: impl FnOnce(&mut Worker) -> R) -> R {
        let run = Arc::as_ptr(self) as usize;
        WORKER.with_borrow_mut(|slot| {
            if slot.as_ref().is_none_or(|(owner, _)| *owner != run) {
                *slot = Some((run, self.add()));
            }
            let (_, worker) = slot.as_ref().expect("just put there");
            f(&mut lock(worker))
        })
    }

    fn add(&self) -> Arc<Mutex<Worker>> {
        let mut recorder = Recorder::new(self.recording);
        if self.watched {
            recorder.watch();
        }
        let worker = Arc::new(Mutex::new(Worker {
            recorder,
            tracer: Tracer::new(&self.followed),
            out: Vec::new(),
            taken: Taken::default(),
            inputs: 0,
        }));
        lock(&self.all).push(Arc::clone(&worker));
        worker
    }

    /// Messages and bytes handled so far.
    pub fn handled(&self) -> (u64, u64) {
        lock(&self.all)
            .iter()
            .map(|worker| lock(worker).recorder.handled())
            .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }

    /// Latencies of messages taken since the last time.
    pub fn take_recent(&self) -> Histogram {
        let mut all = Histogram::with_digits(2);
        lock(&self.all).iter().for_each(|worker| all.merge(&lock(worker).recorder.take_recent()));
        all
    }

    /// All recorders in one, all tracers in one, and the number of inputs.
    pub fn merged(&self) -> (Recorder, Tracer, u64) {
        let mut recorder = Recorder::new(self.recording);
        let mut tracer = Tracer::new(&self.followed);
        let mut inputs = 0;
        for worker in lock(&self.all).iter() {
            let worker = lock(worker);
            recorder.merge(&worker.recorder);
            tracer.merge(worker.tracer.clone());
            inputs += worker.inputs;
        }
        (recorder, tracer, inputs)
    }
}

/// A node that panics is caught before it could poison a lock; counts stay valid either way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
