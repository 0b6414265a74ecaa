//! Watches over a run: hears what happens to nodes, and sees when the run is over. What it makes happen is in `playing`,
//! what it leaves in `ending`.

use super::shared::{Event, LastWord, Shared};
use super::sockets::Sockets;
use crate::engine::course::roster::{self, Counts, Member};
use crate::engine::course::script::Script;
use crate::engine::course::verdict::{Halt, State, Verdict};
use crate::engine::evaluate::Evaluator;
use crate::engine::recent::Recent;
use crate::engine::{Details, Doing, Fate, Run, Snapshot, Watch};
use crate::learning::Model;
use crate::metrics::result::Outcome;
use crate::metrics::{Laps, RoundLog, Series, Tracer};
use crate::time::Time;
use crate::wire::PeerId;
use flume::Receiver;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often the supervisor looks around, beside when something happens. Throughput is taken in these intervals.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// How often it looks whether learning can start, and the script whether it is its time.
const FINE: Duration = Duration::from_millis(5);

/// The supervisor of a run.
pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    pub(super) events: Receiver<Event>,
    pub(super) members: Vec<Member>,
    pub(super) counts: Counts,
    pub(super) script: Script,
    /// The last words of tasks that have ended.
    pub(super) words: Vec<Option<Box<LastWord>>>,
    pub(super) rounds: RoundLog,
    /// How many nodes have finished each round, in this life.
    finished: Vec<u32>,
    pub(super) evaluator: Evaluator,
    pub(super) series: Series,
    /// Who came and went.
    pub(super) tracer: Tracer,
    /// For who wants details: latencies of the last seconds, and how many happenings were told, of nodes and of the script.
    recent: Option<(Recent, [usize; 2])>,
    /// CPU time of a probe's cells.
    pub(super) laps: Option<Laps>,
    pub(super) warnings: Vec<String>,
    pub(super) faults: Vec<String>,
    /// Why learning cannot start, once that is certain.
    pub(super) unable: Option<String>,
    /// The model with which node 0 finished its last round.
    pub(super) model: Option<Arc<Model>>,
}

impl Supervisor {
    pub(super) fn new(shared: Arc<Shared>, events: Receiver<Event>) -> Self {
        let plan = &shared.plan;
        let (nodes, rounds) = (plan.nodes() as usize, plan.rules.workflow.rounds());
        let evaluator = Evaluator::new(
            Arc::clone(&plan.learner),
            plan.rules.seed,
            plan.nodes(),
            rounds,
            plan.evaluate_every,
        );
        Self {
            members: vec![Member::default(); nodes],
            counts: Counts::default(),
            script: Script::new(plan),
            words: std::iter::repeat_with(|| None).take(nodes).collect(),
            rounds: RoundLog::default(),
            finished: vec![0; rounds as usize],
            evaluator,
            series: Series::default(),
            tracer: Tracer::new(&plan.followed),
            recent: None,
            laps: plan.rules.workflow.grid().is_some().then(Laps::default),
            warnings: Vec::new(),
            faults: Vec::new(),
            unable: None,
            model: None,
            events,
            shared,
        }
    }

    /// Until the run is over.
    pub(super) async fn run(mut self, watch: &mut dyn Watch) -> Run {
        let halt = Halt::of(&self.shared.plan, watch.interrupted());
        self.recent = watch.wants_details().then(Default::default);
        self.bring_up();
        let mut next_tick = TICK;
        let verdict = loop {
            self.hear().await;
            let now = self.now();
            if self.shared.zero().is_none() {
                self.start_learning(now);
            } else {
                self.play(now);
            }
            let wall = Duration::from_nanos(self.shared.clock.wall());
            let verdict = match halt.due(wall) {
                Some((outcome, reason)) => Some(Verdict { outcome, reason: Some(reason), end: now }),
                None => self.judge(now),
            };
            if wall >= next_tick {
                next_tick = wall + TICK;
                self.sample(wall);
                let mut snapshot = self.snapshot(wall);
                snapshot.details = self.details(wall);
                watch.update(&snapshot);
            }
            if let Some(verdict) = verdict {
                break verdict;
            }
        };
        self.end(verdict, watch).await
    }

    pub(super) fn now(&self) -> Time {
        self.shared.clock.scenario(self.shared.clock.wall())
    }

    /// Waits a little for events, and takes all there are.
    async fn hear(&mut self) {
        if let Ok(Ok(event)) = tokio::time::timeout(FINE, self.events.recv_async()).await {
            self.event(event);
        }
        while let Ok(event) = self.events.try_recv() {
            self.event(event);
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Ready { node, life, at } => {
                let it = &mut self.members[node as usize];
                if it.life == life {
                    self.counts.ready(it, at);
                }
            }
            Event::Started { node, life } => {
                let it = &mut self.members[node as usize];
                if it.life == life {
                    self.counts.started(it);
                }
            }
            Event::RoundStarted(round, at) => {
                let written = self.written();
                self.laps.as_mut().into_iter().for_each(|it| it.begins(round, written));
                self.rounds.started(round, at);
                self.counts.entered(round);
            }
            Event::RoundFinished { node, round, at, model, train_set, trained } => {
                let written = self.written();
                self.laps.as_mut().into_iter().for_each(|it| it.ends(round, written));
                self.rounds.finished(round, node, at, train_set.as_deref());
                self.members[node as usize].finished_round(trained);
                if node == 0 {
                    self.model = Some(Arc::clone(&model));
                }
                self.evaluator.finished(round, node, model);
                if let Some(finished) = self.finished.get_mut(round as usize) {
                    *finished += 1;
                    if *finished == self.shared.plan.nodes() {
                        self.evaluator.complete(round);
                    }
                }
            }
            Event::Ended { node, life, fate, at, why } => self.ended(node, life, fate, at, why),
            Event::Noticed(text) => self.warnings.push(text),
            Event::Report(node, word) => self.words[node as usize] = Some(word),
        }
    }

    /// Bytes written to sockets so far.
    fn written(&self) -> u64 {
        self.shared.sockets.as_ref().map_or(0, Sockets::written)
    }

    fn ended(&mut self, node: PeerId, life: u16, fate: Fate, at: Time, why: Option<String>) {
        if let Some(what) = fate.happening() {
            self.tracer.happened(node, what, at);
        }
        let plan = &self.shared.plan;
        self.counts.ended(&mut self.members[node as usize], life, fate, at, plan.settling());
        if matches!(fate, Fate::Panicked | Fate::Failed) {
            self.faults.push(roster::fault(node, fate, &why.unwrap_or_default()));
            self.script.gone(plan, node, life, at);
        }
    }

    /// Whether the run is over.
    fn judge(&self, now: Time) -> Option<Verdict> {
        if let Some(reason) = &self.unable {
            return Some(Verdict { outcome: Outcome::Failed, reason: Some(reason.clone()), end: now });
        }
        let shared = &self.shared;
        // What peers outside may yet do nobody knows.
        let alone = shared.sockets.as_ref().is_none_or(Sockets::knows_nobody_outside);
        State {
            plan: &shared.plan,
            script: &self.script,
            counts: self.counts,
            zero: shared.zero()?,
            reached: now,
            next: Some(now),
            inputs: 0,
            idle: alone && shared.pending.load(Ordering::Relaxed) == 0 && self.events.is_empty(),
            finished: &|node| self.members[node as usize].has_finished(),
        }
        .judge()
    }

    pub(super) fn sample(&mut self, wall: Duration) {
        let (messages, bytes) = self.shared.workers.handled();
        self.series.sample(wall.as_secs_f64(), messages, bytes);
    }

    /// What the nodes are doing, if anybody wants to know.
    pub(super) fn details(&mut self, wall: Duration) -> Option<Details> {
        let (recent, seen) = self.recent.as_mut()?;
        let mut happened = Vec::new();
        for (tracer, seen) in [&self.tracer, &self.script.tracer].into_iter().zip(seen) {
            let more = tracer.since(*seen);
            *seen += more.len();
            happened.extend_from_slice(more);
        }
        happened.sort_by_key(|it| it.at);
        let every = Details::every(self.shared.plan.nodes());
        let zero = self.shared.zero().unwrap_or_default();
        let nodes = (0..).zip(&self.members).step_by(every as usize);
        let doing = |(node, it): (PeerId, &Member)| Doing::of(it.fate, self.shared.stage_of(node));
        Some(Details {
            nodes: nodes.map(doing).collect(),
            every,
            latency: recent.add(wall, &self.shared.workers.take_recent()),
            happened: happened.iter().map(|it| it.mark(zero)).collect(),
        })
    }

    pub(super) fn snapshot(&self, wall: Duration) -> Snapshot {
        let (messages, bytes) = self.shared.workers.handled();
        Snapshot {
            scenario_s: self.shared.zero().map(|zero| self.now().since(zero).as_secs_f64()),
            wall_s: wall.as_secs_f64(),
            rounds_done: match self.shared.zero() {
                Some(_) => roster::slowest((0..).zip(&self.members)).unwrap_or(self.finished.len() as u32),
                None => 0,
            },
            furthest_round: self.counts.furthest.checked_sub(1),
            nodes_finished: self.counts.done as u32,
            messages,
            bytes,
            details: None,
        }
    }
}
