//! Sets of nodes as text: `0-3,7`.

use std::fmt::Write;

/// Node numbers, in any order, as ranges with both ends included. Empty for no nodes.
pub fn ranges(nodes: &[u32]) -> String {
    let mut sorted = nodes.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut text = String::new();
    for run in sorted.chunk_by(|a, b| a + 1 == *b) {
        let comma = if text.is_empty() { "" } else { "," };
        match run {
            [only] => write!(text, "{comma}{only}"),
            [first, .., last] => write!(text, "{comma}{first}-{last}"),
            [] => Ok(()),
        }
        .expect("text can be written");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_become_a_range() {
        assert_eq!(ranges(&[7, 0, 2, 1, 3, 3]), "0-3,7");
        assert_eq!(ranges(&[5]), "5");
        assert_eq!(ranges(&[u32::MAX, u32::MAX - 1]), "4294967294-4294967295");
        assert_eq!(ranges(&[]), "");
    }

    proptest! {
        #[test]
        fn ranges_name_exactly_the_nodes(nodes in proptest::collection::btree_set(0u32..200, 0..80)) {
            let given: Vec<u32> = nodes.iter().copied().collect();
            let text = ranges(&given);
            let named: Vec<u32> = text
                .split_terminator(',')
                .flat_map(|part| {
                    let (first, last) = part.split_once('-').unwrap_or((part, part));
                    first.parse().unwrap()..=last.parse::<u32>().unwrap()
                })
                .collect();
            prop_assert_eq!(named, given);
        }
    }
}
