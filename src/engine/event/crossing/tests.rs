//! All that crosses is written as bytes and read back. What is in it is taken apart field by field, so that nothing can be
//! added that this does not know: what could not be written fails to compile here.

use super::{Answer, Crossing, Envelope, Flags, Wants};
use crate::engine::event::core::Event;
use crate::learning::{Layout, Model, Precision, Tensor, Tensors, Values};
use crate::metrics::Phase;
use crate::time::Time;
use crate::wire::{
    Announcement, Argument, Command, Experiment, Gossip, GossipBody, Message, Own, Probe, Response, Ttl,
    Weights,
};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

/// Something that can be written as bytes and read back.
trait Coded: Sized {
    fn write(&self, to: &mut Vec<u8>);
    fn read(from: &mut &[u8]) -> Self;
}

macro_rules! number {
    ($($it:ty),+) => { $(
        impl Coded for $it {
            fn write(&self, to: &mut Vec<u8>) {
                to.extend(self.to_le_bytes());
            }

            fn read(from: &mut &[u8]) -> Self {
                let (bytes, rest) = from.split_first_chunk().expect("a number");
                *from = rest;
                Self::from_le_bytes(*bytes)
            }
        }
    )+ };
}

/// A struct: all of its fields, or it does not compile.
macro_rules! record {
    ($($it:ty { $($field:ident),+ })+) => { $(
        impl Coded for $it {
            fn write(&self, to: &mut Vec<u8>) {
                let Self { $($field),+ } = self;
                $( $field.write(to); )+
            }

            fn read(from: &mut &[u8]) -> Self {
                $( let $field = Coded::read(from); )+
                Self { $($field),+ }
            }
        }
    )+ };
}

/// An enum: all of its variants, or it does not compile. Each begins with its number.
macro_rules! choice {
    ($($it:ty { $($tag:literal = $variant:ident $(($field:ident))?),+ $(,)? })+) => { $(
        impl Coded for $it {
            fn write(&self, to: &mut Vec<u8>) {
                match self {
                    $( Self::$variant $(($field))? => {
                        to.push($tag);
                        $( $field.write(to); )?
                    } )+
                }
            }

            fn read(from: &mut &[u8]) -> Self {
                match u8::read(from) {
                    $( $tag => Self::$variant $(({ let $field = Coded::read(from); $field }))?, )+
                    other => panic!("no variant has the number {other}"),
                }
            }
        }
    )+ };
}

number!(u8, u16, u32, u64, i32, i64, f32, f64);

record! {
    Event<Crossing> { at, to, from, seq, body }
    Envelope { message, sent, request, incarnation, wants, flags }
    Answer { incarnation, request, response, command, sent, phase }
    Gossip { source, round, ttl, hash, body, size, hops, born }
    Experiment { rounds, epochs, trainset_size, name }
    Announcement { follows, round, contributors }
    Weights { command, round, contributors, samples, model }
    Probe { cell, size, due }
    Own { command, hops, round, args }
}

choice! {
    Crossing { 0 = Message(it), 1 = Response(it) }
    Wants { 0 = Nothing, 1 = Failure, 2 = Response }
    Phase { 0 = Setup, 1 = Learning }
    Message {
        0 = Handshake, 1 = Disconnect, 2 = Gossip(it), 3 = Announce(it), 4 = GetModel(it), 5 = Weights(it), 6 = Probe(it),
        7 = Own(it),
    }
    GossipBody {
        0 = Beat(it), 1 = StartLearning(it), 2 = StopLearning, 3 = ModelInitialized, 4 = Vote(it),
        5 = ModelsAggregated(it), 6 = ModelsReady, 7 = Metrics(it),
    }
    Response { 0 = Empty, 1 = Wanted(it), 2 = Error(it), 3 = Timeout, 4 = Unreachable }
    Argument { 0 = Number(it), 1 = Real(it), 2 = Peer(it) }
    Precision { 0 = Single, 1 = Double }
}

impl Coded for Flags {
    fn write(&self, to: &mut Vec<u8>) {
        self.0.write(to);
    }

    fn read(from: &mut &[u8]) -> Self {
        Self(u8::read(from))
    }
}

impl Coded for bool {
    fn write(&self, to: &mut Vec<u8>) {
        u8::from(*self).write(to);
    }

    fn read(from: &mut &[u8]) -> Self {
        u8::read(from) == 1
    }
}

impl Coded for usize {
    fn write(&self, to: &mut Vec<u8>) {
        (*self as u64).write(to);
    }

    fn read(from: &mut &[u8]) -> Self {
        u64::read(from) as usize
    }
}

impl Coded for Time {
    fn write(&self, to: &mut Vec<u8>) {
        self.as_nanos().write(to);
    }

    fn read(from: &mut &[u8]) -> Self {
        Self::from_nanos(u64::read(from))
    }
}

impl Coded for Command {
    fn write(&self, to: &mut Vec<u8>) {
        self.index().write(to);
    }

    fn read(from: &mut &[u8]) -> Self {
        let index = usize::read(from);
        Self::all().find(|it| it.index() == index).expect("a command")
    }
}

impl Coded for Ttl {
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Own(left) => left.write(to),
            Self::Shared(_) => panic!("where receivers share it, there is one shard"),
        }
    }

    fn read(from: &mut &[u8]) -> Self {
        Self::Own(u32::read(from))
    }
}

impl<T: Coded> Coded for Box<T> {
    fn write(&self, to: &mut Vec<u8>) {
        T::write(self, to);
    }

    fn read(from: &mut &[u8]) -> Self {
        Self::new(T::read(from))
    }
}

impl<T: Coded> Coded for Arc<T> {
    fn write(&self, to: &mut Vec<u8>) {
        T::write(self, to);
    }

    fn read(from: &mut &[u8]) -> Self {
        Self::new(T::read(from))
    }
}

impl<T: Coded> Coded for Option<T> {
    fn write(&self, to: &mut Vec<u8>) {
        self.is_some().write(to);
        self.iter().for_each(|it| it.write(to));
    }

    fn read(from: &mut &[u8]) -> Self {
        bool::read(from).then(|| T::read(from))
    }
}

fn write_all<T: Coded>(all: &[T], to: &mut Vec<u8>) {
    all.len().write(to);
    all.iter().for_each(|it| it.write(to));
}

impl<T: Coded> Coded for Vec<T> {
    fn write(&self, to: &mut Vec<u8>) {
        write_all(self, to);
    }

    fn read(from: &mut &[u8]) -> Self {
        (0..usize::read(from)).map(|_| T::read(from)).collect()
    }
}

impl<T: Coded> Coded for Arc<[T]> {
    fn write(&self, to: &mut Vec<u8>) {
        write_all(self, to);
    }

    fn read(from: &mut &[u8]) -> Self {
        Vec::read(from).into()
    }
}

impl<A: Coded, B: Coded> Coded for (A, B) {
    fn write(&self, to: &mut Vec<u8>) {
        self.0.write(to);
        self.1.write(to);
    }

    fn read(from: &mut &[u8]) -> Self {
        (A::read(from), B::read(from))
    }
}

impl Coded for String {
    fn write(&self, to: &mut Vec<u8>) {
        write_all(self.as_bytes(), to);
    }

    fn read(from: &mut &[u8]) -> Self {
        Self::from_utf8(Vec::read(from)).expect("a text")
    }
}

impl Coded for Arc<str> {
    fn write(&self, to: &mut Vec<u8>) {
        write_all(self.as_bytes(), to);
    }

    fn read(from: &mut &[u8]) -> Self {
        String::read(from).into()
    }
}

/// What metrics are called: of all there are, who reads has the names, too.
impl Coded for &'static str {
    fn write(&self, to: &mut Vec<u8>) {
        (*self).to_owned().write(to);
    }

    fn read(from: &mut &[u8]) -> Self {
        let name = String::read(from);
        ["test_loss", "test_metric"].into_iter().find(|it| *it == name).expect("the name of a metric")
    }
}

impl Coded for Layout {
    fn write(&self, to: &mut Vec<u8>) {
        self.shapes().map(<[usize]>::to_vec).collect::<Vec<_>>().write(to);
        self.precision().write(to);
        self.is_trained().write(to);
    }

    fn read(from: &mut &[u8]) -> Self {
        let layout = Self::new(Vec::<Vec<usize>>::read(from));
        let layout = match Precision::read(from) {
            Precision::Single => layout,
            Precision::Double => layout.in_double_precision(),
        };
        if bool::read(from) { layout } else { layout.untrained() }
    }
}

impl Coded for Model {
    fn write(&self, to: &mut Vec<u8>) {
        self.layout().write(to);
        self.is_synthetic().write(to);
        match self.all() {
            Values::Single(values) => write_all(values, to),
            Values::Double(values) => write_all(values, to),
        }
        self.info().cloned().write(to);
    }

    fn read(from: &mut &[u8]) -> Self {
        let layout = Arc::<Layout>::read(from);
        let synthetic = bool::read(from);
        let model = match layout.precision() {
            _ if synthetic => {
                assert_eq!(usize::read(from), 0, "a synthetic model has no values");
                Self::synthetic(layout)
            }
            Precision::Single => Self::new(layout, Vec::read(from)),
            Precision::Double => Self::double(layout, &Vec::read(from)),
        };
        match Option::read(from) {
            Some(info) => model.with_info(info),
            None => model,
        }
    }
}

impl Coded for Tensors {
    fn write(&self, to: &mut Vec<u8>) {
        self.iter().len().write(to);
        for (name, tensor) in self.iter() {
            name.to_owned().write(to);
            tensor.shape().to_vec().write(to);
            tensor.values().to_vec().write(to);
            tensor.precision().write(to);
        }
    }

    fn read(from: &mut &[u8]) -> Self {
        (0..usize::read(from)).fold(Self::default(), |all, _| {
            let (name, (shape, values)) = <(String, (Vec<usize>, Vec<f64>))>::read(from);
            all.with(&name, Tensor::new(&shape, &values, Precision::read(from)))
        })
    }
}

fn bytes(it: &impl Coded) -> Vec<u8> {
    let mut bytes = Vec::new();
    it.write(&mut bytes);
    bytes
}

/// What is read is what was written: it looks the same, and to the bit its bytes are.
fn comes_back<T: Coded + Debug>(it: &T) {
    let written = bytes(it);
    let mut rest = &written[..];
    let read = T::read(&mut rest);
    assert!(rest.is_empty(), "{it:?}: {} bytes are left", rest.len());
    assert_eq!(format!("{read:?}"), format!("{it:?}"));
    assert_eq!(bytes(&read), written, "{it:?}");
}

/// Fails unless there is one of each variant.
fn there_are<T: Coded>(all: &[T], variants: usize) {
    let tags: BTreeSet<u8> = all.iter().map(|it| bytes(it)[0]).collect();
    assert_eq!(tags.len(), variants);
}

fn models() -> Vec<Arc<Model>> {
    let layout = || Layout::new([vec![2, 2], vec![]]);
    let single =
        Model::new(layout().into(), vec![1.5, -0.0, f32::NAN, f32::MIN_POSITIVE / 2.0, f32::INFINITY]);
    let double = Arc::new(layout().in_double_precision().untrained());
    let info = Tensors::default()
        .with("control", Tensor::new(&[2, 1], &[0.1, -7.0], Precision::Single))
        .with("weight", Tensor::scalar(0.1));
    vec![
        single.clone().with_info(Arc::new(info)).into(),
        single.into(),
        Model::double(double, &[1.0, 0.1, -0.0, f64::NAN, f64::MAX]).into(),
        Model::double(Arc::new(Layout::new([vec![2]]).in_double_precision()), &[0.3, 1e-300]).into(),
        Model::synthetic(Layout::new([vec![1_000, 1_000]]).into()).into(),
    ]
}

fn said() -> Vec<GossipBody> {
    let experiment =
        Experiment { rounds: 3, epochs: 2, trainset_size: 4, name: "a name with an ä".to_owned() };
    vec![
        GossipBody::Beat(Time::from_nanos(17)),
        GossipBody::StartLearning(experiment.into()),
        GossipBody::StopLearning,
        GossipBody::ModelInitialized,
        GossipBody::Vote([(3, 90), (u32::MAX, 0)].into()),
        GossipBody::ModelsAggregated([0, 5, 9].into()),
        GossipBody::ModelsReady,
        GossipBody::Metrics([("test_loss", f64::NAN), ("test_metric", -0.0)].into()),
    ]
}

fn messages() -> Vec<Message> {
    let gossip = |body| Gossip {
        source: 7,
        round: -1,
        ttl: Ttl::Own(10),
        hash: i64::MIN,
        body,
        size: 80,
        hops: 3,
        born: Time::from_nanos(5),
    };
    let named = Announcement { follows: Command::AddModel, round: 2, contributors: [1, 2, 3].into() };
    let own = |args: &[Argument]| Own {
        command: Command::all().last().expect("a workflow declares messages"),
        hops: 2,
        round: 9,
        args: (!args.is_empty()).then(|| args.to_vec().into()),
    };
    let weights = |model| Weights {
        command: Command::PartialModel,
        round: i32::MAX,
        contributors: [0, 4].into(),
        samples: 100,
        model,
    };
    let mut all = vec![
        Message::Handshake,
        Message::Disconnect,
        Message::Gossip(said().into_iter().map(gossip).collect()),
        Message::Announce(named.clone()),
        Message::GetModel(named.into()),
        Message::Probe(Probe { cell: 4, size: 1 << 20, due: Time::NEVER }),
        Message::Own(own(&[])),
        Message::Own(own(&[Argument::Number(i64::MIN), Argument::Real(0.1), Argument::Peer(8)])),
    ];
    all.extend(models().into_iter().map(|it| Message::Weights(weights(it).into())));
    all
}

fn responses() -> Vec<Response> {
    vec![
        Response::Empty,
        Response::Wanted(true),
        Response::Error("a refusal".into()),
        Response::Timeout,
        Response::Unreachable,
    ]
}

#[test]
fn all_that_crosses_can_be_written_and_read_back() {
    let mut flags = Flags::new(Phase::Learning, true);
    flags.went_through();
    flags.opened();
    let mut all: Vec<Crossing> = Vec::new();
    for (message, wants) in
        messages().into_iter().zip([Wants::Nothing, Wants::Failure, Wants::Response].iter().cycle())
    {
        let sent = Time::from_nanos(u64::MAX - 1);
        let (request, incarnation, wants) = (u32::MAX, 2, *wants);
        all.push(Crossing::Message(Envelope { message, sent, request, incarnation, wants, flags }));
    }
    for (response, command) in responses().into_iter().zip(Command::all()) {
        let (sent, phase) = (Time::from_nanos(8), Phase::Setup);
        all.push(Crossing::Response(Box::new(Answer {
            incarnation: u16::MAX,
            request: 6,
            response,
            command,
            sent,
            phase,
        })));
    }
    there_are(&all, 2);
    there_are(&messages(), 8);
    there_are(&said(), 8);
    there_are(&responses(), 5);
    for (body, seq) in all.into_iter().zip(0..) {
        comes_back(&Event { at: Time::from_nanos(1 << 40), to: 3, from: u32::MAX, seq, body });
    }
    Command::all().for_each(|it| comes_back(&it));
}

/// What crosses is whole: nothing in it belongs to a shard.
#[test]
fn what_crosses_borrows_nothing() {
    fn holds<T: Send + Sync + 'static>() {}
    holds::<Event<Crossing>>();
}
