//! gRPC's framing: the five bytes before a message.

use crate::transport::socket::link::Outgoing;
use crate::transport::socket::{Payload, pieces};
use crate::wire::proto;
use bytes::{BufMut as _, Bytes, BytesMut};

/// Bytes before a message: whether it is compressed, and its length.
pub const PREFIX: usize = 5;

/// A request as it is sent. `length` is that of its encoding.
pub(super) fn of_request(call: Outgoing<'_>, length: usize) -> Payload {
    match call {
        Outgoing::Handshake(own) | Outgoing::Disconnect(own) => {
            of(&proto::HandShakeRequest { addr: own.to_owned() })
        }
        Outgoing::Send(body) => body.payload(&prefix(length), length),
    }
}

/// A message that is small.
pub(super) fn of<M: prost::Message>(message: &M) -> Payload {
    let length = message.encoded_len();
    let mut head = BytesMut::with_capacity(PREFIX + length);
    head.put_slice(&prefix(length));
    message.encode_raw(&mut head);
    pieces(head.freeze(), Bytes::new(), Bytes::new())
}

/// Not compressed, and so long.
pub fn prefix(length: usize) -> [u8; PREFIX] {
    let [a, b, c, d] =
        u32::try_from(length).expect("a channel refuses what is beyond gRPC's 4 GiB").to_be_bytes();
    [0, a, b, c, d]
}
