//! Messages that workflows declare for themselves, beside P2PFL's. What they are called, what they carry and how they go into a
//! fingerprint stands in the workflow's folder; how large they are to the byte, and their encoding, follows from that.
//!
//! On the wire such a message is a `RootMessage` with its name as `cmd` and what it carries, as text, as the arguments of a
//! direct message: what P2PFL would do with a command of its own.

use super::address::PeerId;
use super::command::Command;
use super::message::Message;
use std::sync::{Arc, OnceLock};

/// A message that a workflow declares. Made by `own_messages!`.
#[derive(Debug)]
pub struct Declared {
    /// Its command on the wire.
    pub name: &'static str,
    /// Tells it apart from all others in fingerprints, and orders them in results.
    pub mark: u8,
    /// Whether it may be old news to its receiver, which then counts it as a duplicate.
    pub news: bool,
    /// What it carries beside the round.
    pub args: &'static [ArgumentKind],
}

/// What an argument of an own message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentKind {
    /// A whole number.
    Number,
    /// A real one, written as the shortest text that reads back as it.
    Real,
    /// The name of a peer.
    Peer,
}

/// An argument of an own message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// See [`ArgumentKind::Number`].
    Number(i64),
    /// See [`ArgumentKind::Real`].
    Real(f64),
    /// See [`ArgumentKind::Peer`].
    Peer(PeerId),
}

/// A message that its workflow has declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Own {
    /// Which: always [`Command::Own`].
    pub command: Command,
    /// How many links what it says has crossed before. Not on the wire: for measuring alone.
    pub hops: u16,
    /// The round it belongs to, or [`NO_ROUND`](super::NO_ROUND).
    pub round: i32,
    /// What it carries, if anything: as many arguments as it is declared with.
    pub args: Option<Arc<Vec<Argument>>>,
}

/// An entry of the list of declared messages.
#[doc(hidden)]
pub struct Entry(pub &'static Declared);

inventory::collect!(Entry);

/// Declares messages of a workflow's own, each with a number that no other has.
///
/// ```text
/// own_messages! {
///     /// "I have finished so many rounds."
///     pub static ROUNDS = "rounds" { mark: 20, news: false, args: [Number] };
/// }
/// ```
macro_rules! own_messages {
    ($( $(#[doc = $doc:literal])+ $vis:vis static $it:ident = $name:literal {
        mark: $mark:literal, news: $news:literal, args: [$($field:ident),*] $(,)?
    }; )+) => { $(
        $(#[doc = $doc])+
        $vis static $it: $crate::wire::Declared = $crate::wire::Declared {
            name: $name,
            mark: $mark,
            news: $news,
            args: &[$($crate::wire::ArgumentKind::$field),*],
        };
        inventory::submit! { $crate::wire::Entry(&$it) }
    )+ };
}
pub(crate) use own_messages;

/// All declared messages, by their marks.
pub(super) fn declared() -> &'static [&'static Declared] {
    static DECLARED: OnceLock<Box<[&Declared]>> = OnceLock::new();
    DECLARED.get_or_init(|| {
        let mut all: Vec<&Declared> = inventory::iter::<Entry>().map(|it| it.0).collect();
        all.sort_unstable_by_key(|it| (it.mark, it.name));
        assert!(all.len() <= Slot::ALL.len(), "there is room for {} own messages", Slot::ALL.len());
        all.into()
    })
}

impl Declared {
    /// The command that says it.
    pub fn command(&'static self) -> Command {
        let place = declared().iter().position(|it| std::ptr::eq(*it, self));
        Command::Own(Slot::ALL[place.expect("what is declared is in the list")])
    }

    /// A message of this sort, with as many arguments as it is declared with.
    pub fn say(&'static self, round: i32, hops: u16, args: &[Argument]) -> Message {
        debug_assert_eq!(args.len(), self.args.len(), "{}", self.name);
        let args = (!args.is_empty()).then(|| Arc::new(args.to_vec()));
        Message::Own(Own { command: self.command(), hops, round, args })
    }
}

impl Own {
    /// What it was declared as; nothing if it is none of the declared messages.
    pub fn declared(&self) -> Option<&'static Declared> {
        let Command::Own(slot) = self.command else { return None };
        declared().get(slot as usize).copied()
    }

    /// Whether it is of this sort.
    pub fn is(&self, it: &'static Declared) -> bool {
        self.declared().is_some_and(|own| std::ptr::eq(own, it))
    }

    /// What it carries.
    pub fn args(&self) -> &[Argument] {
        self.args.as_ref().map_or(&[], |it| it)
    }
}

impl Argument {
    /// All of it in one number, for fingerprints.
    pub fn bits(self) -> u64 {
        match self {
            Self::Number(it) => it as u64,
            Self::Real(it) => it.to_bits(),
            Self::Peer(it) => it.into(),
        }
    }
}

/// The place of a declared message in their list. An enum, so that a message finds room for its tag in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
#[rustfmt::skip]
pub enum Slot { S0, S1, S2, S3, S4, S5, S6, S7, S8, S9, S10, S11 }

impl Slot {
    /// All of them.
    #[rustfmt::skip]
    pub const ALL: [Self; 12] = [
        Self::S0, Self::S1, Self::S2, Self::S3, Self::S4, Self::S5,
        Self::S6, Self::S7, Self::S8, Self::S9, Self::S10, Self::S11,
    ];
}

#[cfg(test)]
own_messages! {
    /// One with every sort of argument.
    static SAMPLE = "sample" { mark: 255, news: false, args: [Number, Real, Peer] };
}

/// Of each declared message one, made of these; and one that carries every sort of argument under its name.
#[cfg(test)]
pub(super) fn samples(round: i32, (number, real, peer): &(i64, f64, u16)) -> Vec<Own> {
    let argument = |kind: &ArgumentKind| match kind {
        ArgumentKind::Number => Argument::Number(*number),
        ArgumentKind::Real => Argument::Real(*real),
        ArgumentKind::Peer => Argument::Peer(u32::from(*peer) % 1_000),
    };
    let all = [ArgumentKind::Number, ArgumentKind::Real, ArgumentKind::Peer, ArgumentKind::Number];
    let own = |it: &&'static Declared, args: &[ArgumentKind]| {
        let args = (!args.is_empty()).then(|| args.iter().map(argument).collect::<Vec<_>>().into());
        Own { command: it.command(), hops: 0, round, args }
    };
    declared().iter().flat_map(|it| [own(it, it.args), own(it, &all)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn own_messages_are_told_apart_by_mark_and_by_name() {
        let all = declared();
        assert!(!all.is_empty());
        let marks: BTreeSet<u8> = all.iter().map(|it| it.mark).collect();
        let names: BTreeSet<&str> = Command::all().map(Command::name).collect();
        assert_eq!((marks.len(), names.len()), (all.len(), Command::all().count()), "{all:?}");
        // P2PFL's messages have the first in fingerprints, and those of a probe 8.
        assert!(all.iter().all(|it| it.mark >= 6 && !matches!(it.mark, 8 | 9)), "{all:?}");
    }
}
