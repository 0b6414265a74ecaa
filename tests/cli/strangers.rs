//! Who may take part in a run over sockets. One that joins nobody is among itself: whoever else reaches its ports is hung up
//! on before a word of it is heard, and counted. In one that is open to peers outside, the result says what they did to it.

use crate::program::{Place, balanced, p2pfl};
use bytes::Bytes;
use p2pfl_sim::learning::{Layout, Model};
use p2pfl_sim::metrics::result::{Outcome, RunResult};
use p2pfl_sim::wire::proto::root_message::PayloadType;
use p2pfl_sim::wire::proto::{GossipMessage, RootMessage, Weights};
use p2pfl_sim::wire::weights;
use prost::Message as _;
use serde_json::json;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
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

enum Door {
    Tcp(SocketAddr),
    Unix(PathBuf),
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
    let mut child = place
        .command(&["run", "FILE", "--out", "out", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
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

/// A client of gRPC that is not ours: frames of HTTP/2, and in them a message.
async fn send(at: SocketAddr, message: &RootMessage) -> Result<(), Box<dyn std::error::Error>> {
    let stream = tokio::net::TcpStream::connect(at).await?;
    let (mut client, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let request = http::Request::post("http://localhost/node.NodeServices/send")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(())?;
    let (answer, mut body) = client.send_request(request, false)?;
    let mut framed = vec![0];
    framed.extend((message.encoded_len() as u32).to_be_bytes());
    message.encode(&mut framed)?;
    body.send_data(Bytes::from(framed), true)?;
    answer.await?;
    Ok(())
}

/// An open run: a peer outside is waited for that never comes, and learning goes on for long enough to be meddled with.
fn open() -> (Place, Child, Vec<SocketAddr>) {
    let mut scenario = p2pfl(
        4,
        json!({ "kind": "full" }),
        json!({
            "transport": "grpc", "speedup": 1, "workflow": { "rounds": 2 },
            "grpc": { "join": ["127.0.0.1:9"], "join_optional": true },
            "limits": { "time": "600s" },
        }),
    );
    scenario["learning"] = json!({ "learning_rate": 1.0, "batch_size": 4 });
    let place = Place::with(&scenario);
    let mut child = place
        .command(&["run", "FILE", "--out", "out", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let tcp = |door| match door {
        Door::Tcp(at) => Some(at),
        Door::Unix(_) => None,
    };
    loop {
        let at: Vec<SocketAddr> = doors(&child).into_iter().filter_map(tcp).collect();
        if at.len() == 4 {
            return (place, child, at);
        }
        assert!(!over(&mut child), "it ended before it listened");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says all of this to every node over and over, until the run is done.
fn say(mut child: Child, at: &[SocketAddr], mut messages: impl FnMut() -> Vec<RootMessage>) -> Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    while !over(&mut child) {
        runtime.block_on(async {
            for message in messages() {
                for &at in at {
                    // It may be over by now.
                    let _ = tokio::time::timeout(Duration::from_secs(2), send(at, &message)).await;
                }
            }
        });
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

fn message(command: &str, round: i32, payload: PayloadType) -> RootMessage {
    RootMessage {
        source: "127.0.0.1:9".into(),
        round: Some(round),
        cmd: command.into(),
        payload_type: Some(payload),
    }
}

#[test]
fn a_run_that_a_peer_outside_stops_has_not_completed() {
    let (place, child, at) = open();
    let mut hash = 0;
    let ended = say(child, &at, || {
        hash += 1;
        let stop = GossipMessage { ttl: 3, hash, args: Vec::new() };
        vec![message("stop_learning", -1, PayloadType::GossipMessage(stop))]
    });
    assert_eq!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
    let result: RunResult = place.result("out/result.json");
    assert_eq!((result.outcome, result.nodes.finished), (Outcome::Stopped, 0), "{:?}", result.reason);
    assert!(String::from_utf8_lossy(&ended.stderr).contains("told to stop by a peer outside"));
}

#[test]
fn a_model_that_is_no_number_is_refused_from_outside() {
    let (place, child, at) = open();
    let layout = Arc::new(Layout::new([vec![64, 10], vec![10]]));
    let model = weights::encode_model(&Model::new(layout, vec![f32::NAN; 650]));
    let ended = say(child, &at, || {
        let nan = |round| {
            let it = Weights { weights: model.clone(), contributors: Vec::new(), num_samples: 1 };
            message("add_model", round, PayloadType::Weights(it))
        };
        vec![nan(0), nan(1)]
    });
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    let result: RunResult = place.result("out/result.json");
    assert_eq!((result.outcome, result.nodes.finished), (Outcome::Completed, 4));
    assert!(result.r#final.accuracy.is_some_and(|it| it.mean > 0.5), "{:?}", result.r#final);
    let refused = &result.sockets.as_ref().expect("it went over sockets").refused;
    assert!(refused.get("unread").is_some_and(|it| *it > 0), "{refused:?}");
}
