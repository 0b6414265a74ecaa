//! A network of nodes in integer nanoseconds: enough of an engine to test nodes together, and no more. Events run in
//! the order of time and of when they were scheduled; every message takes the same time; jobs take a set time.

use super::models::{fresh, samples, train};
use super::{context, rules::Setup};
use crate::learning::rules::{Fedavg, Rule};
use crate::learning::{Evaluation, Learner, Model, Part};
use crate::node::io::{
    Control, Expect, Input, Job, JobId, JobResult, Output, Peers, Record, Start, Taken, Timer,
};
use crate::node::{Node, Rules};
use crate::time::Time;
use crate::wire::{Command, Experiment, Gossip, Message, PeerId, Response};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What becomes of a message on its way: after how long each copy of it arrives; nothing if it is lost.
type Fate = Box<dyn FnMut(Time, PeerId, PeerId, &Message) -> Vec<Duration>>;

pub struct Network {
    pub rules: Rules,
    pub now: Time,
    /// When learning started.
    pub zero: Time,
    pub nodes: Vec<Slot>,
    pub fate: Fate,
    /// Durations of training; other jobs take a millisecond.
    pub fit: Duration,
    /// What nodes learn with; nothing where they train as tests of the protocol do.
    learner: Option<Arc<dyn Learner>>,
    /// How models are combined.
    pub rule: Box<dyn Rule>,
    /// How much longer each node trains than the one before it.
    pub stagger: Duration,
    pub sent: Vec<Sent>,
    pub records: Vec<(Time, PeerId, Record)>,
    /// What every training made, by round and node.
    pub trained: BTreeMap<(u32, PeerId), Arc<Model>>,
    /// Every average that was asked for.
    pub averages: Vec<Vec<(Arc<Model>, f64)>>,
    /// How often each node took a gossip message for new, by source and hash.
    pub taken: BTreeMap<(PeerId, PeerId, i64), u32>,
    /// Nothing where everyone is everyone's neighbour.
    neighbours: Option<Vec<Vec<PeerId>>>,
    queue: BTreeMap<(Time, u64), Event>,
    scheduled: u64,
}

#[derive(Default)]
pub struct Slot {
    pub node: Option<Node>,
    pub incarnation: u32,
    timers: BTreeMap<u8, u64>,
}

/// A message that was handed over; gossip to several peers once for each.
#[derive(Debug)]
pub struct Sent {
    pub at: Time,
    pub from: PeerId,
    pub command: Command,
    pub round: i32,
}

enum Event {
    Message { to: PeerId, from: PeerId, message: Message, expect: Expect, asker: u32 },
    Response { to: PeerId, incarnation: u32, input: Input },
    Timer { node: PeerId, timer: Timer },
    Job { node: PeerId, incarnation: u32, id: JobId, result: JobResult },
}

pub const LATENCY: Duration = Duration::from_millis(1);

impl Network {
    /// Nodes that are up and know their neighbours; of two neighbours the lower connects.
    pub fn new(setup: Setup, edges: &[(PeerId, PeerId)]) -> Self {
        Self::of(setup, Some(edges), None)
    }

    /// The same nodes with something else to learn.
    pub fn learning(setup: Setup, edges: &[(PeerId, PeerId)], learner: Arc<dyn Learner>) -> Self {
        Self::of(setup, Some(edges), Some(learner))
    }

    /// Nodes that are everyone's neighbours, and do not connect.
    pub fn complete(setup: Setup) -> Self {
        Self::of(setup, None, None)
    }

    fn of(setup: Setup, edges: Option<&[(PeerId, PeerId)]>, learner: Option<Arc<dyn Learner>>) -> Self {
        let neighbours = edges.map(|edges| {
            let mut neighbours = vec![Vec::new(); setup.nodes as usize];
            for &(a, b) in edges {
                neighbours[a as usize].push(b);
                neighbours[b as usize].push(a);
            }
            neighbours.iter_mut().for_each(|it| it.sort_unstable());
            neighbours
        });
        let mut network = Self {
            rules: setup.rules(),
            now: Time::ZERO,
            zero: Time::ZERO,
            nodes: (0..setup.nodes).map(|_| Slot::default()).collect(),
            fate: Box::new(|_, _, _, _| vec![LATENCY]),
            fit: Duration::from_millis(500),
            learner,
            rule: Box::new(Fedavg {}),
            stagger: Duration::ZERO,
            sent: Vec::new(),
            records: Vec::new(),
            trained: BTreeMap::new(),
            averages: Vec::new(),
            taken: BTreeMap::new(),
            neighbours,
            queue: BTreeMap::new(),
            scheduled: 0,
        };
        for node in 0..setup.nodes {
            network.up(node, |peer| peer > node, false);
        }
        network
    }

    /// Brings a node up with a model of its own.
    pub fn up(&mut self, node: PeerId, dial: impl Fn(PeerId) -> bool, late: bool) {
        let neighbours: Peers = match &self.neighbours {
            Some(lists) => {
                let degree = |peer: PeerId| lists[peer as usize].len() as u32;
                lists[node as usize].iter().map(|&peer| (peer, degree(peer))).collect()
            }
            None => Peers::Others { node, of: self.nodes.len() as u32 },
        };
        let dialled = if self.rules.workflow.connects() { neighbours.len() } else { 0 };
        let start = Start {
            dial: neighbours.iter().take(dialled as usize).map(|it| it.0).filter(|&it| dial(it)).collect(),
            neighbours,
            persistent: late,
            late,
        };
        let (mut out, mut taken) = (Vec::new(), Taken::default());
        let cx = context(self.now, &self.rules, &mut out, &mut taken);
        let slot = &mut self.nodes[node as usize];
        let (model, samples) = match &self.learner {
            Some(learner) => (learner.initial(node), learner.samples(node)),
            None => (fresh(node), samples(node)),
        };
        slot.node = Some(Node::new(&cx, node, slot.incarnation, model, samples, &start));
        self.input(node, Input::Start(start));
    }

    /// A node loses everything.
    pub fn crash(&mut self, node: PeerId) {
        let slot = &mut self.nodes[node as usize];
        slot.node = None;
        slot.timers.clear();
        slot.incarnation += 1;
    }

    pub fn restart(&mut self, node: PeerId) {
        self.up(node, |_| true, true);
        if self.rules.workflow.starts_everyone() {
            self.tell(node, self.begin());
        }
    }

    /// Lets everybody hear of everybody, then starts learning.
    pub fn learn(&mut self) {
        self.run(Duration::from_secs(8));
        self.zero = self.now;
        if !self.rules.workflow.starts_everyone() {
            return self.tell(0, self.begin());
        }
        for node in 0..self.nodes.len() as u32 {
            self.tell(node, self.begin());
        }
    }

    fn begin(&self) -> Control {
        if self.rules.workflow.learns() {
            Control::StartLearning(self.experiment())
        } else {
            Control::Begin(self.zero)
        }
    }

    pub fn experiment(&self) -> Arc<Experiment> {
        super::rules::experiment(&self.rules)
    }

    pub fn tell(&mut self, node: PeerId, control: Control) {
        self.input(node, Input::Control(control));
    }

    /// Runs for so long.
    pub fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.run_until(end, |_| false);
        self.now = end;
    }

    /// Runs until something is so, or the time comes; whether it came to be.
    pub fn run_until(&mut self, end: Time, done: impl Fn(&Self) -> bool) -> bool {
        while !done(self) {
            let Some(entry) = self.queue.first_entry().filter(|it| it.key().0 <= end) else { return false };
            self.now = entry.key().0;
            let (key, event) = entry.remove_entry();
            self.take(key.1, event);
        }
        true
    }

    /// Runs until every node that is up has finished; whether they did within so many seconds.
    pub fn finish(&mut self, seconds: u64) -> bool {
        let end = self.now + Duration::from_secs(seconds);
        self.run_until(end, |it| {
            it.finished().len() >= it.nodes.iter().filter(|it| it.node.is_some()).count()
        })
    }

    /// Nodes that are up and have finished, in this life.
    pub fn finished(&self) -> Vec<PeerId> {
        (0..self.nodes.len() as u32)
            .filter(|&node| {
                let up = self.nodes[node as usize].node.as_ref();
                up.is_some_and(|it| it.waits_for().ends_with("finished"))
            })
            .collect()
    }

    /// How often a command was sent, gossip counted for each receiver.
    pub fn count(&self, command: Command) -> usize {
        self.sent.iter().filter(|it| it.command == command).count()
    }

    /// The train sets that nodes computed in a round, each once.
    pub fn train_sets(&self, of: u32) -> Vec<Vec<PeerId>> {
        let set = |record: &Record| match record {
            Record::RoundFinished { round, train_set: Some(set), .. } if *round == of && !set.is_empty() => {
                Some(set.to_vec())
            }
            _ => None,
        };
        let mut sets: Vec<_> = self.records.iter().filter_map(|(_, _, record)| set(record)).collect();
        sets.sort();
        sets.dedup();
        sets
    }

    /// The models with which nodes ended a round, by node.
    pub fn models(&self, of: u32) -> BTreeMap<PeerId, Arc<Model>> {
        let model = |(_, node, record): &(Time, PeerId, Record)| match record {
            Record::RoundFinished { round, model, .. } if *round == of => Some((*node, Arc::clone(model))),
            _ => None,
        };
        self.records.iter().filter_map(model).collect()
    }

    /// Nodes that stopped themselves.
    pub fn failed(&self) -> Vec<(PeerId, &'static str)> {
        let failure = |(_, node, record): &(Time, PeerId, Record)| match record {
            Record::Failed(why) => Some((*node, *why)),
            _ => None,
        };
        self.records.iter().filter_map(failure).collect()
    }

    fn schedule(&mut self, after: Duration, event: Event) {
        self.scheduled += 1;
        self.queue.insert((self.now + after, self.scheduled), event);
    }

    fn take(&mut self, sequence: u64, event: Event) {
        match event {
            Event::Message { to, from, message, expect, asker } => {
                let id = expect.request();
                if self.nodes[to as usize].node.is_none() {
                    let gone = id.map(|request| Input::Response { request, response: Response::Unreachable });
                    if let Some(input) = gone {
                        self.schedule(LATENCY, Event::Response { to: from, incarnation: asker, input });
                    }
                    return;
                }
                let request = id.filter(|_| matches!(expect, Expect::Response(_)));
                self.input(to, Input::Message { from, message, request });
            }
            Event::Response { to, incarnation, input } => {
                if self.nodes[to as usize].incarnation == incarnation {
                    self.input(to, input);
                }
            }
            Event::Timer { node, timer } => {
                let timers = &mut self.nodes[node as usize].timers;
                if timers.get(&(timer as u8)) == Some(&sequence) {
                    timers.remove(&(timer as u8));
                    self.input(node, Input::Timer(timer));
                }
            }
            Event::Job { node, incarnation, id, result } => {
                if self.nodes[node as usize].incarnation == incarnation {
                    self.input(node, Input::JobDone { job: id, result });
                }
            }
        }
    }

    pub fn input(&mut self, node: PeerId, input: Input) {
        let (mut out, mut taken) = (Vec::new(), Taken::default());
        let parcel = match &input {
            Input::Message { message: Message::Gossip(parcel), .. } => Some(Arc::clone(parcel)),
            _ => None,
        };
        let mut cx = context(self.now, &self.rules, &mut out, &mut taken);
        let Some(it) = self.nodes[node as usize].node.as_mut() else { return };
        it.handle(&mut cx, input);
        if let Some(parcel) = parcel.filter(|it| it.len() == 1 && taken.spread.len() == 1) {
            *self.taken.entry((node, parcel[0].source, parcel[0].hash)).or_default() += 1;
        }
        for output in out {
            self.output(node, output);
        }
    }

    fn output(&mut self, node: PeerId, output: Output) {
        let incarnation = self.nodes[node as usize].incarnation;
        match output {
            Output::Send { to, message, expect } => self.send(node, to, message, expect),
            Output::Flood { to, parcel } => {
                for gossip in parcel.iter() {
                    for &peer in to.iter().filter(|&&peer| peer != gossip.source) {
                        let one: Arc<[Gossip]> = Arc::from([gossip.clone()]);
                        self.send(node, peer, Message::Gossip(one), Expect::Nothing);
                    }
                }
            }
            Output::Reply { to, request, response } => {
                let incarnation = self.nodes[to as usize].incarnation;
                let input = Input::Response { request, response };
                self.schedule(LATENCY, Event::Response { to, incarnation, input });
            }
            Output::SetTimer { timer, at, .. } => {
                self.schedule(at.since(self.now), Event::Timer { node, timer });
                self.nodes[node as usize].timers.insert(timer as u8, self.scheduled);
            }
            Output::CancelTimer(timer) => {
                self.nodes[node as usize].timers.remove(&(timer as u8));
            }
            Output::StartJob { id, job } => {
                let fit = self.fit + self.stagger * node;
                let span = if matches!(job, Job::Train { .. }) { fit } else { LATENCY };
                let result = self.execute(node, job);
                self.schedule(span, Event::Job { node, incarnation, id, result });
            }
            Output::Record(record) => {
                if let Record::Failed(_) = record {
                    self.crash(node);
                }
                self.records.push((self.now, node, record));
            }
        }
    }

    fn send(&mut self, from: PeerId, to: PeerId, message: Message, expect: Expect) {
        let (command, round) = match &message {
            Message::Gossip(parcel) => (parcel[0].body.command(), parcel[0].round),
            Message::Announce(it) => (Command::PreSendModel, it.round),
            Message::GetModel(it) => (Command::GetModel, it.round),
            Message::Weights(it) => (it.command, it.round),
            Message::Handshake => (Command::Handshake, -1),
            Message::Disconnect => (Command::Disconnect, -1),
            Message::Own(it) => (it.command, it.round),
            Message::Probe(it) => (Command::Probe, it.cell),
        };
        self.sent.push(Sent { at: self.now, from, command, round });
        let asker = self.nodes[from as usize].incarnation;
        let copies = (self.fate)(self.now, from, to, &message);
        if let (true, Some(request)) = (copies.is_empty(), expect.request()) {
            let input = Input::Response { request, response: Response::Timeout };
            let deadline = self.rules.settings.general.grpc_timeout.0;
            self.schedule(deadline, Event::Response { to: from, incarnation: asker, input });
        }
        for after in copies {
            self.schedule(after, Event::Message { to, from, message: message.clone(), expect, asker });
        }
    }

    fn execute(&mut self, node: PeerId, job: Job) -> JobResult {
        match job {
            Job::Train { round, epochs, start, mut state } => {
                let model = match &self.learner {
                    Some(learner) => learner.train(node, round, epochs, &start, &mut state),
                    None => train(node, round, &start),
                };
                let model = Arc::new(model);
                self.trained.insert((round, node), Arc::clone(&model));
                JobResult::Model(model, state)
            }
            Job::Aggregate(it) => {
                let part = |it: &Part| (Arc::clone(&it.model), it.weight);
                self.averages.push(it.parts.iter().map(part).collect());
                let combined = self.rule.combine(&it, &|_| None);
                JobResult::Model(Arc::new(combined.model), combined.state)
            }
            Job::Evaluate(model) => {
                let loss = f64::from(model.values()[0]);
                JobResult::Evaluation(Some(Evaluation { accuracy: Some(0.5), loss, samples: 1 }))
            }
        }
    }
}
