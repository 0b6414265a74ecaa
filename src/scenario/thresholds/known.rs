//! What is known of a threshold before anything runs: whether a run of the scenario can have what it asks for.
//!
//! The paths are those of the result's types; what a scenario keeps out of its result is added here. A figure that only
//! may be missing, such as the time of a command that nobody happens to send, is left to the run.

use super::lookup::{Missed, descend, find, place, told};
use super::shape::Shape;
use super::{Bound, Malformed, Op, Threshold};
use crate::metrics::result::RunResult;
use crate::node::Spreading;
use crate::node::Stage;
use crate::node::probe::spec::Exchange;
use crate::scenario::explain::nearest;
use crate::scenario::{Clock, Scenario, Transport};
use crate::transport::socket::Refusal;
use crate::wire::Command;
use std::sync::LazyLock;

/// Names that are listed in a message.
const LISTED: usize = 12;

/// The shape of every result.
static RESULT: LazyLock<Shape> = LazyLock::new(|| {
    let mut shape = Shape::of::<RunResult>();
    let reason = |it: Refusal| (it.name().to_owned(), Shape::Number);
    shape.put("sockets.refused", Shape::Object(Refusal::ALL.map(reason).into()));
    shape.put("engine.clock", Shape::of::<Clock>());
    shape.put("engine.transport", Shape::of::<Transport>());
    shape
});

/// What is known of the results of a scenario.
pub struct Known<'a> {
    scenario: &'a Scenario,
    never: Vec<Never>,
}

/// What no result of a scenario has.
struct Never {
    /// The path of it, and of all that is inside; a `*` stands for any one step.
    path: String,
    why: String,
}

/// What stands at a path.
enum Figure {
    Number,
    Truth,
    Word(Vec<String>),
}

impl<'a> Known<'a> {
    /// Of this scenario.
    pub fn of(scenario: &'a Scenario) -> Self {
        Self { scenario, never: never(scenario) }
    }

    /// Finds a threshold that cannot hold or fail for what the run does: on something that no result has, or that cannot
    /// be compared so.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn check(&self, threshold: &Threshold) -> Result<(), Malformed> {
        let Threshold { path, op, value } = threshold;
        match (self.figure(path)?, value) {
            (Figure::Number, Bound::Number(_) | Bound::Duration(_) | Bound::Size(_) | Bound::Rate(_)) => {
                Ok(())
            }
            (Figure::Number, Bound::Name(other)) => self.number(path, other),
            (Figure::Truth, Bound::Name(word)) => is_one_of(path, *op, word, &["true", "false"]),
            (Figure::Word(words), Bound::Name(word)) => {
                is_one_of(path, *op, word, &words.iter().map(String::as_str).collect::<Vec<_>>())
            }
            (Figure::Truth, _) => Err(unfit(
                format!("`{path}` is true or false, not a number"),
                "write `== true` or `== false`",
            )),
            (Figure::Word(words), _) => Err(unfit(
                format!("`{path}` is a word, not a number"),
                match words.as_slice() {
                    [] => {
                        "words go with == and !=; one that looks like a number stands in double quotes".into()
                    }
                    words => format!("it is one of {}", words.join(", ")),
                },
            )),
        }
    }

    /// The right side of a comparison of numbers, where it is no number itself.
    fn number(&self, left: &str, right: &str) -> Result<(), Malformed> {
        match self.figure(right) {
            Ok(Figure::Number) => Ok(()),
            Ok(_) => Err(unfit(
                format!("`{left}` is a number, and `{right}` is a word"),
                "numbers are compared with numbers",
            )),
            // A path, well or badly written, rather than a word.
            Err(fault) if right.contains('.') || descend(&*RESULT, right).is_ok() => Err(fault),
            Err(fault) => Err(Malformed {
                message: format!(
                    "`{left}` is a number, and `{right}` is neither a number nor a figure of a result"
                ),
                ..fault
            }),
        }
    }

    /// What stands at a path.
    fn figure(&self, path: &str) -> Result<Figure, Malformed> {
        if let Some(rest) = path.strip_prefix("scenario.") {
            return self.setting(rest);
        }
        if let Some(never) = self.never(path) {
            return Err(unfit(
                format!("no run of this scenario has `{path}`: {}", never.why),
                "leave the threshold out",
            ));
        }
        if let Some(there) = self.beyond(path) {
            return Err(unfit(format!("no run of this scenario has `{path}`"), format!("it has {there}")));
        }
        let shape = descend(&*RESULT, path).map_err(|missed| self.unknown(path, &missed))?;
        single(path, shape)
    }

    /// The scenario is known to the last field.
    fn setting(&self, path: &str) -> Result<Figure, Malformed> {
        let scenario = serde_json::to_value(self.scenario).unwrap_or_default();
        let value = find(&scenario, path).map_err(|why| {
            let (what, help) = why.rsplit_once("; ").unwrap_or((&why, ""));
            unfit(what.replace("the result", "this scenario"), help)
        })?;
        if value.is_null() {
            return Err(unfit(format!("`{path}` is not set in this scenario"), "compare with a number"));
        }
        single(&format!("scenario.{path}"), &Shape::of_value(value))
    }

    fn never(&self, path: &str) -> Option<&Never> {
        self.never.iter().find(|it| covers(&it.path, path))
    }

    /// A round or cell that is one too many, by which there are.
    fn beyond(&self, path: &str) -> Option<String> {
        // Peers outside may have begun with another number of rounds.
        let most = self.scenario.workflow.rounds() as usize;
        let rest = ["rounds.", "probe.cells."].into_iter().find_map(|list| path.strip_prefix(list))?;
        let step = rest.split('.').next()?;
        step.parse::<i64>().ok()?;
        let there = place(step, most).is_some_and(|place| place < most);
        (!there && !self.is_with_others()).then(|| told(most))
    }

    fn is_with_others(&self) -> bool {
        is_with_others(self.scenario)
    }

    /// What is wrong with a path that no result has, and which one was meant.
    fn unknown(&self, path: &str, missed: &Missed) -> Malformed {
        let index = path.split('.').find(|step| step.parse::<i64>().is_ok()).unwrap_or("0");
        let paths: Vec<String> =
            RESULT.paths(index).into_iter().filter(|it| self.never(it).is_none()).collect();
        let meant = nearest(path, paths.iter().map(String::as_str)).or_else(|| {
            // The end of a path, such as `accuracy.mean`; the shortest is the most general.
            let ends =
                paths.iter().filter(|it| it.strip_suffix(path).is_some_and(|before| before.ends_with('.')));
            ends.min_by_key(|it| it.len()).map(String::as_str)
        });
        let names: Vec<&str> = missed
            .names
            .iter()
            .map(String::as_str)
            .filter(|name| self.can_have(&missed.walked, name))
            .collect();
        let help = match (meant.or_else(|| missed.near()), names.as_slice()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => "nothing is inside it".into(),
            (None, names) => {
                let more = if names.len() > LISTED { ", …" } else { "" };
                format!("it has {}{more}", names[..names.len().min(LISTED)].join(", "))
            }
        };
        unfit(format!("`{path}` is not in a result: {}", missed.told()), help)
    }

    fn can_have(&self, parent: &str, name: &str) -> bool {
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        self.never(&path).is_none()
    }
}

/// A single value, and not what holds several.
fn single(path: &str, shape: &Shape) -> Result<Figure, Malformed> {
    match shape {
        Shape::Number => Ok(Figure::Number),
        Shape::Truth => Ok(Figure::Truth),
        Shape::Word(words) => Ok(Figure::Word(words.clone())),
        Shape::Object(fields) => {
            let more = if fields.len() > LISTED { ", …" } else { "" };
            let inner: Vec<String> =
                fields.iter().take(LISTED).map(|(name, _)| format!("{path}.{name}")).collect();
            Err(unfit(
                format!("`{path}` is an object, and no single figure"),
                format!("it has {}{more}", inner.join(", ")),
            ))
        }
        Shape::List(inner, _) => {
            let figure = match inner.paths("0").first() {
                Some(inner) if !inner.is_empty() => {
                    format!(", and a figure of it, such as {path}.-1.{inner}")
                }
                _ => String::new(),
            };
            Err(unfit(
                format!("`{path}` is a list, and no single figure"),
                format!("name an entry by its number, the last by -1{figure}"),
            ))
        }
        Shape::Numbered(_) => Err(unfit(
            format!("`{path}` is an object, and no single figure"),
            format!("its fields are whole numbers, such as {path}.1"),
        )),
        Shape::Unknown => Err(unfit(format!("`{path}` is no single figure"), "name a figure in it")),
    }
}

/// Whether a word is one of those that there can be; any is if there are none.
fn is_one_of(path: &str, op: Op, word: &str, words: &[&str]) -> Result<(), Malformed> {
    if !matches!(op, Op::Equal | Op::NotEqual) {
        return Err(unfit(
            format!("`{path}` is a word, and `{op}` compares numbers"),
            "words go with == and !=",
        ));
    }
    if words.is_empty() || words.contains(&word) {
        return Ok(());
    }
    let list = format!("it is one of {}", words.join(", "));
    Err(unfit(
        format!("`{path}` is never `{word}`"),
        match nearest(word, words.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? {list}"),
            None => list,
        },
    ))
}

fn unfit(message: String, help: impl Into<String>) -> Malformed {
    Malformed { at: 0, message, help: help.into() }
}

/// Whether a path is that of the pattern, or inside it.
fn covers(pattern: &str, path: &str) -> bool {
    let mut steps = path.split('.');
    pattern.split('.').all(|wanted| steps.next().is_some_and(|step| wanted == "*" || wanted == step))
}

/// Peers outside may send what this workflow does not.
fn is_with_others(scenario: &Scenario) -> bool {
    !scenario.grpc.join.is_empty()
}

fn never(scenario: &Scenario) -> Vec<Never> {
    let mut all = Vec::new();
    let mut never = |paths: &[&str], why: String| {
        all.extend(paths.iter().map(|path| Never { path: (*path).to_owned(), why: why.clone() }));
    };
    never(&["thresholds"], "thresholds are judged one by one, and not by each other".into());
    if scenario.clock == Clock::Real {
        never(
            &["fingerprint", "engine.lookahead_s", "engine.events_per_window"],
            "it is of the virtual clock only".into(),
        );
    } else {
        never(&["latency.timer_lateness"], "on the virtual clock no timer is late".into());
        never(&["probe.cells.*.cpu_s_per_message"], "it is not measured on the virtual clock".into());
    }
    if !scenario.transport.is_socket() {
        never(&["sockets"], format!("the transport `{}` has none", scenario.transport.name()));
    }
    let workflow = &scenario.workflow;
    if !matches!(workflow.spreading(), Spreading::Calls { .. }) {
        never(&["rumor"], "only the workflow `rumor` has one".into());
    }
    match workflow.grid() {
        Some(probe) => {
            if probe.mode != Exchange::Request {
                never(&["probe.cells.*.rpc"], "with `one_way` nothing is answered".into());
            }
            match probe.rate {
                Some(_) => never(
                    &["probe.cells.*.concurrency"],
                    "at a rate as many are in flight as it takes".into(),
                ),
                None => never(
                    &["probe.cells.*.since_due", "probe.cells.*.lateness"],
                    "without `workflow.rate` no message is due at a time".into(),
                ),
            }
        }
        None => never(&["probe"], "only the workflow `probe` has one".into()),
    }
    if !is_with_others(scenario) {
        let sent: Vec<&str> = Command::all().filter(|it| workflow.sends(*it)).map(Command::name).collect();
        let why = format!("nodes of this workflow send {}", sent.join(", "));
        for name in Command::all().filter(|it| !workflow.sends(*it)).map(Command::name) {
            let paths =
                ["messages.by_command", "latency.message", "latency.rpc"].map(|it| format!("{it}.{name}"));
            never(&paths.each_ref().map(String::as_str), why.clone());
        }
    }
    let stages: Vec<&str> = workflow.stages().iter().map(|it| it.name()).collect();
    let why = match stages.as_slice() {
        [] => "nodes of this workflow have no stages".to_owned(),
        stages => format!("the stages of this workflow are {}", stages.join(", ")),
    };
    for stage in Stage::ALL.iter().filter(|it| !workflow.stages().contains(it)) {
        never(&[&format!("latency.stage.{}", stage.name())], why.clone());
    }
    let model = &scenario.learning.model;
    for (there, name) in [
        (model.has_accuracy(), "accuracy"),
        (model.has_loss(), "loss"),
        (model.has_parameters(), "consensus_distance"),
    ] {
        let why = match workflow.learns() {
            true if there => continue,
            true => format!("such a model has no {}", name.replace('_', " ")),
            false => "nothing is learnt in this workflow".into(),
        };
        never(&[&format!("final.{name}"), &format!("rounds.*.{name}")], why);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::path::Path;

    fn scenario(change: Value) -> Scenario {
        let mut document = json!({ "name": "known", "nodes": 20, "topology": { "kind": "ring" } });
        document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value(document).unwrap()
    }

    /// What is wrong with a threshold, and what would be right.
    fn fault(scenario: &Scenario, text: &str) -> Option<String> {
        let threshold: Threshold = text.parse().unwrap();
        Known::of(scenario).check(&threshold).err().map(|it| format!("{}; {}", it.message, it.help))
    }

    #[track_caller]
    fn says(scenario: &Scenario, text: &str, parts: &[&str]) {
        let said = fault(scenario, text).unwrap_or_else(|| panic!("`{text}` is taken"));
        parts.iter().for_each(|part| assert!(said.contains(part), "{text}: {said}"));
    }

    #[test]
    fn a_path_that_does_not_exist_is_told_with_the_one_that_was_meant() {
        let plain = scenario(json!({}));
        for (text, part) in [
            ("final.acuracy.mean >= 0.8", "did you mean `final.accuracy.mean`?"),
            ("accuracy.mean >= 0.8", "did you mean `final.accuracy.mean`?"),
            ("nodes.finnished == 20", "did you mean `nodes.finished`?"),
            ("rounds.2.nodes_finishd == 20", "did you mean `rounds.2.nodes_finished`?"),
            (
                "messages.by_command.vote_trainset.sent > 0",
                "did you mean `messages.by_command.vote_train_set.sent`?",
            ),
            ("latency.stage.votes.p99 < 1s", "did you mean `latency.stage.vote.p99`?"),
            ("messages.total.dropped.partitions == 0", "did you mean `messages.total.dropped.partition`?"),
            ("latency.round.p95 < 1s", "did you mean `latency.round.p90`?"),
            ("nodes.finished == nodes.totl", "did you mean `nodes.total`?"),
            ("nodes.finished == all", "neither a number nor a figure"),
            ("finished == 20", "did you mean `nodes.finished`?"),
            ("xyz == 20", "the result has no `xyz`; it has schema, "),
            ("scenario.node == 20", "did you mean `nodes`?"),
        ] {
            says(&plain, text, &[part]);
        }
        // Nothing is suggested that this scenario cannot have either.
        assert!(!fault(&plain, "rumor.round < 3").unwrap().contains("did you mean"));
    }

    #[test]
    fn what_is_no_single_figure_and_what_cannot_be_compared_is_refused() {
        let plain = scenario(json!({}));
        for (text, part) in [
            ("final.accuracy >= 0.8", "it has final.accuracy.mean, final.accuracy.min, final.accuracy.max"),
            ("rounds == 3", "rounds.-1.round"),
            ("warnings == 0", "is a list"),
            ("hop_counts > 3", "hop_counts.1"),
            ("nodes.finished == nodes", "is an object"),
            ("outcome == complete", "did you mean `completed`?"),
            ("outcome == nodes.total", "it is one of completed, stalled, failed, interrupted"),
            ("outcome >= completed", "words go with == and !="),
            ("outcome == 3", "is a word, not a number"),
            ("overloaded == no", "it is one of true, false"),
            ("overloaded == 0", "write `== true` or `== false`"),
            ("nodes.finished == outcome", "`outcome` is a word"),
            ("engine.clock == virtul", "did you mean `virtual`?"),
            ("stalled.0.stage == votes", "did you mean `vote`?"),
            ("thresholds.0.passed == true", "one by one"),
        ] {
            says(&plain, text, &[part]);
        }
    }

    #[test]
    fn what_this_scenario_can_never_have_is_refused() {
        let dpsgd = json!({ "workflow": { "kind": "dpsgd", "rounds": 5 } });
        let synthetic = json!({ "learning": { "model": { "kind": "synthetic" } } });
        let quadratic = json!({ "learning": { "model": { "kind": "quadratic" } } });
        let rumor = json!({ "workflow": { "kind": "rumor", "mode": "push" } });
        let probe = json!({ "workflow": { "kind": "probe", "mode": "one_way" } });
        let on_virtual = json!({ "clock": "virtual" });
        for (change, text, part) in [
            (&dpsgd, "latency.stage.vote.p99 < 1s", "stages of this workflow are train, aggregate, wait"),
            (&dpsgd, "messages.by_command.beat.sent > 0", "send handshake, disconnect, partial_model"),
            (&dpsgd, "latency.message.vote_train_set.p99 < 1s", "send handshake"),
            (&dpsgd, "rounds.5.nodes_finished == 20", "entries 0 to 4"),
            (&dpsgd, "rounds.-6.nodes_finished == 20", "entries 0 to 4"),
            (&dpsgd, "rumor.rounds < 9", "only the workflow `rumor`"),
            (&dpsgd, "probe.cells.0.failed == 0", "only the workflow `probe`"),
            (&dpsgd, "sockets.connections > 0", "transport `memory` has none"),
            (&dpsgd, "fingerprint == abc", "virtual clock only"),
            (&on_virtual, "latency.timer_lateness.p99 < 1ms", "no timer is late"),
            (&synthetic, "final.accuracy.mean > 0.5", "such a model has no accuracy"),
            (&synthetic, "final.consensus_distance < 1", "such a model has no consensus distance"),
            (&quadratic, "rounds.0.accuracy.mean > 0.5", "such a model has no accuracy"),
            (&rumor, "final.loss.mean < 1", "nothing is learnt"),
            (&rumor, "messages.by_command.rumor_request.sent > 0", "send handshake, disconnect, rumor"),
            (&probe, "probe.cells.0.rpc.p99 < 1s", "nothing is answered"),
            (&probe, "probe.cells.9.failed == 0", "entry 0 alone"),
        ] {
            says(&scenario(change.clone()), text, &[part]);
        }
        // What only may be missing is left to the run.
        for (change, text) in [
            (&dpsgd, "messages.by_command.disconnect.sent == 0"),
            (&dpsgd, "final.accuracy.mean > 0.5"),
            (&quadratic, "final.loss.mean < 0.5"),
            (&on_virtual, "latency.stage.diffuse.p99 < 1s"),
            (&on_virtual, "cost.machine.memory_bytes > 0"),
            (&on_virtual, "fingerprint == \"00\""),
            (&on_virtual, "hop_counts.9 == 0"),
            (&rumor, "rumor.reached == nodes.total"),
            (&probe, "probe.cells.-1.message.p99 < 1s"),
            (&on_virtual, "nodes.total == scenario.nodes"),
            (&on_virtual, "scenario.workflow.rounds == 3"),
        ] {
            assert_eq!(fault(&scenario(change.clone()), text), None, "{text}");
        }
    }

    /// Every value of a result that there is can be asked for in the scenario that it came from.
    #[test]
    fn every_figure_of_every_baseline_is_known() {
        let baselines = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/baselines");
        let mut seen = 0;
        for folder in std::fs::read_dir(baselines).unwrap() {
            let Ok(text) = std::fs::read_to_string(folder.unwrap().path().join("result.json")) else {
                continue;
            };
            let result: Value = serde_json::from_str(&text).unwrap();
            let scenario: Scenario = serde_json::from_value(result["scenario"].clone()).unwrap();
            let known = Known::of(&scenario);
            let mut paths = Vec::new();
            leaves(&result, "", &mut paths);
            for (path, value) in paths {
                let text = match value {
                    Value::Null => continue,
                    Value::Number(number) => format!("{path} == {number}"),
                    Value::String(word) => format!("{path} == \"{}\"", word.replace(['"', '\n'], "'")),
                    truth => format!("{path} == {truth}"),
                };
                let checked = known.check(&text.parse().unwrap());
                assert!(checked.is_ok(), "{}: {text}: {checked:?}", scenario.name);
                seen += 1;
            }
        }
        assert!(seen > 1_000, "{seen}");
    }

    fn leaves<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
        let step = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, it)| leaves(it, &step(name), found)),
            Value::Array(entries) => {
                entries.iter().enumerate().for_each(|(i, it)| leaves(it, &step(&i.to_string()), found));
            }
            it => found.push((path.to_owned(), it)),
        }
    }
}
