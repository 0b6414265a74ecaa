//! p2pfl-sim: how a P2PFL network behaves with hundreds or thousands of peers, on one machine.

pub mod cli;
pub mod engine;
pub mod learning;
pub mod metrics;
pub mod network;
pub mod node;
pub mod random;
pub mod report;
pub mod scenario;
pub mod simulation;
pub mod time;
pub mod topology;
pub mod transport;
pub mod wire;
