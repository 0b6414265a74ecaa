//! What a message takes by a profile, in nanoseconds and bytes. The arithmetic is fixed, so that the same profile always
//! charges the same.

use super::TransportProfile;
use crate::network::Handover;
use std::time::Duration;

/// What messages take by a profile.
#[derive(Clone, Copy, Debug)]
pub struct Charges {
    profile: TransportProfile,
}

/// Which end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that sends.
    Sender,
    /// The one that takes.
    Receiver,
}

impl Charges {
    pub fn new(profile: TransportProfile) -> Self {
        Self { profile }
    }

    /// CPU time at one end. The first message costs what one does alone if it is `alone`, those behind it wait for it;
    /// `opens` says that a connection is opened for them.
    pub fn cpu(&self, end: End, it: Handover, alone: bool, opens: bool) -> Duration {
        let (cpu, opening) = match (end, &self.profile.connection) {
            (End::Sender, connection) => (&self.profile.sender, connection.map_or(0.0, |it| it.sender_s)),
            (End::Receiver, connection) => {
                (&self.profile.receiver, connection.map_or(0.0, |it| it.receiver_s))
            }
        };
        let queued = it.messages.saturating_sub(u32::from(alone));
        let seconds = f64::from(it.messages - queued) * cpu.alone_s
            + f64::from(queued) * cpu.queued_s
            + it.payload as f64 * cpu.byte_s
            + if opens { opening } else { 0.0 };
        // The conversion saturates.
        Duration::from_nanos((seconds * 1e9).round() as u64)
    }

    /// Bytes that the messages put on their link, before they are cut into packets.
    pub fn sent(&self, it: Handover) -> u64 {
        let bytes = &self.profile.bytes;
        (f64::from(it.messages) * bytes.message + it.payload as f64 * bytes.payload).round() as u64
    }

    /// Bytes that come back.
    pub fn answered(&self, messages: u32) -> u64 {
        (f64::from(messages) * self.profile.bytes.answer).round() as u64
    }

    /// Round trips and bytes that opening a connection takes; nothing where there are none.
    pub fn opening(&self) -> Option<(u32, u64)> {
        self.profile.connection.map(|it| (it.round_trips, it.bytes.round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bytes, Connection, Cpu};
    use super::*;

    fn charges() -> Charges {
        Charges::new(TransportProfile {
            sender: Cpu { alone_s: 20e-6, queued_s: 5e-6, byte_s: 1e-9 },
            receiver: Cpu { alone_s: 10e-6, queued_s: 4e-6, byte_s: 2e-9 },
            bytes: Bytes { message: 40.0, payload: 1.5, answer: 30.0 },
            connection: Some(Connection {
                round_trips: 2,
                bytes: 300.0,
                sender_s: 1e-3,
                receiver_s: 2e-3,
                memory_bytes: None,
            }),
        })
    }

    #[test]
    fn the_first_message_pays_for_waking_up_and_those_behind_it_do_not() {
        let cpu = |messages, alone| {
            charges().cpu(End::Sender, Handover { messages, payload: 1_000 }, alone, false).as_nanos()
        };
        assert_eq!([cpu(1, true), cpu(3, true), cpu(3, false)], [21_000, 31_000, 16_000]);
    }

    #[test]
    fn opening_a_connection_costs_both_ends() {
        let one = Handover { messages: 1, payload: 0 };
        let cpu = |end| charges().cpu(end, one, true, true).as_micros();
        assert_eq!((cpu(End::Sender), cpu(End::Receiver)), (1_020, 2_010));
        assert_eq!(charges().opening(), Some((2, 300)));
    }

    #[test]
    fn bytes_are_those_of_each_message_and_of_each_byte() {
        let it = Handover { messages: 3, payload: 100 };
        assert_eq!((charges().sent(it), charges().answered(3)), (270, 90));
    }
}
