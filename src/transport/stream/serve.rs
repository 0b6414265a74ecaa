//! A stream for whoever is called: requests are handed to the host in their order, answers go back as they are ready.

use super::split::{Piece, Splitter, Unreadable};
use super::writer::Writer;
use crate::transport::exchange::{Answers, frames};
use crate::transport::grpc;
use crate::transport::socket::serve::Serving;
use crate::transport::socket::{Call, Hold, Host, Refusal, Reply};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Request, Response};
use prost::Message as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use tokio::time::{Sleep, sleep};
use tonic::{Code, Status};

/// One stream that is being served. It ends when the other end has ended it, or it was refused.
pub struct Exchanging<H> {
    shared: Arc<Serving<H>>,
    incoming: RecvStream,
    outgoing: SendStream<Bytes>,
    splitter: Splitter,
    answers: Answers,
    writer: Writer,
    /// What a message that has not come to its end takes of `limits.held`.
    hold: Hold,
    /// Set while a message has begun and not come to its end.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Counts what came, for whoever looks whether the connection is idle.
    activity: Arc<AtomicU64>,
    /// What came and could not be taken yet: too many requests have no answer.
    rest: Bytes,
    ended: bool,
}

/// Bytes of answers that may wait for the other end to read them.
const UNREAD: usize = 256 << 10;

/// Why a stream is ended: with which status, and as what it is counted.
struct Refused(Refusal, Status);

impl Refused {
    /// There is no room for it, or none any longer.
    fn held() -> Self {
        Self(Refusal::Held, Status::resource_exhausted("too many requests at a time"))
    }
}

impl<H: Host> Exchanging<H> {
    /// Begins to serve a stream, and says so at once. Nothing if the other end is gone.
    pub fn begin(
        shared: &Arc<Serving<H>>,
        request: Request<RecvStream>,
        mut back: SendResponse<Bytes>,
        activity: &Arc<AtomicU64>,
    ) -> Option<Self> {
        if request.method() != Method::POST {
            shared.traffic.refused(Refusal::Protocol);
            return None;
        }
        let mut head = Response::new(());
        head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        let outgoing = back.send_response(head, false).ok()?;
        Some(Self {
            shared: Arc::clone(shared),
            incoming: request.into_body(),
            outgoing,
            // A request has a few bytes around its message.
            splitter: Splitter::new(shared.limits.max_message.saturating_add(frames::AROUND)),
            answers: Answers::default(),
            writer: Writer::default(),
            hold: shared.limits.held.begin(),
            deadline: None,
            activity: Arc::clone(activity),
            rest: Bytes::new(),
            ended: false,
        })
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        loop {
            self.take()?;
            if !self.rest.is_empty() {
                // Answers wake this task.
                return Poll::Pending;
            }
            if self.ended {
                return Poll::Ready(Ok(()));
            }
            match self.incoming.poll_data(cx) {
                Poll::Ready(Some(Ok(chunk))) => {
                    let _ = self.incoming.flow_control().release_capacity(chunk.len());
                    self.activity.fetch_add(1, Relaxed);
                    self.rest = chunk;
                }
                Poll::Ready(Some(Err(_)) | None) => self.ended = true,
                Poll::Pending => return self.poll_deadline(cx),
            }
        }
    }

    /// Takes requests, as long as not too many of them have no answer.
    fn take(&mut self) -> Result<(), Refused> {
        while !self.rest.is_empty() && self.may_take() {
            match self.splitter.next(&mut self.rest) {
                Ok(Some(Piece::Message(message))) => {
                    // The next one has its own time.
                    self.deadline = None;
                    self.hand_over(message)?;
                }
                Ok(Some(Piece::Oversized { beginning, claimed })) => self.oversized(&beginning, claimed)?,
                Ok(None) => break,
                Err(Unreadable::NoMemory) => return Err(Refused::held()),
                Err(error) => {
                    return Err(Refused(Refusal::Malformed, Status::unimplemented(error.to_string())));
                }
            }
        }
        self.hold()
    }

    /// Whoever does not read its answers is not asked for more requests.
    fn may_take(&self) -> bool {
        self.answers.open() < self.shared.limits.streams as usize && self.writer.held() < UNREAD
    }

    /// Counts what is held of a message that has not come to its end.
    fn hold(&mut self) -> Result<(), Refused> {
        let now = self.splitter.takes();
        if now == 0 {
            self.hold.ends();
        }
        if self.hold.is(now) { Ok(()) } else { Err(Refused::held()) }
    }

    fn hand_over(&mut self, message: Bytes) -> Result<(), Refused> {
        let arrived = frames::read_request(message)
            .map_err(|error| Refused(Refusal::Malformed, Status::internal(error.to_string())))?;
        if let Call::Send { bytes, .. } = &arrived.call
            && *bytes > self.shared.limits.max_message as u64
        {
            return self.too_large(arrived.sequence, *bytes as usize);
        }
        let silent = matches!(arrived.call, Call::Disconnect(_));
        // A node that went down answers nobody: its connections are about to be hung up on.
        if self.shared.gate.is_up() {
            let back = self.answers.to(arrived.sequence);
            self.shared.host.take(&self.shared.caller, arrived.call, Reply::new(back, silent));
        }
        Ok(())
    }

    /// A message that is too large is refused by its length, and passed over; the stream goes on.
    fn oversized(&mut self, beginning: &[u8], claimed: usize) -> Result<(), Refused> {
        match frames::peek_sequence(beginning) {
            Some(sequence) => self.too_large(sequence, claimed),
            None => Err(Refused(Refusal::Oversized, too_large(claimed, self.shared.limits.max_message))),
        }
    }

    fn too_large(&mut self, sequence: u64, claimed: usize) -> Result<(), Refused> {
        self.shared.traffic.refused(Refusal::Oversized);
        let status = too_large(claimed, self.shared.limits.max_message);
        self.answers.to(sequence).say(Err(Box::new(status)));
        Ok(())
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        if !self.splitter.is_within() {
            self.deadline = None;
            return Poll::Pending;
        }
        if self.splitter.takes() > 0 && !self.hold.waits(cx) {
            return Poll::Ready(Err(Refused::held()));
        }
        let within = self.shared.limits.receiving;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(deadline.as_mut().poll(cx));
        let status = Status::deadline_exceeded("a request did not come to its end");
        Poll::Ready(Err(Refused(Refusal::Slow, status)))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        let writer = &mut self.writer;
        self.answers.take(cx.waker(), |answer| {
            let length = answer.encoded_len();
            let room = writer.room(grpc::PREFIX + length);
            room.extend_from_slice(&grpc::prefix(length));
            answer.encode_raw(room);
        });
        self.writer.poll_write(&mut self.outgoing, cx, |bytes| bytes)
    }
}

impl<H: Host> Future for Exchanging<H> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let read = this.poll_read(cx);
        if let Poll::Ready(Err(Refused(why, status))) = read {
            this.shared.traffic.refused(why);
            let mut trailers = HeaderMap::with_capacity(2);
            let _ = status.add_header(&mut trailers);
            let _ = this.outgoing.send_trailers(trailers);
            return Poll::Ready(());
        }
        match this.poll_write(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
            // All has been asked and answered.
            Poll::Ready(Ok(())) if this.ended && read.is_ready() && this.answers.open() == 0 => {
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert(Status::GRPC_STATUS, HeaderValue::from(Code::Ok as i32));
                let _ = this.outgoing.send_trailers(trailers);
                Poll::Ready(())
            }
            Poll::Ready(Ok(())) => {
                // What was put aside may be taken now that there are fewer without an answer.
                if !this.rest.is_empty() && this.may_take() {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }
}

impl<H> Drop for Exchanging<H> {
    fn drop(&mut self) {
        self.answers.gone();
    }
}

impl<H> Unpin for Exchanging<H> {}

fn too_large(claimed: usize, limit: usize) -> Status {
    Status::resource_exhausted(format!(
        "a message of {claimed} bytes is larger than {limit}, the most that is taken"
    ))
}
