//! Clients of every transport that are not ours: what they say may be true or not, and belong to the network or not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONTENT_TYPE, HeaderValue};
use p2pfl_sim::transport::exchange::proto::{Request, request};
use p2pfl_sim::wire::proto::root_message::PayloadType;
use p2pfl_sim::wire::proto::{HandShakeRequest, RootMessage};
use prost::Message as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// Where a node listens.
#[derive(Clone, Debug)]
pub enum Door {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Door {
    /// How the node is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Tcp(at) => at.to_string(),
            Self::Unix(at) => format!("unix://{}", at.display()),
        }
    }
}

/// What a client says in one call.
#[derive(Clone, Debug)]
pub enum Said {
    Disconnect(String),
    Send(RootMessage),
}

/// Whatever went wrong: the node hangs up on whom it does not want to hear.
type Hung = Box<dyn std::error::Error + Send + Sync>;

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

/// Connects, and says all of it one after the other.
pub async fn say(transport: &str, door: &Door, said: &[Said]) -> Result<(), Hung> {
    let (protocol, carrier) = transport.split_once('+').unwrap_or((transport, "tcp"));
    let io: Box<dyn Io> = match door {
        Door::Tcp(at) => Box::new(TcpStream::connect(at).await?),
        Door::Unix(at) => Box::new(UnixStream::connect(at).await?),
    };
    let io: Box<dyn Io> = match carrier {
        "tls" | "mtls" => {
            let alpn: &[u8] = if matches!(protocol, "http" | "websocket") { b"http/1.1" } else { b"h2" };
            Box::new(trusting(alpn).connect(ServerName::try_from("localhost")?, io).await?)
        }
        _ => io,
    };
    match protocol {
        "grpc" => {
            unary(io, "application/grpc", said, |said| {
                let (call, message) = match said {
                    Said::Disconnect(name) => ("disconnect", address(name).encode_to_vec()),
                    Said::Send(message) => ("send", message.encode_to_vec()),
                };
                (format!("/node.NodeServices/{call}"), framed(&message))
            })
            .await
        }
        "grpc-stream" => stream(io, said).await,
        "websocket" => websocket(io, said).await,
        "http" => http1(io, said).await,
        "http2" => {
            unary(io, "application/json", said, |it| {
                let (path, text) = as_json(it);
                (path.into(), text.to_string().into_bytes())
            })
            .await
        }
        other => unreachable!("no client speaks {other}"),
    }
}

fn address(name: &str) -> HandShakeRequest {
    HandShakeRequest { addr: name.to_owned() }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend((message.len() as u32).to_be_bytes());
    framed.extend(message);
    framed
}

/// One stream of HTTP/2 for each call.
async fn unary(
    io: Box<dyn Io>,
    content: &'static str,
    said: &[Said],
    call: impl Fn(&Said) -> (String, Vec<u8>),
) -> Result<(), Hung> {
    let (mut client, connection) = h2::client::handshake(io).await?;
    tokio::spawn(connection);
    for said in said {
        let (path, text) = call(said);
        client = client.ready().await?;
        let (answer, mut body) = client.send_request(post(&path, content)?, false)?;
        write(&mut body, text, true).await?;
        answer.await?;
    }
    Ok(())
}

fn post(path: &str, content: &'static str) -> Result<http::Request<()>, Hung> {
    let request = http::Request::post(format!("http://localhost{path}"))
        .header("te", "trailers")
        .header(CONTENT_TYPE, content);
    Ok(request.body(())?)
}

/// No more than the other end takes at a time.
async fn write(body: &mut h2::SendStream<Bytes>, text: Vec<u8>, ends: bool) -> Result<(), Hung> {
    let mut rest = Bytes::from(text);
    while !rest.is_empty() {
        body.reserve_capacity(rest.len());
        let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await.ok_or("closed")??;
        let part = rest.split_to(room.min(rest.len()));
        body.send_data(part, ends && rest.is_empty())?;
    }
    Ok(())
}

/// The calls as numbered requests.
fn numbered(said: &[Said]) -> impl Iterator<Item = Vec<u8>> + use<'_> {
    said.iter().zip(1..).map(|(said, sequence)| {
        let call = match said {
            Said::Disconnect(name) => request::Call::Disconnect(address(name)),
            Said::Send(message) => request::Call::Send(message.clone()),
        };
        Request { sequence, deadline_ms: 0, call: Some(call) }.encode_to_vec()
    })
}

/// All calls on one stream of gRPC.
async fn stream(io: Box<dyn Io>, said: &[Said]) -> Result<(), Hung> {
    let (client, connection) = h2::client::handshake(io).await?;
    tokio::spawn(connection);
    let open = post("/p2pfl_sim.exchange.v1.Exchange/Open", "application/grpc")?;
    let (answer, mut body) = client.ready().await?.send_request(open, false)?;
    for request in numbered(said) {
        write(&mut body, framed(&request), false).await?;
    }
    body.send_data(Bytes::new(), true)?;
    let mut answers = answer.await?.into_body();
    while let Some(answer) = answers.data().await {
        let _ = answers.flow_control().release_capacity(answer?.len());
    }
    Ok(())
}

async fn websocket(io: Box<dyn Io>, said: &[Said]) -> Result<(), Hung> {
    let mut upgrade = "ws://localhost/p2pfl".into_client_request()?;
    upgrade.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("p2pfl.exchange.v1"));
    let (mut socket, _) = tokio_tungstenite::client_async(upgrade, io).await?;
    for request in numbered(said) {
        socket.send(Frame::Binary(request.into())).await?;
    }
    socket.close(None).await?;
    while let Some(answer) = socket.next().await {
        answer?;
    }
    Ok(())
}

async fn http1(mut io: Box<dyn Io>, said: &[Said]) -> Result<(), Hung> {
    for said in said {
        let (path, text) = as_json(said);
        let text = text.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        io.write_all(head.as_bytes()).await?;
        io.write_all(text.as_bytes()).await?;
    }
    io.shutdown().await?;
    let mut heard = Vec::new();
    io.read_to_end(&mut heard).await?;
    Ok(())
}

/// By the JSON mapping of protobuf.
fn as_json(said: &Said) -> (&'static str, Value) {
    let message = match said {
        Said::Disconnect(name) => return ("/v1/disconnect", json!({ "addr": name })),
        Said::Send(message) => message,
    };
    let mut text = json!({ "source": message.source, "round": message.round, "cmd": message.cmd });
    match &message.payload_type {
        Some(PayloadType::GossipMessage(it)) => {
            text["gossipMessage"] = json!({ "ttl": it.ttl, "hash": it.hash.to_string(), "args": it.args });
        }
        Some(PayloadType::Weights(it)) => {
            text["weights"] = json!({
                "weights": BASE64.encode(&it.weights), "contributors": it.contributors, "numSamples": it.num_samples,
            });
        }
        _ => {}
    }
    ("/v1/messages", text)
}

/// TLS with whoever is there: these clients have nothing to lose.
fn trusting(alpn: &[u8]) -> TlsConnector {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS has versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
