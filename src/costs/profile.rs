//! What was measured as a profile for the virtual clock: a straight line from small messages to large ones.

use super::{Costs, Load, TransportCosts, Wire};
use crate::network::profile::{Bytes, Connection, Cpu, Profile, SCHEMA, TransportProfile};

impl Costs {
    /// A profile of all transports that were measured.
    pub fn profile(&self) -> Profile {
        let of = |it: &TransportCosts| (it.transport.clone(), it.profile(self.small_bytes, self.large_bytes));
        Profile {
            schema: SCHEMA.into(),
            machine: Some(self.machine.clone()),
            transports: self.transports.iter().map(of).collect(),
        }
    }
}

impl TransportCosts {
    fn profile(&self, small: u64, large: u64) -> TransportProfile {
        let cpu = |load: Option<&Load>| load.map_or(0.0, |it| it.cpu_s_per_message.max(0.0));
        let (alone, queued) = (cpu(self.small.first()), cpu(self.small.last()));
        let between = (large - small) as f64;
        // Large messages were sent one at a time.
        let byte = (cpu(Some(&self.large)) - alone).max(0.0) / between;
        let share = self.sender_share.unwrap_or(0.5);
        let end = |share: f64| {
            // What the small message's own bytes take is in `byte_s` already.
            let fixed = |cpu: f64| (share * (cpu - byte * small as f64)).max(0.0);
            Cpu { alone_s: fixed(alone), queued_s: fixed(queued), byte_s: share * byte }
        };
        TransportProfile {
            sender: end(share),
            receiver: end(1.0 - share),
            bytes: self.bytes().unwrap_or(Bytes { message: 0.0, payload: 1.0, answer: 0.0 }),
            connection: self.connection.as_ref().map(|it| Connection {
                round_trips: it.round_trips.unwrap_or(1),
                bytes: it.bytes + self.first_extra(),
                sender_s: share * it.cpu_s.max(0.0),
                receiver_s: (1.0 - share) * it.cpu_s.max(0.0),
                memory_bytes: it.memory_bytes,
            }),
        }
    }

    /// From what messages of two sizes put on the wire; nothing where there is none.
    fn bytes(&self) -> Option<Bytes> {
        let later = || self.wire.iter().filter(|it| !it.first && it.in_flight == 1);
        let small = later().min_by_key(|it| it.payload_bytes)?;
        let large = later().max_by_key(|it| it.payload_bytes)?;
        let more = (large.payload_bytes - small.payload_bytes) as f64;
        let payload = if more > 0.0 { (large.sent.total() - small.sent.total()) / more } else { 1.0 };
        let message = small.sent.total() - payload * small.payload_bytes as f64;
        Some(Bytes { message: message.max(0.0), payload, answer: small.answered.total() })
    }

    /// What the first message on a connection has on top of later ones: headers that the other end does not know yet.
    fn first_extra(&self) -> f64 {
        let total = |it: &Wire| it.sent.total() + it.answered.total();
        let first = self.wire.iter().find(|it| it.first);
        let later = self.wire.iter().find(|it| !it.first);
        first.zip(later).map_or(0.0, |(first, later)| (total(first) - total(later)).max(0.0))
    }
}
