//! Rules of the script: that nodes exist, that groups make sense, that entries can fire and do something.
//!
//! Times and rounds cannot be compared before a run, so "before" here means "certainly before": an entry at a time
//! is neither before nor after one at a round.

use super::Report;
use crate::format::script::{At, Churn, Entry, Loss, NodeSet, Partition, Pick};
use crate::format::selection::{Fault, beyond};
use crate::format::units::Span;
use crate::network::MAX_GROUPS;
use crate::scenario::Scenario;
use crate::scenario::path::Path;
use std::time::Duration;

/// Nodes that all entries together may name: what fits into memory with ease.
pub(super) const MAX_NAMED: u64 = 50_000_000;

pub(super) fn check(scenario: &Scenario, report: &mut Report) {
    let named: u64 = scenario.script.iter().map(|entry| effort(entry, scenario.nodes)).sum();
    if named > MAX_NAMED {
        let message = format!("the script names {named} nodes in all");
        report.error("script", message, format!("at most {MAX_NAMED} are possible"));
        return;
    }
    let mut entries = Vec::with_capacity(scenario.script.len());
    for (i, entry) in scenario.script.iter().enumerate() {
        let path = Path::from("script").index(i);
        never_fires(scenario, entry.at(), &path, report);
        match entry {
            Entry::Crash(it) | Entry::Restart(it) | Entry::Join(it) | Entry::Leave(it) => {
                entries.push((entry, path.clone(), set(scenario, &it.nodes, i, &path.key("nodes"), report)));
            }
            Entry::Churn(it) => {
                churn(it, &path, report);
                entries.push((entry, path.clone(), set(scenario, &it.nodes, i, &path.key("nodes"), report)));
            }
            Entry::Slow(it) => {
                factor(it.compute, &path.key("compute"), report);
                factor(it.link, &path.key("link"), report);
                if it.link != 1.0 && scenario.network.is_none() {
                    report.warn(
                        path.key("link"),
                        "no-network",
                        "without a `network` block there is neither latency nor bandwidth to slow down",
                        "add \"network\": { \"latency\": \"20ms\" }",
                    );
                }
                let written = |field: &str| report.positions.is_written(&path.key(field));
                if !written("compute") && !written("link") {
                    report.warn(
                        path.clone(),
                        "slows-nothing",
                        "neither `compute` nor `link` is given: this ends a slowdown and starts none",
                        "write \"compute\": 10 to make jobs take ten times longer",
                    );
                }
                entries.push((entry, path.clone(), set(scenario, &it.nodes, i, &path.key("nodes"), report)));
            }
            Entry::Partition(it) => {
                groups(scenario, it, i, &path.key("groups"), report);
                entries.push((entry, path, Vec::new()));
            }
            Entry::Heal(_) => entries.push((entry, path, Vec::new())),
            Entry::Loss(it) => {
                let who = loss(scenario, it, i, &path, report);
                entries.push((entry, path, who));
            }
            Entry::StopLearning(it) => {
                if let Some(node) = it.node.filter(|node| *node >= scenario.nodes) {
                    report.error(path.key("node"), beyond(node, scenario.nodes), "name a node that exists");
                }
                let who = it.node.filter(|node| *node < scenario.nodes).into_iter().collect();
                entries.push((entry, path, who));
            }
        }
    }
    order(scenario, &entries, report);
}

/// An entry, where it stands, and the nodes it names.
type Placed<'a> = (&'a Entry, Path, Vec<u32>);

/// About how many nodes have to be looked at to write out an entry's choice.
fn effort(entry: &Entry, nodes: u32) -> u64 {
    let of_set = |set: &NodeSet| named(set, nodes);
    match entry {
        Entry::Crash(it) | Entry::Restart(it) | Entry::Join(it) | Entry::Leave(it) => of_set(&it.nodes),
        Entry::Churn(it) => of_set(&it.nodes),
        Entry::Slow(it) => of_set(&it.nodes),
        Entry::Partition(it) => u64::from(nodes) + it.groups.iter().map(of_set).sum::<u64>(),
        Entry::Loss(it) => u64::from(nodes) + of_set(&it.from) + of_set(&it.to),
        Entry::Heal(_) | Entry::StopLearning(_) => 1,
    }
}

/// About how many nodes have to be looked at to write out a choice.
pub(super) fn named(set: &NodeSet, nodes: u32) -> u64 {
    let of_pick = |pick: &Pick| match pick {
        Pick::Index(_) => 1,
        Pick::Range(range) => u64::from(range.last.min(nodes).saturating_sub(range.first)) + 1,
        Pick::Random(_) => u64::from(nodes),
    };
    set.0.iter().map(of_pick).sum()
}

fn never_fires(scenario: &Scenario, at: &At, path: &Path, report: &mut Report) {
    let rounds = scenario.workflow.rounds();
    match at {
        At::Round(at) if at.round >= rounds => report.warn(
            path.key("at").key("round"),
            "never-fires",
            format!(
                "round {} never comes: the {rounds} rounds are 0 to {}",
                at.round,
                rounds.saturating_sub(1)
            ),
            "lower the round, or raise `workflow.rounds`",
        ),
        At::Time(time) if *time >= scenario.limits.time => report.warn(
            path.key("at"),
            "never-fires",
            format!("{time} never comes: the run ends at {}", scenario.limits.time),
            "make it earlier, or raise `limits.time`",
        ),
        _ => {}
    }
}

/// The nodes of a set, or none and a report.
fn set(scenario: &Scenario, set: &NodeSet, entry: usize, path: &Path, report: &mut Report) -> Vec<u32> {
    if !picks(set, path, report) {
        return Vec::new();
    }
    set.resolve(scenario.nodes, scenario.seed, entry).unwrap_or_else(|fault| {
        unresolved(&fault, set, path, report);
        Vec::new()
    })
}

fn groups(scenario: &Scenario, partition: &Partition, entry: usize, path: &Path, report: &mut Report) {
    let groups = &partition.groups;
    if groups.len() < 2 {
        let message =
            format!("a partition into {}", if groups.is_empty() { "no groups" } else { "one group" });
        report.error(path.clone(), message, "it takes two or more groups: [[\"0-4\"], [\"5-9\"]]");
        return;
    }
    if groups.len() > MAX_GROUPS {
        let message = format!("a partition into {} groups", groups.len());
        report.error(path.clone(), message, format!("at most {MAX_GROUPS} are possible"));
        return;
    }
    let usable =
        groups.iter().enumerate().fold(true, |all, (i, group)| picks(group, &path.index(i), report) && all);
    if !usable {
        return;
    }
    match partition.resolve(scenario.nodes, scenario.seed, entry) {
        Err(fault) => unresolved(&fault, &groups[fault.group], &path.index(fault.group), report),
        Ok(resolved) => {
            let mut owner: Vec<Option<usize>> = vec![None; scenario.nodes as usize];
            for (i, group) in resolved.iter().enumerate() {
                let shared = group.iter().find_map(|node| Some((*node, owner[*node as usize]?)));
                if let Some((node, other)) = shared {
                    let message = format!("node {node} is in group {other} and in group {i}");
                    report.error(path.index(i), message, "a node can be on one side of a partition only");
                }
                for node in group {
                    owner[*node as usize].get_or_insert(i);
                }
            }
        }
    }
}

/// How nodes come and go.
fn churn(churn: &Churn, path: &Path, report: &mut Report) {
    const EITHER: &str = "write \"session\" and \"absence\", such as { \"kind\": \"exponential\", \"mean\": \"5m\" }, or a \"trace\"";
    let spans = [("session", &churn.session), ("absence", &churn.absence)];
    if churn.trace.is_some() {
        if let Some((field, _)) = spans.iter().find(|(_, span)| span.is_some()) {
            let message =
                format!("a `trace` says already how long nodes stay: `{field}` has no place beside it");
            report.error(path.key(*field), message, "leave one of them out");
        }
        if churn.trace.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            report.error(
                path.key("trace"),
                "the name of the file is empty",
                "write \"trace\": \"churn.csv\"",
            );
        }
    } else if let Some((field, _)) = spans.iter().find(|(_, span)| span.is_none()) {
        let other = if spans.iter().all(|(_, span)| span.is_none()) { " nor a `trace`" } else { "" };
        let has = if other.is_empty() { "no" } else { "neither a" };
        report.error(path.clone(), format!("this churn has {has} `{field}`{other}"), EITHER);
    }
    for (field, span) in spans {
        let Some(span) = span else { continue };
        let field = path.key(field);
        report.distribution(&field.to_string(), span);
        if span.fault().is_none() && span.median().is_zero() {
            let message = format!("`{field}` is mostly zero: nodes would do nothing but come and go");
            report.error(field, message, "write a duration such as \"5m\"");
        }
    }
    if let (At::Time(at), Some(until)) = (&churn.at, &churn.until)
        && until <= at
    {
        let message = format!("it ends at {until} and begins at {at}, no sooner");
        report.error(path.key("until"), message, "`until` counts from the start of learning: make it later");
    }
}

/// The nodes at both ends of links that lose packets.
fn loss(scenario: &Scenario, loss: &Loss, entry: usize, path: &Path, report: &mut Report) -> Vec<u32> {
    let share = path.key("packet_loss");
    report.share(share.clone(), loss.packet_loss);
    match &scenario.network {
        None if loss.packet_loss > 0.0 => report.warn(
            share,
            "no-network",
            "without a `network` block messages are not made of packets that could be lost",
            "add \"network\": { \"latency\": \"20ms\" }",
        ),
        Some(network) if loss.packet_loss == 1.0 && !network.lossy => report.error(
            share,
            "every packet is lost and sent again for ever",
            "write a probability below 1, or a `partition` with \"one_way\": true",
        ),
        _ => {}
    }
    let sides = [(&loss.from, path.key("from")), (&loss.to, path.key("to"))];
    if !sides.iter().fold(true, |all, (set, path)| picks(set, path, report) && all) {
        return Vec::new();
    }
    match loss.resolve(scenario.nodes, scenario.seed, entry) {
        Ok((mut who, to)) => {
            who.extend(to);
            who.sort_unstable();
            who.dedup();
            who
        }
        Err(fault) => {
            let (set, path) = &sides[fault.group];
            unresolved(&fault, set, path, report);
            Vec::new()
        }
    }
}

/// Whether a set names anyone at all.
pub(super) fn picks(set: &NodeSet, path: &Path, report: &mut Report) -> bool {
    if set.0.is_empty() {
        report.error(path.clone(), "no nodes are named", "name at least one: [3, \"40-49\"]");
        return false;
    }
    let mut usable = true;
    for (i, pick) in set.0.iter().enumerate() {
        if matches!(pick, Pick::Random(random) if random.random == 0) {
            report.error(pick_path(set, i, path, report), "no nodes are drawn", "draw at least 1");
            usable = false;
        }
    }
    usable
}

pub(super) fn unresolved(fault: &Fault, set: &NodeSet, path: &Path, report: &mut Report) {
    let path = pick_path(set, fault.pick, path, report);
    report.error(path, fault.message.clone(), "choose fewer or other nodes, or raise `nodes`");
}

/// Where a part of a set stands; a single one need not be in a list.
fn pick_path(set: &NodeSet, pick: usize, path: &Path, report: &Report) -> Path {
    let listed = path.index(pick);
    if set.0.len() > 1 || report.positions.is_written(&listed) { listed } else { path.clone() }
}

fn factor(factor: f64, path: &Path, report: &mut Report) {
    if !(factor > 0.0 && factor.is_finite()) {
        let message = format!("a slowdown by a factor of {factor}");
        report.error(path.clone(), message, "it must be greater than 0; 1 is the ordinary pace");
    }
}

/// The first of some entries: by time and by round.
#[derive(Clone, Copy, Default)]
struct First {
    time: Option<(Span, usize)>,
    round: Option<(u32, usize)>,
}

impl First {
    fn add(&mut self, at: &At, i: usize) {
        match at {
            At::Time(time) => self.time = Some(self.time.map_or((*time, i), |first| first.min((*time, i)))),
            At::Round(at) => {
                self.round = Some(self.round.map_or((at.round, i), |first| first.min((at.round, i))))
            }
        }
    }

    /// Whether any of the entries may come before entry `i`.
    fn may_precede(&self, at: &At, i: usize) -> bool {
        match at {
            At::Time(time) => self.round.is_some() || self.time.is_some_and(|first| first < (*time, i)),
            At::Round(at) => self.time.is_some() || self.round.is_some_and(|first| first < (at.round, i)),
        }
    }
}

/// What entries need of those before them.
fn order(scenario: &Scenario, entries: &[Placed], report: &mut Report) {
    let nodes = scenario.nodes as usize;
    let mut partitions = First::default();
    let mut down = vec![First::default(); if entries.is_empty() { 0 } else { nodes }];
    for (i, (entry, _, who)) in entries.iter().enumerate() {
        match entry {
            Entry::Partition(_) => partitions.add(entry.at(), i),
            Entry::Crash(_) | Entry::Leave(_) | Entry::Churn(_) => {
                who.iter().for_each(|node| down[*node as usize].add(entry.at(), i));
            }
            _ => {}
        }
    }
    for (i, (entry, path, who)) in entries.iter().enumerate() {
        match entry {
            Entry::Heal(_) if !partitions.may_precede(entry.at(), i) => report.warn(
                path.clone(),
                "nothing-to-heal",
                "no partition comes before this `heal`",
                "put a `partition` before it",
            ),
            Entry::Restart(_) => {
                let up = |node: &u32| !down[*node as usize].may_precede(entry.at(), i);
                let up: Vec<u32> = who.iter().copied().filter(up).collect();
                if !up.is_empty() {
                    report.warn(
                        path.key("nodes"),
                        "nothing-to-restart",
                        format!(
                            "{} before this `restart`",
                            subject(&up, "neither crashes nor leaves", "neither crash nor leave")
                        ),
                        "name nodes that are down by then; nodes that are up are left alone",
                    );
                }
            }
            _ => {}
        }
    }
    overlapping_churns(nodes, entries, report);
    absentees(scenario, entries, report);
}

/// Nodes that two entries let come and go at the same time. Of an entry at a round nobody knows when it begins.
fn overlapping_churns(nodes: usize, entries: &[Placed], report: &mut Report) {
    let mut churns: Vec<_> = entries
        .iter()
        .filter_map(|(entry, path, who)| match entry {
            Entry::Churn(it) => match it.at {
                At::Time(at) => Some((at, it.until, path, who)),
                At::Round(_) => None,
            },
            _ => None,
        })
        .collect();
    if churns.len() < 2 {
        return;
    }
    churns.sort_by_key(|(at, ..)| *at);
    const NEVER: Span = Span(Duration::MAX);
    let mut until = vec![Span(Duration::ZERO); nodes];
    for (at, ends, path, who) in churns {
        let twice: Vec<u32> = who.iter().copied().filter(|node| until[*node as usize] > at).collect();
        if !twice.is_empty() {
            report.warn(
                path.key("nodes"),
                "churns-twice",
                format!("{} already at that time", subject(&twice, "comes and goes", "come and go")),
                "give the earlier one an `until`, or name other nodes",
            );
        }
        for node in who {
            let busy = &mut until[*node as usize];
            *busy = (*busy).max(ends.unwrap_or(NEVER));
        }
    }
}

/// Nodes that join later are not there before: nothing can happen to them, and they cannot start learning.
fn absentees(scenario: &Scenario, entries: &[Placed], report: &mut Report) {
    if !entries.iter().any(|(entry, ..)| matches!(entry, Entry::Join(_))) {
        return;
    }
    // The entry by which a node joins, for nodes that do.
    let mut joins: Vec<Option<usize>> = vec![None; scenario.nodes as usize];
    for (i, (entry, path, who)) in entries.iter().enumerate() {
        if matches!(entry, Entry::Join(_)) {
            let again: Vec<u32> =
                who.iter().copied().filter(|node| joins[*node as usize].is_some()).collect();
            if !again.is_empty() {
                let message = format!("{} already", subject(&again, "has joined", "have joined"));
                report.warn(path.key("nodes"), "joins-twice", message, "use `restart` to bring a node back");
            }
            who.iter().for_each(|node| {
                joins[*node as usize].get_or_insert(i);
            });
        }
    }
    if let Some((node, field)) = scenario.workflow.first()
        && let Some(Some(join)) = joins.get(node as usize)
    {
        report.error(
            entries[*join].1.key("nodes"),
            format!(
                "node {node} starts it all and cannot join later: the script's time begins when it starts"
            ),
            format!("let other nodes join, or choose another `{field}`"),
        );
    } else if joins.iter().all(Option::is_some) {
        report.error(
            "script",
            "all nodes join later, so none is there to begin",
            "leave at least one out of `join`",
        );
    }
    for (i, (entry, path, who)) in entries.iter().enumerate() {
        let later = |node: &u32| joins[*node as usize].is_some_and(|join| certainly_before(entries, i, join));
        let not_yet: Vec<u32> = match entry {
            // Nodes that churn and have yet to come do so from then on.
            Entry::Join(_) | Entry::Churn(_) => continue,
            _ => who.iter().copied().filter(later).collect(),
        };
        if !not_yet.is_empty() {
            report.warn(
                path.clone(),
                "not-there-yet",
                format!("{} only after this", subject(&not_yet, "joins", "join")),
                "move it behind the `join`",
            );
        }
    }
}

/// Whether entry `a` fires before entry `b` in every run.
fn certainly_before(entries: &[Placed], a: usize, b: usize) -> bool {
    match (entries[a].0.at(), entries[b].0.at()) {
        (At::Time(first), At::Time(second)) => (first, a) < (second, b),
        (At::Round(first), At::Round(second)) => (first.round, a) < (second.round, b),
        _ => false,
    }
}

/// `node 3 joins`, `nodes 3, 4 and 5 join`, with a limit.
fn subject(nodes: &[u32], one: &str, several: &str) -> String {
    let shown: Vec<String> = nodes.iter().take(5).map(u32::to_string).collect();
    match nodes.len() {
        1 => format!("node {} {one}", nodes[0]),
        n @ 2..=5 => format!("nodes {} and {} {several}", shown[..n - 1].join(", "), shown[n - 1]),
        n => format!("nodes {} and {} others {several}", shown.join(", "), n - shown.len()),
    }
}
