//! What a transport costs by itself, without nodes: CPU time and latency of a message, bytes on the wire, connections.
//!
//! Both ends are in this process and on one thread, so that no time goes by between threads and none is hidden on another
//! core. Transports take turns, so that the machine's mood hits all alike. What is measured is the same code that carries
//! a scenario's messages; what a scenario makes of it is `report::compare`'s, and how it is shown is `report`'s.

mod burst;
mod connections;
mod ends;
mod error;
mod flights;
mod frames;
mod headers;
mod inboxes;
mod load;
mod measure;
mod memory;
mod profile;
mod share;
mod spent;
#[cfg(test)]
mod tests;
mod wire;

pub use burst::Burst;
pub use error::CostsError;
pub use measure::{Effort, LARGE, SMALL};
pub use memory::ConnectionMemory;

use crate::machine::Machine;
use serde::{Deserialize, Serialize};

/// What transports cost, as far as it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// The machine.
    pub machine: Machine,
    /// Bytes of the protobuf encoding of a small message, whose body has 64 bytes.
    pub small_bytes: u64,
    /// Bytes of the protobuf encoding of a large message, whose body has a megabyte.
    pub large_bytes: u64,
    /// Turns that were taken: figures of time are medians over them.
    pub turns: u32,
    /// Each transport, in the order in which they were named.
    pub transports: Vec<TransportCosts>,
}

/// What a transport costs. What has no meaning over it is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransportCosts {
    /// Its name.
    pub transport: String,
    /// Small messages on one connection, by how many are under way at a time.
    pub small: Vec<Load>,
    /// The same number under way, each on a connection of its own; nothing where there are no connections.
    pub apart: Vec<Load>,
    /// Large messages, one at a time.
    pub large: Load,
    /// The share of a small message's CPU time that is spent at the end that sends it, measured with each end on a thread
    /// of its own; nothing where the system does not tell the CPU time of threads.
    pub sender_share: Option<f64>,
    /// What messages put on the wire, small ones by how many are under way at a time and then a large one; nothing where
    /// there is no wire.
    pub wire: Vec<Wire>,
    /// What a connection costs; nothing where there are none.
    pub connection: Option<Connection>,
}

/// What was measured while so many messages were under way all the time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Messages under way.
    pub in_flight: u32,
    /// Channels that they were on: a connection each, or as many as a protocol needs that carries one message at a time.
    pub connections: u32,
    /// CPU time of both ends, in seconds.
    pub cpu_s_per_message: f64,
    /// Seconds from handing a message over until its answer is back: the median.
    pub p50_s: f64,
    /// The same: the 99th percentile.
    pub p99_s: f64,
    /// Messages in a second of wall time.
    pub messages_per_s: f64,
}

/// What a message puts on the wire, on average, in bytes. TCP's and IP's own are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wire {
    /// Messages under way at a time.
    pub in_flight: u32,
    /// Bytes of the protobuf encoding of each.
    pub payload_bytes: u64,
    /// The first message on a new connection rather than one of many.
    pub first: bool,
    /// What goes to the one that takes it.
    pub sent: Parts,
    /// What comes back.
    pub answered: Parts,
}

/// Bytes on the wire by what they are for. They add up to all that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// The protobuf encoding.
    pub payload: f64,
    /// What the body has beside it: gRPC's prefix, sequence numbers and acknowledgements, JSON, base64.
    pub encoding: f64,
    /// Heads and masks of the frames that carry bodies, sizes of chunks.
    pub framing: f64,
    /// Headers and trailers as they are on the wire, the heads of their frames included.
    pub headers: f64,
    /// What keeps the connection going: settings, windows, pings.
    pub control: f64,
    /// What TLS adds, or whatever else encrypts or multiplexes below.
    pub security: f64,
    /// What the headers would be as HTTP/1.1 writes them, `name: value` and the end of a line each, without heads of
    /// frames; nothing where they are not compressed. `headers` less this is what compression gains.
    pub headers_as_text: Option<f64>,
}

/// What a connection costs, both ends together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Seconds until a message can leave: the median.
    pub opens_s: f64,
    /// CPU seconds until then.
    pub cpu_s: f64,
    /// Round trips until then, that of TCP among them; nothing if it could not be counted.
    pub round_trips: Option<u32>,
    /// Bytes both ways until then, without TCP's own.
    pub bytes: f64,
    /// Bytes of memory that a connection holds which was just opened, as [`ConnectionMemory`] states them.
    pub memory_bytes: Option<f64>,
    /// The same after a message of a megabyte.
    pub memory_after_large_bytes: Option<f64>,
}

impl Parts {
    /// All bytes.
    pub fn total(&self) -> f64 {
        self.payload + self.encoding + self.framing + self.headers + self.control + self.security
    }

    /// Bytes that compressing headers saves on the wire; nothing where they are not compressed.
    pub fn saved(&self) -> Option<f64> {
        self.headers_as_text.map(|text| text - self.headers)
    }
}

/// A thread's own runtime, with nothing else on it.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
