//! How a node that comes up while the run goes on finds out where learning stands. A neighbour that has a model gives it
//! to newcomers unasked. A node that has got none after a while asks its neighbours; if all say that they have none,
//! as after a power cut that took everyone, it begins at round 0 with its own initial model.

use crate::node::context::Context;
use crate::node::io::{Expect, RequestId, Timer, Weight};
use crate::node::links::Links;
use crate::wire::{Announcement, Command, Message, NO_ROUND, PeerId, Response};
use std::sync::Arc;
use std::time::Duration;

/// Questions are numbered apart from the requests of the links and from those that carry models: by the neighbour asked.
const QUESTION: RequestId = 1 << 30;

/// What a latecomer knows of its neighbours' models.
#[derive(Debug, Default)]
pub struct Search {
    /// Neighbours that have not answered yet.
    asked: Vec<PeerId>,
    /// One said that it will send a model.
    promised: bool,
    /// One did not answer in time, and may have a model.
    silent: bool,
}

impl Search {
    /// Gives heartbeats their time to converge first: neighbours that have a model send it as soon as there is a connection.
    pub fn begin(cx: &mut Context) -> Self {
        wait(cx, cx.rules.settings.heartbeat.wait_convergence.0);
        Self::default()
    }

    /// No model has come yet: asks all neighbours. True if there is none to ask.
    pub fn timeout(&mut self, cx: &mut Context, links: &Links) -> bool {
        if links.is_dialling() || !self.asked.is_empty() {
            wait(cx, cx.rules.settings.heartbeat.period.0);
            return false;
        }
        *self = Self { asked: links.neighbours.direct().to_vec(), ..Self::default() };
        for &peer in &self.asked {
            let what =
                Announcement { follows: Command::PartialModel, round: NO_ROUND, contributors: Arc::from([]) };
            cx.send(peer, Message::GetModel(Arc::new(what)), Expect::Response(QUESTION | peer));
        }
        self.asked.is_empty()
    }

    /// A neighbour answers, if it is one that was asked. True if no neighbour has a model.
    pub fn answered(&mut self, cx: &mut Context, request: RequestId, response: &Response) -> bool {
        let Some(place) = self.asked.iter().position(|&peer| request == QUESTION | peer) else {
            return false;
        };
        self.asked.swap_remove(place);
        match response {
            Response::Wanted(true) => self.promised = true,
            Response::Timeout => self.silent = true,
            Response::Wanted(false) | Response::Empty | Response::Error(_) | Response::Unreachable => {}
        }
        if !self.asked.is_empty() {
            return false;
        }
        if self.promised {
            // It may crash before it keeps its promise.
            wait(cx, cx.rules.settings.training.aggregation_timeout.0);
        } else if self.silent {
            wait(cx, cx.rules.settings.heartbeat.period.0);
        }
        !self.promised && !self.silent
    }
}

/// Looks again after so long, but not at once: time has to go on.
fn wait(cx: &mut Context, span: Duration) {
    cx.set_timer(Timer::Stage, cx.now + span.max(Duration::from_millis(1)), Weight::Progress);
}
