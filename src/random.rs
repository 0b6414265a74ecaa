//! Random numbers that depend on nothing but what they are for.
//!
//! Every draw comes from a [`Stream`] keyed by (seed, node, purpose, counter). No generator is shared, so
//! the order in which nodes run, and the thread they run on, cannot change what they draw. A caller that draws
//! repeatedly for one purpose keeps the counter; that is all the state there is.

use rand::Rng;
use rand_pcg::Pcg64Mcg;

/// What a draw is for. A purpose is part of the key, so that adding a draw for one purpose never moves another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Offsets of periodic timers within their period.
    Phase = 1,
    /// The 64-bit hash of a gossip message.
    GossipHash = 2,
    /// Candidates and weights of a vote.
    Vote = 3,
    /// Which peers a model is gossiped to.
    ModelTargets = 4,
    /// Edges of a generated topology.
    Topology = 5,
    /// Initial parameters of a model.
    Init = 6,
    /// Which rows a node holds.
    Partition = 7,
    /// The order of rows in an epoch.
    Batches = 8,
    /// The split of a dataset into train and test.
    Split = 9,
    /// Virtual durations of compute jobs.
    Compute = 10,
    /// Latency of a pair of nodes.
    Latency = 11,
    /// Jitter of one message.
    Jitter = 12,
    /// Loss of one message.
    Loss = 13,
    /// Nodes that a script entry picks at random.
    Script = 14,
    /// Nodes whose models are evaluated, where not all are.
    Sample = 15,
    /// Estimates of graph measures.
    Measure = 16,
    /// The region that a node is in.
    Region = 17,
    /// Whether the network makes a copy of one message.
    Duplication = 18,
    /// Sessions and absences of a node that comes and goes.
    Churn = 19,
    /// Noise in place of what a node has learnt.
    Byzantine = 20,
    /// Resamples of the values of runs that repeat.
    Bootstrap = 22,
    /// The seed of a process that runs one node of many.
    Process = 23,
    /// The secret key that a node is known by.
    Identity = 26,
    /// Whom a node tells a rumor, or asks for it.
    Rumor = 21,
    /// With whom a node averages where nodes do so in pairs.
    Partner = 24,
    /// Whom a node asks for a model that several have.
    Holder = 25,
}

/// The node number of draws that belong to no node.
pub const NO_NODE: u64 = u64::MAX;

/// A generator for one (seed, node, purpose, counter).
#[derive(Clone, Debug)]
pub struct Stream(Pcg64Mcg);

impl Stream {
    /// The stream of a key. `node` is a node's index, or any other number that identifies whose draw it is.
    pub fn new(seed: u64, node: u64, purpose: Purpose, counter: u64) -> Self {
        let mut key = mix(seed ^ 0x9e37_79b9_7f4a_7c15);
        key = mix(key ^ node);
        key = mix(key ^ (purpose as u64));
        let high = mix(key ^ counter);
        let low = mix(high.wrapping_add(0x9e37_79b9_7f4a_7c15));
        Self(Pcg64Mcg::new((u128::from(high) << 64) | u128::from(low)))
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection that spreads every input bit over the output.
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl rand::TryRng for Stream {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill_bytes(dst);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_every_part_of_its_key_and_on_nothing_else() {
        let first = |seed, node, purpose, counter| Stream::new(seed, node, purpose, counter).next_u64();
        let base = first(1, 2, Purpose::Vote, 3);
        assert_eq!(base, first(1, 2, Purpose::Vote, 3));
        assert_ne!(base, first(2, 2, Purpose::Vote, 3));
        assert_ne!(base, first(1, 3, Purpose::Vote, 3));
        assert_ne!(base, first(1, 2, Purpose::Phase, 3));
        assert_ne!(base, first(1, 2, Purpose::Vote, 4));
    }
}
