//! A stream for whoever calls, or unary calls where the peer has none.

use super::PATH;
use super::split::{Piece, Splitter};
use super::writer::Writer;
use crate::transport::exchange::{Alarm, Calls, frames};
use crate::transport::grpc::{self, Unary};
use crate::transport::socket::link::{Broken, Io, Link, Request, Terms};
use crate::transport::socket::{Answer, NoLink, Payload, pieces};
use bytes::Bytes;
use futures_util::future::Either;
use h2::{RecvStream, SendStream};
use http::StatusCode;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::task::{Context, Poll};
use tokio::task::AbortHandle;
use tokio::time::timeout_at;
use tonic::{Code, Status};

/// The largest answer that is taken: gRPC's default.
const MAX_ANSWER: usize = 4 << 20;

/// A connection with HTTP/2, and a stream on it if the peer has such.
#[derive(Debug)]
pub struct Stream {
    http: Unary,
    /// Nothing for a peer that takes unary calls only.
    calls: Option<Calls>,
}

impl Link for Stream {
    const KEEPS_DEADLINES: bool = true;

    async fn greet<S: Io>(io: S, terms: &Terms) -> Result<Self, NoLink> {
        // That the stream is answered shows that HTTP/2 is spoken: no ping is needed.
        let (mut http, _) = Unary::handshake(io, terms).await?;
        let broken = |error: h2::Error| NoLink::for_good(format!("HTTP/2: {error}"));
        poll_fn(|cx| http.requests.poll_ready(cx)).await.map_err(broken)?;
        let head = http.request(PATH, None);
        let (answer, outgoing) = http.requests.send_request(head, false).map_err(broken)?;
        let (head, incoming) = answer.await.map_err(broken)?.into_parts();
        let status = Status::from_header_map(&head.headers);
        match status {
            // gRPC says so in its headers, and nothing behind them.
            Some(status) if status.code() == Code::Unimplemented => return Ok(Self { http, calls: None }),
            Some(status) => return Err(NoLink::for_good(status.to_string())),
            None if head.status != StatusCode::OK => {
                return Err(NoLink::for_good(format!("HTTP status {}", head.status)));
            }
            None => {}
        }
        let calls = Calls::default();
        let drive = Drive {
            calls: calls.clone(),
            outgoing,
            incoming,
            splitter: Splitter::new(MAX_ANSWER),
            waiting: VecDeque::new(),
            writer: Writer::default(),
            alarm: Alarm::default(),
        };
        tokio::spawn(drive.run());
        Ok(Self { http, calls: Some(calls) })
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match &self.calls {
            Some(calls) => Poll::Ready(!calls.is_broken()),
            None => self.http.poll_ready(cx),
        }
    }

    fn leave(
        &mut self,
        request: &Request<'_>,
    ) -> Result<impl Future<Output = Result<Answer, Broken>> + Send + use<>, Broken> {
        match &self.calls {
            Some(calls) => calls.make(request, grpc::prefix).map(Either::Left),
            None => {
                let until = request.until;
                let answer = self.http.leave(request)?;
                Ok(Either::Right(async move {
                    let late = |_| Status::deadline_exceeded("no answer came in time");
                    timeout_at(until, answer).await.map_err(late)?
                }))
            }
        }
    }

    fn breaker(&self) -> AbortHandle {
        self.http.breaker()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The task that drives the stream ends, and with it the stream; then the connection says farewell.
        self.calls.iter().for_each(|it| it.broke("the connection was closed"));
    }
}

/// Drives a stream to its end.
struct Drive {
    calls: Calls,
    outgoing: SendStream<Payload>,
    incoming: RecvStream,
    splitter: Splitter,
    waiting: VecDeque<Payload>,
    writer: Writer,
    alarm: Alarm,
}

impl Drive {
    async fn run(mut self) {
        let why = poll_fn(|cx| self.poll(cx)).await;
        self.calls.broke(&why);
    }

    /// Reads and writes what there is. Ready is the end of the stream, and why.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        loop {
            match self.incoming.poll_data(cx) {
                Poll::Ready(Some(Ok(chunk))) => {
                    let _ = self.incoming.flow_control().release_capacity(chunk.len());
                    if let Err(why) = self.take(chunk) {
                        self.outgoing.send_reset(h2::Reason::PROTOCOL_ERROR);
                        return Poll::Ready(why);
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(error.to_string()),
                Poll::Ready(None) => return Poll::Ready("the peer ended the stream".into()),
                Poll::Pending => break,
            }
        }
        if self.calls.take_outgoing(cx.waker(), &mut self.waiting) {
            return Poll::Ready("the connection was closed".into());
        }
        self.alarm.poll(&self.calls, cx);
        for payload in self.waiting.drain(..) {
            let (front, tail) = payload.into_inner();
            let (head, middle) = front.into_inner();
            for piece in [head, middle, tail].into_iter().filter(|it| !it.is_empty()) {
                self.writer.add(piece);
            }
        }
        let alone = |bytes| pieces(bytes, Bytes::new(), Bytes::new());
        match self.writer.poll_write(&mut self.outgoing, cx, alone) {
            Poll::Ready(Err(error)) => Poll::Ready(error.to_string()),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }

    fn take(&mut self, mut chunk: Bytes) -> Result<(), String> {
        while let Some(piece) = self.splitter.next(&mut chunk).map_err(|error| error.to_string())? {
            let Piece::Message(message) = piece else { return Err("an answer is too large".into()) };
            let (sequence, more, outcome) =
                frames::read_response(message).map_err(|error| format!("an answer: {error}"))?;
            self.calls.answered(sequence, more, outcome).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
