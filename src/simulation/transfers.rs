//! What a scenario asks of its own links, before it runs, and where it asks too much.

use crate::engine::{Action, Step};
use crate::format::units::Rate;
use crate::network::Links;
use crate::node::Rules;
use crate::node::foresight::{Load, Misfit};
use crate::topology::Graph;
use crate::wire::Command;

/// Bytes of an encoded heartbeat, about: its source, a time as text, a hash.
const BEAT_BYTES: f64 = 60.0;

/// Links that are too slow for what crosses them, at any time of the script.
pub(super) fn misfits(
    rules: &Rules,
    graph: &Graph,
    links: &Links,
    script: &[Step],
    load: &Load,
    model_bytes: u64,
) -> Vec<Misfit> {
    let slowed = slowed(graph.nodes(), script);
    let all = [
        calls(rules, graph, links),
        beats(rules, graph, links, load),
        models(rules, graph, links, &slowed, model_bytes),
        lost(rules, links, model_bytes),
    ];
    all.into_iter().flatten().collect()
}

/// Neighbours that are so far apart that no call is answered in time, beginning with that which connects them.
fn calls(rules: &Rules, graph: &Graph, links: &Links) -> Option<Misfit> {
    let deadline = rules.settings.general.grpc_timeout;
    let round_trip = |a: u32, b: u32| links.latency(a, b) + links.latency(b, a);
    let pairs = graph.edge_list().map(|(a, b)| (a, b, round_trip(a, b)));
    let mut late = pairs.filter(|(.., takes)| *takes > deadline.0);
    let (a, b, takes) = late.next()?;
    let many = late.count() + 1;
    Some(Misfit {
        path: "settings.general.grpc_timeout",
        code: "calls-time-out",
        message: format!(
            "{many} of {} pairs of neighbours never connect: between nodes {a} and {b} a round trip takes {:.3} s, and a call \
             is given up after {deadline}",
            graph.edges(),
            takes.as_secs_f64()
        ),
        help: "lengthen `settings.general.grpc_timeout`, or shorten `network.latency`".into(),
    })
}

/// How many times longer the script makes transfers take at each node, when it is at its slowest.
fn slowed(nodes: u32, script: &[Step]) -> Vec<f64> {
    let mut most = vec![1.0_f64; nodes as usize];
    for step in script {
        if let Action::Slow(which, slowdown) = &step.action {
            which.iter().for_each(|&node| most[node as usize] = most[node as usize].max(slowdown.link));
        }
    }
    most
}

/// Heartbeats that an uplink cannot carry: they would queue for longer and longer.
fn beats(rules: &Rules, graph: &Graph, links: &Links, load: &Load) -> Option<Misfit> {
    if !rules.workflow.sends(Command::Beat) {
        return None;
    }
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
fn models(rules: &Rules, graph: &Graph, links: &Links, slowed: &[f64], model_bytes: u64) -> Option<Misfit> {
    let wire = links.wire_bytes(model_bytes);
    let copies = |node: u32| rules.workflow.copies(graph.degree(node));
    let takes = |node: u32| {
        let up = links.uplink(node).map(|it| it.time(wire).saturating_mul(copies(node)));
        let takes = up.max(links.downlink(node).map(|it| it.time(wire))).unwrap_or_default();
        takes.as_secs_f64() * slowed[node as usize]
    };
    let slowest = (0..graph.nodes()).max_by(|&a, &b| takes(a).total_cmp(&takes(b)))?;
    let deadline = rules.settings.general.grpc_timeout;
    let when = if slowed[slowest as usize] > 1.0 { " while the script has its link slow" } else { "" };
    (takes(slowest) > deadline.0.as_secs_f64()).then(|| Misfit {
        path: "network",
        code: "models-time-out",
        message: format!(
            "node {slowest} needs {:.0} s for its models{when}; a call is given up after {deadline}, and with it the model",
            takes(slowest)
        ),
        help: "lengthen `settings.general.grpc_timeout`, or give a faster `network.uplink` and `network.downlink`"
            .into(),
    })
}

/// Models of which more get lost than arrive, where nothing is sent again.
fn lost(rules: &Rules, links: &Links, model_bytes: u64) -> Option<Misfit> {
    let share = links.lost(model_bytes);
    (rules.workflow.learns() && share > 0.5).then(|| Misfit {
        path: "network.packet_loss",
        code: "models-get-lost",
        message: format!(
            "{:.0} % of models get lost: one goes in {} packets, and `network.lossy` has nothing sent again",
            share * 100.0,
            links.packets(model_bytes)
        ),
        help: "leave `network.lossy` out, as gRPC's TCP sends again what is lost, or choose a smaller model"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use crate::scenario::parse;
    use crate::simulation::{Options, prepare};

    fn warned(nodes: u32, workflow: &str, network: &str) -> Vec<&'static str> {
        warned_with(nodes, workflow, network, "[]")
    }

    fn warned_with(nodes: u32, workflow: &str, network: &str, script: &str) -> Vec<&'static str> {
        let text = format!(
            r#"{{ "name": "x", "nodes": {nodes}, "topology": {{ "kind": "full" }}, "workflow": {{ "kind": "{workflow}" }},
                 "settings": {{ "gossip": {{ "messages_per_period": 100000 }} }},
                 "learning": {{ "model": {{ "kind": "synthetic", "size": "1MB" }} }},
                 "network": {network}, "script": {script} }}"#
        );
        let mut loaded = parse(&text, "x.json", &[]).unwrap();
        prepare(&mut loaded, Options::default()).map(drop).unwrap();
        loaded
            .warnings
            .0
            .iter()
            .map(|it| it.code)
            .filter(|it| it.contains("slow") || it.contains("-time-out") || it.contains("-lost"))
            .collect()
    }

    #[test]
    fn neighbours_whose_calls_are_never_answered_in_time_are_warned_of() {
        // A call is given up after 10 s.
        assert!(warned(4, "p2pfl", r#"{ "latency": "5s" }"#).is_empty());
        for workflow in ["p2pfl", "dpsgd"] {
            assert_eq!(warned(4, workflow, r#"{ "latency": "5001ms" }"#), ["calls-time-out"], "{workflow}");
        }
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

    #[test]
    fn models_that_mostly_get_lost_are_warned_of() {
        // A megabyte goes in some 700 packets.
        let losing = |share: f64, lossy: bool| format!(r#"{{ "packet_loss": {share}, "lossy": {lossy} }}"#);
        assert_eq!(warned(4, "p2pfl", &losing(0.01, true)), ["models-get-lost"]);
        assert!(warned(4, "p2pfl", &losing(0.0005, true)).is_empty(), "three in ten");
        assert!(warned(4, "p2pfl", &losing(0.01, false)).is_empty(), "they are sent again");
    }

    #[test]
    fn models_that_outlast_their_call_while_a_link_is_slow_are_warned_of() {
        // 0.83 s at 10 Mbps, and 16.6 s while the link is twenty times slower.
        let slow = |link: u32| format!(r#"[{{ "at": "5s", "do": "slow", "nodes": [2], "link": {link} }}]"#);
        assert_eq!(warned_with(4, "p2pfl", r#"{ "downlink": "10Mbps" }"#, &slow(20)), ["models-time-out"]);
        assert!(warned_with(4, "p2pfl", r#"{ "downlink": "10Mbps" }"#, &slow(10)).is_empty());
    }
}
