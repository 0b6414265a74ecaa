//! What a scenario says about links.

use crate::format::distribution::{Constant, Distribution, Lognormal, Normal, Pareto, Uniform};
use crate::format::tagged::tagged;
use crate::format::units::{Rate, Size, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What links do to messages. Without this block messages take no longer than the transport itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// One-way delay, drawn once for each pair of nodes. It is the same in both directions, unless a matrix of regions says otherwise. Default 1 ms.
    pub latency: Latency,
    /// No latency is drawn below this. Default 100 µs.
    pub latency_floor: Span,
    /// Delay that is drawn for each message on top of the latency; messages may overtake each other by it. Gossip that is handed over together goes together. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Distribution>,
    /// How fast each node can send. Messages leave one after another, in the order in which they were handed over. Default: as the regions of `latency` say, else unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uplink: Option<Rate>,
    /// How fast each node can receive. Messages are taken in one after another, in the order in which they arrive. Default: as the regions of `latency` say, else unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downlink: Option<Rate>,
    /// The largest packet, with its headers of 52 bytes (IPv4 20, TCP 20, timestamps 12). Messages are cut into such packets; headers count as bytes on the wire and take their time. Default 1500 B, as on Ethernet.
    pub mtu: Size,
    /// The share of packets that are lost, 0 to 1. A lost packet is sent again, which costs the message a retransmission delay; with `lossy` the message is gone. Default 0.
    pub packet_loss: f64,
    /// Lost packets are not sent again. Default false.
    pub lossy: bool,
    /// The probability that a message arrives twice, 0 to 1. Default 0.
    pub duplication: f64,
    /// What opening connections costs. Default: nothing, as if every connection had always been open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
    /// What the transport itself takes: CPU time at both ends of a message, bytes on the wire and, with `connections`, round trips to open one, as `p2pfl-sim compare --save-profile` measured them. Counts on the virtual clock. Default: nothing but the bytes of gRPC's prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profiled>,
}

tagged! {
    /// The one-way delay between two nodes: a distribution, or regions of the world. A bare duration such as `"20ms"` is the same for all pairs.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Latency by "kind" {
        /// Always the same.
        Constant(Constant) = "constant",
        /// Anything between two durations, equally likely.
        Uniform(Uniform) = "uniform",
        /// The normal distribution, cut off at zero.
        Normal(Normal) = "normal",
        /// The lognormal distribution, given by its median and the standard deviation of its logarithm.
        Lognormal(Lognormal) = "lognormal",
        /// The Pareto distribution: at least `scale`, with a tail of index `shape`.
        Pareto(Pareto) = "pareto",
        /// A matrix of delays between regions. Each node is in one of them, drawn from the seed.
        Regions(Regions) = "regions",
    }
    bare Span = |text| text.parse().map(|value| Latency::Constant(Constant { value }))
}

/// A matrix of delays between regions: one of the presets, or a file of your own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Regions {
    /// A matrix that was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// A matrix of your own: CSV, in milliseconds, with the names of the regions in the first row and the first column. Where a region's delay to itself is left empty it is 1 ms one way; any other may be left empty in one direction, which is then like the other. A row is where messages come from, a column where they go: each direction has its own delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Whether `file` holds round trips, as measured from the region of the row, which are halved. Default false.
    pub round_trip: bool,
    /// How many nodes are in each region, in relation to one another; those that are not named have none. Default: the preset's own shares where it has them, else equal ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, f64>,
    /// How far single pairs are from the matrix: the standard deviation of the natural logarithm of a lognormal factor with median 1, drawn once for each pair, for both directions. Default 0.
    pub sigma: f64,
}

/// Matrices of delays that were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Preset {
    /// Between ten data centres of IBM Cloud, August 2024; 1 ms within one. Equal shares, unlimited bandwidth.
    #[serde(rename = "ibm-cloud-2024-08")]
    IbmCloud202408,
    /// Between end users in six regions, 2019, with their bandwidths and with the shares of Bitcoin's nodes, as in SimBlock.
    #[serde(rename = "internet-2019")]
    Internet2019,
}

/// What a transport takes, as it was measured. A node has one CPU of its own for messages, which wait for it in the order in which they come; training does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profiled {
    /// The file that `p2pfl-sim compare --save-profile` wrote.
    pub file: PathBuf,
    /// Which of the transports in it.
    pub transport: String,
}

/// What opening connections costs. A node keeps the connections to its neighbours in the topology open; to others every message opens one of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Connections {
    /// What has to be agreed before the first message. Default `tcp`.
    pub setup: Setup,
    /// A connection begins with ten packets in flight (RFC 6928) and doubles them every round trip: larger messages take more round trips, fewer where the connection has grown. While it is idle it shrinks again, by half each retransmission timeout (RFC 2861). Default true.
    pub slow_start: bool,
}

/// What has to be agreed before the first message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Setup {
    /// TCP: one round trip.
    #[default]
    Tcp,
    /// TCP and TLS 1.3: two round trips; 22 more bytes for each 16 KiB (RFC 8446).
    Tls,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            latency: Span::millis(1).into(),
            latency_floor: Span(std::time::Duration::from_micros(100)),
            jitter: None,
            uplink: None,
            downlink: None,
            mtu: Size(1_500),
            packet_loss: 0.0,
            lossy: false,
            duplication: 0.0,
            connections: None,
            profile: None,
        }
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self { setup: Setup::default(), slow_start: true }
    }
}

impl From<Span> for Latency {
    fn from(value: Span) -> Self {
        Self::Constant(Constant { value })
    }
}

impl Latency {
    /// The distribution, where it is one.
    pub fn distribution(&self) -> Result<Distribution, &Regions> {
        Ok(match self {
            Self::Constant(it) => Distribution::Constant(it.clone()),
            Self::Uniform(it) => Distribution::Uniform(it.clone()),
            Self::Normal(it) => Distribution::Normal(it.clone()),
            Self::Lognormal(it) => Distribution::Lognormal(it.clone()),
            Self::Pareto(it) => Distribution::Pareto(it.clone()),
            Self::Regions(it) => return Err(it),
        })
    }
}
