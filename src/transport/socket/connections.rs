//! The connections of one channel: one that all calls share, or several that each carry one call at a time.

use std::sync::{Mutex, PoisonError};
use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};

/// The connections of a channel. Whoever comes first has one first, which keeps calls in order where there is only one.
pub enum Connections<L> {
    /// Many calls at a time on one.
    One(tokio::sync::Mutex<Option<L>>),
    /// A call at a time on each of so many; made as they are needed, and kept.
    Several {
        /// As many as may be in use.
        places: Semaphore,
        /// Those that nobody uses, the one used last at the end: the others are left to grow old.
        idle: Mutex<Vec<L>>,
    },
}

/// A connection for one call; none yet if it is to be made.
pub enum Lease<'a, L> {
    /// Shared: held until the call has left.
    Shared(MutexGuard<'a, Option<L>>),
    /// Its own: held until the call is answered. Dropped before that, the connection is closed.
    Own { link: Option<L>, idle: &'a Mutex<Vec<L>>, _place: SemaphorePermit<'a> },
}

impl<L> Connections<L> {
    /// One for all calls.
    pub fn one() -> Self {
        Self::One(tokio::sync::Mutex::new(None))
    }

    /// Up to so many, but at least one.
    pub fn several(most: usize) -> Self {
        let places = Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS));
        Self::Several { places, idle: Mutex::default() }
    }

    /// One that is to be had now. Nobody is overtaken: there is none while others wait.
    pub fn lease_at_once(&self) -> Option<Lease<'_, L>> {
        match self {
            Self::One(link) => link.try_lock().ok().map(Lease::Shared),
            Self::Several { places, idle } => {
                let place = places.try_acquire().ok()?;
                let link = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                Some(Lease::Own { link, idle, _place: place })
            }
        }
    }

    /// Waits until there is one to be had.
    pub async fn lease(&self) -> Lease<'_, L> {
        match self {
            Self::One(link) => Lease::Shared(link.lock().await),
            Self::Several { places, idle } => {
                let place = places.acquire().await.expect("nobody closes the semaphore");
                let link = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                Lease::Own { link, idle, _place: place }
            }
        }
    }
}

impl<L> Lease<'_, L> {
    /// The connection, if there is one.
    pub fn link(&mut self) -> &mut Option<L> {
        match self {
            Self::Shared(link) => link,
            Self::Own { link, .. } => link,
        }
    }

    /// After the call has left: what is to be kept until it is answered.
    pub fn after_leaving(self) -> Option<Self> {
        match self {
            Self::Shared(_) => None,
            own @ Self::Own { .. } => Some(own),
        }
    }

    /// Leaves the connection to others: it is in order.
    pub fn give_back(self) {
        if let Self::Own { link: Some(link), idle, .. } = self {
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(it) => Some(it),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_shared_connection_is_free_again_when_the_call_has_left() {
        let one = Connections::<u8>::one();
        let mut lease = now(one.lease()).unwrap();
        *lease.link() = Some(1);
        assert!(now(one.lease()).is_none(), "one call leaves after the other");
        assert!(lease.after_leaving().is_none());
        assert_eq!(*now(one.lease()).unwrap().link(), Some(1));
    }

    #[test]
    fn no_more_connections_are_in_use_than_may_be_and_those_given_back_are_used_again() {
        let several = Connections::several(2);
        let leases: Vec<_> = (0..2u8)
            .map(|i| {
                let mut lease = now(several.lease()).unwrap();
                assert_eq!(lease.link().replace(i), None, "there was none yet");
                lease.after_leaving().expect("it is kept until the answer")
            })
            .collect();
        assert!(now(several.lease()).is_none());
        leases.into_iter().for_each(Lease::give_back);
        assert_eq!(*now(several.lease()).unwrap().link(), Some(1), "the one used last");
    }

    #[test]
    fn a_connection_whose_call_was_given_up_is_not_used_again() {
        let several = Connections::several(1);
        let mut lease = now(several.lease()).unwrap();
        *lease.link() = Some(1);
        drop(lease.after_leaving());
        assert_eq!(*now(several.lease()).unwrap().link(), None);
    }
}
