//! Who holds which rows: the strategies that share a dataset out among nodes.
//!
//! Each strategy names an owner for every row and nothing else. The rows to test on are shared out with the same draws
//! as those to train on, so that a node is tested on classes in the proportions it trains on. Strategies whose shares vary
//! are drawn again, from the seed, until every node has two rows to train on.

mod dirichlet;
mod label_skew;
mod percentage;

use super::dataset::{Dataset, Rows};
use super::error::LearningError;
use super::spec::Partitioning;
use crate::random::{NO_NODE, Purpose, Stream};
use rand::seq::SliceRandom;

/// The fewest rows a node trains on.
const LEAST: u32 = 2;
/// The owner of a row that no node holds.
const NOBODY: u32 = u32::MAX;

/// Which rows each node holds: one list of row numbers, and where each node's part of it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    starts: Box<[u32]>,
    rows: Box<[u32]>,
}

/// The rows that each node trains on, and those it tests its own model on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    /// At least two rows a node.
    pub train: Partition,
    /// Perhaps no rows at all: there may be more nodes than rows to test on.
    pub test: Partition,
}

impl Partition {
    /// The rows of a node, ascending.
    pub fn rows(&self, node: u32) -> &[u32] {
        let node = node as usize;
        &self.rows[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    fn of_owners(owners: &[u32], nodes: u32) -> Self {
        let mut starts = vec![0_u32; nodes as usize + 1];
        for &owner in owners.iter().filter(|owner| **owner != NOBODY) {
            starts[owner as usize + 1] += 1;
        }
        for node in 0..nodes as usize {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; starts[nodes as usize] as usize];
        for (row, &owner) in owners.iter().enumerate().filter(|(_, owner)| **owner != NOBODY) {
            rows[next[owner as usize] as usize] = row as u32;
            next[owner as usize] += 1;
        }
        Self { starts: starts.into(), rows: rows.into() }
    }

    /// The fewest rows that a node has.
    fn least(&self) -> u32 {
        self.starts.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(0)
    }
}

/// Shares a dataset out among `nodes` nodes.
///
/// # Errors
/// If no draw leaves every node at least two rows, or a setting asks for more classes than there are.
pub fn share(spec: &Partitioning, dataset: &Dataset, nodes: u32, seed: u64) -> Result<Shares, LearningError> {
    let rows = dataset.train.len();
    if (rows as u64) < u64::from(LEAST) * u64::from(nodes) {
        return Err(LearningError::TooManyNodes { nodes, rows });
    }
    let (field, advice) = match spec {
        Partitioning::LabelSkew(it) if it.classes_per_node as usize > dataset.classes => {
            let message = format!("is {}, but there are {} classes", it.classes_per_node, dataset.classes);
            return Err(LearningError::Setting { field: "partitioning.classes_per_node".into(), message });
        }
        Partitioning::Dirichlet(it) => ("partitioning.alpha", format!("raise alpha (it is {:?})", it.alpha)),
        Partitioning::LabelSkew(it) => (
            "partitioning.classes_per_node",
            format!("raise classes_per_node (it is {})", it.classes_per_node),
        ),
        Partitioning::Iid(_) | Partitioning::Percentage(_) => ("partitioning", "take another seed".into()),
    };
    // A draw costs about as much as it has (node, class) pairs; the bound keeps refusal a matter of seconds.
    let pairs = u64::from(nodes.max(1)) * dataset.classes as u64;
    let attempts = (20_000_000 / pairs).clamp(10, 1000);
    let mut best = 0;
    for attempt in 0..attempts {
        let draw = Draw { spec, classes: dataset.classes, nodes, seed, attempt };
        let train = draw.partition(&dataset.train, Part::Train);
        if train.least() >= LEAST {
            return Ok(Shares { train, test: draw.partition(&dataset.test, Part::Test) });
        }
        best = best.max(train.least());
    }
    let message = format!(
        "in the best of {attempts} draws for {nodes} nodes the smallest share was {best}; {advice} or have fewer nodes"
    );
    Err(LearningError::Partition { field, rows, message })
}

/// Which part of the dataset is shared out.
#[derive(Clone, Copy, Debug)]
enum Part {
    Train = 1,
    Test = 2,
}

/// One attempt at sharing.
struct Draw<'a> {
    spec: &'a Partitioning,
    classes: usize,
    nodes: u32,
    seed: u64,
    attempt: u64,
}

impl Draw<'_> {
    fn partition(&self, rows: &Rows, part: Part) -> Partition {
        let owners = match self.spec {
            Partitioning::Iid(_) => self.iid(rows, part),
            Partitioning::Dirichlet(it) => self.dirichlet(it.alpha, rows, part),
            Partitioning::LabelSkew(it) => self.label_skew(it.classes_per_node as usize, rows, part),
            Partitioning::Percentage(it) => self.percentage(it.percentage, rows, part),
        };
        Partition::of_owners(&owners, self.nodes)
    }

    /// All rows in a random order, cut into equal shares; the first nodes have one more where it does not come out even.
    fn iid(&self, rows: &Rows, part: Part) -> Vec<u32> {
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.shuffle(&mut self.stream(NO_NODE, part));
        let mut owners = vec![NOBODY; rows.len()];
        let mut rest = &order[..];
        for (node, size) in even(rows.len(), self.nodes as usize).enumerate() {
            give(&mut owners, &mut rest, size, node as u32);
        }
        owners
    }

    /// The rows of each class, each in a random order.
    fn shuffled(&self, rows: &Rows, part: Part) -> Vec<Vec<u32>> {
        let mut classes = rows.by_class(self.classes);
        for (class, indices) in classes.iter_mut().enumerate() {
            indices.shuffle(&mut self.stream(class as u64, part));
        }
        classes
    }

    /// Random numbers for one part of the dataset alone.
    fn stream(&self, class: u64, part: Part) -> Stream {
        Stream::new(self.seed, class, Purpose::Partition, (part as u64) << 32 | self.attempt)
    }

    /// Random numbers that both parts of the dataset are shared out by.
    fn common_stream(&self, class: u64) -> Stream {
        Stream::new(self.seed, class, Purpose::Partition, self.attempt)
    }
}

/// The sizes of `shares` shares of `total` that differ by at most one, the larger ones first.
fn even(total: usize, shares: usize) -> impl Iterator<Item = usize> {
    (0..shares).map(move |share| total / shares + usize::from(share < total % shares))
}

/// Takes the first `count` rows and makes `node` their owner.
fn give(owners: &mut [u32], rows: &mut &[u32], count: usize, node: u32) {
    let (given, rest) = rows.split_at(count);
    for &row in given {
        owners[row as usize] = node;
    }
    *rows = rest;
}

#[cfg(test)]
mod tests;
