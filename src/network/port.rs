//! What a node keeps of its own part in the network.

use super::connections::Open;
use crate::time::Time;
use crate::wire::PeerId;
use std::time::Duration;

/// A node's own part in the network: how many draws its messages made, when its uplink and downlink are free, which
/// connections it has open. Small and empty until something is sent, for a run may have a million of them.
#[derive(Clone, Debug, Default)]
pub struct Port {
    /// Messages that were handed over, each of which has draws of its own.
    draws: u64,
    /// When all that was handed over has left.
    uplink: Time,
    /// When all that has arrived is taken in.
    downlink: Time,
    /// Nothing until the first connection is opened or the CPU is first asked for, and for ever where that costs nothing.
    rare: Option<Box<Rare>>,
}

/// What only some scenarios ask for.
#[derive(Clone, Debug, Default)]
struct Rare {
    open: Open,
    /// When the CPU has done all that it was asked for.
    cpu: Time,
}

impl Port {
    /// The node stops and comes back later: its connections and what waited in its queues are gone. Its draws go on
    /// where they were, lest every life of a node fare alike.
    pub fn restart(&mut self) {
        *self = Self { draws: self.draws, ..Self::default() };
    }

    /// The connection to a peer is closed: the next message to it opens another. That is so when either end says
    /// goodbye, and when the peer introduces itself, for then it has just come up and knows of no connection.
    pub fn close(&mut self, peer: PeerId) {
        if let Some(rare) = &mut self.rare {
            rare.open.close(peer);
        }
    }

    /// The number of the next message's draws.
    pub(super) fn next_draw(&mut self) -> u64 {
        self.draws += 1;
        self.draws
    }

    /// When something that takes so long and is put into the uplink's queue now begins to leave.
    pub(super) fn enter_uplink(&mut self, now: Time, takes: Duration) -> Time {
        served(&mut self.uplink, now, takes)
    }

    /// When something that takes so long and arrives at the downlink now begins to be taken in.
    pub(super) fn enter_downlink(&mut self, at: Time, takes: Duration) -> Time {
        served(&mut self.downlink, at, takes)
    }

    /// The open connections.
    pub(super) fn open(&mut self) -> &mut Open {
        &mut self.rare.get_or_insert_default().open
    }

    /// Whether the CPU has nothing to do.
    pub(super) fn cpu_is_free(&self, now: Time) -> bool {
        self.rare.as_ref().is_none_or(|it| it.cpu <= now)
    }

    /// When something that takes so long and is asked of the CPU now is done.
    pub(super) fn enter_cpu(&mut self, now: Time, takes: Duration) -> Time {
        served(&mut self.rare.get_or_insert_default().cpu, now, takes) + takes
    }
}

/// A queue that serves in the order of arrival, one after another, is no more than the time when it is next free.
fn served(free: &mut Time, now: Time, takes: Duration) -> Time {
    let begins = now.max(*free);
    *free = begins + takes;
    begins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_small() {
        assert!(size_of::<Port>() <= 32, "{}", size_of::<Port>());
    }

    #[test]
    fn a_restart_forgets_everything_but_the_number_of_draws() {
        let mut port = Port::default();
        assert_eq!((port.next_draw(), port.next_draw()), (1, 2));
        port.enter_uplink(Time::ZERO, Duration::from_secs(5));
        port.open();
        port.restart();
        assert_eq!(port.enter_uplink(Time::ZERO, Duration::ZERO), Time::ZERO);
        assert!(port.rare.is_none());
        assert_eq!(port.next_draw(), 3);
    }
}
