//! gRPC inside libp2p's streams: a peer-to-peer connection with an RPC protocol on it. Only with the feature `libp2p`.
//!
//! Each node is a libp2p host of its own (`host`): an Ed25519 identity, TCP, noise and yamux, agreed on by
//! multistream-select, as the libp2p specifications have it. Two hosts have one connection, whoever of them made it, and
//! each channel is one stream on it, by the name of [`PROTOCOL`]. What is said on a stream is `grpc`'s, word for word.
//!
//! What lives here is how two hosts come to have a stream between them. `tcp` carries libp2p over this program's own
//! sockets, whose bytes are counted; `behaviour` and `handler` are what libp2p's swarm asks on connections and streams;
//! `serve` takes the streams of a node. Calls, deadlines and redialling are `socket`'s.

mod behaviour;
mod failure;
mod handler;
mod host;
mod protocol;
mod serve;
mod tcp;

pub use host::Host;

/// What both ends of a stream agree on: gRPC, as P2PFL speaks it.
const PROTOCOL: ::libp2p::StreamProtocol = ::libp2p::StreamProtocol::new("/p2pfl/grpc/1");

/// Seed of an identity: the secret key of Ed25519.
pub type Secret = [u8; 32];
