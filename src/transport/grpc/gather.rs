//! A gRPC message on its way in: put together from what comes, within bounds, and checked to be one message.

use super::payload::PREFIX;
use bytes::{Buf as _, Bytes, BytesMut};

/// Room that is made on the strength of a claim alone.
const TRUSTED: usize = 64 << 10;
/// How much of a claimed length has to be there before room is made for the next step of it.
const STEP: usize = 16;

/// Puts one message together.
#[derive(Debug)]
pub struct Gather {
    limit: usize,
    /// All of it, if it came in one piece, and nothing is copied then.
    first: Bytes,
    rest: BytesMut,
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
}

impl Gather {
    /// For a message of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, first: Bytes::new(), rest: BytesMut::new() }
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
            self.make_room(chunk.len())?;
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
                let mut message = if self.rest.is_empty() { self.first } else { self.rest.freeze() };
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

    /// Room for `more`, growing towards the claimed length in great steps: little is copied twice, and who only claims
    /// does not get much memory.
    fn make_room(&mut self, more: usize) -> Result<(), Unfit> {
        let needed = self.held() + more;
        if needed > self.rest.capacity() {
            let whole = PREFIX + self.claimed()?.unwrap_or(0);
            let room = needed.max(whole.min(TRUSTED.max(needed.saturating_mul(STEP))));
            self.rest.reserve(room - self.rest.len());
        }
        Ok(())
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
        assert!(gather.rest.capacity() <= TRUSTED + PREFIX, "{} bytes", gather.rest.capacity());
    }
}
