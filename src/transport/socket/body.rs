//! A message on its way out: its protobuf encoding, a model's bytes uncopied, behind whatever a protocol puts in front.

use crate::wire::proto::{self, root_message::PayloadType};
use bytes::buf::Chain;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::{self, WireType};
use std::sync::Arc;

/// What a protocol is handed: three pieces that lie one behind the other on the wire.
pub type Payload = Chain<Chain<Bytes, Bytes>, Bytes>;

/// A piece below this is copied rather than kept apart: a frame of its own would cost more.
const APART: usize = 1 << 10;

/// A message to be sent.
#[derive(Clone, Debug)]
pub enum Body {
    /// Encoded once, for many receivers.
    Encoded(Bytes),
    /// Encoded while it is sent. The bytes of a model are not copied.
    Message(Arc<proto::RootMessage>),
}

impl Body {
    /// Bytes of the encoding, without what protocols add.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Encoded(bytes) => bytes.len(),
            Self::Message(message) => message.encoded_len(),
        }
    }

    /// As it is sent, behind `front`. `length` is [`encoded_len`](Self::encoded_len), which is worth asking only once.
    pub(in crate::transport) fn payload(&self, front: &[u8], length: usize) -> Payload {
        match self {
            Self::Encoded(bytes) => encoded(front, bytes),
            Self::Message(message) => match &message.payload_type {
                Some(PayloadType::Weights(weights)) if weights.weights.len() >= APART => {
                    apart(front, message, weights, length)
                }
                _ => whole(front, &**message, length),
            },
        }
    }
}

fn encoded(front: &[u8], bytes: &Bytes) -> Payload {
    let apart = bytes.len() >= APART;
    let mut head = BytesMut::with_capacity(front.len() + if apart { 0 } else { bytes.len() });
    head.put_slice(front);
    if apart {
        return pieces(head.freeze(), bytes.clone(), Bytes::new());
    }
    head.put_slice(bytes);
    pieces(head.freeze(), Bytes::new(), Bytes::new())
}

fn whole<M: prost::Message>(front: &[u8], message: &M, length: usize) -> Payload {
    let mut head = BytesMut::with_capacity(front.len() + length);
    head.put_slice(front);
    message.encode_raw(&mut head);
    pieces(head.freeze(), Bytes::new(), Bytes::new())
}

/// What the generated encoder writes, in three pieces: before the model's bytes, these, and behind them.
fn apart(front: &[u8], message: &proto::RootMessage, weights: &proto::Weights, length: usize) -> Payload {
    let around = length - weights.weights.len();
    let mut buffer = BytesMut::with_capacity(front.len() + around);
    buffer.put_slice(front);
    if !message.source.is_empty() {
        encoding::string::encode(1, &message.source, &mut buffer);
    }
    if let Some(round) = &message.round {
        encoding::int32::encode(2, round, &mut buffer);
    }
    if !message.cmd.is_empty() {
        encoding::string::encode(3, &message.cmd, &mut buffer);
    }
    encoding::encode_key(6, WireType::LengthDelimited, &mut buffer);
    encoding::encode_varint(weights.encoded_len() as u64, &mut buffer);
    encoding::encode_key(1, WireType::LengthDelimited, &mut buffer);
    encoding::encode_varint(weights.weights.len() as u64, &mut buffer);
    let head = buffer.split().freeze();
    encoding::string::encode_repeated(2, &weights.contributors, &mut buffer);
    if weights.num_samples != 0 {
        encoding::int32::encode(3, &weights.num_samples, &mut buffer);
    }
    pieces(head, weights.weights.clone(), buffer.freeze())
}

/// Three pieces that lie one behind the other.
pub fn pieces(head: Bytes, middle: Bytes, tail: Bytes) -> Payload {
    head.chain(middle).chain(tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flat(mut payload: Payload) -> Bytes {
        payload.copy_to_bytes(payload.remaining())
    }

    fn messages() -> impl Strategy<Value = proto::RootMessage> {
        let weights = (prop_oneof![0..64usize, 1000..1100usize, Just(200_000)], any::<u8>())
            .prop_map(|(length, byte)| Bytes::from(vec![byte; length]));
        let contributors = prop::collection::vec("[a-z:0-9]{0,20}", 0..5);
        let payload = prop_oneof![
            Just(None),
            (weights, contributors, any::<i32>()).prop_map(|(weights, contributors, num_samples)| Some(
                PayloadType::Weights(proto::Weights { weights, contributors, num_samples })
            )),
            (any::<i32>(), any::<i64>(), prop::collection::vec(".{0,10}", 0..3)).prop_map(
                |(ttl, hash, args)| {
                    Some(PayloadType::GossipMessage(proto::GossipMessage { ttl, hash, args }))
                }
            ),
        ];
        (".{0,30}", any::<Option<i32>>(), ".{0,30}", payload).prop_map(
            |(source, round, cmd, payload_type)| proto::RootMessage { source, round, cmd, payload_type },
        )
    }

    proptest! {
        #[test]
        fn a_message_in_pieces_is_what_the_generated_encoder_writes(message in messages()) {
            let expected = message.encode_to_vec();
            for body in [Body::Message(Arc::new(message)), Body::Encoded(expected.clone().into())] {
                prop_assert_eq!(body.encoded_len(), expected.len());
                let sent = flat(body.payload(b"front", body.encoded_len()));
                prop_assert_eq!(&sent[..5], b"front");
                prop_assert_eq!(&sent[5..], &expected[..]);
            }
        }
    }

    #[test]
    fn the_bytes_of_a_model_are_not_copied() {
        let model = Bytes::from(vec![7; 1 << 20]);
        let weights = proto::Weights { weights: model.clone(), ..Default::default() };
        let message =
            proto::RootMessage { payload_type: Some(PayloadType::Weights(weights)), ..Default::default() };
        let body = Body::Message(Arc::new(message));
        let mut payload = body.payload(&[], body.encoded_len());
        payload.advance(payload.first_ref().first_ref().len());
        assert_eq!(payload.chunk().as_ptr(), model.as_ptr());
    }
}
