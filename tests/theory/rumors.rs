//! How fast a rumor spreads on a complete graph: round by round, and in all.

use crate::running::result;
use p2pfl_sim::metrics::result::RunResult;
use serde_json::json;

fn spread(nodes: u32, mode: &str, seed: u64) -> RunResult {
    let result = result(&json!({
        "seed": seed,
        "nodes": nodes,
        "topology": { "kind": "full" },
        "workflow": { "kind": "rumor", "mode": mode }
    }));
    assert_eq!(result.rumor.map(|it| it.reached), Some(nodes));
    result
}

/// The probability that a node that does not know the rumor learns it in a round before which `knowing` of `nodes` do:
/// unless none of them calls it (push), or it calls none of them (pull).
fn learns(mode: &str, knowing: f64, nodes: f64) -> f64 {
    let untold = (1.0 - 1.0 / (nodes - 1.0)).powf(knowing);
    let asked_in_vain = 1.0 - knowing / (nodes - 1.0);
    1.0 - match mode {
        "push" => untold,
        "pull" => asked_in_vain,
        _ => untold * asked_in_vain,
    }
}

#[test]
fn every_round_wins_as_many_as_chance_says() {
    for mode in ["push", "pull", "push_pull"] {
        for seed in 0..3 {
            let result = spread(20_000, mode, seed);
            let nodes = 20_000.0;
            let mut knowing = 1.0;
            for round in &result.rounds {
                let (left, chance) = (nodes - knowing, learns(mode, knowing, nodes));
                let won = f64::from(round.nodes_finished);
                // Who is told does not make it likelier that another is: the variance is at most that of as many
                // independent draws.
                let deviation = (left * chance * (1.0 - chance)).sqrt();
                assert!(
                    (won - left * chance).abs() <= 4.5 * deviation + 1.0,
                    "{mode}, seed {seed}, round {}: {won}, not {} ± {deviation}",
                    round.round,
                    left * chance
                );
                knowing += won;
            }
            assert_eq!(knowing, nodes);
        }
    }
}

/// The mean number of rounds over the first seeds.
fn mean(nodes: u32, mode: &str, seeds: u64) -> f64 {
    let rounds = |seed| f64::from(spread(nodes, mode, seed).rumor.expect("a rumor").rounds);
    (0..seeds).map(rounds).sum::<f64>() / seeds as f64
}

const SIZES: [(u32, u64); 3] = [(1_000, 12), (10_000, 4), (100_000, 2)];

#[test]
fn push_takes_log2_n_plus_ln_n() {
    for (nodes, seeds) in SIZES {
        let (n, is) = (f64::from(nodes), mean(nodes, "push", seeds));
        // What so few seeds may add: three standard errors, of a standard deviation of 1.3 rounds (that of a Gumbel
        // distribution, which the last stragglers have).
        let error = 3.0 * 1.3 / (seeds as f64).sqrt();
        let least = n.log2().floor() + n.ln() - 1.116 - error;
        let most = n.log2().ceil() + n.ln() + 2.765 + error;
        assert!((least..=most).contains(&is), "{nodes}: {is} is not between {least} and {most}");
    }
}

#[test]
fn push_pull_takes_log3_n_and_little_more() {
    for (nodes, seeds) in SIZES {
        let (n, is) = (f64::from(nodes), mean(nodes, "push_pull", seeds));
        let law = n.log(3.0) + n.ln().log2();
        assert!((is - law).abs() < 1.5, "{nodes}: {is}, not {law}");
    }
}

#[test]
fn pull_takes_log2_n_and_little_more() {
    for (nodes, seeds) in SIZES {
        let (n, is) = (f64::from(nodes), mean(nodes, "pull", seeds));
        let law = n.log2() + n.ln().log2();
        assert!((is - law).abs() < 2.0, "{nodes}: {is}, not {law}");
    }
}
