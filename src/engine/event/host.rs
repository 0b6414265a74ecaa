//! A node and what the engine knows of it.

use super::timers::Timers;
use crate::engine::course::roster::{Member, Readiness};
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
    /// Events that it caused.
    pub seq: u32,
    pub readiness: Readiness,
    /// What has become of it.
    pub member: Member,
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
            seq: 0,
            readiness: Readiness::default(),
            member: Member::default(),
        }
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
