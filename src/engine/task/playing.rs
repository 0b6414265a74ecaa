//! What the supervisor makes happen: nodes come up, learning starts, the script is played.

use super::sockets::Sockets;
use super::supervisor::Supervisor;
use crate::engine::course::roster;
use crate::engine::course::script::{Deed, Order, Scene};
use crate::engine::course::start::{self, Anew};
use crate::metrics::trace::Happening;
use crate::node::Starter;
use crate::time::Time;
use crate::wire::PeerId;
use std::sync::Arc;
use std::time::Duration;

impl Supervisor {
    pub(super) fn bring_up(&mut self) {
        let plan = Arc::clone(&self.shared.plan);
        for node in 0..plan.nodes() {
            if let Some(start) = self.script.first(&plan, node) {
                self.tell(node, Order::Up(start));
            }
        }
    }

    /// Tells a node something. One that is told to come up is up from then on: who stops before is told of later.
    fn tell(&mut self, node: PeerId, order: Order) {
        if matches!(order, Order::Up(_)) {
            self.counts.up(&mut self.members[node as usize], self.script.life(node));
        }
        self.shared.order(node, order);
    }

    /// Has learning started once everyone has heard of everyone, or it has taken too long.
    pub(super) fn start_learning(&mut self, now: Time) {
        if self.shared.plan.rules.starter == Starter::Outside {
            if !self.counts.nobody_learns() {
                self.shared.set_zero(now);
            }
            return;
        }
        if self.counts.unready > 0 {
            if now < Time::ZERO + self.shared.plan.start_after {
                return;
            }
            let plan = &self.shared.plan;
            let unready = roster::unready((0..).zip(&self.members));
            self.warnings.push(start::warning(&plan.reach, &unready, plan.nodes()));
        }
        if self.lacks_peers_outside() {
            return;
        }
        let now = self.now();
        self.shared.set_zero(now);
        self.members.iter_mut().for_each(|it| self.counts.begins(it));
        let begin = self.shared.plan.begin(now);
        for (node, it) in (0..).zip(&self.members) {
            if start::starts(&self.shared.plan.rules.workflow, node, it) {
                self.shared.order(node, Order::Control(begin.clone()));
            }
        }
    }

    /// Whether learning cannot start because none of the peers outside is there that the nodes were to join. Those of
    /// several that are not there are told of.
    fn lacks_peers_outside(&mut self) -> bool {
        let plan = &self.shared.plan;
        let silent = self.shared.sockets.as_ref().filter(|_| plan.rules.workflow.connects());
        let Some((said, all)) = silent.and_then(|it| it.silent_outside()) else { return false };
        let optional = plan.sockets.as_ref().is_some_and(|it| it.join_optional);
        if all && !optional {
            self.unable = Some(format!("{said}; with --join-optional it would start without"));
            return true;
        }
        self.warnings.push(format!("{said}: learning started without"));
        false
    }

    /// Plays what is due by now.
    pub(super) fn play(&mut self, now: Time) {
        let Some(zero) = self.shared.zero() else { return };
        let plan = Arc::clone(&self.shared.plan);
        let mut deeds = Vec::new();
        self.script.play(
            &plan,
            &Scene {
                zero,
                reached: now,
                until: Some(now + Duration::from_nanos(1)),
                entered: &|round| self.rounds.first_from(round),
                starter: &|| {
                    // Whether peers outside are learning nobody here knows; they tell newcomers.
                    let alone = self.shared.sockets.as_ref().is_none_or(Sockets::knows_nobody_outside);
                    let up = roster::up((0..).zip(&self.members));
                    (alone && self.counts.nobody_learns()).then(|| Anew::starter(&plan.rules, up))?
                },
            },
            &mut deeds,
        );
        for (at, deed) in deeds {
            match deed {
                Deed::Tell(node, order) => {
                    if matches!(order, Order::Up(_)) {
                        let first = self.script.life(node) == 0;
                        let what = if first { Happening::Join } else { Happening::Restart };
                        self.tracer.happened(node, what, at);
                    }
                    self.tell(node, order);
                }
                Deed::Faults(faults) => self.shared.set_faults(faults),
            }
        }
    }
}
