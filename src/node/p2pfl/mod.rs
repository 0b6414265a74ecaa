//! P2PFL's workflow: start → vote → train → aggregate or wait → diffuse → next round, or finish.
//!
//! One file a stage. Here: the state they share, and which stage an input concerns. Three variants exist
//! (`workflow.variant`): `faithful` does what P2PFL 0.4.4 does, its traps included; `faithful-memory` is the same but
//! for the shared time to live; `repaired` mends the traps. Every place where they differ says why.

mod aggregator;
mod announced;
mod asking;
mod diffuse;
mod foresight;
mod giving;
mod history;
mod kind;
mod late;
mod machine;
mod receive;
mod sending;
pub mod spec;
mod start;
mod train;
mod vote;
mod wait;
mod waiting;

use start::SETTLE;

use super::Stage;
use super::context::Context;
use super::io::{JobId, JobResult, Record, RequestId, Timer};
use super::kept::Kept;
use super::links::{Change, Links};
use super::machine::Fault;
use super::peer_map::PeerMap;
use super::spec::{Dissemination, Workflow};
use crate::learning::Model;
use crate::time::Time;
use crate::wire::{Experiment, PeerId, Response};
use aggregator::{Aggregator, Contribution};
use announced::Announced;
use asking::Asking;
use giving::Giving;
use sending::Sending;
use std::sync::Arc;

/// Votes of one node: candidates and the weight given to each.
type Votes = Arc<[(PeerId, u32)]>;

/// The state of a node in P2PFL's workflow.
#[derive(Debug)]
pub struct P2pfl {
    repaired: bool,
    dissemination: Dissemination,
    model: Arc<Model>,
    samples: u32,
    kept: Kept,
    /// The experiment under way; nothing before and after it.
    experiment: Option<Arc<Experiment>>,
    started: Time,
    round: u32,
    at: At,
    /// Since when the node is where it is.
    entered: Time,
    round_began: Time,
    /// What is known of the other peers' progress.
    status: PeerMap<Status>,
    votes: PeerMap<Votes>,
    /// Who has been heard to vote in any round, noted by `repaired` only.
    voters: PeerMap<()>,
    /// Votes for the round after this one, kept apart by `repaired` only.
    next_votes: PeerMap<Votes>,
    pub(super) train_set: Arc<[PeerId]>,
    /// Which contributions each peer says it holds.
    pub(super) held_by: PeerMap<Vec<PeerId>>,
    /// The same for the round after this one, kept by `repaired` only.
    pub(super) next_held_by: PeerMap<Vec<PeerId>>,
    aggregator: Aggregator,
    /// Averages made in this round.
    partials: Vec<Contribution>,
    announced: Announced,
    asking: Asking,
    giving: Giving,
    /// The round whose aggregate the model is, for those who ask for it; nothing once the node has trained.
    holds: Option<i32>,
    /// Whether an `add_model` would be taken.
    awaits_aggregate: bool,
    /// Whether another `init_model` would replace the model: P2PFL's lock is held again once the start has passed it,
    /// until that model opens it for good.
    replaceable: bool,
    sending: Option<Sending>,
    welcome: late::Welcome,
    jobs: JobId,
    /// Draws of peers to send to, and votes cast: the counters of their streams.
    draws: u64,
    ballots: u64,
    voted: bool,
    trained: bool,
    outcome: Option<Outcome>,
    /// The experiment that is over, of which `repaired` tells newcomers.
    past: Option<Arc<Experiment>>,
    /// The node came up while the run was under way.
    late: bool,
    /// Peers that joined while learning was under way, at most.
    joiners: usize,
}

/// What a peer is known to have done.
#[derive(Clone, Copy, Debug)]
struct Status {
    /// The last round that it finished; -1 for none.
    done: i32,
    /// The round in which it joined; it takes part in the votes after it. -1: from the beginning.
    joined: i32,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Not learning.
    Idle,
    /// Waits for a first model.
    AwaitModel,
    /// Lets the others say that they are initialised.
    Settle,
    /// Spreads the first model.
    SpreadFirst,
    /// Lets heartbeats converge.
    Converge,
    /// Has voted, waits for the others' votes.
    Vote,
    /// Evaluates before training.
    Evaluate(JobId),
    /// Trains.
    Fit(JobId),
    /// Swaps contributions.
    Swap,
    /// Waits for contributions still missing.
    Collect,
    /// Averages.
    Combine(JobId),
    /// Waits for the aggregate.
    Wait,
    /// Spreads the aggregate.
    Diffuse,
    /// Evaluates after the last round.
    Last(JobId),
}

impl At {
    const fn stage(self) -> Option<Stage> {
        match self {
            Self::Idle | Self::Last(_) => None,
            Self::AwaitModel | Self::Settle | Self::SpreadFirst | Self::Converge => Some(Stage::Start),
            Self::Vote => Some(Stage::Vote),
            Self::Evaluate(_) | Self::Fit(_) => Some(Stage::Train),
            Self::Swap | Self::Collect | Self::Combine(_) => Some(Stage::Aggregate),
            Self::Wait => Some(Stage::Wait),
            Self::Diffuse => Some(Stage::Diffuse),
        }
    }
}

/// How learning ended at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// All rounds are done.
    Finished,
    /// It was ended before its time.
    Stopped,
}

impl P2pfl {
    pub fn new(cx: &Context, model: Arc<Model>, samples: u32, late: bool) -> Self {
        Self {
            repaired: cx.rules.repaired(),
            dissemination: match &cx.rules.workflow {
                Workflow::P2pfl(it) => it.dissemination,
                _ => Dissemination::Push,
            },
            model,
            samples,
            kept: Kept::default(),
            experiment: None,
            started: Time::ZERO,
            round: 0,
            at: At::Idle,
            entered: cx.now,
            round_began: cx.now,
            status: PeerMap::default(),
            votes: PeerMap::default(),
            voters: PeerMap::default(),
            next_votes: PeerMap::default(),
            train_set: Arc::from([]),
            held_by: PeerMap::default(),
            next_held_by: PeerMap::default(),
            aggregator: Aggregator::default(),
            partials: Vec::new(),
            announced: Announced::default(),
            asking: Asking::default(),
            giving: Giving::default(),
            holds: None,
            awaits_aggregate: false,
            replaceable: false,
            sending: None,
            welcome: late::Welcome::default(),
            jobs: 0,
            draws: 0,
            ballots: 0,
            voted: false,
            trained: false,
            outcome: None,
            past: None,
            late,
            joiners: 0,
        }
    }

    /// A timer of the workflow is due.
    pub fn timer(&mut self, cx: &mut Context, links: &mut Links, timer: Timer) -> Result<(), Fault> {
        match (timer, self.at) {
            (Timer::Models, _) => return self.spread_round(cx, links),
            (Timer::Pull, _) => self.pull(cx, links),
            (Timer::Poll, At::Vote) => self.poll_votes(cx, links),
            (Timer::Stage, At::AwaitModel) => self.no_model(cx, links),
            (Timer::Stage, At::Settle) => return self.settled(cx, links),
            (Timer::Stage, At::Converge) => self.vote(cx, links),
            (Timer::Stage, At::Vote) => self.close_vote(cx, links),
            (Timer::Stage, At::Collect) => self.combine(cx),
            (Timer::Stage, At::Wait) => return self.ready(cx, links),
            (Timer::Stage, At::Idle) => self.hand_on_again(cx, links),
            _ => {}
        }
        Ok(())
    }

    /// A job is done. One that belongs to a stage already left is ignored.
    pub fn job_done(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        job: JobId,
        result: JobResult,
    ) -> Result<(), Fault> {
        match (self.at, result) {
            (At::Evaluate(id), JobResult::Evaluation(evaluation)) if id == job => {
                self.say_metrics(cx, links, self.round, evaluation);
                self.fit(cx);
            }
            (At::Fit(id), JobResult::Model(model, state)) if id == job => {
                self.kept.trained(state);
                return self.fitted(cx, links, model);
            }
            (At::Combine(id), JobResult::Model(model, state)) if id == job => {
                self.kept.combined(state);
                self.model = model;
                return self.ready(cx, links);
            }
            (At::Last(id), JobResult::Evaluation(evaluation)) if id == job => {
                self.say_metrics(cx, links, self.round, evaluation);
                self.finish(cx, links);
            }
            (_, JobResult::Model(model, _)) => {
                self.averaged(cx, links, job, &model);
            }
            _ => {}
        }
        Ok(())
    }

    /// A request of the workflow was answered.
    pub fn response(&mut self, cx: &mut Context, links: &mut Links, request: RequestId, response: &Response) {
        if !self.welcome_answered(cx, links, request, response)
            && !self.ask_answered(cx, links, request, response)
            && !self.gift_answered(cx, links, request, response)
        {
            self.offer_answered(cx, links, request, response);
        }
    }

    /// A neighbour came or went.
    pub fn neighbour(&mut self, cx: &mut Context, links: &mut Links, change: Change) -> Result<(), Fault> {
        if !self.repaired {
            return Ok(());
        }
        match change {
            Change::Connected(peer) => {
                self.asking.forget(peer, None);
                self.giving.forget(peer);
                self.newcomer(cx, links, peer);
                self.welcome_late(cx, links);
            }
            Change::Gone(peer) => {
                self.status.remove(peer);
                self.announced.forget(peer, None);
                self.asking.forget(peer, None);
                self.giving.forget(peer);
                self.aggregator.give_up(peer);
                match self.at {
                    At::Vote => self.check_votes(cx, links),
                    At::Collect if self.aggregator.complete() => self.combine(cx),
                    _ => {}
                }
                // Perhaps it was asked for something.
                self.pull(cx, links);
            }
        }
        Ok(())
    }

    /// The stage that the node is in, if it is learning.
    pub const fn stage(&self) -> Option<Stage> {
        self.at.stage()
    }

    /// Moves on. Whatever the old place was waiting for no longer matters.
    fn enter(&mut self, cx: &mut Context, at: At) {
        let (old, new) = (self.at.stage(), at.stage());
        if old != new {
            if let Some(stage) = old {
                cx.record(Record::Stage(stage, cx.now.since(self.entered)));
            }
            self.entered = cx.now;
        }
        if self.at == At::Vote {
            cx.cancel_timer(Timer::Poll);
        }
        if matches!(self.at, At::AwaitModel | At::Settle | At::Converge | At::Vote | At::Collect | At::Wait) {
            cx.cancel_timer(Timer::Stage);
        }
        self.at = at;
    }

    fn next_job(&mut self) -> JobId {
        self.jobs += 1;
        self.jobs
    }

    /// Learning ends here before its time.
    fn stopped(&mut self, cx: &mut Context) {
        self.stop_spreading(cx);
        self.enter(cx, At::Idle);
        self.forget();
        self.giving.clear();
        self.holds = None;
        self.outcome = Some(Outcome::Stopped);
        cx.record(Record::Stopped);
    }

    /// Forgets the experiment.
    fn forget(&mut self) {
        self.experiment = None;
        self.status.clear();
        self.votes.clear();
        self.voters.clear();
        self.next_votes.clear();
        self.train_set = Arc::from([]);
        self.held_by.clear();
        self.next_held_by.clear();
        self.aggregator.clear();
        self.partials.clear();
        self.announced.clear();
        self.asking.clear();
        self.awaits_aggregate = false;
        self.replaceable = false;
    }
}
