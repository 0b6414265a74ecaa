//! A request as a server gets it, in pieces: gRPC's framing, and then protobuf. No more is held than the limit, and what
//! is taken is what was sent; nothing panics.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use p2pfl_sim::transport::grpc::gather::Gather;
use p2pfl_sim::wire::proto::RootMessage;
use prost::Message as _;

const LIMIT: usize = 4_096;

fuzz_target!(|pieces: Vec<Vec<u8>>| {
    let sent = pieces.concat();
    let mut gather = Gather::new(LIMIT);
    for piece in pieces {
        if gather.add(Bytes::from(piece)).is_err() {
            return;
        }
    }
    assert!(gather.held() <= LIMIT + 5);
    if let Ok(message) = gather.finish() {
        assert_eq!(message[..], sent[5..]);
        let _ = RootMessage::decode(message);
    }
});
