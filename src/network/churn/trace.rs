//! Churn as it was seen on real devices: a file of their sessions.

use crate::bounded;
use csv::{Position, ReaderBuilder, StringRecord, Trim};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// The largest file that is read.
const MAX_BYTES: u64 = 1 << 30;

/// No trace is longer: a hundred years.
const LONGEST_S: f64 = 3.2e9;

/// When devices were up.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The sessions of each device, in the order in which the file first names them.
    devices: Arc<[Box<[Session]>]>,
}

/// A device was up from here to there, counted from the beginning of the trace.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Session {
    up: Duration,
    /// Nothing if it was still up at the end.
    down: Option<Duration>,
}

/// Why a trace cannot be used. It names the file and, where there is one, the line.
#[derive(Debug, Error)]
pub enum TraceError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// The file is larger than any that is read.
    #[error("{path} has {bytes} bytes; at most {MAX_BYTES} are read", path = path.display())]
    TooLarge { path: PathBuf, bytes: u64 },
    /// There is a header and nothing else, or not even that.
    #[error("{path} has no rows; it must have the columns `node`, `up_s` and `down_s`", path = path.display())]
    NoRows { path: PathBuf },
    /// Something in a line is wrong.
    #[error("{path}, line {line}: {message}", path = path.display())]
    Line { path: PathBuf, line: u64, message: String },
}

impl TraceError {
    /// The file that is not there, if that is what is wrong.
    pub fn missing(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { path, source } if source.kind() == io::ErrorKind::NotFound => Some(path),
            _ => None,
        }
    }
}

impl Trace {
    /// Reads a trace: CSV with a header line and the columns `node` (any name of a device), `up_s` and `down_s`, the
    /// seconds from the beginning of the trace at which a session of that device began and ended. An empty `down_s`
    /// is a session that had not ended yet. Sessions of one device follow one another; those of different devices may
    /// be mixed. Other columns are left alone.
    ///
    /// # Errors
    /// If the file cannot be read or a line is not such a session.
    pub fn load(path: &Path) -> Result<Self, TraceError> {
        let unreadable = |source| TraceError::Unreadable { path: path.into(), source };
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        if bytes > MAX_BYTES {
            return Err(TraceError::TooLarge { path: path.into(), bytes });
        }
        Self::read(&bounded::read(path, MAX_BYTES).map_err(unreadable)?, path)
    }

    fn read(content: &[u8], path: &Path) -> Result<Self, TraceError> {
        let fault = |line, message| TraceError::Line { path: path.into(), line, message };
        let malformed = |error: csv::Error| {
            let line = line(content, error.position());
            match error.into_kind() {
                csv::ErrorKind::Io(source) => TraceError::Unreadable { path: path.into(), source },
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    fault(line, format!("{len} cells where the header has {expected_len}"))
                }
                csv::ErrorKind::Utf8 { .. } => fault(line, "not UTF-8 text".into()),
                other => fault(line, format!("{other:?}")),
            }
        };
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(content);
        let header = reader.headers().map_err(malformed)?.clone();
        if header.is_empty() {
            return Err(TraceError::NoRows { path: path.into() });
        }
        let column = |name: &str| {
            header.iter().position(|it| it == name).ok_or_else(|| {
                let names: Vec<String> = header.iter().take(12).map(|name| format!("`{name}`")).collect();
                fault(1, format!("there is no column `{name}`; there are: {}", names.join(", ")))
            })
        };
        let (node, up, down) = (column("node")?, column("up_s")?, column("down_s")?);
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        let mut devices: Vec<Vec<Session>> = Vec::new();
        let mut record = StringRecord::new();
        while reader.read_record(&mut record).map_err(malformed)? {
            let line = line(content, record.position());
            let session = Session {
                up: seconds(&record[up], "up_s").map_err(|message| fault(line, message))?,
                down: match &record[down] {
                    "" => None,
                    text => Some(seconds(text, "down_s").map_err(|message| fault(line, message))?),
                },
            };
            let device = *numbers.entry(record[node].to_owned()).or_insert(devices.len());
            if device == devices.len() {
                devices.push(Vec::new());
            }
            add(&mut devices[device], session, &record[node]).map_err(|message| fault(line, message))?;
        }
        if devices.is_empty() {
            return Err(TraceError::NoRows { path: path.into() });
        }
        Ok(Self { devices: devices.into_iter().map(Vec::into_boxed_slice).collect() })
    }

    /// When a node changes for the `count`th time, counted from 0, if it was up before the trace began: it goes down
    /// at even counts. `place` is its place among those that follow the trace.
    pub(super) fn change(&self, place: u32, count: u32) -> Option<Duration> {
        let sessions = &self.devices[place as usize % self.devices.len()];
        // Ends of sessions, from the first beginning on. A device that comes later is down until then.
        let end = match (sessions[0].up.is_zero(), count) {
            (true, _) => count as usize + 1,
            (false, 0) => return Some(Duration::ZERO),
            (false, _) => count as usize - 1,
        };
        let session = sessions.get(end / 2)?;
        if end.is_multiple_of(2) { Some(session.up) } else { session.down }
    }
}

/// Adds a session to those of a device before it.
fn add(sessions: &mut Vec<Session>, session: Session, device: &str) -> Result<(), String> {
    if session.down.is_some_and(|down| down <= session.up) {
        return Err(format!("the session of `{device}` ends no later than it begins"));
    }
    let Some(last) = sessions.last_mut() else {
        sessions.push(session);
        return Ok(());
    };
    match last.down {
        None => Err(format!("the session of `{device}` follows one that never ends")),
        Some(down) if session.up < down => {
            Err(format!("the session of `{device}` begins before its last one ends"))
        }
        // It never was away.
        Some(down) if session.up == down => {
            last.down = session.down;
            Ok(())
        }
        Some(_) => {
            sessions.push(session);
            Ok(())
        }
    }
}

fn seconds(text: &str, column: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=LONGEST_S).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => {
            let shown: String = text.chars().take(40).collect();
            Err(format!("`{column}` is `{shown}`; it must be a number of seconds from 0 to {LONGEST_S:e}"))
        }
    }
}

/// The line that a record starts in. The reader's own count is of where it began to look, before blank lines.
fn line(content: &[u8], position: Option<&Position>) -> u64 {
    let Some(position) = position else { return 1 };
    let rest = &content[content.len().min(position.byte() as usize)..];
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n');
    position.line() + blank.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Trace, String> {
        Trace::read(text.as_bytes(), Path::new("churn.csv")).map_err(|error| error.to_string())
    }

    fn changes(trace: &Trace, place: u32) -> Vec<f64> {
        (0..).map_while(|count| trace.change(place, count)).map(|at| at.as_secs_f64()).collect()
    }

    #[test]
    fn sessions_of_each_device_become_changes_of_its_node() {
        let trace = read("node,up_s,down_s\na,0,10\nb,5,7.5\na,20,30\n\nb,8,\na,30,31\n").unwrap();
        assert_eq!(changes(&trace, 0), [10.0, 20.0, 31.0], "what follows at once is one session");
        assert_eq!(changes(&trace, 1), [0.0, 5.0, 7.5, 8.0], "down until it first comes, then up for good");
        assert_eq!(changes(&trace, 2), changes(&trace, 0), "over again");
    }

    #[test]
    fn columns_may_stand_in_any_order_and_among_others() {
        let trace = read("up_s, site, down_s, node\n0, here, 3, 17\n").unwrap();
        assert_eq!(changes(&trace, 0), [3.0]);
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_line() {
        for (text, expected) in [
            ("", "churn.csv has no rows; it must have the columns `node`, `up_s` and `down_s`"),
            (
                "node,up_s,down_s\n",
                "churn.csv has no rows; it must have the columns `node`, `up_s` and `down_s`",
            ),
            (
                "node,up,down_s\na,0,1\n",
                "churn.csv, line 1: there is no column `up_s`; there are: `node`, `up`, `down_s`",
            ),
            (
                "node,up_s,down_s\na,0,1\na,x,2\n",
                "churn.csv, line 3: `up_s` is `x`; it must be a number of seconds from 0 to 3.2e9",
            ),
            (
                "node,up_s,down_s\na,-1,1\n",
                "churn.csv, line 2: `up_s` is `-1`; it must be a number of seconds from 0 to 3.2e9",
            ),
            (
                "node,up_s,down_s\n\n\na,5,5\n",
                "churn.csv, line 4: the session of `a` ends no later than it begins",
            ),
            (
                "node,up_s,down_s\na,0,5\nb,0,9\na,4,6\n",
                "churn.csv, line 4: the session of `a` begins before its last one ends",
            ),
            (
                "node,up_s,down_s\na,0,\na,4,6\n",
                "churn.csv, line 3: the session of `a` follows one that never ends",
            ),
            ("node,up_s,down_s\na,0\n", "churn.csv, line 2: 2 cells where the header has 3"),
        ] {
            assert_eq!(read(text).unwrap_err(), expected);
        }
        let missing = Trace::load(Path::new("no/such/trace.csv")).unwrap_err().to_string();
        assert!(missing.starts_with("no/such/trace.csv: "), "{missing}");
    }
}
