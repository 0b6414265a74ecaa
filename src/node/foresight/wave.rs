//! How a model spreads over a graph, hop by hop: who has it offers it to neighbours that lack it, some every period, or
//! they ask for it. A run without its messages, for estimates.

use crate::topology::Graph;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How a model goes from one node to the next, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Wave {
    /// How long a node keeps the model before it offers it.
    pub settle: f64,
    /// How often a node offers it.
    pub period: f64,
    /// To how many neighbours each time.
    pub at_a_time: u32,
    /// What a model needs beside its transfer: the offer, the answer, the latency of the model, the receipt.
    pub trips: f64,
    /// How long it takes on the sender's uplink.
    pub up: f64,
    /// How long it takes on the receiver's downlink.
    pub down: f64,
    /// Whether neighbours ask for it as soon as they hear of it.
    pub pulls: bool,
}

/// How long it took, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Until the last node had it.
    pub got: f64,
    /// Until the last node saw that no neighbour lacks it.
    pub done: f64,
}

/// Graphs with more places to look at are not followed: a formula stands for them.
const MOST_LOOKS: f64 = 2e8;

/// Spreads a model from some nodes, which have it at time zero.
pub fn spread(graph: &Graph, sources: &[u32], wave: &Wave) -> Spread {
    let nodes = f64::from(graph.nodes());
    let degree = 2.0 * graph.edges() as f64 / nodes.max(1.0);
    let at_a_time = if wave.pulls { u32::MAX } else { wave.at_a_time.max(1) };
    if nodes * degree * (degree / f64::from(at_a_time)).max(1.0) > MOST_LOOKS {
        // Each who has it passes it on to so many: a tree of that degree.
        let fan = f64::from(at_a_time).min(degree).max(1.0);
        let depth = (libm::log(nodes / sources.len().max(1) as f64) / libm::log1p(fan)).max(1.0).ceil();
        let hop = wave.settle + wave.trips + wave.up * fan + wave.down;
        let got = depth * hop + wave.period;
        return Spread { got, done: got + wave.period };
    }
    let mut got = vec![f64::INFINITY; graph.nodes() as usize];
    let mut turns = BinaryHeap::new();
    for &source in sources {
        got[source as usize] = 0.0;
        turns.push(Reverse((At(wave.settle), source, 0u32)));
    }
    let (mut last, mut done, mut lacking) = (0.0f64, 0.0f64, Vec::new());
    while let Some(Reverse((At(now), node, turn))) = turns.pop() {
        // A first turn that an earlier model has overtaken.
        if turn == 0 && now > got[node as usize] + wave.settle + 1e-9 {
            continue;
        }
        lacking.clear();
        lacking.extend(graph.neighbours(node).filter(|&it| got[it as usize] > now));
        if lacking.is_empty() {
            done = done.max(now);
            continue;
        }
        // Whom a node chooses is drawn in a run; here each begins at a place of its own.
        let offered = lacking.len().min(at_a_time as usize);
        let first = node.wrapping_mul(0x9E37_79B9) as usize % lacking.len();
        for place in 0..offered {
            let peer = lacking[(first + place) % lacking.len()];
            // Who offers waits for one receipt before the next offer.
            let before = if wave.pulls { wave.trips } else { (place + 1) as f64 * wave.trips };
            let at = now + before + (place + 1) as f64 * wave.up + wave.down;
            if at < got[peer as usize] {
                got[peer as usize] = at;
                last = last.max(at);
                turns.push(Reverse((At(at + wave.settle), peer, 0)));
            }
        }
        // Nobody who is asked waits for a period, and who offers has all receipts before it offers again.
        let sent = offered as f64 * wave.up + wave.down;
        let rest = match wave.pulls {
            true => wave.trips + sent,
            false => wave.period.max(offered as f64 * wave.trips + sent),
        };
        turns.push(Reverse((At(now + rest.max(1e-6)), node, turn + 1)));
    }
    Spread { got: last, done }
}

/// A time by which turns are taken.
#[derive(Clone, Copy, Debug, PartialEq)]
struct At(f64);

impl Eq for At {}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUSHED: Wave =
        Wave { settle: 0.0, period: 2.0, at_a_time: 4, trips: 0.0, up: 0.0, down: 0.0, pulls: false };

    #[test]
    fn a_hub_hands_a_model_to_a_few_leaves_every_period() {
        let star = Graph::from_edges(64, (1..64).map(|leaf| (0, leaf)));
        // Sixteen times four leaves, of which the last are had after fifteen periods.
        assert_eq!(spread(&star, &[0], &PUSHED), Spread { got: 30.0, done: 32.0 });
        let asked = spread(&star, &[0], &Wave { pulls: true, up: 0.1, ..PUSHED });
        assert!((asked.got - 6.3).abs() < 1e-9, "{asked:?}");
    }

    #[test]
    fn a_node_on_a_line_keeps_it_for_as_long_as_it_takes_to_settle() {
        let line = Graph::from_edges(32, (1..32).map(|i| (i - 1, i)));
        let first = spread(&line, &[0], &Wave { settle: 1.0, trips: 0.01, ..PUSHED });
        assert!((first.got - 31.0 * 1.01).abs() < 1e-6, "{first:?}");
    }

    #[test]
    fn transfers_that_take_years_are_followed_at_once() {
        let line = Graph::from_edges(32, (1..32).map(|i| (i - 1, i)));
        let slow = spread(&line, &[0], &Wave { trips: 1e9, ..PUSHED });
        assert!((slow.got / 31e9 - 1.0).abs() < 1e-6, "{slow:?}");
    }

    #[test]
    fn what_cannot_be_reached_is_not_waited_for() {
        let two = Graph::from_edges(4, [(0, 1), (2, 3)]);
        assert!(spread(&two, &[0], &PUSHED).done.is_finite());
    }

    #[test]
    fn a_complete_graph_of_a_million_takes_no_time_to_think_of() {
        let spread = spread(&Graph::complete(1_000_000), &[0], &PUSHED);
        assert!(spread.got > 0.0 && spread.done < 60.0, "{spread:?}");
    }
}
