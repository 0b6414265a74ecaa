//! Messages written as protobuf and read back, by kind; models of a megabyte among them.

use p2pfl_sim::learning::{Layout, Model};
use p2pfl_sim::time::Time;
use p2pfl_sim::wire::{
    AddressBook, Announcement, Command, Expected, Experiment, Gossip, GossipBody, Message, NO_ROUND, Names,
    Ttl, Weights, decode, encode, proto, weights,
};
use prost::Message as _;
use std::sync::Arc;

/// How often a message is written or read; a model is only once.
pub const MESSAGES: usize = 64;
/// Values of the model: 1 MB.
pub const VALUES: usize = 250_000;

/// Messages about to be written.
pub struct Encoding {
    book: AddressBook,
    message: Message,
    times: usize,
    written: Vec<Vec<u8>>,
}

impl Encoding {
    /// Of a command.
    pub fn new(command: Command) -> Self {
        let times = if matches!(command, Command::PartialModel) { 1 } else { MESSAGES };
        Self {
            book: AddressBook::numbered(100),
            message: message(command),
            times,
            written: Vec::with_capacity(times),
        }
    }

    /// Writes them.
    pub fn run(mut self) -> Self {
        for _ in 0..self.times {
            let root = match &self.message {
                Message::Gossip(parcel) => encode::gossip(&self.book, &parcel[0]),
                Message::Announce(it) => encode::announcement(&self.book, 1, it),
                Message::Weights(it) => encode::weights(&self.book, 1, it, weights::encode_model(&it.model)),
                other => panic!("{other:?} is no message that is measured"),
            };
            self.written.push(root.encode_to_vec());
        }
        self
    }
}

/// Messages about to be read.
pub struct Decoding {
    book: AddressBook,
    names: Names,
    expected: Expected,
    bytes: Vec<u8>,
    times: usize,
    read: Vec<decode::Decoded>,
}

impl Decoding {
    /// Of a command.
    pub fn new(command: Command) -> Self {
        let mut encoding = Encoding::new(command).run();
        let bytes = encoding.written.pop().expect("it was written");
        let names = Names::default();
        let root = proto::RootMessage::decode(&*bytes).expect("it is protobuf");
        names.number(&root.source).expect("it has a name");
        Self {
            book: encoding.book,
            names,
            expected: Expected::any(),
            bytes,
            times: encoding.times,
            read: Vec::with_capacity(encoding.times),
        }
    }

    /// Reads them.
    pub fn run(mut self) -> Self {
        for _ in 0..self.times {
            let root = proto::RootMessage::decode(&*self.bytes).expect("it is protobuf");
            let decoded = decode::root(&self.book, &self.names, root, &self.expected);
            self.read.push(decoded.expect("it is a message"));
        }
        self
    }
}

fn message(command: Command) -> Message {
    let body = match command {
        Command::Beat => GossipBody::Beat(Time::ZERO),
        Command::StartLearning => GossipBody::StartLearning(Arc::new(Experiment {
            rounds: 10,
            epochs: 1,
            trainset_size: 4,
            name: "experiment".into(),
        })),
        Command::VoteTrainSet => GossipBody::Vote([(1, 900), (2, 500), (3, 100), (4, 50)].into()),
        Command::ModelsAggregated => GossipBody::ModelsAggregated([1, 2, 3, 4].into()),
        Command::ModelsReady => GossipBody::ModelsReady,
        Command::Metrics => GossipBody::Metrics([("test_acc", 0.5), ("loss", 1.0)].into()),
        Command::PreSendModel => {
            let follows = Command::PartialModel;
            return Message::Announce(Announcement { follows, round: 3, contributors: [1, 2, 3].into() });
        }
        Command::PartialModel => {
            let values = (0..VALUES).map(|value| value as f32).collect();
            let model = Arc::new(Model::new(Arc::new(Layout::new([vec![VALUES]])), values));
            let contributors = [1, 2, 3].into();
            return Message::Weights(Arc::new(Weights {
                command,
                round: 3,
                contributors,
                samples: 30,
                model,
            }));
        }
        other => panic!("{other:?} is no message that is measured"),
    };
    let round = if command == Command::Beat { NO_ROUND } else { 3 };
    let (ttl, born) = (Ttl::Own(10), Time::ZERO);
    Message::Gossip(
        [Gossip { source: 1, round, ttl, hash: 0x1234_5678, body, size: 0, hops: 0, born }].into(),
    )
}
