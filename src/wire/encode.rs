//! From messages to the generated protobuf types.

use super::address::{AddressBook, PeerId};
use super::command::Command;
use super::message::{Announcement, Gossip, GossipBody, Message, Probe, Weights};
use super::own::{Argument, Own};
use super::proto;
use bytes::Bytes;

/// The `RootMessage` of a gossip message.
pub fn gossip(book: &AddressBook, gossip: &Gossip) -> proto::RootMessage {
    let message = proto::GossipMessage {
        ttl: i32::try_from(gossip.ttl.left()).unwrap_or(i32::MAX),
        hash: gossip.hash,
        args: args(book, &gossip.body),
    };
    root(
        book,
        gossip.source,
        gossip.round,
        gossip.body.command().name(),
        proto::root_message::PayloadType::GossipMessage(message),
    )
}

/// The `RootMessage` of an announcement.
pub fn announcement(book: &AddressBook, from: PeerId, it: &Announcement) -> proto::RootMessage {
    naming(book, from, it, Command::PreSendModel)
}

/// The `RootMessage` of a request for a model: that of an announcement, but for the command.
pub fn get_model(book: &AddressBook, from: PeerId, it: &Announcement) -> proto::RootMessage {
    naming(book, from, it, Command::GetModel)
}

fn naming(book: &AddressBook, from: PeerId, it: &Announcement, command: Command) -> proto::RootMessage {
    let hashes: Vec<String> =
        if it.contributors.is_empty() { vec![it.round.to_string()] } else { names(book, &it.contributors) };
    let args = std::iter::once(it.follows.name().to_owned()).chain(hashes).collect();
    root(
        book,
        from,
        it.round,
        command.name(),
        proto::root_message::PayloadType::DirectMessage(proto::DirectMessage { args }),
    )
}

/// The `RootMessage` of a model whose encoding is `bytes`.
pub fn weights(book: &AddressBook, from: PeerId, it: &Weights, bytes: Bytes) -> proto::RootMessage {
    let message = proto::Weights {
        weights: bytes,
        contributors: names(book, &it.contributors),
        num_samples: i32::try_from(it.samples).unwrap_or(i32::MAX),
    };
    root(book, from, it.round, it.command.name(), proto::root_message::PayloadType::Weights(message))
}

/// The `RootMessage` of a message of a workflow's own.
pub fn own(book: &AddressBook, from: PeerId, it: &Own) -> proto::RootMessage {
    let arg = |it: &Argument| match it {
        Argument::Number(it) => it.to_string(),
        Argument::Real(it) => format!("{it:?}"),
        Argument::Peer(it) => book.name(*it).to_string(),
    };
    let message = proto::DirectMessage { args: it.args().iter().map(arg).collect() };
    root(book, from, it.round, it.command.name(), proto::root_message::PayloadType::DirectMessage(message))
}

/// The `RootMessage` of any message but gossip, which comes many at a time, and models, which have to be encoded first.
/// Nothing for these, and for calls that are no `RootMessage`.
pub fn direct(book: &AddressBook, from: PeerId, message: &Message) -> Option<proto::RootMessage> {
    match message {
        Message::Announce(it) => Some(announcement(book, from, it)),
        Message::GetModel(it) => Some(get_model(book, from, it)),
        Message::Own(it) => Some(own(book, from, it)),
        Message::Handshake
        | Message::Disconnect
        | Message::Gossip(_)
        | Message::Weights(_)
        | Message::Probe(_) => None,
    }
}

/// The `RootMessage` of a `probe`: a model without contributors and rows whose encoding is so many bytes of `zeros`,
/// which are shared and not copied. `zeros` has as many as the largest payload of the run at least; what is missing is
/// left out.
pub fn probe(book: &AddressBook, from: PeerId, probe: Probe, zeros: &Bytes) -> proto::RootMessage {
    let weights = zeros.slice(..zeros.len().min(probe.size as usize));
    let message = proto::Weights { weights, contributors: Vec::new(), num_samples: 0 };
    let payload = proto::root_message::PayloadType::Weights(message);
    root(book, from, probe.cell, Command::Probe.name(), payload)
}

fn root(
    book: &AddressBook,
    source: PeerId,
    round: i32,
    command: &str,
    payload: proto::root_message::PayloadType,
) -> proto::RootMessage {
    proto::RootMessage {
        source: book.name(source).to_string(),
        round: Some(round),
        cmd: command.to_owned(),
        payload_type: Some(payload),
    }
}

fn names(book: &AddressBook, peers: &[PeerId]) -> Vec<String> {
    peers.iter().map(|&peer| book.name(peer).to_string()).collect()
}

fn args(book: &AddressBook, body: &GossipBody) -> Vec<String> {
    match body {
        GossipBody::Beat(at) => vec![book.unix_seconds(*at).to_string()],
        GossipBody::StartLearning(it) => {
            vec![it.rounds.to_string(), it.epochs.to_string(), it.trainset_size.to_string(), it.name.clone()]
        }
        GossipBody::StopLearning | GossipBody::ModelInitialized | GossipBody::ModelsReady => Vec::new(),
        GossipBody::Vote(votes) => votes
            .iter()
            .flat_map(|&(peer, weight)| [book.name(peer).to_string(), weight.to_string()])
            .collect(),
        GossipBody::ModelsAggregated(peers) => names(book, peers),
        GossipBody::Metrics(metrics) => {
            metrics.iter().flat_map(|(name, value)| [(*name).to_owned(), format!("{value:?}")]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Experiment, Ttl};
    use super::super::own;
    use super::super::size::Sizes;
    use super::*;
    use crate::learning::{Layout, Model};
    use crate::time::Time;
    use proptest::prelude::*;
    use prost::Message as _;
    use std::sync::Arc;

    fn bodies() -> impl Strategy<Value = GossipBody> {
        prop_oneof![
            any::<u32>().prop_map(|at| GossipBody::Beat(Time::from_nanos(u64::from(at) * 1_000))),
            (0..1000u32, 0..20u32, 0..50u32, "[a-z]{0,200}").prop_map(
                |(rounds, epochs, trainset_size, name)| {
                    GossipBody::StartLearning(Arc::new(Experiment { rounds, epochs, trainset_size, name }))
                }
            ),
            Just(GossipBody::StopLearning),
            Just(GossipBody::ModelInitialized),
            Just(GossipBody::ModelsReady),
            prop::collection::vec((0..1000u32, 0..1001u32), 0..40).prop_map(|it| GossipBody::Vote(it.into())),
            prop::collection::vec(0..1000u32, 0..40).prop_map(|it| GossipBody::ModelsAggregated(it.into())),
            prop::collection::vec(any::<f64>().prop_map(|value| ("test_metric", value)), 0..4)
                .prop_map(|it| GossipBody::Metrics(it.into())),
        ]
    }

    proptest! {
        #[test]
        fn the_size_of_a_message_is_the_length_of_its_encoding(
            source in 0..1000u32, round in -1..300i32, ttl in 0..300u32, hash: i64, body in bodies(),
            contributors in prop::collection::vec(0..1000u32, 0..20), samples: u16, weights in 0..5000usize,
            owned: (i64, f64, u16),
        ) {
            let book = AddressBook::numbered(1000);
            let sizes = Sizes::new(book.clone(), weights as u64);
            let size = sizes.gossip(source, round, hash, &body);
            let born = Time::ZERO;
            let message = Gossip { source, round, ttl: Ttl::Own(ttl), hash, body, size, hops: 0, born };
            prop_assert_eq!(sizes.gossip_payload(&message), gossip(&book, &message).encoded_len() as u64);

            let round = round.max(0);
            let contributors: Arc<[PeerId]> = contributors.into();
            let it = Announcement { follows: Command::PartialModel, round, contributors: contributors.clone() };
            let encoded = announcement(&book, source, &it).encoded_len() as u64;
            prop_assert_eq!(sizes.payload(source, &Message::Announce(it.clone())), encoded);
            let encoded = get_model(&book, source, &it).encoded_len() as u64;
            prop_assert_eq!(sizes.payload(source, &Message::GetModel(Arc::new(it))), encoded);

            for it in own::samples(round, &owned) {
                let encoded = super::own(&book, source, &it).encoded_len() as u64;
                prop_assert_eq!(sizes.payload(source, &Message::Own(it)), encoded);
            }

            for cell in [round, super::super::message::NO_ROUND] {
                let it = Probe { cell, size: weights as u32, due: Time::ZERO };
                let zeros = Bytes::from(vec![0; 5_000]);
                let encoded = probe(&book, source, it, &zeros).encoded_len() as u64;
                prop_assert_eq!(sizes.payload(source, &Message::Probe(it)), encoded);
            }

            let model = Arc::new(Model::synthetic(Arc::new(Layout::new([]))));
            let command = if round % 2 == 0 { Command::PartialModel } else { Command::SwapModel };
            let it = Weights { command, round, contributors, samples: samples.into(), model };
            let encoded = super::weights(&book, source, &it, vec![0u8; weights].into()).encoded_len() as u64;
            prop_assert_eq!(sizes.payload(source, &Message::Weights(Arc::new(it))), encoded);
        }
    }
}
