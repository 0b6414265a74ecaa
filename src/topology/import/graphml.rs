//! GraphML: the nodes and edges of one graph; data, keys and attributes of any kind are passed over.
//!
//! The parser knows the five predefined entities only, so that no document can unfold into more than it is.

use super::super::generate::EdgeList;
use super::{Imported, Problem};
use indexmap::IndexMap;
use indexmap::map::Entry;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::io::{BufRead, Read};

/// Reads a graph of at most `limit` nodes.
pub(super) fn read(reader: impl BufRead, limit: u32) -> Result<Imported, Problem> {
    let mut reader = Reader::from_reader(Lines { inner: reader, line: 1 });
    let mut document = Document { limit, ..Document::default() };
    let (mut buffer, mut depth) = (Vec::new(), 0u64);
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let line = reader.get_ref().line;
        let step = match event {
            Ok(Event::Start(element)) => {
                depth += 1;
                document.open(&element)
            }
            Ok(Event::Empty(element)) => document.open(&element),
            Ok(Event::End(_)) => {
                depth -= 1;
                Ok(())
            }
            Ok(Event::Eof) if depth > 0 => Err("the file ends inside an element".into()),
            Ok(Event::Eof) => return document.finish().map_err(|message| Problem { line, message }),
            Ok(_) => Ok(()),
            Err(error) => Err(malformed(error)),
        };
        step.map_err(|message| Problem { line, message })?;
    }
}

#[derive(Default)]
struct Document {
    limit: u32,
    graphs: u32,
    directed: bool,
    /// Ids in the order they are first mentioned, and the position among the declared nodes once they are declared.
    ids: IndexMap<String, Option<u32>>,
    declared: u32,
    edges: EdgeList,
}

impl Document {
    fn open(&mut self, element: &BytesStart) -> Result<(), String> {
        match element.local_name().as_ref() {
            "graph" => {
                self.graphs += 1;
                self.directed |= attribute(element, "edgedefault")?.is_some_and(|it| it == "directed");
                if self.graphs > 1 { Err("a second `graph`; only one can be read".into()) } else { Ok(()) }
            }
            "node" => {
                let id = required(element, "node", "id")?;
                if self.declared >= self.limit {
                    return Err(format!("more than {} nodes, as many as there are", self.limit));
                }
                let place = self.ids.entry(id).or_insert(None);
                if place.replace(self.declared).is_some() {
                    return Err(format!(
                        "the node `{}` is declared twice",
                        shown(&required(element, "node", "id")?)
                    ));
                }
                self.declared += 1;
                Ok(())
            }
            "edge" => {
                let ends = (required(element, "edge", "source")?, required(element, "edge", "target")?);
                self.directed |= attribute(element, "directed")?.is_some_and(|it| it == "true");
                let edge = (self.mention(ends.0)?, self.mention(ends.1)?);
                self.edges.push(edge);
                Ok(())
            }
            "hyperedge" => Err("`hyperedge` cannot be read; an edge has two ends here".into()),
            _ => Ok(()),
        }
    }

    /// The position of an id among those mentioned. There can be as many as there may be nodes, no more.
    fn mention(&mut self, id: String) -> Result<u32, String> {
        let mentioned = self.ids.len();
        match self.ids.entry(id) {
            Entry::Occupied(entry) => Ok(entry.index() as u32),
            Entry::Vacant(_) if mentioned >= self.limit as usize => {
                Err(format!("more than {} nodes, as many as there are", self.limit))
            }
            Entry::Vacant(entry) => {
                entry.insert(None);
                Ok(mentioned as u32)
            }
        }
    }

    fn finish(mut self) -> Result<Imported, String> {
        if self.graphs == 0 {
            return Err("there is no `graph` in it".into());
        }
        if let Some((id, _)) = self.ids.iter().find(|(_, place)| place.is_none()) {
            return Err(format!("an edge names the node `{}`, which is not declared", shown(id)));
        }
        let mut warnings = Vec::new();
        if self.directed {
            warnings.push("its edges are directed, but are read as going both ways".into());
        }
        let places: Vec<u32> = match self.numbers() {
            Some(numbers) => numbers,
            None => {
                warnings.push(self.renumbering());
                self.ids.values().flatten().copied().collect()
            }
        };
        for (a, b) in &mut self.edges {
            (*a, *b) = (places[*a as usize], places[*b as usize]);
        }
        Ok(Imported { nodes: self.declared, edges: self.edges, warnings })
    }

    /// What the ids say themselves, if they are 0 to n − 1 in any order, as they are or all with an `n` before them.
    fn numbers(&self) -> Option<Vec<u32>> {
        let prefix = if self.ids.keys().all(|id| id.starts_with('n')) { "n" } else { "" };
        let mut taken = vec![false; self.ids.len()];
        let number = |id: &String| {
            let number: u32 = id.strip_prefix(prefix)?.parse().ok()?;
            let free = taken.get_mut(number as usize).filter(|taken| !**taken)?;
            *free = true;
            Some(number)
        };
        self.ids.keys().map(number).collect()
    }

    fn renumbering(&self) -> String {
        let mut first: Vec<(u32, &String)> =
            self.ids.iter().filter_map(|(id, place)| place.filter(|p| *p < 3).map(|p| (p, id))).collect();
        first.sort_unstable();
        let named: Vec<String> = first
            .iter()
            .map(|(place, id)| format!("`{}` {}{place}", shown(id), if *place == 0 { "is " } else { "" }))
            .collect();
        format!(
            "its ids are not the numbers 0 to {}, so nodes count in the order they stand: {}{}",
            self.declared - 1,
            named.join(", "),
            if self.declared > 3 { ", …" } else { "" }
        )
    }
}

fn attribute(element: &BytesStart, name: &str) -> Result<Option<String>, String> {
    let mut found = None;
    for attribute in element.attributes() {
        let attribute = attribute.map_err(malformed)?;
        if attribute.key.as_ref() == name {
            found =
                Some(attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?.into_owned());
        }
    }
    Ok(found)
}

fn required(element: &BytesStart, kind: &str, name: &str) -> Result<String, String> {
    attribute(element, name)?.ok_or_else(|| format!("a `{kind}` without `{name}`"))
}

fn malformed(error: impl std::fmt::Display) -> String {
    format!("not well-formed XML: {}", shown(&error.to_string()))
}

/// As much of a text as a message bears.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(120).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A reader that knows which line it is in.
struct Lines<R> {
    inner: R,
    line: u64,
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What is consumed has been filled before, so this reads nothing new and cannot fail.
        if let Ok(bytes) = self.inner.fill_buf() {
            self.line += bytes[..amount].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, target: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(target)?;
        self.consume(read);
        Ok(read)
    }
}
