//! With whom a node averages in pairs, and whom it lets average with it.
//!
//! The asker's model travels as `swap_model`; the other's, as it was, comes back as `partial_model`. In between the
//! asker's must not change, or the two would average different things. So who waits for an answer keeps requests for
//! later; and if all did, three that ask each other in a circle would wait for ever. In the paper there are two kinds of
//! nodes, of which only one asks, and no edges within a kind. Here, on any graph, who is about to ask or waits keeps
//! requests of nodes that have made fewer steps than itself, among equals of those with lower numbers, and refuses
//! others. So along a chain of nodes that wait for each other steps become more, and it ends at one that waits for
//! nobody.

use crate::learning::Model;
use crate::node::context::Context;
use crate::node::io::{Expect, Peers, RequestId};
use crate::wire::{Command, Message, PeerId, Response, Weights};
use std::collections::VecDeque;
use std::sync::Arc;

/// Requests that carry models are numbered apart from those of the links.
const SWAP: RequestId = 1 << 31;

/// What a node says that does not average with anybody.
const NOT_TAKING_PART: &str = "Error while processing command: swap_model. RuntimeError: not learning";

/// A node's neighbours as partners.
#[derive(Debug)]
pub struct Partners {
    /// The node itself: who contributed to what it sends, the same list every time.
    itself: Arc<[PeerId]>,
    samples: u32,
    /// The neighbours, ascending.
    peers: Box<[Partner]>,
    /// Those who wait for this node's model, at most one request of each.
    waiting: VecDeque<Request>,
    asked: Option<PeerId>,
    requests: RequestId,
}

/// A neighbour as its node sees it.
#[derive(Clone, Copy, Debug)]
struct Partner {
    peer: PeerId,
    /// How often it has failed since it was last heard from.
    failures: u8,
    /// The first step in which it is asked again; never, if it is known to be gone.
    from: u32,
}

/// A neighbour wants to average.
#[derive(Clone, Debug)]
pub struct Request {
    pub from: PeerId,
    /// The step that it is in.
    pub round: i32,
    pub model: Arc<Model>,
}

/// What is said to a request that will never be taken.
pub fn refusal() -> Response {
    Response::Error(Arc::from(NOT_TAKING_PART))
}

impl Partners {
    pub fn new(node: PeerId, samples: u32, neighbours: &Peers) -> Self {
        Self {
            itself: Arc::from([node]),
            samples,
            peers: neighbours.iter().map(|(peer, _)| Partner { peer, failures: 0, from: 0 }).collect(),
            waiting: VecDeque::new(),
            asked: None,
            requests: 0,
        }
    }

    /// The node whose partners they are.
    pub fn node(&self) -> PeerId {
        self.itself[0]
    }

    fn candidates(&self, round: u32) -> impl Iterator<Item = PeerId> + '_ {
        self.peers.iter().filter(move |it| it.from <= round).map(|it| it.peer)
    }

    /// How many neighbours can be asked in a step.
    pub fn there(&self, round: u32) -> u32 {
        self.candidates(round).count() as u32
    }

    /// Asks the neighbour in this place among those that can be asked.
    pub fn ask(&mut self, cx: &mut Context, place: u32, round: u32, model: &Arc<Model>) {
        let Some(peer) = self.candidates(round).nth(place as usize) else { return };
        self.requests = self.requests.wrapping_add(1) & !SWAP;
        self.asked = Some(peer);
        let weights = self.weights(Command::SwapModel, round as i32, model);
        cx.send(peer, Message::Weights(weights), Expect::Response(SWAP | self.requests));
    }

    /// Whether the neighbour is the one that was asked last, and has not answered.
    pub fn is_asked(&self, peer: PeerId) -> bool {
        self.asked == Some(peer)
    }

    /// Whether a request is the last one.
    pub const fn is_request(&self, request: RequestId) -> bool {
        request == SWAP | self.requests
    }

    /// Nobody is asked any longer.
    pub fn asks_no_more(&mut self) {
        self.asked = None;
    }

    /// Whether a node that is about to ask, or waits for an answer, keeps a request for later: if its sender comes first.
    pub fn yields_to(&self, from: PeerId, weights: &Weights, round: u32) -> bool {
        (i64::from(weights.round), from) < (i64::from(round), self.node())
    }

    /// Keeps a request. A neighbour that asks anew has given up what it asked before.
    pub fn keep(&mut self, request: Request) {
        self.waiting.retain(|it| it.from != request.from);
        self.waiting.push_back(request);
    }

    /// The request that comes next.
    pub fn next_request(&mut self) -> Option<Request> {
        self.waiting.pop_front()
    }

    /// Forgets all requests.
    pub fn forget_requests(&mut self) {
        self.waiting.clear();
    }

    /// Answers a request with a model.
    pub fn answer(&self, cx: &mut Context, request: &Request, model: &Arc<Model>) {
        self.welcome(cx, request.from, request.round, model);
    }

    /// Gives a neighbour a model: of the step that it asked in, or of the last one that this node has made.
    pub fn welcome(&self, cx: &mut Context, peer: PeerId, round: i32, model: &Arc<Model>) {
        let weights = self.weights(Command::PartialModel, round, model);
        cx.send(peer, Message::Weights(weights), Expect::Nothing);
    }

    fn weights(&self, command: Command, round: i32, model: &Arc<Model>) -> Arc<Weights> {
        Arc::new(Weights {
            command,
            round,
            contributors: Arc::clone(&self.itself),
            samples: self.samples,
            model: Arc::clone(model),
        })
    }

    /// A neighbour was heard from; false if it is none.
    pub fn back(&mut self, peer: PeerId) -> bool {
        self.of(peer).is_some_and(|it| {
            (it.failures, it.from) = (0, 0);
            true
        })
    }

    /// A neighbour is gone: it is not asked until it is heard from again, and what it has asked is forgotten. Whether
    /// it was waited for.
    pub fn gone(&mut self, peer: PeerId) -> bool {
        self.waiting.retain(|it| it.from != peer);
        if let Some(it) = self.of(peer) {
            it.from = u32::MAX;
        }
        self.asked.take_if(|asked| *asked == peer).is_some()
    }

    /// Who was asked could not be reached, or did not answer. Perhaps the way there is interrupted: it is asked again
    /// after a step, and then after twice as many each time, for every failure may cost as long as a deadline.
    pub fn failed(&mut self, round: u32) {
        if let Some(it) = self.asked.take().and_then(|peer| self.of(peer)) {
            it.from = round.saturating_add(1 << it.failures);
            it.failures = (it.failures + 1).min(20);
        }
    }

    fn of(&mut self, peer: PeerId) -> Option<&mut Partner> {
        let place = self.peers.binary_search_by_key(&peer, |it| it.peer).ok()?;
        Some(&mut self.peers[place])
    }

    /// Who was asked, in words.
    pub fn asked_in_words(&self) -> String {
        self.asked.map_or_else(|| "nobody".into(), |peer| format!("node {peer}"))
    }
}
