//! Connections: the round trips that it takes to open one, and those that a large message takes until it has grown.

use super::loss;
use super::spec::{self, Setup};
use crate::time::{Time, nanos};
use crate::wire::PeerId;
use std::time::Duration;

/// Packets in flight on a new connection (RFC 6928).
pub(super) const INITIAL_WINDOW: u64 = 10;

/// The connections that a node keeps open, by peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Open(Vec<Connection>);

/// A connection to a peer, from the side of the one that sends.
#[derive(Clone, Copy, Debug)]
struct Connection {
    peer: PeerId,
    /// When it is, or was, set up.
    ready: Time,
    /// When something was last sent on it.
    used: Time,
    /// Packets that may be in flight.
    window: u64,
}

/// What a message has to be taken over.
pub(super) struct Passage {
    /// When the message is handed over.
    pub now: Time,
    /// When the uplink is free for it.
    pub begins: Time,
    /// There and back, on the way to its receiver.
    pub rtt: Duration,
    /// Packets that it is made of.
    pub packets: u64,
    /// Round trips to connect, where a profile knows better than the scenario's `setup`.
    pub round_trips: Option<u32>,
    /// How long the slower of uplink and downlink takes for a full packet.
    pub packet: Duration,
}

impl Open {
    /// How long a message waits for a connection beyond the queue and the time that its bytes take.
    ///
    /// With `kept` the connection stays open for later messages. While a connection is being set up, or a sender waits
    /// for acknowledgements, the uplink serves other messages: only this one waits.
    pub(super) fn wait(&mut self, spec: &spec::Connections, kept: Option<PeerId>, it: &Passage) -> Duration {
        let new = |peer| Connection {
            peer,
            ready: it.now + it.rtt * it.round_trips.unwrap_or_else(|| round_trips(spec.setup)),
            used: it.now,
            window: INITIAL_WINDOW,
        };
        let mut single = new(PeerId::MAX);
        let connection = match kept {
            None => &mut single,
            Some(peer) => match self.0.binary_search_by_key(&peer, |open| open.peer) {
                Ok(found) => &mut self.0[found],
                Err(place) => {
                    self.0.insert(place, new(peer));
                    &mut self.0[place]
                }
            },
        };
        let setup = connection.ready.since(it.begins);
        if !spec.slow_start {
            return setup;
        }
        connection.window = rested(connection.window, it.begins.since(connection.used), it.rtt);
        let (stalled, grown) = slow_start(connection.window, it.packets, it.rtt, it.packet);
        connection.window = grown;
        let sending = Duration::from_nanos(nanos(it.packet).saturating_mul(it.packets));
        connection.used = it.begins.max(connection.ready) + stalled + sending;
        setup.saturating_add(stalled)
    }

    /// Whether there is a connection to a peer.
    pub(super) fn has(&self, peer: PeerId) -> bool {
        self.0.binary_search_by_key(&peer, |open| open.peer).is_ok()
    }

    /// The connection to a peer is closed.
    pub(super) fn close(&mut self, peer: PeerId) {
        self.0.retain(|it| it.peer != peer);
    }
}

/// Round trips before the first message: one for TCP (RFC 9293), one more for TLS 1.3 (RFC 8446).
fn round_trips(setup: Setup) -> u32 {
    match setup {
        Setup::Tcp => 1,
        Setup::Tls => 2,
    }
}

/// The window of a connection after so long without sending: it halves with every retransmission timeout and is never
/// less than at the beginning (RFC 2861, as Linux does it).
fn rested(window: u64, idle: Duration, rtt: Duration) -> u64 {
    let timeouts = nanos(idle) / nanos(loss::timeout(rtt)).max(1);
    let halved = u32::try_from(timeouts).ok().and_then(|it| window.checked_shr(it)).unwrap_or(0);
    halved.max(INITIAL_WINDOW)
}

/// How long a sender waits in all for acknowledgements before it may send the last packet, and the window afterwards.
///
/// A window's packets are sent, a round trip after the first of them its acknowledgement is back, and two packets may go
/// for each. What is waited is the rest of the round trip after a window has been sent, `max(0, RTT − w·t)` for `w` packets
/// that take `t` each on the slowest link; once that is nothing, it stays so (the static model of J. Kurose and K. Ross,
/// "Computer Networking", on latency and slow start). There is no congestion and no end to the receiver's window.
fn slow_start(window: u64, packets: u64, rtt: Duration, packet: Duration) -> (Duration, u64) {
    let mut stalled = Duration::ZERO;
    let (mut flight, mut sent) = (window, 0u64);
    while sent.saturating_add(flight) < packets {
        let sending = nanos(packet).saturating_mul(flight);
        let waits = rtt.saturating_sub(Duration::from_nanos(sending));
        if waits.is_zero() {
            break;
        }
        stalled = stalled.saturating_add(waits);
        sent += flight;
        flight = flight.saturating_mul(2);
    }
    // It grows by what was acknowledged, but only if it was used to the full: what is not needed is not probed for.
    let grown = if packets > window { window.saturating_add(packets) } else { window };
    (stalled, grown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(100);
    const TCP: spec::Connections = spec::Connections { setup: Setup::Tcp, slow_start: true };

    fn passage(now: Duration, packets: u64) -> Passage {
        let now = Time::ZERO + now;
        Passage { now, begins: now, rtt: RTT, packets, round_trips: None, packet: Duration::ZERO }
    }

    #[test]
    fn round_trips_double_what_is_in_flight() {
        // 10, 10 + 20 = 30, 70, 150, 310, 630 and 1,270 packets have gone after so many windows.
        for (packets, extra) in
            [(1, 0), (10, 0), (11, 1), (30, 1), (31, 2), (70, 2), (71, 3), (150, 3), (151, 4), (691, 6)]
        {
            assert_eq!(slow_start(10, packets, RTT, Duration::ZERO).0, RTT * extra, "{packets} packets");
        }
    }

    #[test]
    fn a_window_that_fills_the_path_never_waits() {
        // 1.2 ms a packet: windows of 10, 20, 40 and 80 take 12, 24, 48 and 96 ms of the 100 ms, the next all of it.
        let packet = Duration::from_micros(1_200);
        let waited = |packets| slow_start(10, packets, RTT, packet).0.as_millis();
        assert_eq!([waited(10), waited(11), waited(31), waited(71)], [0, 88, 164, 216]);
        assert_eq!([waited(151), waited(100_000)], [220, 220]);
        assert_eq!(slow_start(84, 100_000, RTT, packet).0, Duration::ZERO);
    }

    #[test]
    fn a_connection_is_set_up_once_and_grows() {
        let mut open = Open::default();
        assert_eq!(
            open.wait(&TCP, Some(3), &passage(Duration::ZERO, 70)),
            3 * RTT,
            "one to connect, two to grow"
        );
        assert_eq!(
            open.wait(&TCP, Some(3), &passage(4 * RTT, 70)),
            Duration::ZERO,
            "80 packets may be in flight"
        );
        assert_eq!(open.wait(&TCP, Some(1), &passage(4 * RTT, 1)), RTT, "another peer");
        open.close(3);
        assert_eq!(open.wait(&TCP, Some(3), &passage(5 * RTT, 1)), RTT, "closed and opened again");
        assert_eq!(open.0.iter().map(|it| it.peer).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn what_is_sent_meanwhile_waits_for_the_rest_of_the_setup() {
        let mut open = Open::default();
        let tls = spec::Connections { setup: Setup::Tls, slow_start: true };
        assert_eq!(open.wait(&tls, Some(3), &passage(Duration::ZERO, 1)), 2 * RTT);
        assert_eq!(open.wait(&tls, Some(3), &passage(RTT / 2, 1)), RTT * 3 / 2);
        // It was in the queue for longer than that.
        let late = Passage { begins: Time::ZERO + 5 * RTT, ..passage(RTT, 1) };
        assert_eq!(open.wait(&tls, Some(3), &late), Duration::ZERO);
    }

    #[test]
    fn to_a_peer_that_is_not_a_neighbour_every_message_connects() {
        let mut open = Open::default();
        for _ in 0..3 {
            assert_eq!(open.wait(&TCP, None, &passage(Duration::ZERO, 11)), 2 * RTT);
        }
        assert!(open.0.is_empty());
    }

    #[test]
    fn a_window_shrinks_while_nothing_is_sent() {
        // The timeout is 200 ms, the least there is.
        let ms = Duration::from_millis;
        assert_eq!(rested(160, ms(199), RTT), 160);
        assert_eq!(rested(160, ms(200), RTT), 80);
        assert_eq!(rested(160, ms(600), RTT), 20);
        assert_eq!(rested(160, Duration::from_secs(10_000_000), RTT), INITIAL_WINDOW);
    }

    #[test]
    fn without_slow_start_only_the_setup_is_waited_for() {
        let plain = spec::Connections { setup: Setup::Tcp, slow_start: false };
        assert_eq!(Open::default().wait(&plain, Some(1), &passage(Duration::ZERO, 10_000)), RTT);
    }
}
