//! Packets: how messages are cut, and what their headers add.

use super::spec::{Network, Setup};
use crate::wire::size::GRPC_PREFIX;

/// Bytes of headers in each packet: IPv4 20 and TCP 20, with 12 for the timestamps that every system sends (RFC 7323).
/// Ethernet's own framing is not counted: the links of a wide-area network need not be Ethernet.
pub const HEADERS: u64 = 52;

/// The smallest MTU that IPv4 allows (RFC 791).
pub const MIN_MTU: u64 = 68;

/// The largest packet of IPv4.
pub const MAX_MTU: u64 = 65_535;

/// The largest TLS record, and what TLS 1.3 adds to one: a header of 5, the content type, and 16 of authentication
/// (RFC 8446, 5.1 and 5.2).
const TLS_RECORD: u64 = 1 << 14;
const TLS_OVERHEAD: u64 = 22;

/// How messages are cut into packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packets {
    mtu: u64,
    tls: bool,
}

impl Packets {
    pub(super) fn new(spec: &Network) -> Self {
        let tls = spec.connections.as_ref().is_some_and(|it| it.setup == Setup::Tls);
        Self { mtu: spec.mtu.0.max(MIN_MTU), tls }
    }

    /// Bytes of the largest packet.
    pub(super) fn largest(&self) -> u64 {
        self.mtu
    }

    /// The number of packets of a message of so many bytes.
    pub(super) fn count(&self, payload: u64) -> u64 {
        self.framed(payload).div_ceil(self.mtu - HEADERS)
    }

    /// Bytes that a message of so many bytes puts on its link: itself, gRPC's prefix, TLS records, and the headers of
    /// each packet.
    pub(super) fn wire_bytes(&self, payload: u64) -> u64 {
        self.framed(payload).saturating_add(self.count(payload).saturating_mul(HEADERS))
    }

    fn framed(&self, payload: u64) -> u64 {
        let framed = payload.saturating_add(GRPC_PREFIX);
        if self.tls { framed.saturating_add(framed.div_ceil(TLS_RECORD) * TLS_OVERHEAD) } else { framed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::spec::Connections;
    use crate::scenario::units::Size;

    #[test]
    fn every_packet_has_headers() {
        let packets = Packets::new(&Network::default());
        assert_eq!((packets.count(0), packets.wire_bytes(0)), (1, 57));
        assert_eq!((packets.count(1_443), packets.wire_bytes(1_443)), (1, 1_500));
        assert_eq!((packets.count(1_444), packets.wire_bytes(1_444)), (2, 1_553));
        let jumbo = Packets::new(&Network { mtu: Size(9_000), ..Network::default() });
        assert_eq!((jumbo.count(8_943), jumbo.wire_bytes(8_943)), (1, 9_000));
    }

    #[test]
    fn tls_adds_to_every_record() {
        let tls = Some(Connections { setup: Setup::Tls, slow_start: false });
        let (plain, secure) = (Network::default(), Network { connections: tls, ..Network::default() });
        let added = |payload| {
            let bytes = |spec| {
                let packets = Packets::new(spec);
                packets.wire_bytes(payload) - packets.count(payload) * HEADERS
            };
            bytes(&secure) - bytes(&plain)
        };
        assert_eq!((added(100), added(16_379), added(16_380)), (22, 22, 44));
    }
}
