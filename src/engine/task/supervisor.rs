//! Watches over a run: hears what happens to nodes, and sees when the run is over. What it makes happen is in `playing`,
//! what it leaves in `ending`.

use super::shared::{Event, LastWord, Shared};
use super::sockets::Sockets;
use crate::engine::course::ending::{Away, Standing, Verdict, brings};
use crate::engine::course::start::Anew;
use crate::engine::evaluate::Evaluator;
use crate::engine::recent::Recent;
use crate::engine::{Details, Doing, Fate, Run, Snapshot, Watch};
use crate::learning::Model;
use crate::metrics::result::{Nodes, Outcome};
use crate::metrics::{Laps, RoundLog, Series, Tracer};
use crate::network::churn::Churns;
use crate::node::spec::Workflow;
use crate::scenario::script::At;
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
    pub(super) nodes: Vec<NodeState>,
    pub(super) counts: Nodes,
    pub(super) rounds: RoundLog,
    /// How many nodes have finished each round, in this life.
    pub(super) finished: Vec<u32>,
    pub(super) furthest: Option<u32>,
    pub(super) evaluator: Evaluator,
    pub(super) series: Series,
    /// What the script did, and who came and went.
    pub(super) tracer: Tracer,
    /// For who wants details: latencies of the last seconds, and how many happenings were told.
    recent: Option<(Recent, usize)>,
    /// CPU time of a probe's cells.
    pub(super) laps: Option<Laps>,
    pub(super) warnings: Vec<String>,
    /// Script entries that have not fired yet.
    pub(super) pending: Vec<usize>,
    /// Nodes that come and go.
    pub(super) churns: Churns,
    /// When to look whether anybody learns.
    pub(super) anew: Anew,
    /// Until when what the script did may still come to light by missing heartbeats.
    pub(super) unsettled: Time,
    /// The script has told a node to stop.
    pub(super) asked_to_stop: bool,
    pub(super) faults: Vec<String>,
    /// Why learning cannot start, once that is certain.
    pub(super) unable: Option<String>,
    /// The model with which node 0 finished its last round.
    pub(super) model: Option<Arc<Model>>,
}

#[derive(Debug)]
pub(super) struct NodeState {
    pub(super) fate: Fate,
    /// Whether it has made its connections and heard of everyone that it can hear of.
    pub(super) ready: bool,
    /// Whether the run waits for it: it was there when learning began, or has started learning since.
    pub(super) takes_part: bool,
    /// Whether it has started learning since it came up.
    pub(super) started: bool,
    pub(super) rounds_finished: u32,
    pub(super) rounds_trained: u32,
    pub(super) finished_at: Option<Time>,
    pub(super) word: Option<Box<LastWord>>,
    /// It has crashed at some time.
    pub(super) crashed: bool,
    /// It was told to crash or leave and has not said yet that it is gone.
    pub(super) going: bool,
    /// It comes back as soon as it is gone.
    pub(super) returns: Option<Return>,
}

/// How a node comes up after learning began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Return {
    Join,
    Restart,
}

impl NodeState {
    /// Whether it is up, as far as is known.
    pub(super) fn is_there(&self) -> bool {
        matches!(self.fate, Fate::Up | Fate::Finished | Fate::Stopped)
    }
}

impl Supervisor {
    pub(super) fn new(shared: Arc<Shared>, events: Receiver<Event>) -> Self {
        let plan = &shared.plan;
        let rounds = plan.rules.workflow.rounds();
        let evaluator = Evaluator::new(
            Arc::clone(&plan.learner),
            plan.rules.seed,
            plan.nodes(),
            rounds,
            plan.evaluate_every,
        );
        let absent = || NodeState {
            fate: Fate::Absent,
            ready: false,
            takes_part: false,
            started: false,
            rounds_finished: 0,
            rounds_trained: 0,
            finished_at: None,
            word: None,
            crashed: false,
            going: false,
            returns: None,
        };
        Self {
            nodes: std::iter::repeat_with(absent).take(plan.nodes() as usize).collect(),
            counts: Nodes { total: plan.nodes(), ..Nodes::default() },
            rounds: RoundLog::default(),
            finished: vec![0; rounds as usize],
            furthest: None,
            evaluator,
            series: Series::default(),
            tracer: Tracer::new(&plan.followed),
            recent: None,
            laps: matches!(plan.rules.workflow, Workflow::Probe(_)).then(Laps::default),
            warnings: Vec::new(),
            pending: (0..plan.script.len()).collect(),
            churns: Churns::default(),
            anew: Anew::default(),
            unsettled: Time::ZERO,
            asked_to_stop: false,
            faults: Vec::new(),
            unable: None,
            model: None,
            events,
            shared,
        }
    }

    /// Until the run is over.
    pub(super) async fn run(mut self, watch: &mut dyn Watch) -> Run {
        let interrupted = watch.interrupted();
        self.recent = watch.wants_details().then(Default::default);
        self.bring_up();
        let mut verdict = None;
        let mut next_tick = TICK;
        while verdict.is_none() {
            self.hear().await;
            let now = self.now();
            if self.shared.zero().is_none() {
                self.start_learning(now);
            } else {
                self.play(now);
            }
            verdict = if interrupted.load(Ordering::Relaxed) {
                let reason = Some("interrupted by the user".to_owned());
                Some(Verdict { outcome: Outcome::Interrupted, reason })
            } else {
                self.verdict(now)
            };
            let wall = Duration::from_nanos(self.shared.clock.wall());
            if wall >= next_tick {
                next_tick = wall + TICK;
                self.sample(wall);
                let mut snapshot = self.snapshot(wall);
                snapshot.details = self.details(wall);
                watch.update(&snapshot);
            }
        }
        let verdict = verdict.expect("the loop ended with one");
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
            Event::Ready(node) => self.nodes[node as usize].ready = true,
            Event::Started(node) => {
                let state = &mut self.nodes[node as usize];
                (state.takes_part, state.started) = (true, true);
            }
            Event::RoundStarted(round, at) => {
                let written = self.written();
                self.laps.as_mut().into_iter().for_each(|it| it.begins(round, written));
                self.rounds.started(round, at);
                self.furthest = self.furthest.max(Some(round));
            }
            Event::RoundFinished { node, round, at, model, train_set, trained } => {
                let written = self.written();
                self.laps.as_mut().into_iter().for_each(|it| it.ends(round, written));
                self.rounds.finished(round, node, at, train_set.as_deref());
                let state = &mut self.nodes[node as usize];
                state.rounds_finished += 1;
                state.rounds_trained += u32::from(trained);
                if node == 0 {
                    self.model = Some(Arc::clone(&model));
                }
                self.evaluator.finished(round, node, model);
                if let Some(finished) = self.finished.get_mut(round as usize) {
                    *finished += 1;
                    if *finished == self.counts.total {
                        self.evaluator.complete(round);
                    }
                }
            }
            Event::Ended(node, fate, at, why) => self.ended(node, fate, at, why),
            Event::Noticed(text) => self.warnings.push(text),
            Event::Report(node, word) => self.nodes[node as usize].word = Some(word),
        }
    }

    /// Bytes written to sockets so far.
    fn written(&self) -> u64 {
        self.shared.sockets.as_ref().map_or(0, Sockets::written)
    }

    fn ended(&mut self, node: PeerId, fate: Fate, at: Time, why: Option<String>) {
        if let Some(what) = fate.happening() {
            self.tracer.happened(node, what, at);
        }
        let state = &mut self.nodes[node as usize];
        state.fate = fate;
        match fate {
            Fate::Finished => state.finished_at = Some(at),
            Fate::Panicked | Fate::Failed => {
                let why = why.unwrap_or_default();
                let what = if fate == Fate::Panicked { "panicked" } else { "stopped itself" };
                self.faults.push(format!("node {node} {what}: {why}"));
            }
            Fate::Absent | Fate::Up | Fate::Stopped | Fate::Crashed | Fate::Left => {}
        }
        if matches!(fate, Fate::Crashed | Fate::Left | Fate::Failed | Fate::Panicked) {
            self.unsettle(at);
            self.anew.note(&self.shared.plan.rules, at);
        }
        match fate {
            // A node counts once, however often it crashes.
            Fate::Crashed => {
                let state = &mut self.nodes[node as usize];
                self.counts.crashed += u32::from(!state.crashed);
                state.crashed = true;
            }
            Fate::Left => self.counts.left += 1,
            Fate::Panicked => self.counts.panicked += 1,
            _ => {}
        }
        if matches!(fate, Fate::Crashed | Fate::Left | Fate::Failed | Fate::Panicked) {
            let state = &mut self.nodes[node as usize];
            state.going = false;
            if let Some(how) = state.returns.take() {
                self.come_up(&[node], how);
            }
        }
    }

    /// Something happened that shows only once heartbeats are missed.
    pub(super) fn unsettle(&mut self, now: Time) {
        let heartbeat = &self.shared.plan.rules.settings.heartbeat;
        self.unsettled = self.unsettled.max(now + heartbeat.timeout.0 + 2 * heartbeat.period.0);
    }

    /// Whether the run is over.
    fn verdict(&self, now: Time) -> Option<Verdict> {
        let plan = &self.shared.plan;
        let failed = |reason: String| Some(Verdict { outcome: Outcome::Failed, reason: Some(reason) });
        if let Some(reason) = &self.unable {
            return failed(reason.clone());
        }
        let Some(zero) = self.shared.zero() else {
            return (Duration::from_nanos(self.shared.clock.wall()) >= plan.wall_limit).then(|| Verdict {
                outcome: Outcome::Failed,
                reason: Some("the wall-time limit came before learning started".into()),
            });
        };
        let fires = self.churns.peek().is_some()
            || self.anew.due().is_some()
            || self.pending.iter().any(|&i| matches!(plan.script[i].at, At::Time(_)));
        let unplayed = self.pending.iter().map(|&i| &plan.script[i]);
        let away = |node: PeerId| {
            let state = &self.nodes[node as usize];
            match state.fate {
                _ if state.finished_at.is_some() => None,
                Fate::Crashed => Some(Away::Crashed),
                Fate::Absent | Fate::Left | Fate::Failed | Fate::Panicked => Some(Away::Out),
                Fate::Up | Fate::Finished | Fate::Stopped => None,
            }
        };
        let over = self.standing().over(&plan.rules.workflow, || brings(unplayed, &self.churns, away), fires);
        if over.is_some() {
            return over;
        }
        if now.since(zero) >= plan.time_limit {
            return failed(format!("the limit of scenario time, {:?}, was reached", plan.time_limit));
        }
        if Duration::from_nanos(self.shared.clock.wall()) >= plan.wall_limit {
            return failed(format!("the limit of wall time, {:?}, was reached", plan.wall_limit));
        }
        // What peers outside may yet do nobody knows.
        let alone = self.shared.sockets.as_ref().is_none_or(Sockets::knows_nobody_outside);
        let idle = alone && self.shared.pending.load(Ordering::Relaxed) == 0 && self.events.is_empty();
        (idle && !fires && now >= self.unsettled).then(|| Verdict {
            outcome: Outcome::Stalled,
            reason: Some("nothing is pending that could move any node on".into()),
        })
    }

    /// How the nodes stand. One that goes and comes back is arriving.
    fn standing(&self) -> Standing {
        let mut standing = Standing { asked: self.asked_to_stop, ..Standing::default() };
        for state in &self.nodes {
            match state.fate {
                Fate::Up if state.takes_part => standing.awaited += 1,
                Fate::Up => standing.newcomers += 1,
                Fate::Finished | Fate::Stopped => {
                    standing.done += 1;
                    standing.stopped += u64::from(state.fate == Fate::Stopped);
                }
                Fate::Absent | Fate::Crashed | Fate::Left | Fate::Failed | Fate::Panicked => {}
            }
            standing.arriving |= state.returns.is_some() && state.finished_at.is_none();
        }
        standing
    }

    pub(super) fn sample(&mut self, wall: Duration) {
        let (messages, bytes) = self.shared.workers.handled();
        self.series.sample(wall.as_secs_f64(), messages, bytes);
    }

    /// What the nodes are doing, if anybody wants to know.
    pub(super) fn details(&mut self, wall: Duration) -> Option<Details> {
        let (recent, seen) = self.recent.as_mut()?;
        let happened = self.tracer.since(*seen);
        *seen += happened.len();
        let every = Details::every(self.counts.total);
        let zero = self.shared.zero().unwrap_or_default();
        let nodes = (0..).zip(&self.nodes).step_by(every as usize);
        let doing = |(node, state): (PeerId, &NodeState)| Doing::of(state.fate, self.shared.stage_of(node));
        Some(Details {
            nodes: nodes.map(doing).collect(),
            every,
            latency: recent.add(wall, &self.shared.workers.take_recent()),
            happened: happened.iter().map(|it| it.mark(zero)).collect(),
        })
    }

    pub(super) fn snapshot(&self, wall: Duration) -> Snapshot {
        let slowest = self
            .nodes
            .iter()
            .filter(|it| it.takes_part && it.fate == Fate::Up)
            .map(|it| it.rounds_finished)
            .min();
        let (messages, bytes) = self.shared.workers.handled();
        Snapshot {
            scenario_s: self.shared.zero().map(|zero| self.now().since(zero).as_secs_f64()),
            wall_s: wall.as_secs_f64(),
            rounds_done: match self.shared.zero() {
                Some(_) => slowest.unwrap_or(self.finished.len() as u32),
                None => 0,
            },
            furthest_round: self.furthest,
            nodes_finished: self.nodes.iter().filter(|it| it.fate == Fate::Finished).count() as u32,
            messages,
            bytes,
            details: None,
        }
    }
}
