//! Watches over a run: brings nodes up, has learning started, plays the script, and sees when the run is over.

use super::shared::{Command, Event, LastWord, Shared};
use crate::engine::evaluate::Evaluator;
use crate::engine::{Action, Fate, NodeReport, Run, Snapshot, Watch};
use crate::metrics::result::{Nodes, Outcome, StalledGroup};
use crate::metrics::{RoundLog, Series, ranges};
use crate::node::Stage;
use crate::node::io::{Control, Start};
use crate::node::spec::Workflow;
use crate::scenario::script::At;
use crate::time::Time;
use crate::wire::{Experiment, PeerId};
use flume::Receiver;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often the supervisor looks around, beside when something happens. Throughput is taken in these intervals.
const TICK: Duration = Duration::from_millis(100);
/// How often it looks whether learning can start, and the script whether it is its time.
const FINE: Duration = Duration::from_millis(5);
/// How long the tasks get for their last words.
const FAREWELL: Duration = Duration::from_secs(10);

/// The supervisor of a run.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    events: Receiver<Event>,
    nodes: Vec<NodeState>,
    counts: Nodes,
    rounds: RoundLog,
    /// How many nodes have finished each round, in this life.
    finished: Vec<u32>,
    furthest: Option<u32>,
    evaluator: Evaluator,
    series: Series,
    warnings: Vec<String>,
    /// Script entries that have not fired yet.
    pending: Vec<usize>,
    /// Until when what the script did may still come to light by missing heartbeats.
    unsettled: Time,
    faults: Vec<String>,
}

#[derive(Debug)]
struct NodeState {
    fate: Fate,
    /// Whether it has made its connections and heard of everyone that it can hear of.
    ready: bool,
    /// Whether the run waits for it: it was there when learning began, or has started learning since.
    takes_part: bool,
    rounds_finished: u32,
    rounds_trained: u32,
    finished_at: Option<Time>,
    word: Option<Box<LastWord>>,
    /// It was told to crash or leave and has not said yet that it is gone.
    going: bool,
    /// It comes back as soon as it is gone.
    returns: Option<Return>,
}

/// How a node comes up after learning began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    Join,
    Restart,
}

/// Why a run is over.
struct Verdict {
    outcome: Outcome,
    reason: Option<String>,
}

impl NodeState {
    /// Whether it is up, as far as is known.
    fn is_there(&self) -> bool {
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
            rounds_finished: 0,
            rounds_trained: 0,
            finished_at: None,
            word: None,
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
            warnings: Vec::new(),
            pending: (0..plan.script.len()).collect(),
            unsettled: Time::ZERO,
            faults: Vec::new(),
            events,
            shared,
        }
    }

    /// Until the run is over.
    pub(super) async fn run(mut self, watch: &mut dyn Watch) -> Run {
        let interrupted = watch.interrupted();
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
                watch.update(&self.snapshot(wall));
            }
        }
        let verdict = verdict.expect("the loop ended with one");
        self.end(verdict, watch).await
    }

    fn now(&self) -> Time {
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

    fn event(&mut self, event: Event) {
        match event {
            Event::Ready(node) => self.nodes[node as usize].ready = true,
            Event::Started(node) => self.nodes[node as usize].takes_part = true,
            Event::RoundStarted(round, at) => {
                self.rounds.started(round, at);
                self.furthest = self.furthest.max(Some(round));
            }
            Event::RoundFinished { node, round, at, model, train_set, trained } => {
                self.rounds.finished(round, node, at, train_set.as_deref());
                let state = &mut self.nodes[node as usize];
                state.rounds_finished += 1;
                state.rounds_trained += u32::from(trained);
                self.evaluator.finished(round, node, model);
                if let Some(finished) = self.finished.get_mut(round as usize) {
                    *finished += 1;
                    if *finished == self.counts.total {
                        self.evaluator.complete(round);
                    }
                }
            }
            Event::Ended(node, fate, at, why) => self.ended(node, fate, at, why),
            Event::Report(node, word) => self.nodes[node as usize].word = Some(word),
        }
    }

    fn ended(&mut self, node: PeerId, fate: Fate, at: Time, why: Option<String>) {
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
        }
        match fate {
            Fate::Crashed => self.counts.crashed += 1,
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
    fn unsettle(&mut self, now: Time) {
        let heartbeat = &self.shared.plan.rules.settings.heartbeat;
        self.unsettled = self.unsettled.max(now + heartbeat.timeout.0 + 2 * heartbeat.period.0);
    }

    fn bring_up(&mut self) {
        let absent = &self.shared.plan.absent;
        for node in 0..self.shared.plan.nodes() {
            if absent.binary_search(&node).is_err() {
                self.nodes[node as usize].fate = Fate::Up;
            }
        }
        for node in 0..self.shared.plan.nodes() {
            if self.nodes[node as usize].fate == Fate::Up {
                // Of two neighbours the one with the lower number connects, as P2PFL's examples do.
                self.up(node, |peer| peer > node, false);
            }
        }
    }

    /// Brings a node up; it connects to those of its neighbours that are up and that `dial` names.
    fn up(&self, node: PeerId, dial: impl Fn(PeerId) -> bool, late: bool) {
        let graph = &self.shared.plan.graph;
        let neighbours: Arc<[(PeerId, u32)]> =
            graph.neighbours(node).map(|peer| (peer, graph.degree(peer))).collect();
        let there = |peer: PeerId| self.nodes[peer as usize].is_there();
        let dial =
            neighbours.iter().map(|(peer, _)| *peer).filter(|&peer| dial(peer) && there(peer)).collect();
        self.shared.command(node, Command::Up(Box::new(Start { neighbours, dial, persistent: late, late })));
    }

    fn experiment(&self) -> Arc<Experiment> {
        let workflow = &self.shared.plan.rules.workflow;
        let trainset_size = match workflow {
            Workflow::P2pfl(it) => it.trainset_size,
            Workflow::Dpsgd(_) => 0,
        };
        let (rounds, epochs) = (workflow.rounds(), workflow.epochs());
        // P2PFL appends the Unix time to the name.
        let name = format!("experiment-{}", crate::wire::size::unix_seconds(Time::ZERO));
        Arc::new(Experiment { rounds, epochs, trainset_size, name })
    }

    /// Has learning started once everyone has heard of everyone, or it has taken too long.
    fn start_learning(&mut self, now: Time) {
        let unready = |state: &NodeState| state.fate == Fate::Up && !state.ready;
        if self.nodes.iter().any(unready) {
            if now < Time::ZERO + self.shared.plan.start_after {
                return;
            }
            self.warn_unready();
        }
        let now = self.now();
        self.shared.set_zero(now);
        for state in &mut self.nodes {
            state.takes_part = state.fate == Fate::Up;
        }
        let experiment = self.experiment();
        match &self.shared.plan.rules.workflow {
            Workflow::P2pfl(it) => {
                self.shared.command(it.initiator, Command::Control(Control::StartLearning(experiment)));
            }
            Workflow::Dpsgd(_) => {
                for node in 0..self.shared.plan.nodes() {
                    if self.nodes[node as usize].fate == Fate::Up {
                        let start = Control::StartLearning(Arc::clone(&experiment));
                        self.shared.command(node, Command::Control(start));
                    }
                }
            }
        }
    }

    /// Says who had not heard of everyone, and which setting would mend it.
    fn warn_unready(&mut self) {
        let unready: Vec<PeerId> = (0..self.counts.total)
            .filter(|&node| !self.nodes[node as usize].ready && self.nodes[node as usize].fate == Fate::Up)
            .collect();
        let rules = &self.shared.plan.rules;
        let mend = if rules.shared_ttl() {
            "in `faithful-memory` all receivers of a message share its time to live, so that it is forwarded \
             `settings.gossip.ttl` times in all: raise that to the number of nodes, or choose another \
             `workflow.variant`"
        } else {
            "a longer `workflow.start_after` or a shorter `settings.gossip.period` would mend it"
        };
        self.warnings.push(format!(
            "learning started although {} of {} nodes had not yet heard of every peer within reach: {}; {mend}",
            unready.len(),
            self.counts.total,
            ranges(&unready)
        ));
    }

    /// Fires script entries whose time has come.
    fn play(&mut self, now: Time) {
        let Some(zero) = self.shared.zero() else { return };
        let plan = Arc::clone(&self.shared.plan);
        let due: Vec<usize> = self
            .pending
            .iter()
            .copied()
            .filter(|&i| match &plan.script[i].at {
                At::Time(span) => now >= zero + span.0,
                At::Round(at) => self.furthest >= Some(at.round),
            })
            .collect();
        self.pending.retain(|i| !due.contains(i));
        for i in due {
            self.act(&plan.script[i].action, now);
        }
    }

    fn act(&mut self, action: &Action, now: Time) {
        self.unsettle(now);
        let total = self.counts.total;
        match action {
            Action::Crash(nodes) => nodes.iter().for_each(|&node| self.go(node, Command::Crash)),
            Action::Leave(nodes) => nodes.iter().for_each(|&node| self.go(node, Command::Leave)),
            Action::Restart(nodes) => self.come_up(nodes, Return::Restart),
            Action::Join(nodes) => self.come_up(nodes, Return::Join),
            Action::Partition(groups) => self.shared.change_faults(|it| it.partition(total, groups)),
            Action::Heal => self.shared.change_faults(|it| it.heal()),
            Action::Slow(nodes, slowdown) => self.shared.change_faults(|it| it.slow(total, nodes, *slowdown)),
            Action::StopLearning(node) => {
                self.shared.command(*node, Command::Control(Control::StopLearning));
            }
        }
    }

    /// Tells a node to crash or leave. That it has is heard of later; until then it is told nothing else.
    fn go(&mut self, node: PeerId, how: Command) {
        let state = &mut self.nodes[node as usize];
        state.returns = None;
        if state.is_there() && !state.going {
            state.going = true;
            self.shared.command(node, how);
        }
    }

    fn come_up(&mut self, nodes: &[PeerId], how: Return) {
        for &node in nodes {
            let state = &mut self.nodes[node as usize];
            if state.is_there() {
                // One that is on its way out, perhaps since this very moment, comes back once it is out.
                state.returns = state.going.then_some(how);
                continue;
            }
            state.fate = Fate::Up;
            state.takes_part = false;
            self.counts.joined += u32::from(how == Return::Join);
            self.up(node, |_| true, true);
            if matches!(self.shared.plan.rules.workflow, Workflow::Dpsgd(_)) {
                let start = Control::StartLearning(self.experiment());
                self.shared.command(node, Command::Control(start));
            }
        }
    }

    /// Whether the run is over.
    fn verdict(&self, now: Time) -> Option<Verdict> {
        let plan = &self.shared.plan;
        let failed = |reason: String| Some(Verdict { outcome: Outcome::Failed, reason: Some(reason) });
        let Some(zero) = self.shared.zero() else {
            return (Duration::from_nanos(self.shared.clock.wall()) >= plan.wall_limit).then(|| Verdict {
                outcome: Outcome::Failed,
                reason: Some("the wall-time limit came before learning started".into()),
            });
        };
        let waited_for = |state: &&NodeState| state.takes_part && state.fate == Fate::Up;
        if !self.nodes.iter().any(|state| waited_for(&state)) {
            return if self.nodes.iter().any(|it| matches!(it.fate, Fate::Finished | Fate::Stopped)) {
                Some(Verdict { outcome: Outcome::Completed, reason: None })
            } else {
                failed("no node is left".into())
            };
        }
        if now.since(zero) >= plan.time_limit {
            return failed(format!("the limit of scenario time, {:?}, was reached", plan.time_limit));
        }
        if Duration::from_nanos(self.shared.clock.wall()) >= plan.wall_limit {
            return failed(format!("the limit of wall time, {:?}, was reached", plan.wall_limit));
        }
        let idle = self.shared.pending.load(Ordering::Relaxed) == 0 && self.events.is_empty();
        let fires = self.pending.iter().any(|&i| matches!(plan.script[i].at, At::Time(_)));
        (idle && !fires && now >= self.unsettled).then(|| Verdict {
            outcome: Outcome::Stalled,
            reason: Some("nothing is pending that could move any node on".into()),
        })
    }

    fn sample(&mut self, wall: Duration) {
        let (messages, bytes) = self.shared.workers.handled();
        self.series.sample(wall.as_secs_f64(), messages, bytes);
    }

    fn snapshot(&self, wall: Duration) -> Snapshot {
        let slowest = self
            .nodes
            .iter()
            .filter(|it| it.takes_part && it.fate == Fate::Up)
            .map(|it| it.rounds_finished)
            .min();
        Snapshot {
            scenario_s: self.shared.zero().map(|zero| self.now().since(zero).as_secs_f64()),
            wall_s: wall.as_secs_f64(),
            rounds_done: match self.shared.zero() {
                Some(_) => slowest.unwrap_or(self.finished.len() as u32),
                None => 0,
            },
            furthest_round: self.furthest,
            nodes_finished: self.nodes.iter().filter(|it| it.fate == Fate::Finished).count() as u32,
            messages: self.shared.workers.handled().0,
        }
    }

    /// Ends all tasks and collects what they know.
    async fn end(mut self, verdict: Verdict, watch: &mut dyn Watch) -> Run {
        let wall = Duration::from_nanos(self.shared.clock.wall());
        let end = self.now();
        self.sample(wall);
        watch.update(&self.snapshot(wall));
        self.shared.over.store(true, Ordering::Relaxed);
        for node in 0..self.counts.total {
            self.shared.command(node, Command::Quit);
        }
        let mut missing = self.nodes.len();
        while missing > 0 {
            match tokio::time::timeout(FAREWELL, self.events.recv_async()).await {
                Ok(Ok(event)) => {
                    missing -= usize::from(matches!(event, Event::Report(..)));
                    self.event(event);
                }
                Ok(Err(_)) | Err(_) => {
                    self.warnings.push(format!("{missing} tasks did not end in time"));
                    break;
                }
            }
        }
        self.finish(verdict, end)
    }

    fn finish(mut self, verdict: Verdict, end: Time) -> Run {
        let plan = Arc::clone(&self.shared.plan);
        let (recorder, inputs) = self.shared.workers.merged();
        let lateness = recorder.timer_lateness_histogram().summary(1e9);
        // Nine of ten timers must keep to a tenth of the shortest period: the rest is any system's noise.
        let overloaded = plan
            .shortest_period()
            .is_some_and(|period| lateness.p90 > period.as_secs_f64() / plan.speedup / 10.0);
        self.warn_of_faults();
        for &i in &self.pending {
            self.warnings.push(format!("script[{i}] never fired: the run was over before"));
        }
        self.counts.finished = self.nodes.iter().filter(|it| it.fate == Fate::Finished).count() as u32;
        let stalled = if verdict.outcome == Outcome::Completed { Vec::new() } else { self.waiting() };
        let accuracy = self.evaluator.end(&mut self.rounds, &mut self.warnings);
        let report = |(node, state): (usize, NodeState)| {
            let word = state.word.map(|word| *word);
            let (sent, handled) = word.as_ref().map_or((0, 0), |word| (word.sent, word.handled));
            NodeReport {
                fate: state.fate,
                rounds_finished: state.rounds_finished,
                rounds_trained: state.rounds_trained,
                finished_at: state.finished_at,
                sent,
                handled,
                accuracy: accuracy.get(&(node as PeerId)).copied(),
                stage: word.as_ref().and_then(|word| word.stage),
                waits_for: word.map(|word| word.waits_for).unwrap_or_default(),
            }
        };
        Run {
            outcome: verdict.outcome,
            reason: verdict.reason,
            overloaded,
            warnings: self.warnings,
            nodes: self.counts,
            reports: self.nodes.into_iter().enumerate().map(report).collect(),
            zero: self.shared.zero(),
            end,
            rounds: self.rounds,
            recorder,
            series: self.series,
            stalled,
            inputs,
            threads: plan.threads.max(1) as u32,
            speedup: plan.speedup,
        }
    }

    fn warn_of_faults(&mut self) {
        const SHOWN: usize = 3;
        let more = self.faults.len().saturating_sub(SHOWN);
        self.warnings.extend(self.faults.drain(..).take(SHOWN));
        if more > 0 {
            self.warnings.push(format!("… and {more} more nodes like these"));
        }
    }

    /// Nodes that wait for the same, together.
    fn waiting(&self) -> Vec<StalledGroup> {
        let mut groups: BTreeMap<(Option<Stage>, &str), Vec<PeerId>> = BTreeMap::new();
        for (node, state) in self.nodes.iter().enumerate() {
            if let (Fate::Up, Some(word)) = (state.fate, &state.word) {
                groups.entry((word.stage, &word.waits_for)).or_default().push(node as PeerId);
            }
        }
        let mut groups: Vec<StalledGroup> = groups
            .into_iter()
            .map(|((stage, waiting_for), nodes)| StalledGroup {
                nodes: ranges(&nodes),
                count: nodes.len() as u32,
                stage,
                waiting_for: waiting_for.to_owned(),
            })
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }
}
