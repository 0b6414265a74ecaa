//! Connected components: which nodes can reach each other at all.

use super::Graph;
use std::fmt;

/// The connected components of a graph, numbered in order of their smallest member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Components {
    of: Vec<u32>,
    sizes: Vec<u32>,
}

/// How many components, and how many stretches of members of each, a description names.
const NAMED: usize = 5;

impl Graph {
    /// The connected components.
    pub fn components(&self) -> Components {
        let nodes = self.nodes();
        if self.is_complete() {
            return Components {
                of: vec![0; nodes as usize],
                sizes: if nodes > 0 { vec![nodes] } else { vec![] },
            };
        }
        const UNSEEN: u32 = u32::MAX;
        let (mut of, mut sizes, mut stack) = (vec![UNSEEN; nodes as usize], Vec::new(), Vec::new());
        for start in 0..nodes {
            if of[start as usize] != UNSEEN {
                continue;
            }
            let component = sizes.len() as u32;
            of[start as usize] = component;
            stack.push(start);
            let mut size = 0;
            while let Some(node) = stack.pop() {
                size += 1;
                for other in self.neighbours(node) {
                    if of[other as usize] == UNSEEN {
                        of[other as usize] = component;
                        stack.push(other);
                    }
                }
            }
            sizes.push(size);
        }
        Components { of, sizes }
    }
}

impl Components {
    /// How many there are; one for a connected graph.
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// How many nodes each has.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// The component that a node is in.
    pub fn of(&self, node: u32) -> u32 {
        self.of[node as usize]
    }

    /// The members of a component, ascending.
    pub fn members(&self, component: u32) -> impl Iterator<Item = u32> + '_ {
        (0..self.of.len() as u32).filter(move |node| self.of(*node) == component)
    }

    /// The greatest number of nodes in one.
    pub fn largest(&self) -> u32 {
        self.sizes.iter().copied().max().unwrap_or(0)
    }
}

/// Sizes and first members, largest first: `2 components: 5 nodes (0-3, 9), 1 node (4)`. Never longer than a few
/// lines, however many there are.
impl fmt::Display for Components {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        write!(f, "{} component{}: ", self.count(), plural(self.count()))?;
        let mut order: Vec<u32> = (0..self.count() as u32).collect();
        order.sort_by_key(|c| std::cmp::Reverse(self.sizes[*c as usize]));
        for (i, &component) in order.iter().take(NAMED).enumerate() {
            let size = self.sizes[component as usize];
            write!(f, "{}{size} node{} (", if i == 0 { "" } else { ", " }, plural(size as usize))?;
            stretches(self.members(component), f)?;
            f.write_str(")")?;
        }
        if order.len() > NAMED { write!(f, " and {} more", order.len() - NAMED) } else { Ok(()) }
    }
}

/// Ascending numbers as `0-3, 9, …`.
fn stretches(members: impl Iterator<Item = u32>, f: &mut fmt::Formatter) -> fmt::Result {
    let mut members = members.peekable();
    for i in 0..NAMED {
        let Some(first) = members.next() else { return Ok(()) };
        let mut last = first;
        while let Some(next) = members.next_if_eq(&(last + 1)) {
            last = next;
        }
        f.write_str(if i == 0 { "" } else { ", " })?;
        match last - first {
            0 => write!(f, "{first}")?,
            1 => write!(f, "{first}, {last}")?,
            _ => write!(f, "{first}-{last}")?,
        }
    }
    if members.peek().is_some() { f.write_str(", …") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_named_largest_first() {
        let graph = Graph::from_edges(7, [(0, 6), (1, 2), (2, 3), (3, 4)]);
        let components = graph.components();
        assert_eq!(components.sizes(), [2, 4, 1]);
        assert_eq!(components.of(6), 0);
        assert_eq!(components.to_string(), "3 components: 4 nodes (1-4), 2 nodes (0, 6), 1 node (5)");
        assert_eq!(Graph::complete(3).components().to_string(), "1 component: 3 nodes (0-2)");
        assert_eq!(Graph::complete(0).components().count(), 0);
    }

    #[test]
    fn the_description_of_many_components_is_short() {
        let even = Graph::from_edges(100_000, (0..49_998).map(|i| (i * 2, i * 2 + 2)));
        let text = even.components().to_string();
        assert!(text.starts_with("50002 components: 49999 nodes (0, 2, 4, 6, 8, …), 1 node (1)"), "{text}");
        assert!(text.ends_with("and 49997 more") && text.len() < 300, "{text}");
    }
}
