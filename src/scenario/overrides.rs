//! Settings from the command line: `--set learning.batch_size=8`, `--nodes 50`.
//!
//! They change the JSON before it is read as a scenario, so that they are checked like everything else and need not
//! be in the file; errors then show the option and not the file.

use super::diagnostic::{COMMAND_LINE, Diagnostic, Diagnostics};
use super::explain::nearest;
use super::path::Path;
use super::schema;
use super::source::Source;
use serde_json::{Map, Value, json};
use std::ops::Range;
use std::str::FromStr;

/// One setting from the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The option as the user wrote it, for error messages.
    shown: String,
    path: String,
    value: Value,
    /// Where in `shown` path and value are.
    path_at: Range<usize>,
    value_at: Range<usize>,
}

/// A setting that has been made.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    /// What was set.
    pub path: Path,
    /// The option as a text to point into.
    pub source: Source,
    /// Where in it the path is.
    pub key: Range<usize>,
    /// Where in it the value is.
    pub value: Range<usize>,
}

impl Override {
    /// The value of an option of its own, such as `--nodes 50` for `nodes`.
    pub fn option(option: &str, path: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let written = value.as_str().map_or_else(|| value.to_string(), String::from);
        let shown = format!("{option} {written}");
        let value_at = option.len() + 1..shown.len();
        Self { path_at: 0..option.len(), value_at, shown, path: path.to_owned(), value }
    }

    /// `--nodes`
    pub fn nodes(nodes: u64) -> Self {
        Self::option("--nodes", "nodes", nodes)
    }

    /// `--rounds`
    pub fn rounds(rounds: u64) -> Self {
        Self::option("--rounds", "workflow.rounds", rounds)
    }

    /// `--seed`
    pub fn seed(seed: u64) -> Self {
        Self::option("--seed", "seed", seed)
    }

    /// `--transport`
    pub fn transport(transport: super::Transport) -> Self {
        Self::option("--transport", "transport", json!(transport))
    }

    /// `--clock`
    pub fn clock(clock: super::Clock) -> Self {
        Self::option("--clock", "clock", json!(clock))
    }

    /// `--speedup`
    pub fn speedup(speedup: super::Speedup) -> Self {
        Self::option("--speedup", "speedup", json!(speedup))
    }

    /// The path that is set, as it was written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value it is set to.
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// `PATH=VALUE`; a value that is not JSON is text.
impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write PATH=VALUE, such as settings.gossip.ttl=50";
        let (path, value) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`; {FORM}"))?;
        if path.trim().is_empty() {
            return Err(format!("`{text}` has no path; {FORM}"));
        }
        let shown = format!("--set {text}");
        let path_at = "--set ".len().."--set ".len() + path.len();
        Ok(Self {
            value_at: path_at.end + 1..shown.len(),
            path_at,
            shown,
            path: path.trim().to_owned(),
            value: serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)),
        })
    }
}

/// Makes the settings, in their order, except that kinds are set first: what belongs to a kind can then stand on
/// either side of it.
pub(crate) fn apply(document: &mut Value, overrides: &[Override]) -> Result<Vec<Applied>, Diagnostics> {
    let mut ordered: Vec<&Override> = overrides.iter().collect();
    ordered.sort_by_key(|it| !it.path.ends_with(".kind"));
    let defaults = if overrides.is_empty() { Value::Null } else { defaults() };
    let mut applied = Vec::new();
    let mut faults = Vec::new();
    for it in ordered {
        let source = Source { name: COMMAND_LINE.into(), text: it.shown.clone() };
        let mut walk = Walk { option: it, source: &source, path: Path::root() };
        match walk.set(document, &defaults, &it.path) {
            Ok(()) => {
                let path = walk.path;
                applied.push(Applied { path, key: it.path_at.clone(), value: it.value_at.clone(), source });
            }
            Err(fault) => faults.push(*fault),
        }
    }
    if faults.is_empty() { Ok(applied) } else { Err(Diagnostics(faults)) }
}

/// Every block with its defaults, to know of what kind a block is that the file leaves out.
fn defaults() -> Value {
    let minimal = json!({ "name": "x", "nodes": 1, "topology": { "kind": "ring" }, "network": {} });
    let scenario = serde_json::from_value::<super::Scenario>(minimal);
    scenario.and_then(serde_json::to_value).unwrap_or_default()
}

/// The way of one setting into the document.
struct Walk<'a> {
    option: &'a Override,
    source: &'a Source,
    path: Path,
}

impl Walk<'_> {
    fn set(&mut self, here: &mut Value, defaults: &Value, rest: &str) -> Result<(), Box<Diagnostic>> {
        if rest.is_empty() {
            *here = self.option.value.clone();
            return Ok(());
        }
        match here {
            Value::Object(fields) => self.set_field(fields, defaults, rest),
            Value::Array(entries) => {
                let (index, rest) = split_index(rest)
                    .ok_or_else(|| self.fault("is a list", "name an entry by its number, such as [0]"))?;
                let length = entries.len();
                let entry = entries.get_mut(index).ok_or_else(|| match length {
                    0 => self.fault("is an empty list", "set the whole list"),
                    _ => self.fault(
                        &format!("has no entry {index}"),
                        &format!("it has {length}, counted from 0; set the whole list for more"),
                    ),
                })?;
                self.path = self.path.index(index);
                self.set(entry, &defaults[index], rest)
            }
            other => Err(self.fault(
                &format!("is {} in the file and has no fields", super::source::shortened(&other.to_string())),
                &format!("set the whole of it: --set '{}={{ … }}'", self.path),
            )),
        }
    }

    fn set_field(
        &mut self,
        fields: &mut Map<String, Value>,
        defaults: &Value,
        rest: &str,
    ) -> Result<(), Box<Diagnostic>> {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        // The longest key that is there, so that keys with dots can be named.
        let known = fields.keys().filter(|key| continues(rest, key)).max_by_key(|key| key.len()).cloned();
        let key = known.unwrap_or_else(|| rest[..rest.find(['.', '[']).unwrap_or(rest.len())].to_owned());
        if key.is_empty() {
            return Err(self.fault("is followed by nothing", "a path reads settings.gossip.ttl"));
        }
        let after = &rest[key.len()..];
        let block = self.path.pattern();
        if key == "kind" && after.is_empty() {
            self.change_kind(fields);
        }
        self.path = self.path.key(key.as_str());
        if !fields.contains_key(&key) && after.starts_with('[') {
            return Err(
                self.fault("is not in the file", &format!("set the whole list: --set '{}=[ … ]'", self.path))
            );
        }
        if !fields.contains_key(&key) && !after.is_empty() && !self.is_known(&block, &key) {
            return Err(self.unknown());
        }
        let inner = &defaults[key.as_str()];
        let place = fields.entry(key).or_insert_with(|| Value::Object(Map::new()));
        // A kind replaces a shorthand such as "20ms".
        let becomes_kind = after == ".kind" && !place.is_object();
        if becomes_kind {
            *place = Value::Object(Map::new());
        }
        // A block that the file leaves out is of its default kind.
        if let (Value::Object(block), Some(kind)) = (&mut *place, inner.get("kind"))
            && block.is_empty()
            && !after.is_empty()
        {
            block.insert("kind".into(), kind.clone());
        }
        self.set(place, inner, after)
    }

    /// Leaves out what the new kind does not have.
    fn change_kind(&self, fields: &mut Map<String, Value>) {
        let Some(kind) = self.option.value.as_str() else { return };
        let known = schema::fields_of_kind(&self.path.pattern(), kind);
        if !known.is_empty() && fields.get("kind").is_none_or(|old| old != kind) {
            fields.retain(|name, _| known.contains(name));
        }
    }

    fn is_known(&self, block: &str, key: &str) -> bool {
        schema::fields().iter().any(|field| field.parent == block && field.name == key)
    }

    fn fault(&self, what: &str, help: &str) -> Box<Diagnostic> {
        let path = self.path.to_string();
        let message = if path.is_empty() { format!("the path {what}") } else { format!("`{path}` {what}") };
        let fault = Diagnostic::at(self.source, self.option.path_at.clone(), "bad-path", message);
        Box::new(fault.path(&self.option.path).help(help.to_owned()))
    }

    fn unknown(&self) -> Box<Diagnostic> {
        let fields = schema::fields();
        let paths: Vec<String> =
            fields
                .iter()
                .map(|it| {
                    if it.parent.is_empty() { it.name.clone() } else { format!("{}.{}", it.parent, it.name) }
                })
                .collect();
        let wanted = self.option.path.as_str();
        let ending = wanted.rsplit('.').next().unwrap_or(wanted);
        let same_name = || paths.iter().map(String::as_str).find(|it| it.rsplit('.').next() == Some(ending));
        let near = nearest(wanted, paths.iter().map(String::as_str)).or_else(same_name);
        let message = format!("there is nothing at `{wanted}` in a scenario");
        let help = near.map(|near| format!("did you mean `{near}`?"));
        let fault = Diagnostic::at(self.source, self.option.path_at.clone(), "unknown-field", message);
        Box::new(fault.path(wanted).help(help))
    }
}

/// Whether `rest` goes on with this key.
fn continues(rest: &str, key: &str) -> bool {
    rest.strip_prefix(key).is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
}

/// `[3].x` or `.3.x` as 3 and `.x`.
fn split_index(rest: &str) -> Option<(usize, &str)> {
    if let Some(inner) = rest.strip_prefix('[') {
        let (index, after) = inner.split_once(']')?;
        return Some((index.parse().ok()?, after));
    }
    let inner = rest.strip_prefix('.')?;
    let end = inner.find(['.', '[']).unwrap_or(inner.len());
    Some((inner[..end].parse().ok()?, &inner[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Loaded, parse};

    const RING: &str = r#"{ "name": "r", "nodes": 10, "topology": { "kind": "ring" },
        "script": [ { "at": "3s", "do": "crash", "nodes": [1, 2] } ],
        "network": { "latency": "20ms" } }"#;

    fn with(settings: &[&str]) -> Result<Loaded, Diagnostics> {
        let settings: Vec<Override> = settings.iter().map(|it| it.parse().unwrap()).collect();
        parse(RING, "r.json", &settings)
    }

    fn value(settings: &[&str], pointer: &str) -> Value {
        let scenario = with(settings).unwrap_or_else(|error| panic!("{error}")).scenario;
        serde_json::to_value(scenario).unwrap().pointer(pointer).cloned().unwrap_or_default()
    }

    #[test]
    fn what_the_file_leaves_out_can_be_set() {
        assert_eq!(value(&["settings.gossip.ttl=50"], "/settings/gossip/ttl"), 50);
        assert_eq!(value(&["learning.batch_size=8"], "/learning/batch_size"), 8);
        assert_eq!(value(&["learning.batch_size=full"], "/learning/batch_size"), "full");
        assert_eq!(value(&["workflow.rounds=7"], "/workflow/rounds"), 7);
        assert_eq!(value(&["limits.time=2m"], "/limits/time"), "2m");
        assert_eq!(value(&["network.packet_loss=0.1"], "/network/packet_loss"), 0.1);
        assert_eq!(value(&["learning.compute.train=1s"], "/learning/compute/train/value"), "1s");
    }

    #[test]
    fn entries_of_lists_are_named_by_number() {
        assert_eq!(value(&["script[0].nodes[1]=5"], "/script/0/nodes"), json!([1, 5]));
        assert_eq!(value(&["script.0.at={\"round\": 1}"], "/script/0/at/round"), 1);
        assert!(with(&["script[1].at=2s"]).unwrap_err().to_string().contains("has no entry 1"));
    }

    #[test]
    fn a_new_kind_drops_the_parameters_of_the_old_one_and_may_come_after_its_own() {
        assert_eq!(value(&["topology.k=4", "topology.kind=random_k"], "/topology/k"), 4.0);
        let settings = ["workflow.rounds=4", "workflow.trainset_size=3", "workflow.kind=dpsgd"];
        let message = with(&settings).unwrap_err().to_string();
        assert!(
            message.contains("`trainset_size` is not a field of `workflow` of kind `dpsgd`"),
            "{message}"
        );
        let file = r#"{ "name": "r", "nodes": 16, "topology": { "kind": "grid", "rows": 4, "columns": 4 } }"#;
        let kind = |text: &str| parse(file, "g.json", &[text.parse().unwrap()]).unwrap().scenario.topology;
        assert_eq!(kind("topology.kind=ring").shape, serde_json::from_str(r#"{"kind":"ring"}"#).unwrap());
        assert_eq!(
            kind("topology.kind=torus").shape,
            serde_json::from_str(r#"{"kind":"torus","rows":4,"columns":4}"#).unwrap()
        );
        assert_eq!(
            value(&["network.latency.kind=constant", "network.latency.value=1ms"], "/network/latency/value"),
            "1ms"
        );
    }

    #[test]
    fn an_unknown_path_is_an_error_that_shows_the_option() {
        for (setting, near) in [
            ("lerning.batch_size=3", "learning.batch_size"),
            ("settings.gosip.ttl=3", "settings.gossip.ttl"),
            ("gossip.ttl=3", "settings.gossip.ttl"),
            ("rounds=3", "workflow.rounds"),
            ("learning.batchsize=3", "batch_size"),
        ] {
            let faults = with(&[setting]).unwrap_err();
            let shown = faults.to_string();
            assert_eq!(faults.0[0].file, COMMAND_LINE, "{shown}");
            assert!(faults.0[0].help.as_deref().unwrap_or_default().contains(near), "{shown}");
            assert!(shown.contains(setting), "{shown}");
        }
    }

    #[test]
    fn a_bad_value_is_an_error_that_shows_the_option() {
        for setting in
            ["nodes=many", "nodes=0", "settings.heartbeat.period=2", "topology.kind=rnig", "nodes.x=1"]
        {
            let faults = with(&[setting]).unwrap_err();
            assert!(faults.to_string().contains(&format!("--set {setting}")), "{faults}");
        }
        let faults = parse(RING, "r.json", &[Override::nodes(0)]).unwrap_err();
        assert!(faults.to_string().contains("--nodes 0"), "{faults}");
    }

    #[test]
    fn options_of_their_own_set_what_they_name() {
        let options = [Override::nodes(20), Override::rounds(5), Override::seed(9)];
        let scenario = parse(RING, "r.json", &options).unwrap().scenario;
        assert_eq!((scenario.nodes, scenario.workflow.rounds(), scenario.seed), (20, 5, 9));
    }

    #[test]
    fn a_setting_needs_a_path_and_a_value() {
        assert!("nodes".parse::<Override>().is_err());
        assert!("=3".parse::<Override>().is_err());
    }
}
