//! Bare loops of the libraries that protocols stand on, with nothing around them but windows and frames for large messages.

pub mod http;
#[cfg(feature = "libp2p")]
pub mod libp2p;
pub mod stream;
pub mod unary;
pub mod websocket;

/// tonic's client and server of P2PFL's service, over the messages of the program.
#[allow(clippy::all, clippy::pedantic)]
mod service {
    include!(concat!(env!("OUT_DIR"), "/bare/node.rs"));
}
