//! What is written on a connection: JSON, a model's bytes turned into base64 only as the connection takes them, so that a
//! model that goes to many peers is not there as text for each.

use super::base64;
use super::json::Written;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes of a model that are turned into text at a time: a multiple of three, whose text is 64 KiB.
const STEP: usize = 48 << 10;

/// A body: JSON, or nothing.
#[derive(Debug, Default)]
pub struct Text {
    head: Bytes,
    model: Bytes,
    tail: Bytes,
}

impl Text {
    /// This alone.
    pub fn of(all: impl Into<Bytes>) -> Self {
        Self { head: all.into(), ..Self::default() }
    }

    fn length(&self) -> usize {
        self.head.len() + base64::encoded_len(self.model.len()) + self.tail.len()
    }

    fn next(&mut self) -> Bytes {
        let head = std::mem::take(&mut self.head);
        if self.model.is_empty() {
            if self.tail.is_empty() {
                return head;
            }
            return Bytes::from([head, std::mem::take(&mut self.tail)].concat());
        }
        let step = self.model.split_to(STEP.min(self.model.len()));
        let last = if self.model.is_empty() { std::mem::take(&mut self.tail) } else { Bytes::new() };
        let mut piece = Vec::with_capacity(head.len() + base64::encoded_len(step.len()) + last.len());
        piece.extend_from_slice(&head);
        base64::append(&step, &mut piece);
        piece.extend_from_slice(&last);
        piece.into()
    }
}

impl From<Written> for Text {
    fn from(it: Written) -> Self {
        Self { head: it.head.into(), model: it.model, tail: it.tail.into() }
    }
}

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(if self.is_end_stream() { None } else { Some(Ok(Frame::data(self.next()))) })
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length() as u64)
    }
}
