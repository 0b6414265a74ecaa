//! What links do to messages: delays, losses and copies.

use super::faults::Faults;
use super::port::Port;
use super::spec::Network;
use crate::metrics::Cause;
use crate::random::{Purpose, Stream};
use crate::time::{Time, nanos};
use crate::wire::PeerId;
use crate::wire::size::GRPC_PREFIX;
use rand::RngExt;
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
    },
    /// It does not.
    Dropped(Cause),
}

/// The bytes of a message that fit into one packet: Ethernet's 1,500 less the headers of IP and TCP.
const SEGMENT: u64 = 1_460;

/// No retransmission comes sooner than this, as in Linux.
const MIN_RETRANSMISSION: Duration = Duration::from_millis(200);

/// More retransmissions of one message than any path survives.
const MAX_RETRANSMISSIONS: u32 = 16;

/// The links of a scenario: read-only, shared by all nodes. What a node's own messages change is in its [`Port`].
#[derive(Clone, Debug)]
pub struct Links {
    seed: u64,
    spec: Network,
    lookahead: Duration,
}

impl Links {
    /// Links as the scenario says.
    pub fn new(seed: u64, spec: Network) -> Self {
        let lookahead = spec.latency.least().max(spec.latency_floor.0);
        Self { seed, spec, lookahead }
    }

    /// The least time between hand-over and arrival on any link: what bounds how far ahead nodes may run on their own.
    pub fn lookahead(&self) -> Duration {
        self.lookahead
    }

    /// Whether messages that leave together may fare differently, so that each is to be handed over for itself.
    pub fn loses(&self) -> bool {
        self.spec.packet_loss > 0.0
    }

    /// Whether it matters to [`depart`](Self::depart) that a receiver is known.
    pub fn connects(&self) -> bool {
        false
    }

    /// Whether [`arrive`](Self::arrive) can ever say something later than the arrival itself.
    pub fn queues_at_receiver(&self) -> bool {
        false
    }

    /// The one-way delay between two peers: a property of the path, the same in both directions.
    pub fn latency(&self, a: PeerId, b: PeerId) -> Duration {
        let pair = (u64::from(a.min(b)) << 32) | u64::from(a.max(b));
        let mut random = Stream::new(self.seed, pair, Purpose::Latency, 0);
        self.spec.latency.draw(&mut random).max(self.lookahead)
    }

    /// Bytes that a message of so many bytes puts on its link.
    pub fn wire_bytes(&self, payload: u64) -> u64 {
        payload + GRPC_PREFIX
    }

    /// What becomes of a message of `payload` bytes that is handed over now. `port` is the sender's; `known` says that
    /// the receiver is one of the sender's neighbours in the topology, to which a connection stays open: to others
    /// every message opens one of its own.
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
        payload: u64,
        _known: bool,
    ) -> Departure {
        if faults.is_some_and(|it| it.separated(from, to)) {
            return Departure::Dropped(Cause::Partition);
        }
        let draw = port.next_draw();
        let latency = self.latency(from, to);
        let leaves = port.through_uplink(now, Duration::ZERO);
        let Some(resent) = self.resending(faults, from, to, payload, latency, draw) else {
            return Departure::Dropped(Cause::Loss);
        };
        let passage = stretched(latency + resent, faults, from, to);
        Departure::Arrives { at: (leaves + passage).max(now + self.lookahead), copy: None }
    }

    /// When a message that reaches a node's downlink at `at` is through it. `port` is the receiver's.
    pub fn arrive(&self, port: &mut Port, _node: PeerId, at: Time, _payload: u64) -> Time {
        if self.queues_at_receiver() { port.through_downlink(at, Duration::ZERO) } else { at }
    }

    /// How long the answer to a request takes. It is never lost and never waits, for it is short and comes back over
    /// the connection that the request made.
    pub fn answer(&self, faults: Option<&Faults>, from: PeerId, to: PeerId) -> Duration {
        stretched(self.latency(from, to), faults, from, to).max(self.lookahead)
    }

    /// The median delay in nanoseconds, for estimates.
    pub fn median(&self) -> u64 {
        nanos(self.spec.latency.median().max(self.spec.latency_floor.0))
    }

    /// How much longer a message takes because packets are lost and sent again; nothing if it is lost itself.
    fn resending(
        &self,
        faults: Option<&Faults>,
        from: PeerId,
        to: PeerId,
        payload: u64,
        latency: Duration,
        draw: u64,
    ) -> Option<Duration> {
        let extra = faults.map_or(0.0, |it| it.loss(from, to));
        let loss = 1.0 - (1.0 - self.spec.packet_loss) * (1.0 - extra);
        if loss <= 0.0 {
            return Some(Duration::ZERO);
        }
        let mut random = Stream::new(self.seed, u64::from(from), Purpose::Loss, draw);
        let packets = payload.div_ceil(SEGMENT).max(1);
        let survives = libm::pow(1.0 - loss, packets as f64);
        let mut delay = Duration::ZERO;
        // A timeout doubles with every retransmission (RFC 6298).
        let mut timeout = (latency * 2).max(MIN_RETRANSMISSION);
        for _ in 0..MAX_RETRANSMISSIONS {
            if random.random::<f64>() < survives {
                return Some(delay);
            }
            if self.spec.lossy {
                return None;
            }
            delay += timeout;
            timeout = timeout.saturating_mul(2);
        }
        None
    }
}

/// A delay on a link whose slower end is slowed down.
fn stretched(delay: Duration, faults: Option<&Faults>, a: PeerId, b: PeerId) -> Duration {
    match faults.map_or(1.0, |it| it.link(a, b)) {
        1.0 => delay,
        // The conversion saturates, where that of `Duration` would panic.
        factor => Duration::from_nanos((nanos(delay) as f64 * factor) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Slowdown;
    use crate::scenario::units::Span;
    use proptest::prelude::*;

    fn links(packet_loss: f64, lossy: bool) -> Links {
        let latency = serde_json::from_str(r#"{"kind":"uniform","min":"0s","max":"40ms"}"#).unwrap();
        Links::new(7, Network { latency, latency_floor: Span::millis(10), packet_loss, lossy })
    }

    /// What becomes of so many messages of so many bytes from node 1 to node 2, handed over at time zero.
    fn passages(links: &Links, messages: usize, payload: u64) -> Vec<Departure> {
        let mut port = Port::default();
        let depart = |_| links.depart(&mut port, None, Time::ZERO, 1, 2, payload, true);
        (0..messages).map(depart).collect()
    }

    #[test]
    fn a_path_has_one_latency_in_both_directions_and_none_below_the_floor() {
        let links = links(0.0, false);
        let drawn: Vec<Duration> = (1..500).map(|peer| links.latency(0, peer)).collect();
        assert!((1..500).all(|peer| links.latency(peer, 0) == drawn[peer as usize - 1]));
        assert_eq!(drawn.iter().min(), Some(&Duration::from_millis(10)));
        assert!(drawn.iter().max() > Some(&Duration::from_millis(35)));
    }

    #[test]
    fn loss_costs_a_retransmission_or_the_message() {
        let share = |links: &Links, fate: &dyn Fn(Departure) -> bool| {
            passages(links, 10_000, 100).into_iter().filter(|&it| fate(it)).count() as f64 / 10_000.0
        };
        let lost = |it| it == Departure::Dropped(Cause::Loss);
        let resending = links(0.1, false);
        let soonest = Time::ZERO + resending.latency(1, 2) + MIN_RETRANSMISSION;
        let late = |it| matches!(it, Departure::Arrives { at, .. } if at >= soonest);
        assert!((share(&resending, &late) - 0.1).abs() < 0.01);
        assert!((share(&links(0.1, true), &lost) - 0.1).abs() < 0.01);
        assert_eq!(share(&links(0.0, true), &lost), 0.0);
    }

    #[test]
    fn a_large_message_is_many_packets() {
        let passages = passages(&links(0.01, true), 2_000, 146_000);
        let lost = passages.iter().filter(|it| matches!(it, Departure::Dropped(_))).count();
        let expected = 1.0 - 0.99_f64.powi(100);
        assert!((lost as f64 / 2_000.0 - expected).abs() < 0.03);
    }

    proptest! {
        #[test]
        fn nothing_arrives_before_the_lookahead(
            factor in 0.001f64..1e12, loss in 0.0f64..0.9, payload in 0u64..100_000_000, now in 0u64..u64::MAX / 2
        ) {
            let mut faults = Faults::default();
            faults.slow(3, &[1], Slowdown { compute: 1.0, link: factor });
            let (links, mut port, now) = (links(loss, false), Port::default(), Time::from_nanos(now));
            for _ in 0..10 {
                match links.depart(&mut port, Some(&faults), now, 0, 1, payload, true) {
                    Departure::Arrives { at, .. } => prop_assert!(at.since(now) >= links.lookahead()),
                    Departure::Dropped(cause) => prop_assert_eq!(cause, Cause::Loss),
                }
            }
            prop_assert!(links.answer(Some(&faults), 1, 0) >= links.lookahead());
        }
    }
}
