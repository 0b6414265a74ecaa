//! The nodes of a run: what has become of each, and how many of them stand where.
//!
//! An engine keeps a [`Member`] for every node and [`Counts`] of all, or of the nodes of one thread; what happens to a node
//! goes through these functions, so that the counts follow.

use crate::engine::{Fate, NodeReport};
use crate::metrics::result::Nodes;
use crate::node::io::Record;
use crate::time::Time;
use crate::wire::PeerId;
use std::time::Duration;

/// What a run knows of a node. There may be a million.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// When it finished all rounds; never if it has not.
    pub finished_at: Time,
    /// Rounds that it finished, in all its lives.
    pub rounds_finished: u32,
    /// Rounds that it trained in.
    pub rounds_trained: u32,
    /// How often it has gone: which of its lives this is.
    pub life: u16,
    pub fate: Fate,
    /// Whether it has made its connections and heard of everyone that it can hear of.
    ready: bool,
    /// Whether the run waits for it: it was there when learning began, or has started learning since.
    takes_part: bool,
    /// Whether it has started learning since it came up.
    started: bool,
    /// What became of it at any time.
    crashed: bool,
    left: bool,
    panicked: bool,
}

/// How far a node has come to know its network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readiness {
    /// Peers heard of for the first time, until all are.
    heard: u32,
    connected: bool,
    ready: bool,
}

/// How many nodes stand where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Nodes that are up and have not yet heard of everyone they can hear of.
    pub unready: u64,
    /// When the last of the others did.
    pub ready_at: Time,
    /// Nodes that are up and take part, but have not finished.
    pub awaited: u64,
    /// Nodes that came up later and have not started learning.
    pub newcomers: u64,
    /// Nodes that are up and have started learning, but have not finished.
    pub learning: u64,
    /// Nodes that have finished, or were stopped.
    pub done: u64,
    /// Of these, those that were stopped before their time.
    pub stopped: u64,
    /// One past the furthest round that any node has entered.
    pub furthest: u32,
    /// When the last node finished or went.
    pub ended_at: Time,
    /// Until when what happened may still come to light by missing heartbeats.
    pub unsettled: Time,
}

impl Default for Member {
    /// A node that has never been there.
    fn default() -> Self {
        Self {
            finished_at: Time::NEVER,
            rounds_finished: 0,
            rounds_trained: 0,
            life: 0,
            fate: Fate::Absent,
            ready: false,
            takes_part: false,
            started: false,
            crashed: false,
            left: false,
            panicked: false,
        }
    }
}

impl Member {
    /// Whether the run must not end before it has finished.
    pub fn is_awaited(&self) -> bool {
        self.takes_part && self.fate == Fate::Up
    }

    /// Whether it has come up later and has not started learning.
    fn is_newcomer(&self) -> bool {
        self.fate == Fate::Up && !self.takes_part
    }

    /// Whether it is in the midst of learning.
    fn is_learning(&self) -> bool {
        self.fate == Fate::Up && self.started
    }

    /// Whether learning waits for it to have heard of everyone.
    pub fn is_unready(&self) -> bool {
        self.fate == Fate::Up && !self.ready
    }

    /// Whether it has finished all rounds, whatever became of it then.
    pub fn has_finished(&self) -> bool {
        self.finished_at != Time::NEVER
    }

    /// What is told of it at the end; what it sent, handled and waits for its engine knows.
    pub fn report(&self) -> NodeReport {
        NodeReport {
            fate: self.fate,
            rounds_finished: self.rounds_finished,
            rounds_trained: self.rounds_trained,
            finished_at: self.has_finished().then_some(self.finished_at),
            sent: 0,
            handled: 0,
            bytes_sent: 0,
            round_nanos: 0,
            accuracy: None,
            stage: None,
            waits_for: String::new(),
        }
    }

    /// It finished a round.
    pub fn finished_round(&mut self, trained: bool) {
        self.rounds_finished += 1;
        self.rounds_trained += u32::from(trained);
    }
}

impl Readiness {
    /// Notes what a node has come to know, of which it has to know so many peers. True once, when that is all.
    pub fn note(&mut self, what: &Record, awaited: u32) -> bool {
        match what {
            Record::Heard => self.heard = self.heard.saturating_add(1),
            Record::Connected => self.connected = true,
            _ => {}
        }
        self.is_ready_now(awaited)
    }

    /// The same of a node that has just come up: it may have nobody to wait for.
    pub fn is_ready_now(&mut self, awaited: u32) -> bool {
        let ready = self.connected && self.heard >= awaited;
        ready && !std::mem::replace(&mut self.ready, true)
    }
}

impl Counts {
    /// A node comes up, or is told to, for this of its lives.
    pub fn up(&mut self, it: &mut Member, life: u16) {
        self.alter(it, |it| (it.fate, it.life, it.takes_part, it.started) = (Fate::Up, life, false, false));
    }

    /// A node has made its connections and heard of everyone that it can hear of.
    pub fn ready(&mut self, it: &mut Member, at: Time) {
        self.alter(it, |it| it.ready = true);
        self.ready_at = self.ready_at.max(at);
    }

    /// Learning begins: who is up takes part.
    pub fn begins(&mut self, it: &mut Member) {
        self.alter(it, |it| it.takes_part = it.fate == Fate::Up);
    }

    /// A node has started learning.
    pub fn started(&mut self, it: &mut Member) {
        self.alter(it, |it| (it.takes_part, it.started) = (true, true));
    }

    /// A node has entered a round.
    pub fn entered(&mut self, round: u32) {
        self.furthest = self.furthest.max(round + 1);
    }

    /// A node is done (`Finished` or `Stopped`), or has gone, in this of its lives; it may be up again by now. Who misses one
    /// that has gone finds out after `settling`.
    pub fn ended(&mut self, it: &mut Member, life: u16, fate: Fate, at: Time, settling: Duration) {
        let is_up = matches!(fate, Fate::Finished | Fate::Stopped);
        if life == it.life {
            self.alter(it, |it| {
                it.fate = fate;
                it.life = it.life.wrapping_add(u16::from(!is_up));
            });
        }
        if fate == Fate::Finished {
            it.finished_at = at;
        }
        it.crashed |= fate == Fate::Crashed;
        it.left |= fate == Fate::Left;
        it.panicked |= fate == Fate::Panicked;
        self.ended_at = self.ended_at.max(at);
        if !is_up {
            self.unsettled = self.unsettled.max(at + settling);
        }
    }

    /// Changes what is known of a node, and the counts with it.
    fn alter(&mut self, it: &mut Member, change: impl FnOnce(&mut Member)) {
        let done = |it: &Member| matches!(it.fate, Fate::Finished | Fate::Stopped);
        self.unready -= u64::from(it.is_unready());
        self.awaited -= u64::from(it.is_awaited());
        self.newcomers -= u64::from(it.is_newcomer());
        self.learning -= u64::from(it.is_learning());
        self.done -= u64::from(done(it));
        self.stopped -= u64::from(it.fate == Fate::Stopped);
        change(it);
        self.unready += u64::from(it.is_unready());
        self.awaited += u64::from(it.is_awaited());
        self.newcomers += u64::from(it.is_newcomer());
        self.learning += u64::from(it.is_learning());
        self.done += u64::from(done(it));
        self.stopped += u64::from(it.fate == Fate::Stopped);
    }

    /// Those of two parts of the nodes together.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            unready: self.unready + other.unready,
            ready_at: self.ready_at.max(other.ready_at),
            awaited: self.awaited + other.awaited,
            newcomers: self.newcomers + other.newcomers,
            learning: self.learning + other.learning,
            done: self.done + other.done,
            stopped: self.stopped + other.stopped,
            furthest: self.furthest.max(other.furthest),
            ended_at: self.ended_at.max(other.ended_at),
            unsettled: self.unsettled.max(other.unsettled),
        }
    }

    /// Whether of those that are up nobody learns, nor has.
    pub fn nobody_learns(&self) -> bool {
        self.learning + self.done == 0
    }
}

/// Rounds that every node has finished that is still awaited; nothing if none is.
pub fn slowest<'a>(members: impl Iterator<Item = (PeerId, &'a Member)>) -> Option<u32> {
    members.filter(|(_, it)| it.is_awaited()).map(|(_, it)| it.rounds_finished).min()
}

/// The nodes that learning waits for.
pub fn unready<'a>(members: impl Iterator<Item = (PeerId, &'a Member)>) -> Vec<PeerId> {
    members.filter(|(_, it)| it.is_unready()).map(|(node, _)| node).collect()
}

/// The nodes that are up and have not finished.
pub fn up<'a>(members: impl Iterator<Item = (PeerId, &'a Member)>) -> impl Iterator<Item = PeerId> {
    members.filter(|(_, it)| it.fate == Fate::Up).map(|(node, _)| node)
}

/// What became of nodes. Each counts once, however often it crashes.
pub fn totals<'a>(members: impl Iterator<Item = &'a Member>) -> Nodes {
    members.fold(Nodes::default(), |sum, it| Nodes {
        total: sum.total + 1,
        finished: sum.finished + u32::from(it.has_finished()),
        crashed: sum.crashed + u32::from(it.crashed),
        left: sum.left + u32::from(it.left),
        panicked: sum.panicked + u32::from(it.panicked),
        joined: sum.joined,
    })
}

/// What is told of a node that went by a fault: its own or this program's.
pub fn fault(node: PeerId, fate: Fate, why: &str) -> String {
    let what = if fate == Fate::Panicked { "panicked" } else { "stopped itself" };
    format!("node {node} {what}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever happens to nodes, the counts are what counting them says.
        #[test]
        fn counts_are_what_is_counted(
            steps in proptest::collection::vec((0_usize..4, 0_u8..9), 0..80),
        ) {
            let mut members = [Member::default(); 4];
            let mut counts = Counts::default();
            for ((i, what), second) in steps.into_iter().zip(0..) {
                let at = Time::ZERO + Duration::from_secs(second);
                let it = &mut members[i];
                match what {
                    0 => counts.up(it, it.life),
                    1 => counts.ready(it, at),
                    2 => counts.begins(it),
                    3 => counts.started(it),
                    _ => {
                        let fates =
                            [Fate::Finished, Fate::Stopped, Fate::Crashed, Fate::Left, Fate::Panicked];
                        let life = it.life - u16::from(it.life > 0 && second % 3 == 0);
                        let fate = fates[usize::from(what) - 4];
                        counts.ended(it, life, fate, at, Duration::from_secs(5));
                    }
                }
                let count = |of: fn(&Member) -> bool| members.iter().filter(|it| of(it)).count() as u64;
                prop_assert_eq!(counts.unready, count(Member::is_unready));
                prop_assert_eq!(counts.awaited, count(Member::is_awaited));
                prop_assert_eq!(counts.newcomers, count(Member::is_newcomer));
                prop_assert_eq!(counts.learning, count(Member::is_learning));
                prop_assert_eq!(counts.done, count(|it| matches!(it.fate, Fate::Finished | Fate::Stopped)));
                prop_assert_eq!(counts.stopped, count(|it| it.fate == Fate::Stopped));
                prop_assert!(counts.unsettled <= at + Duration::from_secs(5) && counts.ended_at <= at);
            }
        }
    }

    #[test]
    fn what_a_node_did_in_an_earlier_life_says_nothing_of_this_one() {
        let (mut it, mut counts) = (Member::default(), Counts::default());
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let settling = Duration::from_secs(5);
        counts.up(&mut it, 0);
        // It was told to crash and to come back before it said that it had crashed.
        counts.up(&mut it, 1);
        counts.ended(&mut it, 0, Fate::Finished, at(1), settling);
        counts.ended(&mut it, 0, Fate::Crashed, at(2), settling);
        assert_eq!((it.fate, it.crashed, it.finished_at), (Fate::Up, true, at(1)));
        assert_eq!((counts.newcomers, counts.done, counts.ended_at), (1, 0, at(2)));
        counts.ended(&mut it, 1, Fate::Left, at(3), settling);
        assert_eq!((it.fate, it.life, counts.newcomers, counts.unsettled), (Fate::Left, 2, 0, at(8)));
    }

    #[test]
    fn a_node_is_ready_once_when_it_is_connected_and_has_heard_of_all() {
        let mut it = Readiness::default();
        assert!(!it.is_ready_now(2) && !it.note(&Record::Heard, 2) && !it.note(&Record::Connected, 2));
        assert!(it.note(&Record::Heard, 2) && !it.note(&Record::Heard, 2));
        let mut alone = Readiness::default();
        assert!(alone.note(&Record::Connected, 0));
    }

    #[test]
    fn a_fault_says_whose_it_is() {
        assert_eq!(fault(3, Fate::Panicked, "oh"), "node 3 panicked: oh");
        assert_eq!(fault(3, Fate::Failed, "oh"), "node 3 stopped itself: oh");
    }
}
