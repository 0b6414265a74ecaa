//! Where the change of a figure comes from: which command sent more, which stage took longer. The entries that a figure is
//! made of are looked at on both sides, and the one that contributed most is named.

use crate::report::figures::nature;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// The command or stage that a change comes from most of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Its name in results.
    pub name: String,
    /// By how much its own figure changed, as a part of the baseline; nothing if it was zero or not there.
    pub change: Option<f64>,
}

/// What stands for the values of several runs.
pub type Middle = fn(Vec<f64>) -> Option<f64>;

/// Where the change of a figure between these results comes from. Nothing if it is made of nothing, or its parts went the
/// other way.
pub fn origin(path: &str, baseline: &[&Value], current: &[&Value], of_all: Middle) -> Option<Origin> {
    let middle = |documents: &[&Value], of: &dyn Fn(&Value) -> Option<f64>| {
        of_all(documents.iter().filter_map(|it| of(it)).collect())
    };
    let change = middle(current, &|it| figure(it, path))? - middle(baseline, &|it| figure(it, path))?;
    let (group, part): (&str, fn(&str, &str) -> Part) = match path.split('.').next()? {
        "messages" if path.starts_with("messages.total.") => ("messages.by_command", command),
        "latency" if ["message", "rpc"].contains(&path.split('.').nth(1)?) => ("latency", latency),
        "latency" if path.starts_with("latency.round.") => ("latency", stage),
        "ended_s" => ("latency", stage),
        _ => return None,
    };
    let names: BTreeSet<&String> = baseline
        .iter()
        .chain(current)
        .filter_map(|it| it.pointer(&format!("/{}", group.replace('.', "/")))?.as_object())
        .flat_map(serde_json::Map::keys)
        .collect();
    let contribution = |name: &str| {
        let part = part(path, name);
        let name = name.strip_prefix(part.prefix?).filter(|it| !it.is_empty())?.to_owned();
        let count = |it: &Value| figure(it, part.count.as_ref()?);
        // How often there was something now, for both sides.
        let times = middle(current, &count).or(middle(baseline, &count));
        let amount = |side: &[&Value]| match part.total {
            true => middle(side, &|it| Some(figure(it, &part.figure)? * count(it)?)),
            false => middle(side, &|it| Some(figure(it, &part.figure)? * times.unwrap_or(1.0))),
        };
        let (was, is) = (amount(baseline), amount(current));
        let change = was.zip(is).map(|(was, is)| (is - was) / was).filter(|it| it.is_finite());
        Some((is.unwrap_or(0.0) - was.unwrap_or(0.0), Origin { name, change }))
    };
    let parts = names.into_iter().filter_map(|name| contribution(name));
    let same_way = parts.filter(|(by, _)| *by != 0.0 && (*by > 0.0) == (change > 0.0));
    same_way.max_by(|(a, _), (b, _)| a.abs().total_cmp(&b.abs())).map(|(_, origin)| origin)
}

/// An entry that a figure may be made of.
struct Part {
    /// What its name begins with, if it is one.
    prefix: Option<&'static str>,
    /// The figure of it that contributes.
    figure: String,
    /// How many values it is of, if it is of several.
    count: Option<String>,
    /// Whether the sum of these values is what changes: more of them make it larger.
    total: bool,
}

fn command(path: &str, name: &str) -> Part {
    let rest = path.trim_start_matches("messages.total.");
    Part { prefix: Some(""), figure: format!("messages.by_command.{name}.{rest}"), count: None, total: false }
}

/// Those of `message` and `rpc` are made of those of commands.
fn latency(path: &str, name: &str) -> Part {
    let (of, quantile) = path.trim_start_matches("latency.").rsplit_once('.').unwrap_or_default();
    let prefix = if of == "message" { "message." } else { "rpc." };
    Part {
        prefix: name.starts_with(prefix).then_some(prefix),
        figure: format!("latency.{name}.{quantile}"),
        count: Some(format!("latency.{name}.count")),
        total: false,
    }
}

/// The time of a round is spent in stages.
fn stage(_: &str, name: &str) -> Part {
    Part {
        prefix: name.starts_with("stage.").then_some("stage."),
        figure: format!("latency.{name}.mean"),
        count: Some(format!("latency.{name}.count")),
        total: true,
    }
}

fn figure(document: &Value, path: &str) -> Option<f64> {
    nature::value(document, path).ok().flatten()
}

/// The middle of values by which runs are compared, the lower of two.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// The same where runs are compared by their mean.
pub fn mean(values: Vec<f64>) -> Option<f64> {
    Some(values.iter().sum::<f64>() / values.len() as f64).filter(|it| it.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use serde_json::json;

    fn between(path: &str, change: impl FnOnce(&mut Value)) -> Option<Origin> {
        let full = serde_json::to_value(sample::full()).unwrap();
        let mut other = full.clone();
        change(&mut other);
        origin(path, &[&full], &[&other], median)
    }

    #[test]
    fn messages_come_from_the_command_that_sent_more() {
        let found = between("messages.total.sent", |it| {
            it["messages"]["total"]["sent"] = json!(1_249_627);
            it["messages"]["by_command"]["vote_train_set"]["sent"] = json!(13_860);
            it["messages"]["by_command"]["beat"]["sent"] = json!(1_234_000);
        });
        assert_eq!(found.as_ref().map(|it| it.name.as_str()), Some("vote_train_set"));
        assert!((found.unwrap().change.unwrap() - 0.4).abs() < 1e-9);
    }

    #[test]
    fn a_round_takes_longer_because_of_a_stage() {
        let found = between("latency.round.p99", |it| {
            it["latency"]["round"]["p99"] = json!(30.0);
            it["latency"]["stage.vote"]["mean"] = json!(14.0);
        });
        assert_eq!(found.map(|it| it.name), Some("vote".into()));
    }

    #[test]
    fn messages_take_longer_because_of_a_command() {
        let found = between("latency.message.p99", |it| {
            it["latency"]["message"]["p99"] = json!(3.0);
            it["latency"]["message.beat"]["p99"] = json!(3.0);
        });
        assert_eq!(found.map(|it| it.name), Some("beat".into()));
    }

    #[test]
    fn what_is_made_of_nothing_comes_from_nothing() {
        assert_eq!(between("final.loss.mean", |it| it["final"]["loss"]["mean"] = json!(9.0)), None);
        assert_eq!(between("messages.total.sent", |it| it["messages"]["total"]["sent"] = json!(9)), None);
    }
}
