//! A node and what the engine knows of it.

use super::timers::Timers;
use crate::engine::Fate;
use crate::network::Port;
use crate::node::Node;
use crate::time::Time;

/// One node's place in the engine: small, as there may be a million.
#[derive(Debug)]
pub struct Host {
    /// Nothing while it is not there.
    pub node: Option<Node>,
    pub timers: Timers,
    /// Its part of the network: queues, connections, draws.
    pub port: Port,
    /// The hash over all that has happened to it.
    pub chain: u64,
    /// Messages sent and taken.
    pub sent: u64,
    pub handled: u64,
    /// Payload bytes of those sent.
    pub bytes_sent: u64,
    /// Time spent in rounds that it finished, in nanoseconds.
    pub round_nanos: u64,
    /// When it last came up. What was handed over before finds nobody.
    pub up_since: Time,
    /// When it finished all rounds; never if it has not.
    pub finished_at: Time,
    /// Events that it caused.
    pub seq: u32,
    /// Peers heard of for the first time, until all are.
    pub heard: u32,
    pub rounds_finished: u32,
    pub rounds_trained: u32,
    /// How often it has gone.
    pub incarnation: u16,
    pub fate: Fate,
    /// Where the script has put it: it may not have come up, or gone, yet.
    pub place: Place,
    pub connected: bool,
    /// Whether it has made its connections and heard of everyone that it can hear of.
    pub ready: bool,
    /// Whether the run waits for it: it was there when learning began, or has started learning since.
    pub takes_part: bool,
    /// Whether it has started learning since it came up.
    pub started: bool,
    /// What became of it at any time.
    pub crashed: bool,
    pub left: bool,
    pub panicked: bool,
}

/// Where the script has put a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not yet come, or gone by itself.
    Away,
    There,
    Crashed,
    Left,
}

impl Host {
    /// A node that has never been there.
    pub fn absent() -> Self {
        Self {
            node: None,
            timers: Timers::default(),
            port: Port::default(),
            chain: 0,
            sent: 0,
            handled: 0,
            bytes_sent: 0,
            round_nanos: 0,
            up_since: Time::ZERO,
            finished_at: Time::NEVER,
            seq: 0,
            heard: 0,
            rounds_finished: 0,
            rounds_trained: 0,
            incarnation: 0,
            fate: Fate::Absent,
            place: Place::Away,
            connected: false,
            ready: false,
            takes_part: false,
            started: false,
            crashed: false,
            left: false,
            panicked: false,
        }
    }

    /// Whether the run must not end before it has finished.
    pub fn awaited(&self) -> bool {
        self.takes_part && self.fate == Fate::Up
    }

    /// Whether it has come up later and has not started learning.
    pub fn is_newcomer(&self) -> bool {
        self.fate == Fate::Up && !self.takes_part
    }

    /// Whether it is in the midst of learning.
    pub fn is_learning(&self) -> bool {
        self.fate == Fate::Up && self.started
    }

    /// Whether learning waits for it to have heard of everyone.
    pub fn unready(&self) -> bool {
        self.fate == Fate::Up && !self.ready
    }

    /// The number of its next event.
    pub fn next_seq(&mut self) -> u32 {
        let seq = self.seq;
        // A run that comes here has lasted for weeks; two events of one number could change places.
        self.seq = seq.checked_add(1).expect("a node causes fewer than four thousand million events");
        seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_small_beside_its_node() {
        assert!(
            size_of::<Host>() - size_of::<Node>() <= 192,
            "{} and {}",
            size_of::<Host>(),
            size_of::<Node>()
        );
        assert!(size_of::<Node>() <= 384, "{}", size_of::<Node>());
    }
}
