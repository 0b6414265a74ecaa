//! A node that is fed one kind of message: what handling costs, by message kind.

use p2pfl_sim::format::settings::Settings;
use p2pfl_sim::learning::{Aggregator, Evaluation, Layout, Model};
use p2pfl_sim::node::io::{Control, Input, Job, JobId, JobResult, Output, Start, Taken, Timer};
use p2pfl_sim::node::spec::{Dpsgd, P2pfl, Variant, Workflow};
use p2pfl_sim::node::{Context, Node, Rules, Stage, Starter};
use p2pfl_sim::time::Time;
use p2pfl_sim::wire::size::Sizes;
use p2pfl_sim::wire::{
    AddressBook, Announcement, Command, Experiment, Gossip, GossipBody, Message, NO_ROUND, PeerId, Ttl,
    Weights,
};
use std::sync::Arc;
use std::time::Duration;

/// The node itself; its neighbours are those after it.
const SELF: PeerId = 0;
pub const NEIGHBOURS: PeerId = 8;
const NODES: u32 = 100;
/// Messages that are handled, where they are not models.
pub const MESSAGES: usize = 64;
/// Models that are handled: those of the others in the train set.
pub const MODELS: usize = 3;

/// What the node is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// New gossip of this command, from its source or someone between.
    New(Command),
    /// Gossip of this command that the node has had before.
    Duplicate(Command),
    /// `PRE_SEND_MODEL` before a `partial_model`, wanted and not.
    Announcement,
    /// Models of this command, all from the train set.
    Model(Command),
    /// A round of `dpsgd`: a model from every neighbour.
    Dpsgd,
}

/// A node and what it is about to be fed.
pub struct Handling {
    node: Fed,
    inputs: Vec<Input>,
}

impl Handling {
    /// A node that has come as far as it takes to be sent this.
    pub fn new(kind: Kind) -> Self {
        let mut node = match kind {
            Kind::Dpsgd => Fed::dpsgd(),
            Kind::Model(Command::InitModel) => Fed::awaiting(),
            Kind::Model(Command::AddModel) => Fed::waiting(),
            _ => Fed::swapping(),
        };
        let senders = || (1..=NEIGHBOURS).cycle().take(MESSAGES);
        let inputs = match kind {
            Kind::New(command) => {
                senders().zip(1..).map(|(from, i)| node.gossip(from, 1 + i % (NODES - 1), command)).collect()
            }
            Kind::Duplicate(command) => {
                let first = node.gossip(1, 9, command);
                node.input(first.clone());
                let Input::Message { message, .. } = first else { unreachable!("gossip is a message") };
                let again = |from| Input::Message { from, message: message.clone(), request: None };
                senders().map(again).collect()
            }
            Kind::Announcement => senders().map(announcement).collect(),
            Kind::Model(command) => senders().take(MODELS).map(|from| weights(from, command, 0)).collect(),
            Kind::Dpsgd => (1..=NEIGHBOURS).map(|from| weights(from, Command::PartialModel, 0)).collect(),
        };
        Self { node, inputs }
    }

    /// Feeds them.
    pub fn run(mut self) -> Self {
        for input in std::mem::take(&mut self.inputs) {
            self.node.handle(input);
        }
        self
    }
}

/// A node with what surrounds it.
struct Fed {
    node: Node,
    rules: Rules,
    now: Time,
    out: Vec<Output>,
    taken: Taken,
    hashes: i64,
}

impl Fed {
    /// Up, with neighbours that are connected.
    fn new(workflow: Workflow) -> Self {
        let book = AddressBook::numbered(NODES);
        let rules = Rules {
            seed: 7,
            settings: Settings::default(),
            workflow,
            sizes: Sizes::new(book.clone(), model().layout().bytes()),
            book,
            evaluates: true,
            takes_partials: true,
            own: NODES,
            starter: Starter::Engine,
        };
        let start = Start {
            neighbours: (1..=NEIGHBOURS).map(|peer| (peer, NEIGHBOURS)).collect(),
            dial: Vec::new(),
            persistent: false,
            late: false,
        };
        let (mut out, mut taken) = (Vec::with_capacity(1_024), Taken::default());
        let cx = Context { now: Time::ZERO, rules: &rules, out: &mut out, taken: &mut taken };
        let node = Node::new(&cx, SELF, 0, model(), 10, &start);
        let mut fed = Self { node, rules, now: Time::ZERO, out, taken, hashes: 0 };
        fed.input(Input::Start(start));
        for from in 1..=NEIGHBOURS {
            fed.input(Input::Message { from, message: Message::Handshake, request: None });
        }
        fed
    }

    fn p2pfl() -> Self {
        let spec = P2pfl { variant: Variant::Repaired, rounds: 2, ..P2pfl::default() };
        Self::new(Workflow::P2pfl(spec))
    }

    /// Waits for the first model.
    fn awaiting() -> Self {
        let mut fed = Self::p2pfl();
        let input = fed.gossip(1, 1, Command::StartLearning);
        fed.input(input);
        fed.at(Stage::Start)
    }

    /// Votes on the train set of round 0, with all neighbours initialised.
    fn voting() -> Self {
        let mut fed = Self::p2pfl();
        fed.input(Input::Control(Control::StartLearning(experiment())));
        for from in 1..=NEIGHBOURS {
            let input = fed.gossip(from, from, Command::ModelInitialized);
            fed.input(input);
        }
        for _ in 0..2 {
            fed.now = fed.now + Duration::from_secs(1);
            fed.input(Input::Timer(Timer::Stage));
        }
        fed.at(Stage::Vote)
    }

    /// Everyone who can be heard votes for these.
    fn electing(members: &[PeerId]) -> Self {
        let mut fed = Self::voting();
        let votes: Arc<[(PeerId, u32)]> =
            members.iter().zip(0..).map(|(&peer, less)| (peer, 1_000_000 - less)).collect();
        for from in 1..=NEIGHBOURS {
            let input = fed.said(from, from, 0, GossipBody::Vote(Arc::clone(&votes)));
            fed.input(input);
        }
        fed
    }

    /// In the train set, trained, swapping contributions with the others.
    fn swapping() -> Self {
        Self::electing(&[SELF, 1, 2, 3]).at(Stage::Aggregate)
    }

    /// Outside the train set, waiting for the aggregate.
    fn waiting() -> Self {
        Self::electing(&[1, 2, 3, 4]).at(Stage::Wait)
    }

    /// Trained, waiting for the models of its neighbours.
    fn dpsgd() -> Self {
        let mut fed = Self::new(Workflow::Dpsgd(Dpsgd { rounds: 2, ..Dpsgd::default() }));
        fed.input(Input::Control(Control::StartLearning(experiment())));
        fed.at(Stage::Wait)
    }

    fn at(self, stage: Stage) -> Self {
        assert_eq!(self.node.stage(), Some(stage), "the node is not where it should be measured");
        self
    }

    /// Takes an input, and does the jobs that come of it at once.
    fn input(&mut self, input: Input) {
        self.handle(input);
        loop {
            let jobs: Vec<_> = self.out.drain(..).filter_map(job).collect();
            if jobs.is_empty() {
                break;
            }
            for (job, work) in jobs {
                let result = match work {
                    Job::Evaluate(_) => {
                        JobResult::Evaluation(Some(Evaluation { accuracy: Some(0.5), loss: 1.0, samples: 1 }))
                    }
                    Job::Train { .. } => JobResult::Model(model(), None),
                    Job::Aggregate(it) => {
                        let combined = Aggregator::default().rule().combine(&it, &|_| None);
                        JobResult::Model(Arc::new(combined.model), None)
                    }
                };
                self.handle(Input::JobDone { job, result });
            }
        }
        self.taken = Taken::default();
    }

    fn handle(&mut self, input: Input) {
        let Self { node, rules, now, out, taken, .. } = self;
        node.handle(&mut Context { now: *now, rules, out, taken }, input);
    }

    /// Gossip of a command that a source says, as a neighbour hands it over.
    fn gossip(&mut self, from: PeerId, source: PeerId, command: Command) -> Input {
        let (round, body) = match command {
            Command::Beat => (NO_ROUND, GossipBody::Beat(self.now)),
            Command::StartLearning => (0, GossipBody::StartLearning(experiment())),
            Command::ModelInitialized => (NO_ROUND, GossipBody::ModelInitialized),
            Command::VoteTrainSet => (0, GossipBody::Vote([(1, 900), (2, 500), (3, 100)].into())),
            Command::ModelsAggregated => (0, GossipBody::ModelsAggregated([1, 2, 3].into())),
            Command::ModelsReady => (0, GossipBody::ModelsReady),
            Command::Metrics => (0, GossipBody::Metrics([("test_acc", 0.5), ("loss", 1.0)].into())),
            other => panic!("{other:?} is no gossip that is measured"),
        };
        self.said(from, source, round, body)
    }

    fn said(&mut self, from: PeerId, source: PeerId, round: i32, body: GossipBody) -> Input {
        self.hashes += 1;
        let (hash, born) = (self.hashes, self.now);
        let size = self.rules.sizes.gossip(source, round, hash, &body);
        let gossip = Gossip { source, round, ttl: Ttl::Own(10), hash, body, size, hops: 0, born };
        Input::Message { from, message: Message::Gossip([gossip].into()), request: None }
    }
}

fn announcement(from: PeerId) -> Input {
    let contributors = [from.min(3)].into();
    let message = Message::Announce(Announcement { follows: Command::PartialModel, round: 0, contributors });
    Input::Message { from, message, request: Some(1) }
}

fn weights(from: PeerId, command: Command, round: i32) -> Input {
    let weights = Weights { command, round, contributors: [from].into(), samples: 10, model: model() };
    Input::Message { from, message: Message::Weights(Arc::new(weights)), request: Some(1) }
}

fn job(output: Output) -> Option<(JobId, Job)> {
    match output {
        Output::StartJob { id, job } => Some((id, job)),
        _ => None,
    }
}

/// A model so small that handling is all it costs.
fn model() -> Arc<Model> {
    Arc::new(Model::new(Arc::new(Layout::new([vec![16]])), vec![1.0; 16]))
}

fn experiment() -> Arc<Experiment> {
    Arc::new(Experiment { rounds: 2, epochs: 1, trainset_size: 4, name: "experiment".into() })
}
