//! The promises of the transport without sockets: messages by reference, in their order, bounded by bytes.

use p2pfl_sim::metrics::Phase;
use p2pfl_sim::transport::{Envelope, Full, Item, Memory};
use p2pfl_sim::wire::Message;

const LIMIT: u64 = 1_000_000;

/// `sent` tells messages apart.
fn envelope(from: u32, sent: u64, bytes: u64) -> Envelope {
    Envelope {
        from,
        message: Message::Handshake,
        back: None,
        sent,
        due: 0,
        bytes,
        phase: Phase::Learning,
        progress: true,
        through: false,
        outside: false,
    }
}

#[test]
fn every_message_is_delivered_once_and_those_of_a_pair_in_their_order() {
    let (memory, inboxes) = Memory::<()>::new(5, u64::MAX);
    std::thread::scope(|scope| {
        for from in 1..5 {
            let memory = &memory;
            scope.spawn(move || (0..10_000).for_each(|i| memory.send(0, envelope(from, i, 64)).unwrap()));
        }
    });
    let mut next = [0; 5];
    for item in inboxes[0].drain() {
        let Item::Message(it) = item else { panic!("only messages were sent") };
        assert_eq!(it.sent, next[it.from as usize], "of node {}", it.from);
        next[it.from as usize] += 1;
    }
    assert_eq!(next, [0, 10_000, 10_000, 10_000, 10_000]);
}

#[test]
fn a_node_that_does_not_keep_up_is_handed_no_more_than_its_inbox_holds() {
    let (memory, inboxes) = Memory::<()>::new(2, LIMIT);
    let refused =
        (0..100).filter(|&i| matches!(memory.send(1, envelope(0, i, 50_000)), Err(Full(_)))).count();
    assert_eq!((inboxes[1].len(), refused), (20, 80));
    assert!(matches!(inboxes[1].recv(), Ok(Item::Message(it)) if it.sent == 0));
    memory.taken(1, 50_000);
    memory.send(1, envelope(0, 100, 50_000)).expect("there is room again");
}

#[test]
fn a_message_to_a_node_whose_task_has_ended_is_no_fault() {
    let (memory, mut inboxes) = Memory::<()>::new(2, LIMIT);
    inboxes.remove(1);
    memory.send(1, envelope(0, 0, 10)).expect("nobody takes it, and nobody minds");
}
