//! From the generated protobuf types to messages: the inverse of `encode`, for what others send.
//!
//! Nothing is trusted: every number is checked, every list bounded. What is wrong with a message is said as P2PFL says
//! it, so that the text can be the reply.

use super::address::{AddressBook, PeerId};
use super::command::Command;
use super::expected::Expected;
use super::message::{Announcement, Experiment, Gossip, GossipBody, Message, NO_ROUND, Probe, Ttl, Weights};
use super::names::Names;
use super::own::{Argument, ArgumentKind, Own};
use super::proto;
use super::proto::root_message::PayloadType;
use super::size::Sizes;
use super::unpickle::{self, ModelError};
use crate::time::Time;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A message has no more arguments or contributors than this: a vote of 50,000 candidates.
pub const MAX_ARGS: usize = 100_000;

/// A message does not mention more peers of whom nothing was ever heard: those that it has reason to mention have beaten.
pub const MAX_UNHEARD: usize = 256;

/// An experiment's name has no more bytes.
pub const MAX_EXPERIMENT: usize = 10_000;

/// What measures are called that are passed on: those of this program, of P2PFL's learners, and of the scenarios that
/// its users share. Others are dropped, as nodes do nothing with them.
const METRICS: [&str; 8] = [
    "test_loss",
    "test_metric",
    "test_acc",
    "test_accuracy",
    "loss",
    "accuracy",
    "compile_metrics",
    "sparse_categorical_accuracy",
];

/// What a peer said.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Who said it first.
    pub source: PeerId,
    /// What it said. Gossip comes as a parcel of one, with `hops` 0 and `born` at the beginning of the run: who keeps
    /// count of them fills them in.
    pub message: Message,
}

/// What was wrong with a message. The texts are those of P2PFL's replies where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No such command.
    #[error("Unknown command: {0}")]
    Unknown(String),
    /// Somebody who is not known.
    #[error("{0} is not known here: who is has shaken hands, or beats")]
    Unheard(String),
    /// A command without a payload.
    #[error("Error while processing command: {0}: No message or weights.")]
    NoPayload(Command),
    /// A command whose arguments are wrong.
    #[error("Error while processing command: {command}. {fault}")]
    Arguments {
        /// The command.
        command: Command,
        /// `<Type>: <text>`, with the type that Python would give it.
        fault: String,
    },
    /// A model that cannot be used.
    #[error("Error while processing command: {command}. {}: {fault}", .fault.exception())]
    Model {
        /// The command.
        command: Command,
        /// What is wrong with it.
        fault: ModelError,
    },
}

/// Reads a message. `names` turns addresses into numbers, and `model` is what models have to look like. Who says it has to be
/// entered among the names; whom it mentions is not entered for that.
///
/// Amounts and weights of votes that are out of bounds are taken as the largest. A time to live below zero is zero: such
/// a message goes no further.
///
/// # Errors
/// If who says it is not known, the command is unknown, its payload missing, of the wrong kind or malformed, if there are more
/// than [`MAX_ARGS`] arguments or [`MAX_UNHEARD`] names that were never heard, or a model is not as expected.
pub fn root(
    book: &AddressBook,
    names: &Names,
    root: proto::RootMessage,
    model: &Expected,
) -> Result<Decoded, DecodeError> {
    let Some(command) = command(&root.cmd) else {
        return Err(DecodeError::Unknown(shown(&root.cmd)));
    };
    let payload = root.payload_type.ok_or(DecodeError::NoPayload(command))?;
    let from = Reader { book, names, command, round: root.round.unwrap_or(NO_ROUND) };
    let args = match &payload {
        PayloadType::GossipMessage(it) => it.args.len(),
        PayloadType::DirectMessage(it) => it.args.len(),
        PayloadType::Weights(it) => it.contributors.len(),
    };
    if args > MAX_ARGS {
        return Err(from.wrong(format_args!("{args} arguments, which is more than {MAX_ARGS}")));
    }
    let source = names.find(&root.source).ok_or_else(|| DecodeError::Unheard(shown(&root.source)))?;
    let message = match payload {
        PayloadType::GossipMessage(it) => Message::Gossip(Arc::from([from.gossip(source, it)?])),
        PayloadType::DirectMessage(it) => from.direct(it)?,
        PayloadType::Weights(it) if command == Command::Probe => {
            let size = u32::try_from(it.weights.len()).unwrap_or(u32::MAX);
            Message::Probe(Probe { cell: from.round.max(NO_ROUND), size, due: Time::ZERO })
        }
        PayloadType::Weights(it) => Message::Weights(Arc::new(from.weights(it, model)?)),
    };
    Ok(Decoded { source, message })
}

/// The command of a `RootMessage`. `handshake` and `disconnect` are calls, and no commands.
fn command(name: &str) -> Option<Command> {
    Command::named(name).filter(|it| !matches!(it, Command::Handshake | Command::Disconnect))
}

/// A message that is being read.
struct Reader<'a> {
    book: &'a AddressBook,
    names: &'a Names,
    command: Command,
    round: i32,
}

impl Reader<'_> {
    fn gossip(&self, source: PeerId, it: proto::GossipMessage) -> Result<Gossip, DecodeError> {
        let (round, hash, body) = (self.round, it.hash, self.body(it.args)?);
        // What is passed on is encoded anew, and may be shorter than what came.
        let size = Sizes::new(self.book.clone(), 0).gossip(source, round, hash, &body);
        let ttl = Ttl::Own(u32::try_from(it.ttl).unwrap_or(0));
        Ok(Gossip { source, round, ttl, hash, body, size, hops: 0, born: Time::ZERO })
    }

    fn body(&self, args: Vec<String>) -> Result<GossipBody, DecodeError> {
        Ok(match self.command {
            Command::Beat => match args.as_slice() {
                [at] => GossipBody::Beat(self.book.time_at(self.number(at)?)),
                _ => return Err(self.wrong("a beat says what time it is, and nothing else")),
            },
            Command::StartLearning => match args.as_slice() {
                [rounds, epochs, trainset_size, name] => {
                    if name.len() > MAX_EXPERIMENT {
                        return Err(self.wrong("the experiment's name is too long"));
                    }
                    GossipBody::StartLearning(Arc::new(Experiment {
                        rounds: self.amount(rounds)?,
                        epochs: self.amount(epochs)?,
                        trainset_size: self.amount(trainset_size)?,
                        name: name.clone(),
                    }))
                }
                _ => return Err(self.wrong("it takes rounds, epochs, trainset_size and a name")),
            },
            Command::StopLearning => GossipBody::StopLearning,
            Command::ModelInitialized => GossipBody::ModelInitialized,
            Command::ModelsReady => GossipBody::ModelsReady,
            Command::VoteTrainSet => GossipBody::Vote(self.votes(&args)?),
            Command::ModelsAggregated => GossipBody::ModelsAggregated(self.peers(&args)?.into()),
            Command::Metrics => GossipBody::Metrics(self.metrics(&args)?),
            _ => return Err(self.kind("gossip")),
        })
    }

    fn direct(&self, it: proto::DirectMessage) -> Result<Message, DecodeError> {
        Ok(match self.command {
            Command::PreSendModel => Message::Announce(self.announcement(&it.args)?),
            Command::GetModel => Message::GetModel(Arc::new(self.announcement(&it.args)?)),
            Command::Own(_) => Message::Own(self.own(&it.args)?),
            _ => return Err(self.kind("a direct message")),
        })
    }

    fn own(&self, args: &[String]) -> Result<Own, DecodeError> {
        let mut own = Own { command: self.command, hops: 0, round: self.round, args: None };
        let kinds = own.declared().map_or(&[][..], |it| it.args);
        if args.len() != kinds.len() {
            return Err(self.wrong(format_args!("it takes {} arguments, not {}", kinds.len(), args.len())));
        }
        let argument = |(kind, arg): (&ArgumentKind, &String)| match kind {
            ArgumentKind::Number => self.number(arg).map(Argument::Number),
            ArgumentKind::Real => self.number(arg).map(Argument::Real),
            ArgumentKind::Peer => self.distinct(std::iter::once(arg)).map(|it| Argument::Peer(it[0])),
        };
        if !kinds.is_empty() {
            own.args = Some(Arc::new(kinds.iter().zip(args).map(argument).collect::<Result<_, _>>()?));
        }
        Ok(own)
    }

    fn announcement(&self, args: &[String]) -> Result<Announcement, DecodeError> {
        let [follows, hashes @ ..] = args else {
            return Err(self.wrong("it does not say which model follows"));
        };
        let follows = match command(follows) {
            Some(it @ (Command::InitModel | Command::PartialModel | Command::AddModel)) => it,
            _ => return Err(self.wrong(format_args!("{} sends no model", shown(follows)))),
        };
        // Where nobody contributed, the round stands for the model.
        let contributors = match hashes {
            [] => return Err(self.wrong("it does not say whose model follows")),
            [round] if *round == self.round.to_string() => Vec::new(),
            hashes => self.peers(hashes)?,
        };
        Ok(Announcement { follows, round: self.round, contributors: contributors.into() })
    }

    fn weights(&self, it: proto::Weights, model: &Expected) -> Result<Weights, DecodeError> {
        if !matches!(
            self.command,
            Command::InitModel | Command::PartialModel | Command::AddModel | Command::SwapModel
        ) {
            return Err(self.kind("a model"));
        }
        let Ok(samples) = u32::try_from(it.num_samples) else {
            return Err(self.wrong(format_args!("num_samples is {}", it.num_samples)));
        };
        // What is cheap to check comes first.
        let mut contributors = self.peers(&it.contributors)?;
        contributors.sort_unstable();
        let model = unpickle::model(&it.weights, model)
            .map_err(|fault| DecodeError::Model { command: self.command, fault })?;
        Ok(Weights {
            command: self.command,
            round: self.round,
            contributors: contributors.into(),
            samples,
            model: Arc::new(model),
        })
    }

    fn votes(&self, args: &[String]) -> Result<Arc<[(PeerId, u32)]>, DecodeError> {
        let (pairs, odd) = args.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(self.wrong("a candidate without a weight"));
        }
        let candidates = self.distinct(pairs.iter().map(|[name, _]| name))?;
        let weights = pairs.iter().map(|[_, weight]| {
            let weight: u64 = self.number(weight)?;
            Ok(u32::try_from(weight).unwrap_or(u32::MAX))
        });
        let weights = weights.collect::<Result<Vec<u32>, DecodeError>>()?;
        Ok(candidates.into_iter().zip(weights).collect())
    }

    fn metrics(&self, args: &[String]) -> Result<Arc<[(&'static str, f64)]>, DecodeError> {
        let (pairs, odd) = args.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(self.wrong("a measure without a value"));
        }
        let mut metrics = Vec::new();
        for [name, value] in pairs {
            let value = self.number(value)?;
            if let Some(name) = METRICS.into_iter().find(|it| it == name) {
                metrics.push((name, value));
            }
        }
        Ok(metrics.into())
    }

    /// Peers by their names, in the order in which they came.
    fn peers(&self, names: &[String]) -> Result<Vec<PeerId>, DecodeError> {
        self.distinct(names.iter())
    }

    fn distinct<'n>(&self, names: impl Iterator<Item = &'n String>) -> Result<Vec<PeerId>, DecodeError> {
        let mut unheard = 0;
        let peers = names.map(|name| {
            unheard += usize::from(self.names.find(name).is_none());
            if unheard > MAX_UNHEARD {
                return Err(
                    self.wrong(format_args!("it mentions more than {MAX_UNHEARD} peers that are not known"))
                );
            }
            self.peer(name)
        });
        let peers = peers.collect::<Result<Vec<PeerId>, DecodeError>>()?;
        let mut sorted = peers.clone();
        sorted.sort_unstable();
        match sorted.windows(2).find(|it| it[0] == it[1]) {
            Some(twice) => Err(self.wrong(format_args!("{} is named twice", self.names.name(twice[0])))),
            None => Ok(peers),
        }
    }

    fn peer(&self, name: &str) -> Result<PeerId, DecodeError> {
        self.names.mentioned(name).ok_or_else(|| {
            self.wrong(format_args!("\"{}\" is empty or too long to be an address", shown(name)))
        })
    }

    /// How much there is of something; rounds are counted in `int32`.
    fn amount(&self, text: &str) -> Result<u32, DecodeError> {
        let amount: u64 = self.number(text)?;
        Ok(amount.min(i32::MAX as u64) as u32)
    }

    /// A number in decimal; Python allows blanks around it.
    fn number<T: FromStr>(&self, text: &str) -> Result<T, DecodeError> {
        text.trim().parse().map_err(|_| self.wrong(format_args!("{} is no number that fits", shown(text))))
    }

    fn wrong(&self, fault: impl fmt::Display) -> DecodeError {
        DecodeError::Arguments { command: self.command, fault: format!("ValueError: {fault}") }
    }

    fn kind(&self, kind: &str) -> DecodeError {
        let fault = format!("TypeError: it does not come as {kind}");
        DecodeError::Arguments { command: self.command, fault }
    }
}

/// Foreign text, as far as it is worth repeating.
fn shown(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests;
