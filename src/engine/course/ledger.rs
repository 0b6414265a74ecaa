//! The accounts of messages: what a run writes down of each that is sent, copied, lost or taken, whichever engine moves it. What
//! is on a message's way is inlined into the engines' loops.

use crate::metrics::{Cause, Phase, Recorder, Tracer};
use crate::node::io::{Record, Taken};
use crate::time::{Time, nanos};
use crate::wire::size::Sizes;
use crate::wire::{Command, Gossip, Message, PeerId};

/// What gossip comes to that is handed over to several peers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flooded {
    /// Messages to all peers together, and the bytes of their payloads.
    pub messages: u64,
    pub payload: u64,
    /// Bytes of one copy of all that is handed over.
    pub bytes: u64,
    /// Whether any of it may move a node on.
    pub moves_on: bool,
}

/// How a message came to a node.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    pub from: PeerId,
    pub to: PeerId,
    pub phase: Phase,
    /// Bytes of its payload.
    pub bytes: u64,
    /// Nanoseconds since it was handed over, of the clock that the engine follows; nothing if it comes from outside, where nobody
    /// here knows when that was.
    pub waited: Option<u64>,
}

/// Gossip is handed over to several peers, ascending. It is accounted for once for all of them: every message goes to everyone but
/// its source. `wire` says how many bytes a payload puts on the link.
#[inline]
pub fn flooded(
    recorder: &mut Recorder,
    sizes: &Sizes,
    phase: Phase,
    to: &[PeerId],
    parcel: &[Gossip],
    wire: impl Fn(u64) -> u64,
) -> Flooded {
    let mut sum = Flooded::default();
    for gossip in parcel {
        let copies = to.len() as u64 - u64::from(to.binary_search(&gossip.source).is_ok());
        let size = sizes.gossip_payload(gossip);
        recorder.sent(phase, gossip.body.command(), copies, copies * size, copies * wire(size));
        sum.messages += copies;
        sum.payload += copies * size;
        sum.bytes += size;
        sum.moves_on |= gossip.body.moves_on();
    }
    sum
}

/// A node is handed a message that is no news. `times` says when it was sent and when it came, in scenario time.
#[inline]
pub fn delivered(
    recorder: &mut Recorder,
    tracer: &mut Tracer,
    it: &Delivery,
    message: &Message,
    command: Command,
    times: impl FnOnce() -> (Time, Time),
) {
    let Delivery { from, to, phase, bytes, waited } = *it;
    recorder.delivered(phase, command, 1, bytes);
    let Some(waited) = waited else { return };
    recorder.together(phase, waited, 1);
    match message {
        Message::Probe(probe) => return recorder.probe_taken(phase, probe.cell, waited),
        Message::Weights(model) if tracer.follows(from, to) => {
            let (sent, now) = times();
            tracer.transfer(from, to, command, model.round, sent, now, bytes);
        }
        _ => {}
    }
    recorder.message_latency(phase, command, waited, 1);
}

/// A node has been handed news, and has said what of it was new. Messages and bytes together.
#[inline]
pub fn heard(recorder: &mut Recorder, taken: &mut Taken, phase: Phase, waited: Option<u64>) -> (u64, u64) {
    let (mut messages, mut bytes) = (0, 0);
    for command in taken.commands() {
        let delivered = taken.delivered[command.index()];
        let duplicate = taken.duplicate[command.index()];
        let both = delivered.messages + duplicate.messages;
        messages += both;
        bytes += delivered.bytes + duplicate.bytes;
        recorder.delivered(phase, command, delivered.messages, delivered.bytes);
        recorder.duplicate(phase, command, duplicate.messages, duplicate.bytes);
        if let Some(waited) = waited {
            recorder.message_latency(phase, command, waited, both);
        }
    }
    match waited {
        Some(waited) => {
            recorder.together(phase, waited, messages);
            for (span, hops) in taken.spread.drain(..) {
                recorder.dissemination(phase, nanos(span), u32::from(hops));
            }
        }
        None => taken.spread.clear(),
    }
    (messages, bytes)
}

/// A node says something of itself. `measured` makes nanoseconds of the engine's clock of such of scenario time.
#[inline]
pub fn said(
    recorder: &mut Recorder,
    tracer: &mut Tracer,
    node: PeerId,
    now: Time,
    record: &Record,
    measured: impl Fn(u64) -> u64,
) {
    match record {
        Record::Started => tracer.started(node, now),
        Record::RoundStarted(round) => tracer.round(node, *round, now),
        Record::Stage(stage, took) => {
            recorder.stage(*stage, nanos(*took));
            tracer.stage(node, *stage, now - *took, now);
        }
        Record::RoundFinished { took, .. } => recorder.round(nanos(*took)),
        Record::Measured(it) => recorder.measured(*it, now, measured),
        _ => {}
    }
}

/// A message gets lost on its way to a node, or finds nobody there.
pub fn lost(recorder: &mut Recorder, phase: Phase, to: PeerId, message: &Message, cause: Cause) {
    each_command(message, to, |it| recorder.dropped(phase, it, cause, 1));
}

/// The network made a copy of a message to a node.
pub fn copied(recorder: &mut Recorder, phase: Phase, to: PeerId, message: &Message) {
    each_command(message, to, |it| recorder.copied(phase, it, 1));
}

/// Calls `f` with the command of every message in `message` that concerns its receiver: gossip goes to everyone but its source.
fn each_command(message: &Message, to: PeerId, mut f: impl FnMut(Command)) {
    match message {
        Message::Gossip(parcel) => {
            parcel.iter().filter(|it| it.source != to).for_each(|it| f(it.body.command()));
        }
        other => other.command().into_iter().for_each(f),
    }
}
