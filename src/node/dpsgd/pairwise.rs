//! Asynchronous decentralised parallel stochastic gradient descent (Lian, Zhang, Zhang and Liu 2018): nobody waits for
//! a round. A node trains; then it averages with one neighbour, drawn evenly, so that both hold the mean of the same two
//! models; then it adds what training has changed:
//!
//! `x_i, x_j ← (x_i + x_j) / 2`, then `x_i ← x_i + (trained − start)`.
//!
//! While a node trains others may average with it, as in the paper: what training changes is found at the model that it
//! began with, and added to the one that there is by then.
//!
//! How two nodes come to average the same, without a lock over the network, is in `partner`; here is the step.

use super::partner::{self, Partners, Request};
use super::search::Search;
use crate::learning::{Mixture, Model, Part};
use crate::node::Stage;
use crate::node::context::Context;
use crate::node::io::{Job, JobId, JobResult, Record, RequestId, Timer, Weight};
use crate::node::kept::Kept;
use crate::node::links::{Change, Links};
use crate::node::machine::{Birth, Fault, Machine};
use crate::random::Purpose;
use crate::time::Time;
use crate::wire::{Announcement, Experiment, PeerId, Response, Weights};
use rand::RngExt;
use std::sync::Arc;
use std::time::Duration;

/// Who is refused pauses for as long as it took to hear of it, but not for less, and each time twice as long.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// A node's state in the workflow.
#[derive(Debug)]
pub struct Pairwise {
    model: Arc<Model>,
    partners: Partners,
    kept: Kept,
    experiment: Option<Arc<Experiment>>,
    /// Steps made.
    round: u32,
    at: At,
    entered: Time,
    round_began: Time,
    jobs: JobId,
    /// The average with a neighbour that asked, while it is being computed.
    averaging: Option<JobId>,
    /// What training began with and what it made, until it is added.
    step: Option<(Arc<Model>, Arc<Model>)>,
    /// Partners drawn, and refusals one after another, in this step.
    drawn: u32,
    refused: u32,
    /// Of a latecomer that has no model yet.
    search: Option<Search>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Idle,
    /// Came up while the run was under way: waits for a neighbour's model to go on from.
    Late,
    Fit(JobId),
    /// Has trained; finishes what it has taken on, and then asks.
    Ready,
    /// Waits for the model of the neighbour that it asked, since then. Its own does not change.
    Asked(Time),
    /// Was refused, and pauses.
    Refused,
    Mix(JobId),
    /// All steps are made. It still averages with those who ask.
    Done,
    Stopped,
}

impl At {
    const fn stage(self) -> Option<Stage> {
        match self {
            Self::Idle | Self::Late | Self::Done | Self::Stopped => None,
            Self::Fit(_) => Some(Stage::Train),
            Self::Ready | Self::Asked(_) | Self::Refused => Some(Stage::Wait),
            Self::Mix(_) => Some(Stage::Aggregate),
        }
    }
}

impl Machine for Pairwise {
    fn new(cx: &Context, birth: Birth) -> Self {
        let Birth { node, model, samples, start } = birth;
        Self {
            model,
            partners: Partners::new(node, samples, &start.neighbours),
            kept: Kept::default(),
            experiment: None,
            round: 0,
            at: if start.late { At::Late } else { At::Idle },
            entered: cx.now,
            round_began: cx.now,
            jobs: 0,
            averaging: None,
            step: None,
            drawn: 0,
            refused: 0,
            search: None,
        }
    }

    /// The engine starts every node.
    fn start(&mut self, cx: &mut Context, _links: &mut Links, experiment: Arc<Experiment>) {
        if self.experiment.is_none() && matches!(self.at, At::Idle | At::Late) {
            self.experiment = Some(experiment);
            cx.record(Record::Started);
            if self.at == At::Late {
                self.search = Some(Search::begin(cx));
            } else {
                self.train(cx);
            }
        }
    }

    /// Learning ends before its time.
    fn stop(&mut self, cx: &mut Context, _links: &mut Links) {
        if self.experiment.take().is_some() {
            self.search = None;
            self.partners.forget_requests();
            self.enter(cx, At::Stopped);
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
        if self.averaging == Some(job) {
            self.averaging = None;
            self.model = model;
            self.go_on(cx);
            return Ok(());
        }
        match self.at {
            At::Fit(id) if id == job => {
                self.kept.trained(state);
                if let Some((_, trained)) = &mut self.step {
                    *trained = model;
                }
                self.enter(cx, At::Ready);
                self.go_on(cx);
            }
            At::Mix(id) if id == job => {
                self.model = model;
                self.finish_round(cx);
            }
            _ => {}
        }
        Ok(())
    }

    /// A neighbour asks to average.
    fn swap(&mut self, cx: &mut Context, from: PeerId, it: &Weights, request: Option<RequestId>) {
        // Nobody waits for an answer to it: the network has made a copy.
        if request.is_none() {
            return;
        }
        let sound = self.is_sound(it) && self.partners.back(from);
        let answer = match self.at {
            _ if !sound => partner::refusal(),
            At::Stopped => partner::refusal(),
            // It is a model to go on from all the same.
            At::Late => Response::Wanted(false),
            At::Ready | At::Asked(_) => Response::Wanted(self.partners.yields_to(from, it, self.round)),
            At::Idle | At::Fit(_) | At::Refused | At::Mix(_) | At::Done => Response::Wanted(true),
        };
        let takes = answer == Response::Wanted(true);
        cx.reply(from, request, answer);
        if takes {
            let model = Arc::clone(&it.model);
            self.partners.keep(Request { from, round: it.round, model });
            self.go_on(cx);
        } else if sound && self.at == At::Late {
            self.catch_up(cx, it.round, &it.model);
        }
    }

    /// A neighbour's model comes: the one that was asked for, or one to go on from.
    fn weights(
        &mut self,
        cx: &mut Context,
        _links: &mut Links,
        from: PeerId,
        it: &Weights,
    ) -> Result<(), Fault> {
        if !self.is_sound(it) || !self.partners.back(from) {
            return Ok(());
        }
        match self.at {
            At::Late => self.catch_up(cx, it.round.saturating_add(1), &it.model),
            At::Asked(_) if self.partners.is_asked(from) && it.round == self.round as i32 => {
                self.mix(cx, Some((from, Arc::clone(&it.model))));
            }
            _ => {}
        }
        Ok(())
    }

    /// A latecomer asks for a model to go on from.
    fn asked(
        &mut self,
        cx: &mut Context,
        _links: &mut Links,
        from: PeerId,
        _it: &Arc<Announcement>,
        request: Option<RequestId>,
    ) {
        let gives = self.has_model() && self.partners.back(from);
        cx.reply(from, request, Response::Wanted(gives));
        if gives {
            self.partners.welcome(cx, from, self.round as i32 - 1, &self.model);
        }
    }

    /// The neighbour that was asked says whether it averages, or could not be reached; or whether it has a model.
    fn response(&mut self, cx: &mut Context, _links: &mut Links, request: RequestId, it: &Response) {
        if self.search.as_mut().is_some_and(|search| search.answered(cx, request, it)) {
            return self.begin(cx);
        }
        let At::Asked(since) = self.at else { return };
        if !self.partners.is_request(request) {
            return;
        }
        match it {
            Response::Wanted(true) => {}
            Response::Wanted(false) => {
                let pause = cx.now.since(since).max(SHORTEST_PAUSE).saturating_mul(1 << self.refused.min(10));
                self.refused += 1;
                self.enter(cx, At::Refused);
                cx.set_timer(Timer::Stage, cx.now + pause, Weight::Progress);
                self.go_on(cx);
            }
            Response::Empty | Response::Error(_) | Response::Timeout | Response::Unreachable => {
                self.partners.failed(self.round);
                self.ask_again(cx);
            }
        }
    }

    fn neighbour(&mut self, cx: &mut Context, _links: &mut Links, change: Change) -> Result<(), Fault> {
        match change {
            Change::Connected(peer) => {
                if self.partners.back(peer) && self.has_model() {
                    self.partners.welcome(cx, peer, self.round as i32 - 1, &self.model);
                }
            }
            Change::Gone(peer) => {
                if self.partners.gone(peer) && matches!(self.at, At::Asked(_)) {
                    self.ask_again(cx);
                }
            }
        }
        Ok(())
    }

    /// The pause is over, or the neighbour has not sent its model in time.
    fn timer(&mut self, cx: &mut Context, links: &mut Links, _timer: Timer) -> Result<(), Fault> {
        match self.at {
            At::Asked(_) => self.partners.failed(self.round),
            At::Refused => {}
            At::Late => {
                if self.search.as_mut().is_some_and(|it| it.timeout(cx, links)) {
                    self.begin(cx);
                }
                return Ok(());
            }
            _ => return Ok(()),
        }
        self.ask_again(cx);
        Ok(())
    }

    fn waits_for(&self, _links: &Links) -> String {
        let round = self.round;
        match self.at {
            At::Done => "nothing: it has finished".into(),
            At::Stopped => "nothing: learning was stopped".into(),
            At::Idle => "the start of learning".into(),
            At::Late => "a neighbour's model to go on from, or that all say they have none".into(),
            At::Fit(_) | At::Ready | At::Mix(_) => format!("step {round}: its own computing"),
            At::Asked(_) => format!("step {round}: the model of {}", self.partners.asked_in_words()),
            At::Refused => format!("step {round}: a neighbour that is free to average with"),
        }
    }

    fn stage(&self) -> Option<Stage> {
        self.at.stage()
    }
}

impl Pairwise {
    fn train(&mut self, cx: &mut Context) {
        self.round_began = cx.now;
        (self.drawn, self.refused) = (0, 0);
        cx.record(Record::RoundStarted(self.round));
        let job = self.next_job();
        self.enter(cx, At::Fit(job));
        let epochs = self.experiment.as_ref().map_or(1, |it| it.epochs);
        self.step = Some((Arc::clone(&self.model), Arc::clone(&self.model)));
        let (start, state) = (Arc::clone(&self.model), self.kept.training());
        cx.start_job(job, Job::Train { round: self.round, epochs, start, state });
    }

    /// Does what comes next: first what it has taken on, then its own. It takes on nothing while its model must not
    /// change or is about to.
    fn go_on(&mut self, cx: &mut Context) {
        if self.averaging.is_some() || matches!(self.at, At::Asked(_) | At::Mix(_) | At::Stopped) {
            return;
        }
        if let Some(request) = self.partners.next_request() {
            self.partners.answer(cx, &request, &self.model);
            let job = self.next_job();
            self.averaging = Some(job);
            let own = self.partners.node();
            let parts = vec![(own, Arc::clone(&self.model), 0.5), (request.from, request.model, 0.5)];
            return cx.start_job(job, self.average(parts));
        }
        if self.at == At::Ready {
            self.ask(cx);
        }
    }

    /// Asks a neighbour to average. Without any the step is made alone.
    fn ask(&mut self, cx: &mut Context) {
        let there = self.partners.there(self.round);
        if there == 0 {
            return self.mix(cx, None);
        }
        let counter = (u64::from(self.round) << 32) | u64::from(self.drawn);
        self.drawn += 1;
        let mut random = cx.random(self.partners.node(), Purpose::Partner, counter);
        let chosen = random.random_range(0..there);
        self.enter(cx, At::Asked(cx.now));
        let end = cx.now + cx.rules.settings.training.aggregation_timeout.0;
        cx.set_timer(Timer::Stage, end, Weight::Progress);
        self.partners.ask(cx, chosen, self.round, &self.model);
    }

    fn is_sound(&self, weights: &Weights) -> bool {
        let rounds = self.experiment.as_ref().map_or(u32::MAX, |it| it.rounds);
        self.model.layout() == weights.model.layout() && i64::from(weights.round) < i64::from(rounds)
    }

    /// A latecomer goes on from a neighbour's model, in the step that the neighbour is in.
    fn catch_up(&mut self, cx: &mut Context, round: i32, model: &Arc<Model>) {
        let Some(rounds) = self.experiment.as_ref().map(|it| it.rounds) else { return };
        self.search = None;
        self.model = Arc::clone(model);
        self.round = u32::try_from(round).unwrap_or(0);
        if self.round < rounds {
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

    /// Whether it has a model that a newcomer can go on from.
    const fn has_model(&self) -> bool {
        !matches!(self.at, At::Idle | At::Late | At::Stopped)
    }

    fn ask_again(&mut self, cx: &mut Context) {
        self.enter(cx, At::Ready);
        self.go_on(cx);
    }

    /// Averages with the neighbour's model, if there is one, and adds what training has changed.
    fn mix(&mut self, cx: &mut Context, theirs: Option<(PeerId, Arc<Model>)>) {
        self.partners.asks_no_more();
        let Some((start, trained)) = self.step.take() else { return };
        let (node, own) = (self.partners.node(), Arc::clone(&self.model));
        // The difference comes first: where training changes nothing it is exactly zero.
        let mut parts = vec![(node, trained, 1.0), (node, start, -1.0)];
        match theirs {
            Some((from, theirs)) => parts.extend([(node, own, 0.5), (from, theirs, 0.5)]),
            None => parts.push((node, own, 1.0)),
        }
        let job = self.next_job();
        self.enter(cx, At::Mix(job));
        cx.start_job(job, self.average(parts));
    }

    /// The job that adds models up. A rule that keeps a state takes no such parts: see `Rule::takes_partials`.
    fn average(&self, parts: Vec<(PeerId, Arc<Model>, f64)>) -> Job {
        let part = |(from, model, weight)| Part { from, contributors: None, weight, model };
        Job::Aggregate(Mixture {
            parts: parts.into_iter().map(part).collect(),
            own: Arc::clone(&self.model),
            round: self.round,
            rounds: self.experiment.as_ref().map_or(0, |it| it.rounds),
            state: None,
        })
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
        self.go_on(cx);
    }

    fn finish(&mut self, cx: &mut Context) {
        self.experiment = None;
        self.enter(cx, At::Done);
        cx.record(Record::Finished);
    }

    fn enter(&mut self, cx: &mut Context, at: At) {
        if self.at.stage() != at.stage() {
            if let Some(stage) = self.at.stage() {
                cx.record(Record::Stage(stage, cx.now.since(self.entered)));
            }
            self.entered = cx.now;
        }
        if matches!(self.at, At::Asked(_) | At::Refused | At::Late) {
            cx.cancel_timer(Timer::Stage);
        }
        self.at = at;
    }

    fn next_job(&mut self) -> JobId {
        self.jobs += 1;
        self.jobs
    }

    /// What it holds now.
    #[cfg(test)]
    pub const fn model(&self) -> &Arc<Model> {
        &self.model
    }
}
