//! WebSocket (RFC 6455): the messages of `proto/exchange.proto` in binary frames, one message in each, over TCP or TLS.
//!
//! Two neighbours have one long-lived connection. Requests are numbered and answered by number, in any order, as on a gRPC
//! stream (`exchange`); they arrive in the order in which they left. A large message goes in several frames, so that buffers
//! need room for a frame and not for a model, and give it back. Whoever has not heard anything for a while sends a ping;
//! whoever does not answer that is gone.
//!
//! The path is [`PATH`], and both ends agree on the subprotocol [`SUBPROTOCOL`]. Framing, masks and the opening handshake are
//! tungstenite's.

mod link;
mod pulse;
mod serve;
mod socket;
mod writer;

pub use link::WebSocketLink;

use super::exchange::frames;
use super::socket::link::Io;
use super::socket::serve::Serving;
use super::socket::{Host, Limits, Traffic, WireProtocol};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tonic::Status;

/// Where a node takes connections.
pub const PATH: &str = "/p2pfl";
/// What both ends agree to say.
pub const SUBPROTOCOL: &str = "p2pfl.exchange.v1";

/// The largest frame, in bytes of its payload: what sends a large message makes several of it.
const FRAME: usize = 16 << 10;
/// Bytes that are read at a time. All of it is memory that an idle connection has.
const READ: usize = 16 << 10;
/// Bytes that are written at a time: what is ready together goes together.
const WRITE: usize = 16 << 10;
/// How long a connection that has come to its end may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);

/// Numbered messages in the binary frames of a WebSocket.
#[derive(Clone, Copy, Debug)]
pub struct WebSocket;

impl WireProtocol for WebSocket {
    const NAME: &'static str = "websocket";
    const ALPN: Option<&'static [u8]> = Some(b"http/1.1");
    const KEEPS_ORDER: bool = true;
    const CALL_S: f64 = 8e-6;
    type Link = WebSocketLink;

    fn new(_: &Limits, _: &Arc<Traffic>) -> Self {
        Self
    }

    fn message_with_answer(payload: f64) -> f64 {
        payload + 17.0
    }

    fn serve<H: Host, S: Io>(
        io: S,
        serving: &Arc<Serving<H>>,
        began: Instant,
    ) -> impl Future<Output = ()> + Send {
        serve::serve(io, serving, began)
    }
}

/// What is taken from the other end: messages of up to `max_message` bytes, and what is around them.
fn config(max_message: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(WRITE)
        .max_write_buffer_size(WRITE + 2 * FRAME)
        .max_frame_size(Some(FRAME))
        .max_message_size(Some(max_message.saturating_add(frames::AROUND)))
}

/// The status of a call whose message is larger than is taken.
fn too_large(bytes: usize, limit: usize) -> Status {
    let text = format!("a message of {bytes} bytes is larger than {limit}, the most that is taken");
    Status::resource_exhausted(text)
}
