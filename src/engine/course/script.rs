//! The player of a run's script: says what has to happen to which node and to the network, and when. It knows where the script
//! has put every node; whether the node is there by now, the engine knows.

use super::start::{self, Anew};
use crate::engine::{Action, Plan};
use crate::format::script::At;
use crate::metrics::Tracer;
use crate::network::Faults;
use crate::network::churn::{Change, Churn, Churns};
use crate::node::io::{Control, Start};
use crate::time::Time;
use crate::wire::PeerId;

/// What a node is told.
#[derive(Debug)]
pub enum Order {
    /// Come up.
    Up(Start),
    /// Crash.
    Crash,
    /// Say goodbye and go.
    Leave,
    /// Do something.
    Control(Control),
}

/// What an engine has to do.
#[derive(Debug)]
pub enum Deed {
    /// Tell a node something.
    Tell(PeerId, Order),
    /// From now on this is wrong with the network.
    Faults(Faults),
}

/// Where the script has put a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Not yet come, or gone by itself.
    Away,
    There,
    Crashed,
    Left,
}

/// What the player has to know of a run that is being played.
pub struct Scene<'a> {
    /// When learning began.
    pub zero: Time,
    /// Nothing has happened yet after this, and nothing can be made to happen before.
    pub reached: Time,
    /// What is due before this is played; if there is nothing, the next thing of all, whenever that is.
    pub until: Option<Time>,
    /// When entries are due that wait for a round, or a later one, to be entered; nothing before that.
    pub entered: &'a dyn Fn(u32) -> Option<Time>,
    /// Who has to start learning anew because nobody learns any more of those that are up.
    pub starter: &'a dyn Fn() -> Option<PeerId>,
}

/// A script that is being played.
#[derive(Debug)]
pub struct Script {
    /// Entries that have not fired yet.
    unplayed: Vec<usize>,
    /// Nodes that come and go.
    churns: Churns,
    /// When to look whether anybody learns.
    anew: Anew,
    /// Where each node is.
    places: Vec<Place>,
    /// In which of its lives each node is, or was.
    lives: Vec<u16>,
    faults: Faults,
    /// Until when what was done may still come to light by missing heartbeats.
    unsettled: Time,
    /// A node was told to stop.
    asked_to_stop: bool,
    joined: u32,
    /// When the last node comes up that was told to.
    arrives: Option<Time>,
    /// What was done, for the trace.
    pub tracer: Tracer,
}

impl Script {
    /// Nothing has happened yet: all nodes are there but those that join later.
    pub fn new(plan: &Plan) -> Self {
        let nodes = plan.nodes() as usize;
        let mut places = vec![Place::There; nodes];
        let mut lives = vec![0; nodes];
        for &node in &plan.absent {
            places[node as usize] = Place::Away;
            // Its first one is to come.
            lives[node as usize] = u16::MAX;
        }
        Self {
            unplayed: (0..plan.script.len()).collect(),
            churns: Churns::default(),
            anew: Anew::default(),
            places,
            lives,
            faults: Faults::default(),
            unsettled: Time::ZERO,
            asked_to_stop: false,
            joined: 0,
            arrives: None,
            tracer: Tracer::new(&plan.followed),
        }
    }

    /// How a node comes up that is there from the beginning; nothing of one that joins later.
    pub fn first(&self, plan: &Plan, node: PeerId) -> Option<Start> {
        let there = |peer: PeerId| self.places[peer as usize] == Place::There;
        // Of two neighbours the one with the lower number connects, as P2PFL's examples do.
        there(node).then(|| start::of(plan, node, |peer| peer > node && there(peer), false))
    }

    /// Plays what is due.
    pub fn play(&mut self, plan: &Plan, scene: &Scene<'_>, out: &mut Vec<(Time, Deed)>) {
        let Scene { zero, reached, mut until, .. } = *scene;
        loop {
            let due = |&i: &usize| self.time_of(plan, scene, i).map(|at| (at, i));
            let script = self.unplayed.iter().filter_map(due).min();
            let churn = self.churns.peek().map(|at| since(zero, at));
            let first = [script.map(|(at, _)| at), churn, self.anew.due()].into_iter().flatten().min();
            let Some(due) = first else { return };
            // What is late happens now.
            let at = due.max(reached);
            if at >= *until.get_or_insert(at + std::time::Duration::from_nanos(1)) {
                return;
            }
            match script {
                Some((when, i)) if when == due => {
                    self.unplayed.retain(|&it| it != i);
                    self.perform(plan, zero, (due, at), &plan.script[i].action, out);
                }
                _ if churn == Some(due) => self.churn(plan, zero, at, out),
                _ => {
                    if self.anew.is_due(at)
                        && let Some(node) = (scene.starter)()
                    {
                        out.push((at, Deed::Tell(node, Order::Control(plan.begin(zero)))));
                    }
                }
            }
        }
    }

    /// When an entry is due, if that is known yet.
    fn time_of(&self, plan: &Plan, scene: &Scene<'_>, i: usize) -> Option<Time> {
        match &plan.script[i].at {
            At::Time(span) => Some(scene.zero + span.0),
            At::Round(at) => (scene.entered)(at.round),
        }
    }

    /// The next thing that happens at a time that is known.
    pub fn next_due(&self, plan: &Plan, zero: Time) -> Option<Time> {
        let at = |&i: &usize| match &plan.script[i].at {
            At::Time(span) => Some(zero + span.0),
            At::Round(_) => None,
        };
        let churn = self.churns.peek().map(|at| since(zero, at));
        self.unplayed.iter().filter_map(at).chain(churn).chain(self.anew.due()).min()
    }

    /// The first round that an entry waits for.
    pub fn next_round(&self, plan: &Plan) -> Option<u32> {
        let round = |&i: &usize| match &plan.script[i].at {
            At::Time(_) => None,
            At::Round(at) => Some(at.round),
        };
        self.unplayed.iter().filter_map(round).min()
    }

    /// Whether the script may still move a node on.
    pub fn fires(&self, plan: &Plan) -> bool {
        self.churns.peek().is_some()
            || self.anew.due().is_some()
            || self.unplayed.iter().any(|&i| matches!(plan.script[i].at, At::Time(_)))
    }

    /// Whether timed entries that have not been played, or churn, bring a node that is away and has never `finished`.
    pub fn brings(&self, plan: &Plan, finished: impl Fn(PeerId) -> bool) -> bool {
        let place = |node: PeerId| self.places[node as usize];
        // Churn brings back who has crashed. Who has left, or has not come yet, the script alone can bring.
        let crashed = |node: PeerId| place(node) == Place::Crashed && !finished(node);
        let away = |node: PeerId| place(node) != Place::There && !finished(node);
        if self.churns.nodes().any(crashed) {
            return true;
        }
        let unplayed = self.unplayed.iter().map(|&i| &plan.script[i]);
        unplayed.filter(|step| matches!(step.at, At::Time(_))).any(|step| match &step.action {
            Action::Restart(nodes) | Action::Join(nodes) => nodes.iter().any(|&node| away(node)),
            Action::Churn(model) => model.nodes.iter().any(|&node| crashed(node)),
            Action::Crash(_)
            | Action::Leave(_)
            | Action::Partition { .. }
            | Action::Heal
            | Action::Loss { .. }
            | Action::Slow(..)
            | Action::StopLearning(_) => false,
        })
    }

    /// A node comes or goes.
    fn churn(&mut self, plan: &Plan, zero: Time, at: Time, out: &mut Vec<(Time, Deed)>) {
        let Some((_, node, change)) = self.churns.due(Time::NEVER) else { return };
        self.unsettle(plan, at);
        match change {
            Change::Down => self.go(plan, at, node, Order::Crash, out),
            // Who has left, or is yet to join, is not brought in by this.
            Change::Up if self.places[node as usize] == Place::Crashed => {
                self.come_up(plan, zero, at, node, false, out);
            }
            Change::Up => {}
        }
    }

    /// Has an entry happen that was due and happens at these times.
    fn perform(
        &mut self,
        plan: &Plan,
        zero: Time,
        (due, at): (Time, Time),
        action: &Action,
        out: &mut Vec<(Time, Deed)>,
    ) {
        self.unsettle(plan, at);
        let (what, whom) = action.told();
        self.tracer.happened_to(whom, what, at);
        if action.alters(plan.nodes(), &mut self.faults) {
            return out.push((at, Deed::Faults(self.faults.clone())));
        }
        match action {
            Action::Crash(nodes) => nodes.iter().for_each(|&node| self.go(plan, at, node, Order::Crash, out)),
            Action::Leave(nodes) => nodes.iter().for_each(|&node| self.go(plan, at, node, Order::Leave, out)),
            Action::Restart(nodes) => {
                nodes.iter().for_each(|&node| self.come_up(plan, zero, at, node, false, out));
            }
            Action::Join(nodes) => {
                nodes.iter().for_each(|&node| self.come_up(plan, zero, at, node, true, out));
            }
            Action::StopLearning(node) => {
                self.asked_to_stop = true;
                out.push((at, Deed::Tell(*node, Order::Control(Control::StopLearning))));
            }
            Action::Churn(model) => {
                // To the nanosecond where the script names the time, whenever it is that we look.
                let start = Time::ZERO + due.since(zero);
                self.churns.begin(Churn::new(plan.rules.seed, model.clone(), start));
            }
            // Done already.
            Action::Partition { .. } | Action::Heal | Action::Loss { .. } | Action::Slow(..) => {}
        }
    }

    /// Has a node crash or leave.
    fn go(&mut self, plan: &Plan, at: Time, node: PeerId, how: Order, out: &mut Vec<(Time, Deed)>) {
        let place = &mut self.places[node as usize];
        if *place == Place::There {
            *place = if matches!(how, Order::Leave) { Place::Left } else { Place::Crashed };
            self.anew.note(&plan.rules, at);
            out.push((at, Deed::Tell(node, how)));
        }
    }

    /// Has a node come up. It connects to those of its neighbours that are there.
    fn come_up(
        &mut self,
        plan: &Plan,
        zero: Time,
        at: Time,
        node: PeerId,
        joins: bool,
        out: &mut Vec<(Time, Deed)>,
    ) {
        let place = &mut self.places[node as usize];
        if *place == Place::There {
            return;
        }
        *place = Place::There;
        let life = &mut self.lives[node as usize];
        *life = life.wrapping_add(1);
        self.arrives = self.arrives.max(Some(at));
        self.anew.note(&plan.rules, at);
        self.joined += u32::from(joins);
        let there = |peer: PeerId| self.places[peer as usize] == Place::There;
        out.push((at, Deed::Tell(node, Order::Up(start::of(plan, node, there, true)))));
        if plan.rules.workflow.starts_everyone() {
            out.push((at, Deed::Tell(node, Order::Control(plan.begin(zero)))));
        }
    }

    /// A node has gone by itself, in one of its lives. The script may have brought it back meanwhile.
    pub fn gone(&mut self, plan: &Plan, node: PeerId, life: u16, at: Time) {
        self.anew.note(&plan.rules, at);
        let (place, current) = (&mut self.places[node as usize], self.lives[node as usize]);
        if *place == Place::There && life == current {
            *place = Place::Away;
        }
    }

    /// In which of its lives a node is that the script has brought up last.
    pub fn life(&self, node: PeerId) -> u16 {
        self.lives[node as usize]
    }

    /// Something happened that shows only once heartbeats are missed.
    fn unsettle(&mut self, plan: &Plan, at: Time) {
        self.unsettled = self.unsettled.max(at + plan.settling());
    }

    /// Until when what was done may still come to light by missing heartbeats.
    pub fn unsettled(&self) -> Time {
        self.unsettled
    }

    /// Whether a node was told to stop learning.
    pub fn has_asked_to_stop(&self) -> bool {
        self.asked_to_stop
    }

    /// Whether a node was brought up and may not have come to anything yet.
    pub fn is_bringing(&self, reached: Time) -> bool {
        self.arrives.is_some_and(|at| at >= reached)
    }

    /// How many nodes have joined.
    pub fn joined(&self) -> u32 {
        self.joined
    }

    /// Entries that never fired, in words.
    pub fn left_over(&self) -> impl Iterator<Item = String> + '_ {
        self.unplayed.iter().map(|i| format!("script[{i}] never fired: the run was over before"))
    }
}

/// A time that is counted from when learning began.
fn since(zero: Time, at: Time) -> Time {
    zero + at.since(Time::ZERO)
}

#[cfg(test)]
mod tests;
