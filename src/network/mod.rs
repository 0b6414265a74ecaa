//! What a simulated link does to a message, and what the script does to the network.
//!
//! Everything here is a pure function of time, nodes and link: neither engine nor transport keeps state for it.

pub mod spec;
