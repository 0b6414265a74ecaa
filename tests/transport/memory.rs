//! The promises of the transport without sockets: what is handed over by reference comes in its order, bounded by bytes.

use p2pfl_sim::transport::Memory;

const LIMIT: u64 = 1_000_000;

#[test]
fn every_message_is_delivered_once_and_those_of_a_pair_in_their_order() {
    let (memory, inboxes) = Memory::new(5, u64::MAX);
    std::thread::scope(|scope| {
        for from in 1..5_usize {
            let memory = &memory;
            scope.spawn(move || (0..10_000).for_each(|i| memory.send(0, 64, (from, i)).unwrap()));
        }
    });
    let mut next = [0; 5];
    for (from, i) in inboxes[0].drain() {
        assert_eq!(i, next[from], "of node {from}");
        next[from] += 1;
    }
    assert_eq!(next, [0, 10_000, 10_000, 10_000, 10_000]);
}

#[test]
fn a_node_that_does_not_keep_up_is_handed_no_more_than_its_inbox_holds() {
    let (memory, inboxes) = Memory::new(2, LIMIT);
    let refused = (0..100).filter(|&i| memory.send(1, 50_000, i) == Err(i)).count();
    assert_eq!((inboxes[1].len(), refused), (20, 80));
    assert_eq!(inboxes[1].recv(), Ok(0));
    memory.taken(1, 50_000);
    memory.send(1, 50_000, 100).expect("there is room again");
}

#[test]
fn a_message_to_a_node_whose_task_has_ended_is_no_fault() {
    let (memory, mut inboxes) = Memory::new(2, LIMIT);
    inboxes.remove(1);
    memory.send(1, 10, "to nobody").expect("nobody takes it, and nobody minds");
}
