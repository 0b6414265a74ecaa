//! What real P2PFL 0.4.4 peers said to each other (`tests/fixtures/wire/`): it is read as P2PFL reads it, and said again
//! byte for byte.

use bytes::Bytes;
use p2pfl_sim::learning::Values;
use p2pfl_sim::wire::decode::{self, Decoded};
use p2pfl_sim::wire::{AddressBook, Expected, Message, Names, encode, proto, weights};
use prost::Message as _;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;

/// A call, as `calls.json` describes it.
#[derive(Deserialize)]
struct Call {
    file: String,
    call: String,
    addr: Option<String>,
    cmd: Option<String>,
    source: Option<String>,
    round: Option<i32>,
    payload: Option<String>,
    ttl: Option<u32>,
    hash: Option<i64>,
    args: Option<Vec<String>>,
    contributors: Option<Vec<String>>,
    num_samples: Option<u32>,
    arrays: Option<Vec<Array>>,
}

#[derive(Deserialize)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Call {
    fn bytes(&self) -> Bytes {
        let path = folder().join(&self.file);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
    }

    /// What it says, and who its peers are.
    fn decoded(&self) -> (AddressBook, Arc<Names>, Decoded) {
        let names = Arc::new(Names::default());
        let book = AddressBook::Named(Arc::clone(&names));
        // The calls were made then.
        names.begin(1_790_000_000.0);
        let root = proto::RootMessage::decode(self.bytes()).expect("it is a RootMessage");
        names.number(&root.source).expect("it has a name");
        let decoded = decode::root(&book, &names, root, &Expected::any())
            .unwrap_or_else(|error| panic!("{}: {error}", self.file));
        (book, names, decoded)
    }
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "wire"].iter().collect()
}

fn calls() -> Vec<Call> {
    let text = std::fs::read_to_string(folder().join("calls.json")).expect("the fixtures are there");
    serde_json::from_str(&text).expect("they have the form that they had")
}

/// The calls that are `RootMessage`s.
fn messages() -> Vec<Call> {
    let messages: Vec<Call> = calls().into_iter().filter(|it| it.call == "send").collect();
    assert!(messages.len() >= 20, "there are {}", messages.len());
    messages
}

/// Whether two texts are the same, or numbers as near as times are kept here.
fn alike(ours: &str, theirs: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let near = |(ours, theirs): (f64, f64)| (ours - theirs).abs() < 1e-6;
    ours == theirs || number(ours).zip(number(theirs)).is_some_and(near)
}

#[test]
fn every_command_of_p2pfl_is_among_them() {
    let all = calls();
    let commands = [
        "beat",
        "start_learning",
        "stop_learning",
        "model_initialized",
        "vote_train_set",
        "models_aggregated",
        "models_ready",
        "metrics",
        "PRE_SEND_MODEL",
        "init_model",
        "partial_model",
        "add_model",
    ];
    for command in commands {
        assert!(all.iter().any(|it| it.cmd.as_deref() == Some(command)), "there is no {command}");
    }
    for call in all.iter().filter(|it| it.call != "send") {
        let request = proto::HandShakeRequest::decode(call.bytes()).expect("it is a HandShakeRequest");
        assert_eq!(Some(&request.addr), call.addr.as_ref());
        assert_eq!(request.encode_to_vec(), call.bytes());
    }
    for name in ["handshake", "disconnect"] {
        assert!(all.iter().any(|it| it.call == name), "there is no {name}");
    }
}

#[test]
fn messages_are_read_as_p2pfl_reads_them() {
    for call in messages() {
        let file = &call.file;
        let (_, names, Decoded { source, message }) = call.decoded();
        assert_eq!(Some(&*names.name(source)), call.source.as_deref(), "{file}");
        let known = |peers: &[u32]| peers.iter().map(|&it| names.name(it).to_string()).collect::<Vec<_>>();
        let payload = match &message {
            Message::Gossip(parcel) => {
                let [gossip] = &**parcel else { panic!("{file} has {} messages", parcel.len()) };
                assert_eq!((Some(gossip.ttl.left()), Some(gossip.hash)), (call.ttl, call.hash), "{file}");
                assert_eq!(Some(gossip.round), call.round, "{file}");
                assert_eq!(Some(gossip.body.command().name()), call.cmd.as_deref(), "{file}");
                "gossip_message"
            }
            Message::Announce(it) => {
                let args = call.args.as_deref().expect("it has arguments");
                assert_eq!((it.follows.name(), Some(it.round)), (args[0].as_str(), call.round), "{file}");
                if !it.contributors.is_empty() {
                    assert_eq!(known(&it.contributors), args[1..], "{file}");
                }
                "direct_message"
            }
            Message::Weights(it) => {
                assert_eq!((Some(it.command.name()), Some(it.round)), (call.cmd.as_deref(), call.round));
                // Nodes keep them sorted.
                let contributors = call.contributors.clone().expect("it has contributors");
                assert_eq!(sorted(known(&it.contributors)), sorted(contributors), "{file}");
                assert_eq!(Some(it.samples), call.num_samples, "{file}");
                holds(&it.model, call.arrays.as_deref().expect("it has arrays"), file);
                "weights"
            }
            other => panic!("{file} is {other:?}"),
        };
        assert_eq!(Some(payload), call.payload.as_deref(), "{file}");
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// Whether a model has these arrays.
fn holds(model: &p2pfl_sim::learning::Model, arrays: &[Array], file: &str) {
    let shapes: Vec<&[usize]> = arrays.iter().map(|it| it.shape.as_slice()).collect();
    let layout = model.layout();
    let ours: Vec<Vec<usize>> = layout.shapes().map(<[usize]>::to_vec).collect();
    assert_eq!(ours, shapes, "{file}");
    let values: Vec<f64> = match model.all() {
        Values::Single(values) => values.iter().copied().map(f64::from).collect(),
        Values::Double(values) => values.to_vec(),
    };
    let theirs: Vec<f64> = arrays.iter().flat_map(|it| it.values.iter().copied()).collect();
    assert_eq!(values, theirs, "{file}");
}

#[test]
fn messages_are_said_again_byte_for_byte() {
    for call in messages() {
        let file = &call.file;
        let (book, _names, Decoded { source, message }) = call.decoded();
        let mut again = match &message {
            Message::Gossip(parcel) => encode::gossip(&book, &parcel[0]),
            Message::Announce(it) => encode::announcement(&book, source, it),
            Message::Weights(it) => encode::weights(&book, source, it, weights::encode_model(&it.model)),
            other => panic!("{file} is {other:?}"),
        };
        // This program wraps no models, keeps times to the nanosecond and contributors sorted.
        let mut said = proto::RootMessage::decode(call.bytes()).expect("it is a RootMessage");
        use proto::root_message::PayloadType::{GossipMessage, Weights};
        match (again.payload_type.as_mut(), said.payload_type.as_mut()) {
            (Some(GossipMessage(ours)), Some(GossipMessage(theirs))) if said.cmd == "beat" => {
                assert!(alike(&ours.args[0], &theirs.args[0]), "{file}: {} {}", ours.args[0], theirs.args[0]);
                theirs.args.clone_from(&ours.args);
            }
            (Some(Weights(ours)), Some(Weights(theirs))) => {
                if file.contains("zlib") || file.contains("lzma") {
                    theirs.weights.clone_from(&ours.weights);
                }
                assert_eq!(sorted(ours.contributors.clone()), sorted(theirs.contributors.clone()), "{file}");
                theirs.contributors.clone_from(&ours.contributors);
            }
            _ => assert_eq!(said.encode_to_vec(), call.bytes(), "{file}: fields are in order"),
        }
        assert_eq!(again, said, "{file}");
        assert_eq!(again.encode_to_vec(), said.encode_to_vec(), "{file}");
    }
}
