//! What a link does to one message: a delay, or its loss.

use super::spec::Network;
use crate::random::{Purpose, Stream};
use crate::time::nanos;
use crate::wire::PeerId;
use rand::RngExt;
use std::time::Duration;

/// What becomes of a message on its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It arrives after so long.
    Arrives(Duration),
    /// It is lost.
    Lost,
}

/// The bytes of a message that fit into one packet: Ethernet's 1,500 less the headers of IP and TCP.
const SEGMENT: u64 = 1_460;

/// No retransmission comes sooner than this, as in Linux.
const MIN_RETRANSMISSION: Duration = Duration::from_millis(200);

/// More retransmissions of one message than any path survives.
const MAX_RETRANSMISSIONS: u32 = 16;

/// The links of a scenario.
#[derive(Clone, Debug)]
pub struct Links {
    seed: u64,
    spec: Network,
}

impl Links {
    /// Links as the scenario says.
    pub fn new(seed: u64, spec: Network) -> Self {
        Self { seed, spec }
    }

    /// Whether messages that leave together may fare differently.
    pub fn loses(&self) -> bool {
        self.spec.packet_loss > 0.0
    }

    /// The one-way delay between two peers: a property of the path, the same in both directions.
    pub fn latency(&self, a: PeerId, b: PeerId) -> Duration {
        let pair = (u64::from(a.min(b)) << 32) | u64::from(a.max(b));
        let mut random = Stream::new(self.seed, pair, Purpose::Latency, 0);
        self.spec.latency.draw(&mut random).max(self.spec.latency_floor.0)
    }

    /// What becomes of a message of so many bytes, the sender's `count`th.
    pub fn passage(&self, from: PeerId, to: PeerId, bytes: u64, count: u64) -> Passage {
        let latency = self.latency(from, to);
        if self.spec.packet_loss <= 0.0 {
            return Passage::Arrives(latency);
        }
        let mut random = Stream::new(self.seed, u64::from(from), Purpose::Loss, count);
        let packets = bytes.div_ceil(SEGMENT).max(1);
        let survives = libm::pow(1.0 - self.spec.packet_loss, packets as f64);
        let mut delay = latency;
        // A timeout doubles with every retransmission (RFC 6298).
        let mut timeout = (latency * 2).max(MIN_RETRANSMISSION);
        for _ in 0..MAX_RETRANSMISSIONS {
            if random.random::<f64>() < survives {
                return Passage::Arrives(delay);
            }
            if self.spec.lossy {
                return Passage::Lost;
            }
            delay += timeout;
            timeout = timeout.saturating_mul(2);
        }
        Passage::Lost
    }

    /// The median delay in nanoseconds, for estimates.
    pub fn median(&self) -> u64 {
        nanos(self.spec.latency.median().max(self.spec.latency_floor.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::units::Span;

    fn links(packet_loss: f64, lossy: bool) -> Links {
        let latency = serde_json::from_str(r#"{"kind":"uniform","min":"0s","max":"40ms"}"#).unwrap();
        Links::new(7, Network { latency, latency_floor: Span::millis(10), packet_loss, lossy })
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
        let share = |links: &Links, fate: fn(Passage, Duration) -> bool| {
            let hits = (0..10_000)
                .filter(|&count| fate(links.passage(1, 2, 100, count), links.latency(1, 2)))
                .count();
            hits as f64 / 10_000.0
        };
        let late: fn(Passage, Duration) -> bool =
            |it, latency| matches!(it, Passage::Arrives(after) if after >= latency + MIN_RETRANSMISSION);
        assert!((share(&links(0.1, false), late) - 0.1).abs() < 0.01);
        assert!((share(&links(0.1, true), |it, _| it == Passage::Lost) - 0.1).abs() < 0.01);
        assert_eq!(share(&links(0.0, true), |it, _| it == Passage::Lost), 0.0);
    }

    #[test]
    fn a_large_message_is_many_packets() {
        let links = links(0.01, true);
        let lost = (0..2_000).filter(|&count| links.passage(1, 2, 146_000, count) == Passage::Lost).count();
        let expected = 1.0 - 0.99_f64.powi(100);
        assert!((lost as f64 / 2_000.0 - expected).abs() < 0.03);
    }
}
