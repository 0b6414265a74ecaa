//! The recorder: takes measurements while a run goes on, and is merged with the others at the end.
//!
//! There is one for each worker or shard, never one for each node. The calls for messages are on the hottest path
//! of a run: an addition or two each. What is made of the numbers is `result`'s.

use super::counts::{Counts, add};
use super::probe::{ProbeCell, ProbeCells};
use super::{Cause, Histogram, Intervals, Over, Phase};
use crate::node::Stage;
use crate::node::io::Measured;
use crate::time::Time;
use crate::wire::{Command, NO_ROUND};
use std::borrow::Cow;

/// Of latencies that are shown for a moment two digits are enough.
const RECENT: Histogram = Histogram::with_digits(2);

/// Whether everything is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recording {
    /// Everything.
    #[default]
    On,
    /// Only how many messages and bytes were handled: to see what measuring costs.
    Off,
}

/// Measurements of one worker or shard.
#[derive(Clone, Debug)]
pub struct Recorder {
    on: bool,
    counts: [[Counts; Command::COUNT]; Phase::COUNT],
    /// Payload of messages from peers outside, which is in `counts` and was not written here.
    from_outside: [u64; Phase::COUNT],
    handled_messages: u64,
    handled_bytes: u64,
    message: [Histogram; Command::COUNT],
    rpc: [Histogram; Command::COUNT],
    stage: [Histogram; Stage::COUNT],
    round: Histogram,
    dissemination: Histogram,
    hops: Histogram,
    timer_lateness: Histogram,
    probes: ProbeCells,
    intervals: Intervals,
    /// Latencies of messages taken lately, if somebody watches.
    recent: Option<Histogram>,
}

impl Recorder {
    /// One with nothing recorded; it is small until something is.
    pub fn new(switch: Recording) -> Self {
        Self {
            on: switch == Recording::On,
            counts: Default::default(),
            from_outside: Default::default(),
            handled_messages: 0,
            handled_bytes: 0,
            message: Default::default(),
            rpc: Default::default(),
            stage: Default::default(),
            round: Histogram::default(),
            dissemination: Histogram::default(),
            hops: Histogram::default(),
            timer_lateness: Histogram::default(),
            probes: ProbeCells::default(),
            intervals: Intervals::default(),
            recent: None,
        }
    }

    /// What is recorded from now on belongs to this time, in nanoseconds since the run began: of wall time on the real
    /// clock, of scenario time on the virtual one.
    #[inline]
    pub fn at(&mut self, now: u64) {
        self.intervals.at(now);
    }

    /// Latencies of messages are collected for [`Recorder::take_recent`] from now on.
    pub fn watch(&mut self) {
        self.recent.get_or_insert(RECENT);
    }

    /// Latencies of messages taken since the last time, if they are collected.
    pub fn take_recent(&mut self) -> Histogram {
        self.recent.as_mut().map_or(RECENT, |it| std::mem::replace(it, RECENT))
    }

    /// `count` messages were handed over, of so many bytes together. `phase` is the one they are sent in; every
    /// later call about them gives the same.
    pub fn sent(&mut self, phase: Phase, command: Command, count: u64, payload_bytes: u64, wire_bytes: u64) {
        if self.on {
            let counts = self.counts_mut(phase, command);
            add(&mut counts.sent, count);
            add(&mut counts.payload_bytes, payload_bytes);
            add(&mut counts.wire_bytes, wire_bytes);
        }
    }

    /// A message came from a peer outside this program: it counts as sent, as nobody here knows when it was.
    pub fn sent_outside(&mut self, phase: Phase, command: Command, payload_bytes: u64) {
        self.sent(phase, command, 1, payload_bytes, payload_bytes);
        add(&mut self.from_outside[phase as usize], payload_bytes);
    }

    /// The network made `count` copies of messages.
    pub fn copied(&mut self, phase: Phase, command: Command, count: u64) {
        if self.on {
            add(&mut self.counts_mut(phase, command).network_copies, count);
        }
    }

    /// Nodes took `count` messages that were new to them, of `payload_bytes` together.
    pub fn delivered(&mut self, phase: Phase, command: Command, count: u64, payload_bytes: u64) {
        add(&mut self.handled_messages, count);
        add(&mut self.handled_bytes, payload_bytes);
        if self.on {
            add(&mut self.counts_mut(phase, command).delivered, count);
        }
    }

    /// Peers outside this program took `count` messages: they count as delivered, but were not handled here.
    pub fn taken_outside(&mut self, phase: Phase, command: Command, count: u64) {
        if self.on {
            add(&mut self.counts_mut(phase, command).delivered, count);
        }
    }

    /// Nodes took `count` messages that they knew already, of `payload_bytes` together.
    pub fn duplicate(&mut self, phase: Phase, command: Command, count: u64, payload_bytes: u64) {
        add(&mut self.handled_messages, count);
        add(&mut self.handled_bytes, payload_bytes);
        if self.on {
            add(&mut self.counts_mut(phase, command).duplicate, count);
        }
    }

    /// `count` messages did not arrive.
    pub fn dropped(&mut self, phase: Phase, command: Command, cause: Cause, count: u64) {
        if self.on {
            add(&mut self.counts_mut(phase, command).dropped[cause as usize], count);
        }
    }

    /// `count` messages took `nanos` each from hand-over to the receiving node. What was sent during set-up is not
    /// part of any latency.
    #[inline]
    pub fn message_latency(&mut self, phase: Phase, command: Command, nanos: u64, count: u64) {
        if self.on && phase == Phase::Learning {
            self.message[command.index()].record(nanos, count);
        }
    }

    /// `count` messages that came together, whatever their commands, took `nanos` each: for latencies over time. They are
    /// told of apart from [`Recorder::message_latency`], since most come in parcels of several commands.
    #[inline]
    pub fn together(&mut self, phase: Phase, nanos: u64, count: u64) {
        if self.on && phase == Phase::Learning && count > 0 {
            self.intervals.record(Over::Message, nanos, count);
            if let Some(recent) = &mut self.recent {
                recent.record(nanos, count);
            }
        }
    }

    /// A call took `nanos` from hand-over until its response was back.
    pub fn rpc_latency(&mut self, phase: Phase, command: Command, nanos: u64) {
        if self.on && phase == Phase::Learning {
            self.rpc[command.index()].record(nanos, 1);
            self.intervals.record(Over::Rpc, nanos, 1);
        }
    }

    /// A node was in a stage for `nanos` of scenario time.
    pub fn stage(&mut self, stage: Stage, nanos: u64) {
        if self.on {
            self.stage[stage as usize].record(nanos, 1);
        }
    }

    /// A node took `nanos` of scenario time for a round.
    pub fn round(&mut self, nanos: u64) {
        if self.on {
            self.round.record(nanos, 1);
            self.intervals.record(Over::Round, nanos, 1);
        }
    }

    /// A gossip message was new to a node, `nanos` of scenario time and `hops` hops away from its origin.
    pub fn dissemination(&mut self, phase: Phase, nanos: u64, hops: u32) {
        if self.on && phase == Phase::Learning {
            self.dissemination.record(nanos, 1);
            self.intervals.record(Over::Dissemination, nanos, 1);
            self.hops.record(u64::from(hops), 1);
        }
    }

    /// A timer fired `nanos` of wall time after it was due.
    pub fn timer_lateness(&mut self, nanos: u64) {
        if self.on {
            self.timer_lateness.record(nanos, 1);
        }
    }

    /// The sockets carried `total` bytes in a phase: what they carried beside payloads is shared out among the messages
    /// sent in it, each alike, since frames of several messages travel together. Payloads from outside are not in `total`.
    pub fn share_out(&mut self, phase: Phase, total: u64) {
        let of = |counts: &[Counts], value: fn(&Counts) -> u64| -> u128 {
            counts.iter().map(|it| u128::from(value(it))).sum()
        };
        let counts = &mut self.counts[phase as usize];
        let (sent, payload) = (of(counts, |it| it.sent), of(counts, |it| it.payload_bytes));
        let written = payload.saturating_sub(u128::from(self.from_outside[phase as usize]));
        let over = u128::from(total).saturating_sub(written);
        // Shares are cut where the running total is, so that they add up.
        let mut before = 0u128;
        for counts in counts.iter_mut().filter(|it| it.sent > 0) {
            let after = before + u128::from(counts.sent);
            let share = over * after / sent.max(1) - over * before / sent.max(1);
            counts.wire_bytes = counts.payload_bytes.saturating_add(u64::try_from(share).unwrap_or(u64::MAX));
            before = after;
        }
    }

    /// A probe was handed over for a cell, beside what [`Recorder::sent`] is told of it.
    pub fn probe_sent(&mut self, cell: i32, payload_bytes: u64, wire_bytes: u64) {
        if let Some(it) = self.on.then(|| self.probes.at(cell)).flatten() {
            it.sent += 1;
            it.payload_bytes += payload_bytes;
            it.wire_bytes += wire_bytes;
        }
    }

    /// A probe took `nanos` from hand-over to the receiving node. One of a cell is part of the latency of its command
    /// through the cell, and is not to be recorded twice.
    pub fn probe_taken(&mut self, phase: Phase, cell: i32, nanos: u64) {
        match self.on.then(|| self.probes.at(cell)).flatten() {
            Some(it) => it.message.record(nanos, 1),
            None => self.message_latency(phase, Command::Probe, nanos, 1),
        }
    }

    /// A node measured a probe at a time. `clock` makes what latencies are told in of nanoseconds of scenario time. This
    /// stands for [`Recorder::rpc_latency`], too.
    pub fn measured(&mut self, measured: Measured, at: Time, clock: impl Fn(u64) -> u64) {
        if self.on {
            if let Measured::Answered { cell, took, .. } = measured {
                if cell == NO_ROUND {
                    self.rpc[Command::Probe.index()].record(clock(took), 1);
                }
                self.intervals.record(Over::Rpc, clock(took), 1);
            }
            self.probes.measured(measured, at, clock);
        }
    }

    /// Messages taken by nodes so far, duplicates included, and their payload bytes: running totals of all phases,
    /// for the throughput sampler. They are kept when recording is off, too.
    pub fn handled(&self) -> (u64, u64) {
        (self.handled_messages, self.handled_bytes)
    }

    /// Adds all that `other` measured. The order in which recorders are merged makes no difference.
    pub fn merge(&mut self, other: &Self) {
        add(&mut self.handled_messages, other.handled_messages);
        add(&mut self.handled_bytes, other.handled_bytes);
        for (ours, theirs) in self.from_outside.iter_mut().zip(other.from_outside) {
            add(ours, theirs);
        }
        for (ours, theirs) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            ours.merge(theirs);
        }
        for (ours, theirs) in self.histograms_mut().zip(other.histograms()) {
            ours.merge(theirs);
        }
        self.probes.merge(&other.probes);
        self.intervals.merge(&other.intervals);
    }

    /// Latencies over time.
    pub fn intervals(&self) -> &Intervals {
        &self.intervals
    }

    /// What was measured of a cell of a probe.
    pub fn probe(&self, cell: u32) -> Option<&ProbeCell> {
        self.probes.get(cell)
    }

    /// What became of the messages of `command` that were sent in `phase`.
    pub fn counts(&self, phase: Phase, command: Command) -> &Counts {
        &self.counts[phase as usize][command.index()]
    }

    /// Latencies of messages of a command.
    pub fn message_histogram(&self, command: Command) -> Cow<'_, Histogram> {
        self.with_cells(command, &self.message[command.index()], |it| &it.message)
    }

    /// Latencies of calls of a command.
    pub fn rpc_histogram(&self, command: Command) -> Cow<'_, Histogram> {
        self.with_cells(command, &self.rpc[command.index()], |it| &it.rpc)
    }

    /// Probes of a cell are recorded there and nowhere else.
    fn with_cells<'a>(
        &'a self,
        command: Command,
        others: &'a Histogram,
        of: fn(&ProbeCell) -> &Histogram,
    ) -> Cow<'a, Histogram> {
        if command != Command::Probe {
            return Cow::Borrowed(others);
        }
        let mut all = others.clone();
        self.probes.all().for_each(|it| all.merge(of(it)));
        Cow::Owned(all)
    }

    /// Times spent in a stage.
    pub fn stage_histogram(&self, stage: Stage) -> &Histogram {
        &self.stage[stage as usize]
    }

    /// Times of rounds, one for each node and round.
    pub fn round_histogram(&self) -> &Histogram {
        &self.round
    }

    /// Times from the origin of gossip to a node that first takes it.
    pub fn dissemination_histogram(&self) -> &Histogram {
        &self.dissemination
    }

    /// Hops from the origin of gossip to a node that first takes it.
    pub fn hops_histogram(&self) -> &Histogram {
        &self.hops
    }

    /// How late timers fired.
    pub fn timer_lateness_histogram(&self) -> &Histogram {
        &self.timer_lateness
    }

    /// How many values were too large for a histogram (above 24 h) and recorded as its largest.
    pub fn clipped(&self) -> u64 {
        self.histograms().map(Histogram::clipped).fold(0, u64::saturating_add)
    }

    fn counts_mut(&mut self, phase: Phase, command: Command) -> &mut Counts {
        &mut self.counts[phase as usize][command.index()]
    }

    fn histograms(&self) -> impl Iterator<Item = &Histogram> {
        let single = [&self.round, &self.dissemination, &self.hops, &self.timer_lateness];
        self.message.iter().chain(&self.rpc).chain(&self.stage).chain(single)
    }

    fn histograms_mut(&mut self) -> impl Iterator<Item = &mut Histogram> {
        let single = [&mut self.round, &mut self.dissemination, &mut self.hops, &mut self.timer_lateness];
        self.message.iter_mut().chain(&mut self.rpc).chain(&mut self.stage).chain(single)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One message as an engine would tell of it: how many copies were made of it, and what became of each.
    #[derive(Clone, Debug)]
    struct Story {
        setup: bool,
        command: usize,
        fates: Vec<Fate>,
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Fate {
        Delivered,
        Duplicate,
        Dropped(usize),
        InFlight,
    }

    fn stories() -> impl Strategy<Value = Vec<Story>> {
        let fate = prop_oneof![
            Just(Fate::Delivered),
            Just(Fate::Duplicate),
            (0..Cause::COUNT).prop_map(Fate::Dropped),
            Just(Fate::InFlight),
        ];
        let story = (any::<bool>(), 0..Command::COUNT, proptest::collection::vec(fate, 1..4))
            .prop_map(|(setup, command, fates)| Story { setup, command, fates });
        proptest::collection::vec(story, 0..60)
    }

    fn record(recorder: &mut Recorder, story: &Story) {
        let phase = if story.setup { Phase::Setup } else { Phase::Learning };
        let command = Command::at(story.command).unwrap();
        recorder.sent(phase, command, 1, 40, 50);
        recorder.copied(phase, command, story.fates.len() as u64 - 1);
        for fate in &story.fates {
            match fate {
                Fate::Delivered => {
                    recorder.delivered(phase, command, 1, 40);
                    recorder.message_latency(phase, command, 1_000 + story.command as u64, 1);
                }
                Fate::Duplicate => recorder.duplicate(phase, command, 1, 40),
                Fate::Dropped(cause) => recorder.dropped(phase, command, Cause::ALL[*cause], 1),
                Fate::InFlight => {}
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_sent_is_accounted_for_whoever_recorded_it(stories in stories(), workers in 1usize..5) {
            let mut recorders = vec![Recorder::new(Recording::On); workers];
            // Sender and receiver of a message often record with different workers.
            for (i, story) in stories.iter().enumerate() {
                record(&mut recorders[i % workers], story);
            }
            let mut all = Recorder::new(Recording::On);
            recorders.iter().for_each(|part| all.merge(part));

            for command in Command::all() {
                for phase in [Phase::Setup, Phase::Learning] {
                    let fates = stories
                        .iter()
                        .filter(|story| {
                            story.setup == (phase == Phase::Setup) && Command::at(story.command).unwrap() == command
                        })
                        .flat_map(|story| &story.fates);
                    let in_flight = fates.filter(|fate| **fate == Fate::InFlight).count();
                    let counts = all.counts(phase, command);
                    prop_assert_eq!(counts.in_flight(), in_flight as i128);
                    prop_assert_eq!(counts.payload_bytes, counts.sent * 40);
                }
                // Set-up is part of no latency.
                prop_assert_eq!(
                    all.message_histogram(command).count(),
                    all.counts(Phase::Learning, command).delivered
                );
            }
            let fates = || stories.iter().flat_map(|story| &story.fates);
            let handled = fates().filter(|fate| matches!(fate, Fate::Delivered | Fate::Duplicate)).count() as u64;
            prop_assert_eq!(all.handled(), (handled, handled * 40));
        }
    }

    #[test]
    fn an_account_that_does_not_add_up_shows() {
        let mut recorder = Recorder::new(Recording::On);
        recorder.delivered(Phase::Learning, Command::Beat, 2, 80);
        assert_eq!(recorder.counts(Phase::Learning, Command::Beat).in_flight(), -2);
    }

    #[test]
    fn what_sockets_carry_beside_payloads_is_shared_out_to_the_last_byte() {
        let mut recorder = Recorder::new(Recording::On);
        recorder.sent(Phase::Learning, Command::Beat, 3, 120, 0);
        recorder.sent(Phase::Learning, Command::AddModel, 1, 1_000, 0);
        recorder.sent(Phase::Setup, Command::Handshake, 1, 16, 0);
        recorder.share_out(Phase::Learning, 1_122);
        let wire = |phase, command| recorder.counts(phase, command).wire_bytes;
        assert_eq!(
            (wire(Phase::Learning, Command::Beat), wire(Phase::Learning, Command::AddModel)),
            (121, 1_001)
        );
        assert_eq!(wire(Phase::Setup, Command::Handshake), 0);
        recorder.share_out(Phase::Setup, 7);
        assert_eq!(
            recorder.counts(Phase::Setup, Command::Handshake).wire_bytes,
            16,
            "never less than the payload"
        );
    }

    #[test]
    fn what_peers_outside_have_written_is_not_taken_for_ours() {
        let mut recorder = Recorder::new(Recording::On);
        recorder.sent(Phase::Learning, Command::Beat, 1, 50, 0);
        let mut other = Recorder::new(Recording::On);
        other.sent_outside(Phase::Learning, Command::AddModel, 1_000);
        recorder.merge(&other);
        recorder.share_out(Phase::Learning, 90);
        let wire = [Command::Beat, Command::AddModel]
            .map(|command| recorder.counts(Phase::Learning, command).wire_bytes);
        assert_eq!(wire, [70, 1_020]);
    }

    #[test]
    fn without_recording_only_what_was_handled_is_kept() {
        let mut recorder = Recorder::new(Recording::Off);
        recorder.sent(Phase::Learning, Command::Beat, 3, 120, 150);
        recorder.delivered(Phase::Learning, Command::Beat, 2, 80);
        recorder.duplicate(Phase::Learning, Command::Beat, 1, 40);
        recorder.message_latency(Phase::Learning, Command::Beat, 5, 1);
        recorder.round(5);
        assert_eq!(recorder.handled(), (3, 120));
        assert!(recorder.counts(Phase::Learning, Command::Beat).is_empty());
        assert_eq!(recorder.histograms().map(Histogram::count).sum::<u64>(), 0);
    }

    #[test]
    fn a_recorder_with_nothing_recorded_is_small() {
        let recorder = Recorder::new(Recording::On);
        assert!(size_of::<Recorder>() <= 8_192, "{} bytes", size_of::<Recorder>());
        assert!(recorder.histograms().all(|histogram| histogram.as_hdr().is_none()));
    }
}
