//! Peers that do not behave: each is refused and counted, and the node goes on.

use super::plain::{post, read_answer};
use super::{VERSIONS, node};
use crate::raw::{PREFACE, SETTINGS, connect, frame, headers, read_to_end, write_until_refused};
use crate::rig::{Rig, SOON, message, until};
use p2pfl_sim::transport::socket::{CallError, Limits, Redial, Refusal, Security, Traffic, Unfinished};
use p2pfl_sim::transport::{Endpoint, Protocol};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

const SHORT: Duration = Duration::from_millis(200);
const PATH: &str = "/v1/messages";

fn impatient() -> Limits {
    Limits { greeting: SHORT, receiving: SHORT, ..Limits::new(1_000_000, 64) }
}

fn claiming(length: usize) -> String {
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// HTTP/2 with one call that has begun: headers as those of a call, but for the type.
fn begun() -> Vec<u8> {
    let mut block = headers(PATH, &[]);
    let grpc = b"application/grpc";
    let at = block.windows(grpc.len()).position(|it| it == grpc).unwrap();
    assert_eq!(grpc.len(), b"application/json".len());
    block[at..at + grpc.len()].copy_from_slice(b"application/json");
    block
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_hung_up_on() {
    for (version, said) in [
        (Protocol::Http, &b""[..]),
        (Protocol::Http, b"POST /v1/messages HTTP/1.1\r\nHost:"),
        (Protocol::Http2, b""),
        (Protocol::Http2, &PREFACE[..10]),
        (Protocol::Http2, PREFACE),
    ] {
        let rig = node(version, impatient());
        let mut socket = connect(&rig.at).await;
        socket.write_all(said).await.unwrap();
        read_to_end(&mut socket).await;
        rig.until_refused(Refusal::Silent).await;
        rig.goes_on().await;
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_has_no_longer_than_any_other() {
    let rig = node(Protocol::Http, impatient());
    let mut socket = connect(&rig.at).await;
    socket.write_all(b"POST /v1/messages HTTP/1.1\r\nX: ").await.unwrap();
    while socket.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    rig.until_refused(Refusal::Silent).await;
    rig.goes_on().await;
}

#[tokio::test]
async fn what_is_not_http_is_hung_up_on() {
    let tls_hello = [&[22u8, 3, 1, 0, 200, 1][..], &[7; 200]].concat();
    let http1 = post(PATH, "{}").into_bytes();
    for (version, said) in [
        (Protocol::Http, tls_hello.clone()),
        (Protocol::Http, vec![0; 300]),
        (Protocol::Http, [PREFACE, SETTINGS].concat()),
        (Protocol::Http, b"POST /v1/messages\r\n\r\n".to_vec()),
        (
            Protocol::Http,
            b"POST /v1/messages HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_vec(),
        ),
        (Protocol::Http, b"POST /v1/messages HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec()),
        (Protocol::Http2, tls_hello),
        (Protocol::Http2, vec![0; 300]),
        (Protocol::Http2, http1),
        (Protocol::Http2, [PREFACE, SETTINGS, &frame(0, 0, 1, b"data before headers")].concat()),
        (Protocol::Http2, [PREFACE, SETTINGS, &frame(4, 0, 0, b"odd")].concat()),
    ] {
        let rig = node(version, Limits::default());
        let mut socket = connect(&rig.at).await;
        socket.write_all(&said).await.unwrap();
        read_to_end(&mut socket).await;
        rig.until_refused(Refusal::Protocol).await;
        assert!(rig.node.commands().is_empty());
        rig.goes_on().await;
    }
}

#[tokio::test]
async fn garbage_behind_a_request_does_not_reach_the_node() {
    let rig = node(Protocol::Http, Limits::default());
    let mut socket = connect(&rig.at).await;
    let said = [post(PATH, r#"{"cmd":"beat"}"#).as_bytes(), b"\0\0garbage garbage garbage\r\n\r\n"].concat();
    socket.write_all(&said).await.unwrap();
    let answers = String::from_utf8(read_to_end(&mut socket).await).unwrap();
    assert!(answers.starts_with("HTTP/1.1 200"), "{answers}");
    rig.until_refused(Refusal::Protocol).await;
    assert_eq!(rig.node.commands(), ["beat"]);
    rig.goes_on().await;
}

#[tokio::test]
async fn a_request_that_never_ends_is_refused() {
    let rig = node(Protocol::Http, impatient());
    let mut socket = connect(&rig.at).await;
    socket.write_all(claiming(200).as_bytes()).await.unwrap();
    socket.write_all(b"{").await.unwrap();
    assert_eq!(read_answer(&mut socket).await.status, 408);
    assert_eq!(rig.refused(Refusal::Slow), 1);
    // One that trickles has no longer.
    let mut socket = connect(&rig.at).await;
    socket.write_all(claiming(1_000).as_bytes()).await.unwrap();
    while socket.write_all(b" ").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(rig.refused(Refusal::Slow), 2);
    rig.goes_on().await;
    let rig = node(Protocol::Http2, impatient());
    let mut socket = connect(&rig.at).await;
    let said = [PREFACE, SETTINGS, &frame(1, 4, 1, &begun()), &frame(0, 0, 1, b"{")].concat();
    socket.write_all(&said).await.unwrap();
    rig.until_refused(Refusal::Slow).await;
    rig.goes_on().await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_hung_up_on_however_many_requests_came_before() {
    let rig = node(Protocol::Http, impatient());
    let mut socket = connect(&rig.at).await;
    for _ in 0..3 {
        socket.write_all(post(PATH, r#"{"cmd":"beat"}"#).as_bytes()).await.unwrap();
        assert_eq!(read_answer(&mut socket).await.status, 200);
        // Whoever asks for nothing is left in peace meanwhile.
        tokio::time::sleep(2 * SHORT).await;
    }
    assert_eq!(rig.refused(Refusal::Slow), 0);
    for byte in b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n".iter().cycle() {
        if socket.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(rig.refused(Refusal::Slow), 1);
    rig.goes_on().await;
}

#[tokio::test]
async fn a_claim_of_too_many_bytes_is_refused_before_they_come() {
    let rig = node(Protocol::Http, Limits::new(1_000_000, 64));
    for claimed in [2_000_000, 1 << 40] {
        let mut socket = connect(&rig.at).await;
        socket.write_all(claiming(claimed).as_bytes()).await.unwrap();
        assert_eq!(read_answer(&mut socket).await.status, 413);
        read_to_end(&mut socket).await;
    }
    assert_eq!(rig.refused(Refusal::Oversized), 2);
    rig.goes_on().await;
}

#[tokio::test]
async fn chunks_without_end_are_refused_at_the_limit() {
    let rig = node(Protocol::Http, Limits { held: Unfinished::up_to(1_000_000), ..Limits::new(100_000, 64) });
    let mut socket = connect(&rig.at).await;
    let head = claiming(0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    socket.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"1000\r\n", &[b' '; 4_096][..], b"\r\n"].concat();
    for _ in 0..60 {
        socket.write_all(&chunk).await.unwrap();
    }
    assert_eq!(read_answer(&mut socket).await.status, 413);
    assert_eq!(rig.refused(Refusal::Oversized), 1);
    rig.goes_on().await;
}

#[tokio::test]
async fn unfinished_requests_hold_no_more_than_is_allowed_and_make_room() {
    let rig = node(Protocol::Http, Limits { held: Unfinished::up_to(100_000), ..Limits::new(90_000, 64) });
    let mut unfinished = Vec::new();
    for _ in 0..2 {
        let mut socket = connect(&rig.at).await;
        let before = rig.traffic.snapshot().read;
        socket.write_all(claiming(90_000).as_bytes()).await.unwrap();
        socket.write_all(&[b' '; 40_000]).await.unwrap();
        until(|| rig.traffic.snapshot().read > before + 40_000).await;
        unfinished.push(socket);
    }
    let mut third = connect(&rig.at).await;
    third.write_all(claiming(90_000).as_bytes()).await.unwrap();
    third.write_all(&[b' '; 40_000]).await.unwrap();
    // Who has stopped half way for the longest makes room.
    assert_eq!(read_answer(&mut unfinished[0]).await.status, 429);
    assert_eq!(rig.refused(Refusal::Held), 1);
    // And so they do for whoever says what it has to say.
    rig.channel().send(message("beat", 60_000), SOON).await.unwrap();
    assert_eq!(read_answer(&mut unfinished[1]).await.status, 429);
}

#[tokio::test]
async fn more_connections_than_a_node_takes_are_hung_up_on() {
    let rig = node(Protocol::Http, Limits { connections: 3, ..Limits::default() });
    let mut taken = Vec::new();
    for _ in 0..3 {
        let channel = rig.channel();
        channel.open(SOON).await.unwrap();
        taken.push(channel);
    }
    for _ in 0..5 {
        let mut socket = connect(&rig.at).await;
        read_to_end(&mut socket).await;
    }
    assert_eq!(rig.refused(Refusal::Connections), 5);
    assert!(taken[0].send(message("beat", 10), SOON).await.is_ok());
    // Who leaves makes room.
    taken.pop();
    let mut came = rig.channel().open(SOON).await;
    while came.is_err() {
        came = rig.channel().open(SOON).await;
    }
}

#[tokio::test]
async fn floods_of_http2_are_hung_up_on() {
    let block = begun();
    let cancelled = |i: u32| {
        let stream = 2 * i + 1;
        [frame(1, 4, stream, &block), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
    };
    let rig = node(Protocol::Http2, Limits::default());
    let mut socket = connect(&rig.at).await;
    socket.write_all(&[PREFACE, SETTINGS].concat()).await.unwrap();
    write_until_refused(&mut socket, cancelled).await;
    rig.until_refused(Refusal::Flood).await;
    rig.goes_on().await;
    let rig = node(Protocol::Http2, Limits::default());
    let mut socket = connect(&rig.at).await;
    socket.write_all(&[PREFACE, SETTINGS, &frame(1, 4, 1, &block)].concat()).await.unwrap();
    write_until_refused(&mut socket, |_| frame(0, 0, 1, b"")).await;
    rig.until_refused(Refusal::Flood).await;
    rig.goes_on().await;
}

#[tokio::test]
async fn a_peer_that_never_reads_gets_no_more_than_the_backlog() {
    for version in VERSIONS {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string().parse().unwrap();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                kept.push(socket);
            }
        });
        let limits = Limits { backlog: 3_000_000, greeting: Duration::from_secs(5), ..Limits::default() };
        let traffic = Arc::new(Traffic::default());
        let channel = Endpoint::new(version, &Security::Plain, limits, traffic).channel(at, Redial::Never);
        let calls = (0..10).map(|_| channel.send(message("beat", 1_000_000), SHORT));
        let ended = futures_util::future::join_all(calls).await;
        let refused = ended.iter().filter(|it| matches!(it, Err(CallError::Backlog { .. }))).count();
        let late = ended.iter().filter(|it| matches!(it, Err(CallError::Timeout(_)))).count();
        assert_eq!((refused, late), (8, 2), "{ended:?}");
    }
}

fn encrypted(version: Protocol) -> Rig {
    let security = Security::generate(false, &[]).unwrap();
    Rig::speaking(version, "127.0.0.1:0".parse().unwrap(), Limits::default(), security)
}

#[tokio::test]
async fn plaintext_on_a_tls_port_and_the_other_way_round_are_hung_up_on() {
    for version in VERSIONS {
        let rig = encrypted(version);
        let open = |security: &Security, rig: &Rig| {
            let endpoint = Endpoint::new(version, security, Limits::default(), Arc::clone(&rig.traffic));
            let channel = endpoint.channel(rig.at.clone(), Redial::Never);
            async move { channel.open(SOON).await.unwrap_err() }
        };
        let error = open(&Security::Plain, &rig).await;
        assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
        rig.until_refused(Refusal::Tls).await;
        let rig = node(version, Limits::default());
        let error = open(&Security::generate(false, &[]).unwrap(), &rig).await;
        assert!(error.to_string().contains("TLS"), "{error}");
        rig.until_refused(Refusal::Protocol).await;
        rig.goes_on().await;
    }
}
