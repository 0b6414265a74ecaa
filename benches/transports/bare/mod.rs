//! Bare loops of the libraries that protocols stand on, with nothing around them but windows and frames for large messages.

pub mod http;
#[cfg(feature = "libp2p")]
pub mod libp2p;
pub mod stream;
pub mod unary;
pub mod websocket;
