//! What a simulated link does to a message, what the script does to the network, and which nodes come and go.
//!
//! A link is a pure function of the seed, its ends and a message's number; what the messages of a node change, its
//! queues above all, is kept in that node's port. Who applies it, and when the script fires, is the engine's affair.

mod cause;
pub mod churn;
mod connections;
mod error;
mod faults;
mod file;
mod links;
mod loss;
mod packets;
mod paths;
mod port;
pub mod profile;
mod regions;
pub mod spec;

pub use cause::Cause;
pub use error::NetworkError;
pub use faults::{Faults, MAX_GROUPS, Slowdown, Timeline};
pub use links::{Departure, Handover, Links};
pub use packets::{MAX_MTU, MIN_MTU};
pub use port::Port;
