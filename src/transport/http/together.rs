//! What belongs to a connection of HTTP/2, polled with it and dropped with it. hyper hands each stream to an executor, so
//! that streams of their own tasks would outlive a connection that is broken off, and each would cost a task.

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hyper::rt::Executor;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

type Work = BoxFuture<'static, ()>;

/// What was handed over and is not polled yet.
#[derive(Default)]
pub struct Crew(Arc<Mutex<Vec<Work>>>);

/// Where hyper hands it to. Streams hold this themselves, and must not keep each other alive.
#[derive(Clone)]
pub struct Hands(Weak<Mutex<Vec<Work>>>);

/// A connection and what belongs to it.
pub struct Together<C> {
    connection: Pin<Box<C>>,
    crew: Crew,
    working: FuturesUnordered<Work>,
}

impl Crew {
    /// Where to hand it to.
    pub fn hands(&self) -> Hands {
        Hands(Arc::downgrade(&self.0))
    }

    fn newcomers(&self) -> Vec<Work> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Hands {
    fn execute(&self, work: F) {
        if let Some(crew) = self.0.upgrade() {
            crew.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(work));
        }
    }
}

impl<C> Together<C> {
    /// `crew` is where the connection hands what belongs to it.
    pub fn new(connection: C, crew: Crew) -> Self {
        Self { connection: Box::pin(connection), crew, working: FuturesUnordered::new() }
    }

    /// The connection.
    pub fn connection(self: Pin<&mut Self>) -> Pin<&mut C> {
        self.get_mut().connection.as_mut()
    }
}

impl<C: Future> Future for Together<C> {
    type Output = C::Output;

    /// Ready with the connection, whatever else is under way.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let this = self.get_mut();
        if let Poll::Ready(ended) = this.connection.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        loop {
            this.working.extend(this.crew.newcomers());
            while let Poll::Ready(Some(())) = this.working.poll_next_unpin(cx) {}
            if this.crew.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return Poll::Pending;
            }
        }
    }
}
