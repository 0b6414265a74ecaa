//! What a server says: a message with status OK, or a status alone.

use super::payload;
use crate::transport::socket::{Outcome, Respond};
use crate::wire::proto;
use bytes::{Buf as _, Bytes};
use h2::server::SendResponse;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use std::task::{Context, Waker};
use tonic::Status;

/// The five bytes before an empty message, which most answers are.
const NOTHING: Bytes = Bytes::from_static(&[0; payload::PREFIX]);

/// The way back of one call. Writing to it never waits: what is said is short.
#[derive(Debug)]
pub struct Responder(pub(super) SendResponse<Bytes>);

impl Responder {
    /// Says a message, and that all is well. That the other end is gone is no matter to anyone here.
    fn message(mut self, message: &proto::ResponseMessage) {
        let mut head = Response::new(());
        head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        let Ok(mut body) = self.0.send_response(head, false) else { return };
        let nothing = message.response.is_none() && message.error.is_none();
        let bytes = if nothing {
            NOTHING
        } else {
            let mut payload = payload::of(message);
            payload.copy_to_bytes(payload.remaining())
        };
        if body.send_data(bytes, false).is_ok() {
            let mut trailers = HeaderMap::with_capacity(1);
            trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
            let _ = body.send_trailers(trailers);
        }
    }

    /// Says a gRPC status instead of a message.
    pub fn status(mut self, status: &Status) {
        let mut head = Response::new(());
        head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        if status.add_header(head.headers_mut()).is_ok() {
            let _ = self.0.send_response(head, true);
        }
    }

    /// Says that this is no gRPC at all.
    pub fn not_grpc(mut self) {
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let _ = self.0.send_response(head, true);
    }
}

impl Respond for Responder {
    fn say(self: Box<Self>, outcome: Outcome) {
        match outcome {
            Ok(answer) => self.message(&answer.into()),
            Err(status) => self.status(&status),
        }
    }

    /// Whether the other end has reset the stream.
    fn is_abandoned(&mut self) -> bool {
        self.0.poll_reset(&mut Context::from_waker(Waker::noop())).is_ready()
    }
}
