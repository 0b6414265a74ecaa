//! The commands of P2PFL's protocol, the two calls beside them, and those that are not P2PFL's: of probes, where nodes ask for
//! models or swap them in pairs, and whatever workflows declare for themselves.

use super::own::{Slot, declared};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// What a message tells its receiver to do. `Handshake` and `Disconnect` are calls of their own; the others travel as
/// the `cmd` of a `RootMessage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Command {
    Handshake,
    Disconnect,
    Beat,
    StartLearning,
    StopLearning,
    ModelInitialized,
    VoteTrainSet,
    ModelsAggregated,
    ModelsReady,
    Metrics,
    PreSendModel,
    InitModel,
    PartialModel,
    AddModel,
    Probe,
    GetModel,
    SwapModel,
    /// Of a workflow's own.
    Own(Slot),
}

impl Command {
    /// Those that are not a workflow's own, in the order of results.
    const COMMON: [Self; 17] = [
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
        Self::Probe,
        Self::GetModel,
        Self::SwapModel,
    ];

    /// More than there can be: the length of a table by [`index`](Self::index).
    pub const COUNT: usize = Self::COMMON.len() + Slot::ALL.len();

    /// All of them, in the order of results.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        let own = Slot::ALL.into_iter().take(declared().len()).map(Self::Own);
        Self::COMMON.into_iter().chain(own)
    }

    /// Its place among all, less than [`COUNT`](Self::COUNT).
    pub const fn index(self) -> usize {
        match self {
            Self::Own(slot) => Self::COMMON.len() + slot as usize,
            Self::Handshake => 0,
            Self::Disconnect => 1,
            Self::Beat => 2,
            Self::StartLearning => 3,
            Self::StopLearning => 4,
            Self::ModelInitialized => 5,
            Self::VoteTrainSet => 6,
            Self::ModelsAggregated => 7,
            Self::ModelsReady => 8,
            Self::Metrics => 9,
            Self::PreSendModel => 10,
            Self::InitModel => 11,
            Self::PartialModel => 12,
            Self::AddModel => 13,
            Self::Probe => 14,
            Self::GetModel => 15,
            Self::SwapModel => 16,
        }
    }

    /// The command with this place, if there is one.
    pub fn at(index: usize) -> Option<Self> {
        Self::COMMON
            .get(index)
            .copied()
            .or_else(|| Slot::ALL.get(index.checked_sub(Self::COMMON.len())?).copied().map(Self::Own))
    }

    /// Whether a message of it has a model.
    pub const fn carries_model(self) -> bool {
        matches!(self, Self::InitModel | Self::PartialModel | Self::AddModel | Self::SwapModel)
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
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
            Self::Probe => "probe",
            Self::GetModel => "get_model",
            Self::SwapModel => "swap_model",
            Self::Own(slot) => declared().get(slot as usize).map_or("", |it| it.name),
        }
    }

    /// The command of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|it| it.name() == name)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::custom(format_args!("`{name}` is no command")))
    }
}

impl JsonSchema for Command {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = Self::all().map(Self::name).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_their_place_and_by_their_name() {
        for (place, command) in Command::all().enumerate() {
            assert_eq!((command.index(), Command::at(place)), (place, Some(command)));
            assert_eq!(Command::named(command.name()), Some(command));
        }
        assert_eq!(Command::at(Command::COUNT), None);
        assert_eq!(size_of::<Command>(), 1);
    }
}
