//! The scenarios of the repository.

use super::{Job, compare::difference, cores, jobs, run};
use std::path::{Path, PathBuf};

/// Scenarios of up to so many nodes are run as they are at every test, and those of up to `IN_PART` with one round.
const AS_THEY_ARE: u64 = 200;
const IN_PART: u64 = 2_000;

/// All scenarios with their numbers of nodes, the largest first.
fn shipped() -> Vec<(u64, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("there are scenarios") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        if !name.ends_with(".json") || name.ends_with(".schema.json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a scenario");
        let scenario: serde_json::Value = serde_json::from_str(&text).expect("a scenario is JSON");
        all.push((scenario["nodes"].as_u64().expect("a number of nodes"), path));
    }
    all.sort_by(|a, b| b.cmp(a));
    all
}

/// Runs scenarios, each several times, so many runs side by side; all that differs.
fn differences(scenarios: &[Vec<Job>], at_a_time: usize) -> Vec<String> {
    // In one list, so that a long run does not leave the other cores without work.
    let all: Vec<&Job> = scenarios.iter().flatten().collect();
    let mut left = run(&all, at_a_time).into_iter();
    let mut differ = Vec::new();
    for jobs in scenarios {
        let runs: Vec<_> = left.by_ref().take(jobs.len()).collect();
        differ.extend(runs[1..].iter().filter_map(|other| difference(&runs[0], other)));
        if !jobs[0].shortened() && runs[0].code != Some(0) {
            differ.push(format!(
                "{} does not keep what it promises: exit code {:?}",
                runs[0].name, runs[0].code
            ));
        }
    }
    differ
}

#[test]
fn scenarios_leave_the_same_files_at_any_number_of_threads() {
    let all = shipped().into_iter().filter(|(nodes, _)| *nodes <= IN_PART);
    let scenarios: Vec<_> = all
        .map(|(nodes, path)| jobs(&path, if nodes > AS_THEY_ARE { &["--rounds", "1"] } else { &[] }))
        .collect();
    assert!(scenarios.len() >= 9, "there are only {}", scenarios.len());
    let differ = differences(&scenarios, cores());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
#[ignore = "takes a minute or more: .ci/run does it"]
fn whole_scenarios_of_a_thousand_nodes_leave_the_same_files_at_any_number_of_threads() {
    let all = shipped().into_iter().filter(|(nodes, _)| (AS_THEY_ARE + 1..=IN_PART).contains(nodes));
    let scenarios: Vec<_> = all.map(|(_, path)| jobs(&path, &[])).collect();
    let differ = differences(&scenarios, cores());
    assert!(!scenarios.is_empty() && differ.is_empty(), "{}", differ.join("\n"));
}

/// One run after the other, for the sake of memory:
/// `cargo test --release --test determinism -- --ignored large`.
#[test]
#[ignore = "takes many minutes, and up to a few GiB of memory"]
fn large_scenarios_leave_the_same_files_at_any_number_of_threads() {
    let all = shipped().into_iter().filter(|(nodes, _)| *nodes > IN_PART);
    let scenarios: Vec<_> = all.map(|(_, path)| jobs(&path, &[])).collect();
    let differ = differences(&scenarios, 1);
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
