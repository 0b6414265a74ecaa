//! Edge lists: two node numbers a line, blanks or a comma between them, comments from `#` on.

use super::super::generate::EdgeList;
use super::{Imported, Problem};
use std::io::{BufRead, Read};

/// Longer lines are refused rather than held.
const MAX_LINE: u64 = 4096;

/// Reads a list whose node numbers are below `limit`.
pub(super) fn read(mut reader: impl BufRead, limit: u32) -> Result<Imported, Problem> {
    let mut edges = EdgeList::new();
    let (mut bytes, mut line, mut nodes) = (Vec::new(), 0, 0);
    loop {
        bytes.clear();
        line += 1;
        let problem = |message| Problem { line, message };
        let read = (&mut reader).take(MAX_LINE + 1).read_until(b'\n', &mut bytes);
        match read.map_err(|error| problem(error.to_string()))? {
            0 => return Ok(Imported { nodes, edges, warnings: Vec::new() }),
            read if read as u64 > MAX_LINE => return Err(problem(format!("longer than {MAX_LINE} bytes"))),
            _ => {}
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| problem("not UTF-8 text".into()))?;
        let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        let Some((a, b)) = edge(text).map_err(problem)? else { continue };
        let greatest = a.max(b);
        if greatest >= limit {
            return Err(problem(format!(
                "node {greatest} does not exist; the nodes are 0 to {}",
                limit.saturating_sub(1)
            )));
        }
        nodes = nodes.max(greatest + 1);
        edges.push((a, b));
    }
}

/// The edge of a line, if it has one.
fn edge(line: &str) -> Result<Option<(u32, u32)>, String> {
    let text = line.split('#').next().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let mut parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
    let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok());
    match (number(), number(), parts.next()) {
        (Some(a), Some(b), None) => Ok(Some((a, b))),
        _ => {
            let shown: String = text.chars().take(40).collect();
            Err(format!("`{shown}` is not an edge; write two node numbers from 0, such as `0 1`"))
        }
    }
}
