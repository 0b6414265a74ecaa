//! Packets that get lost: what that costs the message they are part of.

use rand::{Rng, RngExt};
use std::time::Duration;

/// No retransmission comes sooner than this, as in Linux; RFC 6298 itself says a second.
pub(super) const MIN_TIMEOUT: Duration = Duration::from_millis(200);

/// After so many retransmissions of one packet a sender gives up, as Linux does (`tcp_retries2`).
const MAX_RETRANSMISSIONS: i32 = 15;

/// How long a sender waits before it sends a packet again: a round trip and no less than the minimum.
pub(super) fn timeout(rtt: Duration) -> Duration {
    rtt.max(MIN_TIMEOUT)
}

/// How much longer a message of so many packets takes because some are lost and sent again; nothing if it is lost itself.
///
/// Each packet is sent until it gets through, with a timeout that doubles each time (RFC 6298, 5.5), and the message is
/// there when the last of them is: of `n` packets, each lost with probability `p`, none needs more than `k`
/// retransmissions with probability `(1 − p^(k+1))^n`. Fast retransmission, which saves a busy connection some of the
/// waiting, is left out.
pub(super) fn resending(
    random: &mut impl Rng,
    loss: f64,
    lossy: bool,
    packets: u64,
    rtt: Duration,
) -> Option<Duration> {
    let drawn: f64 = random.random();
    let most = if lossy { 0 } else { MAX_RETRANSMISSIONS };
    let mut delay = Duration::ZERO;
    let mut timeout = timeout(rtt);
    for resent in 0..=most {
        let through = libm::pow(1.0 - libm::pow(loss, f64::from(resent + 1)), packets as f64);
        if drawn < through {
            return Some(delay);
        }
        delay = delay.saturating_add(timeout);
        timeout = timeout.saturating_mul(2);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// How many of 20,000 messages took so long.
    fn shares(loss: f64, lossy: bool, packets: u64) -> [f64; 4] {
        let rtt = Duration::from_millis(300);
        let mut shares = [0.0; 4];
        for count in 0..20_000 {
            let mut random = Stream::new(3, 0, Purpose::Loss, count);
            let fate = match resending(&mut random, loss, lossy, packets, rtt) {
                Some(Duration::ZERO) => 0,
                Some(delay) if delay == rtt => 1,
                // The second timeout is twice the first.
                Some(delay) if delay == 3 * rtt => 2,
                _ => 3,
            };
            shares[fate] += 1.0 / 20_000.0;
        }
        shares
    }

    fn near(found: &[f64], expected: &[f64]) {
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.01);
        assert!(close, "{found:?} for {expected:?}");
    }

    #[test]
    fn a_packet_costs_a_timeout_each_time_it_is_lost() {
        near(&shares(0.2, false, 1), &[0.8, 0.16, 0.032, 0.008]);
    }

    #[test]
    fn a_message_waits_for_the_unluckiest_of_its_packets() {
        let within = |k: i32| (1.0 - 0.01_f64.powi(k)).powi(100);
        let expected = [within(1), within(2) - within(1), within(3) - within(2), 1.0 - within(3)];
        near(&shares(0.01, false, 100), &expected);
    }

    #[test]
    fn a_lossy_link_loses_a_message_with_any_of_its_packets() {
        let survives = 0.99_f64.powi(100);
        near(&shares(0.01, true, 100), &[survives, 0.0, 0.0, 1.0 - survives]);
    }

    #[test]
    fn even_a_large_model_gets_through_in_the_end() {
        // Ten megabytes: it is all but certain that some packets are lost, and that none is lost for ever.
        let found = shares(0.01, false, 7_000);
        assert!(found[0] < 0.001 && found[1] + found[2] > 0.98, "{found:?}");
    }

    #[test]
    fn where_everything_is_lost_nothing_gets_through() {
        let mut random = Stream::new(3, 0, Purpose::Loss, 0);
        assert_eq!(resending(&mut random, 1.0, false, 1, Duration::ZERO), None);
    }
}
