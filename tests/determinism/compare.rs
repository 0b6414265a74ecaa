//! What a run left, and where two runs differ.

use std::collections::BTreeMap;
use std::path::Path;

/// What a run left.
pub struct Left {
    /// What to call it.
    pub name: String,
    /// How the program ended.
    pub code: Option<i32>,
    /// Every file of the result folder, by its path in it.
    files: BTreeMap<String, Vec<u8>>,
}

impl Left {
    /// Reads a result folder.
    pub fn read(name: String, code: Option<i32>, folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(&next).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let inside = path.strip_prefix(folder).expect("it is in the folder").display().to_string();
                // The page tells what the run cost, in words and among other figures.
                if inside == "report.html" {
                    continue;
                }
                files.insert(inside, std::fs::read(&path).expect("a file"));
            }
        }
        Self { name, code, files }
    }

    /// The result, as it stands in the file.
    pub fn result(&self) -> serde_json::Value {
        serde_json::from_slice(&self.files["result.json"]).expect("the result is JSON")
    }
}

/// Where two runs differ, if they do: the file and its first line that is not the same.
pub fn difference(a: &Left, b: &Left) -> Option<String> {
    let differ = |what: String| Some(format!("{}\n  and {}\n  {what}", a.name, b.name));
    if a.code != b.code {
        return differ(format!("ended with exit codes {:?} and {:?}", a.code, b.code));
    }
    let (in_a, in_b): (Vec<_>, Vec<_>) = (a.files.keys().collect(), b.files.keys().collect());
    if in_a != in_b {
        return differ(format!("left other files: {in_a:?} and {in_b:?}"));
    }
    for (name, one) in &a.files {
        let (one, other) = (lines(name, one), lines(name, &b.files[name]));
        let first = (0..one.len().max(other.len())).find(|&i| one.get(i) != other.get(i));
        if let Some(i) = first {
            let show = |lines: &[(usize, String)]| match lines.get(i) {
                Some((number, line)) => format!("{number}: {line}"),
                None => "(its end)".into(),
            };
            return differ(format!("differ in {name}, line\n    {}\n    {}", show(&one), show(&other)));
        }
    }
    None
}

/// The lines of a file that must be the same, with their numbers from 1. Text that is not UTF-8 is compared byte by
/// byte all the same.
fn lines(name: &str, bytes: &[u8]) -> Vec<(usize, String)> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| format!("{byte:02x}\n")).collect(),
    };
    let all = text.split('\n').enumerate().map(|(i, line)| (i + 1, line.to_owned()));
    if name == "result.json" { settled(all) } else { all.collect() }
}

/// The lines of a result without what a run cost and on how many threads it ran.
fn settled(lines: impl Iterator<Item = (usize, String)>) -> Vec<(usize, String)> {
    let mut kept = Vec::new();
    let mut block = String::new();
    // Lines of a threshold on the cost still to be left out.
    let mut costly = 0;
    for (number, line) in lines {
        if let Some(key) = line.strip_prefix("  \"") {
            block = key.split('"').next().unwrap_or_default().to_owned();
        }
        if line.starts_with("      \"threshold\": \"cost.") {
            costly = 3;
        }
        let left_out = match block.as_str() {
            "cost" => true,
            "engine" => line.starts_with("    \"threads\":"),
            "thresholds" => costly > 0,
            _ => false,
        };
        costly = i32::max(costly - 1, 0);
        if !left_out {
            kept.push((number, line));
        }
    }
    kept
}

/// A folder with two files, the second as given.
#[cfg(test)]
fn left(result: &str, nodes: &str) -> Left {
    let files = BTreeMap::from([
        ("nodes.csv".into(), nodes.into()),
        ("result.json".into(), result.as_bytes().into()),
    ]);
    Left { name: "a run".into(), code: Some(0), files }
}

const RESULT: &str = r#"{
  "engine": {
    "threads": 1,
    "lookahead_s": 0.001
  },
  "ended_s": 12.5,
  "thresholds": [
    {
      "threshold": "cost.wall_s < 2s",
      "value": 1.5,
      "passed": true
    },
    {
      "threshold": "ended_s < 20s",
      "value": 12.5,
      "passed": true
    }
  ],
  "cost": {
    "wall_s": 1.5
  },
  "fingerprint": "00ff"
}"#;

#[test]
fn what_a_run_cost_makes_no_difference() {
    let other = RESULT
        .replace("\"wall_s\": 1.5", "\"wall_s\": 2.5")
        .replace("\"threads\": 1", "\"threads\": 4")
        .replacen("\"value\": 1.5,\n      \"passed\": true", "\"value\": 2.5,\n      \"passed\": false", 1);
    assert_ne!(other, RESULT);
    assert_eq!(difference(&left(RESULT, "node\n0\n"), &left(&other, "node\n0\n")), None);
}

#[test]
fn anything_else_does_and_is_named() {
    for (from, to) in [
        ("\"lookahead_s\": 0.001", "\"lookahead_s\": 0.002"),
        ("\"ended_s\": 12.5", "\"ended_s\": 12.500000000000002"),
        ("00ff", "00fe"),
        ("\"value\": 12.5", "\"value\": 12.6"),
    ] {
        let other = RESULT.replace(from, to);
        let told = difference(&left(RESULT, ""), &left(&other, "")).expect("a difference");
        assert!(told.contains("result.json") && told.contains(from) && told.contains(to), "{told}");
    }
    let told = difference(&left(RESULT, "node\n0\n"), &left(RESULT, "node\n0\n1\n")).expect("a difference");
    assert!(told.contains("nodes.csv") && told.contains("3: 1"), "{told}");
    let told = difference(&left(RESULT, "node\n0\n1"), &left(RESULT, "node\n0")).expect("a difference");
    assert!(told.contains("(its end)"), "{told}");
}
