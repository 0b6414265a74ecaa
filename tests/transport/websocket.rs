//! What only a WebSocket can be sent wrong.

use crate::rig::{Carrier, Kind, Rig, SOON, message, until};
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::exchange::proto::{Request, request};
use p2pfl_sim::transport::socket::{CallError, Limits, Redial, Refusal, Unfinished};
use p2pfl_sim::wire::proto::HandShakeRequest;
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const WEBSOCKET: Kind = Kind { protocol: Protocol::WebSocket, carrier: Carrier::Tcp };
const SHORT: Duration = Duration::from_millis(50);

/// First bytes of frames: whole ones, and parts.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const BEGINNING: u8 = 0x02;
const MIDDLE: u8 = 0x00;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// A request for a WebSocket.
fn upgrade(path: &str, subprotocol: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n"
    )
}

async fn connect(rig: &Rig) -> TcpStream {
    TcpStream::connect(rig.at.to_string()).await.unwrap()
}

/// A WebSocket without any manners: from here on bytes are frames.
async fn open(rig: &Rig) -> TcpStream {
    let mut socket = connect(rig).await;
    socket.write_all(upgrade("/p2pfl", "p2pfl.exchange.v1").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    socket
}

/// A frame with a mask that changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn handshake(sequence: u64) -> Vec<u8> {
    let call = Some(request::Call::Handshake(HandShakeRequest { addr: "127.0.0.1:7".into() }));
    Request { sequence, deadline_ms: 0, call }.encode_to_vec()
}

async fn read_to_end(socket: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let _ = tokio::time::timeout(SOON, socket.read_to_end(&mut said)).await.expect("it hangs up");
    said
}

/// The reason for which the node closes the connection.
async fn closed(socket: &mut TcpStream) -> u16 {
    let said = read_to_end(socket).await;
    let mut rest = &said[..];
    while let [first, length, payload @ ..] = rest {
        if *first == 0x88 {
            return u16::from_be_bytes([payload[0], payload[1]]);
        }
        rest = &payload[usize::from(*length)..];
    }
    panic!("it says no reason: {said:?}");
}

#[tokio::test]
async fn a_request_that_asks_for_something_else_is_refused() {
    let plain = "GET /p2pfl HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned();
    for (asked, said, why) in [
        (plain, "", Refusal::Protocol),
        (upgrade("/other", "p2pfl.exchange.v1"), "HTTP/1.1 404 ", Refusal::Method),
        (upgrade("/p2pfl", "chat"), "HTTP/1.1 400 ", Refusal::Protocol),
    ] {
        let rig = Rig::of(WEBSOCKET, Limits::default());
        let mut socket = connect(&rig).await;
        socket.write_all(asked.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut socket).await;
        assert!(String::from_utf8_lossy(&answer).starts_with(said), "{}", String::from_utf8_lossy(&answer));
        rig.until_refused(why).await;
        rig.goes_on().await;
    }
}

#[tokio::test]
async fn frames_that_make_no_sense_end_the_connection_with_the_reason() {
    let mut unmasked = frame(BINARY, &handshake(1));
    unmasked[1] &= 0x7f;
    let endless = [&[BINARY, 0xff][..], &[0x7f; 8], &[0; 4]].concat();
    let large = [frame(BEGINNING, &[7; 16_000]), frame(MIDDLE, &[7; 16_000])].concat();
    for (said, code, why) in [
        (unmasked, 1002, Refusal::Protocol),
        (frame(BINARY | 0x40, b"a reserved bit"), 1002, Refusal::Protocol),
        (frame(0x83, b"an unknown kind"), 1002, Refusal::Protocol),
        (frame(MIDDLE, b"the middle of nothing"), 1002, Refusal::Protocol),
        (frame(0x09, b"half a ping"), 1002, Refusal::Protocol),
        (frame(TEXT, b"hello"), 1003, Refusal::Malformed),
        (frame(TEXT, b"\xff\xff"), 1007, Refusal::Malformed),
        (frame(BINARY, b"\xff\xff"), 1007, Refusal::Malformed),
        (frame(BINARY, b""), 1007, Refusal::Malformed),
        (endless, 1009, Refusal::Oversized),
        (frame(BINARY, &[7; 17_000]), 1009, Refusal::Oversized),
        (large, 1009, Refusal::Oversized),
    ] {
        let rig = Rig::of(WEBSOCKET, Limits::new(20_000, 64));
        let mut socket = open(&rig).await;
        socket.write_all(&said).await.unwrap();
        assert_eq!(closed(&mut socket).await, code, "{:?}", &said[..said.len().min(30)]);
        rig.until_refused(why).await;
        assert!(rig.node.commands().is_empty());
        rig.goes_on().await;
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_refused_however_alive_its_sender_is() {
    let rig = Rig::of(WEBSOCKET, Limits { receiving: 4 * SHORT, ..Limits::default() });
    let mut socket = open(&rig).await;
    socket.write_all(&frame(BEGINNING, b"the beginning")).await.unwrap();
    let (mut reading, mut writing) = socket.into_split();
    let pings = tokio::spawn(async move {
        while writing.write_all(&frame(PING, b"here I am")).await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let mut said = Vec::new();
    let _ = tokio::time::timeout(SOON, reading.read_to_end(&mut said)).await.expect("it hangs up");
    rig.until_refused(Refusal::Slow).await;
    rig.goes_on().await;
    pings.await.unwrap();
}

#[tokio::test]
async fn what_unfinished_requests_hold_is_bounded_for_all_connections_together() {
    let rig = Rig::of(WEBSOCKET, Limits { held: Unfinished::up_to(40_000), ..Limits::default() });
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = open(&rig).await;
        socket.write_all(&frame(BEGINNING, &[7; 16_000])).await.unwrap();
        sockets.push(socket);
    }
    rig.until_refused(Refusal::Held).await;
    drop(sockets);
    rig.goes_on().await;
}

#[tokio::test]
async fn a_ping_is_answered_and_who_answers_none_is_hung_up_on() {
    let rig = Rig::of(WEBSOCKET, Limits { receiving: 4 * SHORT, ..Limits::default() });
    let mut socket = open(&rig).await;
    socket.write_all(&frame(PING, b"x")).await.unwrap();
    let mut pong = [0; 3];
    socket.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong, [PONG, 1, b'x']);
    let rest = read_to_end(&mut socket).await;
    assert_eq!(rest[..2], [PING, 0], "it asked first");
    assert!(rig.traffic.snapshot().refused.is_empty(), "and nobody is to blame for that");
    rig.goes_on().await;
}

#[tokio::test]
async fn a_connection_whose_peer_answers_pings_is_kept() {
    let rig = Rig::of(WEBSOCKET, Limits { receiving: SHORT, ..Limits::default() });
    let channel = rig.channel();
    channel.open(SOON).await.unwrap();
    let before = rig.traffic.snapshot().written;
    // Pings and their answers, of both ends.
    until(|| rig.traffic.snapshot().written > before + 100).await;
    channel.send(message("beat", 10), SOON).await.unwrap();
    assert_eq!(rig.traffic.snapshot().opened, 1);
}

#[tokio::test]
async fn answers_to_what_was_not_asked_break_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = p2pfl_sim::transport::socket::Address::Tcp(listener.local_addr().unwrap());
    let channel = WEBSOCKET.endpoint(Limits::default(), Arc::default()).channel(at, Redial::Never);
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        let key = String::from_utf8(head).unwrap().to_lowercase();
        assert!(key.contains("sec-websocket-protocol: p2pfl.exchange.v1"), "{key}");
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        socket.write_all(answer.as_bytes()).await.unwrap();
    });
    let error = channel.send(message("beat", 10), SOON).await.unwrap_err();
    assert!(matches!(&error, CallError::Unreachable { why, .. } if why.contains("200")), "{error}");
    server.await.unwrap();
}
