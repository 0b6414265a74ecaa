//! The fingerprint of a run: every node chains a hash over its protocol events, and the chains are combined in the order
//! of the nodes. Learned values are not part of it: it tells whether the same things happened at the same times.

use crate::node::io::{Control, Input};
use crate::time::Time;
use crate::wire::{Command, Gossip, Message, Response};

/// Adds an input to a node's chain.
pub fn extend(chain: u64, now: Time, input: &Input) -> u64 {
    let (kind, detail) = match input {
        Input::Start(start) => (1, start.dial.len() as u64),
        Input::Message { from, message, request } => {
            let detail = mix(u64::from(*from) ^ (u64::from(request.unwrap_or(0)) << 32), content(message));
            (2, detail)
        }
        Input::Response { request, response } => {
            let code = match response {
                Response::Empty => 0,
                Response::Wanted(wanted) => 1 + u64::from(*wanted),
                Response::Error(_) => 3,
                Response::Timeout => 4,
                Response::Unreachable => 5,
            };
            (3, (u64::from(*request) << 3) | code)
        }
        Input::Timer(timer) => (4, *timer as u64),
        Input::JobDone { job, .. } => (5, u64::from(*job)),
        Input::Control(control) => {
            let code = match control {
                Control::StartLearning(_) => 0,
                Control::Begin(_) => 3,
                Control::StopLearning => 1,
                Control::Leave => 2,
            };
            (6, code)
        }
    };
    mix(mix(chain, now.as_nanos() ^ (kind << 60)), detail)
}

/// Combines the chains of nodes, in their order, with those of the nodes before them.
pub fn combine(before: u64, chains: impl Iterator<Item = u64>) -> u64 {
    chains.fold(before, mix)
}

/// The fingerprint, as it is written.
pub fn written(combined: u64) -> String {
    format!("{combined:016x}")
}

fn content(message: &Message) -> u64 {
    match message {
        Message::Handshake => 1,
        Message::Disconnect => 2,
        Message::Own(it) => {
            let mark = it.declared().map_or(0, |it| it.mark);
            let head = mix(mark.into(), u64::from(it.round as u32));
            it.args().iter().fold(head, |hash, arg| mix(hash, arg.bits()))
        }
        Message::Probe(it) => mix(8, (u64::from(it.cell as u32) << 32) | u64::from(it.size)),
        Message::Gossip(parcel) => parcel.iter().fold(3, |hash, it| mix(hash, gossip(it))),
        Message::Announce(it) => {
            let head = (u64::from(it.round as u32) << 8) | number(it.follows);
            it.contributors.iter().fold(mix(4, head), |hash, peer| mix(hash, u64::from(*peer)))
        }
        Message::GetModel(it) => {
            let head = (u64::from(it.round as u32) << 8) | number(it.follows);
            it.contributors.iter().fold(mix(9, head), |hash, peer| mix(hash, u64::from(*peer)))
        }
        Message::Weights(it) => {
            let head = (u64::from(it.round as u32) << 8) | number(it.command);
            it.contributors.iter().fold(mix(5, head), |hash, peer| mix(hash, u64::from(*peer)))
        }
    }
}

/// The hash of a gossip message is drawn for its source and number, and so stands for all that does not change on its
/// way.
fn gossip(it: &Gossip) -> u64 {
    it.hash as u64 ^ (u64::from(it.ttl.left()) << 8) ^ number(it.body.command())
}

/// What stands for a command: as it was before workflows declared their own, so that fingerprints of old results still hold.
fn number(command: Command) -> u64 {
    match command {
        Command::Probe => 16,
        Command::GetModel => 17,
        Command::SwapModel => 18,
        other => other.index() as u64,
    }
}

/// One round of a multiplicative hash. The rotation carries the high bits, which are the good ones, back down.
fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(26) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::io::Timer;

    #[test]
    fn a_chain_depends_on_what_happened_when_and_in_which_order() {
        let at = Time::from_nanos;
        let (beat, stage) = (Input::Timer(Timer::Beat), Input::Timer(Timer::Stage));
        let base = extend(extend(0, at(1), &beat), at(2), &stage);
        assert_eq!(base, extend(extend(0, at(1), &beat), at(2), &stage));
        assert_ne!(base, extend(extend(0, at(1), &beat), at(3), &stage));
        assert_ne!(base, extend(extend(0, at(1), &stage), at(2), &beat));
        assert_ne!(base, extend(0, at(1), &beat));
    }

    #[test]
    fn the_order_of_nodes_matters() {
        let all = combine(0, [1, 2, 3].into_iter());
        assert_ne!(all, combine(0, [2, 1, 3].into_iter()));
        let in_parts = combine(combine(0, [1].into_iter()), [2, 3].into_iter());
        assert_eq!((all, written(all).len()), (in_parts, 16));
    }
}
