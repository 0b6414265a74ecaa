//! Models that have been announced to a node and are expected: a second announcement of the same is refused, so that
//! a model is not sent twice at once.

use crate::time::Time;
use crate::wire::{Announcement, Command, PeerId};
use std::time::Duration;

/// What identifies a model in an announcement: a contributor, or the round alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Contributor(PeerId),
    Round,
}

#[derive(Debug)]
struct Expected {
    from: PeerId,
    command: Command,
    round: i32,
    key: Key,
    since: Time,
}

/// Announced models.
#[derive(Debug, Default)]
pub struct Announced(Vec<Expected>);

impl Announced {
    /// Notes an announcement, unless part of it is expected already; whether it was noted. Expectations older than
    /// `timeout` are dropped first.
    pub fn expect(&mut self, from: PeerId, it: &Announcement, now: Time, timeout: Duration) -> bool {
        self.0.retain(|expected| expected.command != it.follows || now.since(expected.since) <= timeout);
        if self.expects(it) {
            return false;
        }
        for key in keys(&it.contributors) {
            self.0.push(Expected { from, command: it.follows, round: it.round, key, since: now });
        }
        true
    }

    /// Whether part of a model is expected already.
    pub fn expects(&self, it: &Announcement) -> bool {
        keys(&it.contributors).any(|key| {
            self.0
                .iter()
                .any(|known| known.command == it.follows && known.round == it.round && known.key == key)
        })
    }

    /// Whether a peer has announced all of a model, and it is expected.
    pub fn expects_from(&self, from: PeerId, command: Command, round: i32, contributors: &[PeerId]) -> bool {
        keys(contributors).all(|key| {
            self.0.iter().any(|it| (it.from, it.command, it.round, it.key) == (from, command, round, key))
        })
    }

    /// Drops what should have come by now.
    pub fn expire(&mut self, now: Time, timeout: Duration) {
        self.0.retain(|it| now.since(it.since) <= timeout);
    }

    /// Whether any model of a kind is expected.
    pub fn expects_any(&self, command: Command) -> bool {
        self.0.iter().any(|it| it.command == command)
    }

    /// Expects nothing from a peer any longer: of one kind of model, or of all.
    pub fn forget(&mut self, from: PeerId, command: Option<Command>) {
        self.0.retain(|it| it.from != from || command.is_some_and(|command| command != it.command));
    }

    /// Expects a model no longer. If it was not expected, or only in part: false.
    pub fn release(&mut self, command: Command, round: i32, contributors: &[PeerId]) -> bool {
        let mut all = true;
        for key in keys(contributors) {
            let found =
                self.0.iter().position(|it| it.command == command && it.round == round && it.key == key);
            match found {
                Some(i) => {
                    self.0.swap_remove(i);
                }
                None => all = false,
            }
        }
        all
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn keys(contributors: &[PeerId]) -> impl Iterator<Item = Key> + '_ {
    let round = contributors.is_empty().then_some(Key::Round);
    contributors.iter().map(|&peer| Key::Contributor(peer)).chain(round)
}
