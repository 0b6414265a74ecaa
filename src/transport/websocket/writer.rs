//! Messages on their way out: whole in a frame if they are small, in several if they are not, and never more at a time than
//! the socket takes.

use super::FRAME;
use super::socket::Socket;
use crate::transport::socket::Payload;
use crate::transport::socket::link::Io;
use bytes::{Buf as _, Bytes};
use std::collections::VecDeque;
use std::task::{Poll, ready};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

/// What waits to be written on a connection.
#[derive(Debug, Default)]
pub struct Writer {
    /// Messages, in their order.
    pub waiting: VecDeque<Payload>,
    /// Whether part of the first has left.
    begun: bool,
    ping: bool,
    unflushed: bool,
}

impl Writer {
    /// The other end is to say whether it is alive.
    pub fn ping(&mut self) {
        self.ping = true;
    }

    /// Writes what there is. Ready when all has left, or the connection is broken.
    pub fn poll_write<S: Io>(&mut self, socket: &mut Socket<S>) -> Poll<Result<(), Error>> {
        if self.ping {
            ready!(socket.poll_ready())?;
            socket.write(Message::Ping(Bytes::new()))?;
            (self.ping, self.unflushed) = (false, true);
        }
        while let Some(message) = self.waiting.front_mut() {
            ready!(socket.poll_ready())?;
            let (frame, last) = next(message, &mut self.begun);
            if last {
                self.waiting.pop_front();
            }
            self.unflushed = true;
            socket.write(frame)?;
        }
        if self.unflushed {
            ready!(socket.poll_flush())?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// The next frame of a message, and whether it is the last.
fn next(message: &mut Payload, begun: &mut bool) -> (Message, bool) {
    let size = message.remaining().min(FRAME);
    // Not copied but where pieces meet.
    let bytes = message.copy_to_bytes(size);
    let last = !message.has_remaining();
    let frame = match (*begun, last) {
        (false, true) => Message::Binary(bytes),
        (false, false) => Message::Frame(Frame::message(bytes, OpCode::Data(Data::Binary), false)),
        (true, _) => Message::Frame(Frame::message(bytes, OpCode::Data(Data::Continue), last)),
    };
    *begun = !last;
    (frame, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::socket::pieces;

    /// The sizes of a message's frames, and their bytes together.
    fn sent(mut message: Payload) -> (Vec<usize>, Vec<u8>) {
        let (mut sizes, mut all, mut begun) = (Vec::new(), Vec::new(), false);
        loop {
            let (frame, last) = next(&mut message, &mut begun);
            let (bytes, code) = match frame {
                Message::Binary(bytes) => (bytes, Data::Binary),
                Message::Frame(frame) => {
                    assert_eq!(frame.header().is_final, last);
                    let OpCode::Data(code) = frame.header().opcode else { panic!("{frame:?}") };
                    (frame.into_payload(), code)
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(code == Data::Continue, !sizes.is_empty());
            sizes.push(bytes.len());
            all.extend_from_slice(&bytes);
            if last {
                return (sizes, all);
            }
        }
    }

    #[test]
    fn a_small_message_is_one_frame() {
        let message =
            pieces(Bytes::from_static(b"head"), Bytes::from_static(b"middle"), Bytes::from_static(b"tail"));
        assert_eq!(sent(message), (vec![14], b"headmiddletail".to_vec()));
        assert_eq!(sent(pieces(Bytes::new(), Bytes::new(), Bytes::new())), (vec![0], vec![]));
    }

    #[test]
    fn a_large_message_is_frames_that_buffers_have_room_for() {
        let model = Bytes::from(vec![7; 3 * FRAME]);
        let message = pieces(Bytes::from_static(b"head"), model, Bytes::from_static(b"tail"));
        let (sizes, all) = sent(message);
        assert_eq!(sizes, [FRAME, FRAME, FRAME, 8]);
        assert_eq!(all, [b"head".as_slice(), &vec![7; 3 * FRAME], b"tail"].concat());
    }
}
