//! gRPC over sockets: moves P2PFL's protobuf messages between addresses, as deployed peers do.
//!
//! What lives here knows addresses, certificates, limits and byte counts. Peers as numbers, their states, metrics by
//! command and scenario time are the engine's. What a message means is `wire`'s and `node`'s.

mod address;
pub mod tls;

pub use address::{Address, AddressError};
pub use tls::Security;
