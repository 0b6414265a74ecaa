//! One call on its way in: from its headers to its last byte, and then to the host.

use super::gather::{Gather, Unfit};
use super::respond::Responder;
use crate::transport::socket::serve::Serving;
use crate::transport::socket::{Call, Hold, Host, Refusal, Reply, Responder as Back};
use crate::wire::proto;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::time::{Sleep, sleep};
use tonic::Status;

/// One call that is being received. It ends when the call was handed to the host, or refused.
pub(super) struct Receiving<H> {
    shared: Arc<Serving<H>>,
    which: Which,
    body: RecvStream,
    gather: Gather,
    /// What it takes of `limits.held`.
    hold: Hold,
    /// Made only for a call that did not come at once.
    deadline: Option<Pin<Box<Sleep>>>,
    back: Option<Responder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Handshake,
    Disconnect,
    Send,
}

/// Why a call is refused: with which status, and as what it is counted.
struct Refused(Refusal, Status);

impl<H: Host> Receiving<H> {
    /// Begins to receive a call, unless its headers are reason enough to refuse it.
    pub fn begin(
        shared: &Arc<Serving<H>>,
        request: Request<RecvStream>,
        back: SendResponse<Bytes>,
    ) -> Option<Self> {
        let back = Responder(back);
        let grpc = |value: &http::HeaderValue| value.as_bytes().starts_with(b"application/grpc");
        if request.method() != Method::POST || !request.headers().get(CONTENT_TYPE).is_some_and(grpc) {
            shared.traffic.refused(Refusal::Protocol);
            back.not_grpc();
            return None;
        }
        let which = match request.uri().path() {
            "/node.NodeServices/send" => Which::Send,
            "/node.NodeServices/handshake" => Which::Handshake,
            "/node.NodeServices/disconnect" => Which::Disconnect,
            _ => {
                shared.traffic.refused(Refusal::Method);
                back.status(&Status::unimplemented("Method not found!"));
                return None;
            }
        };
        Some(Self {
            shared: Arc::clone(shared),
            which,
            body: request.into_body(),
            gather: Gather::new(shared.limits.max_message),
            hold: shared.limits.held.begin(),
            deadline: None,
            back: Some(back),
        })
    }

    /// Takes what there is. Ready means that the call is done with here, in one way or the other.
    pub fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let refused = match ready!(self.poll_body(cx)) {
            // The other end hung up: nobody is left to tell.
            None => return Poll::Ready(()),
            Some(Ok(())) => match self.hand_over() {
                Ok(()) => return Poll::Ready(()),
                Err(refused) => refused,
            },
            Some(Err(refused)) => refused,
        };
        self.shared.traffic.refused(refused.0);
        if let Some(back) = self.back.take() {
            back.status(&refused.1);
        }
        Poll::Ready(())
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Refused>>> {
        while !self.body.is_end_stream() {
            match self.body.poll_data(cx) {
                Poll::Ready(Some(Ok(chunk))) => {
                    let _ = self.body.flow_control().release_capacity(chunk.len());
                    if let Err(refused) = self.take(chunk) {
                        return Poll::Ready(Some(Err(refused)));
                    }
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(None),
                Poll::Ready(None) => break,
                Poll::Pending => return self.poll_deadline(cx),
            }
        }
        Poll::Ready(Some(Ok(())))
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Refused>>> {
        if self.gather.held() > 0 && !self.hold.waits(cx) {
            return Poll::Ready(Some(Err(Refused::held())));
        }
        let within = self.shared.limits.receiving;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(deadline.as_mut().poll(cx));
        let status = Status::deadline_exceeded("the request did not come to its end");
        Poll::Ready(Some(Err(Refused(Refusal::Slow, status))))
    }

    fn take(&mut self, chunk: Bytes) -> Result<(), Refused> {
        self.gather.add(chunk)?;
        if self.hold.is(self.gather.takes()) { Ok(()) } else { Err(Refused::held()) }
    }

    fn hand_over(&mut self) -> Result<(), Refused> {
        let bytes = std::mem::replace(&mut self.gather, Gather::new(0)).finish()?;
        let call = match self.which {
            Which::Send => Call::Send { bytes: bytes.len() as u64, message: decode(bytes)? },
            Which::Handshake => Call::Handshake(decode::<proto::HandShakeRequest>(bytes)?.addr),
            Which::Disconnect => Call::Disconnect(decode::<proto::HandShakeRequest>(bytes)?.addr),
        };
        // A node that went down answers nobody: its connections are about to be hung up on.
        if let Some(back) = self.back.take().filter(|_| self.shared.gate.is_up()) {
            self.shared.host.take(
                &self.shared.caller,
                call,
                Reply::new(Back::Own(Box::new(back)), self.which == Which::Disconnect),
            );
        }
        Ok(())
    }
}

impl<H: Host> Future for Receiving<H> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().poll_rest(cx)
    }
}

impl<H> Unpin for Receiving<H> {}

impl Refused {
    /// There is no room for it, or none any longer.
    fn held() -> Self {
        Self(Refusal::Held, Status::resource_exhausted("too many requests at a time"))
    }
}

fn decode<M: prost::Message + Default>(bytes: Bytes) -> Result<M, Refused> {
    M::decode(bytes).map_err(|error| Refused(Refusal::Malformed, Status::internal(error.to_string())))
}

impl From<Unfit> for Refused {
    fn from(unfit: Unfit) -> Self {
        let text = unfit.to_string();
        match unfit {
            Unfit::Oversized { .. } => Self(Refusal::Oversized, Status::resource_exhausted(text)),
            Unfit::Compressed => Self(Refusal::Malformed, Status::unimplemented(text)),
            Unfit::NoMemory => Self::held(),
            Unfit::Trailing | Unfit::Short => Self(Refusal::Malformed, Status::internal(text)),
        }
    }
}
