//! How much is taken from the other end, and how long it is waited for.

use super::{Own, Unfinished};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Bounds on what a server and a channel do. Cloned into each; [`opening`](Self::opening) is shared by all.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest message that is taken, in bytes of its protobuf encoding. Default 1 GiB, as P2PFL.
    pub max_message: usize,
    /// If there is something, servers take the connections of channels with the same one, and no other. Default: nothing, all
    /// are taken.
    pub own: Option<Own>,
    /// How many channels may be connecting at a time, all nodes together. Default 64.
    pub opening: Arc<Semaphore>,
    /// How many connections a channel has where one carries one call at a time, as over HTTP/1.1. Default 6, as browsers.
    pub parallel: usize,
    /// How many connections a node takes; further ones are hung up on. Default 4,096.
    pub connections: usize,
    /// How many calls may be under way on one connection. Default 256.
    pub streams: u32,
    /// The longest a new connection may take until TLS and HTTP/2 are agreed on. Default 10 s.
    pub greeting: Duration,
    /// The longest a request may take from its headers to its last byte. Default 60 s.
    pub receiving: Duration,
    /// A connection without a call for so long is closed. Default 10 min.
    pub idle: Duration,
    /// Bytes of unfinished requests, of all servers together. Default twice `max_message`, and at least 1 MiB: whatever is small
    /// comes many at a time, and as JSON it is larger than `max_message` says.
    pub held: Arc<Unfinished>,
    /// Bytes of a channel's requests that are not answered yet; a request beyond is refused, unless it is the only one.
    /// Default 256 MiB.
    pub backlog: u64,
    /// The same while nobody has ever answered on the channel. Default: no less.
    pub unanswered: u64,
}

impl Limits {
    /// The defaults, with these two of a scenario's block `grpc`.
    pub fn new(max_message: usize, opening: usize) -> Self {
        Self {
            max_message,
            own: None,
            opening: Arc::new(Semaphore::new(opening.clamp(1, Semaphore::MAX_PERMITS))),
            parallel: 6,
            connections: 4_096,
            streams: 256,
            greeting: Duration::from_secs(10),
            receiving: Duration::from_secs(60),
            idle: Duration::from_secs(600),
            held: Unfinished::up_to(Self::holds(max_message)),
            backlog: 256 << 20,
            unanswered: u64::MAX,
        }
    }

    /// How many bytes of unfinished requests a node holds by default, where the largest message has so many.
    pub fn holds(max_message: usize) -> usize {
        max_message.saturating_mul(2).max(1 << 20)
    }

    /// For calling those who have come of their own accord: the address that they say is theirs may be nobody's. They have few
    /// places of their own to connect at a time, and a short time to say what they speak, and little waits for them that may
    /// never be there.
    #[must_use]
    pub fn for_strangers(self) -> Self {
        Self {
            opening: Arc::new(Semaphore::new(8)),
            greeting: Duration::from_secs(2),
            unanswered: 64 << 10,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(1 << 30, 64)
    }
}
