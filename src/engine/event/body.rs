//! What events of the engine carry. They are small and all of one size: bodies are shared, rare things are boxed.

use super::jobs::Value;
use crate::engine::course::script::Order;
use crate::metrics::Phase;
use crate::node::io::{JobId, RequestId, Timer};
use crate::time::Time;
use crate::wire::{Command, Message, Response};

/// What happens to a node.
#[derive(Debug)]
pub enum Body {
    /// A message arrives.
    Message(Envelope),
    /// A request is answered, or is known not to be.
    Response(Box<Answer>),
    /// A timer may be due: the node's own table knows.
    Timer(Timer),
    /// A job is done.
    Job {
        /// Who started it.
        incarnation: u16,
        /// Which.
        job: JobId,
        /// What comes of it.
        value: Value,
    },
    /// Learning starts. Of this there may be a million at once, so what the node is told is not in it.
    Begin,
    /// The conductor tells the node something else.
    Order(Box<Order>),
}

/// A message on its way.
#[derive(Debug)]
pub struct Envelope {
    /// What.
    pub message: Message,
    /// When it was handed over.
    pub sent: Time,
    /// The request that it makes, if any.
    pub request: RequestId,
    /// The sender's incarnation: a restarted node gets no answers to what it asked before.
    pub incarnation: u16,
    /// Which answer is wanted.
    pub wants: Wants,
    /// The phase it was sent in, whether it may move a node on, and how far the receiver has come with it.
    pub flags: Flags,
}

/// Which answers the sender of a message wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// None.
    Nothing,
    /// Only that it could not be delivered.
    Failure,
    /// Whatever the receiver says.
    Response,
}

/// A few facts about a message in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u8);

/// An answer on its way.
#[derive(Debug)]
pub struct Answer {
    pub incarnation: u16,
    pub request: RequestId,
    pub response: Response,
    /// What was asked, when, and in which phase.
    pub command: Command,
    pub sent: Time,
    pub phase: Phase,
}

impl Flags {
    const LEARNING: u8 = 1;
    const PROGRESS: u8 = 2;
    const THROUGH: u8 = 4;
    const TAKEN: u8 = 8;
    const OPENS: u8 = 16;

    pub fn new(phase: Phase, progress: bool) -> Self {
        let phase = if phase == Phase::Learning { Self::LEARNING } else { 0 };
        Self(phase | if progress { Self::PROGRESS } else { 0 })
    }

    pub fn phase(self) -> Phase {
        if self.0 & Self::LEARNING == 0 { Phase::Setup } else { Phase::Learning }
    }

    /// Whether it can move a node on: heartbeats cannot.
    pub fn progress(self) -> bool {
        self.0 & Self::PROGRESS != 0
    }

    /// Whether it has been through the receiver's downlink.
    pub fn through(self) -> bool {
        self.0 & Self::THROUGH != 0
    }

    pub fn went_through(&mut self) {
        self.0 |= Self::THROUGH;
    }

    /// Whether the receiver's CPU is done with it.
    pub fn taken(self) -> bool {
        self.0 & Self::TAKEN != 0
    }

    pub fn was_taken(&mut self) {
        self.0 |= Self::TAKEN;
    }

    /// Whether a connection was opened for it.
    pub fn opens(self) -> bool {
        self.0 & Self::OPENS != 0
    }

    pub fn opened(&mut self) {
        self.0 |= Self::OPENS;
    }
}

impl Body {
    /// Whether a run must not be called stalled while this is on its way. Timers count by the nodes' tables.
    pub fn progress(&self) -> bool {
        match self {
            Self::Message(it) => it.flags.progress(),
            Self::Response(_) | Self::Job { .. } | Self::Begin | Self::Order(_) => true,
            Self::Timer(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::core::Event;

    #[test]
    fn an_event_is_a_cache_line() {
        assert_eq!(size_of::<Event<Body>>(), 64);
        assert_eq!(size_of::<Option<Event<Body>>>(), 64);
    }
}
