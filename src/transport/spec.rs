//! What a scenario says about sockets: the block `grpc`.

use crate::format::units::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// How sockets are used by the transports that have any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Grpc {
    /// IP addresses that nodes listen on, in turn: `["127.0.0.1", "::1"]` mixes the two kinds. Ports are the system's to choose. Default `["127.0.0.1"]`.
    pub listen: Vec<IpAddr>,
    /// The largest message that a node takes. Default 1 GiB, as P2PFL.
    pub max_message: Size,
    /// How many connections are being opened at a time. Default 64.
    pub opening: u32,
    /// How many connections a node has to a neighbour at most, where one carries one call at a time: over HTTP/1.1. Default 6, as browsers.
    pub parallel: u32,
    /// Addresses of peers outside that every node connects to. The run then goes at the pace of real time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub join: Vec<String>,
    /// Whether learning starts even if none of them has answered by then. Default false: such a run fails.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub join_optional: bool,
}

impl Grpc {
    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Grpc {
    fn default() -> Self {
        Self {
            listen: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            max_message: Size(1 << 30),
            opening: 64,
            parallel: 6,
            join: Vec::new(),
            join_optional: false,
        }
    }
}
