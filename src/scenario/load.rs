//! From a file to a checked scenario: bounded reading, JSON, settings from the command line, types, rules.
//!
//! Each step finds as many faults as it can and the first step with faults ends the way. Nothing here panics,
//! whatever the bytes.

use super::Scenario;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::explain;
use super::overrides::{self, Override};
use super::path::{Path as FieldPath, Segment};
use super::source::{self, Place, Source};
use super::validate;
use crate::bounded;
use serde_json::Value;
use std::ops::Range;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_128;

/// A file beyond this many bytes is refused unread.
pub const MAX_BYTES: u64 = 16 << 20;

/// Faults of types that are collected before giving up.
const MAX_FAULTS: usize = 20;

/// A scenario that may run.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scenario, with what the command line changed.
    pub scenario: Scenario,
    /// What probably is not as its author expects.
    pub warnings: Diagnostics,
    /// 128 bits in hexadecimal over everything that bears on a run: the same for two files that differ only in
    /// layout, order, spelling of units, `description` or `$schema`.
    pub hash: String,
    /// The folder of the file, to which paths in the scenario are relative.
    pub base_dir: PathBuf,
    positions: Positions,
}

/// Where things stand: in the file, or on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Positions {
    file: Source,
    place: Place,
    set: Vec<overrides::Applied>,
}

/// A scenario file that has been read, to be checked as often as there are settings to try on it.
#[derive(Clone, Debug)]
pub struct ScenarioFile {
    name: String,
    bytes: Vec<u8>,
    base_dir: PathBuf,
}

/// Reads and checks a scenario file.
///
/// # Errors
/// Everything that is wrong with it, with places.
pub fn load(path: &Path, overrides: &[Override]) -> Result<Loaded, Diagnostics> {
    ScenarioFile::read(path)?.with(overrides)
}

impl ScenarioFile {
    /// Reads the file, and checks nothing but its size.
    ///
    /// # Errors
    /// A file that is not there, cannot be read, or is too large.
    pub fn read(path: &Path) -> Result<Self, Diagnostics> {
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| {
            let help = (error.kind() == std::io::ErrorKind::NotFound).then(|| similar_file(path)).flatten();
            Diagnostics::from(
                Diagnostic::of_file(&name, "unreadable", format!("cannot read {name}: {error}")).help(help),
            )
        };
        if path.is_dir() {
            return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
        }
        let bytes = bounded::read(path, MAX_BYTES).map_err(|error| {
            if error.kind() != std::io::ErrorKind::FileTooLarge {
                return unreadable(error);
            }
            let message = format!("{name} is larger than {} MiB and was not read", MAX_BYTES >> 20);
            let help = "a scenario is small; a long list of edges goes into a file of its own: \
                        { \"kind\": \"file\", \"path\": \"edges.txt\" }";
            Diagnostic::of_file(&name, "too-large", message).help(String::from(help)).into()
        })?;
        let base_dir = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Self { name, bytes, base_dir })
    }

    /// A scenario that was kept elsewhere, such as in a result; paths in it are relative to `base_dir`.
    pub fn kept(name: &str, text: String, base_dir: &Path) -> Self {
        Self { name: name.to_owned(), bytes: text.into_bytes(), base_dir: base_dir.to_owned() }
    }

    /// Checks it with these settings.
    ///
    /// # Errors
    /// Everything that is wrong with it, with places.
    pub fn with(&self, overrides: &[Override]) -> Result<Loaded, Diagnostics> {
        let mut loaded = parse_bytes(self.bytes.clone(), &self.name, overrides)?;
        loaded.base_dir.clone_from(&self.base_dir);
        Ok(loaded)
    }
}

/// Reads and checks a scenario given as bytes, which need not be UTF-8.
///
/// # Errors
/// As [`parse`]; and bytes that are no text.
pub fn parse_bytes(bytes: Vec<u8>, name: &str, overrides: &[Override]) -> Result<Loaded, Diagnostics> {
    match String::from_utf8(bytes) {
        Ok(text) => parse(&text, name, overrides),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let source = Source { name: name.to_owned(), text };
            let message = "this is not text in UTF-8";
            Err(Diagnostic::at(&source, valid..valid, "syntax", message)
                .help(String::from("save the file as UTF-8"))
                .into())
        }
    }
}

/// Reads and checks the text of a scenario; `name` is what diagnostics call it.
///
/// # Errors
/// Everything that is wrong with it, with places.
pub fn parse(text: &str, name: &str, overrides: &[Override]) -> Result<Loaded, Diagnostics> {
    // Some editors begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = Source { name: name.to_owned(), text: text.to_owned() };
    if text.len() as u64 > MAX_BYTES {
        let message = format!("{name} is larger than {} MiB", MAX_BYTES >> 20);
        return Err(Diagnostic::of_file(name, "too-large", message).into());
    }
    let (mut document, place) = source::read(&file).map_err(Diagnostics)?;
    let set = overrides::apply(&mut document, overrides)?;
    let positions = Positions { file, place, set };
    tags_first(&mut document);
    let scenario = typed(document, &positions)?;
    let found = validate::check(&scenario, &positions);
    let (errors, warnings): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|it| it.severity == super::diagnostic::Severity::Error);
    if !errors.is_empty() {
        return Err(Diagnostics(errors).sorted());
    }
    let hash = hash(&scenario);
    let warnings = Diagnostics(warnings).sorted();
    Ok(Loaded { scenario, warnings, hash, base_dir: PathBuf::new(), positions })
}

/// What of a field a diagnostic points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Its name.
    Key,
    /// Its value.
    Value,
    /// Its value, for what is not in it.
    Lacking,
}

impl Loaded {
    /// An error that shows up only later, such as a graph that cannot be built: `path` says where in the scenario it
    /// comes from.
    pub fn diagnose(&self, path: &str, message: impl Into<String>, help: Option<String>) -> Diagnostics {
        self.positions.fault(&FieldPath::from(path), Mark::Value, "impossible", message).help(help).into()
    }

    /// As [`diagnose`](Self::diagnose), for what a run can live with; `code` is the fixed name of the warning.
    pub fn warn(&mut self, path: &str, code: &'static str, message: impl Into<String>, help: Option<String>) {
        let warning =
            self.positions.fault(&FieldPath::from(path), Mark::Value, code, message).help(help).warning();
        self.warnings.0.push(warning);
    }

    /// Whether the user has written something at `path`.
    pub fn is_written(&self, path: &str) -> bool {
        self.positions.is_written(&FieldPath::from(path))
    }

    /// A path of the scenario, seen from the working directory.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.base_dir.join(path)
    }
}

impl Positions {
    /// A diagnostic about what is at `path`, or about the name of the field there.
    pub(crate) fn fault(
        &self,
        path: &FieldPath,
        mark: Mark,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let (source, span) = self.locate(path, mark);
        Diagnostic::at(source, span, code, message).path(path)
    }

    /// Whether the user has written something at `path`.
    pub(crate) fn is_written(&self, path: &FieldPath) -> bool {
        self.place.find(path).1
            || self.set.iter().any(|it| it.path.is_within(path) || path.is_within(&it.path))
    }

    fn locate(&self, path: &FieldPath, mark: Mark) -> (&Source, Range<usize>) {
        // The last one wins, as its value did.
        if let Some(it) = self.set.iter().rev().find(|it| path.is_within(&it.path)) {
            return (
                &it.source,
                if mark == Mark::Key && it.path == *path { it.key.clone() } else { it.value.clone() },
            );
        }
        let (place, exact) = self.place.find(path);
        let prefer_set = !exact || mark == Mark::Lacking;
        if prefer_set && let Some(it) = self.set.iter().rev().find(|it| it.path.is_within(path)) {
            return (&it.source, it.key.clone());
        }
        match &place.key {
            Some(key) if mark == Mark::Key && exact => (&self.file, key.clone()),
            _ => (&self.file, place.value.clone()),
        }
    }
}

/// Reads the typed scenario. After a fault the field it is in is left out and reading goes on, so that several are
/// found at once.
fn typed(mut document: Value, positions: &Positions) -> Result<Scenario, Diagnostics> {
    let mut faults: Vec<Diagnostic> = Vec::new();
    let mut removed: Vec<FieldPath> = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, Scenario>(&document) {
            Ok(scenario) if faults.is_empty() => return Ok(scenario),
            Ok(_) => return Err(Diagnostics(faults).sorted()),
            Err(error) => error,
        };
        let path = field_path(error.path());
        let explained = explain::explain(&error.inner().to_string(), &path, &document);
        // A field that is missing because it was left out above, or misspelt, is no new fault.
        let own_doing = explained.missing.as_deref().is_some_and(|missing| {
            let fellow = |it: &&FieldPath| it.parent().as_ref() == Some(&explained.path);
            removed
                .iter()
                .filter(fellow)
                .filter_map(FieldPath::last_key)
                .any(|key| explain::nearest(key, [missing]).is_some())
        });
        if !own_doing {
            let fault = positions.fault(&explained.path, explained.mark, explained.code, explained.message);
            faults.push(fault.help(explained.help));
        }
        if let Some(name) = explained.missing.filter(|_| explained.path == FieldPath::root())
            && let Some(fields) = document.as_object_mut()
        {
            fields.insert(name.clone(), minimal()[name.as_str()].clone());
            continue;
        }
        match remove(&mut document, &explained.path) {
            Some(path) if faults.len() < MAX_FAULTS => removed.push(path),
            _ => return Err(Diagnostics(faults).sorted()),
        }
    }
}

/// What stands in for required fields that are missing, so that reading can go on.
fn minimal() -> Value {
    serde_json::json!({ "name": "unnamed", "nodes": 1, "topology": { "kind": "ring" } })
}

/// Takes the field at `path`, or the innermost field around it, out of the document, and returns its path.
fn remove(document: &mut Value, path: &FieldPath) -> Option<FieldPath> {
    let mut path = path.clone();
    loop {
        if let Some(key) = path.last_key() {
            let parent = path.parent()?;
            let object = value_at_mut(document, &parent)?.as_object_mut()?;
            object.shift_remove(key)?;
            return Some(path);
        }
        path = path.parent()?;
    }
}

/// The value at a path.
pub(crate) fn value_at<'a>(document: &'a Value, path: &FieldPath) -> Option<&'a Value> {
    path.segments().iter().try_fold(document, |here, segment| match segment {
        Segment::Key(key) => here.get(key),
        Segment::Index(index) => here.get(index),
    })
}

fn value_at_mut<'a>(document: &'a mut Value, path: &FieldPath) -> Option<&'a mut Value> {
    path.segments().iter().try_fold(document, |here, segment| match segment {
        Segment::Key(key) => here.get_mut(key),
        Segment::Index(index) => here.get_mut(index),
    })
}

fn field_path(path: &serde_path_to_error::Path) -> FieldPath {
    use serde_path_to_error::Segment as Step;
    path.iter()
        .filter_map(|step| match step {
            Step::Seq { index } => Some(Segment::Index(*index)),
            Step::Map { key } => Some(Segment::Key(key.clone())),
            Step::Enum { .. } | Step::Unknown => None,
        })
        .collect()
}

/// Puts the field that chooses an object's kind before the others: see `tagged`.
fn tags_first(value: &mut Value) {
    match value {
        Value::Array(entries) => entries.iter_mut().for_each(tags_first),
        Value::Object(fields) => {
            for tag in ["do", "kind"] {
                if let Some(kind) = fields.shift_remove(tag) {
                    fields.shift_insert(0, tag.to_owned(), kind);
                }
            }
            fields.values_mut().for_each(tags_first);
        }
        _ => {}
    }
}

/// XXH3 of 128 bits over the canonical JSON of the scenario.
fn hash(scenario: &Scenario) -> String {
    let described = Scenario { description: String::new(), schema: None, ..scenario.clone() };
    let mut document = serde_json::to_value(described).unwrap_or_default();
    document.sort_all_objects();
    format!("{:032x}", xxh3_128(document.to_string().as_bytes()))
}

/// A scenario file of a similar name in the same folder.
fn similar_file(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let wanted = path.file_stem()?.to_str()?;
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".json").map(String::from))
        .collect();
    names.sort();
    let near = explain::nearest(wanted, names.iter().map(String::as_str))?;
    Some(format!("did you mean {}?", folder.join(near).with_extension("json").display()))
}
