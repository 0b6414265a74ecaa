//! What goes over the wire: P2PFL's protobuf types, the commands, exact sizes, and the encoding of models.
//!
//! Inside the program peers are numbers and messages are small values; text and bytes exist here only. What a
//! message does to a node is the node's affair.

mod address;
mod command;
pub mod decode;
pub mod encode;
mod expected;
mod message;
mod names;
mod own;
mod pickle;
pub mod size;
pub mod unpickle;
pub mod weights;

pub use address::{AddressBook, PeerId};
pub use command::Command;
pub use expected::{Expected, MAX_MODEL};
pub use message::{
    Announcement, Experiment, Gossip, GossipBody, Message, NO_ROUND, Probe, Response, Ttl, Weights,
};
pub use names::{MAX_NAME, Names};
pub(crate) use own::own_messages;
pub use own::{Argument, ArgumentKind, Declared, Entry, Own, Slot};

/// The generated protobuf types of `proto/node.proto`.
pub mod proto {
    #![allow(missing_docs, clippy::all, clippy::pedantic)]
    tonic::include_proto!("node");
}
