//! The commands of P2PFL's protocol, the two calls beside them, and those that are not P2PFL's: of the workflows `rumor`
//! and `probe`, and where nodes ask for models or swap them in pairs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a message tells its receiver to do. `Handshake` and `Disconnect` are calls of their own; the others travel as
/// the `cmd` of a `RootMessage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Command {
    #[serde(rename = "handshake")]
    Handshake,
    #[serde(rename = "disconnect")]
    Disconnect,
    #[serde(rename = "beat")]
    Beat,
    #[serde(rename = "start_learning")]
    StartLearning,
    #[serde(rename = "stop_learning")]
    StopLearning,
    #[serde(rename = "model_initialized")]
    ModelInitialized,
    #[serde(rename = "vote_train_set")]
    VoteTrainSet,
    #[serde(rename = "models_aggregated")]
    ModelsAggregated,
    #[serde(rename = "models_ready")]
    ModelsReady,
    #[serde(rename = "metrics")]
    Metrics,
    #[serde(rename = "PRE_SEND_MODEL")]
    PreSendModel,
    #[serde(rename = "init_model")]
    InitModel,
    #[serde(rename = "partial_model")]
    PartialModel,
    #[serde(rename = "add_model")]
    AddModel,
    #[serde(rename = "rumor")]
    Rumor,
    #[serde(rename = "rumor_request")]
    RumorRequest,
    #[serde(rename = "probe")]
    Probe,
    #[serde(rename = "get_model")]
    GetModel,
    #[serde(rename = "swap_model")]
    SwapModel,
}

impl Command {
    /// Whether a message of it has a model.
    pub const fn carries_model(self) -> bool {
        matches!(self, Self::InitModel | Self::PartialModel | Self::AddModel | Self::SwapModel)
    }

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Handshake,
        Self::Disconnect,
        Self::Beat,
        Self::StartLearning,
        Self::StopLearning,
        Self::ModelInitialized,
        Self::VoteTrainSet,
        Self::ModelsAggregated,
        Self::ModelsReady,
        Self::Metrics,
        Self::PreSendModel,
        Self::InitModel,
        Self::PartialModel,
        Self::AddModel,
        Self::Rumor,
        Self::RumorRequest,
        Self::Probe,
        Self::GetModel,
        Self::SwapModel,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Disconnect => "disconnect",
            Self::Beat => "beat",
            Self::StartLearning => "start_learning",
            Self::StopLearning => "stop_learning",
            Self::ModelInitialized => "model_initialized",
            Self::VoteTrainSet => "vote_train_set",
            Self::ModelsAggregated => "models_aggregated",
            Self::ModelsReady => "models_ready",
            Self::Metrics => "metrics",
            Self::PreSendModel => "PRE_SEND_MODEL",
            Self::InitModel => "init_model",
            Self::PartialModel => "partial_model",
            Self::AddModel => "add_model",
            Self::Rumor => "rumor",
            Self::RumorRequest => "rumor_request",
            Self::Probe => "probe",
            Self::GetModel => "get_model",
            Self::SwapModel => "swap_model",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}
