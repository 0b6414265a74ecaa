//! The addresses that peers go by on the wire, and their numbers inside.
//!
//! A name is *entered* for whoever is a peer: a node of the run, or somebody outside who has shaken hands or was heard to
//! beat. Whom others merely *mention* has a number as well, so that what they say can be passed on as it was said, but
//! stands beside the list, in a place that is soon needed for the next.

use super::address::PeerId;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Names longer than this are nobody's: a socket's path has at most 108 bytes, a host's name 253.
pub const MAX_NAME: usize = 300;

/// Peers are not believed to be more than so many: each takes memory at every node that hears of it.
pub const MAX_NAMES: usize = 1 << 17;

/// Of those whom others mention, the last so many are remembered.
pub const MAX_MENTIONED: usize = 1 << 12;

/// Addresses that become known as sockets are bound and peers outside are heard of. A number is given once, and stands for
/// the same name as long as the name is known.
#[derive(Debug, Default)]
pub struct Names {
    known: RwLock<Known>,
    epoch: OnceLock<f64>,
}

#[derive(Debug, Default)]
struct Known {
    names: HashMap<PeerId, Arc<str>, FixedState>,
    numbers: HashMap<Arc<str>, Number, FixedState>,
    next: PeerId,
    entered: usize,
    /// Those that are only mentioned, and some that have been entered since: oldest first.
    mentioned: VecDeque<PeerId>,
}

#[derive(Clone, Copy, Debug)]
struct Number {
    peer: PeerId,
    entered: bool,
}

impl Names {
    /// Enters a name, and gives its number. Nothing if it is empty or too long to be one, or there are too many already.
    pub fn number(&self, name: &str) -> Option<PeerId> {
        if let Some(known) = self.find(name) {
            return Some(known);
        }
        let mut known = self.write();
        if known.entered >= MAX_NAMES {
            return None;
        }
        let number = known.number(name)?;
        if !number.entered {
            known.entered += 1;
            let entered = Number { entered: true, ..number };
            known.numbers.insert(name.into(), entered);
        }
        Some(number.peer)
    }

    /// The number of a name that is entered.
    pub fn find(&self, name: &str) -> Option<PeerId> {
        self.read().numbers.get(name).filter(|it| it.entered).map(|it| it.peer)
    }

    /// The number of a name that others mention, whoever that may be. It stays the same if the name is entered later. Nothing
    /// if it is empty or too long to be one.
    pub fn mentioned(&self, name: &str) -> Option<PeerId> {
        if let Some(number) = self.read().numbers.get(name) {
            return Some(number.peer);
        }
        let mut known = self.write();
        let number = known.number(name)?;
        if !number.entered {
            known.mentioned.push_back(number.peer);
            known.forget_mentioned();
        }
        Some(number.peer)
    }

    /// Strikes out a name.
    pub fn forget(&self, peer: PeerId) {
        let mut known = self.write();
        if let Some(name) = known.names.remove(&peer)
            && known.numbers.remove(&name).is_some_and(|it| it.entered)
        {
            known.entered -= 1;
        }
    }

    /// How many names are entered.
    pub fn len(&self) -> usize {
        self.read().entered
    }

    /// Whether none is entered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of a peer; empty for one that has none.
    pub fn name(&self, peer: PeerId) -> Arc<str> {
        self.read().names.get(&peer).cloned().unwrap_or_default()
    }

    /// The run begins at this Unix time, in seconds: what peers outside are told, and tell.
    pub fn begin(&self, epoch: f64) {
        // It begins once.
        let _ = self.epoch.set(epoch);
    }

    /// When the run began, if it has.
    pub(super) fn epoch(&self) -> Option<f64> {
        self.epoch.get().copied()
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The number of a name; one that was never heard gets the next.
    fn number(&mut self, name: &str) -> Option<Number> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        if name.is_empty() || name.len() > MAX_NAME {
            return None;
        }
        let number = Number { peer: self.next, entered: false };
        self.next = self.next.checked_add(1)?;
        let name: Arc<str> = name.into();
        self.names.insert(number.peer, Arc::clone(&name));
        self.numbers.insert(name, number);
        Some(number)
    }

    fn forget_mentioned(&mut self) {
        while self.mentioned.len() > MAX_MENTIONED {
            let Some(oldest) = self.mentioned.pop_front() else { return };
            let name = self.names.get(&oldest).cloned();
            if let Some(name) = name.filter(|it| self.numbers.get(it).is_some_and(|it| !it.entered)) {
                self.names.remove(&oldest);
                self.numbers.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::AddressBook;
    use super::*;
    use std::cmp::Ordering;

    #[test]
    fn addresses_have_numbers_in_the_order_in_which_they_become_known_and_sort_as_text() {
        let names = Arc::new(Names::default());
        assert_eq!(
            ["127.0.0.1:900", "127.0.0.1:8000", "127.0.0.1:900"].map(|it| names.number(it)),
            [Some(0), Some(1), Some(0)]
        );
        assert_eq!(names.find("127.0.0.1:1"), None);
        assert_eq!(names.number(&"x".repeat(MAX_NAME + 1)), None);
        assert_eq!(names.number(""), None);
        let book = AddressBook::Named(Arc::clone(&names));
        assert_eq!((book.name(1).to_string(), book.len(1)), ("127.0.0.1:8000".to_owned(), 14));
        assert_eq!(book.compare(0, 1), Ordering::Greater, "9 sorts after 8, whatever follows");
    }

    #[test]
    fn whom_others_mention_is_not_entered_and_keeps_the_number_when_it_is() {
        let names = Names::default();
        let mentioned = names.mentioned("10.0.0.1:1").unwrap();
        assert_eq!((names.find("10.0.0.1:1"), names.len()), (None, 0));
        assert_eq!(&*names.name(mentioned), "10.0.0.1:1", "so that it can be passed on");
        assert_eq!(names.number("10.0.0.1:1"), Some(mentioned));
        assert_eq!((names.find("10.0.0.1:1"), names.len()), (Some(mentioned), 1));
    }

    #[test]
    fn however_many_are_mentioned_only_the_last_are_remembered_and_nobody_is_kept_out() {
        let names = Names::default();
        let entered = names.mentioned("10.0.0.1:1").unwrap();
        names.number("10.0.0.1:1").unwrap();
        let first = names.mentioned("10.9.9.9:9").unwrap();
        for port in 0..100_000 {
            names.mentioned(&format!("10.0.0.2:{port}")).unwrap();
        }
        assert_eq!((&*names.name(first), &*names.name(entered)), ("", "10.0.0.1:1"));
        let known = names.read();
        assert_eq!(
            (known.entered, known.names.len(), known.numbers.len()),
            (1, MAX_MENTIONED + 1, MAX_MENTIONED + 1)
        );
        drop(known);
        assert!(names.number("10.0.0.3:1").is_some());
    }

    #[test]
    fn who_is_forgotten_makes_room_and_its_number_is_given_to_nobody_else() {
        let names = Names::default();
        let first = names.number("10.0.0.1:1").unwrap();
        names.forget(first);
        assert_eq!((names.find("10.0.0.1:1"), names.len(), &*names.name(first)), (None, 0, ""));
        assert_ne!(names.number("10.0.0.2:1"), Some(first));
        assert_ne!(names.number("10.0.0.1:1"), Some(first));
    }
}
