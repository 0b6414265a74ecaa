//! What peers and times are called on the wire, where they are numbers inside.

use super::names::Names;
use crate::time::Time;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A peer inside the program: its index in the scenario. Peers outside, which this program only talks to, have the
/// numbers after those.
pub type PeerId = u32;

/// Unix time at which runs begin that talk to nobody outside, so that the text of a heartbeat is as long as a deployed
/// peer's, and the same in every run.
pub const UNIX_EPOCH_OF_RUN: u64 = 1_700_000_000;

/// What each peer is called on the wire, and what time it is there. Peers compare names as text, so the order of names
/// matters: candidates are sorted by it, and it decides a draw between votes.
#[derive(Clone, Debug)]
pub enum AddressBook {
    /// `node-000` to `node-999`: as many digits as the last one needs, so that the order of names is that of numbers.
    Numbered {
        /// How many digits.
        digits: u8,
    },
    /// The addresses that peers listen on.
    Named(Arc<Names>),
}

impl AddressBook {
    /// Names for `nodes` peers of the in-memory transport.
    pub fn numbered(nodes: u32) -> Self {
        let last = nodes.saturating_sub(1);
        Self::Numbered { digits: last.checked_ilog10().unwrap_or(0) as u8 + 1 }
    }

    /// Names of so many bytes, five at least: for sizes of messages between peers whose addresses are not known yet.
    pub fn of_length(bytes: usize) -> Self {
        Self::Numbered { digits: u8::try_from(bytes.saturating_sub("node-".len())).unwrap_or(u8::MAX) }
    }

    /// The name of a peer.
    pub fn name(&self, peer: PeerId) -> impl fmt::Display + use<> {
        match self {
            Self::Numbered { digits } => Name::Numbered { peer, digits: *digits },
            Self::Named(names) => Name::Text(names.name(peer)),
        }
    }

    /// The number of bytes of a peer's name.
    pub fn len(&self, peer: PeerId) -> usize {
        match self {
            Self::Numbered { digits } => "node-".len() + usize::from(*digits),
            Self::Named(names) => names.name(peer).len(),
        }
    }

    /// The order of two peers' names.
    pub fn compare(&self, a: PeerId, b: PeerId) -> Ordering {
        match self {
            Self::Numbered { .. } => a.cmp(&b),
            Self::Named(names) => names.name(a).cmp(&names.name(b)),
        }
    }

    /// Seconds since 1970 as a beat says them, so long after the run began.
    pub fn unix_seconds(&self, at: Time) -> f64 {
        self.epoch() + at.as_secs_f64()
    }

    /// The time so many seconds after 1970; what lies before the run is its beginning.
    pub fn time_at(&self, unix_seconds: f64) -> Time {
        let since = ((unix_seconds - self.epoch()) * 1e9).max(0.0);
        Time::from_nanos(if since.is_finite() { since as u64 } else { 0 })
    }

    fn epoch(&self) -> f64 {
        match self {
            Self::Numbered { .. } => UNIX_EPOCH_OF_RUN as f64,
            Self::Named(names) => names.epoch().unwrap_or(UNIX_EPOCH_OF_RUN as f64),
        }
    }
}

enum Name {
    Numbered { peer: PeerId, digits: u8 },
    Text(Arc<str>),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Numbered { peer, digits } => write!(f, "node-{peer:0width$}", width = usize::from(*digits)),
            Self::Text(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_long_as_the_book_says_and_sort_like_their_numbers() {
        for nodes in [1, 9, 10, 11, 100, 101, 1000] {
            let book = AddressBook::numbered(nodes);
            let names: Vec<String> = (0..nodes).map(|peer| book.name(peer).to_string()).collect();
            assert!(names.is_sorted());
            assert!(names.iter().all(|name| name.len() == book.len(0)));
        }
    }

    #[test]
    fn times_on_the_wire_are_unix_times_counted_from_where_the_run_begins() {
        let names = Arc::new(Names::default());
        let book = AddressBook::Named(Arc::clone(&names));
        let at = Time::from_nanos(2_500_000_000);
        assert_eq!(book.unix_seconds(at), 1_700_000_002.5);
        names.begin(1_800_000_000.0);
        assert_eq!(book.unix_seconds(at), 1_800_000_002.5);
        assert_eq!(book.time_at(1_800_000_002.5), at);
        assert_eq!(book.time_at(5.0), Time::ZERO);
        assert_eq!(book.time_at(f64::NAN), Time::ZERO);
    }
}
