//! What is told of a run that is over, whichever engine ran it.

use super::{Fate, NodeReport};
use crate::metrics::ranges;
use crate::metrics::result::{Outcome, StalledGroup};
use crate::node::Stage;
use crate::wire::PeerId;
use std::collections::BTreeMap;

/// Faults of nodes that are told one by one.
const SHOWN: usize = 3;

/// Why a run is over.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub outcome: Outcome,
    pub reason: Option<String>,
}

/// The first of many faults, and how many more there are.
pub fn faults(mut all: Vec<String>) -> Vec<String> {
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    if more > 0 {
        all.push(format!("… and {more} more nodes like these"));
    }
    all
}

/// Nodes that wait for the same, together: the largest group first.
pub fn waiting(reports: &[NodeReport]) -> Vec<StalledGroup> {
    let mut groups: BTreeMap<(Option<Stage>, &str), Vec<PeerId>> = BTreeMap::new();
    for (node, report) in reports.iter().enumerate().filter(|(_, report)| report.fate == Fate::Up) {
        groups.entry((report.stage, &report.waits_for)).or_default().push(node as PeerId);
    }
    let mut groups: Vec<StalledGroup> = groups
        .into_iter()
        .map(|((stage, waiting_for), nodes)| StalledGroup {
            nodes: ranges(&nodes),
            count: nodes.len() as u32,
            stage,
            waiting_for: waiting_for.to_owned(),
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}
