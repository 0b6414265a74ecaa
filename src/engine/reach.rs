//! How far news travels: of whom a node can hear, and which time to live would carry messages to everyone. What is
//! waited for before learning starts, what estimates go by and what the user is told all come from here.

use crate::node::{Rules, Spreading};
use crate::topology::{Enough, Graph, Short};
use crate::wire::PeerId;

/// Who hears of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// How many others a message of each node can reach at best; zeros where nobody says anything to everyone.
    pub peers: Vec<u32>,
    /// What carries messages to nodes that are no neighbours.
    pub by: Means,
    /// How many others there are for each node.
    others: u32,
    /// Whether learning starts only when everyone has heard of everyone within reach.
    awaited: bool,
}

/// What carries messages to nodes that are no neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Nothing: nodes speak with neighbours alone.
    None,
    /// Every node passes on what it hears for the first time, as long as the message's time to live lasts.
    Flooding {
        /// The time to live.
        ttl: u32,
        /// Whether all receivers of a message share it.
        shared: bool,
        /// What is wrong with it, if it is not certain to carry messages to everyone that they could reach.
        lack: Option<Lack>,
    },
    /// Nodes call one neighbour each in every round.
    Calls,
}

/// A time to live that does not carry messages to everyone that they could reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Nodes whose messages do not reach everyone; where receivers share the time to live, it is not known how many.
    pub nodes: Option<u32>,
    /// One of them.
    pub one: Short,
    /// A time to live that would do for this one.
    pub enough_for_one: u32,
    /// One that would do for all.
    pub enough: Enough,
}

impl Reach {
    /// Of the nodes that are there from the beginning: all but those that are `absent`, ascending.
    pub fn of(rules: &Rules, graph: &Graph, absent: &[PeerId]) -> Self {
        let nobody = vec![0; graph.nodes() as usize];
        let others = (graph.nodes() - absent.len() as u32).saturating_sub(1);
        let graph = &graph.without(absent);
        match rules.workflow.spreading() {
            Spreading::Flooding { awaited } => Self { others, awaited, ..Self::flooding(rules, graph) },
            Spreading::Neighbours => Self { peers: nobody, by: Means::None, others, awaited: false },
            Spreading::Calls { source } => {
                let (components, mut peers) = (graph.components(), nobody);
                peers[source as usize] = components.sizes()[components.of(source) as usize] - 1;
                Self { peers, by: Means::Calls, others, awaited: false }
            }
        }
    }

    fn flooding(rules: &Rules, graph: &Graph) -> Self {
        let (ttl, shared) = (rules.settings.gossip.ttl, rules.shared_ttl());
        // At best a message that is passed on so many times in all goes as many hops, and one more.
        let peers = graph.reach(ttl.saturating_add(1));
        let lack = if shared {
            graph.short_of(ttl).map(|one| {
                let enough = graph.ttl_shared();
                Lack { nodes: None, one, enough_for_one: enough.ttl, enough }
            })
        } else {
            Self::lack(graph, &peers, rules.seed)
        };
        Self { peers, by: Means::Flooding { ttl, shared, lack }, others: 0, awaited: false }
    }

    fn lack(graph: &Graph, peers: &[u32], seed: u64) -> Option<Lack> {
        let everyone = graph.reach(graph.nodes());
        let mut short = (0..).zip(peers.iter().zip(&everyone)).filter(|(_, (reached, of))| reached < of);
        let (node, (&reached, &of)) = short.next()?;
        Some(Lack {
            nodes: Some(1 + short.count() as u32),
            one: Short { node, reached, of },
            enough_for_one: graph.eccentricity(node).saturating_sub(1),
            enough: graph.ttl_of_copies(seed),
        })
    }

    /// Of how many peers a node is to have heard before learning starts.
    pub fn awaited(&self, node: u32) -> u32 {
        if self.awaited { self.peers[node as usize] } else { 0 }
    }

    /// The same for a single node that waits for so many.
    pub fn alone(peers: u32) -> Self {
        Self { peers: vec![peers], by: Means::None, others: peers, awaited: true }
    }

    /// How many others the message reaches that reaches most.
    pub fn most(&self) -> u32 {
        self.peers.iter().copied().max().unwrap_or(0)
    }

    /// Whether what any node says to everyone is certain to reach all the others.
    pub fn reaches_everyone(&self) -> bool {
        match self.by {
            Means::None => false,
            Means::Calls => self.most() == self.others,
            Means::Flooding { lack, .. } => {
                let all = self.peers.iter().filter(|&&it| it == self.others).count();
                lack.is_none() && all > self.others as usize
            }
        }
    }

    /// What is wrong with the time to live, if anything is.
    pub fn lack_of_ttl(&self) -> Option<Lack> {
        if let Means::Flooding { lack, .. } = self.by { lack } else { None }
    }
}

/// How many messages a broadcast makes, on average over the nodes: its source sends one to each neighbour, and each node
/// that passes it on one to each of its own, but not back to the source.
pub fn messages_of_broadcast(reach: &Reach, graph: &Graph) -> f64 {
    let Means::Flooding { ttl, shared, .. } = reach.by else { return 0.0 };
    let nodes = f64::from(graph.nodes().max(1));
    let mean = |peers: &[u32]| peers.iter().map(|&it| f64::from(it)).sum::<f64>() / nodes;
    let forwarding = match shared {
        true => mean(&reach.peers).min(f64::from(ttl)),
        // Those at the last hop do not pass it on.
        false => mean(&graph.reach(ttl)),
    };
    let degree = 2.0 * graph.edges() as f64 / nodes;
    // Of all copies that come back to the source none is sent, and it has as many neighbours as it sent copies.
    degree * forwarding.max(1.0)
}
