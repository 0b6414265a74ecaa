//! What comes on a gRPC stream, in pieces: messages are split off within bounds, and each is a request or an answer, or
//! refused; nothing panics.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use p2pfl_sim::transport::exchange::frames;
use p2pfl_sim::transport::stream::split::{Piece, Splitter};

const LIMIT: usize = 4_096;

fuzz_target!(|pieces: Vec<Vec<u8>>| {
    let mut splitter = Splitter::new(LIMIT);
    for piece in pieces {
        let mut chunk = Bytes::from(piece);
        loop {
            match splitter.next(&mut chunk) {
                Err(_) => return,
                Ok(None) => break,
                Ok(Some(Piece::Oversized { beginning, claimed })) => {
                    assert!(claimed > LIMIT);
                    let _ = frames::peek_sequence(&beginning);
                }
                Ok(Some(Piece::Message(message))) => {
                    assert!(message.len() <= LIMIT);
                    let _ = frames::read_response(message.clone());
                    let _ = frames::read_request(message);
                }
            }
        }
        // What is kept of a message that is too large tells which it is.
        assert!(splitter.takes() <= LIMIT + 21);
    }
});
