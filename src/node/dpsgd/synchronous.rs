//! Rounds in step with the neighbours: D-PSGD itself. See [`super`].

use super::neighbour::Neighbour;
use super::search::Search;
use super::spec::{Dpsgd as Spec, Mixing};
use crate::learning::{Mixture, Model, Part};
use crate::node::Stage;
use crate::node::context::Context;
use crate::node::io::{Expect, Job, JobId, JobResult, Record, RequestId, Timer, Weight};
use crate::node::kept::Kept;
use crate::node::links::{Change, Links};
use crate::node::machine::{Birth, Fault, Machine};
use crate::node::spec::Workflow;
use crate::time::Time;
use crate::wire::{Announcement, Command, Experiment, Message, PeerId, Response, Weights};
use std::sync::Arc;

/// Requests that carry models are numbered apart from those of the links: by the neighbour's place.
const MODEL_REQUEST: RequestId = 1 << 31;

/// A node's state in the workflow.
#[derive(Debug)]
pub struct Synchronous {
    model: Arc<Model>,
    /// Who contributed to what it sends: the node alone, the same list every time.
    itself: Arc<[PeerId]>,
    samples: u32,
    kept: Kept,
    /// The neighbours' numbers, ascending: looked through at every message, so kept together.
    peers: Box<[PeerId]>,
    neighbours: Box<[Neighbour]>,
    experiment: Option<Arc<Experiment>>,
    round: u32,
    at: At,
    entered: Time,
    round_began: Time,
    jobs: JobId,
    /// Neighbours whose model of this round is still waited for.
    awaited: u32,
    finished: bool,
    /// Of a latecomer that has no model yet.
    search: Option<Box<Search>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Idle,
    /// Came up while the run was under way: waits for a neighbour's model to go on from.
    Late,
    Fit(JobId),
    Wait,
    Mix(JobId),
}

impl At {
    const fn stage(self) -> Option<Stage> {
        match self {
            Self::Idle | Self::Late => None,
            Self::Fit(_) => Some(Stage::Train),
            Self::Wait => Some(Stage::Wait),
            Self::Mix(_) => Some(Stage::Aggregate),
        }
    }
}

impl Machine for Synchronous {
    fn new(cx: &Context, birth: Birth) -> Self {
        let Birth { node, model, samples, start } = birth;
        let neighbours = &start.neighbours;
        Self {
            itself: Arc::from([node]),
            model,
            samples,
            kept: Kept::default(),
            peers: neighbours.iter().map(|(peer, _)| peer).collect(),
            neighbours: neighbours.iter().map(|(_, degree)| Neighbour::new(degree)).collect(),
            experiment: None,
            round: 0,
            at: if start.late { At::Late } else { At::Idle },
            entered: cx.now,
            round_began: cx.now,
            jobs: 0,
            awaited: 0,
            finished: false,
            search: None,
        }
    }

    /// The engine starts every node.
    fn start(&mut self, cx: &mut Context, _links: &mut Links, experiment: Arc<Experiment>) {
        if self.experiment.is_none() && !self.finished {
            self.experiment = Some(experiment);
            cx.record(Record::Started);
            if self.at == At::Late {
                self.search = Some(Box::new(Search::begin(cx)));
            } else {
                self.train(cx);
            }
        }
    }

    /// Learning ends before its time.
    fn stop(&mut self, cx: &mut Context, _links: &mut Links) {
        if self.experiment.take().is_some() {
            self.search = None;
            self.enter(cx, At::Idle);
            cx.record(Record::Stopped);
        }
    }

    fn job_done(
        &mut self,
        cx: &mut Context,
        _links: &mut Links,
        job: JobId,
        result: JobResult,
    ) -> Result<(), Fault> {
        let JobResult::Model(model, state) = result else { return Ok(()) };
        match self.at {
            At::Fit(id) if id == job => {
                self.model = model;
                self.kept.trained(state);
                self.swap(cx);
            }
            At::Mix(id) if id == job => {
                self.model = model;
                self.kept.combined(state);
                self.finish_round(cx);
            }
            _ => {}
        }
        Ok(())
    }

    fn weights(
        &mut self,
        cx: &mut Context,
        _links: &mut Links,
        from: PeerId,
        it: &Weights,
    ) -> Result<(), Fault> {
        self.take(cx, from, it);
        Ok(())
    }

    /// A latecomer asks for a model to go on from. One that trains is about to send its next to all neighbours.
    fn asked(
        &mut self,
        cx: &mut Context,
        _links: &mut Links,
        from: PeerId,
        _it: &Arc<Announcement>,
        request: Option<RequestId>,
    ) {
        let Ok(place) = self.peers.binary_search(&from) else {
            return cx.reply(from, request, Response::Wanted(false));
        };
        let gives = self.gives();
        cx.reply(from, request, Response::Wanted(gives.is_some() || matches!(self.at, At::Fit(_))));
        if let Some(round) = gives {
            self.give(cx, place, &self.weights_of(round));
        }
    }

    /// A model could not be delivered, or a neighbour says whether it has one.
    fn response(&mut self, cx: &mut Context, _links: &mut Links, request: RequestId, it: &Response) {
        if self.search.as_mut().is_some_and(|search| search.answered(cx, request, it)) {
            return self.begin(cx);
        }
        let place = (request & !MODEL_REQUEST) as usize;
        if request & MODEL_REQUEST != 0 && *it == Response::Unreachable && place < self.neighbours.len() {
            self.give_up(cx, place);
        }
    }

    fn neighbour(&mut self, cx: &mut Context, _links: &mut Links, change: Change) -> Result<(), Fault> {
        let (Change::Connected(peer) | Change::Gone(peer)) = change;
        let Ok(place) = self.peers.binary_search(&peer) else { return Ok(()) };
        match change {
            Change::Connected(_) => self.welcome(cx, place),
            Change::Gone(_) => self.give_up(cx, place),
        }
        Ok(())
    }

    /// The time to wait is up.
    fn timer(&mut self, cx: &mut Context, links: &mut Links, _timer: Timer) -> Result<(), Fault> {
        if self.at == At::Wait {
            self.mix(cx);
        } else if self.search.as_mut().is_some_and(|it| it.timeout(cx, links)) {
            self.begin(cx);
        }
        Ok(())
    }

    fn waits_for(&self, _links: &Links) -> String {
        match self.at {
            At::Idle if self.finished => "nothing: it has finished".into(),
            At::Idle => "the start of learning".into(),
            At::Late => "a neighbour's model to go on from, or that all say they have none".into(),
            At::Fit(_) | At::Mix(_) => format!("round {}: its own computing", self.round),
            At::Wait => {
                let missing: Vec<String> = self.missing().take(5).map(|peer| peer.to_string()).collect();
                format!("round {}: models of node {}", self.round, missing.join(", "))
            }
        }
    }

    fn stage(&self) -> Option<Stage> {
        self.at.stage()
    }

    fn prefetch(&self) -> u64 {
        u64::from(self.round ^ self.awaited ^ self.samples)
    }

    fn prefetch_deep(&self) -> u64 {
        let peer = self.peers.first().copied().unwrap_or(0);
        // Several lie in a line of memory.
        let neighbours = self.neighbours.iter().step_by(2).map(Neighbour::degree).fold(0, |a, b| a ^ b);
        u64::from(peer ^ neighbours) ^ self.model.layout().parameters()
    }
}

impl Synchronous {
    fn train(&mut self, cx: &mut Context) {
        self.round_began = cx.now;
        cx.record(Record::RoundStarted(self.round));
        self.jobs += 1;
        self.enter(cx, At::Fit(self.jobs));
        let epochs = self.experiment.as_ref().map_or(1, |it| it.epochs);
        let (start, state) = (Arc::clone(&self.model), self.kept.training());
        let job = Job::Train { round: self.round, epochs, start, state };
        cx.start_job(self.jobs, job);
    }

    fn swap(&mut self, cx: &mut Context) {
        let weights = self.weights_of(self.round);
        for place in 0..self.neighbours.len() {
            self.give(cx, place, &weights);
        }
        self.enter(cx, At::Wait);
        self.awaited = self.missing().count() as u32;
        if !self.mix_if_complete(cx) {
            let end = cx.now + cx.rules.settings.training.aggregation_timeout.0;
            cx.set_timer(Timer::Stage, end, Weight::Progress);
        }
    }

    /// A neighbour's model.
    fn take(&mut self, cx: &mut Context, from: PeerId, weights: &Weights) {
        let Ok(place) = self.peers.binary_search(&from) else { return };
        let Ok(round) = u32::try_from(weights.round) else { return };
        let rounds = self.experiment.as_ref().map_or(round, |it| it.rounds.saturating_sub(1));
        if weights.command != Command::PartialModel
            || self.model.layout() != weights.model.layout()
            || round > rounds
        {
            return;
        }
        let neighbour = &mut self.neighbours[place];
        let back = neighbour.set_gone(false);
        if self.at == At::Late {
            return self.catch_up(cx, round, &weights.model);
        }
        let awaited = !neighbour.has_reached(self.round);
        if round >= self.round {
            neighbour.keep(round, Arc::clone(&weights.model));
        }
        if self.at != At::Wait {
            return;
        }
        if back {
            // One that was given up and is back is waited for again.
            self.awaited = self.missing().count() as u32;
        } else if awaited && round >= self.round {
            // Counted down, not over again: looking at all neighbours at every message would cost their square.
            self.awaited -= 1;
        }
        self.mix_if_complete(cx);
    }

    /// A latecomer goes on from a neighbour's model, in the round after it.
    fn catch_up(&mut self, cx: &mut Context, round: u32, model: &Arc<Model>) {
        let Some(experiment) = &self.experiment else { return };
        self.search = None;
        self.model = Arc::clone(model);
        self.round = round + 1;
        if self.round < experiment.rounds {
            self.train(cx);
        } else {
            self.finish(cx);
        }
    }

    /// A latecomer has found no neighbour with a model: it begins with its own.
    fn begin(&mut self, cx: &mut Context) {
        self.search = None;
        self.train(cx);
    }

    /// Does not wait for a neighbour until it is heard from again.
    fn give_up(&mut self, cx: &mut Context, place: usize) {
        self.neighbours[place].set_gone(true);
        if self.at == At::Wait {
            self.awaited = self.missing().count() as u32;
            self.mix_if_complete(cx);
        }
    }

    /// Gives a newcomer the model to go on from. One that comes while the node trains gets its next.
    fn welcome(&self, cx: &mut Context, place: usize) {
        if let Some(round) = self.gives() {
            self.give(cx, place, &self.weights_of(round));
        }
    }

    /// The round whose model the node can give to a newcomer now.
    fn gives(&self) -> Option<u32> {
        match self.at {
            At::Wait | At::Mix(_) => Some(self.round),
            At::Idle if self.finished => self.round.checked_sub(1),
            At::Idle | At::Late | At::Fit(_) => None,
        }
    }

    fn weights_of(&self, round: u32) -> Arc<Weights> {
        Arc::new(Weights {
            command: Command::PartialModel,
            round: round as i32,
            contributors: Arc::clone(&self.itself),
            samples: self.samples,
            model: Arc::clone(&self.model),
        })
    }

    fn give(&self, cx: &mut Context, place: usize, weights: &Arc<Weights>) {
        let expect = Expect::Failure(MODEL_REQUEST | place as u32);
        cx.send(self.peers[place], Message::Weights(Arc::clone(weights)), expect);
    }

    fn missing(&self) -> impl Iterator<Item = PeerId> + '_ {
        let round = self.round;
        let missing = move |it: &&Neighbour| !it.is_gone() && !it.has_reached(round);
        self.peers.iter().zip(&self.neighbours).filter(move |(_, it)| missing(it)).map(|(peer, _)| *peer)
    }

    fn mix_if_complete(&mut self, cx: &mut Context) -> bool {
        let complete = self.awaited == 0;
        if complete {
            self.mix(cx);
        }
        complete
    }

    /// Mixes with what has come; what is missing counts for the node itself.
    fn mix(&mut self, cx: &mut Context) {
        let Workflow::Dpsgd(spec) = &cx.rules.workflow else { return };
        let degree = self.neighbours.len() as u32;
        let mut parts = Vec::with_capacity(self.neighbours.len() + 1);
        let part = |from, model, weight| Part { from, contributors: None, weight, model };
        parts.push(part(self.itself[0], Arc::clone(&self.model), 0.0));
        let mut rest = 1.0;
        for (peer, neighbour) in self.peers.iter().zip(&mut self.neighbours) {
            let weight = weight(spec, degree, neighbour.degree());
            if let Some(model) = neighbour.take(self.round) {
                rest -= weight;
                parts.push(part(*peer, model, weight));
            }
        }
        parts[0].weight = rest;
        let mixture = Mixture {
            parts,
            own: Arc::clone(&self.model),
            round: self.round,
            rounds: self.experiment.as_ref().map_or(0, |it| it.rounds),
            state: self.kept.rule(),
        };
        self.jobs += 1;
        self.enter(cx, At::Mix(self.jobs));
        cx.start_job(self.jobs, Job::Aggregate(mixture));
    }

    fn finish_round(&mut self, cx: &mut Context) {
        cx.record(Record::RoundFinished {
            round: self.round,
            took: cx.now.since(self.round_began),
            model: Arc::clone(&self.model),
            train_set: None,
            trained: true,
        });
        self.round += 1;
        if self.experiment.as_ref().is_some_and(|it| self.round < it.rounds) {
            self.train(cx);
        } else {
            self.finish(cx);
        }
    }

    fn finish(&mut self, cx: &mut Context) {
        self.enter(cx, At::Idle);
        self.experiment = None;
        self.finished = true;
        cx.record(Record::Finished);
    }

    fn enter(&mut self, cx: &mut Context, at: At) {
        if let Some(stage) = self.at.stage() {
            cx.record(Record::Stage(stage, cx.now.since(self.entered)));
        }
        if matches!(self.at, At::Wait | At::Late) {
            cx.cancel_timer(Timer::Stage);
        }
        self.entered = cx.now;
        self.at = at;
    }
}

/// The weight of a neighbour's model: Metropolis–Hastings (Xiao, Boyd and Kim 2007), or uniform.
fn weight(spec: &Spec, own: u32, theirs: u32) -> f64 {
    match spec.mixing {
        Mixing::MetropolisHastings => 1.0 / (1.0 + f64::from(own.max(theirs))),
        Mixing::Uniform => 1.0 / (1.0 + f64::from(own)),
    }
}
