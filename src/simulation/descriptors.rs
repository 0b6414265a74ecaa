//! How many file descriptors a run over sockets takes, and whether this process may have as many. Nobody counts them
//! while the run goes on: it must not begin if they could run out.

use crate::node::spec::Workflow;
use crate::topology::{Graph, Shape};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a process has beside the sockets of nodes: standard streams, runtimes, the files of the result, and what it was
/// started with.
const BASE: u64 = 100;

/// What decides on how many descriptors a run takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    nodes: u64,
    edges: u64,
    growth: Growth,
    /// Nodes that train in a round, and so exchange models whether they are neighbours or not.
    trainers: u64,
    /// To how many of them each sends at a time.
    fan_out: u64,
    /// Peers outside that every node connects to.
    outside: u64,
    /// Connections that are being opened at a time.
    opening: u64,
    /// Connections that a node has to one neighbour at most.
    parallel: u64,
}

/// How edges grow with the number of nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Growth {
    /// The mean degree stays.
    Linear,
    /// The share of pairs that are connected stays.
    Quadratic,
}

/// More than this process may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{nodes} nodes with {edges} connections take up to {needed} file descriptors over sockets, and this process may have \
     {limit} at most"
)]
pub struct TooFew {
    /// Nodes that there are.
    pub nodes: u64,
    /// Edges between them.
    pub edges: u64,
    /// Descriptors that they take.
    pub needed: u64,
    /// The hard limit.
    pub limit: u64,
    /// How many nodes of such a topology would fit.
    pub fitting: u64,
    /// Connections that a node has to one neighbour at most.
    pub parallel: u64,
}

impl Demand {
    /// Of a run over sockets.
    pub fn of(
        graph: &Graph,
        shape: &Shape,
        workflow: &Workflow,
        models_per_round: u32,
        outside: usize,
        opening: u32,
        parallel: u32,
    ) -> Self {
        let trainers = u64::from(workflow.elects());
        let growth = match shape {
            Shape::Full(_) | Shape::ErdosRenyi(_) => Growth::Quadratic,
            _ => Growth::Linear,
        };
        Self {
            nodes: u64::from(graph.nodes()),
            edges: graph.edges(),
            growth,
            trainers,
            fan_out: u64::from(models_per_round),
            outside: outside as u64,
            opening: u64::from(opening),
            parallel: u64::from(parallel),
        }
    }

    /// File descriptors at most. A node has a listener. Over an edge each end has a connection to the other, or several
    /// where calls go by turns, and both ends of all are in this process. Of those with a peer outside it has one end each.
    pub fn descriptors(&self) -> u64 {
        self.with(self.nodes, self.edges)
    }

    fn with(&self, nodes: u64, edges: u64) -> u64 {
        let trainers = self.trainers.min(nodes);
        // A connection that was for one exchange only may still be closing while the next is opened.
        let temporary = trainers * self.fan_out.saturating_mul(2).min(trainers.saturating_sub(1)) * 2;
        let (edges, outside) = (edges.saturating_mul(4), nodes.saturating_mul(2 * self.outside));
        let parts =
            [nodes, edges.saturating_mul(self.parallel), outside.saturating_mul(self.parallel), temporary];
        parts.into_iter().fold(BASE.saturating_add(2 * self.opening), u64::saturating_add)
    }

    /// How many nodes of such a topology take no more than `limit`.
    fn fitting(&self, limit: u64) -> u64 {
        let (edges, all) = (u128::from(self.edges), u128::from(self.nodes.max(1)));
        let fits = |nodes: u64| {
            let some = u128::from(nodes);
            let edges = match self.growth {
                Growth::Linear => (edges * some).div_ceil(all),
                Growth::Quadratic => (edges * some).div_ceil(all).saturating_mul(some).div_ceil(all),
            };
            self.with(nodes, u64::try_from(edges).unwrap_or(u64::MAX)) <= limit
        };
        let (mut most, mut too_many) = (0, self.nodes);
        while too_many - most > 1 {
            let middle = most + (too_many - most) / 2;
            if fits(middle) { most = middle } else { too_many = middle }
        }
        most
    }

    /// Sees to it that this process may have so many: raises the soft limit if need be. How many it may have at most.
    ///
    /// # Errors
    /// If the hard limit is too low.
    pub fn raise(&self) -> Result<u64, TooFew> {
        let needed = self.descriptors();
        // A system that does not tell will say so when the sockets are made.
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(u64::MAX) };
        if needed > hard {
            let (nodes, edges, fitting) = (self.nodes, self.edges, self.fitting(hard));
            return Err(TooFew { nodes, edges, needed, limit: hard, fitting, parallel: self.parallel });
        }
        if needed > soft {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(2 * needed), hard);
        }
        Ok(hard)
    }
}

impl TooFew {
    /// What to do.
    pub fn help(&self) -> String {
        let fewer = match self.fitting {
            0 => "use a topology with fewer connections".to_owned(),
            nodes => format!("about {nodes} nodes of this topology would fit, or more of a sparser one"),
        };
        let connections = match self.parallel {
            1 => String::new(),
            many => format!(
                "; or write a smaller `grpc.parallel` than {many}, which is how many connections a node has to a neighbour"
            ),
        };
        format!(
            "{fewer}{connections}; or raise the hard limit (`ulimit -Hn {}`, or `nofile` in /etc/security/limits.conf); or write \
             \"transport\": \"memory\", which takes none",
            self.needed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;

    fn demand(nodes: u32, topology: &str, workflow: &str, grpc: &str) -> Demand {
        let text = format!(
            r#"{{ "name": "x", "nodes": {nodes}, "topology": {topology}, "workflow": {{ "kind": "{workflow}" }},
                "transport": "grpc", "grpc": {grpc} }}"#
        );
        let scenario = parse(&text, "x.json", &[]).unwrap().scenario;
        let graph = scenario.topology.build(scenario.nodes, 0, ".".as_ref()).unwrap().graph;
        let models = scenario.settings.gossip.models_per_round;
        let (outside, opening) = (scenario.grpc.join.len(), scenario.grpc.opening);
        Demand::of(&graph, &scenario.topology.shape, &scenario.workflow, models, outside, opening, 1)
    }

    const RING: &str = r#"{ "kind": "ring" }"#;
    const FULL: &str = r#"{ "kind": "full" }"#;

    #[test]
    fn a_node_of_a_ring_takes_five() {
        let opening = r#"{ "opening": 1 }"#;
        assert_eq!(demand(3_000, RING, "dpsgd", opening).descriptors(), 5 * 3_000 + BASE + 2);
        assert_eq!(demand(10, FULL, "dpsgd", opening).descriptors(), 10 + 4 * 45 + BASE + 2);
    }

    #[test]
    fn where_calls_go_by_turns_an_edge_takes_as_many_connections_as_there_may_be() {
        let one = demand(10, RING, "p2pfl", "{}");
        let six = Demand { parallel: 6, ..one };
        assert_eq!(six.descriptors() - one.descriptors(), 5 * 4 * 10);
        let asked = Demand { nodes: u64::from(u32::MAX), edges: 1 << 50, ..six };
        if let Err(error) = asked.raise() {
            assert!(error.help().contains("`grpc.parallel` than 6"), "{}", error.help());
        }
    }

    #[test]
    fn a_peer_outside_takes_two_of_every_node() {
        let without = demand(10, RING, "dpsgd", "{}").descriptors();
        let with = demand(10, RING, "dpsgd", r#"{ "join": ["127.0.0.1:1", "127.0.0.1:2"] }"#).descriptors();
        assert_eq!(with - without, 2 * 2 * 10);
    }

    #[test]
    fn trainers_take_more_for_those_who_are_no_neighbours() {
        let (nobody, trainers) = (demand(10, RING, "dpsgd", "{}"), demand(10, RING, "p2pfl", "{}"));
        // Four of them, each to the three others, with both ends.
        assert_eq!(trainers.descriptors() - nobody.descriptors(), 4 * 3 * 2);
    }

    #[test]
    fn as_many_nodes_fit_as_are_said_and_no_more() {
        for (topology, workflow, limit) in [
            (RING, "dpsgd", 1_024),
            (RING, "p2pfl", 20_000),
            (FULL, "p2pfl", 20_000),
            (FULL, "dpsgd", 1_000_000),
        ] {
            let asked = demand(5_000, topology, workflow, "{}");
            let fitting = asked.fitting(limit);
            let taken = |nodes: u64| demand(nodes as u32, topology, workflow, "{}").descriptors();
            // As the share of edges in the pairs of 5,000 nodes is a little larger than in those of fewer, one or two
            // nodes of the complete graph may be lacking.
            let slack = if topology == FULL { 3 } else { 1 };
            assert!(taken(fitting) <= limit, "{topology} {limit}: {fitting}");
            assert!(taken(fitting + slack) > limit, "{topology} {limit}: {fitting}");
        }
        assert_eq!(demand(10, RING, "dpsgd", "{}").fitting(50), 0);
    }

    #[test]
    fn what_is_too_much_is_said_with_what_would_fit() {
        let asked = Demand { nodes: u64::from(u32::MAX), edges: 1 << 50, ..demand(10, RING, "p2pfl", "{}") };
        // Where there is no limit, everything fits.
        if let Err(error) = asked.raise() {
            assert!(error.fitting < error.nodes);
            assert!(error.to_string().contains(&error.limit.to_string()), "{error}");
            assert!(error.help().contains("ulimit -Hn"), "{}", error.help());
        }
    }
}
