//! What a node hands its workflow: every input that is not about connections or flooding.

use super::Stage;
use super::context::Context;
use super::io::{JobId, JobResult, RequestId, Start, Timer};
use super::links::{Change, Links};
use crate::learning::Model;
use crate::time::Time;
use crate::wire::{Announcement, Experiment, Gossip, GossipBody, Message, PeerId, Response, Weights};
use std::sync::Arc;

/// An error that makes P2PFL stop the node it happens at.
#[derive(Debug)]
pub struct Fault(pub &'static str);

/// A node that is about to come up.
#[derive(Debug)]
pub struct Birth<'a> {
    /// Its number.
    pub node: PeerId,
    /// Its own fresh model.
    pub model: Arc<Model>,
    /// Training rows that it holds.
    pub samples: u32,
    /// How it comes up.
    pub start: &'a Start,
}

/// The state of a node in a workflow. Inputs that a workflow has no use for are answered as if there were nothing to them.
pub trait Machine {
    /// A node that is not yet up.
    fn new(cx: &Context, birth: Birth) -> Self
    where
        Self: Sized;

    /// What has to happen for this node to go on, in words.
    fn waits_for(&self, links: &Links) -> String;

    /// Learning ends before its time.
    fn stop(&mut self, cx: &mut Context, links: &mut Links);

    /// Learning starts: in workflows that learn, whoever is told starts.
    fn start(&mut self, _cx: &mut Context, _links: &mut Links, _experiment: Arc<Experiment>) {}

    /// Rounds that all nodes keep in step are counted from this time, where nothing is learnt.
    fn begin(&mut self, _cx: &mut Context, _links: &mut Links, _zero: Time) {}

    /// The stage that the node is in, if it is learning.
    fn stage(&self) -> Option<Stage> {
        None
    }

    /// A neighbour is there, or no longer.
    ///
    /// # Errors
    /// Stops the node.
    fn neighbour(&mut self, _cx: &mut Context, _links: &mut Links, _change: Change) -> Result<(), Fault> {
        Ok(())
    }

    /// A message that floods, heard for the first time.
    ///
    /// # Errors
    /// What the sender is told; the message then goes no further.
    fn gossip(&mut self, cx: &mut Context, links: &mut Links, gossip: &Gossip) -> Result<(), Arc<str>> {
        if let GossipBody::Beat(at) = gossip.body {
            links.beat(cx, gossip.source, at);
        }
        Ok(())
    }

    /// A peer offers a model: whether it is wanted.
    fn offered(&mut self, _cx: &mut Context, _links: &Links, _from: PeerId, _it: &Announcement) -> bool {
        false
    }

    /// A peer asks for a model. The answer says whether it will come.
    fn asked(
        &mut self,
        cx: &mut Context,
        _links: &mut Links,
        from: PeerId,
        _it: &Arc<Announcement>,
        request: Option<RequestId>,
    ) {
        cx.reply(from, request, Response::Wanted(false));
    }

    /// A peer sends its model and wants this node's for it. The answer says whether it gets it.
    fn swap(&mut self, cx: &mut Context, from: PeerId, _it: &Weights, request: Option<RequestId>) {
        cx.reply(from, request, Response::Wanted(false));
    }

    /// A model has come, and its receipt is on its way.
    ///
    /// # Errors
    /// Stops the node.
    fn weights(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _from: PeerId,
        _it: &Weights,
    ) -> Result<(), Fault> {
        Ok(())
    }

    /// A message of the workflow's own. Whether it was news: see [`Message::is_news`].
    fn own(&mut self, cx: &mut Context, from: PeerId, _it: &Message, request: Option<RequestId>) -> bool {
        cx.reply(from, request, Response::Empty);
        false
    }

    /// A request of the workflow is answered, or is known not to be.
    fn response(&mut self, _cx: &mut Context, _links: &mut Links, _request: RequestId, _it: &Response) {}

    /// A timer of the workflow is due.
    ///
    /// # Errors
    /// Stops the node.
    fn timer(&mut self, _cx: &mut Context, _links: &mut Links, _timer: Timer) -> Result<(), Fault> {
        Ok(())
    }

    /// A job is done. One that belongs to a stage already left is to be ignored.
    ///
    /// # Errors
    /// Stops the node.
    fn job_done(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _job: JobId,
        _result: JobResult,
    ) -> Result<(), Fault> {
        Ok(())
    }

    /// Touches the cache lines of the state itself ahead of an input. What it gives means nothing.
    fn prefetch(&self) -> u64 {
        0
    }

    /// The same of what the state points to.
    fn prefetch_deep(&self) -> u64 {
        0
    }
}

/// Defines an enum of machines that is one itself: every input goes to the one that it holds, without a table of methods
/// between them.
macro_rules! machines {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident { $( $variant:ident($held:ty) ),+ $(,)? }
        new |$cx:ident, $birth:ident| $new:expr
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        $vis enum $name { $( #[allow(missing_docs)] $variant($held) ),+ }

        impl $crate::node::machine::Machine for $name {
            fn new(
                $cx: &$crate::node::context::Context,
                $birth: $crate::node::machine::Birth,
            ) -> Self {
                $new
            }

            fn waits_for(&self, links: &$crate::node::links::Links) -> String {
                match self { $( Self::$variant(machine) => machine.waits_for(links) ),+ }
            }

            fn stop(
                &mut self,
                cx: &mut $crate::node::context::Context,
                links: &mut $crate::node::links::Links,
            ) {
                match self { $( Self::$variant(machine) => machine.stop(cx, links) ),+ }
            }

            fn start(
                &mut self,
                cx: &mut $crate::node::context::Context,
                links: &mut $crate::node::links::Links,
                experiment: std::sync::Arc<$crate::wire::Experiment>,
            ) {
                match self { $( Self::$variant(machine) => machine.start(cx, links, experiment) ),+ }
            }

            fn begin(
                &mut self,
                cx: &mut $crate::node::context::Context,
                links: &mut $crate::node::links::Links,
                zero: $crate::time::Time,
            ) {
                match self { $( Self::$variant(machine) => machine.begin(cx, links, zero) ),+ }
            }

            fn stage(&self) -> Option<$crate::node::Stage> {
                match self { $( Self::$variant(machine) => machine.stage() ),+ }
            }

            fn neighbour(&mut self, cx: &mut $crate::node::context::Context, links: &mut $crate::node::links::Links, change: $crate::node::links::Change) -> Result<(), $crate::node::machine::Fault> {
                match self { $( Self::$variant(machine) => machine.neighbour(cx, links, change) ),+ }
            }

            fn gossip(&mut self, cx: &mut $crate::node::context::Context, links: &mut $crate::node::links::Links, gossip: &$crate::wire::Gossip) -> Result<(), std::sync::Arc<str>> {
                match self { $( Self::$variant(machine) => machine.gossip(cx, links, gossip) ),+ }
            }

            fn offered(&mut self, cx: &mut $crate::node::context::Context, links: &$crate::node::links::Links, from: $crate::wire::PeerId, it: &$crate::wire::Announcement) -> bool {
                match self { $( Self::$variant(machine) => machine.offered(cx, links, from, it) ),+ }
            }

            fn asked(&mut self, cx: &mut $crate::node::context::Context, links: &mut $crate::node::links::Links, from: $crate::wire::PeerId, it: &std::sync::Arc<$crate::wire::Announcement>, request: Option<$crate::node::io::RequestId>) {
                match self { $( Self::$variant(machine) => machine.asked(cx, links, from, it, request) ),+ }
            }

            fn swap(&mut self, cx: &mut $crate::node::context::Context, from: $crate::wire::PeerId, it: &$crate::wire::Weights, request: Option<$crate::node::io::RequestId>) {
                match self { $( Self::$variant(machine) => machine.swap(cx, from, it, request) ),+ }
            }

            fn weights(&mut self, cx: &mut $crate::node::context::Context, links: &mut $crate::node::links::Links, from: $crate::wire::PeerId, it: &$crate::wire::Weights) -> Result<(), $crate::node::machine::Fault> {
                match self { $( Self::$variant(machine) => machine.weights(cx, links, from, it) ),+ }
            }

            fn own(&mut self, cx: &mut $crate::node::context::Context, from: $crate::wire::PeerId, it: &$crate::wire::Message, request: Option<$crate::node::io::RequestId>) -> bool {
                match self { $( Self::$variant(machine) => machine.own(cx, from, it, request) ),+ }
            }

            fn response(&mut self, cx: &mut $crate::node::context::Context, links: &mut $crate::node::links::Links, request: $crate::node::io::RequestId, it: &$crate::wire::Response) {
                match self { $( Self::$variant(machine) => machine.response(cx, links, request, it) ),+ }
            }

            fn timer(&mut self, cx: &mut $crate::node::context::Context, links: &mut $crate::node::links::Links, timer: $crate::node::io::Timer) -> Result<(), $crate::node::machine::Fault> {
                match self { $( Self::$variant(machine) => machine.timer(cx, links, timer) ),+ }
            }

            fn job_done(&mut self, cx: &mut $crate::node::context::Context, links: &mut $crate::node::links::Links, job: $crate::node::io::JobId, result: $crate::node::io::JobResult) -> Result<(), $crate::node::machine::Fault> {
                match self { $( Self::$variant(machine) => machine.job_done(cx, links, job, result) ),+ }
            }

            fn prefetch(&self) -> u64 {
                match self { $( Self::$variant(machine) => machine.prefetch() ),+ }
            }

            fn prefetch_deep(&self) -> u64 {
                match self { $( Self::$variant(machine) => machine.prefetch_deep() ),+ }
            }
        }
    };
}
pub(super) use machines;
