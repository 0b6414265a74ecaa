//! HTTP with JSON through real sockets: calls between peers that behave (`calls`), one that goes down (`outages`), peers
//! that do not behave (`attackers`), clients that nobody here wrote (`plain`), and whether the description of the interface
//! is true (`described`).

mod attackers;
mod calls;
mod described;
mod outages;
mod plain;

use crate::rig::Rig;
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::socket::{Limits, Security};

/// Both versions, which say the same.
const VERSIONS: [Protocol; 2] = [Protocol::Http, Protocol::Http2];

/// A node on any port of 127.0.0.1.
fn node(version: Protocol, limits: Limits) -> Rig {
    Rig::speaking(version, "127.0.0.1:0".parse().unwrap(), limits, Security::Plain)
}
