//! Finding a value of a result by its dotted path, and saying what is near when there is none.

use crate::scenario::explain::nearest;
use serde_json::Value;

/// The value at a dotted path, trying the longest key first, so that `latency.message.beat.p99` finds the key
/// `message.beat` beside the key `message`.
///
/// # Errors
/// Says what is not there, and what is near.
pub fn find<'a>(result: &'a Value, path: &str) -> Result<&'a Value, String> {
    descend(result, path).map_err(|missed| {
        let hint = match (missed.near(), missed.names.len()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, 0) => "nothing is inside it".into(),
            (None, _) => format!("it has {}", missed.names.join(", ")),
        };
        format!("`{path}`: {}; {hint}", missed.told())
    })
}

/// How far a path led.
pub(super) struct Missed {
    pub walked: String,
    pub rest: String,
    pub names: Vec<String>,
}

impl Missed {
    /// What has not got what the path asks for next.
    pub fn told(&self) -> String {
        let here = match self.walked.as_str() {
            "" => "the result".into(),
            walked => format!("`{walked}`"),
        };
        format!("{here} has no `{}`", self.rest)
    }

    /// The name that was meant, if one is close enough to be.
    pub fn near(&self) -> Option<&str> {
        let names = || self.names.iter().map(String::as_str);
        let first = self.rest.split('.').next().unwrap_or_default();
        nearest(&self.rest, names()).or_else(|| nearest(first, names()))
    }
}

/// What a path can lead through: a result, or the shape of one.
pub(super) trait Tree: Sized {
    /// The fields, if it is an object.
    fn fields(&self) -> Option<impl Iterator<Item = (&str, &Self)>>;

    /// The entry that a step of a path names, if it is a list; else which entries there are.
    fn entry(&self, step: &str) -> Option<Result<&Self, String>>;
}

impl Tree for Value {
    fn fields(&self) -> Option<impl Iterator<Item = (&str, &Self)>> {
        self.as_object().map(|fields| fields.iter().map(|(name, value)| (name.as_str(), value)))
    }

    fn entry(&self, step: &str) -> Option<Result<&Self, String>> {
        let entries = self.as_array()?;
        let found = place(step, entries.len()).and_then(|place| entries.get(place));
        Some(found.ok_or_else(|| told(entries.len())))
    }
}

/// Where in a list of so many an entry is: from its end if the number is negative. It may be beyond the end.
pub(super) fn place(step: &str, length: usize) -> Option<usize> {
    match step.parse::<i64>().ok()? {
        index @ 0.. => usize::try_from(index).ok(),
        index => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// Which entries a list of so many has.
pub(super) fn told(length: usize) -> String {
    match length {
        0 => "no entries".into(),
        1 => "entry 0 alone".into(),
        length => format!("entries 0 to {}", length - 1),
    }
}

/// Follows a path.
pub(super) fn descend<'a, T: Tree>(here: &'a T, rest: &str) -> Result<&'a T, Missed> {
    if rest.is_empty() {
        return Ok(here);
    }
    let missed = |names| Missed { walked: String::new(), rest: rest.to_owned(), names };
    let within = |step: &str, inner: Missed| Missed {
        walked: format!("{step}.{}", inner.walked).trim_end_matches('.').to_owned(),
        ..inner
    };
    if let Some(fields) = here.fields() {
        let mut names = Vec::new();
        let mut leading: Vec<(&str, &T)> = Vec::new();
        for (name, value) in fields {
            if leads(rest, name) {
                leading.push((name, value));
            }
            names.push(name.to_owned());
        }
        leading.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut furthest: Option<Missed> = None;
        for (name, value) in leading {
            match descend(value, rest[name.len()..].trim_start_matches('.')) {
                Ok(value) => return Ok(value),
                Err(inner) => {
                    furthest.get_or_insert_with(|| within(name, inner));
                }
            }
        }
        return Err(furthest.unwrap_or_else(|| missed(names)));
    }
    let (step, after) = rest.split_once('.').unwrap_or((rest, ""));
    match here.entry(step) {
        Some(Ok(entry)) => descend(entry, after).map_err(|inner| within(step, inner)),
        Some(Err(there)) => Err(missed(vec![there])),
        None => Err(missed(Vec::new())),
    }
}

fn leads(rest: &str, key: &str) -> bool {
    rest.strip_prefix(key).is_some_and(|after| after.is_empty() || after.starts_with('.'))
}
