//! Who may take part in a run over sockets. One that joins nobody is among itself: whoever else reaches its ports is hung up
//! on before a word of it is heard, and counted. In one that is open to peers outside, the result says what they did to it.

use crate::callers::{self, Door, Said};
use crate::program::{Place, balanced, p2pfl};
use p2pfl_sim::learning::{Layout, Model};
use p2pfl_sim::metrics::result::{Outcome, RunResult};
use p2pfl_sim::wire::proto::root_message::PayloadType;
use p2pfl_sim::wire::proto::{GossipMessage, RootMessage, Weights};
use p2pfl_sim::wire::weights;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Where a process listens: the addresses and paths of its sockets, as Linux has them.
fn doors(child: &Child) -> Vec<Door> {
    let sockets: BTreeSet<String> = std::fs::read_dir(format!("/proc/{}/fd", child.id()))
        .into_iter()
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|to| Some(to.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect();
    let table = |name: &str| std::fs::read_to_string(format!("/proc/net/{name}")).expect("this is Linux");
    let tcp = table("tcp").lines().filter_map(|line| tcp(line, &sockets)).collect::<Vec<_>>();
    let unix = table("unix").lines().filter_map(|line| unix(line, &sockets)).collect::<Vec<_>>();
    tcp.into_iter().chain(unix).collect()
}

fn tcp(line: &str, sockets: &BTreeSet<String>) -> Option<Door> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (ip, port) = fields.get(1)?.split_once(':')?;
    // 0A is a socket that listens.
    let listens = *fields.get(3)? == "0A" && sockets.contains(*fields.get(9)?);
    let ip = Ipv4Addr::from(u32::from_str_radix(ip, 16).ok()?.swap_bytes());
    listens.then_some(Door::Tcp((ip, u16::from_str_radix(port, 16).ok()?).into()))
}

fn unix(line: &str, sockets: &BTreeSet<String>) -> Option<Door> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let listens = *fields.get(3)? == "00010000" && sockets.contains(*fields.get(6)?);
    listens.then_some(Door::Unix(fields.get(7)?.into()))
}

fn started(place: &Place) -> Child {
    let mut run = place.command(&["run", "FILE", "--out", "out", "--quiet"]);
    run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

fn over(child: &mut Child) -> bool {
    child.try_wait().expect("it is a child of ours").is_some()
}

/// Says something and listens; whether anything at all came back. Whether a connection that was hung up on takes what is said
/// is no matter.
fn answered(mut socket: impl std::io::Read + std::io::Write, said: &[u8]) -> bool {
    let _ = socket.write_all(said);
    let mut heard = Vec::new();
    let _ = socket.read_to_end(&mut heard);
    !heard.is_empty()
}

#[test]
fn nobody_else_is_heard_in_a_run_that_joins_nobody() {
    let post = concat!(
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 46\r\n\r\n",
        r#"{"source":"127.0.0.1:1","cmd":"stop_learning"}"#,
    );
    let upgrade = "GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let transports = [
        ("grpc", http2),
        ("grpc+uds", http2),
        ("grpc+tls", "\x16\x03\x01"),
        ("websocket", upgrade),
        ("http", post),
    ];
    std::thread::scope(|scope| {
        for (transport, said) in transports {
            scope.spawn(move || is_called_all_along(transport, said));
        }
    });
}

/// A run to each node of which something is said over and over, until it is done.
fn is_called_all_along(transport: &str, said: &'static str) {
    let place =
        Place::with(&p2pfl(4, json!({ "kind": "ring" }), json!({ "transport": transport, "speedup": 5 })));
    let mut child = started(&place);
    let mut calls = 0;
    while !over(&mut child) {
        // All of them at once: each waits until it is hung up on.
        let calling = doors(&child).into_iter().map(|door| {
            std::thread::spawn(move || match door {
                Door::Tcp(at) => Some(answered(TcpStream::connect(at).ok()?, said.as_bytes())),
                Door::Unix(at) => Some(answered(UnixStream::connect(at).ok()?, said.as_bytes())),
            })
        });
        for call in calling.collect::<Vec<_>>() {
            let heard = call.join().expect("it only calls");
            assert_ne!(heard, Some(true), "{transport}: somebody answered");
            calls += u32::from(heard.is_some());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{transport}: {}", String::from_utf8_lossy(&ended.stderr));
    let result: RunResult = place.result("out/result.json");
    balanced(&result);
    assert_eq!((result.outcome, result.nodes.finished), (Outcome::Completed, 4), "{transport}");
    let refused = &result.sockets.as_ref().expect("it went over sockets").refused;
    assert!(
        calls > 0 && refused.get("stranger").is_some_and(|it| *it > 0),
        "{transport}: {calls} {refused:?}"
    );
    assert!(result.warnings.iter().any(|it| it.contains("stranger")), "{transport}: {:?}", result.warnings);
}

/// An open run: a peer outside is waited for that never comes, and learning goes on for long enough to be meddled with.
fn open(transport: &str, join: &str) -> (Place, Child, Vec<Door>) {
    let mut scenario = p2pfl(
        4,
        json!({ "kind": "full" }),
        json!({
            "transport": transport, "speedup": 1, "workflow": { "rounds": 2, "start_after": "3s" },
            "grpc": { "join": [join], "join_optional": true },
            "settings": { "heartbeat": { "period": "1s" } }, "limits": { "time": "600s" },
        }),
    );
    scenario["learning"] = json!({ "learning_rate": 1.0, "batch_size": 4 });
    let place = Place::with(&scenario);
    let mut child = started(&place);
    loop {
        let doors = doors(&child);
        if doors.len() == 4 {
            return (place, child, doors);
        }
        assert!(!over(&mut child), "{transport}: it ended before it listened");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says all of this to every node over and over, until the run is done.
fn say(transport: &str, mut child: Child, doors: &[Door], mut said: impl FnMut() -> Vec<Said>) -> Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    while !over(&mut child) {
        runtime.block_on(async {
            let said = said();
            for door in doors {
                // It may be over by now.
                let _ =
                    tokio::time::timeout(Duration::from_secs(2), callers::say(transport, door, &said)).await;
            }
        });
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

/// Where somebody who says something is, or would be.
const SOMEBODY: &str = "127.0.0.1:9";

fn message(source: &str, command: &str, round: i32, payload: PayloadType) -> Said {
    let (source, cmd) = (source.into(), command.into());
    Said::Send(RootMessage { source, round: Some(round), cmd, payload_type: Some(payload) })
}

fn gossip(source: &str, command: &str, hash: i64, args: &[&str]) -> Said {
    let args = args.iter().map(|&it| it.into()).collect();
    message(source, command, -1, PayloadType::GossipMessage(GossipMessage { ttl: 3, hash, args }))
}

/// A model of the shapes that these networks learn.
fn model(value: f32) -> PayloadType {
    let layout = Arc::new(Layout::new([vec![64, 10], vec![10]]));
    let weights = weights::encode_model(&Model::new(layout, vec![value; 650]));
    PayloadType::Weights(Weights { weights, contributors: Vec::new(), num_samples: 1 })
}

/// The run did what it does without anybody outside; what was refused, by reason.
fn undisturbed(place: &Place, ended: &Output) -> BTreeMap<String, u64> {
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    let result: RunResult = place.result("out/result.json");
    balanced(&result);
    assert_eq!((result.outcome, result.nodes.finished), (Outcome::Completed, 4));
    for round in &result.rounds {
        let sizes: Vec<usize> = round.train_sets.iter().map(|it| it.members.len()).collect();
        assert_eq!(sizes, [3], "round {}", round.round);
    }
    assert_eq!(result.rounds.len(), 2);
    assert!(result.r#final.accuracy.is_some_and(|it| it.mean > 0.5), "{:?}", result.r#final);
    result.sockets.expect("it went over sockets").refused
}

/// A stop, an early start, models, votes that name 100,000 peers, beats of many that there are not, and all that in the name
/// of a node of the run.
#[test]
fn who_has_not_shaken_hands_changes_nothing_in_a_run_that_others_may_join() {
    let (place, child, at) = open("grpc", "127.0.0.2:9");
    let (quiet, alone, _) = open("grpc", "127.0.0.2:9");
    let own = at[0].name();
    let crowd: Vec<String> =
        (0..100_000).map(|i| format!("10.{}.{}.{}:1", i >> 16, (i >> 8) & 255, i & 255)).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let mut hash = 0;
    let ended = say("grpc", child, &at, || {
        hash += 1;
        let mut said = vec![
            gossip(SOMEBODY, "stop_learning", hash, &[]),
            gossip(SOMEBODY, "start_learning", hash, &["0", "1", "4", "x"]),
            message(SOMEBODY, "add_model", 0, model(f32::NAN)),
            gossip(SOMEBODY, "models_aggregated", hash, &crowd),
            gossip(&own, "stop_learning", hash, &[]),
            gossip(&own, "start_learning", hash, &["0", "1", "4", "x"]),
            message(&own, "add_model", 0, model(1.0)),
            Said::Disconnect(own.clone()),
            Said::Disconnect(SOMEBODY.into()),
        ];
        said.extend(
            (0..50).map(|i| gossip(crowd[(hash as usize * 50 + i) % crowd.len()], "beat", hash, &["1.0"])),
        );
        said
    });
    let refused = undisturbed(&place, &ended);
    for reason in ["stranger", "forged"] {
        assert!(refused.get(reason).is_some_and(|it| *it > 0), "{reason}: {refused:?}");
    }
    let sockets = place.result("out/result.json").sockets.expect("it went over sockets");
    assert_eq!((sockets.peers_outside, sockets.messages_outside), (0, 0));
    let peaceful = undisturbed(&quiet, &alone.wait_with_output().unwrap());
    assert!(peaceful.is_empty(), "{peaceful:?}");
    takes_little_more(&place, &quiet, MODEL);
}

/// Bytes of the values of a model that these networks learn.
const MODEL: u64 = 650 * 4;

/// At its peak, an attacked run takes up to 64 MB and eight models more than one that is left alone.
fn takes_little_more(attacked: &Place, quiet: &Place, model: u64) {
    let peak = |place: &Place| place.result("out/result.json").cost.peak_rss_bytes.expect("this is Linux");
    let (with, without) = (peak(attacked), peak(quiet));
    assert!(with <= without + 64_000_000 + 8 * model, "{with} bytes under attack, {without} without");
}

/// The same over every other transport, each with a client of its own that is not ours.
#[test]
fn who_has_not_shaken_hands_is_not_heard_over_any_transport() {
    let transports = [
        "grpc+uds",
        "grpc+tls",
        "grpc+mtls",
        "grpc-stream",
        "grpc-stream+uds",
        "grpc-stream+tls",
        "grpc-stream+mtls",
        "websocket",
        "websocket+tls",
        "http",
        "http+tls",
        "http2",
        "http2+tls",
    ];
    // Not all at once: they are to be late for no other reason than what is said to them.
    for some in transports.chunks(4) {
        std::thread::scope(|scope| some.iter().for_each(|it| drop(scope.spawn(|| is_meddled_with(it)))));
    }
}

fn is_meddled_with(transport: &str) {
    let nobody = if transport.ends_with("+uds") { "unix:///tmp/nobody-listens-here" } else { "127.0.0.2:9" };
    let (place, child, doors) = open(transport, nobody);
    let own = doors[0].name();
    let mut hash = 0;
    let ended = say(transport, child, &doors, || {
        hash += 1;
        let mut said: Vec<Said> = [SOMEBODY, &own]
            .into_iter()
            .flat_map(|name| {
                [
                    gossip(name, "stop_learning", hash, &[]),
                    gossip(name, "start_learning", hash, &["0", "1", "4", "x"]),
                    gossip(name, "beat", hash, &["1.0"]),
                    message(name, "add_model", 0, model(1.0)),
                    Said::Disconnect(name.into()),
                ]
            })
            .collect();
        // In JSON there are no such numbers.
        if !transport.starts_with("http") {
            said.push(message(SOMEBODY, "add_model", 0, model(f32::NAN)));
        }
        said
    });
    let refused = undisturbed(&place, &ended);
    // Without a certificate nobody gets as far as to say anything.
    let reasons: &[&str] = if transport.ends_with("+mtls") { &["tls"] } else { &["stranger", "forged"] };
    for reason in reasons {
        assert!(refused.get(*reason).is_some_and(|it| *it > 0), "{transport}, {reason}: {refused:?}");
    }
    let sockets = place.result("out/result.json").sockets.expect("it went over sockets");
    assert_eq!((sockets.peers_outside, sockets.messages_outside), (0, 0), "{transport}");
}

/// A peer that belongs to the network does not start what starts by itself, and sends no model that nobody wants.
#[test]
fn a_peer_neither_starts_a_run_that_starts_by_itself_nor_slips_it_a_model() {
    let (place, child, at) = open("grpc", SOMEBODY);
    let (quiet, alone, _) = open("grpc", SOMEBODY);
    let mut hash = 0;
    let ended = say("grpc", child, &at, || {
        hash += 1;
        let start = gossip(SOMEBODY, "start_learning", hash, &["0", "1", "4", "x"]);
        let models = (0..2).map(|round| message(SOMEBODY, "add_model", round, model(1.0)));
        // Far more than a model of this network can weigh, and nothing in it.
        let heavy = Weights { weights: vec![0; 8 << 20].into(), contributors: Vec::new(), num_samples: 1 };
        let heavy = message(SOMEBODY, "add_model", 0, PayloadType::Weights(heavy));
        std::iter::once(start).chain(models).chain([heavy]).collect()
    });
    let refused = undisturbed(&place, &ended);
    for reason in ["start", "unasked", "oversized"] {
        assert!(refused.get(reason).is_some_and(|it| *it > 0), "{reason}: {refused:?}");
    }
    let sockets = place.result("out/result.json").sockets.expect("it went over sockets");
    assert!(sockets.peers_outside == 1 && sockets.messages_outside > 0, "{sockets:?}");
    undisturbed(&quiet, &alone.wait_with_output().unwrap());
    takes_little_more(&place, &quiet, MODEL);
}

#[test]
fn a_run_that_a_peer_outside_stops_has_not_completed() {
    let (place, child, at) = open("grpc", SOMEBODY);
    let mut hash = 0;
    let ended = say("grpc", child, &at, || {
        hash += 1;
        vec![gossip(SOMEBODY, "stop_learning", hash, &[])]
    });
    assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
    let result: RunResult = place.result("out/result.json");
    assert_eq!((result.outcome, result.nodes.finished), (Outcome::Stopped, 0), "{:?}", result.reason);
    assert!(String::from_utf8_lossy(&ended.stderr).contains("told to stop by a peer outside"));
}

#[test]
fn a_model_that_is_no_number_is_refused_from_outside() {
    let (place, child, at) = open("grpc", SOMEBODY);
    let nan = |round| message(SOMEBODY, "add_model", round, model(f32::NAN));
    let ended = say("grpc", child, &at, || vec![nan(0), nan(1)]);
    let refused = undisturbed(&place, &ended);
    assert!(refused.get("unread").is_some_and(|it| *it > 0), "{refused:?}");
}
