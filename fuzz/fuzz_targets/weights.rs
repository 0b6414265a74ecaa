//! Any bytes are read as a model, or refused with a reason; nothing panics, and what was read is the same when it is
//! written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::wire::{Expected, unpickle, weights};

fuzz_target!(|bytes: &[u8]| {
    let expected = Expected::any().up_to(1 << 20);
    match unpickle::model(&bytes.to_vec().into(), &expected) {
        Ok(model) => {
            let written = weights::encode_model(&model);
            let again = unpickle::model(&written, &Expected::any()).expect("what was written is a model");
            assert_eq!((again.layout(), again.digest()), (model.layout(), model.digest()));
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
});
