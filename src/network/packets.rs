//! Packets: how messages are cut, and what their headers add.

use super::links::Handover;
use super::profile::Charges;
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
    charges: Option<Charges>,
}

impl Packets {
    pub(super) fn new(spec: &Network, charges: Option<Charges>) -> Self {
        let tls = spec.connections.as_ref().is_some_and(|it| it.setup == Setup::Tls);
        Self { mtu: spec.mtu.0.max(MIN_MTU), tls, charges }
    }

    /// Bytes of the largest packet.
    pub(super) fn largest(&self) -> u64 {
        self.mtu
    }

    /// The number of packets of what is handed over together.
    pub(super) fn count(&self, it: Handover) -> u64 {
        self.packets(self.framed(it))
    }

    /// Bytes that it puts on its link: itself, gRPC's prefix and TLS records or what a profile says instead, and the
    /// headers of each packet.
    pub(super) fn wire_bytes(&self, it: Handover) -> u64 {
        self.cut(self.framed(it))
    }

    /// Bytes that come back for a message; none that are known of without a profile.
    pub(super) fn answered(&self) -> u64 {
        self.charges.map_or(0, |it| self.cut(it.answered(1)))
    }

    fn packets(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.mtu - HEADERS)
    }

    fn cut(&self, bytes: u64) -> u64 {
        bytes.saturating_add(self.packets(bytes).saturating_mul(HEADERS))
    }

    fn framed(&self, it: Handover) -> u64 {
        if let Some(charges) = &self.charges {
            return charges.sent(it);
        }
        let framed = it.payload.saturating_add(GRPC_PREFIX);
        if self.tls { framed.saturating_add(framed.div_ceil(TLS_RECORD) * TLS_OVERHEAD) } else { framed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::units::Size;
    use crate::network::spec::Connections;

    #[test]
    fn every_packet_has_headers() {
        let packets = Packets::new(&Network::default(), None);
        assert_eq!((packets.count(0u64.into()), packets.wire_bytes(0u64.into())), (1, 57));
        assert_eq!((packets.count(1_443u64.into()), packets.wire_bytes(1_443u64.into())), (1, 1_500));
        assert_eq!((packets.count(1_444u64.into()), packets.wire_bytes(1_444u64.into())), (2, 1_553));
        let jumbo = Packets::new(&Network { mtu: Size(9_000), ..Network::default() }, None);
        assert_eq!((jumbo.count(8_943u64.into()), jumbo.wire_bytes(8_943u64.into())), (1, 9_000));
    }

    #[test]
    fn tls_adds_to_every_record() {
        let tls = Some(Connections { setup: Setup::Tls, slow_start: false });
        let (plain, secure) = (Network::default(), Network { connections: tls, ..Network::default() });
        let added = |payload: u64| {
            let bytes = |spec| {
                let packets = Packets::new(spec, None);
                packets.wire_bytes(payload.into()) - packets.count(payload.into()) * HEADERS
            };
            bytes(&secure) - bytes(&plain)
        };
        assert_eq!((added(100), added(16_379), added(16_380)), (22, 22, 44));
    }
}
