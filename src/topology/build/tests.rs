//! What every kind of topology promises, for any parameters.

use super::super::*;
use proptest::prelude::*;
use std::path::Path;

fn topology(shape: Shape) -> Topology {
    Topology { shape, additional_connections: Vec::new() }
}

fn build(shape: Shape, nodes: u32, seed: u64) -> Result<Built, TopologyError> {
    topology(shape).build(nodes, seed, Path::new("."))
}

fn edges(shape: Shape, nodes: u32, seed: u64) -> Vec<(u32, u32)> {
    build(shape, nodes, seed).unwrap().graph.edge_list().collect()
}

fn error(shape: Shape, nodes: u32) -> String {
    build(shape, nodes, 0).unwrap_err().to_string()
}

/// Any kind with any parameters, sensible or not.
fn any_shape() -> impl Strategy<Value = Shape> {
    let size = || 0u32..40;
    let odd = || prop_oneof![4 => 0.0..1.0, 1 => any::<f64>(), 1 => Just(0.0), 1 => Just(1.0)];
    prop_oneof![
        Just(Shape::Star(Plain {})),
        Just(Shape::Full(Plain {})),
        Just(Shape::Line(Plain {})),
        Just(Shape::Ring(Plain {})),
        Just(Shape::StaticExponential(Plain {})),
        (0.0..40.0).prop_map(|k| Shape::RandomK(RandomK { k })),
        any::<f64>().prop_map(|k| Shape::RandomK(RandomK { k })),
        size().prop_map(|degree| Shape::RandomRegular(RandomRegular { degree })),
        (0u32..9, 0u32..9).prop_map(|(rows, columns)| Shape::Grid(Grid { rows, columns })),
        (0u32..9, 0u32..9).prop_map(|(rows, columns)| Shape::Torus(Grid { rows, columns })),
        odd().prop_map(|p| Shape::ErdosRenyi(ErdosRenyi { p })),
        (size(), odd()).prop_map(|(k, p)| Shape::WattsStrogatz(WattsStrogatz { k, p })),
        size().prop_map(|m| Shape::BarabasiAlbert(BarabasiAlbert { m })),
        proptest::collection::vec((0u32..40, 0u32..40), 0..20)
            .prop_map(|edges| Shape::Edges(Edges { edges })),
    ]
}

proptest! {
    #[test]
    fn a_graph_is_simple_and_the_same_for_the_same_seed(
        shape in any_shape(), nodes in 0u32..40, seed: u64,
        additional_connections in proptest::collection::vec((0u32..40, 0u32..40), 0..3)
    ) {
        let topology = Topology { shape, additional_connections };
        let Ok(built) = topology.build(nodes, seed, Path::new(".")) else { return Ok(()) };
        let list: Vec<(u32, u32)> = built.graph.edge_list().collect();
        prop_assert_eq!(built.graph.nodes(), nodes);
        prop_assert_eq!(list.len() as u64, built.graph.edges());
        prop_assert!(list.iter().all(|(a, b)| a < b && *b < nodes));
        prop_assert!(list.is_sorted() && list.windows(2).all(|w| w[0] != w[1]));
        prop_assert!(topology.additional_connections.iter().all(|&(a, b)| a == b || built.graph.connected(a, b)));
        let again = topology.build(nodes, seed, Path::new(".")).unwrap();
        prop_assert!(again.graph.edge_list().eq(list));
        prop_assert_eq!(again.warnings, built.warnings);
    }

    #[test]
    fn every_node_of_a_random_regular_graph_has_the_degree(nodes in 1u32..60, share in 0.0f64..1.0, seed: u64) {
        let degree = (f64::from(nodes) * share) as u32;
        let built = build(Shape::RandomRegular(RandomRegular { degree }), nodes, seed);
        prop_assert_eq!(built.is_ok(), (nodes * degree).is_multiple_of(2));
        if let Ok(Built { graph, .. }) = built {
            prop_assert!((0..nodes).all(|node| graph.degree(node) == degree));
        }
    }

    #[test]
    fn random_k_has_the_edges_that_give_mean_degree_k(nodes in 1u32..60, share in 0.0f64..1.0, seed: u64) {
        let k: f64 = f64::from(nodes - 1) * share;
        let expected = (f64::from(nodes) * k / 2.0).round() as usize;
        prop_assert_eq!(edges(Shape::RandomK(RandomK { k }), nodes, seed).len(), expected);
    }

    #[test]
    fn rewiring_keeps_the_number_of_edges(nodes in 3u32..60, half in 1u32..29, p in 0.0..=1.0, seed: u64) {
        prop_assume!(half * 2 < nodes);
        let k = half * 2;
        let list = edges(Shape::WattsStrogatz(WattsStrogatz { k, p }), nodes, seed);
        prop_assert_eq!(list.len() as u32, nodes * half);
        let lattice = edges(Shape::WattsStrogatz(WattsStrogatz { k, p: 0.0 }), nodes, seed);
        prop_assert!(lattice.iter().all(|(a, b)| (b - a).min(a + nodes - b) <= half));
    }

    #[test]
    fn growth_adds_m_edges_a_node(nodes in 2u32..80, m in 1u32..79, seed: u64) {
        prop_assume!(m < nodes);
        let built = build(Shape::BarabasiAlbert(BarabasiAlbert { m }), nodes, seed).unwrap();
        prop_assert_eq!(built.graph.edges(), u64::from(nodes - m) * u64::from(m));
        prop_assert!(built.warnings.is_empty(), "it is connected");
        prop_assert!((m + 1..nodes).all(|node| built.graph.degree(node) >= m));
    }

    #[test]
    fn a_torus_is_regular_and_a_grid_loses_its_rim(rows in 3u32..8, columns in 3u32..8) {
        let nodes = rows * columns;
        let torus = build(Shape::Torus(Grid { rows, columns }), nodes, 0).unwrap().graph;
        prop_assert!((0..nodes).all(|node| torus.degree(node) == 4));
        let grid = build(Shape::Grid(Grid { rows, columns }), nodes, 0).unwrap().graph;
        prop_assert_eq!(grid.edges(), torus.edges() - u64::from(rows) - u64::from(columns));
    }
}

#[test]
fn graphs_without_chance_are_as_their_names_say() {
    assert_eq!(edges(Shape::Star(Plain {}), 4, 0), [(0, 1), (0, 2), (0, 3)]);
    assert_eq!(edges(Shape::Line(Plain {}), 4, 0), [(0, 1), (1, 2), (2, 3)]);
    assert_eq!(edges(Shape::Ring(Plain {}), 4, 0), [(0, 1), (0, 3), (1, 2), (2, 3)]);
    assert_eq!(edges(Shape::Ring(Plain {}), 2, 0), [(0, 1)]);
    assert_eq!(edges(Shape::Grid(Grid { rows: 2, columns: 2 }), 4, 0), [(0, 1), (0, 2), (1, 3), (2, 3)]);
    assert_eq!(
        edges(Shape::Torus(Grid { rows: 2, columns: 2 }), 4, 0),
        edges(Shape::Grid(Grid { rows: 2, columns: 2 }), 4, 0)
    );
    let exponential = build(Shape::StaticExponential(Plain {}), 16, 0).unwrap().graph;
    assert!(exponential.neighbours(3).eq([1, 2, 4, 5, 7, 11, 15]));
    assert!(build(Shape::Full(Plain {}), 1_000_000, 0).unwrap().graph.is_complete());
}

#[test]
fn another_seed_gives_another_graph() {
    for shape in [
        Shape::RandomK(RandomK { k: 4.0 }),
        Shape::RandomRegular(RandomRegular { degree: 4 }),
        Shape::ErdosRenyi(ErdosRenyi { p: 0.1 }),
        Shape::WattsStrogatz(WattsStrogatz { k: 4, p: 0.5 }),
        Shape::BarabasiAlbert(BarabasiAlbert { m: 2 }),
    ] {
        assert_ne!(edges(shape.clone(), 50, 1), edges(shape, 50, 2));
    }
}

#[test]
fn each_edge_of_erdos_renyi_is_as_likely_as_any_other() {
    // 66 pairs, 4,000 graphs: a count is 400 ± 19 (one standard deviation), so five of them are a wide margin.
    let mut counts = [[0u32; 12]; 12];
    for seed in 0..4_000 {
        for (a, b) in edges(Shape::ErdosRenyi(ErdosRenyi { p: 0.1 }), 12, seed) {
            counts[a as usize][b as usize] += 1;
        }
    }
    for (a, row) in counts.iter().enumerate() {
        assert!(row.iter().skip(a + 1).all(|count| (305..495).contains(count)), "{counts:?}");
    }
    assert_eq!(edges(Shape::ErdosRenyi(ErdosRenyi { p: 1.0 }), 12, 0).len(), 66);
    assert_eq!(edges(Shape::ErdosRenyi(ErdosRenyi { p: 0.0 }), 12, 0), []);
}

#[test]
fn the_seventy_cubic_graphs_on_six_nodes_are_about_equally_likely() {
    // 60 labelled triangular prisms and 10 labelled K(3,3) are all the cubic graphs on six nodes.
    let mut seen = std::collections::BTreeMap::new();
    for seed in 0..7_000 {
        *seen.entry(edges(Shape::RandomRegular(RandomRegular { degree: 3 }), 6, seed)).or_insert(0u32) += 1;
    }
    assert_eq!(seen.len(), 70);
    assert!(seen.values().all(|count| (40..200).contains(count)), "{:?}", seen.values().collect::<Vec<_>>());
}

#[test]
fn large_sparse_graphs_are_made_in_time_proportional_to_their_edges() {
    // All pairs would be 2 · 10¹⁰ here: such a generator would not come to an end.
    let nodes = 200_000;
    let regular = build(Shape::RandomRegular(RandomRegular { degree: 8 }), nodes, 1).unwrap().graph;
    assert!((0..nodes).all(|node| regular.degree(node) == 8));
    let sparse = build(Shape::ErdosRenyi(ErdosRenyi { p: 4e-5 }), nodes, 1).unwrap().graph;
    let mean = 2.0 * sparse.edges() as f64 / f64::from(nodes);
    assert!((7.9..8.1).contains(&mean), "{mean}");
    assert_eq!(build(Shape::RandomK(RandomK { k: 8.0 }), nodes, 1).unwrap().graph.edges(), 800_000);
}

#[test]
fn a_wrong_parameter_is_named_with_what_would_be_right() {
    for (shape, nodes, parts) in [
        (Shape::Ring(Plain {}), 0, ["nodes is 0", "from 1"]),
        (Shape::Star(Plain {}), u32::MAX, ["nodes is 4294967295", "from 1 to"]),
        (Shape::RandomK(RandomK { k: 10.0 }), 10, ["topology.k is 10", "from 0 to 9"]),
        (Shape::RandomK(RandomK { k: f64::NAN }), 10, ["topology.k is NaN", "from 0 to 9"]),
        (Shape::RandomRegular(RandomRegular { degree: 10 }), 10, ["topology.degree is 10", "at most 9"]),
        (
            Shape::RandomRegular(RandomRegular { degree: 3 }),
            9,
            ["topology.degree is 3", "take 2 or 4, or 10 nodes"],
        ),
        (Shape::Grid(Grid { rows: 3, columns: 3 }), 12, ["3 × 3", "take 4 columns"]),
        (
            Shape::Grid(Grid { rows: 5, columns: 5 }),
            12,
            ["5 rows × 5 columns are 25 nodes, but there are 12", "take 3 rows and 4 columns"],
        ),
        (Shape::Torus(Grid { rows: 0, columns: 3 }), 12, ["topology.rows is 0", "at least 1"]),
        (Shape::ErdosRenyi(ErdosRenyi { p: 1.5 }), 10, ["topology.p is 1.5", "from 0 to 1"]),
        (Shape::ErdosRenyi(ErdosRenyi { p: f64::NAN }), 10, ["topology.p is NaN", "from 0 to 1"]),
        (
            Shape::ErdosRenyi(ErdosRenyi { p: 1.0 }),
            1_000_000,
            ["topology.p would make about 5.0e11 edges", "`full`"],
        ),
        (Shape::WattsStrogatz(WattsStrogatz { k: 3, p: 0.1 }), 10, ["topology.k is 3", "take 2 or 4"]),
        (Shape::WattsStrogatz(WattsStrogatz { k: 10, p: 0.1 }), 10, ["topology.k is 10", "at most 9"]),
        (Shape::WattsStrogatz(WattsStrogatz { k: 4, p: -0.1 }), 10, ["topology.p is -0.1", "from 0 to 1"]),
        (Shape::BarabasiAlbert(BarabasiAlbert { m: 0 }), 10, ["topology.m is 0", "from 1 to 9"]),
        (Shape::Edges(Edges { edges: vec![(0, 1), (1, 9)] }), 9, ["topology.edges[1] is [1, 9]", "0 to 8"]),
        (Shape::File(File { path: "no/such.txt".into() }), 9, ["topology.path: ", "no/such.txt"]),
    ] {
        let message = error(shape, nodes);
        let parts =
            parts.map(|part| part.replace("3 × 3", "3 rows × 3 columns are 9 nodes, but there are 12"));
        assert!(parts.iter().all(|part| message.contains(part.as_str())), "{message}");
    }
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let listed = Topology {
        shape: Shape::Edges(Edges { edges: vec![(0, 1), (2, 2), (1, 0), (1, 2), (0, 1), (4, 5)] }),
        additional_connections: vec![(0, 1), (3, 3)],
    };
    let built = listed.build(6, 0, Path::new(".")).unwrap();
    assert_eq!(
        built.warnings,
        [
            "topology.edges: 1 edges from a node to itself are left out, the first [2, 2]",
            "topology.edges: 2 edges are listed again and count once, the first [1, 0]",
            "topology.additional_connections: 1 edges from a node to itself are left out, the first [3, 3]",
            "topology.additional_connections: the shape has 1 of them already, the first [0, 1]",
            "topology: the graph is not connected; it has 3 components: 3 nodes (0-2), 2 nodes (4, 5), 1 node (3)",
        ]
    );
    assert!(built.graph.edge_list().eq([(0, 1), (1, 2), (4, 5)]));
    let bad = Topology { additional_connections: vec![(0, 6)], ..listed };
    let message = bad.build(6, 0, Path::new(".")).unwrap_err().to_string();
    assert_eq!(message, "topology.additional_connections[0] is [0, 6], but the nodes are 0 to 5");
}
