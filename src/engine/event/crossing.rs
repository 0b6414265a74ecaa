//! What one shard's nodes have for another's: all that ever goes from shard to shard.
//!
//! A shard is a thread of this process today. So that it could be a process of its own, what crosses is data through and
//! through: numbers, and content that is never changed and only for cheapness shared. There is no handle, channel, lock or
//! closure in it, and the tests write each kind of it as bytes and read it back. What a shard keeps to itself, such as a job
//! that is still being computed, is in `body` and cannot be put in here.
//!
//! The one exception is the time to live that all receivers of a message share in P2PFL's memory (`faithful-memory`): such
//! runs have one shard, and nothing crosses.
//!
//! [`Event`](super::core::Event) says when it happens, to whom, and what orders it.

use crate::metrics::Phase;
use crate::node::io::RequestId;
use crate::time::Time;
use crate::wire::{Command, Message, Response};

/// What goes from a node of one shard to a node of another.
#[derive(Debug)]
pub enum Crossing {
    /// A message.
    Message(Envelope),
    /// The answer to a request, or that there is none.
    Response(Box<Answer>),
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

#[cfg(test)]
mod tests;
