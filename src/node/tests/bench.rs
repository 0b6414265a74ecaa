//! One node on the bench: a test feeds it inputs and looks at what it wants done.

use super::models::{fresh, model, samples};
use super::{context, rules::Setup, rules::experiment};
use crate::learning::{Aggregator, Evaluation};
use crate::node::io::{
    Control, Expect, Input, Job, JobId, JobResult, Output, Record, RequestId, Start, Taken, Timer,
};
use crate::node::{Node, Rules};
use crate::time::Time;
use crate::wire::{
    Announcement, Command, Gossip, GossipBody, Message, NO_ROUND, PeerId, Response, Ttl, Weights,
};
use std::sync::Arc;
use std::time::Duration;

/// The node under test is always this one.
pub const SELF: PeerId = 0;

pub struct Bench {
    pub rules: Rules,
    pub node: Node,
    pub now: Time,
    hashes: i64,
}

impl Bench {
    /// A node that is up and has these direct neighbours, which connected to it.
    pub fn new(setup: Setup, neighbours: &[PeerId]) -> Self {
        let rules = setup.rules();
        let start = Start {
            neighbours: neighbours.iter().map(|&peer| (peer, neighbours.len() as u32)).collect(),
            dial: Vec::new(),
            persistent: false,
            late: false,
        };
        let (mut out, mut taken) = (Vec::new(), Taken::default());
        let cx = context(Time::ZERO, &rules, &mut out, &mut taken);
        let node = Node::new(&cx, SELF, 0, fresh(SELF), samples(SELF), &start);
        let mut bench = Self { rules, node, now: Time::ZERO, hashes: 0 };
        bench.input(Input::Start(start));
        for &peer in neighbours {
            bench.message(peer, Message::Handshake);
        }
        bench
    }

    pub fn input(&mut self, input: Input) -> Vec<Output> {
        let (mut out, mut taken) = (Vec::new(), Taken::default());
        self.node.handle(&mut context(self.now, &self.rules, &mut out, &mut taken), input);
        out
    }

    /// Lets time pass without any timer.
    pub fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    pub fn timer(&mut self, timer: Timer) -> Vec<Output> {
        self.input(Input::Timer(timer))
    }

    pub fn message(&mut self, from: PeerId, message: Message) -> Vec<Output> {
        self.input(Input::Message { from, message, request: Some(99) })
    }

    /// A new gossip message from its source itself.
    pub fn gossip(&mut self, source: PeerId, round: i32, body: GossipBody) -> Vec<Output> {
        let message = self.parcel(source, round, body, 10);
        self.message(source, Message::Gossip(Arc::from([message])))
    }

    pub fn parcel(&mut self, source: PeerId, round: i32, body: GossipBody, ttl: u32) -> Gossip {
        self.hashes += 1;
        let (hash, born) = (self.hashes, self.now);
        let size = self.rules.sizes.gossip(source, round, hash, &body);
        Gossip { source, round, ttl: Ttl::Own(ttl), hash, body, size, hops: 0, born }
    }

    pub fn announce(&mut self, from: PeerId, follows: Command, round: i32, contributors: &[PeerId]) -> bool {
        let message =
            Message::Announce(Announcement { follows, round, contributors: Arc::from(contributors) });
        match reply(&self.message(from, message)) {
            Some(Response::Wanted(wanted)) => wanted,
            other => panic!("an announcement is answered by yes or no, not {other:?}"),
        }
    }

    pub fn weights(
        &mut self,
        from: PeerId,
        command: Command,
        round: i32,
        contributors: &[PeerId],
        values: &[f32],
    ) -> Vec<Output> {
        let weights = Weights {
            command,
            round,
            contributors: Arc::from(contributors),
            samples: contributors.iter().map(|&peer| samples(peer)).sum::<u32>().max(1),
            model: model(values),
        };
        self.message(from, Message::Weights(Arc::new(weights)))
    }

    /// Starts learning here; all neighbours say that they are initialised, and the start stage goes by.
    pub fn reach_vote(&mut self, initialised: &[PeerId]) -> Vec<Output> {
        let experiment = experiment(&self.rules);
        self.input(Input::Control(Control::StartLearning(experiment)));
        for &peer in initialised {
            self.gossip(peer, NO_ROUND, GossipBody::ModelInitialized);
        }
        self.pass(1000);
        self.timer(Timer::Stage);
        self.pass(1000);
        self.timer(Timer::Stage)
    }

    /// Everyone votes for these alone: the first in the list weighs most.
    pub fn elect(&mut self, round: i32, voters: &[PeerId], members: &[PeerId]) -> Vec<Output> {
        let votes: Arc<[(PeerId, u32)]> =
            members.iter().zip(0..).map(|(&peer, i)| (peer, 1_000_000 - i)).collect();
        voters
            .iter()
            .flat_map(|&voter| self.gossip(voter, round, GossipBody::Vote(Arc::clone(&votes))))
            .collect()
    }

    /// The same for peers 1, 2, 3 and 9, which is no neighbour and votes as the others do: this node is not elected.
    pub fn elect_others(&mut self, round: i32) -> Vec<Output> {
        let now = self.now;
        self.gossip(9, NO_ROUND, GossipBody::Beat(now));
        self.elect(round, &[9, 1, 2, 3], &[1, 2, 3, 9])
    }

    /// Answers the jobs among outputs, and those that follow.
    pub fn work(&mut self, outputs: Vec<Output>) -> Vec<Output> {
        let mut all = Vec::new();
        let mut rest = outputs;
        while let Some((id, job)) = job(&rest) {
            all.append(&mut rest);
            let result = match job {
                Job::Evaluate(_) => {
                    JobResult::Evaluation(Some(Evaluation { accuracy: Some(0.5), loss: 1.0, samples: 1 }))
                }
                Job::Train { .. } => JobResult::Model(model(&[1.0, 1.0]), None),
                Job::Aggregate(it) => JobResult::Model(
                    Arc::new(Aggregator::default().rule().combine(&it, &|_| None).model),
                    None,
                ),
            };
            rest = self.input(Input::JobDone { job: id, result });
        }
        all.append(&mut rest);
        all
    }

    pub fn respond(&mut self, request: RequestId, response: Response) -> Vec<Output> {
        self.input(Input::Response { request, response })
    }
}

pub fn reply(outputs: &[Output]) -> Option<Response> {
    outputs.iter().find_map(|it| match it {
        Output::Reply { request: 99, response, .. } => Some(response.clone()),
        _ => None,
    })
}

pub fn job(outputs: &[Output]) -> Option<(JobId, Job)> {
    outputs.iter().find_map(|it| match it {
        Output::StartJob { id, job } => Some((*id, job.clone())),
        _ => None,
    })
}

/// What was sent to single peers.
pub fn sends(outputs: &[Output]) -> Vec<(PeerId, &Message, Expect)> {
    outputs
        .iter()
        .filter_map(|it| match it {
            Output::Send { to, message, expect } => Some((*to, message, *expect)),
            _ => None,
        })
        .collect()
}

/// What was said to all, with the peers it goes to.
pub fn floods(outputs: &[Output]) -> Vec<(Vec<PeerId>, Vec<Gossip>)> {
    outputs
        .iter()
        .filter_map(|it| match it {
            Output::Flood { to, parcel } => Some((to.to_vec(), parcel.to_vec())),
            _ => None,
        })
        .collect()
}

/// Said to all, by command, with its round.
pub fn said(outputs: &[Output]) -> Vec<(Command, i32)> {
    floods(outputs).iter().flat_map(|(_, it)| it).map(|it| (it.body.command(), it.round)).collect()
}

pub fn failure(outputs: &[Output]) -> Option<&'static str> {
    outputs.iter().find_map(|it| match it {
        Output::Record(Record::Failed(why)) => Some(*why),
        _ => None,
    })
}

/// Offers under way: to whom, of which command, with which contributors, and the request.
pub fn offers(outputs: &[Output]) -> Vec<(PeerId, Announcement, RequestId)> {
    sends(outputs)
        .into_iter()
        .filter_map(|(to, message, expect)| match (message, expect) {
            (Message::Announce(it), Expect::Response(request)) => Some((to, it.clone(), request)),
            _ => None,
        })
        .collect()
}
