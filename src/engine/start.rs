//! How nodes come up and learning starts, whichever engine runs them.

use super::Plan;
use crate::metrics::ranges;
use crate::node::Rules;
use crate::node::io::Start;
use crate::wire::PeerId;

/// How a node comes up: it connects to those of its neighbours that `dial` names. `late` says that learning may be
/// under way.
pub fn of(plan: &Plan, node: PeerId, mut dial: impl FnMut(PeerId) -> bool, late: bool) -> Start {
    let neighbours = plan.peers(node);
    let dial = if plan.rules.workflow.connects() {
        let outside = plan.nodes()..plan.nodes() + plan.outside();
        neighbours.iter().map(|(peer, _)| peer).filter(|&peer| dial(peer)).chain(outside).collect()
    } else {
        Vec::new()
    };
    // A peer outside may come up later than this node.
    Start { neighbours, dial, persistent: late || plan.outside() > 0, late }
}

/// Says who had not heard of everyone as learning started, and which setting would mend it.
pub fn warning(rules: &Rules, unready: &[PeerId], total: u32) -> String {
    let mend = if rules.shared_ttl() {
        "in `faithful-memory` all receivers of a message share its time to live, so that it is forwarded \
         `settings.gossip.ttl` times in all: raise that to the number of nodes, or choose another `workflow.variant`"
    } else {
        "a longer `workflow.start_after` or a shorter `settings.gossip.period` would mend it"
    };
    format!(
        "learning started although {} of {total} nodes had not yet heard of every peer within reach: {}; {mend}",
        unready.len(),
        ranges(unready)
    )
}
