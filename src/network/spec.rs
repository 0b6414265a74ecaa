//! What a scenario says about links.

use crate::scenario::distribution::Distribution;
use crate::scenario::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What links do to messages. Without this block messages take no longer than the transport itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// One-way delay, drawn once for each pair of nodes. Default 1 ms.
    pub latency: Distribution,
    /// No latency is drawn below this. Default 100 µs.
    pub latency_floor: Span,
    /// The share of packets that are lost, 0 to 1. A lost packet is sent again, which costs a retransmission delay; with `lossy` the message is gone. Default 0.
    pub packet_loss: f64,
    /// Lost packets are not sent again. Default false.
    pub lossy: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            latency: Span::millis(1).into(),
            latency_floor: Span(std::time::Duration::from_micros(100)),
            packet_loss: 0.0,
            lossy: false,
        }
    }
}
