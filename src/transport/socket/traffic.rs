//! What went through all sockets of a run, and what was refused.
//!
//! Bytes are counted at the socket: below TLS and HTTP/2, so with all that they add. Which command a byte belongs to is
//! not to be seen here.

use crate::metrics::Histogram;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counts of a run's sockets. Shared by all servers and channels; counting is a relaxed addition.
#[derive(Debug, Default)]
pub struct Traffic {
    written: AtomicU64,
    read: AtomicU64,
    accepted: AtomicU64,
    opened: AtomicU64,
    failed: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    set_up: Mutex<Histogram>,
}

/// A reading of [`Traffic`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficCounts {
    /// Bytes written to sockets, by servers and channels.
    pub written: u64,
    /// Bytes read from sockets.
    pub read: u64,
    /// Connections that servers took.
    pub accepted: u64,
    /// Connections that channels made, up to HTTP/2.
    pub opened: u64,
    /// Connections that channels tried to make and could not.
    pub failed: u64,
    /// What servers refused, and what channels did not even send, by reason; reasons that did not occur are absent.
    pub refused: BTreeMap<Refusal, u64>,
}

/// Why a server hung up, or refused a call, or a channel did not send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// More connections than a node takes.
    Connections,
    /// A connection that did not say what it wanted in time: no TLS, no HTTP/2, or half of it.
    Silent,
    /// A TLS handshake that failed: plaintext on a TLS port, no certificate or a wrong one.
    Tls,
    /// Something else than HTTP/2, or a breach of it: HTTP/1, TLS on a plain port, garbage.
    Protocol,
    /// HTTP/2 that only makes work: resets, tiny or empty frames, endless headers.
    Flood,
    /// A request that did not come to its end in time.
    Slow,
    /// A message that is too large.
    Oversized,
    /// A message that is no protobuf of the type it should be, or is compressed, or is none or several.
    Malformed,
    /// A call that P2PFL does not have.
    Method,
    /// Unfinished requests that hold too much memory.
    Held,
    /// Too much that waits for a peer to read it.
    Backlog,
    /// The node was down.
    Down,
    /// A connection that was not made by this run, which nobody else may take part in; or a call of somebody who has not shaken
    /// hands.
    Stranger,
    /// A call in the name of a peer that has not made it.
    Forged,
    /// A call in another name than the caller's certificate has.
    Certificate,
    /// One peer more than a caller may bring along.
    Crowd,
    /// A peer whose address is none that could be called.
    Uncallable,
    /// A model that was neither announced nor asked for, or is not of the round at hand.
    Unasked,
    /// A start of learning, in a run that starts it itself.
    Start,
}

impl Refusal {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Connections,
        Self::Silent,
        Self::Tls,
        Self::Protocol,
        Self::Flood,
        Self::Slow,
        Self::Oversized,
        Self::Malformed,
        Self::Method,
        Self::Held,
        Self::Backlog,
        Self::Down,
        Self::Stranger,
        Self::Forged,
        Self::Certificate,
        Self::Crowd,
        Self::Uncallable,
        Self::Unasked,
        Self::Start,
    ];

    /// As it is told in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Silent => "silent",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Flood => "flood",
            Self::Slow => "slow",
            Self::Oversized => "oversized",
            Self::Malformed => "malformed",
            Self::Method => "method",
            Self::Held => "held",
            Self::Backlog => "backlog",
            Self::Down => "down",
            Self::Stranger => "stranger",
            Self::Forged => "forged",
            Self::Certificate => "certificate",
            Self::Crowd => "crowd",
            Self::Uncallable => "uncallable",
            Self::Unasked => "unasked",
            Self::Start => "start",
        }
    }
}

impl Traffic {
    /// How it stands now. Taken while sockets are in use, the counts are not of one instant.
    pub fn snapshot(&self) -> TrafficCounts {
        let refused = Refusal::ALL.map(|why| (why, self.refused[why as usize].load(Relaxed)));
        TrafficCounts {
            written: self.written.load(Relaxed),
            read: self.read.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            opened: self.opened.load(Relaxed),
            failed: self.failed.load(Relaxed),
            refused: refused.into_iter().filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// How long it took channels to connect, in nanoseconds: from the first packet to the other end's first word of
    /// HTTP/2, TLS included; waiting for a place among [`opening`](super::Limits::opening) not.
    pub fn set_up(&self) -> Histogram {
        self.histogram().clone()
    }

    pub(super) fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn has_read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Relaxed);
    }

    pub(in crate::transport) fn accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(super) fn opened(&self, after: Duration) {
        self.opened.fetch_add(1, Relaxed);
        self.histogram().record(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX), 1);
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// Counts what was refused.
    pub fn refused(&self, why: Refusal) {
        self.refused[why as usize].fetch_add(1, Relaxed);
    }

    fn histogram(&self) -> std::sync::MutexGuard<'_, Histogram> {
        self.set_up.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
