//! Clients that nobody here wrote: HTTP/1.1 over a bare socket, as curl, scripts and proxies send it.

use super::node;
use crate::raw::{connect, read_to_end};
use crate::rig::{Rig, SOON, until};
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::socket::{Call, Limits, Refusal};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Reads one answer, whose length is told.
pub async fn read_answer(socket: &mut TcpStream) -> Answer {
    let reading = async {
        let mut all = Vec::new();
        let end = loop {
            if let Some(at) = all.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(socket.read_buf(&mut all).await.unwrap() > 0, "it hung up: {all:?}");
        };
        let head = String::from_utf8(all[..end].to_vec()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |it| it.parse().unwrap());
        while all.len() < end + length {
            assert!(socket.read_buf(&mut all).await.unwrap() > 0, "it hung up: {all:?}");
        }
        assert_eq!(all.len(), end + length, "nothing comes behind");
        Answer { status: head[9..12].parse().unwrap(), head, body: all[end..].to_vec() }
    };
    tokio::time::timeout(SOON, reading).await.expect("it answers")
}

/// Says something on a connection of its own.
pub async fn says(rig: &Rig, text: &str) -> Answer {
    let mut socket = connect(&rig.at).await;
    socket.write_all(text.as_bytes()).await.unwrap();
    read_answer(&mut socket).await
}

/// A request with JSON, and nothing in its head that need not be there.
pub fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const BEAT: &str = r#"{"source":"127.0.0.1:9","round":-1,"cmd":"beat","gossipMessage":{"ttl":10,"hash":"1","args":["1.5"]}}"#;

#[tokio::test]
async fn a_request_without_any_frills_is_a_call() {
    let rig = node(Protocol::Http, Limits::default());
    let answer = says(&rig, &post("/v1/messages", BEAT)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({})));
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    let answer = says(&rig, &post("/v1/messages", &BEAT.replace("beat", "true"))).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "response": "true" })));
    let answer = says(&rig, &post("/v1/messages", &BEAT.replace("beat", "fail"))).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "error": "Unknown command: fail" })));
    let answer = says(&rig, &post("/v1/handshake", r#"{"addr":"127.0.0.1:9"}"#)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({})));
    assert_eq!(rig.node.calls.lock().unwrap()[3], Call::Handshake("127.0.0.1:9".into()));
}

#[tokio::test]
async fn a_connection_is_kept_for_more_requests_and_closed_when_it_is_asked_for() {
    let rig = node(Protocol::Http, Limits::default());
    let mut socket = connect(&rig.at).await;
    for _ in 0..3 {
        socket.write_all(post("/v1/messages", BEAT).as_bytes()).await.unwrap();
        assert_eq!(read_answer(&mut socket).await.status, 200);
    }
    let last = post("/v1/messages", BEAT).replace("Host: a", "Host: a\r\nConnection: close");
    socket.write_all(last.as_bytes()).await.unwrap();
    let rest = String::from_utf8(read_to_end(&mut socket).await).unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK"), "{rest}");
    assert_eq!(rig.node.commands().len(), 4);
    assert_eq!(rig.traffic.snapshot().accepted, 1);
}

#[tokio::test]
async fn requests_that_come_before_they_are_asked_for_are_answered_in_turn() {
    let rig = node(Protocol::Http, Limits::default());
    let mut socket = connect(&rig.at).await;
    let two = [
        post("/v1/messages", &BEAT.replace("beat", "true")),
        post("/v1/messages", BEAT).replace("Host: a", "Host: a\r\nConnection: close"),
    ];
    socket.write_all(two.concat().as_bytes()).await.unwrap();
    let answers = String::from_utf8(read_to_end(&mut socket).await).unwrap();
    let (first, second) = (answers.find(r#"{"response":"true"}"#), answers.rfind("{}"));
    assert!(first.is_some() && first < second, "{answers}");
    assert_eq!(rig.node.commands(), ["true", "beat"]);
}

#[tokio::test]
async fn a_body_in_chunks_is_a_body() {
    let rig = node(Protocol::Http, Limits::default());
    let head = "POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut socket = connect(&rig.at).await;
    socket.write_all(head.as_bytes()).await.unwrap();
    for chunk in BEAT.as_bytes().chunks(7) {
        let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        socket.write_all(&framed).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    socket.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(read_answer(&mut socket).await.status, 200);
    assert_eq!(rig.node.commands(), ["beat"]);
}

#[tokio::test]
async fn who_asks_before_it_writes_is_told_to_go_on_or_why_not() {
    let rig = node(Protocol::Http, Limits::new(1_000_000, 4));
    let expecting = |length: usize| {
        format!(
            "POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    let mut socket = connect(&rig.at).await;
    socket.write_all(expecting(BEAT.len()).as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    socket.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(BEAT.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut socket).await.status, 200);
    let mut socket = connect(&rig.at).await;
    socket.write_all(expecting(4_000_000).as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut socket).await.status, 413);
    assert_eq!(rig.node.commands(), ["beat"]);
}

#[tokio::test]
async fn a_browser_or_a_monitor_may_look_around() {
    let rig = node(Protocol::Http, Limits::default());
    let answer = says(&rig, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(answer.status, 204);
    let answer = says(&rig, "OPTIONS /v1/messages HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(answer.status, 204);
    assert!(answer.head.contains("allow: options, post"), "{}", answer.head);
    assert!(answer.head.contains("keep-alive: timeout=600"), "{}", answer.head);
    let answer = says(&rig, "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(answer.json()["openapi"], "3.1.0");
    assert_eq!(rig.traffic.snapshot().refused.len(), 0);
}

/// Asks, and says as what the refusal was counted.
async fn refused(text: &str, status: u16, why: Option<Refusal>) -> Value {
    let rig = node(Protocol::Http, Limits::new(100_000, 4));
    let answer = says(&rig, text).await;
    assert_eq!(answer.status, status, "{text:?}: {}", answer.head);
    if let Some(why) = why {
        rig.until_refused(why).await;
    }
    assert!(rig.node.commands().is_empty());
    rig.goes_on().await;
    if answer.body.is_empty() {
        return Value::Null;
    }
    assert!(answer.head.contains("content-type: application/problem+json"), "{}", answer.head);
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    problem
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong() {
    let problem =
        refused(&post("/v1/messages", "{\"cmd\":\n \"beat\",}"), 400, Some(Refusal::Malformed)).await;
    assert_eq!(problem["title"], "Bad Request");
    assert!(problem["detail"].as_str().unwrap().contains("line 2 column"), "{problem}");
    let problem = refused(&post("/v1/message", BEAT), 404, Some(Refusal::Method)).await;
    assert!(problem["detail"].as_str().unwrap().contains("/v1/messages"), "{problem}");
    refused("GET /v1/messages HTTP/1.1\r\nHost: a\r\n\r\n", 405, Some(Refusal::Method)).await;
    let form = post("/v1/messages", BEAT).replace("application/json", "application/x-www-form-urlencoded");
    refused(&form, 415, Some(Refusal::Protocol)).await;
    let compressed = post("/v1/messages", BEAT).replace("Host: a", "Host: a\r\nContent-Encoding: gzip");
    refused(&compressed, 415, Some(Refusal::Protocol)).await;
    let large = format!("{{\"weights\":{{\"weights\":\"{}\"}}}}", "A".repeat(140_000));
    refused(&post("/v1/messages", &large), 413, Some(Refusal::Oversized)).await;
    let larger = format!("{{\"weights\":{{\"weights\":\"{}\"}}}}", "A".repeat(9_000_000));
    refused(&post("/v1/messages", &larger), 413, Some(Refusal::Oversized)).await;
    // All that is taken of a head, and no end of it.
    let head = format!("{:x<16384}", "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    refused(&head, 431, Some(Refusal::Protocol)).await;
    let chunks = post("/v1/messages", "zz\r\n").replace("Content-Length: 4", "Transfer-Encoding: chunked");
    refused(&chunks, 400, Some(Refusal::Protocol)).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_has_given_up() {
    let rig = node(Protocol::Http, Limits::default());
    let mut socket = connect(&rig.at).await;
    socket.write_all(post("/v1/messages", &BEAT.replace("beat", "hold")).as_bytes()).await.unwrap();
    until(|| !rig.node.held.lock().unwrap().is_empty()).await;
    drop(socket);
    until(|| rig.node.held.lock().unwrap()[0].is_abandoned()).await;
    assert!(rig.traffic.snapshot().refused.is_empty(), "nobody is to blame for that");
}
