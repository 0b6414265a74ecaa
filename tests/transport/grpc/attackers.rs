//! Peers that do not behave: each is refused and counted, and the node goes on.

use crate::raw::{
    PREFACE, SEND, SETTINGS, begin, connect, frame, headers, http2, read_to_end, status, status_of,
    write_until_refused,
};
use crate::rig::{Rig, SOON, message, until};
use bytes::Bytes;
use p2pfl_sim::transport::socket::{CallError, Limits, Redial, Refusal, Security, Traffic, Unfinished};
use p2pfl_sim::transport::{Endpoint, Protocol};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

const SHORT: Duration = Duration::from_millis(50);

fn impatient() -> Limits {
    Limits { greeting: SHORT, receiving: SHORT, ..Limits::new(1_000_000, 64) }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_hung_up_on() {
    for said in [&b""[..], &PREFACE[..10]] {
        let rig = Rig::new(impatient());
        let mut socket = connect(&rig.at).await;
        socket.write_all(said).await.unwrap();
        read_to_end(&mut socket).await;
        rig.until_refused(Refusal::Silent).await;
        rig.goes_on().await;
    }
}

#[tokio::test]
async fn what_is_not_http2_is_hung_up_on() {
    let tls_hello = [&[22u8, 3, 1, 0, 200, 1][..], &[7; 200]].concat();
    for said in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &tls_hello, &[0; 300]] {
        let rig = Rig::new(Limits::default());
        let mut socket = connect(&rig.at).await;
        socket.write_all(said).await.unwrap();
        read_to_end(&mut socket).await;
        rig.until_refused(Refusal::Protocol).await;
        rig.goes_on().await;
    }
}

#[tokio::test]
async fn frames_that_make_no_sense_are_hung_up_on() {
    let nonsense = [
        frame(0, 0, 1, b"data before headers"),
        frame(1, 4, 2, &headers(SEND, &[])),
        frame(1, 4, 1, &[0xff; 40]),
        frame(4, 0, 0, b"odd"),
        [&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1][..], &[0; 100]].concat(),
    ];
    for said in nonsense {
        let rig = Rig::new(Limits::default());
        let mut socket = connect(&rig.at).await;
        socket.write_all(&[PREFACE, SETTINGS, &said].concat()).await.unwrap();
        read_to_end(&mut socket).await;
        rig.until_refused(Refusal::Protocol).await;
        rig.goes_on().await;
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_refused() {
    let rig = Rig::new(impatient());
    let mut requests = http2(&rig.at).await;
    let (answer, mut stream) = begin(&mut requests, SEND).await;
    stream.send_data(Bytes::from_static(&[0, 0, 0, 0, 200]), false).unwrap();
    assert_eq!(status(answer.await.unwrap()).await, "4");
    assert_eq!(rig.refused(Refusal::Slow), 1);
    rig.goes_on().await;
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_has_no_longer_than_any_other() {
    let rig = Rig::new(impatient());
    let mut requests = http2(&rig.at).await;
    let (answer, mut stream) = begin(&mut requests, SEND).await;
    stream.send_data(Bytes::from_static(&[0, 0, 0x0f, 0, 0]), false).unwrap();
    let trickle = tokio::spawn(async move {
        while stream.send_data(Bytes::from_static(&[7]), false).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(status(answer.await.unwrap()).await, "4");
    rig.goes_on().await;
    trickle.abort();
}

#[tokio::test]
async fn a_claim_of_too_many_bytes_is_refused_before_they_come() {
    let rig = Rig::new(Limits::new(1_000_000, 64));
    let mut requests = http2(&rig.at).await;
    let (answer, mut stream) = begin(&mut requests, SEND).await;
    stream.send_data(Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff]), false).unwrap();
    assert_eq!(status(answer.await.unwrap()).await, "8");
    assert_eq!(rig.refused(Refusal::Oversized), 1);
    rig.goes_on().await;
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_the_connection_goes_on() {
    let rig = Rig::new(Limits::default());
    for (body, expected) in [
        (&[0, 0, 0, 0, 3, 0xff, 0xff, 0xff][..], "13"),
        (&[0, 0, 0, 0, 2, 0x0a, 0x7f], "13"),
        (&[0, 0, 0, 0, 3, 0x0a, 1, 0xff], "13"),
        (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "13"),
        (&[0, 0, 0, 0, 9, 1], "13"),
        (&[], "13"),
        (&[1, 0, 0, 0, 0], "12"),
    ] {
        assert_eq!(status_of(&rig.at, SEND, body).await, expected, "{body:?}");
    }
    assert_eq!(rig.refused(Refusal::Malformed), 7);
    assert!(rig.node.commands().is_empty());
    rig.goes_on().await;
}

#[tokio::test]
async fn a_call_that_there_is_not_is_unimplemented() {
    let rig = Rig::new(Limits::default());
    for path in ["/node.NodeServices/shutdown", "/node.NodeServices/", "/other.Service/send", "/"] {
        assert_eq!(status_of(&rig.at, path, &[0; 5]).await, "12", "{path}");
    }
    assert_eq!(rig.refused(Refusal::Method), 4);
    let mut requests = http2(&rig.at).await;
    let get = http::Request::get("http://localhost/").body(()).unwrap();
    let answer = requests.send_request(get, true).unwrap().0.await.unwrap();
    assert_eq!(answer.status(), 415);
    rig.goes_on().await;
}

#[tokio::test]
async fn more_connections_than_a_node_takes_are_hung_up_on() {
    let rig = Rig::new(Limits { connections: 3, ..Limits::default() });
    let mut taken = Vec::new();
    for _ in 0..3 {
        let channel = rig.channel();
        channel.open(SOON).await.unwrap();
        taken.push(channel);
    }
    for _ in 0..20 {
        let mut socket = connect(&rig.at).await;
        read_to_end(&mut socket).await;
    }
    assert_eq!(rig.refused(Refusal::Connections), 20);
    assert!(taken[0].send(message("beat", 10), SOON).await.is_ok());
    // Who leaves makes room.
    taken.pop();
    let mut came = rig.channel().open(SOON).await;
    while came.is_err() {
        came = rig.channel().open(SOON).await;
    }
}

#[tokio::test]
async fn more_calls_than_a_connection_has_are_refused_one_by_one() {
    let rig = Rig::new(Limits { streams: 4, ..Limits::default() });
    let mut socket = connect(&rig.at).await;
    let mut said = [PREFACE, SETTINGS].concat();
    for i in 0..10 {
        said.extend(frame(1, 4, 2 * i + 1, &headers(SEND, &[])));
    }
    socket.write_all(&said).await.unwrap();
    // REFUSED_STREAM for each that is too many.
    let mut seen = Vec::new();
    let refused = frame(3, 0, 0, &[0, 0, 0, 7]);
    until_read(&mut socket, &mut seen, |seen| {
        let resets = seen.windows(13).filter(|it| it[..5] == refused[..5] && it[9..] == refused[9..]);
        resets.count() == 6
    })
    .await;
    rig.goes_on().await;
}

#[tokio::test]
async fn a_flood_of_cancelled_calls_is_hung_up_on() {
    let rig = Rig::new(Limits::default());
    let mut socket = connect(&rig.at).await;
    socket.write_all(&[PREFACE, SETTINGS].concat()).await.unwrap();
    let block = headers(SEND, &[]);
    write_until_refused(&mut socket, |i| {
        let stream = 2 * i + 1;
        [frame(1, 4, stream, &block), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
    })
    .await;
    rig.until_refused(Refusal::Flood).await;
    rig.goes_on().await;
}

#[tokio::test]
async fn giving_up_all_the_calls_that_may_be_under_way_is_no_flood() {
    let rig = Rig::new(Limits::default());
    let mut socket = connect(&rig.at).await;
    let block = headers(SEND, &[]);
    let calls = |from: u32| {
        let cancelled = move |i: u32| {
            let stream = 2 * (from + i) + 1;
            [frame(1, 4, stream, &block), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
        };
        (0..Limits::default().streams).flat_map(cancelled).collect::<Vec<u8>>()
    };
    socket.write_all(&[PREFACE, SETTINGS, &calls(0)].concat()).await.unwrap();
    // It is asked whether it is still there.
    socket.write_all(&frame(6, 0, 0, b"are you?")).await.unwrap();
    let pong = frame(6, 1, 0, b"are you?");
    until_read(&mut socket, &mut Vec::new(), |seen| seen.windows(pong.len()).any(|it| it == pong)).await;
    assert_eq!(rig.refused(Refusal::Flood), 0);
    rig.goes_on().await;
}

#[tokio::test]
async fn a_flood_of_empty_frames_is_hung_up_on() {
    let rig = Rig::new(Limits::default());
    let mut socket = connect(&rig.at).await;
    socket.write_all(&[PREFACE, SETTINGS, &frame(1, 4, 1, &headers(SEND, &[]))].concat()).await.unwrap();
    write_until_refused(&mut socket, |_| frame(0, 0, 1, b"")).await;
    rig.until_refused(Refusal::Flood).await;
    rig.goes_on().await;
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let rig = Rig::new(Limits::default());
    // Too many at once, and too many by and by.
    let long = "x".repeat(120);
    let bomb: Vec<(&str, &str)> = (0..400).map(|_| ("bomb", long.as_str())).collect();
    let block = headers(SEND, &bomb);
    let mut socket = connect(&rig.at).await;
    let mut said = [PREFACE, SETTINGS].concat();
    let pieces: Vec<&[u8]> = block.chunks(16_000).collect();
    for (i, piece) in pieces.iter().enumerate() {
        let kind = if i == 0 { 1 } else { 9 };
        said.extend(frame(kind, if i + 1 == pieces.len() { 4 } else { 0 }, 1, piece));
    }
    let _ = socket.write_all(&said).await;
    write_until_refused(&mut socket, |i| {
        let stream = 2 * i + 3;
        [frame(1, 0, stream, &block[..100]), frame(9, 0, stream, &block[..100]).repeat(100)].concat()
    })
    .await;
    until(|| rig.refused(Refusal::Flood) + rig.refused(Refusal::Protocol) > 0).await;
    assert!(rig.node.commands().is_empty());
    rig.goes_on().await;
}

#[tokio::test]
async fn who_calls_and_never_reads_costs_no_more_than_its_connection() {
    let rig = Rig::new(Limits::default());
    let mut socket = connect(&rig.at).await;
    socket.write_all(&[PREFACE, SETTINGS].concat()).await.unwrap();
    let block = headers(SEND, &[]);
    write_until_refused(&mut socket, |i| {
        let stream = 2 * i + 1;
        [frame(1, 4, stream, &block), frame(0, 1, stream, &[0; 5])].concat()
    })
    .await;
    rig.until_refused(Refusal::Flood).await;
    rig.goes_on().await;
}

#[tokio::test]
async fn unfinished_requests_hold_no_more_than_is_allowed_and_make_room() {
    let rig = Rig::new(Limits { held: Unfinished::up_to(100_000), ..Limits::new(90_000, 64) });
    let mut requests = http2(&rig.at).await;
    let claim = [0, 0, 1, 0x5f, 0x90];
    let mut unfinished = Vec::new();
    let mut refused = 0;
    for _ in 0..3 {
        let (answer, mut stream) = begin(&mut requests, SEND).await;
        stream.send_data(Bytes::from([&claim[..], &[7; 20_000]].concat()), false).unwrap();
        unfinished.push((answer, stream));
    }
    for (answer, stream) in &mut unfinished {
        // Room was made for all of it by then, and those that there was none for may have been refused already.
        let _ = stream.send_data(Bytes::from(vec![7; 20_000]), false);
        if let Ok(answer) = tokio::time::timeout(SHORT, answer).await {
            assert_eq!(status(answer.unwrap()).await, "8");
            refused += 1;
        }
    }
    assert!(refused > 0 && rig.refused(Refusal::Held) == refused, "{refused}");
    // Those that are left make room for whoever says what it has to say.
    rig.channel().send(message("beat", 80_000), SOON).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_never_reads_gets_no_more_than_the_backlog() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string().parse().unwrap();
    tokio::spawn(async move {
        let mut http: h2::server::Connection<_, Bytes> =
            h2::server::handshake(listener.accept().await.unwrap().0).await.unwrap();
        // It reads until the first call, and then no more.
        let first = http.accept().await;
        std::future::pending::<()>().await;
        drop(first);
    });
    let (limits, traffic) =
        (Limits { backlog: 3_000_000, ..Limits::default() }, Arc::new(Traffic::default()));
    let channel = Endpoint::new(Protocol::Grpc, &Security::Plain, limits, traffic).channel(at, Redial::Never);
    channel.open(SOON).await.unwrap();
    let calls = (0..10).map(|_| channel.send(message("beat", 1_000_000), SHORT));
    let ended = futures_util::future::join_all(calls).await;
    let refused = ended.iter().filter(|it| matches!(it, Err(CallError::Backlog { .. }))).count();
    let late = ended.iter().filter(|it| matches!(it, Err(CallError::Timeout(_)))).count();
    assert_eq!((refused, late), (8, 2), "{ended:?}");
}

/// Reads until what came is enough.
async fn until_read(socket: &mut tokio::net::TcpStream, seen: &mut Vec<u8>, enough: impl Fn(&[u8]) -> bool) {
    use tokio::io::AsyncReadExt as _;
    let reading = async {
        while !enough(seen) {
            assert!(socket.read_buf(seen).await.unwrap() > 0, "it hung up");
        }
    };
    tokio::time::timeout(SOON, reading).await.expect("enough comes");
}

fn encrypted(limits: Limits) -> Rig {
    Rig::at("127.0.0.1:0".parse().unwrap(), limits, Security::generate(true, &[]).unwrap())
}

#[tokio::test]
async fn plaintext_on_a_tls_port_is_hung_up_on() {
    let rig = encrypted(Limits::default());
    let (limits, traffic) = (Limits::default(), Arc::clone(&rig.traffic));
    let plain = Endpoint::new(Protocol::Grpc, &Security::Plain, limits, traffic)
        .channel(rig.at.clone(), Redial::Never);
    let error = plain.open(SOON).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
    rig.until_refused(Refusal::Tls).await;
    rig.goes_on().await;
}

#[tokio::test]
async fn tls_on_a_plain_port_is_hung_up_on() {
    let rig = Rig::new(Limits::default());
    let (limits, traffic) = (Limits::default(), Arc::clone(&rig.traffic));
    let security = Security::generate(false, &[]).unwrap();
    let error = Endpoint::new(Protocol::Grpc, &security, limits, traffic)
        .channel(rig.at.clone(), Redial::Never)
        .open(SOON)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
    rig.until_refused(Refusal::Protocol).await;
    rig.goes_on().await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_by_both() {
    let rig = encrypted(Limits::default());
    let (limits, traffic) = (Limits::default(), Arc::clone(&rig.traffic));
    let other = Security::generate(true, &[]).unwrap();
    let error = Endpoint::new(Protocol::Grpc, &other, limits, traffic)
        .channel(rig.at.clone(), Redial::Never)
        .open(SOON)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    rig.until_refused(Refusal::Tls).await;
    rig.goes_on().await;
}

#[tokio::test]
async fn half_of_a_tls_handshake_is_hung_up_on() {
    let rig = encrypted(impatient());
    let mut socket = connect(&rig.at).await;
    socket.write_all(&[22, 3, 1, 0, 200, 1]).await.unwrap();
    read_to_end(&mut socket).await;
    rig.until_refused(Refusal::Silent).await;
    // Its own handshake may take longer than that.
    drop(rig);
    encrypted(Limits::default()).goes_on().await;
}
