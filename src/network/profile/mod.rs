//! A profile: what transports cost, as `compare --save-profile` measured it and as the virtual clock charges it.
//!
//! What lives here is the format, reading it (`read`), and what a message of so many bytes takes by it (`charge`). Measuring
//! is `costs`'; whose CPU is free when, is the port's.

mod charge;
mod read;

pub(super) use charge::{Charges, End};
pub use read::read;

use crate::machine::Machine;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the format.
pub const SCHEMA: &str = "p2pfl-sim/profile/1";

/// What transports cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// [`SCHEMA`].
    pub schema: String,
    /// The machine that it was measured on, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Each transport by its name.
    pub transports: BTreeMap<String, TransportProfile>,
}

/// What a transport costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransportProfile {
    /// CPU time of a message at the end that sends it, the answer included.
    pub sender: Cpu,
    /// CPU time of a message at the end that takes it, the answer included.
    pub receiver: Cpu,
    /// Bytes that a message puts on the wire, below it TCP.
    pub bytes: Bytes,
    /// What opening a connection costs; nothing where there are none.
    #[serde(default)]
    pub connection: Option<Connection>,
}

/// CPU time of a message at one end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// Seconds that a small message takes which comes when nothing else is to be done.
    pub alone_s: f64,
    /// Seconds that one takes which had to wait for others: it shares with them what it costs to wake up, to read and to
    /// write.
    pub queued_s: f64,
    /// Seconds for each byte of its payload on top.
    pub byte_s: f64,
}

/// Bytes on the wire, without TCP's and IP's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    /// What comes on top of the payload of every message, small or large: framing, headers, encryption.
    pub message: f64,
    /// Bytes on the wire for each byte of payload: 1, and what encoding, frames and records add to large messages.
    pub payload: f64,
    /// What comes back for each message: the answer, acknowledgements.
    pub answer: f64,
}

/// Opening a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Round trips before the first message can leave, that of TCP among them.
    pub round_trips: u32,
    /// Bytes both ways until then, and what the first message has on top of later ones.
    pub bytes: f64,
    /// CPU seconds at the end that calls.
    pub sender_s: f64,
    /// CPU seconds at the end that is called.
    pub receiver_s: f64,
    /// Bytes of memory that an open connection holds at both ends together, if that was measured. The simulation does not
    /// ask for it.
    #[serde(default)]
    pub memory_bytes: Option<f64>,
}
