//! P2PFL's own settings, under their own names and with their own defaults.

use super::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// P2PFL's settings. Every name and default is P2PFL 0.4.4's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// General settings.
    pub general: General,
    /// How peers learn of each other.
    pub heartbeat: Heartbeat,
    /// How messages and models spread.
    pub gossip: Gossip,
    /// How long peers wait for each other.
    pub training: Training,
    /// Certificates for the transports with TLS. Default: a certificate authority of the run makes them.
    #[serde(skip_serializing_if = "Ssl::is_empty")]
    pub ssl: Ssl,
}

/// Certificates and keys in PEM files, relative to the scenario: all that the transport needs, or none. `grpc+tls` needs
/// `ca_crt`, `server_crt` and `server_key`, `grpc+mtls` the other two as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ssl {
    /// The authority that has signed the certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_crt: Option<PathBuf>,
    /// What a node shows to those who call it; it must name the address they call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_crt: Option<PathBuf>,
    /// The key of `server_crt`, not encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_key: Option<PathBuf>,
    /// What a node shows to those that it calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_crt: Option<PathBuf>,
    /// The key of `client_crt`, not encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<PathBuf>,
}

impl Ssl {
    /// Whether no file is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// General settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct General {
    /// The deadline of a call to another peer. Default 10 s.
    pub grpc_timeout: Span,
}

/// How peers learn of each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Heartbeat {
    /// Time between two beats of a node. Default 2 s.
    pub period: Span,
    /// A peer whose last beat is older is forgotten. Default 5 s.
    pub timeout: Span,
    /// The least time that the start stage lasts, for beats of new connections to spread. Default 2 s.
    pub wait_convergence: Span,
}

/// How messages and models spread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gossip {
    /// Time between two batches of forwarded messages. Default 100 ms.
    pub period: Span,
    /// How many times a message is forwarded: it reaches peers up to ttl + 1 hops away. Default 10.
    pub ttl: u32,
    /// How many messages a node forwards in a period. Default 100. It caps nothing in `faithful`, as in P2PFL.
    pub messages_per_period: u64,
    /// How many message hashes a node remembers in order not to take a message twice. Default 100. `repaired` remembers by age instead.
    pub amount_last_messages_saved: u64,
    /// Time between two rounds of sending models to peers that lack them. Default 1 s.
    pub models_period: Span,
    /// To how many peers a model is sent in one such round. Default 2.
    pub models_per_round: u32,
    /// Sending models ends after so many such rounds in which nothing changed. Default 10.
    pub exit_on_x_equal_rounds: u32,
    /// How long an announced model is expected, and a second announcement of it refused. Default 60 s.
    pub mode_expectation_timeout: Span,
}

/// How long peers wait for each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// How long a node waits for the votes of the others. Default 60 s.
    pub vote_timeout: Span,
    /// How long a node waits for models. Default 300 s. A trainer of `faithful` always waits 300 s, as in P2PFL.
    pub aggregation_timeout: Span,
}

impl Default for General {
    fn default() -> Self {
        Self { grpc_timeout: Span::secs(10) }
    }
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { period: Span::secs(2), timeout: Span::secs(5), wait_convergence: Span::secs(2) }
    }
}

impl Default for Gossip {
    fn default() -> Self {
        Self {
            period: Span::millis(100),
            ttl: 10,
            messages_per_period: 100,
            amount_last_messages_saved: 100,
            models_period: Span::secs(1),
            models_per_round: 2,
            exit_on_x_equal_rounds: 10,
            mode_expectation_timeout: Span::secs(60),
        }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self { vote_timeout: Span::secs(60), aggregation_timeout: Span::secs(300) }
    }
}
