//! Outside the train set: wait for the aggregate.

use super::{At, Fault, P2pfl};
use crate::node::context::Context;
use crate::node::io::{Timer, Weight};
use crate::node::links::Links;
use crate::wire::GossipBody;

impl P2pfl {
    pub(super) fn wait(&mut self, cx: &mut Context, links: &mut Links) {
        self.awaits_aggregate = true;
        self.enter(cx, At::Wait);
        cx.set_timer(
            Timer::Stage,
            cx.now + cx.rules.settings.training.aggregation_timeout.0,
            Weight::Progress,
        );
        self.pull(cx, links);
    }

    /// The node has the aggregate, or has waited long enough and goes on with what it has: it says so, and passes
    /// its model on.
    pub(super) fn ready(&mut self, cx: &mut Context, links: &mut Links) -> Result<(), Fault> {
        links.broadcast(cx, self.round as i32, GossipBody::ModelsReady);
        self.diffuse(cx, links)
    }
}
