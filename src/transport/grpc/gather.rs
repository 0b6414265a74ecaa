//! A gRPC message on its way in: put together from what comes, within bounds, and checked to be one message.

use super::payload::PREFIX;
use crate::transport::socket::make_room;
use bytes::{Buf as _, Bytes};

/// Puts one message together.
#[derive(Debug)]
pub struct Gather {
    limit: usize,
    /// All of it, if it came in one piece, and nothing is copied then.
    first: Bytes,
    rest: Vec<u8>,
}

/// Why what came is not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It says that it is compressed, which was not agreed on.
    #[error("compressed messages are not taken")]
    Compressed,
    /// It says that it is larger than is taken.
    #[error("a message of {claimed} bytes is larger than {limit}, the most that is taken")]
    Oversized {
        /// Bytes that it says it has.
        claimed: usize,
        /// Bytes that are taken.
        limit: usize,
    },
    /// Something comes behind it.
    #[error("something comes behind the message")]
    Trailing,
    /// It ends before its end.
    #[error("the message ends before its end")]
    Short,
    /// The system has no memory for it.
    #[error("there is no memory for the message")]
    NoMemory,
}

impl Gather {
    /// For a message of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, first: Bytes::new(), rest: Vec::new() }
    }

    /// Adds what came.
    ///
    /// # Errors
    ///
    /// As soon as it is certain that this is no message: an oversized one is refused at its length.
    pub fn add(&mut self, chunk: Bytes) -> Result<(), Unfit> {
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = chunk;
        } else {
            let whole = PREFIX + self.claimed()?.unwrap_or(0);
            let needed = self.held() + chunk.len();
            make_room(&mut self.rest, needed, whole).map_err(|_| Unfit::NoMemory)?;
            self.rest.extend_from_slice(&std::mem::take(&mut self.first));
            self.rest.extend_from_slice(&chunk);
        }
        match self.claimed()? {
            Some(claimed) if self.held() > PREFIX + claimed => Err(Unfit::Trailing),
            _ => Ok(()),
        }
    }

    /// Bytes that are held.
    pub fn held(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    /// Bytes of memory that this takes, with room for what is still to come.
    pub fn takes(&self) -> usize {
        self.first.len() + self.rest.capacity()
    }

    /// The message's bytes, after all has come.
    ///
    /// # Errors
    ///
    /// If it is not all of one message.
    pub fn finish(self) -> Result<Bytes, Unfit> {
        match self.claimed()? {
            Some(claimed) if self.held() == PREFIX + claimed => {
                let mut message = if self.rest.is_empty() { self.first } else { self.rest.into() };
                message.advance(PREFIX);
                Ok(message)
            }
            _ => Err(Unfit::Short),
        }
    }

    /// The length that it says it has, once that is known and nothing speaks against it.
    fn claimed(&self) -> Result<Option<usize>, Unfit> {
        let known = if self.rest.is_empty() { &self.first[..] } else { &self.rest[..] };
        let Some(&[compressed, a, b, c, d]) = known.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        if compressed != 0 {
            return Err(Unfit::Compressed);
        }
        let claimed = u32::from_be_bytes([a, b, c, d]) as usize;
        if claimed > self.limit {
            return Err(Unfit::Oversized { claimed, limit: self.limit });
        }
        Ok(Some(claimed))
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

    fn gathered(bytes: &[u8], piece: usize, limit: usize) -> Result<Bytes, Unfit> {
        let mut gather = Gather::new(limit);
        for chunk in bytes.chunks(piece) {
            gather.add(Bytes::copy_from_slice(chunk))?;
        }
        gather.finish()
    }

    proptest! {
        #[test]
        fn a_message_is_the_same_in_whatever_pieces_it_comes(
            message in prop::collection::vec(any::<u8>(), 0..3_000), piece in 1..4_000usize,
        ) {
            prop_assert_eq!(gathered(&framed(&message), piece, 3_000), Ok(Bytes::from(message)));
        }

        #[test]
        fn whatever_comes_is_a_message_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1..300usize,
        ) {
            if let Ok(message) = gathered(&bytes, piece, 100) {
                prop_assert_eq!(framed(&message), bytes);
            }
        }
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_reason() {
        assert_eq!(gathered(&[], 9, 9), Err(Unfit::Short));
        assert_eq!(gathered(&[0, 0, 0], 9, 9), Err(Unfit::Short));
        assert_eq!(gathered(&[0, 0, 0, 0, 2, 7], 9, 9), Err(Unfit::Short));
        assert_eq!(gathered(&[0, 0, 0, 0, 1, 7, 7], 9, 9), Err(Unfit::Trailing));
        assert_eq!(gathered(&[1, 0, 0, 0, 1, 7], 9, 9), Err(Unfit::Compressed));
    }

    #[test]
    fn an_oversized_message_is_refused_at_its_length() {
        let mut gather = Gather::new(1_000);
        let oversized = Unfit::Oversized { claimed: 1_001, limit: 1_000 };
        assert_eq!(gather.add(Bytes::from_static(&[0, 0, 0, 3, 0xe9])), Err(oversized));
    }

    #[test]
    fn a_claim_alone_gets_little_memory() {
        let mut gather = Gather::new(1 << 30);
        gather.add(Bytes::from_static(&[0, 0x40, 0, 0])).unwrap();
        gather.add(Bytes::from_static(&[0, 1])).unwrap();
        gather.add(Bytes::from_static(&[2, 3])).unwrap();
        assert!(gather.rest.capacity() <= (64 << 10) + PREFIX, "{} bytes", gather.rest.capacity());
    }
}
