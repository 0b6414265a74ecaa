//! What a scenario asks of its own links, before it runs, and where it asks too much.

use super::estimate::Misfit;
use crate::engine::load::Load;
use crate::network::Links;
use crate::node::Rules;
use crate::node::spec::{Pace, Workflow};
use crate::scenario::units::Rate;
use crate::topology::Graph;

/// Bytes of an encoded heartbeat, about: its source, a time as text, a hash.
const BEAT_BYTES: f64 = 60.0;

/// Links that are too slow for what crosses them.
pub(super) fn misfits(
    rules: &Rules,
    graph: &Graph,
    links: &Links,
    load: &Load,
    model_bytes: u64,
) -> Vec<Misfit> {
    [beats(rules, graph, links, load), models(rules, graph, links, model_bytes)]
        .into_iter()
        .flatten()
        .collect()
}

/// Heartbeats that an uplink cannot carry: they would queue for longer and longer.
fn beats(rules: &Rules, graph: &Graph, links: &Links, load: &Load) -> Option<Misfit> {
    let Workflow::P2pfl(_) = &rules.workflow else { return None };
    let degree = 2.0 * graph.edges() as f64 / f64::from(graph.nodes().max(1));
    let reached = load.messages_per_broadcast / degree.max(1.0);
    // Every node passes on every beat that reaches it to all of its neighbours.
    let per_neighbour = reached / rules.settings.heartbeat.period.0.as_secs_f64() * BEAT_BYTES * 8.0;
    let demand = |node: u32| f64::from(graph.degree(node)) * per_neighbour;
    let asked = |(node, uplink): &(u32, Rate)| demand(*node) / uplink.0 as f64;
    let (node, uplink) = (0..graph.nodes())
        .filter_map(|node| Some((node, links.uplink(node)?)))
        .max_by(|a, b| asked(a).total_cmp(&asked(b)))?;
    (demand(node) > uplink.0 as f64).then(|| Misfit {
        path: "network",
        code: "slow-uplink",
        message: format!(
            "heartbeats alone ask for about {:.1} Mbps of node {node}'s uplink of {uplink}: they pile up there",
            demand(node) / 1e6
        ),
        help: "lengthen `settings.heartbeat.period`, or give a faster `network.uplink`".into(),
    })
}

/// Models that take longer than the deadline of the call that carries them.
fn models(rules: &Rules, graph: &Graph, links: &Links, model_bytes: u64) -> Option<Misfit> {
    let wire = links.wire_bytes(model_bytes);
    // A `dpsgd` node hands its model over to all neighbours at once, and the last of them waits for the others.
    let copies = |node: u32| match &rules.workflow {
        Workflow::P2pfl(_) | Workflow::Rumor(_) | Workflow::Probe(_) => 1,
        Workflow::Dpsgd(it) if it.mode == Pace::Asynchronous => 1,
        Workflow::Dpsgd(_) => graph.degree(node).max(1),
    };
    let takes = |node: u32| {
        let up = links.uplink(node).map(|it| it.time(wire).saturating_mul(copies(node)));
        up.max(links.downlink(node).map(|it| it.time(wire))).unwrap_or_default()
    };
    let slowest = (0..graph.nodes()).max_by_key(|&node| takes(node))?;
    let deadline = rules.settings.general.grpc_timeout;
    (takes(slowest) > deadline.0).then(|| Misfit {
        path: "network",
        code: "models-time-out",
        message: format!(
            "node {slowest} needs {:.0} s for its models; a call is given up after {deadline}, and with it the model",
            takes(slowest).as_secs_f64()
        ),
        help: "lengthen `settings.general.grpc_timeout`, or give a faster `network.uplink` and `network.downlink`"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use crate::scenario::parse;
    use crate::simulation::{Options, prepare};

    fn warned(nodes: u32, workflow: &str, network: &str) -> Vec<&'static str> {
        let text = format!(
            r#"{{ "name": "x", "nodes": {nodes}, "topology": {{ "kind": "full" }}, "workflow": {{ "kind": "{workflow}" }},
                 "settings": {{ "gossip": {{ "messages_per_period": 100000 }} }},
                 "learning": {{ "model": {{ "kind": "synthetic", "size": "1MB" }} }},
                 "network": {network} }}"#
        );
        let mut loaded = parse(&text, "x.json", &[]).unwrap();
        prepare(&mut loaded, Options::default()).map(drop).unwrap();
        loaded
            .warnings
            .0
            .iter()
            .map(|it| it.code)
            .filter(|it| it.contains("slow") || it.contains("models"))
            .collect()
    }

    #[test]
    fn heartbeats_that_an_uplink_cannot_carry_are_warned_of() {
        // 100 nodes pass on 100 beats of 480 bits to 99 neighbours every 2 s: 2.4 Mbps.
        assert_eq!(warned(100, "p2pfl", r#"{ "uplink": "2Mbps" }"#), ["slow-uplink"]);
        assert!(warned(100, "p2pfl", r#"{ "uplink": "3Mbps" }"#).is_empty());
        assert!(warned(100, "p2pfl", "{}").is_empty());
    }

    #[test]
    fn models_that_outlast_their_call_are_warned_of() {
        // 8 Mbit and 3 % of headers take 8.3 s at 1 Mbps; the deadline is 10 s.
        assert!(warned(4, "p2pfl", r#"{ "uplink": "1Mbps" }"#).is_empty());
        assert_eq!(warned(4, "p2pfl", r#"{ "downlink": "800kbps" }"#), ["models-time-out"]);
        assert_eq!(
            warned(4, "dpsgd", r#"{ "uplink": "1Mbps" }"#),
            ["models-time-out"],
            "to three neighbours"
        );
    }
}
