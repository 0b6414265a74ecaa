//! Records traces: one tracer for each worker or shard, merged at the end.
//!
//! Nothing is recorded of nodes that are not followed, and that is found out by one bit.

use super::trace::{Activity, Happening, Job, Mark, Span, Trace, Transfer};
use crate::node::Stage;
use crate::time::Time;
use crate::wire::{Command, PeerId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The nodes that are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Ascending.
    nodes: Vec<PeerId>,
    /// A bit for each node.
    bits: Vec<u64>,
    /// Spans and transfers that are kept of each.
    each: u32,
}

impl Followed {
    /// These nodes, and so many spans and transfers of each.
    pub fn new(mut nodes: Vec<PeerId>, each: u32) -> Self {
        nodes.sort_unstable();
        nodes.dedup();
        let mut bits = vec![0; nodes.last().map_or(0, |&last| last as usize / 64 + 1)];
        nodes.iter().for_each(|&node| bits[node as usize / 64] |= 1u64 << (node % 64));
        Self { nodes, bits, each }
    }

    /// Whether a node is followed.
    #[inline]
    pub fn has(&self, node: PeerId) -> bool {
        self.bits.get(node as usize / 64).is_some_and(|bits| bits >> (node % 64) & 1 == 1)
    }

    /// All of them, ascending.
    pub fn nodes(&self) -> &[PeerId] {
        &self.nodes
    }
}

/// What one worker or shard has seen of the nodes followed.
#[derive(Clone, Debug)]
pub struct Tracer {
    followed: Arc<Followed>,
    busy: Vec<Busy>,
    transfers: Vec<Carried>,
    happened: Vec<Happened>,
    /// When nodes began to learn, and entered rounds.
    entered: Vec<(PeerId, Time, Option<u32>)>,
    /// How many spans and transfers there are of each node followed.
    kept: BTreeMap<PeerId, u32>,
    left_out: u64,
}

/// A stretch of time in which a node was busy.
#[derive(Clone, Copy, Debug)]
struct Busy {
    node: PeerId,
    activity: Activity,
    /// Nothing if it is not known: since whatever the node did before.
    start: Option<Time>,
    end: Time,
}

/// A model that was carried.
#[derive(Clone, Copy, Debug)]
struct Carried {
    from: PeerId,
    to: PeerId,
    command: Command,
    round: u32,
    sent: Time,
    taken: Time,
    bytes: u64,
}

/// Something that happened, to a node or to several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Time,
    /// To which node; nothing if `whom` says it.
    pub node: Option<PeerId>,
    /// What.
    pub what: Happening,
    /// To whom, in words.
    pub whom: String,
}

impl Happened {
    /// As it is told, for learning that started at `zero`.
    pub fn mark(&self, zero: Time) -> Mark {
        Mark { at_ns: after(zero, self.at), node: self.node, happening: self.what, whom: self.whom.clone() }
    }
}

impl Tracer {
    /// One that has seen nothing yet.
    pub fn new(followed: &Arc<Followed>) -> Self {
        Self {
            followed: Arc::clone(followed),
            busy: Vec::new(),
            transfers: Vec::new(),
            happened: Vec::new(),
            entered: Vec::new(),
            kept: BTreeMap::new(),
            left_out: 0,
        }
    }

    /// A node began to learn.
    pub fn started(&mut self, node: PeerId, now: Time) {
        if self.followed.has(node) {
            self.entered.push((node, now, None));
        }
    }

    /// A node entered a round.
    pub fn round(&mut self, node: PeerId, round: u32, now: Time) {
        if self.followed.has(node) {
            self.entered.push((node, now, Some(round)));
        }
    }

    /// A node left a stage that it had entered at `start`.
    pub fn stage(&mut self, node: PeerId, stage: Stage, start: Time, now: Time) {
        if self.keeps(node) {
            self.busy.push(Busy { node, activity: Activity::Stage(stage), start: Some(start), end: now });
        }
    }

    /// A node is in a stage and will not be heard of leaving it: it went, or the run is over.
    pub fn last_stage(&mut self, node: PeerId, stage: Stage, now: Time) {
        if self.keeps(node) {
            self.busy.push(Busy { node, activity: Activity::Stage(stage), start: None, end: now });
        }
    }

    /// A node computes from `start` until `end`, unless it goes before.
    pub fn job(&mut self, node: PeerId, job: Job, start: Time, end: Time) {
        if self.keeps(node) {
            self.busy.push(Busy { node, activity: Activity::Job(job), start: Some(start), end });
        }
    }

    /// Whether a model between these two is worth telling of.
    #[inline]
    pub fn follows(&self, from: PeerId, to: PeerId) -> bool {
        self.followed.has(to) && self.followed.has(from)
    }

    /// A node took a model.
    #[expect(clippy::too_many_arguments, reason = "they are what a transfer is")]
    pub fn transfer(
        &mut self,
        from: PeerId,
        to: PeerId,
        command: Command,
        round: i32,
        sent: Time,
        taken: Time,
        bytes: u64,
    ) {
        if self.followed.has(from) && self.keeps(to) {
            let round = u32::try_from(round).unwrap_or(0);
            self.transfers.push(Carried { from, to, command, round, sent, taken, bytes });
        }
    }

    /// Something happened to a node.
    pub fn happened(&mut self, node: PeerId, what: Happening, at: Time) {
        if self.keeps(node) {
            self.happened.push(Happened { at, node: Some(node), what, whom: String::new() });
        }
    }

    /// Something happened to several nodes, or to the network.
    pub fn happened_to(&mut self, whom: String, what: Happening, at: Time) {
        self.happened.push(Happened { at, node: None, what, whom });
    }

    /// What has happened since there were so many happenings.
    pub fn since(&self, seen: usize) -> &[Happened] {
        &self.happened[seen.min(self.happened.len())..]
    }

    /// Adds what another has seen, of other nodes or of the same ones.
    pub fn merge(&mut self, other: Self) {
        self.busy.extend(other.busy);
        self.transfers.extend(other.transfers);
        self.happened.extend(other.happened);
        self.entered.extend(other.entered);
        self.left_out += other.left_out;
    }

    /// The trace of a run in which learning started at `zero`. The order in which tracers were merged makes no
    /// difference.
    pub fn trace(mut self, zero: Time, end: Time) -> Trace {
        self.entered.sort_unstable();
        self.busy.sort_by_key(|it| (it.node, it.end, it.start));
        let gone: BTreeMap<PeerId, Vec<Time>> = self.departures();
        let mut spans = Vec::with_capacity(self.busy.len());
        let mut before: Option<(PeerId, Time)> = None;
        for busy in &self.busy {
            let stage = matches!(busy.activity, Activity::Stage(_));
            let last = before.filter(|(node, _)| *node == busy.node).map_or(Time::ZERO, |(_, end)| end);
            // Who came back after a crash has nothing to do with what it did before.
            let start = busy.start.unwrap_or_else(|| last.max(self.began(busy.node, busy.end)));
            let end = busy.end.min(end);
            let down = gone.get(&busy.node).and_then(|all| all.iter().find(|&&at| at > start));
            let end = down.map_or(end, |&at| at.min(end));
            if stage {
                before = Some((busy.node, end));
            }
            let round = self.round_at(busy.node, start);
            let (start_ns, end_ns) = (after(zero, start), after(zero, end));
            if start_ns < end_ns {
                spans.push(Span { start_ns, node: busy.node, activity: busy.activity, round, end_ns });
            }
        }
        spans.sort_unstable();
        let carried = |it: &Carried| Transfer {
            sent_ns: after(zero, it.sent),
            from: it.from,
            to: it.to,
            command: it.command,
            round: it.round,
            taken_ns: after(zero, it.taken),
            bytes: it.bytes,
        };
        let mut transfers: Vec<Transfer> = self.transfers.iter().map(carried).collect();
        transfers.sort_unstable();
        let mut marks: Vec<Mark> = self.happened.iter().map(|it| it.mark(zero)).collect();
        marks.sort_unstable();
        Trace {
            nodes: self.followed.nodes.clone(),
            start_ns: after(zero, Time::ZERO),
            end_ns: after(zero, end),
            spans,
            transfers,
            marks,
            left_out: self.left_out,
        }
    }

    /// Counts one more of a node that is followed, if there is room for it.
    fn keeps(&mut self, node: PeerId) -> bool {
        if !self.followed.has(node) {
            return false;
        }
        let kept = self.kept.entry(node).or_default();
        let room = *kept < self.followed.each;
        *kept += u32::from(room);
        self.left_out += u64::from(!room);
        room
    }

    /// When nodes went.
    fn departures(&self) -> BTreeMap<PeerId, Vec<Time>> {
        let mut gone: BTreeMap<PeerId, Vec<Time>> = BTreeMap::new();
        for it in &self.happened {
            let goes = matches!(
                it.what,
                Happening::Crash | Happening::Leave | Happening::Failure | Happening::Panic
            );
            if let (true, Some(node)) = (goes, it.node) {
                gone.entry(node).or_default().push(it.at);
            }
        }
        gone.values_mut().for_each(|all| all.sort_unstable());
        gone
    }

    /// When a node last began to learn, or entered a round, before a time.
    fn began(&self, node: PeerId, before: Time) -> Time {
        let until = self.entered.partition_point(|&(who, at, _)| (who, at) < (node, before));
        let last = self.entered[..until].last().filter(|(who, ..)| *who == node);
        last.map_or(Time::ZERO, |&(_, at, _)| at)
    }

    /// The round that a node was in at a time.
    fn round_at(&self, node: PeerId, at: Time) -> Option<u32> {
        let until = self.entered.partition_point(|&(who, since, _)| (who, since) <= (node, at));
        let earlier = self.entered[..until].iter().rev().take_while(|(who, ..)| *who == node);
        earlier.map(|&(.., round)| round).next().flatten()
    }
}

/// Nanoseconds from `zero` to `at`.
fn after(zero: Time, at: Time) -> i64 {
    let signed = |time: Time| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    signed(at) - signed(zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    fn followed(nodes: &[PeerId], each: u32) -> Arc<Followed> {
        Arc::new(Followed::new(nodes.to_vec(), each))
    }

    fn told(trace: &Trace) -> Vec<(i64, u32, Activity, Option<u32>, i64)> {
        let millis = |nanos: i64| nanos / 1_000_000;
        let row = |it: &Span| (millis(it.start_ns), it.node, it.activity, it.round, millis(it.end_ns));
        trace.spans.iter().map(row).collect()
    }

    #[test]
    fn only_nodes_that_are_followed_are_told_of() {
        let mut tracer = Tracer::new(&followed(&[3, 64, 200], 10));
        for node in [0, 3, 63, 64, 65, 200, 201, 1_000_000] {
            tracer.stage(node, Stage::Vote, at(1), at(2));
            tracer.happened(node, Happening::Join, at(3));
        }
        tracer.transfer(3, 64, Command::PartialModel, 0, at(1), at(2), 10);
        tracer.transfer(3, 65, Command::PartialModel, 0, at(1), at(2), 10);
        tracer.transfer(65, 3, Command::PartialModel, 0, at(1), at(2), 10);
        let trace = tracer.trace(at(0), at(5));
        assert_eq!(trace.spans.iter().map(|it| it.node).collect::<Vec<_>>(), [3, 64, 200]);
        assert_eq!(trace.marks.iter().filter_map(|it| it.node).collect::<Vec<_>>(), [3, 64, 200]);
        assert_eq!(trace.transfers.len(), 1);
    }

    #[test]
    fn spans_know_their_round_and_count_from_the_start_of_learning() {
        let mut tracer = Tracer::new(&followed(&[0], 10));
        tracer.started(0, at(100));
        tracer.stage(0, Stage::Start, at(100), at(150));
        tracer.round(0, 0, at(150));
        tracer.stage(0, Stage::Vote, at(150), at(200));
        tracer.job(0, Job::Train, at(200), at(260));
        tracer.stage(0, Stage::Train, at(200), at(260));
        tracer.round(0, 1, at(260));
        tracer.last_stage(0, Stage::Vote, at(300));
        let trace = tracer.trace(at(100), at(300));
        assert_eq!(
            told(&trace),
            [
                (0, 0, Activity::Stage(Stage::Start), None, 50),
                (50, 0, Activity::Stage(Stage::Vote), Some(0), 100),
                (100, 0, Activity::Stage(Stage::Train), Some(0), 160),
                (100, 0, Activity::Job(Job::Train), Some(0), 160),
                (160, 0, Activity::Stage(Stage::Vote), Some(1), 200),
            ]
        );
        assert_eq!((trace.start_ns, trace.end_ns), (-100_000_000, 200_000_000));
    }

    #[test]
    fn what_a_node_was_doing_ends_when_it_crashes() {
        let mut tracer = Tracer::new(&followed(&[7], 20));
        tracer.round(7, 0, at(10));
        tracer.job(7, Job::Train, at(20), at(90));
        tracer.last_stage(7, Stage::Train, at(50));
        tracer.happened(7, Happening::Crash, at(50));
        tracer.happened(7, Happening::Restart, at(70));
        tracer.round(7, 1, at(80));
        tracer.last_stage(7, Stage::Wait, at(100));
        let trace = tracer.trace(at(0), at(100));
        assert_eq!(
            told(&trace),
            [
                (10, 7, Activity::Stage(Stage::Train), Some(0), 50),
                (20, 7, Activity::Job(Job::Train), Some(0), 50),
                (80, 7, Activity::Stage(Stage::Wait), Some(1), 100),
            ]
        );
    }

    #[test]
    fn of_each_node_so_much_is_kept_and_the_rest_is_counted() {
        let mut tracer = Tracer::new(&followed(&[0, 1], 3));
        for i in 0..10 {
            tracer.stage(0, Stage::Wait, at(i), at(i + 1));
        }
        tracer.stage(1, Stage::Wait, at(0), at(1));
        let trace = tracer.trace(at(0), at(20));
        assert_eq!((trace.spans.len(), trace.left_out), (4, 7));
    }

    #[test]
    fn shards_together_tell_what_one_would() {
        let who = followed(&(0..20).collect::<Vec<_>>(), 100);
        let mut whole = Tracer::new(&who);
        let mut shards = [Tracer::new(&who), Tracer::new(&who)];
        for node in 0..20u32 {
            let shard = &mut shards[(node % 2) as usize];
            for tracer in [&mut whole, &mut *shard] {
                for round in 0..3 {
                    let start = u64::from(round * 100 + node % 7);
                    tracer.round(node, round, at(start));
                    tracer.stage(node, Stage::Vote, at(start), at(start + 50));
                    tracer.transfer((node + 1) % 20, node, Command::AddModel, 0, at(start), at(start + 2), 9);
                }
                tracer.happened(node, Happening::Leave, at(500));
            }
        }
        let [left, right] = shards;
        let (mut one, mut other) = (left.clone(), right.clone());
        one.merge(right);
        other.merge(left);
        let expected = whole.trace(at(3), at(900));
        assert_eq!(one.trace(at(3), at(900)), expected);
        assert_eq!(other.trace(at(3), at(900)), expected);
    }
}
