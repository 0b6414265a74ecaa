//! What is to be written on a stream, in as few frames as there is reason for, and never more than the other end takes.

use bytes::{Buf, Bytes, BytesMut};
use h2::SendStream;
use std::collections::VecDeque;
use std::task::{Context, Poll};

/// Small pieces are put together up to so many bytes.
const BATCH: usize = 32 << 10;
/// A piece below this is put together with others.
const SMALL: usize = 4 << 10;

/// Bytes on their way to a stream.
#[derive(Debug, Default)]
pub struct Writer {
    pieces: VecDeque<Bytes>,
    /// What is being put together: the last of the pieces.
    open: BytesMut,
    /// Bytes of the pieces.
    held: usize,
}

impl Writer {
    /// Adds a piece; larger ones are not copied.
    pub fn add(&mut self, piece: Bytes) {
        if piece.len() >= SMALL {
            self.seal();
            self.held += piece.len();
            self.pieces.push_back(piece);
        } else {
            self.room(piece.len()).extend_from_slice(&piece);
        }
    }

    /// Where `more` bytes can be written.
    pub fn room(&mut self, more: usize) -> &mut BytesMut {
        if !self.open.is_empty() && self.open.len() + more > BATCH {
            self.seal();
        }
        self.open.reserve(more);
        &mut self.open
    }

    /// Bytes that wait for the other end to read.
    pub fn held(&self) -> usize {
        self.held + self.open.len()
    }

    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.held += self.open.len();
            self.pieces.push_back(self.open.split().freeze());
        }
    }

    /// Writes as much as the other end takes. Ready when all is written, or the stream is broken.
    pub fn poll_write<B: Buf>(
        &mut self,
        stream: &mut SendStream<B>,
        cx: &mut Context<'_>,
        of: impl Fn(Bytes) -> B,
    ) -> Poll<Result<(), h2::Error>> {
        self.seal();
        while let Some(piece) = self.pieces.front_mut() {
            stream.reserve_capacity(piece.len());
            let free = match stream.capacity() {
                0 => match stream.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(free))) => free,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) => return Poll::Ready(Err(h2::Reason::CANCEL.into())),
                    Poll::Pending => return Poll::Pending,
                },
                free => free,
            };
            let part = piece.split_to(free.min(piece.len()));
            let done = piece.is_empty();
            self.held -= part.len();
            if !part.is_empty() {
                stream.send_data(of(part), false)?;
            }
            if done {
                self.pieces.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}
