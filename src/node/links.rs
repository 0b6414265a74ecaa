//! How a node comes to have neighbours and keeps track of them: handshake, disconnect, heartbeats and their expiry.
//! What learning makes of a neighbour is the workflow's.

use super::context::Context;
use super::flood::{Flood, next_tick};
use super::io::{Expect, Record, RequestId, Start, Timer, Weight};
use super::neighbours::Neighbours;
use crate::random::Purpose;
use crate::time::{Time, nanos};
use crate::wire::{GossipBody, Message, NO_ROUND, PeerId, Response};
use rand::Rng;
use std::sync::Arc;

/// What P2PFL answers a handshake that it refuses.
pub const REFUSED: &str = "Cannot add the node (duplicated or wrong direction)";

/// A node's connections.
#[derive(Debug)]
pub struct Links {
    node: PeerId,
    pub neighbours: Neighbours,
    /// Made where the workflow floods: many nodes of others never do.
    flood: Option<Box<Flood>>,
    incarnation: u32,
    /// Nothing while no connection is being made, which is nearly always.
    dialling: Option<Box<Dialling>>,
    persistent: bool,
    connected: bool,
    requests: RequestId,
    beats: bool,
    /// Beats sent. P2PFL looks for silent neighbours from its second beat on.
    beat_count: u32,
    beat_phase: u64,
}

/// Connections that are being made.
#[derive(Debug, Default)]
struct Dialling {
    /// Requests under way.
    asked: Vec<(RequestId, PeerId)>,
    /// Peers to try again.
    again: Vec<(PeerId, Weight)>,
    /// Peers whose turn has not come yet.
    waiting: Vec<PeerId>,
}

/// A node that does not beat asks so many peers after another, where it has as many to ask.
const TURNS: usize = 16;

/// What a neighbour did that a workflow may care about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A connection was made.
    Connected(PeerId),
    /// A neighbour left, fell silent or hung up.
    Gone(PeerId),
}

impl Links {
    /// No connections yet. `beats` tells whether the node sends heartbeats.
    pub fn new(cx: &Context, node: PeerId, incarnation: u32, beats: bool) -> Self {
        let period = nanos(cx.rules.settings.heartbeat.period.0).max(1);
        Self {
            node,
            neighbours: Neighbours::new(beats, incarnation == 0 && beats),
            flood: beats.then(|| Box::new(Flood::new(cx, node, incarnation))),
            incarnation,
            dialling: None,
            persistent: false,
            connected: false,
            requests: 0,
            beats,
            beat_count: 0,
            beat_phase: cx.random(node, Purpose::Phase, 1).next_u64() % period,
        }
    }

    /// The node's part in flooding.
    pub fn flood(&mut self, cx: &Context) -> &mut Flood {
        let (node, incarnation) = (self.node, self.incarnation);
        self.flood.get_or_insert_with(|| Box::new(Flood::new(cx, node, incarnation)))
    }

    /// A number for a new request.
    pub fn request(&mut self) -> RequestId {
        self.requests = self.requests.wrapping_add(1);
        self.requests
    }

    /// Comes up: connects, and starts beating.
    pub fn start(&mut self, cx: &mut Context, start: &Start) {
        self.persistent = start.persistent;
        if self.beats {
            // Who beats is to be heard of soon.
            start.dial.iter().for_each(|&peer| self.dial(cx, peer));
        } else if !start.dial.is_empty() {
            // P2PFL's calls to connect wait for each other. So many turns are enough for a hub of any size, and where
            // there are a million nodes they do not all have all their requests under way at once.
            let waiting = start.dial.iter().rev().copied().collect();
            self.dialling.get_or_insert_default().waiting = waiting;
            (0..start.dial.len().div_ceil(TURNS)).for_each(|_| self.dial_next(cx));
        }
        self.check_connected(cx);
        if self.beats {
            self.arm_beat(cx);
        }
    }

    /// Asks the next peer whose turn it is, if there is one.
    fn dial_next(&mut self, cx: &mut Context) {
        if let Some(peer) = self.dialling.as_mut().and_then(|it| it.waiting.pop()) {
            self.dial(cx, peer);
        }
    }

    fn dial(&mut self, cx: &mut Context, peer: PeerId) {
        let request = self.request();
        self.dialling.get_or_insert_default().asked.push((request, peer));
        cx.send(peer, Message::Handshake, Expect::Response(request));
    }

    /// A peer wants to be listed. Nobody lists itself. A handshake from a peer that is listed already is refused by
    /// P2PFL; `repaired` takes it for what it is, the peer's restart.
    pub fn handshake(
        &mut self,
        cx: &mut Context,
        from: PeerId,
        request: Option<RequestId>,
    ) -> Option<Change> {
        let added = from != self.node && self.neighbours.add_direct(from, cx.now);
        if added || (cx.rules.repaired() && from != self.node) {
            if !added {
                self.neighbours.renew(from, cx.now);
            }
            self.heard(cx, from);
            cx.reply(from, request, Response::Empty);
            Some(Change::Connected(from))
        } else {
            cx.reply(from, request, Response::Error(Arc::from(REFUSED)));
            None
        }
    }

    /// A peer wants to be forgotten.
    pub fn disconnect(&mut self, from: PeerId) -> Option<Change> {
        self.neighbours.remove(from).map(|_| Change::Gone(from))
    }

    /// An answer to a handshake of ours; nothing if it answers something else. Where none came in time, `repaired`
    /// tries again: the peer may list this node already, and would be connected to one that does not list it.
    pub fn response(
        &mut self,
        cx: &mut Context,
        request: RequestId,
        response: &Response,
    ) -> Option<Option<Change>> {
        let dialling = self.dialling.as_mut()?;
        let i = dialling.asked.iter().position(|(id, _)| *id == request)?;
        let (_, peer) = dialling.asked.swap_remove(i);
        self.dial_next(cx);
        let mut change = None;
        if *response == Response::Empty {
            if self.neighbours.add_direct(peer, cx.now) {
                change = Some(Change::Connected(peer));
            }
            self.heard(cx, peer);
        } else {
            let lost = *response == Response::Timeout || self.connected;
            if self.persistent || (cx.rules.repaired() && lost) {
                // Nobody may ever be there again: the run does not wait for it.
                let idle = *response == Response::Unreachable || self.connected;
                self.try_again(cx, peer, if idle { Weight::Background } else { Weight::Progress });
            }
        }
        self.check_connected(cx);
        Some(change)
    }

    fn try_again(&mut self, cx: &mut Context, peer: PeerId, weight: Weight) {
        let dialling = self.dialling.get_or_insert_default();
        dialling.again.push((peer, weight));
        let progress = dialling.again.iter().any(|(_, weight)| *weight == Weight::Progress);
        let weight = if progress { Weight::Progress } else { Weight::Background };
        cx.set_timer(Timer::Dial, cx.now + cx.rules.settings.heartbeat.period.0, weight);
    }

    /// Tries again those that refused.
    pub fn redial(&mut self, cx: &mut Context) {
        let again = self.dialling.as_mut().map(|it| std::mem::take(&mut it.again)).unwrap_or_default();
        for (peer, _) in again {
            if !self.neighbours.is_direct(peer) {
                self.dial(cx, peer);
            }
        }
    }

    /// A peer's beat.
    pub fn beat(&mut self, cx: &mut Context, source: PeerId, at: Time) {
        // P2PFL goes by the time in the beat, so its clocks must agree and far peers seem older than they are;
        // `repaired` goes by its own clock.
        let at = if cx.rules.repaired() { cx.now } else { at };
        self.neighbours.beat(source, at, cx.now);
        self.heard(cx, source);
    }

    /// The time for a beat has come: forget the silent, then beat. Returns who was forgotten.
    pub fn tick(&mut self, cx: &mut Context) -> Vec<Change> {
        let mut gone = Vec::new();
        if self.beat_count > 0 {
            for peer in self.neighbours.silent(cx.now, cx.rules.settings.heartbeat.timeout.0) {
                // P2PFL never connects again. In `repaired` silence may have been a partition, and both sides look
                // whether it is over.
                if self.remove(cx, peer) && cx.rules.repaired() {
                    self.try_again(cx, peer, Weight::Background);
                }
                gone.push(Change::Gone(peer));
            }
        }
        self.beat_count = self.beat_count.saturating_add(1);
        self.broadcast(cx, NO_ROUND, GossipBody::Beat(cx.now));
        self.arm_beat(cx);
        gone
    }

    /// Forgets a peer, and tells it if there is a connection; whether there was one.
    fn remove(&mut self, cx: &mut Context, peer: PeerId) -> bool {
        let direct = self.neighbours.remove(peer).unwrap_or(false);
        if direct {
            cx.send(peer, Message::Disconnect, Expect::Nothing);
        }
        direct
    }

    /// Says goodbye to all neighbours.
    pub fn leave(&mut self, cx: &mut Context) {
        let known: Vec<PeerId> = self.neighbours.everyone();
        for peer in known {
            self.remove(cx, peer);
        }
    }

    /// Says something to everyone.
    pub fn broadcast(&mut self, cx: &mut Context, round: i32, body: GossipBody) {
        let direct = Arc::clone(self.neighbours.direct());
        self.flood(cx).broadcast(cx, &direct, round, body);
    }

    fn heard(&mut self, cx: &mut Context, peer: PeerId) {
        if self.neighbours.first_heard(peer) {
            cx.record(Record::Heard);
        }
    }

    fn check_connected(&mut self, cx: &mut Context) {
        if self
            .dialling
            .as_ref()
            .is_some_and(|it| !it.asked.is_empty() || !it.again.is_empty() || !it.waiting.is_empty())
        {
            return;
        }
        self.dialling = None;
        if !self.connected {
            self.connected = true;
            cx.record(Record::Connected);
        }
    }

    fn arm_beat(&self, cx: &mut Context) {
        let period = nanos(cx.rules.settings.heartbeat.period.0).max(1);
        cx.set_timer(Timer::Beat, next_tick(cx.now, period, self.beat_phase), Weight::Background);
    }

    /// Whether connections are being made that may yet succeed: a peer that could not be reached is not waited for.
    pub fn is_dialling(&self) -> bool {
        self.dialling.as_ref().is_some_and(|it| {
            !it.asked.is_empty()
                || !it.waiting.is_empty()
                || it.again.iter().any(|(_, weight)| *weight == Weight::Progress)
        })
    }

    /// Which node this is.
    pub const fn node(&self) -> PeerId {
        self.node
    }
}
