//! Exact sizes of encoded messages, without encoding them.
//!
//! The in-memory transport passes messages by reference and never serialises, yet accounts every byte that P2PFL
//! would put on the wire. [`Sizes`] does the arithmetic of the protobuf encoding; a test holds it against the
//! generated types.

use super::address::{AddressBook, PeerId};
use super::command::Command;
use super::message::{Announcement, Gossip, GossipBody, Message, NO_ROUND, Probe, Weights};
use super::own::Argument;
use super::weights::encoded_model_len;
use prost::encoding::encoded_len_varint;
use std::io::Write;

/// The five bytes that gRPC puts before every message: a flag and the length.
pub const GRPC_PREFIX: u64 = 5;

/// Computes sizes.
#[derive(Clone, Debug)]
pub struct Sizes {
    book: AddressBook,
    /// Bytes of encoded weights: the same for all models of a run that have nothing beside them.
    weights: u64,
}

impl Sizes {
    /// Sizes where peers have the addresses of `book` and every model encodes to `weights` bytes.
    pub fn new(book: AddressBook, weights: u64) -> Self {
        Self { book, weights }
    }

    /// Bytes of a gossip message without its time-to-live field.
    pub fn gossip(&self, source: PeerId, round: i32, hash: i64, body: &GossipBody) -> u32 {
        let hash_field = if hash == 0 { 0 } else { 1 + encoded_len_varint(hash as u64) as u64 };
        let inner = hash_field + self.args(body);
        let head = self.head(source, round, body.command().name());
        // The length prefix of the inner message is that of the whole with a one-byte time to live; see `payload`.
        u32::try_from(head + inner).unwrap_or(u32::MAX)
    }

    /// Bytes of a whole message's protobuf encoding. Gossip handed over together has no size as a whole: see
    /// [`Sizes::gossip_payload`].
    pub fn payload(&self, from: PeerId, message: &Message) -> u64 {
        match message {
            Message::Handshake | Message::Disconnect => delimited(self.book.len(from) as u64),
            Message::Gossip(parcel) => parcel.iter().map(|it| self.gossip_payload(it)).sum(),
            Message::Announce(it) => self.announcement(from, it, Command::PreSendModel),
            Message::GetModel(it) => self.announcement(from, it, Command::GetModel),
            Message::Weights(weights) => self.weights(from, weights),
            Message::Own(it) => {
                let args = it.args().iter().map(|it| self.argument(*it)).sum();
                self.head(from, it.round, it.command.name()) + delimited(args)
            }
            Message::Probe(probe) => self.probe(from, *probe),
        }
    }

    /// Bytes of a gossip message's protobuf encoding.
    pub fn gossip_payload(&self, gossip: &Gossip) -> u64 {
        let head = self.head(gossip.source, gossip.round, gossip.body.command().name());
        let ttl = u64::from(gossip.ttl.left());
        let ttl_field = if ttl == 0 { 0 } else { 1 + encoded_len_varint(ttl) as u64 };
        head + delimited(u64::from(gossip.size) - head + ttl_field)
    }

    fn announcement(&self, from: PeerId, announcement: &Announcement, command: Command) -> u64 {
        let hashes = if announcement.contributors.is_empty() {
            delimited(decimal_len(announcement.round.unsigned_abs().into()))
        } else {
            announcement.contributors.iter().map(|&peer| self.address(peer)).sum()
        };
        let inner = delimited(announcement.follows.name().len() as u64) + hashes;
        self.head(from, announcement.round, command.name()) + delimited(inner)
    }

    fn weights(&self, from: PeerId, weights: &Weights) -> u64 {
        let contributors: u64 = weights.contributors.iter().map(|&peer| self.address(peer)).sum();
        let samples =
            if weights.samples == 0 { 0 } else { 1 + encoded_len_varint(weights.samples.into()) as u64 };
        // All models of a run are alike, but for what travels beside some.
        let encoded = match weights.model.info() {
            None => self.weights,
            Some(_) => encoded_model_len(&weights.model),
        };
        let bytes = if encoded == 0 { 0 } else { delimited(encoded) };
        let inner = bytes + contributors + samples;
        self.head(from, weights.round, weights.command.name()) + delimited(inner)
    }

    fn probe(&self, from: PeerId, probe: Probe) -> u64 {
        let bytes = if probe.size == 0 { 0 } else { delimited(probe.size.into()) };
        self.head(from, probe.cell, Command::Probe.name()) + delimited(bytes)
    }

    /// The fields that every `RootMessage` has: source, round, command.
    fn head(&self, source: PeerId, round: i32, command: &str) -> u64 {
        let round = if round < 0 { 10 } else { encoded_len_varint(round as u64) as u64 };
        self.address(source) + 1 + round + delimited(command.len() as u64)
    }

    fn address(&self, peer: PeerId) -> u64 {
        delimited(self.book.len(peer) as u64)
    }

    fn argument(&self, it: Argument) -> u64 {
        match it {
            Argument::Number(it) => delimited(u64::from(it < 0) + decimal_len(it.unsigned_abs())),
            Argument::Real(it) => delimited(text_len(format_args!("{it:?}"))),
            Argument::Peer(it) => self.address(it),
        }
    }

    fn args(&self, body: &GossipBody) -> u64 {
        match body {
            GossipBody::Beat(at) => delimited(text_len(format_args!("{}", self.book.unix_seconds(*at)))),
            GossipBody::StartLearning(experiment) => {
                [experiment.rounds, experiment.epochs, experiment.trainset_size]
                    .iter()
                    .map(|&number| delimited(decimal_len(number.into())))
                    .sum::<u64>()
                    + delimited(experiment.name.len() as u64)
            }
            GossipBody::StopLearning | GossipBody::ModelInitialized | GossipBody::ModelsReady => 0,
            GossipBody::Vote(votes) => votes
                .iter()
                .map(|&(peer, weight)| self.address(peer) + delimited(decimal_len(weight.into())))
                .sum(),
            GossipBody::ModelsAggregated(peers) => peers.iter().map(|&peer| self.address(peer)).sum(),
            GossipBody::Metrics(metrics) => metrics
                .iter()
                .map(|(name, value)| {
                    delimited(name.len() as u64) + delimited(text_len(format_args!("{value:?}")))
                })
                .sum(),
        }
    }
}

/// A length-delimited field with a one-byte tag.
fn delimited(len: u64) -> u64 {
    1 + encoded_len_varint(len) as u64 + len
}

fn decimal_len(number: u64) -> u64 {
    u64::from(number.checked_ilog10().unwrap_or(0)) + 1
}

/// Bytes of formatted text.
fn text_len(text: std::fmt::Arguments) -> u64 {
    struct Count(u64);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = count.write_fmt(text);
    count.0
}

const _: () = assert!(NO_ROUND < 0, "an absent round is a negative number, which takes ten bytes");
