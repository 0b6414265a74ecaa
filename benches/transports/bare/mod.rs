//! Bare loops of the libraries that protocols stand on, with nothing around them but windows and frames for large messages.

pub mod http;
pub mod stream;
pub mod unary;
