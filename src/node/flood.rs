//! Flooding: what a node says reaches its direct neighbours at once; what it hears for the first time it passes on
//! to all of them but the source, in batches, a batch every `gossip.period`.

use super::context::Context;
use super::io::{Timer, Weight};
use super::seen::Seen;
use crate::format::settings::Gossip as Settings;
use crate::random::{Purpose, Stream};
use crate::time::{Time, nanos};
use crate::wire::{Gossip, GossipBody, PeerId, Ttl};
use rand::Rng;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// So many bytes of what peers outside say wait to be passed on at most: what comes faster than it goes is not.
const MAX_FOREIGN: u64 = 4 << 20;

/// A node's part in flooding.
#[derive(Debug)]
pub struct Flood {
    node: PeerId,
    seen: Seen,
    pending: VecDeque<Gossip>,
    /// Bytes of what peers outside have said among the pending.
    foreign: u64,
    /// The last direct neighbour that the first pending message has gone to, where the cap cut a batch there.
    cut: Option<PeerId>,
    /// Whether the timer is set, and for what.
    armed: Option<Weight>,
    /// Offset of the batches within their period.
    phase: u64,
    /// Messages said so far: the counter of their hashes.
    said: u64,
}

impl Flood {
    /// Nothing said or heard yet. `incarnation` keeps the hashes of a restarted node apart from its old ones.
    pub fn new(cx: &Context, node: PeerId, incarnation: u32) -> Self {
        let gossip = &cx.rules.settings.gossip;
        let seen = if cx.rules.repaired() {
            Seen::age(memory(gossip))
        } else {
            Seen::count(gossip.amount_last_messages_saved)
        };
        let phase = cx.random(node, Purpose::Phase, 0).next_u64() % nanos(gossip.period.0).max(1);
        let said = u64::from(incarnation) << 40;
        Self { node, seen, pending: VecDeque::new(), foreign: 0, cut: None, armed: None, phase, said }
    }

    /// Says something to all direct neighbours.
    pub fn broadcast(&mut self, cx: &mut Context, direct: &Arc<[PeerId]>, round: i32, body: GossipBody) {
        let ttl = cx.rules.settings.gossip.ttl;
        let ttl =
            if cx.rules.shared_ttl() { Ttl::Shared(Arc::new(AtomicU32::new(ttl))) } else { Ttl::Own(ttl) };
        let message = self.message(cx, round, body, ttl);
        cx.flood(Arc::clone(direct), Arc::from([message]));
    }

    /// Says something to one peer, which does not pass it on.
    pub fn whisper(&mut self, cx: &mut Context, to: PeerId, round: i32, body: GossipBody) {
        let message = self.message(cx, round, body, Ttl::Own(0));
        cx.flood(Arc::from([to]), Arc::from([message]));
    }

    fn message(&mut self, cx: &Context, round: i32, body: GossipBody, ttl: Ttl) -> Gossip {
        let hash = self.next_hash(cx.rules.seed);
        let size = cx.rules.sizes.gossip(self.node, round, hash, &body);
        Gossip { source: self.node, round, ttl, hash, body, size, hops: 0, born: cx.now }
    }

    fn next_hash(&mut self, seed: u64) -> i64 {
        self.said += 1;
        Stream::new(seed, u64::from(self.node), Purpose::GossipHash, self.said).next_u64() as i64
    }

    /// Counts a message that arrived; whether it is new.
    pub fn arrived(&mut self, cx: &mut Context, gossip: &Gossip) -> bool {
        let new = gossip.source != self.node && self.seen.insert(gossip.hash, cx.now);
        let command = gossip.body.command();
        cx.taken.count(command, new, cx.rules.sizes.gossip_payload(gossip));
        if new {
            cx.taken.spread.push((cx.now.since(gossip.born), gossip.hops.saturating_add(1)));
        }
        new
    }

    /// Queues a message that was taken, if it may go further.
    pub fn forward(&mut self, cx: &mut Context, gossip: &Gossip) {
        let Some(ttl) = gossip.ttl.forwarded() else { return };
        if cx.rules.is_outside(gossip.source) {
            if self.foreign + u64::from(gossip.size) > MAX_FOREIGN {
                return;
            }
            self.foreign += u64::from(gossip.size);
        }
        self.pending.push_back(Gossip { ttl, hops: gossip.hops.saturating_add(1), ..gossip.clone() });
        let weight = if gossip.body.moves_on() { Weight::Progress } else { Weight::Background };
        if self.armed.is_none() || (self.armed == Some(Weight::Background) && weight == Weight::Progress) {
            self.arm(cx, weight);
        }
    }

    /// Sends the batch that is due.
    pub fn tick(&mut self, cx: &mut Context, direct: &Arc<[PeerId]>) {
        self.armed = None;
        if !cx.rules.repaired() {
            // The cap of P2PFL caps nothing: every period sends all that is pending.
            let parcel: Arc<[Gossip]> = self.pending.drain(..).collect();
            self.foreign = 0;
            cx.flood(Arc::clone(direct), parcel);
            return;
        }
        let mut allowance =
            usize::try_from(cx.rules.settings.gossip.messages_per_period).unwrap_or(usize::MAX);
        let mut whole = Vec::new();
        while let Some(first) = self.pending.front() {
            // By name, not by place: neighbours may have come and gone since.
            let rest = &direct[self.cut.map_or(0, |last| direct.partition_point(|&peer| peer <= last))..];
            if rest.len() > allowance {
                cx.flood(rest[..allowance].into(), Arc::from([first.clone()]));
                self.cut = rest[..allowance].last().copied().or(self.cut);
                break;
            }
            allowance -= rest.len();
            let first = self.pending.pop_front().expect("there is a first one");
            if cx.rules.is_outside(first.source) {
                self.foreign = self.foreign.saturating_sub(u64::from(first.size));
            }
            if self.cut.take().is_some() {
                cx.flood(rest.into(), Arc::from([first]));
            } else {
                whole.push(first);
            }
        }
        cx.flood(Arc::clone(direct), whole.into());
        if !self.pending.is_empty() {
            let progress = self.pending.iter().any(|it| it.body.moves_on());
            self.arm(cx, if progress { Weight::Progress } else { Weight::Background });
        }
    }

    fn arm(&mut self, cx: &mut Context, weight: Weight) {
        self.armed = Some(weight);
        let at = next_tick(cx.now, nanos(cx.rules.settings.gossip.period.0).max(1), self.phase);
        cx.set_timer(Timer::Forward, at, weight);
    }
}

/// How long `repaired` remembers a message: twice as long as one can circulate, waiting up to a period at each of its
/// hops.
pub fn memory(gossip: &Settings) -> Duration {
    gossip
        .period
        .0
        .saturating_mul(gossip.ttl.saturating_add(2))
        .saturating_mul(2)
        .max(Duration::from_secs(10))
}

/// The first instant after `now` on the grid of a period with an offset.
pub fn next_tick(now: Time, period: u64, phase: u64) -> Time {
    let elapsed = now.as_nanos().saturating_sub(phase);
    if now.as_nanos() < phase {
        return Time::from_nanos(phase);
    }
    Time::from_nanos((elapsed / period + 1).saturating_mul(period).saturating_add(phase))
}
