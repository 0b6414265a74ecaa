//! What the supervisor makes happen: nodes come up, learning starts, the script is played.

use super::shared::Command;
use super::sockets::Sockets;
use super::supervisor::{NodeState, Return, Supervisor};
use crate::engine::course::start::{self, Anew};
use crate::engine::{Action, Fate};
use crate::metrics::trace::Happening;
use crate::network::churn::{Change, Churn};
use crate::node::Starter;
use crate::node::io::Control;
use crate::node::spec::Workflow;
use crate::scenario::script::At;
use crate::time::Time;
use crate::wire::PeerId;
use std::sync::Arc;

impl Supervisor {
    pub(super) fn bring_up(&mut self) {
        let absent = &self.shared.plan.absent;
        for node in 0..self.shared.plan.nodes() {
            if absent.binary_search(&node).is_err() {
                self.nodes[node as usize].fate = Fate::Up;
            }
        }
        for node in 0..self.shared.plan.nodes() {
            if self.nodes[node as usize].fate == Fate::Up {
                // Of two neighbours the one with the lower number connects, as P2PFL's examples do.
                self.up(node, |peer| peer > node, false);
            }
        }
    }

    /// Brings a node up; it connects to those of its neighbours that are up and that `dial` names.
    fn up(&self, node: PeerId, dial: impl Fn(PeerId) -> bool, late: bool) {
        let there = |peer: PeerId| self.nodes[peer as usize].is_there();
        let start = start::of(&self.shared.plan, node, |peer| dial(peer) && there(peer), late);
        self.shared.command(node, Command::Up(Box::new(start)));
    }

    /// Has learning started once everyone has heard of everyone, or it has taken too long.
    pub(super) fn start_learning(&mut self, now: Time) {
        if self.shared.plan.rules.starter == Starter::Outside {
            if self.nodes.iter().any(|it| it.takes_part) {
                self.shared.set_zero(now);
            }
            return;
        }
        let unready = |state: &NodeState| state.fate == Fate::Up && !state.ready;
        if self.nodes.iter().any(unready) {
            if now < Time::ZERO + self.shared.plan.start_after {
                return;
            }
            self.warn_unready();
        }
        if self.lacks_peers_outside() {
            return;
        }
        let now = self.now();
        self.shared.set_zero(now);
        for state in &mut self.nodes {
            state.takes_part = state.fate == Fate::Up;
        }
        let begin = self.shared.plan.begin(now);
        if let Workflow::P2pfl(it) = &self.shared.plan.rules.workflow {
            return self.shared.command(it.initiator, Command::Control(begin));
        }
        for node in 0..self.shared.plan.nodes() {
            if self.nodes[node as usize].fate == Fate::Up {
                self.shared.command(node, Command::Control(begin.clone()));
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

    /// Says who had not heard of everyone, and which setting would mend it.
    fn warn_unready(&mut self) {
        let unready: Vec<PeerId> = (0..self.counts.total)
            .filter(|&node| !self.nodes[node as usize].ready && self.nodes[node as usize].fate == Fate::Up)
            .collect();
        let warning = start::warning(&self.shared.plan.reach, &unready, self.counts.total);
        self.warnings.push(warning);
    }

    /// Fires script entries whose time has come.
    pub(super) fn play(&mut self, now: Time) {
        let Some(zero) = self.shared.zero() else { return };
        let plan = Arc::clone(&self.shared.plan);
        let due: Vec<usize> = self
            .pending
            .iter()
            .copied()
            .filter(|&i| match &plan.script[i].at {
                At::Time(span) => now >= zero + span.0,
                At::Round(at) => self.furthest >= Some(at.round),
            })
            .collect();
        self.pending.retain(|i| !due.contains(i));
        for i in due {
            let step = &plan.script[i];
            if let Action::Churn(model) = &step.action {
                // To the nanosecond where the script names the time, whenever it is that we look.
                let start = match step.at {
                    At::Time(span) => Time::ZERO + span.0,
                    At::Round(_) => Time::ZERO + now.since(zero),
                };
                self.churns.begin(Churn::new(plan.rules.seed, model.clone(), start));
            }
            self.act(&step.action, now);
        }
        self.churn(Time::ZERO + now.since(zero));
        self.start_anew(now);
    }

    /// Has learning started anew where those that are up wait for it in vain.
    fn start_anew(&mut self, now: Time) {
        let standing = |state: &NodeState| match state.fate {
            Fate::Up => state.started,
            Fate::Finished | Fate::Stopped => true,
            Fate::Absent | Fate::Crashed | Fate::Left | Fate::Failed | Fate::Panicked => false,
        };
        // Whether peers outside are learning nobody here knows; they tell newcomers.
        let alone = self.shared.sockets.as_ref().is_none_or(Sockets::knows_nobody_outside);
        if !self.anew.is_due(now) || !alone || self.nodes.iter().any(standing) {
            return;
        }
        let up = (0..).zip(&self.nodes).filter(|(_, state)| state.fate == Fate::Up).map(|(node, _)| node);
        if let (Some(starter), Some(zero)) = (Anew::starter(&self.shared.plan.rules, up), self.shared.zero())
        {
            self.shared.command(starter, Command::Control(self.shared.plan.begin(zero)));
        }
    }

    /// Nodes come and go, as far as their time, counted from the start of learning, has come.
    fn churn(&mut self, now: Time) {
        while let Some((_, node, change)) = self.churns.due(now) {
            let state = &self.nodes[node as usize];
            match change {
                Change::Down => self.go(node, Command::Crash),
                // Who has left, or is yet to join, is not brought in by this.
                Change::Up if state.going || state.fate == Fate::Crashed => {
                    self.come_up(&[node], Return::Restart);
                }
                Change::Up => {}
            }
            self.unsettle(self.now());
        }
    }

    fn act(&mut self, action: &Action, now: Time) {
        self.unsettle(now);
        let (what, whom) = action.told();
        self.tracer.happened_to(whom, what, now);
        let total = self.counts.total;
        if self.shared.change_faults(|faults| action.alters(total, faults)) {
            return;
        }
        match action {
            Action::Crash(nodes) => nodes.iter().for_each(|&node| self.go(node, Command::Crash)),
            Action::Leave(nodes) => nodes.iter().for_each(|&node| self.go(node, Command::Leave)),
            Action::Restart(nodes) => self.come_up(nodes, Return::Restart),
            Action::Join(nodes) => self.come_up(nodes, Return::Join),
            Action::StopLearning(node) => {
                self.asked_to_stop = true;
                self.shared.command(*node, Command::Control(Control::StopLearning));
            }
            // Done already.
            Action::Partition { .. } | Action::Heal | Action::Loss { .. } | Action::Slow(..) => {}
            // Plays from now on.
            Action::Churn(_) => {}
        }
    }

    /// Tells a node to crash or leave. That it has is heard of later; until then it is told nothing else.
    fn go(&mut self, node: PeerId, how: Command) {
        let state = &mut self.nodes[node as usize];
        state.returns = None;
        if state.is_there() && !state.going {
            state.going = true;
            self.shared.command(node, how);
        }
    }

    pub(super) fn come_up(&mut self, nodes: &[PeerId], how: Return) {
        for &node in nodes {
            let state = &mut self.nodes[node as usize];
            if state.is_there() {
                // One that is on its way out, perhaps since this very moment, comes back once it is out.
                state.returns = state.going.then_some(how);
                continue;
            }
            state.fate = Fate::Up;
            (state.takes_part, state.started) = (false, false);
            self.anew.note(&self.shared.plan.rules, self.shared.clock.scenario(self.shared.clock.wall()));
            self.counts.joined += u32::from(how == Return::Join);
            let what = if how == Return::Join { Happening::Join } else { Happening::Restart };
            self.tracer.happened(node, what, self.now());
            self.up(node, |_| true, true);
            if let (true, Some(zero)) =
                (self.shared.plan.rules.workflow.starts_everyone(), self.shared.zero())
            {
                self.shared.command(node, Command::Control(self.shared.plan.begin(zero)));
            }
        }
    }
}
