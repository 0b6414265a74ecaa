//! From the generated protobuf types to messages: the inverse of `encode`, for what others send.
//!
//! Nothing is trusted. What is wrong with a message is said as P2PFL says it, so that the text can be the reply.

use super::address::{AddressBook, Names, PeerId};
use super::command::Command;
use super::expected::Expected;
use super::message::Message;
use super::proto;
use super::unpickle::ModelError;

/// A message has no more arguments or contributors than this: a vote of 50,000 candidates.
pub const MAX_ARGS: usize = 100_000;

/// What a peer said.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Who said it first.
    pub source: PeerId,
    /// What it said. Gossip comes as a parcel of one, with `hops` 0 and `born` at the beginning of the run: who keeps
    /// count of them fills them in.
    pub message: Message,
}

/// What was wrong with a message. The texts are those of P2PFL's replies where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No such command.
    #[error("Unknown command: {0}")]
    Unknown(String),
    /// A command without a payload.
    #[error("Error while processing command: {0}: No message or weights.")]
    NoPayload(Command),
    /// A command whose arguments are wrong.
    #[error("Error while processing command: {command}. {fault}")]
    Arguments {
        /// The command.
        command: Command,
        /// `<Type>: <text>`, with the type that Python would give it.
        fault: String,
    },
    /// A model that cannot be used.
    #[error("Error while processing command: {command}. DecodingParamsError: {fault}")]
    Model {
        /// The command.
        command: Command,
        /// What is wrong with it.
        fault: ModelError,
    },
}

/// Reads a message. `names` turns addresses into numbers, and `model` is what models have to look like.
///
/// # Errors
/// If the command is unknown, its payload missing, of the wrong kind or malformed, if there are more than [`MAX_ARGS`]
/// arguments or names than `names` takes, or a model is not as expected.
pub fn root(
    book: &AddressBook,
    names: &Names,
    root: proto::RootMessage,
    model: &Expected,
) -> Result<Decoded, DecodeError> {
    let _ = (book, names, model);
    Err(DecodeError::Unknown(root.cmd))
}
