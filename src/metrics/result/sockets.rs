//! What went on at the sockets of a run that has any.

use crate::metrics::Summary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What went on at the sockets, from the start of the run to its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sockets {
    /// Connections that were made.
    pub connections: u64,
    /// Attempts to make one that failed.
    pub failed: u64,
    /// How long making one took: TCP, TLS and HTTP/2, in seconds of wall time.
    pub set_up: Summary,
    /// Bytes that this program wrote: of a connection between two nodes, both directions.
    pub bytes_written: u64,
    /// Bytes that it read.
    pub bytes_read: u64,
    /// Peers outside that were heard of.
    #[serde(default)]
    pub peers_outside: u64,
    /// Calls of theirs that were listened to: messages, handshakes, goodbyes.
    #[serde(default)]
    pub messages_outside: u64,
    /// What was refused at the sockets, by reason.
    pub refused: BTreeMap<String, u64>,
}
