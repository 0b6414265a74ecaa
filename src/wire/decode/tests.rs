use super::super::weights;
use super::super::{encode, own};
use super::*;
use crate::learning::{Layout, Model};
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;

const PEERS: u32 = 60;

/// A book of addresses, in an order that is not that of their text.
fn book() -> (AddressBook, Arc<Names>) {
    let names = Arc::new(Names::default());
    for peer in 0..PEERS {
        names.number(&format!("127.0.0.1:{}", 50_000 - 701 * peer)).unwrap();
    }
    (AddressBook::Named(Arc::clone(&names)), names)
}

fn layout() -> Arc<Layout> {
    Arc::new(Layout::new([vec![2, 3], vec![3], vec![]]))
}

fn read(message: proto::RootMessage) -> Result<Decoded, DecodeError> {
    let (book, names) = book();
    names.number(&message.source);
    root(&book, &names, message, &Expected::layout(layout()))
}

fn gossip(cmd: &str, args: &[&str]) -> proto::RootMessage {
    let args = args.iter().map(|&it| it.to_owned()).collect();
    proto::RootMessage {
        source: "10.0.0.1:1".into(),
        round: Some(-1),
        cmd: cmd.into(),
        payload_type: Some(PayloadType::GossipMessage(proto::GossipMessage { ttl: 3, hash: 5, args })),
    }
}

fn direct(cmd: &str, args: &[&str]) -> proto::RootMessage {
    let args = args.iter().map(|&it| it.to_owned()).collect();
    let payload_type = Some(PayloadType::DirectMessage(proto::DirectMessage { args }));
    proto::RootMessage { payload_type, ..gossip(cmd, &[]) }
}

fn fault(message: proto::RootMessage) -> String {
    read(message).unwrap_err().to_string()
}

fn body(message: proto::RootMessage) -> GossipBody {
    match read(message).unwrap().message {
        Message::Gossip(parcel) => parcel[0].body.clone(),
        other => panic!("{other:?}"),
    }
}

fn peers() -> impl Strategy<Value = Vec<PeerId>> {
    prop::sample::subsequence((0..PEERS).collect::<Vec<_>>(), 0..20).prop_shuffle()
}

fn bodies() -> impl Strategy<Value = GossipBody> {
    let metric = (prop::sample::select(&METRICS[..]), any::<f64>());
    prop_oneof![
        // Times that a float of seconds since 1970 holds exactly.
        any::<u32>().prop_map(|at| GossipBody::Beat(Time::from_nanos(u64::from(at) * 250_000_000))),
        (0..1000u32, 0..20u32, 0..50u32, "\\PC{0,50}").prop_map(|(rounds, epochs, trainset_size, name)| {
            GossipBody::StartLearning(Arc::new(Experiment { rounds, epochs, trainset_size, name }))
        }),
        Just(GossipBody::StopLearning),
        Just(GossipBody::ModelInitialized),
        Just(GossipBody::ModelsReady),
        (peers(), any::<u32>())
            .prop_map(|(peers, weight)| GossipBody::Vote(peers.iter().map(|&peer| (peer, weight)).collect())),
        peers().prop_map(|it| GossipBody::ModelsAggregated(it.into())),
        prop::collection::vec(metric, 0..4).prop_map(|it| GossipBody::Metrics(it.into())),
    ]
}

/// Messages with any command and payload, and arguments that could be right.
fn anything() -> impl Strategy<Value = proto::RootMessage> {
    let text = || {
        prop_oneof![
            any::<String>(),
            prop::sample::select(&["", "0", "-1", "7", "1e9", "nan", "inf", "init_model", "99999999999"][..])
                .prop_map(str::to_owned),
        ]
    };
    let cmd = prop_oneof![
        prop::sample::select(Command::all().collect::<Vec<_>>()).prop_map(|it| it.name().to_owned()),
        any::<String>()
    ];
    let args = || prop::collection::vec(text(), 0..8);
    let payload = prop_oneof![
        (any::<i32>(), any::<i64>(), args()).prop_map(|(ttl, hash, args)| {
            PayloadType::GossipMessage(proto::GossipMessage { ttl, hash, args })
        }),
        args().prop_map(|args| PayloadType::DirectMessage(proto::DirectMessage { args })),
        (prop::collection::vec(any::<u8>(), 0..100), args(), any::<i32>()).prop_map(
            |(weights, contributors, num_samples)| {
                let weights = weights.into();
                PayloadType::Weights(proto::Weights { weights, contributors, num_samples })
            }
        ),
    ];
    (text(), any::<Option<i32>>(), cmd, prop::option::of(payload)).prop_map(
        |(source, round, cmd, payload_type)| proto::RootMessage { source, round, cmd, payload_type },
    )
}

proptest! {
    #[test]
    fn gossip_is_read_as_it_was_written(
        source in 0..PEERS, round in -1..300i32, ttl in 0..300u32, hash: i64, body in bodies(),
    ) {
        let (book, names) = book();
        let size = Sizes::new(book.clone(), 0).gossip(source, round, hash, &body);
        let said = Gossip { source, round, ttl: Ttl::Own(ttl), hash, body, size, hops: 0, born: Time::ZERO };
        let read = root(&book, &names, encode::gossip(&book, &said), &Expected::any()).unwrap();
        prop_assert_eq!(read.source, source);
        prop_assert_eq!(format!("{:?}", read.message), format!("{:?}", Message::Gossip(Arc::from([said]))));
    }

    #[test]
    fn what_one_peer_tells_another_is_read_as_it_was_written(
        from in 0..PEERS, round in -1..300i32, contributors in peers(), samples in 0..i32::MAX as u32,
        command in prop::sample::select(&[Command::InitModel, Command::PartialModel, Command::AddModel][..]),
        values in prop::collection::vec(any::<f32>(), 10),
    ) {
        let (book, names) = book();
        let expected = Expected::layout(layout());
        let read = |message| root(&book, &names, message, &expected).unwrap();

        let it = Announcement { follows: command, round, contributors: contributors.clone().into() };
        let announced = read(encode::announcement(&book, from, &it));
        prop_assert_eq!(announced.source, from);
        prop_assert_eq!(format!("{:?}", announced.message), format!("{:?}", Message::Announce(it.clone())));
        let asked = read(encode::get_model(&book, from, &it)).message;
        prop_assert!(matches!(&asked, Message::GetModel(read) if **read == it), "{asked:?}");

        let mut contributors = contributors;
        contributors.sort_unstable();
        let model = Arc::new(Model::new(layout(), values));
        let command = if round % 2 == 0 { command } else { Command::SwapModel };
        let it = Weights { command, round, contributors: contributors.into(), samples, model };
        let sent = read(encode::weights(&book, from, &it, weights::encode_model(&it.model)));
        let Message::Weights(sent) = sent.message else { panic!("it is a model") };
        prop_assert_eq!(sent.model.digest(), it.model.digest());
        prop_assert_eq!(
            (sent.command, sent.round, &sent.contributors, sent.samples),
            (it.command, it.round, &it.contributors, it.samples)
        );

        for it in own::samples(round, &(i64::from(samples) - 7, f64::from(round) / 3.0, 1)) {
            let declared = it.declared().unwrap();
            let sent = root(&book, &names, encode::own(&book, from, &it), &Expected::any());
            if it.args().len() == declared.args.len() {
                let sent = sent.unwrap().message;
                prop_assert_eq!(sent.own(), Some(&it));
            } else {
                prop_assert!(matches!(sent, Err(DecodeError::Arguments { .. })), "{:?}", it);
            }
        }
    }

    #[test]
    fn whatever_comes_is_read_or_refused_and_what_is_read_can_be_passed_on(message in anything()) {
        let (book, names) = book();
        if let Ok(decoded) = root(&book, &names, message, &Expected::any())
            && let Message::Gossip(parcel) = decoded.message
        {
            let passed_on = encode::gossip(&book, &parcel[0]);
            let sizes = Sizes::new(book.clone(), 0);
            prop_assert_eq!(sizes.gossip_payload(&parcel[0]), passed_on.encoded_len() as u64);
            // It is the same for the next one; a beat, to the last nanosecond, may be a float's rounding away.
            let again = root(&book, &names, passed_on, &Expected::any());
            prop_assert!(again.is_ok());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = proto::RootMessage::decode(&bytes[..]) {
            let _ = read(message);
        }
    }
}

#[test]
fn what_is_wrong_is_said_as_p2pfl_says_it() {
    assert_eq!(fault(gossip("dance", &[])), "Unknown command: dance");
    assert_eq!(fault(gossip("handshake", &[])), "Unknown command: handshake");
    let empty = proto::RootMessage { payload_type: None, ..gossip("beat", &[]) };
    assert_eq!(fault(empty), "Error while processing command: beat: No message or weights.");
    let model =
        proto::Weights { weights: Bytes::from_static(b"?"), contributors: Vec::new(), num_samples: 1 };
    let model =
        proto::RootMessage { payload_type: Some(PayloadType::Weights(model)), ..gossip("init_model", &[]) };
    insta::assert_snapshot!(fault(model), @"Error while processing command: init_model. DecodingParamsError: byte 0 of the pickle: opcode 0x3f has no place in a model");
    insta::assert_snapshot!(fault(gossip("vote_train_set", &["a:1", "many"])), @"Error while processing command: vote_train_set. ValueError: many is no number that fits");
    insta::assert_snapshot!(fault(direct("beat", &["1.5"])), @"Error while processing command: beat. TypeError: it does not come as a direct message");
    insta::assert_snapshot!(fault(gossip("PRE_SEND_MODEL", &["init_model", "0"])), @"Error while processing command: PRE_SEND_MODEL. TypeError: it does not come as gossip");
    insta::assert_snapshot!(fault(direct("PRE_SEND_MODEL", &["beat", "0"])), @"Error while processing command: PRE_SEND_MODEL. ValueError: beat sends no model");
    insta::assert_snapshot!(fault(direct("PRE_SEND_MODEL", &["init_model"])), @"Error while processing command: PRE_SEND_MODEL. ValueError: it does not say whose model follows");
    insta::assert_snapshot!(fault(direct("get_model", &["swap_model", "0"])), @"Error while processing command: get_model. ValueError: swap_model sends no model");
    insta::assert_snapshot!(fault(direct("swap_model", &["0"])), @"Error while processing command: swap_model. TypeError: it does not come as a direct message");
    insta::assert_snapshot!(fault(gossip("vote_train_set", &["a:1", "1", "b:1"])), @"Error while processing command: vote_train_set. ValueError: a candidate without a weight");
    insta::assert_snapshot!(fault(gossip("vote_train_set", &["a:1", "1", "a:1", "2"])), @"Error while processing command: vote_train_set. ValueError: a:1 is named twice");
    insta::assert_snapshot!(fault(gossip("start_learning", &["1", "2", "3"])), @"Error while processing command: start_learning. ValueError: it takes rounds, epochs, trainset_size and a name");
    insta::assert_snapshot!(fault(gossip("metrics", &["test_loss"])), @"Error while processing command: metrics. ValueError: a measure without a value");
}

#[test]
fn long_foreign_text_is_not_repeated_in_full() {
    assert!(fault(gossip(&"ä".repeat(1_000_000), &[])).len() < 1_000);
    assert!(fault(gossip("beat", &[&"x".repeat(1_000_000)])).len() < 1_000);
}

#[test]
fn a_time_to_live_below_zero_goes_no_further() {
    for (ttl, left) in [(-5, 0), (0, 0), (i32::MAX, i32::MAX as u32)] {
        let mut message = gossip("model_initialized", &[]);
        let Some(PayloadType::GossipMessage(it)) = &mut message.payload_type else { unreachable!() };
        it.ttl = ttl;
        let Message::Gossip(parcel) = read(message).unwrap().message else { panic!("it is gossip") };
        assert_eq!(parcel[0].ttl.left(), left);
    }
}

#[test]
fn a_message_without_a_round_has_none() {
    let message = proto::RootMessage { round: None, ..gossip("models_ready", &[]) };
    let Message::Gossip(parcel) = read(message).unwrap().message else { panic!("it is gossip") };
    assert_eq!(parcel[0].round, NO_ROUND);
}

#[test]
fn numbers_beyond_what_makes_sense_are_the_largest_that_does() {
    let GossipBody::Vote(votes) = body(gossip("vote_train_set", &["a:1", "99999999999", "b:1", " 7 "]))
    else {
        panic!("it is a vote")
    };
    assert_eq!(votes.iter().map(|it| it.1).collect::<Vec<_>>(), [u32::MAX, 7]);
    let GossipBody::StartLearning(it) = body(gossip("start_learning", &["99999999999", "0", "4", "x"]))
    else {
        panic!("it is an experiment")
    };
    assert_eq!((it.rounds, it.epochs, it.trainset_size), (i32::MAX as u32, 0, 4));
    assert!(fault(gossip("start_learning", &["-1", "1", "1", "x"])).contains("ValueError"));
}

#[test]
fn a_beat_is_as_exact_as_the_text_of_a_python_float() {
    let (book, names) = book();
    names.begin(1_800_000_000.25);
    names.number("10.0.0.1:1").unwrap();
    let beat = gossip("beat", &["1800000002.7654321"]);
    let Message::Gossip(parcel) = root(&book, &names, beat, &Expected::any()).unwrap().message else {
        panic!("it is gossip")
    };
    let GossipBody::Beat(at) = parcel[0].body else { panic!("it is a beat") };
    assert!((at.as_secs_f64() - 2.515_432_1).abs() < 1e-6, "{at:?}");
}

#[test]
fn only_known_measures_are_kept() {
    let GossipBody::Metrics(kept) = body(gossip("metrics", &["x", "1.5", "test_loss", "nan"])) else {
        panic!("it is a measure")
    };
    assert_eq!(kept.len(), 1);
    assert!(kept[0].0 == "test_loss" && kept[0].1.is_nan());
}

#[test]
fn who_is_not_known_says_nothing_and_whom_a_message_mentions_is_not_known_for_that() {
    let (book, names) = book();
    let of = |message| root(&book, &names, message, &Expected::any());
    assert_eq!(
        of(gossip("models_ready", &[])).unwrap_err(),
        DecodeError::Unheard("10.0.0.1:1".into()),
        "nobody has entered it"
    );
    names.number("10.0.0.1:1").unwrap();
    let before = names.len();
    let mentioned: Vec<String> = (0..=MAX_UNHEARD).map(|port| format!("10.0.0.2:{port}")).collect();
    let mentioned: Vec<&str> = mentioned.iter().map(String::as_str).collect();
    let Message::Gossip(parcel) = of(gossip("models_aggregated", &mentioned[1..])).unwrap().message else {
        panic!("it is gossip")
    };
    assert_eq!(names.len(), before);
    let passed_on = encode::gossip(&book, &parcel[0]);
    assert_eq!(passed_on, gossip("models_aggregated", &mentioned[1..]), "as it was said");
    let fault = of(gossip("models_aggregated", &mentioned)).unwrap_err().to_string();
    assert!(fault.contains("more than 256 peers that are not known"), "{fault}");
}

#[test]
fn names_and_arguments_are_bounded() {
    let many: Vec<String> = (0..=MAX_ARGS).map(|it| it.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(fault(gossip("models_aggregated", &many)).contains("more than 100000"));
    for source in ["", &"x".repeat(301)] {
        let message = proto::RootMessage { source: source.to_owned(), ..gossip("models_ready", &[]) };
        assert!(fault(message).contains("is not known here"));
    }
    assert!(fault(gossip("models_aggregated", &[&"x".repeat(301)])).contains("to be an address"));
    assert!(
        fault(gossip("start_learning", &["1", "1", "1", &"x".repeat(MAX_EXPERIMENT + 1)])).contains("name")
    );
}

#[test]
fn a_model_with_less_than_no_samples_or_a_contributor_twice_is_refused() {
    let model = weights::encode_model(&Model::new(layout(), vec![0.0; 10]));
    let message = |contributors: &[&str], num_samples| {
        let contributors = contributors.iter().map(|&it| it.to_owned()).collect();
        let it = proto::Weights { weights: model.clone(), contributors, num_samples };
        proto::RootMessage { payload_type: Some(PayloadType::Weights(it)), ..gossip("partial_model", &[]) }
    };
    assert!(read(message(&["a:1", "b:1"], 3)).is_ok());
    assert!(fault(message(&["a:1", "b:1"], -1)).contains("num_samples is -1"));
    assert!(fault(message(&["a:1", "a:1"], 3)).contains("a:1 is named twice"));
}
