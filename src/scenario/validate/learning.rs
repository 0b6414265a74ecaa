//! Rules of what is learnt.

use super::script::{MAX_NAMED, named, picks, unresolved};
use super::{MAX_NODES, Report};
use crate::format::units::Size;
use crate::learning::spec::{Averaging, BatchSize, Dataset, ModelKind, Partitioning, Quadratic};
use crate::scenario::Scenario;
use crate::scenario::path::Path;

/// A P2PFL peer takes no larger message.
const MAX_MODEL: Size = Size(1 << 30);

/// Pixels and classes of the digits.
const DIGITS: (u64, u64) = (64, 10);

pub(super) fn check(scenario: &Scenario, report: &mut Report) {
    let learning = &scenario.learning;
    report.positive("learning.learning_rate", learning.learning_rate);
    if learning.batch_size == BatchSize::Rows(0) {
        report.error(
            "learning.batch_size",
            "`learning.batch_size` is 0",
            "it must be at least 1, or \"full\"",
        );
    }
    report.at_least_one("learning.evaluate_every", learning.evaluate_every);
    for (path, time) in [
        ("learning.compute.train", &learning.compute.train),
        ("learning.compute.evaluate", &learning.compute.evaluate),
        ("learning.compute.aggregate", &learning.compute.aggregate),
    ] {
        report.parameters(path, time.fault());
    }
    dataset(&learning.dataset, report);
    partitioning(&learning.partitioning, &learning.dataset, report);
    model(&learning.model, &learning.dataset, report);
    if learning.start.is_some() && !learning.model.has_init() {
        report.warn(
            "learning.start",
            "no-effect",
            "`learning.start` has no effect: the model says itself what nodes begin with",
            "leave it out, or choose another `learning.model`",
        );
    }
    byzantine(scenario, report);
}

fn dataset(dataset: &Dataset, report: &mut Report) {
    let Dataset::Csv(csv) = dataset else { return };
    if csv.train.as_os_str().is_empty() {
        report.error(
            "learning.dataset.train",
            "the name of the file is empty",
            "write \"train\": \"data.csv\"",
        );
    }
    if csv.label.is_empty() {
        report.error(
            "learning.dataset.label",
            "the name of the column is empty",
            "write \"label\": \"class\"",
        );
    }
}

fn partitioning(partitioning: &Partitioning, dataset: &Dataset, report: &mut Report) {
    match partitioning {
        Partitioning::Iid(_) => {}
        Partitioning::Dirichlet(it) => report.positive("learning.partitioning.alpha", it.alpha),
        Partitioning::LabelSkew(it) => {
            let path = "learning.partitioning.classes_per_node";
            report.at_least_one(path, it.classes_per_node);
            let (_, classes) = DIGITS;
            if matches!(dataset, Dataset::Digits(_)) && u64::from(it.classes_per_node) > classes {
                let message =
                    format!("{} classes a node, but the digits have {classes}", it.classes_per_node);
                report.error(path, message, format!("write {classes} or less"));
            }
        }
        Partitioning::Percentage(it) => {
            if !(0.0..=100.0).contains(&it.percentage) {
                let path = "learning.partitioning.percentage";
                report.error(path, format!("`{path}` is {}", it.percentage), "it is a number from 0 to 100");
            }
        }
    }
}

fn model(model: &ModelKind, dataset: &Dataset, report: &mut Report) {
    match model {
        ModelKind::Softmax(_) => {}
        ModelKind::Mlp(it) => {
            let path = "learning.model.hidden";
            match it.hidden.len() {
                0 => {
                    report.error(path, "no hidden layer", "write [32], or { \"kind\": \"softmax\" } for none")
                }
                1..=32 => {}
                more => report.error(path, format!("{more} hidden layers"), "at most 32 are possible"),
            }
            for (i, _) in it.hidden.iter().enumerate().filter(|(_, units)| **units == 0) {
                report.error(format!("{path}[{i}]").as_str(), "a layer of no units", "it must be at least 1");
            }
            let (inputs, classes) = match dataset {
                Dataset::Digits(_) => DIGITS,
                Dataset::Csv(_) => (1, 1),
            };
            let widths: Vec<u64> = std::iter::once(inputs)
                .chain(it.hidden.iter().map(|units| u64::from(*units)))
                .chain(std::iter::once(classes))
                .collect();
            let parameters = widths
                .windows(2)
                .map(|pair| pair[0].saturating_add(1).saturating_mul(pair[1]))
                .fold(0u64, u64::saturating_add);
            if parameters.saturating_mul(4) > MAX_MODEL.0 {
                report.error(
                    path,
                    format!("a model of {parameters} parameters is larger than {MAX_MODEL}"),
                    "P2PFL's messages end there: write fewer units",
                );
            }
        }
        ModelKind::Averaging(Averaging { dimension, .. })
        | ModelKind::Quadratic(Quadratic { dimension, .. }) => {
            let path = "learning.model.dimension";
            report.at_least_one(path, *dimension);
            if 8 * u64::from(*dimension) > MAX_MODEL.0 {
                let message = format!("a model of {dimension} float64 is larger than {MAX_MODEL}");
                report.error(path, message, "P2PFL's messages end there");
            }
        }
        ModelKind::Synthetic(it) => {
            let path = "learning.model.size";
            if it.size.0 == 0 || !it.size.0.is_multiple_of(4) {
                let message = format!("a model of {} bytes", it.size.0);
                report.error(
                    path,
                    message,
                    "parameters take 4 bytes each: write a multiple of 4, such as \"2KiB\"",
                );
            } else if it.size > MAX_MODEL {
                let message = format!("a model of {} is larger than {MAX_MODEL}", it.size);
                report.error(path, message, "P2PFL's messages end there");
            }
        }
    }
}

/// Nodes that lie.
fn byzantine(scenario: &Scenario, report: &mut Report) {
    let groups = &scenario.learning.byzantine.0;
    if groups.is_empty() || !(1..=MAX_NODES).contains(&scenario.nodes) {
        return;
    }
    // One group need not be in a list.
    let all = Path::from("learning").key("byzantine");
    let place = |group: usize, report: &Report| {
        let listed = all.index(group);
        if report.positions.is_written(&listed) { listed } else { all.clone() }
    };
    let effort: u64 = groups.iter().map(|it| named(&it.nodes, scenario.nodes)).sum();
    if effort > MAX_NAMED {
        let message = format!("{effort} nodes are named in all");
        return report.error(all, message, format!("at most {MAX_NAMED} are possible"));
    }
    let mut usable = true;
    for (i, attackers) in groups.iter().enumerate() {
        let path = place(i, report);
        if let Some(scale) = attackers.attack.scale() {
            report.positive(path.key("attack").key("scale"), scale);
        }
        usable &= picks(&attackers.nodes, &path.key("nodes"), report);
    }
    if matches!(scenario.learning.model, ModelKind::Synthetic(_) | ModelKind::Averaging(_)) {
        let message = "a model that is not trained cannot be lied about";
        report.warn(
            all.clone(),
            "nothing-learnt",
            message,
            "choose another `learning.model`, or leave `byzantine` out",
        );
    }
    if !usable {
        return;
    }
    let resolved = match scenario.learning.byzantine.resolve(scenario.nodes, scenario.seed) {
        Ok(resolved) => resolved,
        Err(fault) => {
            let path = place(fault.group, report).key("nodes");
            return unresolved(&fault, &groups[fault.group].nodes, &path, report);
        }
    };
    if let Some((node, first, second)) = shared(&resolved, scenario.nodes) {
        let message = format!("node {node} lies already as `learning.byzantine[{first}]` says");
        report.error(place(second, report).key("nodes"), message, "a node can lie in one way only");
    }
    let liars: usize = resolved.iter().map(Vec::len).sum();
    if liars == scenario.nodes as usize {
        report.warn(all, "nobody-honest", "all nodes lie", "leave some out: there is nobody to be misled");
    }
}

/// A node that is in two groups, and which these are.
fn shared(groups: &[Vec<u32>], nodes: u32) -> Option<(u32, usize, usize)> {
    let mut owner: Vec<Option<usize>> = vec![None; nodes as usize];
    for (i, group) in groups.iter().enumerate() {
        for &node in group {
            if let Some(first) = owner[node as usize].replace(i) {
                return Some((node, first, i));
            }
        }
    }
    None
}
