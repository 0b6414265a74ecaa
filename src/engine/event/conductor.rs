//! Looks after all shards between windows: has learning start, does what the script says, sees when the run is over, and makes
//! a run of what they leave. What it tells them and what they report is in `desk`.

use super::calendar::Window;
use super::crew::Conduct;
use super::desk::{News, Progress};
use super::fingerprint;
use super::peers::Fault;
use super::shard::Shard;
use super::shared::{Shared, Word};
use super::throughput::Throughput;
use crate::engine::course::ending::{Facts, conclude};
use crate::engine::course::roster;
use crate::engine::course::script::{Deed, Scene, Script};
use crate::engine::course::start::{self, Anew};
use crate::engine::course::verdict::{State, Verdict, judge_setup, setup_limit};
use crate::engine::evaluate::Evaluator;
use crate::engine::recent::Recent;
use crate::engine::{Details, Run, Snapshot, Watch};
use crate::metrics::result::Nodes;
use crate::metrics::{Histogram, Recorder, RoundLog, Tracer};
use crate::network::Timeline;
use crate::time::{Time, nanos};
use crate::wire::PeerId;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

/// The conductor of a run.
pub struct Conductor<'a> {
    shared: &'a Shared,
    watch: &'a mut dyn Watch,
    zero: Option<Time>,
    script: Script,
    timeline: Timeline,
    evaluator: Evaluator,
    /// Nodes that stopped themselves or panicked.
    faults: Vec<Fault>,
    /// For who wants details: latencies of the last seconds, and how many happenings were told, of the script and of
    /// each shard.
    recent: Option<(Recent, Vec<usize>)>,
    /// How many nodes of those evaluated have finished each round.
    evaluated: Vec<u32>,
    warnings: Vec<String>,
    verdict: Option<Verdict>,
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
        self.collect(shards);
        let width = nanos(self.shared.links.lookahead()).max(1);
        let ends = next.map(|window| Time::from_nanos((window + 1).saturating_mul(width)));
        self.start(shards, &Word::all(words), ends);
        self.play(shards, ends);
        let words: Vec<Word> = shards.iter().map(|shard| shard.stands()).collect();
        let first = shards.iter().filter_map(|shard| shard.first()).min();
        let begins = first.map(|window| Time::from_nanos(window.saturating_mul(width)));
        if self.verdict.is_none() {
            self.verdict = self.judge(shards, &Word::all(&words), begins);
        }
        if self.verdict.is_some() {
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

    /// Has learning start one lookahead after everyone has heard of everyone, or when it has taken too long.
    fn start(&mut self, shards: &mut Shards, all: &Word, ends: Option<Time>) {
        if self.zero.is_some() {
            return;
        }
        let plan = &self.shared.plan;
        let reached = shards[0].reached();
        let latest = Time::ZERO + plan.start_after;
        let zero = if all.counts.unready == 0 {
            all.counts.ready_at + self.shared.links.lookahead()
        } else if ends.is_none_or(|ends| latest < ends) {
            let unready: Vec<PeerId> = shards.iter().flat_map(|shard| shard.unready()).collect();
            self.warnings.push(start::warning(&plan.reach, &unready, plan.nodes()));
            latest
        } else {
            return;
        };
        let zero = zero.max(reached);
        self.zero = Some(zero);
        let control = plan.begin(zero);
        shards.iter_mut().for_each(|shard| shard.begin(zero, control.clone()));
    }

    /// Plays what is due before the end of the next window; the next thing of all if there is no such window.
    fn play(&mut self, shards: &mut Shards, ends: Option<Time>) {
        let Some(zero) = self.zero else { return };
        let (shared, reached) = (self.shared, shards[0].reached());
        let mut deeds = Vec::new();
        self.script.play(
            &shared.plan,
            &Scene {
                zero,
                reached,
                until: ends,
                // A later round may have begun without this one, which nobody came to enter.
                entered: &|round| {
                    let entered = shards.iter().filter_map(|shard| shard.entered(round)).min()?;
                    Some(entered + shared.links.lookahead())
                },
                starter: &|| {
                    let nobody = shards.iter().all(|shard| shard.stands().counts.nobody_learns());
                    let first = shards.iter().filter_map(|shard| shard.starter());
                    nobody.then(|| Anew::starter(&shared.plan.rules, first))?
                },
            },
            &mut deeds,
        );
        for (at, deed) in deeds {
            match deed {
                Deed::Tell(node, order) => {
                    shards[shared.sharding.shard(node) as usize].tell(at, node, order);
                }
                Deed::Faults(faults) => {
                    self.timeline.push(at, faults);
                    self.timeline.forget(reached);
                    let timeline = Arc::new(self.timeline.clone());
                    shards.iter_mut().for_each(|shard| shard.faults(&timeline));
                }
            }
        }
    }

    /// Whether the run is over; `next` is when the next window begins.
    fn judge(&self, shards: &Shards, all: &Word, next: Option<Time>) -> Option<Verdict> {
        let (plan, reached) = (&self.shared.plan, shards[0].reached());
        let Some(zero) = self.zero else { return judge_setup(plan, reached, next, all.inputs) };
        let finished = |node| shards[self.shared.sharding.shard(node) as usize].has_finished(node);
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
        let mut snapshot = self.snapshot(shards, words);
        snapshot.details = self.details(shards);
        self.watch.update(&snapshot);
        if let Some((outcome, reason)) = self.shared.halting.reached() {
            // Of the last window some nodes may have seen less than others.
            let end = shards[0].reached();
            self.verdict = Some(Verdict { outcome: *outcome, reason: Some(reason.clone()), end });
        }
    }

    /// Hears what has happened: nodes that went by a fault, and models with which nodes finished rounds. Those rounds are
    /// evaluated that all have finished.
    fn collect(&mut self, shards: &mut Shards) {
        let everyone = self.evaluator.expected();
        for shard in shards.iter_mut() {
            let News { faults, finished } = shard.news();
            for fault in faults {
                self.script.gone(&self.shared.plan, fault.node, fault.life, fault.at);
                self.faults.push(fault);
            }
            for (round, node, model) in finished {
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
        let (recent, told) = self.recent.as_mut()?;
        told.resize(shards.len() + 1, 0);
        let every = Details::every(self.shared.plan.nodes());
        let mut happened = self.script.tracer.since(told[0]).to_vec();
        told[0] += happened.len();
        let (mut nodes, mut latencies) = (Vec::new(), Histogram::with_digits(2));
        for (shard, told) in shards.iter_mut().zip(&mut told[1..]) {
            let doings = shard.doings(every, *told);
            *told += doings.happened.len();
            nodes.extend(doings.nodes);
            latencies.merge(&doings.latencies);
            happened.extend(doings.happened);
        }
        happened.sort_by_key(|it| it.at);
        let zero = self.zero.unwrap_or_default();
        Some(Details {
            nodes,
            every,
            latency: recent.add(self.shared.halting.began.elapsed(), &latencies),
            happened: happened.iter().map(|it| it.mark(zero)).collect(),
        })
    }

    /// How the run stands.
    fn snapshot(&self, shards: &Shards, words: &[Word]) -> Snapshot {
        let all = Word::all(words);
        let progress: Vec<Progress> = shards.iter().map(|shard| shard.progress()).collect();
        let slowest = progress.iter().filter_map(|it| it.slowest).min();
        Snapshot {
            scenario_s: self.zero.map(|zero| shards[0].reached().since(zero).as_secs_f64()),
            wall_s: self.shared.halting.began.elapsed().as_secs_f64(),
            rounds_done: match self.zero {
                Some(_) => slowest.unwrap_or(self.evaluated.len() as u32),
                None => 0,
            },
            furthest_round: all.counts.furthest.checked_sub(1),
            nodes_finished: all.counts.done as u32,
            messages: all.messages,
            bytes: progress.iter().map(|it| it.bytes).sum(),
            details: None,
        }
    }

    /// Puts together what the run leaves.
    pub fn finish(self, shards: Vec<Shard>) -> Run {
        let Shared { plan, links, .. } = self.shared;
        let verdict = self.verdict.expect("a run ends with a verdict");
        let reached = shards.first().map_or(Time::ZERO, Shard::reached);
        let threads = shards.len() as u32;
        let all = Word::all(&shards.iter().map(Shard::stands).collect::<Vec<_>>());
        let mut warnings = self.warnings;
        let mut throughput = Throughput::default();
        let (mut windows, mut chain) = (0, 0);
        let (mut nodes, mut reports) = (Nodes::default(), Vec::new());
        let mut recorder = Recorder::new(plan.recording);
        let (mut tracer, mut rounds) = (Tracer::new(&plan.followed), RoundLog::default());
        for shard in shards {
            let report = shard.last_report(verdict.end, chain);
            (windows, chain) = (windows.max(report.windows), report.chain);
            recorder.merge(&report.recorder);
            throughput.merge(&report.throughput);
            rounds.merge(&report.rounds);
            tracer.merge(report.tracer);
            nodes = nodes.and(&report.totals);
            if reports.is_empty() {
                reports = report.nodes;
            } else {
                reports.extend(report.nodes);
            }
            // What was measured is worth more than the log.
            warnings.extend(report.log.map(|error| format!("the event log is not complete: {error}")));
        }
        let mut faults = self.faults;
        faults.sort_unstable_by_key(|it| (it.at, it.node));
        let run = conclude(Facts {
            verdict,
            zero: self.zero,
            warnings,
            faults: faults.iter().map(|it| roster::fault(it.node, it.fate, &it.why)).collect(),
            script: self.script,
            nodes,
            reports,
            rounds,
            evaluator: self.evaluator,
            recorder,
            tracer,
            series: throughput.series(reached),
            inputs: all.inputs,
            threads,
        });
        Run {
            lookahead: Some(links.lookahead()),
            events_per_window: (windows > 0).then(|| all.inputs as f64 / windows as f64),
            fingerprint: Some(fingerprint::written(chain)),
            ..run
        }
    }
}
