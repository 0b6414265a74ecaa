//! gRPC messages out of a stream of bytes, within bounds.

use super::super::grpc::PREFIX;
use crate::transport::socket::make_room;
use bytes::{Buf as _, Bytes};

/// So many bytes of a message that is too large are kept, to see which it is.
const BEGINNING: usize = 16;

/// Splits what comes into messages.
#[derive(Debug)]
pub struct Splitter {
    limit: usize,
    /// The beginning of a message that has not come to its end.
    partial: Vec<u8>,
    /// Bytes of a message that is too large which are still to come.
    skip: usize,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A message.
    Message(Bytes),
    /// A message that is larger than is taken; the rest of it is passed over.
    Oversized {
        /// Its first bytes.
        beginning: Bytes,
        /// Bytes that it says it has.
        claimed: usize,
    },
}

/// Why what comes is not to be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It says that it is compressed, which was not agreed on.
    #[error("compressed messages are not taken")]
    Compressed,
    /// The system has no memory for a message.
    #[error("there is no memory for the message")]
    NoMemory,
}

impl Splitter {
    /// For messages of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, partial: Vec::new(), skip: 0 }
    }

    /// Bytes of memory that a message takes which has not come to its end, with room for what is still to come.
    pub fn takes(&self) -> usize {
        self.partial.capacity()
    }

    /// Whether a message has begun and not come to its end.
    pub fn is_within(&self) -> bool {
        self.skip > 0 || !self.partial.is_empty()
    }

    /// The next message of `chunk`, which it is taken out of; nothing if there is no whole one. To be called until then.
    ///
    /// # Errors
    ///
    /// If what comes is not to be read any further.
    pub fn next(&mut self, chunk: &mut Bytes) -> Result<Option<Piece>, Unreadable> {
        let passed_over = self.skip.min(chunk.len());
        chunk.advance(passed_over);
        self.skip -= passed_over;
        if chunk.is_empty() {
            return Ok(None);
        }
        if !self.partial.is_empty() {
            return self.go_on(chunk);
        }
        match claimed(chunk)? {
            Some(claimed) if claimed <= self.limit && chunk.len() >= PREFIX + claimed => {
                chunk.advance(PREFIX);
                Ok(Some(Piece::Message(chunk.split_to(claimed))))
            }
            _ => self.go_on(chunk),
        }
    }

    /// Goes on with a message that comes in pieces.
    fn go_on(&mut self, chunk: &mut Bytes) -> Result<Option<Piece>, Unreadable> {
        // Its length first, and enough of it to know which it is.
        self.take(chunk, PREFIX);
        let Some(claimed) = claimed(&self.partial)? else { return Ok(None) };
        if claimed > self.limit {
            let beginning = BEGINNING.min(claimed);
            self.take(chunk, PREFIX + beginning);
            if self.partial.len() < PREFIX + beginning {
                return Ok(None);
            }
            self.skip = claimed - beginning;
            let mut beginning = Bytes::from(std::mem::take(&mut self.partial));
            beginning.advance(PREFIX);
            return Ok(Some(Piece::Oversized { beginning, claimed }));
        }
        let whole = PREFIX + claimed;
        let more = (whole - self.partial.len()).min(chunk.len());
        let needed = self.partial.len() + more;
        make_room(&mut self.partial, needed, whole).map_err(|_| Unreadable::NoMemory)?;
        self.take(chunk, whole);
        if self.partial.len() < whole {
            return Ok(None);
        }
        let mut message = Bytes::from(std::mem::take(&mut self.partial));
        message.advance(PREFIX);
        Ok(Some(Piece::Message(message)))
    }

    /// Moves bytes over until there are so many.
    fn take(&mut self, chunk: &mut Bytes, until: usize) {
        let more = until.saturating_sub(self.partial.len()).min(chunk.len());
        self.partial.extend_from_slice(&chunk[..more]);
        chunk.advance(more);
    }
}

/// The length that a message says it has, once that is known.
fn claimed(known: &[u8]) -> Result<Option<usize>, Unreadable> {
    match known.first_chunk::<PREFIX>() {
        None => Ok(None),
        Some(&[0, a, b, c, d]) => Ok(Some(u32::from_be_bytes([a, b, c, d]) as usize)),
        Some(_) => Err(Unreadable::Compressed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend((message.len() as u32).to_be_bytes());
        bytes.extend(message);
        bytes
    }

    fn split(bytes: &[u8], piece: usize, limit: usize) -> Result<Vec<Piece>, Unreadable> {
        let mut splitter = Splitter::new(limit);
        let mut all = Vec::new();
        for chunk in bytes.chunks(piece) {
            let mut chunk = Bytes::copy_from_slice(chunk);
            while let Some(piece) = splitter.next(&mut chunk)? {
                all.push(piece);
            }
            assert!(chunk.is_empty(), "all of it was taken");
            assert!(splitter.partial.len() <= limit.max(BEGINNING) + PREFIX);
        }
        Ok(all)
    }

    proptest! {
        #[test]
        fn messages_are_the_same_in_whatever_pieces_they_come_and_the_too_large_are_passed_over(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..12),
            piece in 1..700usize,
        ) {
            const LIMIT: usize = 200;
            let bytes: Vec<u8> = messages.iter().flat_map(|it| framed(it)).collect();
            let expected: Vec<Piece> = messages
                .into_iter()
                .map(|it| match it.len() {
                    ..=LIMIT => Piece::Message(it.into()),
                    claimed => Piece::Oversized { beginning: it[..BEGINNING].to_vec().into(), claimed },
                })
                .collect();
            prop_assert_eq!(split(&bytes, piece, LIMIT), Ok(expected));
        }

        #[test]
        fn whatever_comes_is_split_or_refused(
            bytes in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..300), piece in 1..300usize,
        ) {
            let _ = split(&bytes, piece, 40);
        }
    }

    #[test]
    fn compressed_messages_are_refused() {
        assert_eq!(split(&[1, 0, 0, 0, 0], 1, 9), Err(Unreadable::Compressed));
    }

    #[test]
    fn a_claim_alone_gets_little_memory() {
        let mut splitter = Splitter::new(1 << 30);
        for mut chunk in [&[0, 0x40, 0, 0][..], &[0, 1], &[2, 3]].map(Bytes::from_static) {
            assert_eq!(splitter.next(&mut chunk), Ok(None));
        }
        assert!(splitter.partial.capacity() <= (64 << 10) + PREFIX, "{} bytes", splitter.partial.capacity());
    }

    #[test]
    fn a_message_in_one_piece_is_not_copied() {
        let all = Bytes::from(framed(&[7; 100]));
        let Ok(Some(Piece::Message(message))) = Splitter::new(100).next(&mut all.clone()) else {
            panic!("it is there")
        };
        assert_eq!(message.as_ptr(), all[PREFIX..].as_ptr());
    }
}
