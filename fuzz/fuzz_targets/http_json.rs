//! A request's JSON as a server gets it. What is taken is a message that is written and read back as the same; nothing
//! panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::transport::http::json;

fuzz_target!(|text: &[u8]| {
    let _ = json::read_address(text);
    if let Ok(answer) = json::read_answer(text) {
        assert_eq!(json::read_answer(&json::write_answer(&answer)).unwrap(), answer);
    }
    if let Ok(message) = json::read(text) {
        // Without a model's bytes, which are put in where it is sent.
        let written = json::write(&message);
        let again = json::read(&[written.head, written.tail].concat()).unwrap();
        assert_eq!((&again.source, again.round, &again.cmd), (&message.source, message.round, &message.cmd));
    }
});
