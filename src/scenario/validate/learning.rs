//! Rules of what is learnt.

use super::Report;
use crate::learning::spec::{BatchSize, Dataset, ModelKind, Partitioning};
use crate::scenario::Scenario;
use crate::scenario::units::Size;

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
    for (path, distribution) in [
        ("learning.compute.train", &learning.compute.train),
        ("learning.compute.evaluate", &learning.compute.evaluate),
        ("learning.compute.aggregate", &learning.compute.aggregate),
    ] {
        report.distribution(path, distribution);
    }
    dataset(&learning.dataset, report);
    partitioning(&learning.partitioning, &learning.dataset, report);
    model(&learning.model, &learning.dataset, report);
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
