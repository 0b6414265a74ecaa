//! How nodes come up and learning starts, whichever engine runs them.

use super::roster::Member;
use crate::engine::reach::{Means, Reach};
use crate::engine::{Fate, Plan};
use crate::metrics::ranges;
use crate::node::Rules;
use crate::node::io::Start;
use crate::node::spec::Workflow;
use crate::time::Time;
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

/// Whether a node is told to start as learning begins.
pub fn starts(workflow: &Workflow, node: PeerId, member: &Member) -> bool {
    workflow.initiator().map_or(member.fate == Fate::Up, |it| it == node)
}

/// Says who had not heard of everyone as learning started, and which setting would mend it.
pub fn warning(reach: &Reach, unready: &[PeerId], total: u32) -> String {
    let mend = match reach.by {
        Means::Flooding { ttl, shared: true, lack: Some(lack) } => format!(
            "in `faithful-memory` all receivers of a message share its time to live, so that it is forwarded {ttl} \
             times in all: raise `settings.gossip.ttl` to {}, or choose another `workflow.variant`",
            lack.enough.ttl
        ),
        _ => "a longer `workflow.start_after` or a shorter `settings.gossip.period` would mend it".into(),
    };
    format!(
        "learning started although {} of {total} nodes had not yet heard of every peer within reach: {}; {mend}",
        unready.len(),
        ranges(unready)
    )
}

/// When learning may have to be started anew. In `p2pfl` one node starts it for all; where every node that learnt has gone,
/// those that come back would wait for ever. So, in `repaired`, some time after a node came or went the engine looks
/// whether anybody learns. In other workflows nodes are started one by one, and `faithful` idles as P2PFL does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anew(Option<Time>);

impl Anew {
    /// A node came up or went. Heartbeats get their time to converge before the engine looks.
    pub fn note(&mut self, rules: &Rules, now: Time) {
        if !rules.workflow.starts_everyone() && rules.repaired() {
            let heartbeat = &rules.settings.heartbeat;
            self.0.get_or_insert(now + heartbeat.wait_convergence.0.max(heartbeat.period.0));
        }
    }

    /// When the engine looks next, if at all.
    pub const fn due(&self) -> Option<Time> {
        self.0
    }

    /// Whether it is time to look: once.
    pub fn is_due(&mut self, now: Time) -> bool {
        self.0.take_if(|due| *due <= now).is_some()
    }

    /// Who starts learning where nobody learns: the initiator, or else the first of those that are up.
    pub fn starter(rules: &Rules, mut up: impl Iterator<Item = PeerId>) -> Option<PeerId> {
        let initiator = rules.workflow.first().map_or(0, |(node, _)| node);
        let first = up.next()?;
        Some(if first == initiator || up.any(|node| node == initiator) { initiator } else { first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;
    use crate::simulation::{Options, prepare};
    use std::time::Duration;

    fn rules(workflow: &str) -> Rules {
        let text = format!(
            r#"{{ "name": "x", "nodes": 4, "topology": {{ "kind": "ring" }}, "workflow": {workflow},
                  "settings": {{ "heartbeat": {{ "period": "2s", "wait_convergence": "4s" }} }} }}"#
        );
        let mut loaded = parse(&text, "x.json", &[]).expect("a scenario");
        prepare(&mut loaded, Options::default()).expect("a plan").plan.rules
    }

    #[test]
    fn the_engine_looks_once_when_heartbeats_have_converged_after_the_first_change() {
        let rules = rules(r#"{ "kind": "p2pfl", "initiator": 2 }"#);
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let mut anew = Anew::default();
        anew.note(&rules, at(10));
        anew.note(&rules, at(12));
        assert_eq!(anew.due(), Some(at(14)));
        assert!(!anew.is_due(at(13)) && anew.is_due(at(14)) && !anew.is_due(at(15)));
        for workflow in [r#"{ "kind": "p2pfl", "variant": "faithful" }"#, r#"{ "kind": "dpsgd" }"#] {
            anew.note(&self::rules(workflow), at(20));
            assert_eq!(anew.due(), None, "{workflow}");
        }
    }

    #[test]
    fn the_initiator_starts_learning_anew_or_else_the_first_node_that_is_up() {
        let rules = rules(r#"{ "kind": "p2pfl", "initiator": 2 }"#);
        let starter = |up: &[PeerId]| Anew::starter(&rules, up.iter().copied());
        assert_eq!(starter(&[0, 1, 2, 3]), Some(2));
        assert_eq!(starter(&[2]), Some(2));
        assert_eq!(starter(&[1, 3]), Some(1));
        assert_eq!(starter(&[]), None);
    }
}
