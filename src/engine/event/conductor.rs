//! Looks after all shards between windows: starts learning, plays the script, and sees when the run is over.

use super::body::{Body, Order};
use super::calendar::Window;
use super::core::Event;
use super::crew::Conduct;
use super::host::{Host, Place};
use super::shard::Shard;
use super::shared::{Shared, Word};
use crate::engine::course::ending::{Away, Standing, Verdict, brings};
use crate::engine::course::start::{self, Anew};
use crate::engine::evaluate::Evaluator;
use crate::engine::recent::Recent;
use crate::engine::{Action, Details, Doing, Fate, Snapshot, Watch};
use crate::metrics::result::Outcome;
use crate::metrics::{Histogram, Tracer};
use crate::network::churn::{Change, Churn, Churns};
use crate::network::{Faults, Timeline};
use crate::node::Node;
use crate::node::io::Control;
use crate::node::spec::Workflow;
use crate::scenario::script::At;
use crate::time::{Time, nanos};
use crate::wire::PeerId;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

/// Who causes the events that no node causes.
const NOBODY: PeerId = PeerId::MAX;

/// Scenario time that set-up has: the limit of the scenario counts from where learning begins, and that has to come, too. On the
/// real clock there is the limit of wall time, and peers outside may let a node wait.
const SETUP: Duration = Duration::from_secs(3_600);

/// The conductor of a run.
pub struct Conductor<'a> {
    shared: &'a Shared,
    watch: &'a mut dyn Watch,
    pub zero: Option<Time>,
    faults: Faults,
    timeline: Timeline,
    /// Script entries that have not fired yet.
    pub unplayed: Vec<usize>,
    /// Events that nobody caused, for their order.
    seq: u32,
    /// Until when what the script did may still come to light by missing heartbeats.
    unsettled: Time,
    /// The script has told a node to stop.
    asked_to_stop: bool,
    pub joined: u32,
    /// Nodes that come and go.
    churns: Churns,
    /// When the last node comes up that was told to.
    arrives: Option<Time>,
    /// When to look whether anybody learns.
    anew: Anew,
    pub evaluator: Evaluator,
    /// What the script did.
    pub tracer: Tracer,
    /// For who wants details: latencies of the last seconds, and how many happenings were told, of the conductor and of
    /// each shard.
    recent: Option<(Recent, Vec<usize>)>,
    /// How many nodes of those evaluated have finished each round.
    evaluated: Vec<u32>,
    pub warnings: Vec<String>,
    pub verdict: Option<Verdict>,
    /// When the run was over.
    pub end: Time,
}

/// When the conductor has to act.
#[derive(Clone, Debug)]
pub struct Lookout {
    started: bool,
    width: u64,
    /// The next thing that happens at a time that is known.
    due: Time,
    /// The first round that something is to happen in.
    round: Option<u32>,
    /// Whether the script may still move a node on.
    fires: bool,
    unsettled: Time,
    limit: Time,
    events: u64,
}

type Shards<'s, 'a> = [MutexGuard<'s, Shard<'a>>];

impl<'a> Conduct<Shard<'a>> for Conductor<'_> {
    type Watch = Lookout;

    fn calls(watch: &Lookout, words: &[Word], next: Option<Window>) -> bool {
        let all = Word::all(words);
        let Some(window) = next else { return true };
        let begins = Time::from_nanos(window.saturating_mul(watch.width));
        let stalled = all.pending == 0 && !watch.fires && begins >= watch.unsettled.max(all.unsettled);
        all.tick
            || watch.due < begins + Duration::from_nanos(watch.width)
            || (!watch.started && all.unready == 0)
            || watch.round.is_some_and(|round| all.furthest > round)
            || (watch.started && (all.awaited == 0 || stalled))
            || begins >= watch.limit
            || all.inputs >= watch.events
    }

    fn act(&mut self, shards: &mut Shards<'_, 'a>, words: &[Word], next: Option<Window>) -> Option<Lookout> {
        if words.iter().any(|word| word.tick) {
            self.tick(shards, words);
        }
        let width = nanos(self.shared.links.lookahead()).max(1);
        let ends = next.map(|window| Time::from_nanos((window + 1).saturating_mul(width)));
        self.start(shards, &Word::all(words), ends);
        self.play(shards, ends);
        for shard in shards.iter_mut() {
            shard.peers.view.zero = self.zero;
            if let (Some(zero), None) = (self.zero, &shard.peers.view.begin) {
                shard.peers.view.begin = Some(self.shared.plan.begin(zero));
            }
        }
        let words: Vec<Word> = shards.iter().map(|shard| shard.peers.word).collect();
        let first = shards.iter().filter_map(|shard| shard.core.first()).min();
        let begins = first.map(|window| Time::from_nanos(window.saturating_mul(width)));
        if self.verdict.is_none() {
            self.verdict = self.judge(shards, &Word::all(&words), begins);
        }
        if self.verdict.is_some() {
            self.collect(shards);
            return None;
        }
        Some(Lookout {
            started: self.zero.is_some(),
            width,
            due: self.next_due().unwrap_or(Time::NEVER),
            round: self.next_round(),
            fires: self.fires(),
            unsettled: self.unsettled,
            limit: self.limit(),
            events: self.shared.plan.event_limit,
        })
    }
}

impl<'a> Conductor<'a> {
    /// Before anything has happened.
    pub fn new(shared: &'a Shared, watch: &'a mut dyn Watch, evaluator: Evaluator) -> Self {
        let plan = &shared.plan;
        Self {
            zero: None,
            faults: Faults::default(),
            timeline: Timeline::default(),
            unplayed: (0..plan.script.len()).collect(),
            seq: 0,
            unsettled: Time::ZERO,
            asked_to_stop: false,
            joined: 0,
            churns: Churns::default(),
            arrives: None,
            anew: Anew::default(),
            evaluator,
            tracer: Tracer::new(&plan.followed),
            recent: watch.wants_details().then(Default::default),
            evaluated: vec![0; plan.rules.workflow.rounds() as usize],
            warnings: Vec::new(),
            verdict: None,
            end: Time::ZERO,
            shared,
            watch,
        }
    }

    /// Tells a node something at a time.
    fn order(&mut self, shards: &mut Shards, at: Time, to: PeerId, order: Order) {
        self.push(shards, at, to, Body::Order(Box::new(order)));
    }

    fn push(&mut self, shards: &mut Shards, at: Time, to: PeerId, body: Body) {
        let seq = self.seq;
        self.seq = seq.checked_add(1).expect("a script causes fewer than four thousand million events");
        let shard = &mut shards[self.shared.sharding.shard(to) as usize];
        shard.peers.word.pending += 1;
        shard.core.outbox().push(Event { at, to, from: NOBODY, seq, body });
    }

    /// Has learning start one lookahead after everyone has heard of everyone, or when it has taken too long.
    fn start(&mut self, shards: &mut Shards, all: &Word, ends: Option<Time>) {
        if self.zero.is_some() {
            return;
        }
        let plan = &self.shared.plan;
        let reached = shards[0].core.reached();
        let latest = Time::ZERO + plan.start_after;
        let zero = if all.unready == 0 {
            all.ready_at + self.shared.links.lookahead()
        } else if ends.is_none_or(|ends| latest < ends) {
            let unready: Vec<PeerId> = shards
                .iter()
                .flat_map(|shard| (shard.peers.base..).zip(&shard.peers.hosts))
                .filter(|(_, host)| host.unready())
                .map(|(node, _)| node)
                .collect();
            self.warnings.push(start::warning(&plan.reach, &unready, plan.nodes()));
            latest
        } else {
            return;
        };
        let zero = zero.max(reached);
        self.zero = Some(zero);
        for i in 0..shards.len() {
            let base = shards[i].peers.base;
            for node in base..base + shards[i].peers.hosts.len() as u32 {
                shards[i].peers.alter(node, |host| host.takes_part = host.fate == Fate::Up);
                let host = shards[i].peers.host(node);
                let initiates = match &plan.rules.workflow {
                    Workflow::P2pfl(it) => it.initiator == node,
                    _ => host.fate == Fate::Up,
                };
                if initiates {
                    self.push(shards, zero, node, Body::Begin);
                }
            }
        }
    }

    /// Has learning started anew where those that are up wait for it in vain.
    fn start_anew(&mut self, shards: &mut Shards, at: Time) {
        let words: Vec<Word> = shards.iter().map(|shard| shard.peers.word).collect();
        let all = Word::all(&words);
        if !self.anew.is_due(at) || all.learning + all.done > 0 {
            return;
        }
        let Some(zero) = self.zero else { return };
        let up = shards.iter().flat_map(|shard| (shard.peers.base..).zip(&shard.peers.hosts));
        let up = up.filter(|(_, host)| host.fate == Fate::Up).map(|(node, _)| node);
        if let Some(starter) = Anew::starter(&self.shared.plan.rules, up) {
            self.order(shards, at, starter, Order::Control(self.shared.plan.begin(zero)));
        }
    }

    /// Plays what is due before the end of the next window; the next thing of all if there is no such window.
    fn play(&mut self, shards: &mut Shards, ends: Option<Time>) {
        if self.zero.is_none() {
            return;
        }
        let reached = shards[0].core.reached();
        let shared = self.shared;
        let mut until = ends;
        loop {
            let entry = |&i: &usize| self.time_of(i, shards).map(|at| (at.max(reached), i));
            let script = self.unplayed.iter().filter_map(entry).min();
            let churn = self.churns.peek().map(|at| self.since_zero(at).max(reached));
            let anew = self.anew.due().map(|at| at.max(reached));
            let first = [script.map(|(at, _)| at), churn, anew].into_iter().flatten().min();
            let Some(first) = first else { return };
            if first >= *until.get_or_insert(first + Duration::from_nanos(1)) {
                return;
            }
            match script {
                Some((at, i)) if at == first => {
                    self.unplayed.retain(|&it| it != i);
                    self.perform(shards, at, &shared.plan.script[i].action);
                }
                _ if churn == Some(first) => self.churn(shards, first),
                _ => self.start_anew(shards, first),
            }
        }
    }

    /// A time that is counted from the start of learning.
    fn since_zero(&self, at: Time) -> Time {
        self.zero.unwrap_or_default() + at.since(Time::ZERO)
    }

    /// A node comes or goes.
    fn churn(&mut self, shards: &mut Shards, at: Time) {
        let Some((_, node, change)) = self.churns.due(Time::NEVER) else { return };
        self.unsettle(at);
        match change {
            Change::Down => self.go(shards, at, node, Order::Crash),
            // Who has left, or is yet to join, is not brought in by this.
            Change::Up if self.host(shards, node).place == Place::Crashed => {
                self.come_up(shards, at, node, false);
            }
            Change::Up => {}
        }
    }

    /// When a script entry fires, if that is known yet.
    fn time_of(&self, i: usize, shards: &Shards) -> Option<Time> {
        match &self.shared.plan.script[i].at {
            At::Time(span) => self.zero.map(|zero| zero + span.0),
            At::Round(at) => {
                // A later round may have begun without this one, which nobody came to enter.
                let entered = shards.iter().filter_map(|it| it.peers.rounds.first_from(at.round)).min()?;
                Some(entered + self.shared.links.lookahead())
            }
        }
    }

    /// The next thing that happens at a time that is known: learning starts at the latest, the script goes on.
    fn next_due(&self) -> Option<Time> {
        let Some(zero) = self.zero else { return Some(Time::ZERO + self.shared.plan.start_after) };
        let at = |&i: &usize| match &self.shared.plan.script[i].at {
            At::Time(span) => Some(zero + span.0),
            At::Round(_) => None,
        };
        let churn = self.churns.peek().map(|at| self.since_zero(at));
        self.unplayed.iter().filter_map(at).chain(churn).chain(self.anew.due()).min()
    }

    /// The first round that a script entry waits for.
    fn next_round(&self) -> Option<u32> {
        let round = |&i: &usize| match &self.shared.plan.script[i].at {
            At::Time(_) => None,
            At::Round(at) => Some(at.round),
        };
        self.unplayed.iter().filter_map(round).min()
    }

    /// Whether the script may still move a node on.
    fn fires(&self) -> bool {
        self.churns.peek().is_some()
            || self.anew.due().is_some()
            || self.unplayed.iter().any(|&i| matches!(self.shared.plan.script[i].at, At::Time(_)))
    }

    fn perform(&mut self, shards: &mut Shards, at: Time, action: &Action) {
        self.unsettle(at);
        let (what, whom) = action.told();
        self.tracer.happened_to(whom, what, at);
        if action.alters(self.shared.plan.nodes(), &mut self.faults) {
            self.timeline.push(at, self.faults.clone());
            self.timeline.forget(shards[0].core.reached());
            let timeline = Arc::new(self.timeline.clone());
            for shard in shards.iter_mut() {
                shard.peers.view.faults = Arc::clone(&timeline);
            }
            return;
        }
        match action {
            Action::Crash(nodes) => nodes.iter().for_each(|&node| self.go(shards, at, node, Order::Crash)),
            Action::Leave(nodes) => nodes.iter().for_each(|&node| self.go(shards, at, node, Order::Leave)),
            Action::Restart(nodes) => nodes.iter().for_each(|&node| self.come_up(shards, at, node, false)),
            Action::Join(nodes) => nodes.iter().for_each(|&node| self.come_up(shards, at, node, true)),
            Action::StopLearning(node) => {
                self.asked_to_stop = true;
                self.order(shards, at, *node, Order::Control(Control::StopLearning));
            }
            Action::Churn(model) => {
                let start = Time::ZERO + at.since(self.zero.unwrap_or_default());
                let seed = self.shared.plan.rules.seed;
                self.churns.begin(Churn::new(seed, model.clone(), start));
            }
            // Done already.
            Action::Partition { .. } | Action::Heal | Action::Loss { .. } | Action::Slow(..) => {}
        }
    }

    /// Has a node crash or leave.
    fn go(&mut self, shards: &mut Shards, at: Time, node: PeerId, how: Order) {
        let host = self.host(shards, node);
        if host.place == Place::There {
            host.place = if matches!(how, Order::Leave) { Place::Left } else { Place::Crashed };
            self.anew.note(&self.shared.plan.rules, at);
            self.order(shards, at, node, how);
        }
    }

    /// Has a node come up. It connects to those of its neighbours that are there.
    fn come_up(&mut self, shards: &mut Shards, at: Time, node: PeerId, joins: bool) {
        let host = self.host(shards, node);
        if host.place == Place::There {
            return;
        }
        host.place = Place::There;
        self.arrives = self.arrives.max(Some(at));
        self.anew.note(&self.shared.plan.rules, at);
        self.joined += u32::from(joins);
        let shared = self.shared;
        let up = start::of(&shared.plan, node, |peer| self.host(shards, peer).place == Place::There, true);
        self.order(shards, at, node, Order::Up(up));
        if let (true, Some(zero)) = (shared.plan.rules.workflow.starts_everyone(), self.zero) {
            self.order(shards, at, node, Order::Control(shared.plan.begin(zero)));
        }
    }

    fn host<'s>(&self, shards: &'s mut Shards, node: PeerId) -> &'s mut Host {
        shards[self.shared.sharding.shard(node) as usize].peers.host(node)
    }

    /// Something happened that shows only once heartbeats are missed.
    fn unsettle(&mut self, at: Time) {
        let heartbeat = &self.shared.plan.rules.settings.heartbeat;
        self.unsettled = self.unsettled.max(at + heartbeat.timeout.0 + 2 * heartbeat.period.0);
    }

    fn limit(&self) -> Time {
        let limit = self.shared.plan.time_limit;
        self.zero.map_or_else(|| Time::ZERO + SETUP, |zero| zero + limit)
    }

    /// Whether the run is over; `next` is when the next window begins.
    fn judge(&mut self, shards: &Shards, all: &Word, next: Option<Time>) -> Option<Verdict> {
        // Nothing has happened yet after this.
        let reached = shards[0].core.reached();
        let plan = &self.shared.plan;
        if self.zero.is_none() {
            return self.judge_setup(reached, all, next);
        }
        let fires = self.fires();
        let settled = next.is_none_or(|next| next >= self.unsettled.max(all.unsettled));
        let limit = self.limit();
        let mut over = |end: Time, outcome, reason: Option<String>| {
            self.end = end;
            Some(Verdict { outcome, reason })
        };
        let standing = Standing {
            awaited: all.awaited,
            newcomers: all.newcomers,
            done: all.done,
            stopped: all.stopped,
            asked: self.asked_to_stop,
            arriving: self.arrives.is_some_and(|at| at >= reached),
        };
        let unplayed = self.unplayed.iter().map(|&i| &plan.script[i]);
        let away = |node| {
            let host = &shards[self.shared.sharding.shard(node) as usize].peers.host_of(node);
            match host.place {
                _ if host.finished_at != Time::NEVER => None,
                Place::There => None,
                Place::Crashed => Some(Away::Crashed),
                Place::Away | Place::Left => Some(Away::Out),
            }
        };
        let brings = || brings(unplayed, &self.churns, away);
        if let Some(verdict) = standing.over(&plan.rules.workflow, brings, fires) {
            return over(all.ended_at, verdict.outcome, verdict.reason);
        }
        if next.is_some_and(|next| next >= limit) {
            let reason = format!("the limit of scenario time, {:?}, was reached", plan.time_limit);
            return over(limit, Outcome::Failed, Some(reason));
        }
        if all.inputs >= plan.event_limit {
            let reason = format!("the limit of {} events was reached", plan.event_limit);
            return over(reached, Outcome::Failed, Some(reason));
        }
        if all.pending == 0 && !fires && settled {
            let reason = "nothing is pending that could move any node on".into();
            return over(reached, Outcome::Stalled, Some(reason));
        }
        None
    }

    /// Whether the limits let learning begin at all.
    fn judge_setup(&mut self, reached: Time, all: &Word, next: Option<Time>) -> Option<Verdict> {
        let plan = &self.shared.plan;
        let reason = if next.is_some_and(|next| next >= self.limit()) {
            format!(
                "learning had not begun after {SETUP:?} of scenario time, for want of nodes that know each other"
            )
        } else if all.inputs >= plan.event_limit {
            format!("the limit of {} events was reached", plan.event_limit)
        } else {
            return None;
        };
        self.end = reached;
        Some(Verdict { outcome: Outcome::Failed, reason: Some(reason) })
    }

    /// Several times a second of the real clock.
    fn tick(&mut self, shards: &mut Shards, words: &[Word]) {
        self.collect(shards);
        let mut snapshot = self.snapshot(shards, words);
        snapshot.details = self.details(shards);
        self.watch.update(&snapshot);
        if let Some(verdict) = self.shared.halt.reached() {
            // Of the last window some nodes may have seen less than others.
            self.end = shards[0].core.reached();
            self.verdict = Some(verdict.clone());
        }
    }

    /// Takes the models with which nodes finished rounds, and has those rounds evaluated that all have finished.
    fn collect(&mut self, shards: &mut Shards) {
        let everyone = self.evaluator.expected();
        for shard in shards.iter_mut() {
            for (round, node, model) in shard.peers.finished.drain(..) {
                self.evaluator.finished(round, node, model);
                if let Some(count) = self.evaluated.get_mut(round as usize) {
                    *count += 1;
                    if *count == everyone {
                        self.evaluator.complete(round);
                    }
                }
            }
        }
    }

    /// What the nodes are doing, if anybody wants to know.
    fn details(&mut self, shards: &mut Shards) -> Option<Details> {
        let (recent, seen) = self.recent.as_mut()?;
        seen.resize(shards.len() + 1, 0);
        let mut happened = self.tracer.since(seen[0]).to_vec();
        seen[0] += happened.len();
        let mut taken = Histogram::with_digits(2);
        for (shard, seen) in shards.iter_mut().zip(&mut seen[1..]) {
            taken.merge(&shard.peers.recorder.take_recent());
            let more = shard.peers.tracer.since(*seen);
            *seen += more.len();
            happened.extend_from_slice(more);
        }
        happened.sort_by_key(|it| it.at);
        let zero = self.zero.unwrap_or_default();
        let every = Details::every(self.shared.plan.nodes());
        let hosts = shards.iter().flat_map(|shard| &shard.peers.hosts).step_by(every as usize);
        let doing = |host: &Host| Doing::of(host.fate, host.node.as_ref().and_then(Node::stage));
        Some(Details {
            nodes: hosts.map(doing).collect(),
            every,
            latency: recent.add(self.shared.halt.began.elapsed(), &taken),
            happened: happened.iter().map(|it| it.mark(zero)).collect(),
        })
    }

    /// How the run stands.
    pub fn snapshot(&self, shards: &Shards, words: &[Word]) -> Snapshot {
        let all = Word::all(words);
        let reached = shards.first().map_or(Time::ZERO, |shard| shard.core.reached());
        let slowest = shards
            .iter()
            .flat_map(|shard| &shard.peers.hosts)
            .filter(|host| host.awaited())
            .map(|host| host.rounds_finished)
            .min();
        Snapshot {
            scenario_s: self.zero.map(|zero| reached.since(zero).as_secs_f64()),
            wall_s: self.shared.halt.began.elapsed().as_secs_f64(),
            rounds_done: match self.zero {
                Some(_) => slowest.unwrap_or(self.evaluated.len() as u32),
                None => 0,
            },
            furthest_round: all.furthest.checked_sub(1),
            nodes_finished: all.done as u32,
            messages: all.messages,
            bytes: shards.iter().map(|shard| shard.peers.recorder.handled().1).sum(),
            details: None,
        }
    }
}
