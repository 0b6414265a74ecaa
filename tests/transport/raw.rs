//! The other end without any manners: bare sockets, and HTTP/2 frames of one's own making.

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use p2pfl_sim::transport::socket::Address;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How HTTP/2 begins.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// SETTINGS without any.
pub const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// The path of the call that carries messages.
pub const SEND: &str = "/node.NodeServices/send";

pub async fn connect(at: &Address) -> TcpStream {
    TcpStream::connect(at.to_string()).await.unwrap()
}

/// HTTP/2 without gRPC.
pub async fn http2(at: &Address) -> SendRequest<Bytes> {
    let (requests, connection) = h2::client::handshake(connect(at).await).await.unwrap();
    tokio::spawn(connection);
    requests
}

/// Begins a gRPC call.
pub async fn begin(requests: &mut SendRequest<Bytes>, path: &str) -> (ResponseFuture, SendStream<Bytes>) {
    std::future::poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
    let request = Request::post(format!("http://localhost{path}"))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    requests.send_request(request, false).unwrap()
}

/// Sends this as the whole of a call, and says what status comes back.
pub async fn status_of(at: &Address, path: &str, body: &[u8]) -> String {
    let mut requests = http2(at).await;
    let (answer, mut stream) = begin(&mut requests, path).await;
    stream.send_data(Bytes::copy_from_slice(body), true).unwrap();
    status(answer.await.unwrap()).await
}

/// The gRPC status of an answer: a number.
pub async fn status(answer: Response<RecvStream>) -> String {
    let status = |headers: &HeaderMap| Some(headers.get("grpc-status")?.to_str().unwrap().to_owned());
    if let Some(status) = status(answer.headers()) {
        return status;
    }
    let mut body = answer.into_body();
    while let Some(chunk) = std::future::poll_fn(|cx| body.poll_data(cx)).await {
        chunk.unwrap();
    }
    let trailers = std::future::poll_fn(|cx| body.poll_trailers(cx)).await.unwrap();
    trailers.as_ref().and_then(status).expect("an answer has a status")
}

/// One frame of HTTP/2.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The header block of a call, without compression: HPACK's literals.
pub fn headers(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    let call = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", path),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ];
    for (name, value) in call.iter().chain(more) {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "a length of one byte");
            block.push(text.len() as u8);
            block.extend(text.bytes());
        }
    }
    block
}

/// Writes for ever what `next` gives, without reading, until the other end closes the connection or takes no more.
pub async fn write_until_refused(socket: &mut TcpStream, mut next: impl FnMut(u32) -> Vec<u8>) {
    for i in 0..u32::MAX {
        let bytes = next(i);
        match tokio::time::timeout(Duration::from_secs(2), socket.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// Reads to the end, which has to come.
pub async fn read_to_end(socket: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    match tokio::time::timeout(crate::rig::SOON, socket.read_to_end(&mut all)).await {
        Ok(Ok(_)) => all,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => all,
        Ok(Err(error)) => panic!("{error}"),
        Err(_) => panic!("it does not hang up"),
    }
}
