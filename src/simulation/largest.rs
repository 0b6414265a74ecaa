//! Messages that are larger than nodes take. How large the messages of a scenario are is known to the byte before any is
//! sent; one that would be refused every time keeps a run from beginning.

use crate::engine::SocketPlan;
use crate::format::units::Size;
use crate::learning::Learner;
use crate::learning::spec::ModelKind;
use crate::node::foresight::{Largest, Said};
use crate::scenario::{Carrier, Diagnostics, Loaded, Scenario};
use crate::time::Time;
use crate::topology::Graph;
use crate::transport::socket::{Address, Folder, Limits};
use crate::wire::size::Sizes;
use crate::wire::{AddressBook, Command, Gossip, GossipBody, Message, PeerId, Ttl, Weights};
use std::sync::Arc;

/// The most that a message of protobuf can have.
const PROTOBUF: u64 = i32::MAX as u64;

/// What may be too large.
struct Sent {
    /// The field that it comes from, and what it is.
    path: String,
    what: &'static str,
    /// Bytes of its protobuf encoding, which is what `grpc.max_message` is about on every transport: HTTP's JSON is
    /// larger, and has as much more room.
    bytes: u64,
}

/// Refuses a scenario whose messages nodes would not take, and warns of one that lets several models come to a node at a
/// time which together it would not take.
pub(super) fn check(
    loaded: &mut Loaded,
    scenario: &Scenario,
    graph: &Graph,
    learner: &dyn Learner,
    model_bytes: u64,
    sockets: &SocketPlan,
) -> Result<(), Diagnostics> {
    let sizes = Sizes::new(AddressBook::of_length(longest_name(scenario)), model_bytes);
    let limit = sockets.max_message.min(PROTOBUF);
    let mut faults = Diagnostics::default();
    let model = model(scenario, graph, learner, &sizes);
    let too_large = sent(scenario, &sizes).into_iter().chain(model).filter(|it| it.bytes > limit);
    for it in too_large {
        faults.0.extend(refused(loaded, &it, sockets.max_message).0);
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if let Some((message, help)) = at_a_time(scenario, graph, &sizes, learner, sockets) {
        loaded.warn("grpc.max_message", "models-at-a-time", message, Some(help));
    }
    Ok(())
}

fn refused(loaded: &Loaded, it: &Sent, max_message: u64) -> Diagnostics {
    let Sent { path, what, bytes } = it;
    if max_message > PROTOBUF {
        let message = format!(
            "`{path}` makes {what} of up to {bytes} bytes, and a message of protobuf has {PROTOBUF} at most"
        );
        return loaded.diagnose(path, message, Some("write less".into()));
    }
    let most = Size(max_message);
    // A size that is no round number is in bytes already.
    let in_bytes = if most.to_string() == format!("{max_message}B") {
        String::new()
    } else {
        format!(" ({max_message} bytes)")
    };
    let message = format!(
        "`{path}` makes {what} of up to {bytes} bytes, and `grpc.max_message` is {most}{in_bytes}: nobody would take them"
    );
    let help = format!("raise `grpc.max_message` to \"{bytes}B\" or more, or write less");
    // The default is in no file: then the model is what was written.
    let place = if loaded.is_written(path) { path } else { "grpc.max_message" };
    loaded.diagnose(place, message, Some(help))
}

/// The messages of a scenario but for models, in the order in which they are said.
fn sent(scenario: &Scenario, sizes: &Sizes) -> Vec<Sent> {
    let workflow = &scenario.workflow;
    let beat = Largest {
        path: None,
        what: "heartbeats",
        said: Said::Gossip(GossipBody::Beat(Time::from_nanos(123_456_789))),
    };
    let bytes = |said: Said| match said {
        Said::Direct(message) => sizes.payload(0, &message),
        Said::Gossip(body) => {
            let (source, round, hash) = (0, workflow.rounds() as i32, i64::MIN);
            let size = sizes.gossip(source, round, hash, &body);
            let ttl = Ttl::Own(scenario.settings.gossip.ttl);
            let gossip = Gossip { source, round, ttl, hash, body, size, hops: 0, born: Time::ZERO };
            sizes.gossip_payload(&gossip)
        }
    };
    let beats = workflow.sends(Command::Beat).then_some(beat);
    let all = beats.into_iter().chain(workflow.largest(scenario.nodes));
    let sent = |it: Largest| Sent {
        path: it.path.unwrap_or_else(|| "grpc.max_message".to_owned()),
        what: it.what,
        bytes: bytes(it.said),
    };
    all.map(sent).collect()
}

/// The largest message with a model, where there are any.
fn model(scenario: &Scenario, graph: &Graph, learner: &dyn Learner, sizes: &Sizes) -> Option<Sent> {
    let nodes = graph.nodes();
    let (command, contributors) = scenario.workflow.largest_model(nodes)?;
    if nodes == 1 {
        return None;
    }
    let mut rows: Vec<u32> = (0..nodes).map(|node| learner.samples(node)).collect();
    rows.sort_unstable();
    let samples = rows.iter().rev().take(contributors as usize).fold(0u32, |sum, it| sum.saturating_add(*it));
    let weights = Weights {
        command,
        round: scenario.workflow.rounds().saturating_sub(1) as i32,
        contributors: (0..contributors).collect::<Vec<PeerId>>().into(),
        samples: if contributors == 0 { 1 } else { samples },
        model: learner.initial(0),
    };
    let field = match &scenario.learning.model {
        ModelKind::Softmax(_) => "",
        ModelKind::Mlp(_) => ".hidden",
        ModelKind::Averaging(_) | ModelKind::Quadratic(_) => ".dimension",
        ModelKind::Synthetic(_) => ".size",
    };
    let bytes = sizes.payload(0, &Message::Weights(Arc::new(weights)));
    Some(Sent { path: format!("learning.model{field}"), what: "models", bytes })
}

/// Models that come to a node at the same time and that it would not hold together: what and why, and what to do.
fn at_a_time(
    scenario: &Scenario,
    graph: &Graph,
    sizes: &Sizes,
    learner: &dyn Learner,
    sockets: &SocketPlan,
) -> Option<(String, String)> {
    let nodes = graph.nodes();
    let degree = (0..nodes).map(|node| graph.degree(node)).max().unwrap_or(0);
    let senders = scenario.workflow.models_at_a_time(nodes, degree);
    let each = sockets.protocol.on_the_wire(model(scenario, graph, learner, sizes)?.bytes);
    let together = each.saturating_mul(senders.into());
    let max_message = usize::try_from(sockets.max_message).unwrap_or(usize::MAX);
    let held = Limits::holds(max_message) as u64;
    (together > held).then(|| {
        (
            format!(
                "{senders} models of {each} bytes may come to a node at a time, and unfinished messages of {held} bytes are \
                 what it holds (twice `grpc.max_message`): the rest would be refused",
            ),
            format!("raise `grpc.max_message` to \"{}B\" or more, or choose a smaller model", together.div_ceil(2)),
        )
    })
}

/// Bytes of the longest name that a node of this scenario can have, or a peer outside whom it names.
fn longest_name(scenario: &Scenario) -> usize {
    let grpc = &scenario.grpc;
    let tcp = |ip| Address::Tcp((ip, u16::MAX).into()).to_string().len();
    let listen = grpc.listen.iter().map(|&ip| tcp(ip)).max().unwrap_or(0);
    let own = match scenario.transport.on_sockets() {
        Some((_, Carrier::Unix)) => Folder::longest_socket(scenario.nodes).to_string().len(),
        // /ip4/127.0.0.1/tcp/40117 and /p2p/ with 52 characters.
        #[cfg(feature = "libp2p")]
        Some((crate::transport::Protocol::Libp2p, _)) => listen + 9 + 57,
        _ => listen,
    };
    grpc.join.iter().map(String::len).chain([own]).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Diagnostics, parse};
    use crate::simulation::{Options, Prepared, prepare};

    fn prepared(text: &str) -> Result<(Prepared, Vec<&'static str>), Diagnostics> {
        let mut loaded = parse(text, "x.json", &[]).unwrap();
        let prepared = prepare(&mut loaded, Options::default())?;
        Ok((prepared, loaded.warnings.0.iter().map(|it| it.code).collect()))
    }

    fn scenario(transport: &str, max_message: &str, rest: &str) -> String {
        format!(
            r#"{{ "name": "x", "nodes": 4, "topology": {{ "kind": "ring" }}, "transport": "{transport}", "speedup": 1,
                 "grpc": {{ "max_message": "{max_message}" }}, {rest} }}"#
        )
    }

    const DPSGD: &str = r#""workflow": { "kind": "dpsgd", "rounds": 2 },
        "learning": { "model": { "kind": "synthetic", "size": "2MB" } }"#;

    /// The number of bytes that is asked for is the least with which the scenario can run.
    #[track_caller]
    fn asks_for_the_least(transport: &str, rest: &str, path: &str) {
        let refused = prepared(&scenario(transport, "300kB", rest)).map(|it| it.1).unwrap_err();
        let [fault] = &refused.0[..] else { panic!("{transport}: {refused}") };
        assert_eq!((fault.path.as_str(), fault.line > 0), (path, true), "{transport}");
        assert!(fault.message.contains("`grpc.max_message` is 300KB (300000 bytes)"), "{}", fault.message);
        assert!(fault.message.contains(&format!("`{path}`")), "{}", fault.message);
        let help = fault.help.as_deref().unwrap();
        let needed: u64 = help.split(['"', 'B']).nth(1).unwrap().parse().unwrap_or_else(|_| panic!("{help}"));
        let with = |bytes: u64| prepared(&scenario(transport, &format!("{bytes}B"), rest)).map(|it| it.1);
        assert!(with(needed).is_ok(), "{transport}: {needed}");
        assert!(with(needed - 1).is_err(), "{transport}: {needed}");
    }

    #[test]
    fn what_nobody_would_take_is_refused_over_every_transport() {
        for transport in ["grpc", "grpc+uds", "grpc+mtls", "grpc-stream", "websocket", "http", "http2+tls"] {
            asks_for_the_least(transport, DPSGD, "learning.model.size");
        }
        let mlp = r#""learning": { "model": { "kind": "mlp", "hidden": [2000] } }"#;
        asks_for_the_least("grpc", mlp, "learning.model.hidden");
        let probe = r#""workflow": { "kind": "probe", "payload": ["64B", "300kB"] }"#;
        asks_for_the_least("http", probe, "workflow.payload[1]");
        assert!(prepared(&scenario("memory", "1B", DPSGD)).is_ok(), "nothing is encoded there");
    }

    #[test]
    fn the_place_is_the_limit_where_the_model_is_nobody_s_choice() {
        let refused = prepared(&scenario("grpc", "1kB", r#""learning": { "batch_size": 4 }"#))
            .map(|it| it.1)
            .unwrap_err();
        assert_eq!(refused.0[0].path, "grpc.max_message");
        // Not even a heartbeat.
        let refused = prepared(&scenario("grpc", "50B", r#""learning": {}"#)).map(|it| it.1).unwrap_err();
        assert!(refused.0.iter().any(|it| it.message.contains("heartbeats")), "{refused}");
    }

    #[test]
    fn models_that_come_together_and_are_too_many_are_warned_of() {
        let warned = |transport, max_message| prepared(&scenario(transport, max_message, DPSGD)).unwrap().1;
        // Two neighbours send 2 MB each, and a node holds twice the largest message: JSON is a third larger.
        assert_eq!(warned("grpc", "2100kB"), [""; 0]);
        assert_eq!(warned("http", "2100kB"), ["models-at-a-time"]);
        assert_eq!(warned("http", "2800kB"), [""; 0]);
    }
}
