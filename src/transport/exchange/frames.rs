//! Requests and answers as they are on the wire.

use super::proto;
use crate::transport::socket::link::{Outgoing, Request};
use crate::transport::socket::{Answer, Call, Outcome, Payload, pieces};
use crate::wire::proto::{HandShakeRequest, ResponseMessage, RootMessage};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::encoding::{self, DecodeContext, WireType, decode_varint, encode_key, encode_varint};
use prost::{DecodeError, Message as _};
use std::time::Duration;
use tonic::{Code, Status};

/// The fields of `Request`.
const SEQUENCE: u32 = 1;
const DEADLINE: u32 = 2;
const HANDSHAKE: u32 = 3;
const DISCONNECT: u32 = 4;
const SEND: u32 = 5;

/// Room for what comes before a message: two numbers, a key and a length, and a few bytes of the transport's own.
const FRONT: usize = 48;
/// Bytes of a request that are not its message's, at most.
pub const AROUND: usize = 32;

/// A request on its way in.
#[derive(Debug, PartialEq)]
pub struct Arrived {
    /// Its number, which the answer has to name.
    pub sequence: u64,
    /// What is called.
    pub call: Call,
}

/// Why what came is no request.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is no protobuf, or not of this type.
    #[error(transparent)]
    Protobuf(#[from] DecodeError),
    /// A message ends before its end.
    #[error("a message ends before its end")]
    Short,
    /// It calls nothing, or several things.
    #[error("a request has to make one call")]
    NotOneCall,
}

/// A request as it is sent, behind `N` bytes that `before` makes of its length.
pub fn request<const N: usize>(
    sequence: u64,
    request: &Request<'_>,
    before: impl FnOnce(usize) -> [u8; N],
) -> Payload {
    let mut room = [0; FRONT];
    let mut rest = &mut room[N..];
    encoding::uint64::encode(SEQUENCE, &sequence, &mut rest);
    let field = match request.call {
        Outgoing::Handshake(_) => HANDSHAKE,
        Outgoing::Disconnect(_) => DISCONNECT,
        Outgoing::Send(_) => SEND,
    };
    // P2PFL has no deadline for a disconnect.
    if field != DISCONNECT {
        encoding::uint32::encode(DEADLINE, &milliseconds(request.deadline), &mut rest);
    }
    encode_key(field, WireType::LengthDelimited, &mut rest);
    encode_varint(request.length as u64, &mut rest);
    let used = FRONT - rest.len();
    room[..N].copy_from_slice(&before(used - N + request.length));
    let front = &room[..used];
    match request.call {
        Outgoing::Send(body) => body.payload(front, request.length),
        Outgoing::Handshake(own) | Outgoing::Disconnect(own) => {
            let mut head = BytesMut::with_capacity(used + request.length);
            head.put_slice(front);
            HandShakeRequest { addr: own.to_owned() }.encode_raw(&mut head);
            pieces(head.freeze(), Bytes::new(), Bytes::new())
        }
    }
}

/// Reads a request. The bytes of a model are not copied. It is read field by field, so that the length of its message is
/// known without counting it again.
///
/// # Errors
///
/// If it is none, or does not make one call.
pub fn read_request(mut bytes: Bytes) -> Result<Arrived, Unreadable> {
    let (mut sequence, mut call) = (0, None);
    while bytes.has_remaining() {
        let (field, wire) = encoding::decode_key(&mut bytes)?;
        if !(HANDSHAKE..=SEND).contains(&field) {
            match field {
                SEQUENCE => {
                    encoding::uint64::merge(wire, &mut sequence, &mut bytes, DecodeContext::default())?;
                }
                _ => encoding::skip_field(wire, field, &mut bytes, DecodeContext::default())?,
            }
            continue;
        }
        encoding::check_wire_type(WireType::LengthDelimited, wire)?;
        let length = decode_varint(&mut bytes)?;
        let length = usize::try_from(length).ok().filter(|&it| it <= bytes.len()).ok_or(Unreadable::Short)?;
        let said = bytes.split_to(length);
        let made = match field {
            SEND => Call::Send { message: RootMessage::decode(said)?, bytes: length as u64 },
            HANDSHAKE => Call::Handshake(HandShakeRequest::decode(said)?.addr),
            _ => Call::Disconnect(HandShakeRequest::decode(said)?.addr),
        };
        if call.replace(made).is_some() {
            return Err(Unreadable::NotOneCall);
        }
    }
    Ok(Arrived { sequence, call: call.ok_or(Unreadable::NotOneCall)? })
}

/// The number of a request of which only the beginning is known; nothing if it does not say.
pub fn peek_sequence(mut beginning: &[u8]) -> Option<u64> {
    let (field, wire) = encoding::decode_key(&mut beginning).ok()?;
    if field == SEQUENCE && wire == WireType::Varint { decode_varint(&mut beginning).ok() } else { None }
}

/// An answer, for `more` requests after the one that is named as well.
pub fn response(sequence: u64, more: u32, outcome: Outcome) -> proto::Response {
    let mut it = proto::Response { sequence, more, ..Default::default() };
    match outcome {
        Ok(Answer::Empty) => {}
        Ok(Answer::Response(text)) => it.response = Some(text),
        Ok(Answer::Error(text)) => it.error = Some(text),
        Err(status) => {
            it.status = status.code() as u32;
            it.reason = status.message().to_owned();
        }
    }
    it
}

/// Reads an answer: the first request that it is for, how many more, and what it is.
///
/// # Errors
///
/// If it is none.
pub fn read_response(bytes: Bytes) -> Result<(u64, u32, Outcome), DecodeError> {
    let it = proto::Response::decode(bytes)?;
    let outcome = match it.status {
        0 => Ok(ResponseMessage { response: it.response, error: it.error }.into()),
        code => {
            let code = i32::try_from(code).map_or(Code::Unknown, Code::from_i32);
            Err(Box::new(Status::new(code, it.reason)))
        }
    };
    Ok((it.sequence, it.more, outcome))
}

fn milliseconds(deadline: Duration) -> u32 {
    u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::socket::Body;
    use crate::wire::proto::{DirectMessage, Weights, root_message::PayloadType};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn flat(mut payload: Payload) -> Bytes {
        payload.copy_to_bytes(payload.remaining())
    }

    fn sent(sequence: u64, call: Outgoing<'_>) -> Bytes {
        let request = Request {
            call,
            length: call.encoded_len(),
            deadline: Duration::from_secs(10),
            until: tokio::time::Instant::now(),
        };
        flat(super::request(sequence, &request, |length| (length as u32).to_be_bytes()))
    }

    proptest! {
        #[test]
        fn a_request_is_read_as_it_was_sent_and_as_the_generated_decoder_reads_it(
            sequence in any::<u64>(), model in 0..3_000usize, cmd in ".{0,20}", own in ".{0,20}",
        ) {
            let weights = Weights { weights: vec![7; model].into(), ..Default::default() };
            let message = RootMessage { cmd, payload_type: Some(PayloadType::Weights(weights)), ..Default::default() };
            let length = message.encoded_len() as u64;
            let bodies = [Body::Encoded(message.encode_to_vec().into()), Body::Message(Arc::new(message.clone()))];
            for body in bodies {
                let bytes = sent(sequence, Outgoing::Send(&body));
                prop_assert_eq!(u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize, bytes.len() - 4);
                let generated = proto::Request::decode(bytes.slice(4..)).unwrap();
                prop_assert_eq!(generated.deadline_ms, 10_000);
                prop_assert_eq!(generated.call, Some(proto::request::Call::Send(message.clone())));
                let call = Call::Send { message: message.clone(), bytes: length };
                prop_assert_eq!(read_request(bytes.slice(4..)).unwrap(), Arrived { sequence, call });
                prop_assert_eq!(peek_sequence(&bytes[4..]), Some(sequence));
            }
            let call = Call::Handshake(own.clone());
            let read = read_request(sent(sequence, Outgoing::Handshake(&own)).slice(4..)).unwrap();
            prop_assert_eq!(read, Arrived { sequence, call });
            let call = Call::Disconnect(own.clone());
            let read = read_request(sent(sequence, Outgoing::Disconnect(&own)).slice(4..)).unwrap();
            prop_assert_eq!(read, Arrived { sequence, call });
        }

        #[test]
        fn whatever_comes_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let generated = proto::Request::decode(&bytes[..]);
            if let Ok(read) = read_request(Bytes::from(bytes.clone())) {
                let generated = generated.unwrap();
                prop_assert_eq!(read.sequence, generated.sequence);
                prop_assert!(generated.call.is_some());
            }
            let _ = (read_response(Bytes::from(bytes.clone())), peek_sequence(&bytes));
        }

        #[test]
        fn an_answer_is_read_as_it_was_sent(sequence in any::<u64>(), more in any::<u32>(), text in ".{1,20}", code in 1..17i32) {
            for answer in [Answer::Empty, Answer::Response(text.clone()), Answer::Error(text.clone())] {
                let bytes = response(sequence, more, Ok(answer.clone())).encode_to_vec();
                let (read, rest, outcome) = read_response(bytes.into()).unwrap();
                prop_assert_eq!((read, rest, outcome.unwrap()), (sequence, more, answer));
            }
            let status = Status::new(Code::from_i32(code), text);
            let bytes = response(sequence, 0, Err(Box::new(status.clone()))).encode_to_vec();
            let (_, _, outcome) = read_response(bytes.into()).unwrap();
            let read = outcome.unwrap_err();
            prop_assert_eq!((read.code(), read.message()), (status.code(), status.message()));
        }
    }

    #[test]
    fn a_request_makes_one_call() {
        assert!(matches!(read_request(Bytes::new()), Err(Unreadable::NotOneCall)));
        let one = sent(7, Outgoing::Handshake("a"));
        let two = [&one[4..], &one[4..]].concat();
        assert!(matches!(read_request(two.into()), Err(Unreadable::NotOneCall)));
        assert!(matches!(read_request(one.slice(4..one.len() - 1)), Err(Unreadable::Short)));
    }

    #[test]
    fn a_message_whose_payload_is_text_comes_through() {
        let args = vec!["a".to_owned(), String::new()];
        let payload_type = Some(PayloadType::DirectMessage(DirectMessage { args }));
        let message = RootMessage { source: "x".into(), round: Some(-1), cmd: "c".into(), payload_type };
        let body = Body::Message(Arc::new(message.clone()));
        let bytes = sent(1, Outgoing::Send(&body)).slice(4..);
        let read = read_request(bytes).unwrap();
        assert!(matches!(read.call, Call::Send { message: it, .. } if it == message));
    }
}
