//! What a node keeps of its own part in the network.

use crate::time::Time;
use std::time::Duration;

/// A node's own part in the network: how many draws its messages made, and when its uplink and downlink are free. Small
/// and empty until something is sent, for a run may have a million of them.
#[derive(Clone, Debug, Default)]
pub struct Port {
    /// Messages that were handed over, each of which has draws of its own.
    draws: u64,
    /// When all that was handed over has left.
    uplink: Time,
    /// When all that has arrived is taken in.
    downlink: Time,
}

impl Port {
    /// The node stops and comes back later: what waited in its queues is gone. Its draws go on where they were, lest
    /// every life of a node fare alike.
    pub fn restart(&mut self) {
        *self = Self { draws: self.draws, ..Self::default() };
    }

    /// The number of the next message's draws.
    pub(super) fn next_draw(&mut self) -> u64 {
        self.draws += 1;
        self.draws
    }

    /// When something that takes so long and is put into the uplink's queue now is through.
    pub(super) fn through_uplink(&mut self, now: Time, takes: Duration) -> Time {
        through(&mut self.uplink, now, takes)
    }

    /// When something that takes so long and arrives at the downlink now is through.
    pub(super) fn through_downlink(&mut self, at: Time, takes: Duration) -> Time {
        through(&mut self.downlink, at, takes)
    }
}

/// A queue that serves in the order of arrival, one after another, is no more than the time when it is next free.
fn through(free: &mut Time, now: Time, takes: Duration) -> Time {
    *free = now.max(*free) + takes;
    *free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_small() {
        assert!(size_of::<Port>() <= 32, "{}", size_of::<Port>());
    }
}
