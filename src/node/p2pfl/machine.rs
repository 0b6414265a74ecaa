//! P2PFL's workflow as a machine among others.

use super::P2pfl;
use crate::node::Stage;
use crate::node::context::Context;
use crate::node::io::{JobId, JobResult, RequestId, Timer};
use crate::node::links::{Change, Links};
use crate::node::machine::{Birth, Fault, Machine};
use crate::wire::{Announcement, Experiment, Gossip, GossipBody, NO_ROUND, PeerId, Response, Weights};
use std::sync::Arc;

impl Machine for P2pfl {
    fn new(cx: &Context, birth: Birth) -> Self {
        Self::new(cx, birth.model, birth.samples, birth.start.late)
    }

    fn waits_for(&self, links: &Links) -> String {
        self.waits_for(links)
    }

    fn stage(&self) -> Option<Stage> {
        self.stage()
    }

    fn start(&mut self, cx: &mut Context, links: &mut Links, experiment: Arc<Experiment>) {
        if self.experiment.is_none() {
            self.initiate(cx, links, experiment);
        }
    }

    fn stop(&mut self, cx: &mut Context, links: &mut Links) {
        if self.experiment.is_some() {
            links.broadcast(cx, NO_ROUND, GossipBody::StopLearning);
            self.stopped(cx);
        }
    }

    fn neighbour(&mut self, cx: &mut Context, links: &mut Links, change: Change) -> Result<(), Fault> {
        self.neighbour(cx, links, change)
    }

    fn gossip(&mut self, cx: &mut Context, links: &mut Links, gossip: &Gossip) -> Result<(), Arc<str>> {
        self.gossip(cx, links, gossip)
    }

    fn offered(&mut self, cx: &mut Context, links: &Links, from: PeerId, it: &Announcement) -> bool {
        self.wanted(cx, links, from, it)
    }

    fn asked(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        from: PeerId,
        it: &Arc<Announcement>,
        request: Option<RequestId>,
    ) {
        let follows = self.asked_for(links, from, it);
        cx.reply(from, request, Response::Wanted(follows));
        self.give(cx, links);
    }

    fn weights(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        from: PeerId,
        it: &Weights,
    ) -> Result<(), Fault> {
        self.weights(cx, links, from, it)
    }

    fn response(&mut self, cx: &mut Context, links: &mut Links, request: RequestId, it: &Response) {
        self.response(cx, links, request, it);
    }

    fn timer(&mut self, cx: &mut Context, links: &mut Links, timer: Timer) -> Result<(), Fault> {
        self.timer(cx, links, timer)
    }

    fn job_done(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        job: JobId,
        result: JobResult,
    ) -> Result<(), Fault> {
        self.job_done(cx, links, job, result)
    }
}
