//! What every transport promises, tried with each of them. `conformance` is the list: to add a transport is to pass it.
//! `memory` has the promises of the one that has no sockets, `runs` whole runs through the program; what only one protocol
//! can be sent wrong has a folder of its own.

mod calls;
mod conformance;
mod grpc;
mod http;
#[cfg(feature = "libp2p")]
mod libp2p;
mod memory;
mod outages;
mod raw;
mod rig;
mod runs;
mod strain;
mod stream;
mod tree;
mod websocket;
