//! What every partition keeps, and what each strategy promises beyond it.

use super::*;
use crate::learning::spec::{self, Digits, Dirichlet, Iid, LabelSkew, Percentage};
use proptest::prelude::*;
use std::path::Path;

fn digits() -> Dataset {
    Dataset::load(&spec::Dataset::Digits(Digits {}), Path::new("."), 0).expect("digits are built in")
}

fn dirichlet(alpha: f64) -> Partitioning {
    Partitioning::Dirichlet(Dirichlet { alpha })
}

fn label_skew(classes_per_node: u32) -> Partitioning {
    Partitioning::LabelSkew(LabelSkew { classes_per_node })
}

fn percentage(percentage: f64) -> Partitioning {
    Partitioning::Percentage(Percentage { percentage })
}

/// How many rows of each class a node has.
fn counts(partition: &Partition, rows: &Rows, node: u32) -> Vec<usize> {
    let mut counts = vec![0; 10];
    for &row in partition.rows(node) {
        counts[usize::from(rows.row(row).1)] += 1;
    }
    counts
}

fn strategies() -> impl Strategy<Value = Partitioning> {
    prop_oneof![
        Just(Partitioning::Iid(Iid {})),
        (0.3..10.0).prop_map(dirichlet),
        (2_u32..=10).prop_map(label_skew),
        (0.0..=100.0).prop_map(percentage),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_row_has_two_owners_and_every_node_has_two_rows(spec in strategies(), nodes in 1_u32..80, seed: u64) {
        let dataset = digits();
        let shares = share(&spec, &dataset, nodes, seed).expect("enough rows");
        for (partition, rows, least) in [(&shares.train, &dataset.train, 2), (&shares.test, &dataset.test, 0)] {
            let mut all: Vec<u32> = (0..nodes).flat_map(|node| partition.rows(node).to_vec()).collect();
            let held = all.len();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), held);
            prop_assert!(all.iter().all(|row| (*row as usize) < rows.len()));
            prop_assert!((0..nodes).all(|node| partition.rows(node).len() >= least));
            let some_class_has_no_holder = match &spec {
                Partitioning::LabelSkew(it) => nodes * it.classes_per_node < 10,
                _ => false,
            };
            prop_assert!(some_class_has_no_holder || held == rows.len());
        }
        prop_assert_eq!(&shares, &share(&spec, &dataset, nodes, seed).expect("the same again"));
    }
}

#[test]
fn iid_shares_are_equal_and_the_first_ones_larger() {
    let dataset = digits();
    let train = share(&Partitioning::Iid(Iid {}), &dataset, 100, 3).expect("enough rows").train;
    let sizes: Vec<usize> = (0..100).map(|node| train.rows(node).len()).collect();
    let larger = dataset.train.len() % 100;
    assert!(sizes[..larger].iter().all(|size| *size == 15));
    assert!(sizes[larger..].iter().all(|size| *size == 14));
}

#[test]
fn a_smaller_alpha_is_more_skewed_and_a_great_one_is_even() {
    let dataset = digits();
    let largest_share = |alpha| {
        let train = share(&dirichlet(alpha), &dataset, 10, 1).expect("enough rows").train;
        let shares = (0..10).map(|node| {
            let counts = counts(&train, &dataset.train, node);
            *counts.iter().max().expect("ten classes") as f64 / counts.iter().sum::<usize>() as f64
        });
        shares.sum::<f64>() / 10.0
    };
    let (skewed, mild, even) = (largest_share(0.1), largest_share(1.0), largest_share(1000.0));
    assert!(skewed > mild && mild > even, "{skewed} {mild} {even}");
    assert!(skewed > 0.4 && even < 0.15, "{skewed} {even}");
}

#[test]
fn a_node_is_tested_on_the_classes_it_trains_on() {
    let dataset = digits();
    let shares = share(&label_skew(2), &dataset, 20, 1).expect("enough rows");
    for node in 0..20 {
        let train = counts(&shares.train, &dataset.train, node);
        let test = counts(&shares.test, &dataset.test, node);
        assert_eq!(train.iter().filter(|count| **count > 0).count(), 2);
        assert!(
            train.iter().zip(&test).all(|(train, test)| (*train > 0) == (*test > 0)),
            "{train:?} {test:?}"
        );
    }
}

#[test]
fn the_main_class_has_its_percentage_as_far_as_its_rows_go() {
    let dataset = digits();
    let train = share(&percentage(80.0), &dataset, 50, 1).expect("enough rows").train;
    for node in 0..50 {
        let counts = counts(&train, &dataset.train, node);
        let (most, all) = (counts.iter().max().expect("ten classes"), counts.iter().sum::<usize>());
        assert!((0.75..=1.0).contains(&(*most as f64 / all as f64)), "{counts:?}");
    }
}

#[test]
fn what_cannot_be_shared_out_is_refused_with_the_reason() {
    let error =
        |spec: Partitioning, nodes| share(&spec, &digits(), nodes, 1).expect_err("too few rows").to_string();
    insta::assert_snapshot!(error(Partitioning::Iid(Iid {}), 800), @"800 nodes share 1438 training rows, and each needs two");
    assert!(matches!(
        share(&Partitioning::Iid(Iid {}), &digits(), 0, 1),
        Err(LearningError::Partition { field: "partitioning", .. })
    ));
    insta::assert_snapshot!(error(dirichlet(0.01), 100), @"partitioning.alpha leaves a node with fewer than two of the 1438 training rows: in the best of 1000 draws for 100 nodes the smallest share was 0; raise alpha (it is 0.01) or have fewer nodes");
    insta::assert_snapshot!(error(dirichlet(1e-12), 2), @"partitioning.alpha leaves a node with fewer than two of the 1438 training rows: in the best of 1000 draws for 2 nodes the smallest share was 0; raise alpha (it is 1e-12) or have fewer nodes");
    insta::assert_snapshot!(error(label_skew(11), 10), @"partitioning.classes_per_node is 11, but there are 10 classes");
}
