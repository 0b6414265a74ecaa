//! Any bytes are read as a message, or refused with a reason; what is read can be passed on, and is as long as counted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::wire::size::Sizes;
use p2pfl_sim::wire::{AddressBook, Expected, Message, Names, decode, encode, proto};
use prost::Message as _;
use std::sync::Arc;

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = proto::RootMessage::decode(bytes) else { return };
    let names = Arc::new(Names::default());
    let book = AddressBook::Named(Arc::clone(&names));
    names.number(&message.source);
    let expected = Expected::any().up_to(1 << 20);
    match decode::root(&book, &names, message, &expected) {
        Ok(decoded) => {
            let Message::Gossip(parcel) = decoded.message else { return };
            let passed_on = encode::gossip(&book, &parcel[0]);
            let size = Sizes::new(book.clone(), 0).gossip_payload(&parcel[0]);
            assert_eq!(passed_on.encoded_len() as u64, size);
            assert!(decode::root(&book, &names, passed_on, &expected).is_ok());
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
});
