//! Which nodes a script entry means: ranges written out, random choices drawn from the seed.
//!
//! How nodes are written is `script`'s, and whether an entry makes sense is `validate`'s.

use super::script::{Loss, NodeSet, Partition, Pick};
use crate::random::{Purpose, Stream};
use rand::RngExt as _;

/// A choice of nodes that cannot be made: which group and which part of it, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The group, counted from 0; 0 where there is only one.
    pub group: usize,
    /// The part of the group, counted from 0.
    pub pick: usize,
    /// What is wrong.
    pub message: String,
}

impl NodeSet {
    /// The chosen nodes among `nodes`, ascending and each once. `entry` is the number of the script entry: two
    /// entries draw different nodes.
    pub fn resolve(&self, nodes: u32, seed: u64, entry: usize) -> Result<Vec<u32>, Fault> {
        groups(&[self], nodes, seed, entry).map(|mut groups| groups.remove(0))
    }
}

impl Partition {
    /// The nodes of each group, ascending. Random nodes are drawn from those that no group names, so that they never
    /// make groups overlap.
    pub fn resolve(&self, nodes: u32, seed: u64, entry: usize) -> Result<Vec<Vec<u32>>, Fault> {
        groups(&self.groups.iter().collect::<Vec<_>>(), nodes, seed, entry)
    }
}

impl Loss {
    /// The nodes that send and those that should receive. Random ones are drawn from those that neither side names.
    pub fn resolve(&self, nodes: u32, seed: u64, entry: usize) -> Result<(Vec<u32>, Vec<u32>), Fault> {
        let mut sides = groups(&[&self.from, &self.to], nodes, seed, entry)?;
        let to = sides.pop().unwrap_or_default();
        Ok((sides.pop().unwrap_or_default(), to))
    }
}

/// The nodes of several choices, each ascending. Random ones are drawn from those that no choice names.
pub fn groups(sets: &[&NodeSet], nodes: u32, seed: u64, entry: usize) -> Result<Vec<Vec<u32>>, Fault> {
    let draws = sets.iter().any(|group| group.0.iter().any(|pick| matches!(pick, Pick::Random(_))));
    // Only a draw needs to know who is named already.
    let mut named = vec![false; if draws { nodes as usize } else { 0 }];
    let mut chosen = vec![Vec::new(); sets.len()];
    let picks = || {
        sets.iter()
            .enumerate()
            .flat_map(|(g, group)| group.0.iter().enumerate().map(move |(p, it)| (g, p, it)))
    };
    for (group, pick, what) in picks() {
        let (first, last) = match what {
            Pick::Index(index) => (*index, *index),
            Pick::Range(range) => (range.first, range.last),
            Pick::Random(_) => continue,
        };
        if last >= nodes {
            return Err(Fault { group, pick, message: beyond(last, nodes) });
        }
        for node in first..=last {
            chosen[group].push(node);
            if let Some(named) = named.get_mut(node as usize) {
                *named = true;
            }
        }
    }
    let mut rest: Vec<u32> =
        named.iter().zip(0..nodes).filter(|(named, _)| !**named).map(|(_, node)| node).collect();
    let mut random = Stream::new(seed, entry as u64, Purpose::Script, 0);
    for (group, pick, what) in picks() {
        let Pick::Random(wanted) = what else { continue };
        if wanted.random as usize > rest.len() {
            let message = match rest.len() == nodes as usize {
                true => format!("{} random nodes are wanted of {nodes}", wanted.random),
                false => format!(
                    "{} random nodes are wanted, but only {} are not chosen already",
                    wanted.random,
                    rest.len()
                ),
            };
            return Err(Fault { group, pick, message });
        }
        for _ in 0..wanted.random {
            let drawn = random.random_range(0..rest.len() as u32);
            chosen[group].push(rest.swap_remove(drawn as usize));
        }
    }
    for group in &mut chosen {
        group.sort_unstable();
        group.dedup();
    }
    Ok(chosen)
}

/// What to say of a node that does not exist.
pub(crate) fn beyond(node: u32, nodes: u32) -> String {
    match nodes {
        0 => format!("there is no node {node}"),
        1 => format!("there is no node {node}: the only node is 0"),
        _ => format!("there is no node {node}: the {nodes} nodes are 0 to {}", nodes - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(text: &str) -> NodeSet {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn indices_and_ranges_name_their_nodes_once_and_in_order() {
        assert_eq!(set(r#"[7, "2-4", 3]"#).resolve(10, 0, 0), Ok(vec![2, 3, 4, 7]));
        assert_eq!(set("3").resolve(10, 0, 0), Ok(vec![3]));
        assert_eq!(set(r#""8-9""#).resolve(10, 0, 0), Ok(vec![8, 9]));
    }

    #[test]
    fn a_node_that_does_not_exist_is_named() {
        let fault = set(r#"[1, "8-12"]"#).resolve(10, 0, 0).unwrap_err();
        assert_eq!((fault.pick, fault.message.as_str()), (1, "there is no node 12: the 10 nodes are 0 to 9"));
    }

    #[test]
    fn random_groups_never_overlap_each_other_or_what_is_named() {
        let partition: Partition = serde_json::from_str(
            r#"{ "at": "1s", "groups": [["0-3", {"random": 10}], {"random": 10}, [25]] }"#,
        )
        .unwrap();
        let groups = partition.resolve(30, 5, 0).unwrap();
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [14, 10, 1]);
        let mut all = groups.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 25);
        assert!(partition.resolve(24, 5, 0).is_err(), "node 25 is missing");
    }

    proptest! {
        #[test]
        fn random_nodes_are_as_many_as_wanted_and_depend_on_seed_and_entry_alone(
            nodes in 1u32..200, wanted in 0u32..220, seed: u64, entry in 0usize..50,
        ) {
            let set = set(&format!(r#"{{"random": {wanted}}}"#));
            let drawn = set.resolve(nodes, seed, entry);
            prop_assert_eq!(&drawn, &set.resolve(nodes, seed, entry));
            match drawn {
                Ok(drawn) => {
                    prop_assert_eq!(drawn.len(), wanted as usize);
                    prop_assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
                    prop_assert!(drawn.iter().all(|node| *node < nodes));
                }
                Err(_) => prop_assert!(wanted > nodes),
            }
        }
    }
}
