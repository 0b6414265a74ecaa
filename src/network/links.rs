//! What links do to messages: delays, losses and copies.
//!
//! A message waits in its sender's uplink queue, takes its bytes' time to leave, waits for its connection, travels for
//! the latency of the path, is held up by losses and jitter, and goes through its receiver's downlink queue. Queues
//! serve one message at a time; on the way any number of them travel side by side. With a profile it takes the CPU of
//! sender and receiver as well, before the one queue and behind the other.

use super::Cause;
use super::connections::Passage;
use super::error::NetworkError;
use super::faults::Faults;
use super::loss;
use super::packets::Packets;
use super::paths::Paths;
use super::port::Port;
use super::profile::{self, Charges, End};
use super::regions::Regions;
use super::spec::Network;
use crate::format::units::Rate;
use crate::random::{Purpose, Stream};
use crate::time::{Time, nanos};
use crate::wire::PeerId;
use rand::RngExt;
use std::path::Path;
use std::time::Duration;

/// What becomes of a message that is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It reaches the receiver's downlink.
    Arrives {
        /// When: at least [`Links::lookahead`] after it was handed over.
        at: Time,
        /// When a copy of it does that the network made.
        copy: Option<Time>,
        /// Whether a connection was opened for it.
        opens: bool,
    },
    /// It does not.
    Dropped(Cause),
}

/// Nodes run no farther ahead than this, however slow the links are: limits and Ctrl-C act in between.
const FARTHEST: Duration = Duration::from_secs(10);

/// What a node hands over to a link together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Messages. They share packets, but to whatever carries them each is one of its own.
    pub messages: u32,
    /// Bytes of their payload.
    pub payload: u64,
}

/// The links of a scenario: read-only, shared by all nodes. What a node's own messages change is in its [`Port`].
#[derive(Clone, Debug)]
pub struct Links {
    seed: u64,
    spec: Network,
    paths: Paths,
    packets: Packets,
    charges: Option<Charges>,
    /// The least time between hand-over and arrival on any link.
    least: Duration,
    deadline: Duration,
}

impl Links {
    /// Links between so many nodes as the scenario says. A matrix of regions and a profile are looked for in `folder`.
    ///
    /// # Errors
    /// A matrix that cannot be read, or shares of regions that are not in it; a profile that cannot be read, or does not
    /// know the transport.
    pub fn build(seed: u64, spec: Network, nodes: u32, folder: &Path) -> Result<Self, NetworkError> {
        let paths = Paths::build(&spec, seed, nodes, folder)?;
        let charges = match &spec.profile {
            Some(it) => Some(Charges::new(profile::read(&folder.join(&it.file), &it.transport)?)),
            None => None,
        };
        Ok(Self::over(seed, spec, paths, charges))
    }

    /// Links of a network without regions, and without a profile.
    ///
    /// # Panics
    /// If it has regions: they need [`build`](Self::build).
    pub fn new(seed: u64, spec: Network) -> Self {
        let distribution = spec.latency.distribution().expect("a network without regions");
        let paths = Paths::drawn(distribution);
        Self::over(seed, spec, paths, None)
    }

    fn over(seed: u64, spec: Network, paths: Paths, charges: Option<Charges>) -> Self {
        let least = paths.least().max(spec.latency_floor.0);
        Self {
            seed,
            packets: Packets::new(&spec, charges),
            charges,
            paths,
            least,
            deadline: Duration::MAX,
            spec,
        }
    }

    /// The same links for messages that are calls: one that does not arrive within its deadline is given up by its
    /// sender and dropped. What comes after the arrival, the receiver's queue and the answer, is not looked at.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How far ahead nodes may run on their own: no message arrives sooner on any link.
    pub fn lookahead(&self) -> Duration {
        self.least.min(FARTHEST)
    }

    /// Whether messages that leave together may fare differently, so that each is to be handed over for itself.
    pub fn loses(&self) -> bool {
        self.spec.packet_loss > 0.0 || self.spec.duplication > 0.0
    }

    /// Whether it matters to [`depart`](Self::depart) that a receiver is known.
    pub fn connects(&self) -> bool {
        self.spec.connections.is_some()
    }

    /// Whether [`arrive`](Self::arrive) can ever say something later than the arrival itself.
    pub fn queues_at_receiver(&self) -> bool {
        self.spec.downlink.is_some() || self.paths.regions().is_some_and(Regions::have_bandwidths)
    }

    /// Whether messages take CPU time at their ends, so that [`take`](Self::take) says when a receiver is done with them.
    pub fn computes(&self) -> bool {
        self.charges.is_some()
    }

    /// The one-way delay from one peer to another: a property of the path in this direction.
    pub fn latency(&self, from: PeerId, to: PeerId) -> Duration {
        self.latencies(None, from, to).0
    }

    /// The one-way delays from one peer to another and back, each as the slower end stretches it.
    fn latencies(&self, faults: Option<&Faults>, from: PeerId, to: PeerId) -> (Duration, Duration) {
        let slow = faults.map_or(1.0, |it| it.link(from, to));
        let (forth, back) = self.paths.latencies(self.seed, from, to);
        let takes = |delay: Duration| stretched(delay.max(self.least), slow);
        (takes(forth), takes(back))
    }

    /// Bytes that a message of so many bytes puts on its link, in packets of its own, with what a profile says that comes
    /// back. Messages that are handed over together share packets, as they do over TCP.
    pub fn wire_bytes(&self, payload: u64) -> u64 {
        self.packets.wire_bytes(payload.into()).saturating_add(self.packets.answered())
    }

    /// Bytes that it takes to open a connection, both ways; none that are known of without a profile.
    pub fn opening_bytes(&self) -> u64 {
        self.charges.and_then(|it| it.opening()).map_or(0, |(_, bytes)| bytes)
    }

    /// What becomes of what is handed over now. `port` is the sender's; `known` says that
    /// the receiver is one of the sender's neighbours in the topology, to which a connection stays open: to others
    /// every message opens one of its own.
    ///
    /// First it takes the sender's CPU, if there is a profile. A message that is lost has used CPU and uplink all the same;
    /// what is sent again does not use them again. What a slow node does to the message is settled here and now, for its
    /// time in the uplink, its latency and its jitter: it keeps that however long it then waits.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the message's circumstances, which nobody else keeps"
    )]
    pub fn depart(
        &self,
        port: &mut Port,
        faults: Option<&Faults>,
        now: Time,
        from: PeerId,
        to: PeerId,
        handed: impl Into<Handover>,
        known: bool,
    ) -> Departure {
        if faults.is_some_and(|it| it.separated(from, to)) {
            return Departure::Dropped(Cause::Partition);
        }
        let draw = port.next_draw();
        let slow = faults.map_or(1.0, |it| it.link(from, to));
        let (latency, back) = self.latencies(faults, from, to);
        let rtt = latency.saturating_add(back);
        let handed = handed.into();

        let opens = self.spec.connections.is_some() && !(known && port.open().has(to));
        let done = self.compute(port, faults, End::Sender, from, now, handed, opens);
        let through = |rate: Option<Rate>, node, bytes| {
            rate.map_or(Duration::ZERO, |it| serving(faults, it, node, bytes))
        };
        let takes = through(self.uplink(from), from, self.packets.wire_bytes(handed));
        let begins = port.enter_uplink(done, takes);
        let mut leaves = begins + takes;
        if let Some(connections) = &self.spec.connections {
            let packet = self.packets.largest();
            let passage = Passage {
                now: done,
                begins,
                rtt,
                packets: self.packets.count(handed),
                round_trips: self.charges.map(|it| it.opening().map_or(0, |(round_trips, _)| round_trips)),
                packet: through(self.uplink(from), from, packet).max(through(self.downlink(to), to, packet)),
            };
            leaves = leaves + port.open().wait(connections, known.then_some(to), &passage);
        }
        let Some(resending) = self.resending(faults, from, to, handed, rtt, draw) else {
            return Departure::Dropped(Cause::Loss);
        };
        let at = (leaves + resending + latency).max(now + self.least);

        let mut random = self.spec.jitter.as_ref().map(|_| self.stream(from, Purpose::Jitter, draw));
        let mut jitter = || match (&self.spec.jitter, &mut random) {
            (Some(jitter), Some(random)) => stretched(jitter.draw(random), slow),
            _ => Duration::ZERO,
        };
        let arrives = at + jitter();
        if arrives.since(now) > self.deadline {
            return Departure::Dropped(Cause::Timeout);
        }
        let copied = self.spec.duplication > 0.0
            && self.stream(from, Purpose::Duplication, draw).random::<f64>() < self.spec.duplication;
        Departure::Arrives { at: arrives, copy: copied.then(|| at + jitter()), opens }
    }

    /// When a message that reaches a node's downlink at `at` is through it. `port` is the receiver's, `faults` are those of
    /// that moment: a slow node takes in slowly what arrives while it is slow, and goes on so with it.
    pub fn arrive(
        &self,
        port: &mut Port,
        faults: Option<&Faults>,
        node: PeerId,
        at: Time,
        handed: impl Into<Handover>,
    ) -> Time {
        let Some(downlink) = self.downlink(node) else { return at };
        let takes = serving(faults, downlink, node, self.packets.wire_bytes(handed.into()));
        port.enter_downlink(at, takes) + takes
    }

    /// When a node's CPU is done with what is through its downlink now; `opens` says that a connection was opened for it.
    /// `port` is the node's. To be asked at that very time: whatever else the node does with its CPU comes before or after.
    pub fn take(
        &self,
        port: &mut Port,
        faults: Option<&Faults>,
        node: PeerId,
        now: Time,
        handed: Handover,
        opens: bool,
    ) -> Time {
        self.compute(port, faults, End::Receiver, node, now, handed, opens)
    }

    /// How long the answer to a request takes from `from`, which was asked, to `to`. It is never lost and never waits, for
    /// it is short and comes back over the connection that the request made.
    pub fn answer(&self, faults: Option<&Faults>, from: PeerId, to: PeerId) -> Duration {
        self.latencies(faults, from, to).0.max(self.least)
    }

    /// The median delay in nanoseconds, for estimates.
    pub fn median(&self) -> u64 {
        nanos(self.paths.median().max(self.spec.latency_floor.0))
    }

    /// How fast a node can send, if there is a limit.
    pub fn uplink(&self, node: PeerId) -> Option<Rate> {
        self.spec.uplink.or_else(|| self.paths.bandwidth(node).map(|it| it.uplink))
    }

    /// How fast a node can receive, if there is a limit.
    pub fn downlink(&self, node: PeerId) -> Option<Rate> {
        self.spec.downlink.or_else(|| self.paths.bandwidth(node).map(|it| it.downlink))
    }

    /// The regions with the number of nodes in each; nothing where there are no regions.
    pub fn regions(&self) -> impl Iterator<Item = (&str, u32)> {
        self.paths.regions().into_iter().flat_map(Regions::population)
    }

    /// When a node's CPU is done with messages that it is handed now.
    #[expect(clippy::too_many_arguments, reason = "as of `depart`")]
    fn compute(
        &self,
        port: &mut Port,
        faults: Option<&Faults>,
        end: End,
        node: PeerId,
        now: Time,
        handed: Handover,
        opens: bool,
    ) -> Time {
        let Some(charges) = &self.charges else { return now };
        let takes = charges.cpu(end, handed, port.cpu_is_free(now), opens);
        port.enter_cpu(now, stretched(takes, faults.map_or(1.0, |it| it.compute(node))))
    }

    /// Packets that a message of so many bytes goes in.
    pub fn packets(&self, payload: u64) -> u64 {
        self.packets.count(payload.into())
    }

    /// The share of messages of so many bytes that get lost for good, without what a script makes of the links.
    pub fn lost(&self, payload: u64) -> f64 {
        if !self.spec.lossy {
            return 0.0;
        }
        let arrives = 1.0 - self.spec.packet_loss;
        1.0 - arrives.powf(self.packets(payload) as f64)
    }

    /// How much longer a message takes because packets are lost and sent again; nothing if it is lost itself.
    fn resending(
        &self,
        faults: Option<&Faults>,
        from: PeerId,
        to: PeerId,
        handed: Handover,
        rtt: Duration,
        draw: u64,
    ) -> Option<Duration> {
        let extra = faults.map_or(0.0, |it| it.loss(from, to));
        let loss = 1.0 - (1.0 - self.spec.packet_loss) * (1.0 - extra);
        if loss <= 0.0 {
            return Some(Duration::ZERO);
        }
        let mut random = self.stream(from, Purpose::Loss, draw);
        loss::resending(&mut random, loss, self.spec.lossy, self.packets.count(handed), rtt)
    }

    /// The draws for one message of a node.
    fn stream(&self, from: PeerId, purpose: Purpose, draw: u64) -> Stream {
        Stream::new(self.seed, u64::from(from), purpose, draw)
    }
}

impl From<u64> for Handover {
    /// One message of so many bytes.
    fn from(payload: u64) -> Self {
        Self { messages: 1, payload }
    }
}

/// How long a node's uplink or downlink of this rate takes for so many bytes.
fn serving(faults: Option<&Faults>, rate: Rate, node: PeerId, bytes: u64) -> Duration {
    stretched(rate.time(bytes), faults.map_or(1.0, |it| it.access(node)))
}

/// A delay that a slowdown makes so many times longer.
fn stretched(delay: Duration, factor: f64) -> Duration {
    if factor == 1.0 {
        return delay;
    }
    // The conversion saturates, where that of `Duration` would panic.
    Duration::from_nanos((nanos(delay) as f64 * factor) as u64)
}

#[cfg(test)]
mod tests;
