//! What is measured of a probe, cell by cell.
//!
//! Part of the recorder, and as small as nothing until the first message of a cell. Whether a message counts for a cell
//! is the node's to say; what is made of the numbers is `result`'s.

use super::Histogram;
use crate::node::io::Measured;
use crate::node::probe::spec::MAX_CELLS;
use crate::time::Time;

/// What is measured of one cell.
#[derive(Clone, Debug, Default)]
pub struct ProbeCell {
    /// Messages handed over that are measured, and their bytes.
    pub sent: u64,
    /// Bytes of their protobuf encodings.
    pub payload_bytes: u64,
    /// Bytes that they put on the link.
    pub wire_bytes: u64,
    /// Messages done with while the cell was being measured: answered, or arrived where nothing is answered.
    pub done: u64,
    /// Messages that could not be delivered, or were not answered in time.
    pub failed: u64,
    /// When the last of all was done with.
    pub last: Time,
    /// From hand-over to the receiving node.
    pub message: Histogram,
    /// From hand-over until the answer is back.
    pub rpc: Histogram,
    /// The same as the one or the other, from when the message was due. Open loops only.
    pub since_due: Histogram,
    /// From when a message was due to its hand-over. Open loops only.
    pub lateness: Histogram,
}

/// The cells of a probe.
#[derive(Clone, Debug, Default)]
pub(super) struct ProbeCells(Vec<ProbeCell>);

impl ProbeCells {
    /// A cell by the number that messages have; nothing for messages that are not measured.
    pub fn at(&mut self, cell: i32) -> Option<&mut ProbeCell> {
        let place = usize::try_from(cell).ok().filter(|&place| place < MAX_CELLS)?;
        if self.0.len() <= place {
            self.0.resize_with(place + 1, ProbeCell::default);
        }
        self.0.get_mut(place)
    }

    pub fn get(&self, cell: u32) -> Option<&ProbeCell> {
        self.0.get(cell as usize)
    }

    pub fn all(&self) -> impl Iterator<Item = &ProbeCell> {
        self.0.iter()
    }

    /// Notes what a node measured at a time. `clock` makes what latencies are told in of scenario time.
    pub fn measured(&mut self, measured: Measured, at: Time, clock: impl Fn(u64) -> u64) {
        let within = match measured {
            Measured::Answered { cell, within, took, since_due } => {
                if let Some(it) = self.at(cell) {
                    it.rpc.record(clock(took), 1);
                    since_due.into_iter().for_each(|nanos| it.since_due.record(clock(nanos), 1));
                }
                within
            }
            Measured::Arrived { cell, within, since_due } => {
                if let (Some(it), Some(nanos)) = (self.at(cell), since_due) {
                    it.since_due.record(clock(nanos), 1);
                }
                within
            }
            Measured::Late { cell, by } => {
                return self.at(cell).into_iter().for_each(|it| it.lateness.record(clock(by), 1));
            }
            Measured::Failed { cell } => return self.at(cell).into_iter().for_each(|it| it.failed += 1),
        };
        if let Some(it) = self.at(within) {
            it.done += 1;
            it.last = it.last.max(at);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (cell, theirs) in (0..).zip(&other.0) {
            let Some(ours) = self.at(cell) else { return };
            ours.sent += theirs.sent;
            ours.payload_bytes += theirs.payload_bytes;
            ours.wire_bytes += theirs.wire_bytes;
            ours.done += theirs.done;
            ours.failed += theirs.failed;
            ours.last = ours.last.max(theirs.last);
            ours.message.merge(&theirs.message);
            ours.rpc.merge(&theirs.rpc);
            ours.since_due.merge(&theirs.since_due);
            ours.lateness.merge(&theirs.lateness);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::NO_ROUND;

    #[test]
    fn a_message_counts_for_its_own_latency_and_for_the_throughput_of_the_cell_it_arrives_in() {
        let mut cells = ProbeCells::default();
        let at = Time::from_nanos;
        let answer = |cell, within| Measured::Answered { cell, within, took: 100, since_due: None };
        cells.measured(answer(0, 0), at(5), |it| it);
        cells.measured(answer(0, NO_ROUND), at(9), |it| it);
        cells.measured(answer(NO_ROUND, 1), at(11), |it| it);
        let told = |cell| cells.get(cell).map(|it| (it.rpc.count(), it.done, it.last));
        assert_eq!(told(0), Some((2, 1, at(5))));
        assert_eq!(told(1), Some((0, 1, at(11))));
        assert_eq!(told(2), None);
    }

    #[test]
    fn no_message_makes_room_for_cells_that_there_cannot_be() {
        let mut cells = ProbeCells::default();
        assert!(cells.at(i32::MAX).is_none());
        assert!(cells.at(-7).is_none());
        assert!(cells.get(0).is_none());
    }
}
