//! Whether the description of the interface is true: what is sent and answered is as it says, and each status that it
//! names occurs.

use super::node;
use super::plain::{Answer, post, read_answer, says};
use crate::raw::connect;
use crate::rig::SOON;
use jsonschema::Validator;
use p2pfl_sim::transport::http::openapi;
use p2pfl_sim::transport::socket::{
    Body, Call, Caller, Host, Limits, Listener, Redial, Reply, Security, Traffic, Unfinished,
};
use p2pfl_sim::transport::{Endpoint, Protocol};
use p2pfl_sim::wire::proto::{self, root_message::PayloadType};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn description() -> Value {
    serde_json::from_str(&openapi::text()).unwrap()
}

/// What content of a description's operation has to be like.
fn validator(content: &Value) -> Validator {
    let mut schema = content["schema"].clone();
    schema["components"] = description()["components"].clone();
    jsonschema::validator_for(&schema).unwrap()
}

/// A request as it came over HTTP/1.1, its path and its content.
async fn request(socket: &mut tokio::net::TcpStream) -> Option<(String, String, Vec<u8>)> {
    let mut all = Vec::new();
    let end = loop {
        if let Some(at) = all.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(&mut all).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(all[..end].to_vec()).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |it| it.parse().unwrap());
    while all.len() < end + length {
        socket.read_buf(&mut all).await.unwrap();
    }
    let path = head.split(' ').nth(1).unwrap().to_owned();
    Some((path, head, all[end..].to_vec()))
}

#[tokio::test]
async fn every_request_is_as_described() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string().parse().unwrap();
    let (came, mut requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        while let Some((path, head, body)) = request(&mut socket).await {
            let answer: &[u8] = match head.starts_with("options") {
                true => b"HTTP/1.1 204 No Content\r\n\r\n",
                false => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            };
            came.send((path, head, body)).unwrap();
            socket.write_all(answer).await.unwrap();
        }
    });
    let endpoint =
        Endpoint::new(Protocol::Http, &Security::Plain, Limits::default(), Arc::new(Traffic::default()));
    let channel = endpoint.channel(at, Redial::Never);
    channel.handshake("127.0.0.1:7", SOON).await.unwrap();
    channel.disconnect("127.0.0.1:7", SOON).await.unwrap();
    let gossip = proto::GossipMessage { ttl: 1, hash: -5, args: vec!["a".into()] };
    let weights =
        proto::Weights { weights: vec![1; 200_000].into(), contributors: vec!["a".into()], num_samples: 3 };
    let payloads = [
        None,
        Some(PayloadType::GossipMessage(gossip)),
        Some(PayloadType::DirectMessage(proto::DirectMessage { args: vec!["a".into()] })),
        Some(PayloadType::Weights(weights)),
        Some(PayloadType::Weights(proto::Weights::default())),
    ];
    for payload_type in payloads {
        let message =
            proto::RootMessage { source: "a".into(), round: Some(-1), cmd: "beat".into(), payload_type };
        channel.send(Body::Message(Arc::new(message)), Duration::from_millis(59_500)).await.unwrap();
    }
    drop(channel);
    let described = description();
    let mut paths = Vec::new();
    while let Some((path, head, body)) = requests.recv().await {
        let item = &described["paths"][&path];
        if head.starts_with("options") {
            assert!(item["options"].is_object(), "{head}");
            continue;
        }
        let content = &item["post"]["requestBody"]["content"]["application/json"];
        let body: Value = serde_json::from_slice(&body).unwrap();
        validator(content).validate(&body).unwrap_or_else(|error| panic!("{path}: {error}\n{body:#}"));
        let waits = item["post"]["parameters"].is_array();
        assert_eq!(head.contains("\r\nprefer: wait=60\r\n"), waits, "{head}");
        paths.push(path);
    }
    assert_eq!(paths[..2], ["/v1/handshake", "/v1/disconnect"]);
    assert_eq!(paths[2..], ["/v1/messages"; 5]);
}

/// All statuses that an answer to this path may have, as far as they can be brought about.
async fn answers(path: &str, body: &str) -> Vec<Answer> {
    let impatient = Limits { receiving: Duration::from_millis(50), ..Limits::new(1_000, 4) };
    let rig = node(Protocol::Http, impatient);
    let valid = post(path, body);
    let mut answers = vec![
        says(&rig, &valid).await,
        says(&rig, &post(path, "{")).await,
        says(&rig, &valid.replace("Content-Length: ", "Content-Length: 1")).await,
        says(&rig, &post(path, &" ".repeat(100_000))).await,
        says(&rig, &valid.replace("application/json", "text/plain")).await,
        says(&rig, &format!("OPTIONS {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await,
    ];
    let rig = node(Protocol::Http, Limits { held: Unfinished::up_to(5), ..Limits::default() });
    answers.push(says(&rig, &valid).await);
    answers
}

/// A node that answers nobody.
struct Deaf;

impl Host for Deaf {
    fn take(&self, _: &Caller, _: Call, _: Reply) {}
}

/// Asks a node that does not answer.
async fn unanswered(path: &str, body: &str) -> Answer {
    let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let at = listener.address().clone();
    let endpoint =
        Endpoint::new(Protocol::Http, &Security::Plain, Limits::default(), Arc::new(Traffic::default()));
    let _server = endpoint.serve(listener, Arc::new(Deaf)).unwrap();
    let mut socket = connect(&at).await;
    socket.write_all(post(path, body).as_bytes()).await.unwrap();
    read_answer(&mut socket).await
}

#[tokio::test]
async fn each_status_that_is_described_occurs_and_no_other() {
    let described = description();
    let address = r#"{"addr":"127.0.0.1:9"}"#;
    for (path, body) in [
        ("/v1/handshake", address),
        ("/v1/disconnect", address),
        ("/v1/messages", r#"{"cmd":"true","directMessage":{}}"#),
    ] {
        let mut answers = answers(path, body).await;
        answers.push(unanswered(path, body).await);
        let item = &described["paths"][path];
        let named = |method: &str| item[method]["responses"].as_object().unwrap().clone();
        let mut expected: BTreeSet<String> = named("post").keys().cloned().collect();
        expected.extend(named("options").keys().cloned());
        let occurred: BTreeSet<String> = answers.iter().map(|it| it.status.to_string()).collect();
        assert_eq!(occurred, expected, "{path}");
        for answer in &answers {
            let response = &item["post"]["responses"][answer.status.to_string()];
            let kind = answer.head.lines().find_map(|line| line.strip_prefix("content-type: "));
            let Some(kind) = kind else {
                assert_eq!(answer.status, 204);
                continue;
            };
            let content = &response["content"][kind];
            assert!(content.is_object(), "{}: {kind}", answer.status);
            validator(content).validate(&answer.json()).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }
}

#[tokio::test]
async fn the_description_is_served_as_it_is_kept() {
    let rig = node(Protocol::Http, Limits::default());
    let answer = says(&rig, "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((answer.status, answer.json()), (200, description()));
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json")).unwrap();
    assert_eq!(kept, openapi::text());
    assert_eq!(description()["paths"]["/v1/messages"]["post"]["operationId"], json!("send"));
}
