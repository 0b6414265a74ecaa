//! The node: a state machine that speaks P2PFL's protocol.
//!
//! It has no clock, socket, thread, channel or shared random source. Inputs come in with the time; outputs say
//! what is to be sent, which timer is to be set, which job is to be run. Engines drive it.

pub mod spec;
mod stage;

pub use stage::Stage;
