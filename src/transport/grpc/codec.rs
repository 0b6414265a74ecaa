//! How a `send` becomes bytes: either it has been encoded before, once for many receivers, or it goes straight into the
//! connection's buffer, so that a large model is copied once and not twice.

use crate::wire::proto::{ResponseMessage, RootMessage};
use bytes::{BufMut, Bytes};
use prost::Message as _;
use std::sync::Arc;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;

/// A `RootMessage` to be sent.
#[derive(Clone, Debug)]
pub enum Body {
    /// Encoded already.
    Encoded(Bytes),
    /// To be encoded as it is sent.
    Message(Arc<RootMessage>),
}

impl Body {
    /// Bytes of its encoding.
    pub fn len(&self) -> usize {
        match self {
            Self::Encoded(bytes) => bytes.len(),
            Self::Message(message) => message.encoded_len(),
        }
    }

    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Encodes [`Body`], decodes what comes back.
#[derive(Debug, Default)]
pub(super) struct SendCodec;

/// Writes a [`Body`].
#[derive(Debug)]
pub(super) struct BodyEncoder;

impl Codec for SendCodec {
    type Encode = Body;
    type Decode = ResponseMessage;
    type Encoder = BodyEncoder;
    type Decoder = ProstDecoder<ResponseMessage>;

    fn encoder(&mut self) -> Self::Encoder {
        BodyEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(small())
    }
}

impl Encoder for BodyEncoder {
    type Item = Body;
    type Error = Status;

    fn encode(&mut self, item: Body, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        match item {
            Body::Encoded(bytes) => {
                to.reserve(bytes.len());
                to.put(bytes);
            }
            Body::Message(message) => {
                to.reserve(message.encoded_len());
                message.encode_raw(to);
            }
        }
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        small()
    }
}

/// Most messages are small; the buffer grows for those that are not.
fn small() -> BufferSettings {
    BufferSettings::new(256, 32 * 1024)
}
