//! P2PFL's messages as JSON, and back: what is written on a connection, and what is read from one.
//!
//! It is the JSON that protobuf defines for its messages (proto3's JSON mapping), so that any tool for protobuf can read
//! and write it: names in lowerCamelCase, `int64` as a string (a number of JavaScript has no room for it), bytes in base64,
//! and nothing written that has its default. What is read may be more: the names of the `.proto` file, numbers as text and
//! text as numbers, base64 for URLs, with padding or without, and `null` for a default. What nobody knows is refused, which
//! is the mapping's rule, and finds a misspelt name.
//!
//! Bounds on what comes are `receive`'s; how what is written gets onto a connection is `text`'s.

use super::base64::Base64;
use super::lenient::{integer, text_or_integer};
use super::object::{self, Object};
use crate::transport::socket::Answer;
use crate::wire::proto::{self, root_message::PayloadType};
use bytes::Bytes;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// A message from one peer to another.
///
/// What it carries is at most one of `gossipMessage`, `directMessage` and `weights`.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RootMessage<'a> {
    /// Who says it first: the address of a peer.
    #[serde(skip_serializing_if = "str::is_empty", deserialize_with = "or_default")]
    source: Cow<'a, str>,
    /// The round of learning that it belongs to, if any.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "optional_integer")]
    round: Option<i32>,
    /// The command: what the receiver is to do.
    #[serde(skip_serializing_if = "str::is_empty", deserialize_with = "or_default")]
    cmd: Cow<'a, str>,
    /// For what floods the network.
    #[serde(
        alias = "gossip_message",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "object::optional"
    )]
    gossip_message: Option<GossipMessage<'a>>,
    /// For what goes to one peer alone.
    #[serde(
        alias = "direct_message",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "object::optional"
    )]
    direct_message: Option<DirectMessage<'a>>,
    /// A model.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "object::optional")]
    weights: Option<Weights<'a>>,
}

/// What floods the network: each peer passes it on to its neighbours.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct GossipMessage<'a> {
    /// How many times it may still be passed on.
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "integer")]
    ttl: i32,
    /// Tells it apart from all others: 64 bits, in decimal.
    #[serde(skip_serializing_if = "is_zero", with = "text_or_integer")]
    #[schema(value_type = String, pattern = "^-?[0-9]+$", default = "0", example = "-4611686018427387904")]
    hash: i64,
    /// What the command takes.
    #[serde(skip_serializing_if = "<[String]>::is_empty", deserialize_with = "or_default")]
    #[schema(value_type = Vec<String>)]
    args: Cow<'a, [String]>,
}

/// What goes to one peer alone.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct DirectMessage<'a> {
    /// What the command takes.
    #[serde(skip_serializing_if = "<[String]>::is_empty", deserialize_with = "or_default")]
    #[schema(value_type = Vec<String>)]
    args: Cow<'a, [String]>,
}

/// A model.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Weights<'a> {
    /// Its parameters, as P2PFL pickles them, in base64.
    // First, and written even if there are none: what is large is put in afterwards.
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = String, content_encoding = "base64")]
    weights: Base64,
    /// Whose training went into it: addresses of peers.
    #[serde(skip_serializing_if = "<[String]>::is_empty", deserialize_with = "or_default")]
    #[schema(value_type = Vec<String>)]
    contributors: Cow<'a, [String]>,
    /// Training rows behind it.
    #[serde(alias = "num_samples", skip_serializing_if = "is_zero", deserialize_with = "integer")]
    num_samples: i32,
}

/// Who wants to be a neighbour, or is one no more.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HandShakeRequest<'a> {
    /// The caller's address, at which it can be called.
    #[serde(skip_serializing_if = "str::is_empty", deserialize_with = "or_default")]
    #[schema(example = "127.0.0.1:4000")]
    addr: Cow<'a, str>,
}

/// What a call comes back with; nothing if all is well.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ResponseMessage<'a> {
    /// What was asked for: `true` or `false` to `PRE_SEND_MODEL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Cow<'a, str>>,
    /// What the peer has against it, in P2PFL's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
}

/// A message as JSON, around a model's bytes, which are not in base64 yet.
#[derive(Debug)]
pub struct Written {
    /// What comes before the model; all of it if there is none.
    pub head: Vec<u8>,
    /// The model's bytes.
    pub model: Bytes,
    /// What comes behind the model.
    pub tail: Vec<u8>,
}

/// Writes a message.
pub fn write(message: &proto::RootMessage) -> Written {
    let mut root = RootMessage {
        source: Cow::Borrowed(&message.source),
        round: message.round,
        cmd: Cow::Borrowed(&message.cmd),
        ..RootMessage::default()
    };
    let mut model = Bytes::new();
    match &message.payload_type {
        None => {}
        Some(PayloadType::GossipMessage(it)) => {
            root.gossip_message =
                Some(GossipMessage { ttl: it.ttl, hash: it.hash, args: Cow::Borrowed(&it.args) });
        }
        Some(PayloadType::DirectMessage(it)) => {
            root.direct_message = Some(DirectMessage { args: Cow::Borrowed(&it.args) });
        }
        Some(PayloadType::Weights(it)) => {
            model = it.weights.clone();
            root.weights = Some(Weights {
                weights: Base64::default(),
                contributors: Cow::Borrowed(&it.contributors),
                num_samples: it.num_samples,
            });
        }
    }
    let mut head = json(&root);
    let tail = if root.weights.is_some() { head.split_off(place(&head)) } else { Vec::new() };
    Written { head, model, tail }
}

/// Writes who calls.
pub fn write_address(own: &str) -> Vec<u8> {
    json(&HandShakeRequest { addr: Cow::Borrowed(own) })
}

/// Writes an answer.
pub fn write_answer(answer: &Answer) -> Vec<u8> {
    let (response, error) = match answer {
        Answer::Empty => (None, None),
        Answer::Response(response) => (Some(Cow::Borrowed(response.as_str())), None),
        Answer::Error(error) => (None, Some(Cow::Borrowed(error.as_str()))),
    };
    json(&ResponseMessage { response, error })
}

/// Reads a message.
///
/// # Errors
/// If it is no JSON, or none of a message; it says where.
pub fn read(text: &[u8]) -> Result<proto::RootMessage, serde_json::Error> {
    let Object(root): Object<RootMessage<'_>> = serde_json::from_slice(text)?;
    let payload_type = match (root.gossip_message, root.direct_message, root.weights) {
        (None, None, None) => None,
        (Some(it), None, None) => Some(PayloadType::GossipMessage(proto::GossipMessage {
            ttl: it.ttl,
            hash: it.hash,
            args: it.args.into_owned(),
        })),
        (None, Some(it), None) => {
            Some(PayloadType::DirectMessage(proto::DirectMessage { args: it.args.into_owned() }))
        }
        (None, None, Some(it)) => Some(PayloadType::Weights(proto::Weights {
            weights: it.weights.into(),
            contributors: it.contributors.into_owned(),
            num_samples: it.num_samples,
        })),
        _ => {
            let several = "only one of `gossipMessage`, `directMessage` and `weights` may be there";
            return Err(serde_json::Error::custom(several));
        }
    };
    Ok(proto::RootMessage {
        source: root.source.into_owned(),
        round: root.round,
        cmd: root.cmd.into_owned(),
        payload_type,
    })
}

/// Reads who calls.
///
/// # Errors
/// If it is no JSON, or none of that; it says where.
pub fn read_address(text: &[u8]) -> Result<String, serde_json::Error> {
    let Object(request): Object<HandShakeRequest<'_>> = serde_json::from_slice(text)?;
    Ok(request.addr.into_owned())
}

/// Reads an answer. Here what nobody knows is let pass: who answers may be newer than who asked.
///
/// # Errors
/// If it is no JSON, or none of an answer; it says where.
pub fn read_answer(text: &[u8]) -> Result<Answer, serde_json::Error> {
    if text == b"{}" {
        return Ok(Answer::Empty);
    }
    let Object(answer): Object<ResponseMessage<'_>> = serde_json::from_slice(text)?;
    let owned = |it: Option<Cow<'_, str>>| it.map(Cow::into_owned);
    Ok(proto::ResponseMessage { response: owned(answer.response), error: owned(answer.error) }.into())
}

fn json(it: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(it).expect("text and numbers can be written as JSON")
}

/// Where the model belongs in a message that was written without it: no such bytes come before, as quotation marks within
/// text are escaped.
fn place(head: &[u8]) -> usize {
    const BEFORE: &[u8] = b"{\"weights\":\"";
    let at = head.windows(BEFORE.len()).position(|it| it == BEFORE);
    at.expect("the field is always written") + BEFORE.len()
}

fn is_zero<T: Default + PartialEq>(it: &T) -> bool {
    *it == T::default()
}

/// `null` is the default.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn optional_integer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i32>, D::Error> {
    super::lenient::optional(from)
}

#[cfg(test)]
mod tests;
