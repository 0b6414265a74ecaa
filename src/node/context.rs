//! What a node sees while it handles an input: the time, the rules of the run, and where its outputs go.

use super::io::{Expect, Job, JobId, Output, Record, RequestId, Taken, Timer, Weight};
use super::spec::{Variant, Workflow};
use crate::format::settings::Settings;
use crate::random::{Purpose, Stream};
use crate::time::Time;
use crate::wire::size::Sizes;
use crate::wire::{AddressBook, Gossip, Message, PeerId, Response};
use std::sync::Arc;

/// What all nodes of a run have in common.
#[derive(Clone, Debug)]
pub struct Rules {
    /// All draws derive from it.
    pub seed: u64,
    /// P2PFL's settings.
    pub settings: Settings,
    /// What nodes do in a round.
    pub workflow: Workflow,
    /// What peers are called.
    pub book: AddressBook,
    /// Computes message sizes.
    pub sizes: Sizes,
    /// Whether there is anything to evaluate: a model that only weighs has no metrics.
    pub evaluates: bool,
    /// Whether what some models have become may stand for them among others. If not, contributions travel one by one.
    pub takes_partials: bool,
    /// The run's own nodes have the numbers below. Whoever has another is a peer outside, and may be anybody.
    pub own: PeerId,
    /// Who starts learning.
    pub starter: Starter,
}

/// Who starts learning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Starter {
    /// The engine: it tells the initiator, or every node, as soon as all are ready.
    #[default]
    Engine,
    /// A peer outside, whenever it likes.
    Outside,
}

impl Rules {
    /// Whether P2PFL's traps are mended. Workflows other than `p2pfl` never have them.
    pub fn repaired(&self) -> bool {
        self.workflow.variant().is_none_or(|it| it == Variant::Repaired)
    }

    /// Whether a peer is none of the run's own.
    pub const fn is_outside(&self, peer: PeerId) -> bool {
        peer >= self.own
    }

    /// Whether all receivers of a message share one time to live.
    pub fn shared_ttl(&self) -> bool {
        self.workflow.variant() == Some(Variant::FaithfulMemory)
    }
}

/// What a node sees while it handles an input.
pub struct Context<'a> {
    /// Scenario time.
    pub now: Time,
    /// The rules of the run.
    pub rules: &'a Rules,
    /// Where outputs go.
    pub out: &'a mut Vec<Output>,
    /// What became of gossip.
    pub taken: &'a mut Taken,
}

impl Context<'_> {
    #[inline(always)]
    pub(super) fn send(&mut self, to: PeerId, message: Message, expect: Expect) {
        self.out.push(Output::Send { to, message, expect });
    }

    pub(super) fn flood(&mut self, to: Arc<[PeerId]>, parcel: Arc<[Gossip]>) {
        if !to.is_empty() && !parcel.is_empty() {
            self.out.push(Output::Flood { to, parcel });
        }
    }

    /// Answers a request, if the message was one.
    #[inline(always)]
    pub(super) fn reply(&mut self, to: PeerId, request: Option<RequestId>, response: Response) {
        if let Some(request) = request {
            self.out.push(Output::Reply { to, request, response });
        }
    }

    pub(super) fn set_timer(&mut self, timer: Timer, at: Time, weight: Weight) {
        self.out.push(Output::SetTimer { timer, at, weight });
    }

    pub(super) fn cancel_timer(&mut self, timer: Timer) {
        self.out.push(Output::CancelTimer(timer));
    }

    pub(super) fn start_job(&mut self, id: JobId, job: Job) {
        self.out.push(Output::StartJob { id, job });
    }

    #[inline(always)]
    pub(super) fn record(&mut self, record: Record) {
        self.out.push(Output::Record(record));
    }

    pub(super) fn random(&self, node: PeerId, purpose: Purpose, counter: u64) -> Stream {
        Stream::new(self.rules.seed, u64::from(node), purpose, counter)
    }
}
