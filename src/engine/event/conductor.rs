//! Looks after all shards between windows: starts learning, plays the script, and sees when the run is over.

use super::body::Body;
use super::calendar::Window;
use super::core::Event;
use super::crew::Conduct;
use super::host::Host;
use super::peers::Fault;
use super::shard::Shard;
use super::shared::{Shared, Word};
use crate::engine::course::roster::{self, Counts, Member};
use crate::engine::course::script::{Deed, Scene, Script};
use crate::engine::course::verdict::{State, Verdict, judge_setup, setup_limit};
use crate::engine::evaluate::Evaluator;
use crate::engine::recent::Recent;
use crate::engine::{Details, Doing, Fate, Snapshot, Watch};
use crate::metrics::Histogram;
use crate::network::Timeline;
use crate::node::Node;
use crate::node::spec::Workflow;
use crate::time::{Time, nanos};
use crate::wire::PeerId;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

/// Who causes the events that no node causes.
const NOBODY: PeerId = PeerId::MAX;

/// The conductor of a run.
pub struct Conductor<'a> {
    shared: &'a Shared,
    watch: &'a mut dyn Watch,
    pub zero: Option<Time>,
    pub script: Script,
    timeline: Timeline,
    /// Events that nobody caused, for their order.
    seq: u32,
    pub evaluator: Evaluator,
    /// Nodes that stopped themselves or panicked.
    pub faults: Vec<Fault>,
    /// For who wants details: latencies of the last seconds, and how many happenings were told, of the script and of
    /// each shard.
    recent: Option<(Recent, Vec<usize>)>,
    /// How many nodes of those evaluated have finished each round.
    evaluated: Vec<u32>,
    pub warnings: Vec<String>,
    pub verdict: Option<Verdict>,
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
        let counts = &all.counts;
        let Some(window) = next else { return true };
        let begins = Time::from_nanos(window.saturating_mul(watch.width));
        let stalled = all.pending == 0 && !watch.fires && begins >= watch.unsettled.max(counts.unsettled);
        all.tick
            || watch.due < begins + Duration::from_nanos(watch.width)
            || (!watch.started && counts.unready == 0)
            || watch.round.is_some_and(|round| counts.furthest > round)
            || (watch.started && (counts.awaited == 0 || stalled))
            || begins >= watch.limit
            || all.inputs >= watch.events
    }

    fn act(&mut self, shards: &mut Shards<'_, 'a>, words: &[Word], next: Option<Window>) -> Option<Lookout> {
        if words.iter().any(|word| word.tick) {
            self.tick(shards, words);
        }
        for shard in shards.iter_mut() {
            for fault in shard.peers.faults.drain(..) {
                self.script.gone(&self.shared.plan, fault.node, fault.life, fault.at);
                self.faults.push(fault);
            }
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
        let plan = &self.shared.plan;
        let due = match self.zero {
            None => Some(Time::ZERO + plan.start_after),
            Some(zero) => self.script.next_due(plan, zero),
        };
        Some(Lookout {
            started: self.zero.is_some(),
            width,
            due: due.unwrap_or(Time::NEVER),
            round: self.script.next_round(plan),
            fires: self.script.fires(plan),
            unsettled: self.script.unsettled(),
            limit: self.zero.map_or_else(setup_limit, |zero| zero + plan.time_limit),
            events: plan.event_limit,
        })
    }
}

impl<'a> Conductor<'a> {
    /// Before anything has happened.
    pub fn new(shared: &'a Shared, script: Script, watch: &'a mut dyn Watch, evaluator: Evaluator) -> Self {
        Self {
            zero: None,
            script,
            timeline: Timeline::default(),
            seq: 0,
            evaluator,
            faults: Vec::new(),
            recent: watch.wants_details().then(Default::default),
            evaluated: vec![0; shared.plan.rules.workflow.rounds() as usize],
            warnings: Vec::new(),
            verdict: None,
            shared,
            watch,
        }
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
        let zero = if all.counts.unready == 0 {
            all.counts.ready_at + self.shared.links.lookahead()
        } else if ends.is_none_or(|ends| latest < ends) {
            self.warnings.push(roster::unready(plan, members(shards)));
            latest
        } else {
            return;
        };
        let zero = zero.max(reached);
        self.zero = Some(zero);
        for i in 0..shards.len() {
            let base = shards[i].peers.base;
            for node in base..base + shards[i].peers.hosts.len() as u32 {
                shards[i].peers.count(node, Counts::begins);
                let initiates = match &plan.rules.workflow {
                    Workflow::P2pfl(it) => it.initiator == node,
                    _ => shards[i].peers.host_of(node).member.fate == Fate::Up,
                };
                if initiates {
                    self.push(shards, zero, node, Body::Begin);
                }
            }
        }
    }

    /// Plays what is due before the end of the next window; the next thing of all if there is no such window.
    fn play(&mut self, shards: &mut Shards, ends: Option<Time>) {
        let Some(zero) = self.zero else { return };
        let (shared, reached) = (self.shared, shards[0].core.reached());
        let mut deeds = Vec::new();
        self.script.play(
            &shared.plan,
            &Scene {
                zero,
                reached,
                until: ends,
                // A later round may have begun without this one, which nobody came to enter.
                entered: &|round| {
                    let entered = shards.iter().filter_map(|it| it.peers.rounds.first_from(round)).min()?;
                    Some(entered + shared.links.lookahead())
                },
                starter: &|| {
                    let counts =
                        shards.iter().fold(Counts::default(), |sum, it| sum.and(&it.peers.word.counts));
                    counts.starter(&shared.plan.rules, members(shards))
                },
            },
            &mut deeds,
        );
        for (at, deed) in deeds {
            match deed {
                Deed::Tell(node, order) => self.push(shards, at, node, Body::Order(Box::new(order))),
                Deed::Faults(faults) => {
                    self.timeline.push(at, faults);
                    self.timeline.forget(reached);
                    let timeline = Arc::new(self.timeline.clone());
                    for shard in shards.iter_mut() {
                        shard.peers.view.faults = Arc::clone(&timeline);
                    }
                }
            }
        }
    }

    /// Whether the run is over; `next` is when the next window begins.
    fn judge(&self, shards: &Shards, all: &Word, next: Option<Time>) -> Option<Verdict> {
        let (plan, reached) = (&self.shared.plan, shards[0].core.reached());
        let Some(zero) = self.zero else { return judge_setup(plan, reached, next, all.inputs) };
        let finished = |node| {
            let shard = &shards[self.shared.sharding.shard(node) as usize];
            shard.peers.host_of(node).member.has_finished()
        };
        State {
            plan,
            script: &self.script,
            counts: all.counts,
            zero,
            reached,
            next,
            inputs: all.inputs,
            idle: all.pending == 0,
            finished: &finished,
        }
        .judge()
    }

    /// Several times a second of the real clock.
    fn tick(&mut self, shards: &mut Shards, words: &[Word]) {
        self.collect(shards);
        let mut snapshot = self.snapshot(shards, words);
        snapshot.details = self.details(shards);
        self.watch.update(&snapshot);
        if let Some((outcome, reason)) = self.shared.halting.reached() {
            // Of the last window some nodes may have seen less than others.
            let end = shards[0].core.reached();
            self.verdict = Some(Verdict { outcome: *outcome, reason: Some(reason.clone()), end });
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
        let mut happened = self.script.tracer.since(seen[0]).to_vec();
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
        let doing = |host: &Host| Doing::of(host.member.fate, host.node.as_ref().and_then(Node::stage));
        Some(Details {
            nodes: hosts.map(doing).collect(),
            every,
            latency: recent.add(self.shared.halting.began.elapsed(), &taken),
            happened: happened.iter().map(|it| it.mark(zero)).collect(),
        })
    }

    /// How the run stands.
    pub fn snapshot(&self, shards: &Shards, words: &[Word]) -> Snapshot {
        let all = Word::all(words);
        let reached = shards.first().map_or(Time::ZERO, |shard| shard.core.reached());
        let slowest = roster::slowest(members(shards).map(|(_, it)| it));
        Snapshot {
            scenario_s: self.zero.map(|zero| reached.since(zero).as_secs_f64()),
            wall_s: self.shared.halting.began.elapsed().as_secs_f64(),
            rounds_done: match self.zero {
                Some(_) => slowest.unwrap_or(self.evaluated.len() as u32),
                None => 0,
            },
            furthest_round: all.counts.furthest.checked_sub(1),
            nodes_finished: all.counts.done as u32,
            messages: all.messages,
            bytes: shards.iter().map(|shard| shard.peers.recorder.handled().1).sum(),
            details: None,
        }
    }
}

/// All nodes, with their numbers.
fn members<'s>(shards: &'s Shards<'_, '_>) -> impl Iterator<Item = (PeerId, &'s Member)> {
    shards
        .iter()
        .flat_map(|shard| (shard.peers.base..).zip(&shard.peers.hosts))
        .map(|(node, it)| (node, &it.member))
}
