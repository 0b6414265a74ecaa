//! Where in a scenario something is: `learning.partitioning.alpha`, `script[2].nodes[0]`.
//!
//! What stands there is `source`'s.

use std::fmt;

/// A way from the root of a JSON document to one of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Segment>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// Into a field of an object.
    Key(String),
    /// Into an entry of a list, counted from 0.
    Index(usize),
}

impl Path {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The field `key` of what is here.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.then(Segment::Key(key.into()))
    }

    /// The entry `index` of what is here.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Segment::Index(index))
    }

    /// The steps, from the root on.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// What this is a part of; nothing for the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, rest)| Self(rest.to_vec()))
    }

    /// The name of the field this is, if it is one.
    pub fn last_key(&self) -> Option<&str> {
        match self.0.last() {
            Some(Segment::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// This path with `[]` for every index, as the fields of the schema are listed: `script[].nodes`.
    pub fn pattern(&self) -> String {
        let plain: Path = self
            .0
            .iter()
            .map(|segment| match segment {
                Segment::Index(_) => Segment::Key("[]".into()),
                key => key.clone(),
            })
            .collect();
        plain.to_string().replace(".[]", "[]")
    }

    /// Whether this is `other` or a part of it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    fn then(&self, segment: Segment) -> Self {
        let mut longer = self.0.clone();
        longer.push(segment);
        Self(longer)
    }
}

impl FromIterator<Segment> for Path {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        Self(segments.into_iter().collect())
    }
}

/// Reads a path as it is displayed. Keys that contain a dot or a bracket cannot be told apart here.
impl From<&str> for Path {
    fn from(text: &str) -> Self {
        text.split(['.', '['])
            .filter(|part| !part.is_empty())
            .map(|part| match part.strip_suffix(']').map(str::parse) {
                Some(Ok(index)) => Segment::Index(index),
                _ => Segment::Key(part.to_owned()),
            })
            .collect()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if i == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_it_is_written() {
        for text in ["", "nodes", "learning.partitioning.alpha", "script[2].nodes[0]", "topology.edges[3][1]"]
        {
            assert_eq!(Path::from(text).to_string(), text);
        }
        assert_eq!(Path::from("script[2].nodes[0].random").pattern(), "script[].nodes[].random");
        assert_eq!(Path::from("script[2].at"), Path::root().key("script").index(2).key("at"));
    }
}
