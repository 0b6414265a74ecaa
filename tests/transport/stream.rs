//! What only a gRPC stream can be sent wrong, and the peers that have none.

use crate::rig::{Carrier, Kind, Rig, SOON, code, message, until};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::{RecvStream, SendStream};
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::exchange::proto::{self, request};
use p2pfl_sim::transport::socket::{Answer, CallError, Limits, Redial, Refusal, Unfinished};
use p2pfl_sim::wire::proto::{HandShakeRequest, RootMessage};
use prost::Message as _;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tonic::Code;

const STREAM: Kind = Kind { protocol: Protocol::GrpcStream, carrier: Carrier::Tcp };
const SHORT: Duration = Duration::from_millis(50);

/// A stream of one's own making.
async fn open(rig: &Rig) -> (SendStream<Bytes>, RecvStream) {
    let socket = tokio::net::TcpStream::connect(rig.at.to_string()).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
    let head = http::Request::post("http://localhost/p2pfl_sim.exchange.v1.Exchange/Open")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    let (answer, stream) = requests.send_request(head, false).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/grpc");
    (stream, answer.into_body())
}

fn framed(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(message.len() as u32);
    bytes.put_slice(message);
    bytes.freeze()
}

fn handshake(sequence: u64) -> Vec<u8> {
    let call = request::Call::Handshake(HandShakeRequest { addr: "a".into() });
    proto::Request { sequence, deadline_ms: 0, call: Some(call) }.encode_to_vec()
}

/// The next answers.
async fn answers(stream: &mut RecvStream) -> Vec<proto::Response> {
    let mut chunk = poll_fn(|cx| stream.poll_data(cx)).await.expect("the stream goes on").unwrap();
    let mut all = Vec::new();
    while !chunk.is_empty() {
        let length = u32::from_be_bytes(chunk[1..5].try_into().unwrap()) as usize;
        all.push(proto::Response::decode(chunk.split_to(5 + length).slice(5..)).unwrap());
    }
    all
}

/// The status that ends a stream.
async fn ended(mut stream: RecvStream) -> String {
    while let Some(chunk) = poll_fn(|cx| stream.poll_data(cx)).await {
        chunk.unwrap();
    }
    let trailers = poll_fn(|cx| stream.poll_trailers(cx)).await.unwrap().expect("it says why");
    trailers["grpc-status"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn requests_are_answered_by_number_and_acknowledgements_that_are_ready_together_go_together() {
    let rig = Rig::of(STREAM, Limits::default());
    let (mut stream, mut back) = open(&rig).await;
    let both = [framed(&handshake(1)), framed(&handshake(2)), framed(&handshake(7))].concat();
    stream.send_data(both.into(), false).unwrap();
    let answered: Vec<_> = answers(&mut back).await.iter().map(|it| (it.sequence, it.more)).collect();
    assert_eq!(answered, [(1, 1), (7, 0)]);
    stream.send_data(Bytes::new(), true).unwrap();
    assert_eq!(ended(back).await, "0");
}

#[tokio::test]
async fn what_is_no_request_ends_the_stream_and_leaves_the_node_going_on() {
    let nothing = proto::Request { sequence: 3, ..Default::default() }.encode_to_vec();
    let cut_off = handshake(1)[..5].to_vec();
    let compressed = Bytes::from_static(&[1, 0, 0, 0, 0]);
    for said in [framed(&nothing), framed(&cut_off), framed(&[0xff; 20]), compressed] {
        let rig = Rig::of(STREAM, Limits::default());
        let (mut stream, back) = open(&rig).await;
        stream.send_data(said, false).unwrap();
        assert_ne!(ended(back).await, "0");
        assert_eq!(rig.refused(Refusal::Malformed), 1);
        assert!(rig.node.commands().is_empty());
        rig.goes_on().await;
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_refused() {
    let rig = Rig::of(STREAM, Limits { receiving: SHORT, ..Limits::default() });
    let (mut stream, back) = open(&rig).await;
    stream.send_data(framed(&handshake(1)).slice(..8), false).unwrap();
    assert_eq!(ended(back).await, "4");
    assert_eq!(rig.refused(Refusal::Slow), 1);
    rig.goes_on().await;
}

#[tokio::test]
async fn a_stream_on_which_nothing_is_going_on_is_not_slow() {
    let rig = Rig::of(STREAM, Limits { receiving: SHORT, ..Limits::default() });
    let channel = rig.channel();
    for _ in 0..3 {
        assert_eq!(channel.send(message("beat", 10), SOON).await.unwrap(), Answer::Empty);
        tokio::time::sleep(2 * SHORT).await;
    }
    assert_eq!(rig.traffic.snapshot().opened, 1);
    assert!(rig.traffic.snapshot().refused.is_empty());
}

#[tokio::test]
async fn a_message_that_is_too_large_is_passed_over_and_the_stream_goes_on() {
    let rig = Rig::of(STREAM, Limits::new(1_000, 4));
    let channel = rig.channel();
    let large = channel.send(message("large", 300_000), SOON);
    let small = channel.send(message("true", 10), SOON);
    let (large, small) = tokio::join!(large, small);
    assert_eq!(code(large), Code::ResourceExhausted);
    assert_eq!(small.unwrap(), Answer::Response("true".into()));
    assert_eq!((rig.traffic.snapshot().opened, rig.refused(Refusal::Oversized)), (1, 1));
}

#[tokio::test]
async fn unfinished_requests_hold_no_more_than_the_limit_says() {
    let rig = Rig::of(STREAM, Limits { held: Unfinished::up_to(100_000), ..Limits::default() });
    let (mut stream, back) = open(&rig).await;
    let large = framed(&vec![0; 200_000]);
    stream.send_data(large.slice(..150_000), false).unwrap();
    assert_eq!(ended(back).await, "8");
    assert_eq!(rig.refused(Refusal::Held), 1);
    rig.goes_on().await;
}

/// Whoever asks and does not read the answers is not served for ever.
#[tokio::test]
async fn answers_that_nobody_reads_stop_the_asking() {
    let rig = Rig::of(STREAM, Limits::default());
    let (mut stream, back) = open(&rig).await;
    // What is held back answers with much text; nothing of it is read, and no window is given.
    let message = RootMessage { cmd: "fail".into(), ..Default::default() };
    for sequence in 0..200_000 {
        let call = Some(request::Call::Send(message.clone()));
        let it = proto::Request { sequence: 2 * sequence + 1, deadline_ms: 0, call };
        stream.reserve_capacity(64);
        if stream.send_data(framed(&it.encode_to_vec()), false).is_err() {
            break;
        }
        if sequence % 1_000 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut before = 0;
    // Until no more are taken.
    loop {
        tokio::time::sleep(SHORT).await;
        let now = rig.node.calls.lock().unwrap().len();
        if now == before {
            break;
        }
        before = now;
    }
    assert!(before < 100_000, "{before} were taken without anybody reading an answer");
    drop((stream, back));
    rig.goes_on().await;
}

#[tokio::test]
async fn a_peer_that_has_unary_calls_only_is_called_so() {
    let unary = Rig::new(Limits::default());
    let endpoint = STREAM.endpoint(Limits::default(), Arc::default());
    let channel = endpoint.channel(unary.at.clone(), Redial::Never);
    assert_eq!(channel.handshake("a", SOON).await.unwrap(), Answer::Empty);
    assert_eq!(channel.send(message("true", 10), SOON).await.unwrap(), Answer::Response("true".into()));
    let late = channel.send(message("hold", 10), SHORT).await;
    assert!(matches!(late, Err(CallError::Timeout(_))), "{late:?}");
    // That it was asked for a stream is one call of a method that it does not have.
    assert_eq!(unary.refused(Refusal::Method), 1);
}

#[tokio::test]
async fn a_node_that_has_streams_takes_unary_calls_as_well() {
    let rig = Rig::of(STREAM, Limits::default());
    let unary = Kind { protocol: Protocol::Grpc, carrier: Carrier::Tcp };
    let channel = unary.endpoint(Limits::default(), Arc::default()).channel(rig.at.clone(), Redial::Never);
    assert_eq!(channel.send(message("true", 10), SOON).await.unwrap(), Answer::Response("true".into()));
    until(|| rig.node.commands() == ["true"]).await;
}
