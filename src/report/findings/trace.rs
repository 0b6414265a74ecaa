//! `trace.json`, in Chrome's trace event format, which Perfetto and `chrome://tracing` open.
//!
//! Each node is a process with two tracks: its stages, and its jobs, which may go on beyond a stage. Models that go from
//! one node to another are flow arrows between stages. Times are microseconds since the nodes came up.
//!
//! The format: "Trace Event Format", Google, 2016.

use crate::metrics::trace::{Activity, Job, Mark, Span, Trace, Transfer};
use crate::node::Stage;
use crate::wire::Command;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The version of what is ours in the format: names, arguments, `otherData`.
const SCHEMA: &str = "p2pfl-sim/trace/1";

/// What is not an event.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    schema: String,
    scenario: String,
    /// When learning started, in microseconds of the file's own time.
    learning_starts_us: f64,
    ended_us: f64,
    left_out: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    other_data: About,
    trace_events: Vec<Event>,
}

/// An event. Fields that an event of its kind does not have are left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Event {
    ph: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cat: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pid: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tid: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ts: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// Where a flow ends: in the slice that encloses the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bp: Option<String>,
    /// How far an instant reaches: `g`, everywhere, or `p`, its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    args: Option<Args>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Args {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sort_index: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    round: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    whom: Option<String>,
}

/// Writes a trace.
///
/// # Errors
/// If it cannot be written.
pub fn write(trace: &Trace, scenario: &str, out: &mut dyn Write) -> io::Result<()> {
    let since_start = |nanos: i64| nanos.saturating_sub(trace.start_ns) as f64 / 1e3;
    let about = About {
        schema: SCHEMA.into(),
        scenario: scenario.into(),
        learning_starts_us: since_start(0),
        ended_us: since_start(trace.end_ns),
        left_out: trace.left_out,
    };
    write!(out, "{{\"displayTimeUnit\":\"ms\",\"otherData\":")?;
    serde_json::to_writer(&mut *out, &about)?;
    write!(out, ",\"traceEvents\":[")?;
    let tracks = trace.nodes.iter().flat_map(|&node| tracks(node));
    let spans = trace.spans.iter().map(|it| span(it, since_start));
    let transfers = (1..).zip(&trace.transfers).flat_map(|(id, it)| arrow(id, it, since_start));
    let marks = trace.marks.iter().map(|it| instant(it, since_start));
    for (i, event) in tracks.chain(spans).chain(transfers).chain(marks).enumerate() {
        out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &event)?;
    }
    out.write_all(b"\n]}\n")
}

/// Reads what [`write()`] has written.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &[u8]) -> Result<Trace, String> {
    let file: File = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if file.other_data.schema != SCHEMA {
        return Err(format!("it has the format \"{}\", not \"{SCHEMA}\"", file.other_data.schema));
    }
    // Thirty years at most, so that times can be added and subtracted whatever is in the file.
    let nanos = |micros: f64| (micros * 1e3).round().clamp(-1e18, 1e18) as i64;
    let zero = nanos(file.other_data.learning_starts_us);
    let mut trace = Trace {
        start_ns: 0i64.saturating_sub(zero),
        end_ns: nanos(file.other_data.ended_us).saturating_sub(zero),
        left_out: file.other_data.left_out,
        ..Trace::default()
    };
    let mut begun: BTreeMap<u64, Event> = BTreeMap::new();
    for (number, event) in (1..).zip(file.trace_events) {
        let fault = |what: &str| format!("event {number} has no {what} that p2pfl-sim knows");
        let at = event.ts.map(|ts| nanos(ts).saturating_sub(zero));
        let node = event.pid.and_then(|pid| u32::try_from(pid.checked_sub(1)?).ok());
        match event.ph.as_str() {
            "M" if event.name.as_deref() == Some("process_name") => {
                trace.nodes.push(node.ok_or_else(|| fault("pid"))?);
            }
            "X" => {
                let start_ns = at.ok_or_else(|| fault("ts"))?;
                trace.spans.push(Span {
                    start_ns,
                    node: node.ok_or_else(|| fault("pid"))?,
                    activity: activity(&event).ok_or_else(|| fault("name"))?,
                    round: event.args.and_then(|it| it.round),
                    end_ns: start_ns.saturating_add(nanos(event.dur.ok_or_else(|| fault("dur"))?)),
                });
            }
            "s" => drop(begun.insert(event.id.ok_or_else(|| fault("id"))?, event)),
            "f" => {
                let sent = event.id.and_then(|id| begun.remove(&id)).ok_or_else(|| fault("id"))?;
                let args = sent.args.clone().unwrap_or_default();
                let from = sent.pid.and_then(|pid| u32::try_from(pid.checked_sub(1)?).ok());
                trace.transfers.push(Transfer {
                    sent_ns: sent.ts.map(|ts| nanos(ts).saturating_sub(zero)).ok_or_else(|| fault("ts"))?,
                    from: from.ok_or_else(|| fault("pid"))?,
                    to: node.ok_or_else(|| fault("pid"))?,
                    command: command(sent.name.as_deref()).ok_or_else(|| fault("name"))?,
                    round: args.round.unwrap_or_default(),
                    taken_ns: at.ok_or_else(|| fault("ts"))?,
                    bytes: args.bytes.unwrap_or_default(),
                });
            }
            "i" => {
                let name = event.name.unwrap_or_default();
                let happening = serde_json::from_value(name.into()).map_err(|_| fault("name"))?;
                let everywhere = event.s.as_deref() == Some("g");
                trace.marks.push(Mark {
                    at_ns: at.ok_or_else(|| fault("ts"))?,
                    node: node.filter(|_| !everywhere),
                    happening,
                    whom: event.args.and_then(|it| it.whom).unwrap_or_default(),
                });
            }
            _ => {}
        }
    }
    let named = |node: u32| trace.nodes.binary_search(&node).is_ok();
    if !trace.nodes.is_sorted_by(|one, other| one < other) {
        return Err("its nodes are not in the order of their numbers".into());
    }
    let of_spans = trace.spans.iter().map(|it| it.node);
    let of_transfers = trace.transfers.iter().flat_map(|it| [it.from, it.to]);
    match of_spans.chain(of_transfers).find(|&node| !named(node)) {
        Some(node) => Err(format!("it tells of node {node}, which is none of its processes")),
        None => Ok(trace),
    }
}

/// A node's process and its tracks. A process of number 0 would be the idle one.
fn tracks(node: u32) -> [Event; 4] {
    let about = |name: &str, tid: Option<u64>, args: Args| Event {
        ph: "M".into(),
        name: Some(name.into()),
        pid: Some(u64::from(node) + 1),
        tid,
        args: Some(args),
        ..Event::default()
    };
    let named = |name: String| Args { name: Some(name), ..Args::default() };
    [
        about("process_name", None, named(format!("node {node}"))),
        about("process_sort_index", None, Args { sort_index: Some(u64::from(node)), ..Args::default() }),
        about("thread_name", Some(stages(node)), named("stages".into())),
        about("thread_name", Some(stages(node) + 1), named("jobs".into())),
    ]
}

/// The track of a node's stages; the one after it has its jobs. Tracks of different nodes have different numbers.
fn stages(node: u32) -> u64 {
    2 * u64::from(node) + 1
}

fn span(it: &Span, since_start: impl Fn(i64) -> f64) -> Event {
    let (name, cat, tid) = match it.activity {
        Activity::Stage(stage) => (stage.name(), "stage", stages(it.node)),
        Activity::Job(job) => (job.name(), "job", stages(it.node) + 1),
    };
    Event {
        ph: "X".into(),
        name: Some(name.into()),
        cat: Some(cat.into()),
        pid: Some(u64::from(it.node) + 1),
        tid: Some(tid),
        ts: Some(since_start(it.start_ns)),
        dur: Some(it.end_ns.saturating_sub(it.start_ns) as f64 / 1e3),
        args: it.round.map(|round| Args { round: Some(round), ..Args::default() }),
        ..Event::default()
    }
}

fn arrow(id: u64, it: &Transfer, since_start: impl Fn(i64) -> f64) -> [Event; 2] {
    let end = |ph: &str, node: u32, at: i64| Event {
        ph: ph.into(),
        name: Some(it.command.name().into()),
        cat: Some("model".into()),
        pid: Some(u64::from(node) + 1),
        tid: Some(stages(node)),
        ts: Some(since_start(at)),
        id: Some(id),
        ..Event::default()
    };
    let args = Args { round: Some(it.round), bytes: Some(it.bytes), ..Args::default() };
    [
        Event { args: Some(args), ..end("s", it.from, it.sent_ns) },
        Event { bp: Some("e".into()), ..end("f", it.to, it.taken_ns) },
    ]
}

fn instant(it: &Mark, since_start: impl Fn(i64) -> f64) -> Event {
    Event {
        ph: "i".into(),
        name: Some(it.happening.name().into()),
        cat: Some("happening".into()),
        // One that belongs to no node has to be somewhere.
        pid: Some(it.node.map_or(1, |node| u64::from(node) + 1)),
        tid: Some(it.node.map_or(1, stages)),
        ts: Some(since_start(it.at_ns)),
        s: Some(if it.node.is_some() { "p" } else { "g" }.into()),
        args: (!it.whom.is_empty()).then(|| Args { whom: Some(it.whom.clone()), ..Args::default() }),
        ..Event::default()
    }
}

fn activity(event: &Event) -> Option<Activity> {
    let name = event.name.clone()?.into();
    match event.cat.as_deref()? {
        "stage" => serde_json::from_value::<Stage>(name).ok().map(Activity::Stage),
        "job" => serde_json::from_value::<Job>(name).ok().map(Activity::Job),
        _ => None,
    }
}

fn command(name: Option<&str>) -> Option<Command> {
    name.and_then(Command::named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::trace::Happening;
    use crate::report::sample;

    #[test]
    fn a_trace_reads_back_as_it_was_written() {
        for trace in [sample::trace(), Trace::default()] {
            let mut text = Vec::new();
            write(&trace, "a \"name\"", &mut text).unwrap();
            assert_eq!(parse(&text).unwrap(), trace);
        }
    }

    #[test]
    fn every_name_reads_back() {
        for happening in [
            Happening::Crash,
            Happening::Restart,
            Happening::Join,
            Happening::Leave,
            Happening::Failure,
            Happening::Panic,
            Happening::Partition,
            Happening::Heal,
            Happening::Loss,
            Happening::Slow,
            Happening::Churn,
            Happening::StopLearning,
        ] {
            assert_eq!(serde_json::from_value::<Happening>(happening.name().into()).unwrap(), happening);
        }
        for job in [Job::Train, Job::Evaluate, Job::Aggregate] {
            assert_eq!(serde_json::from_value::<Job>(job.name().into()).unwrap(), job);
        }
    }

    #[test]
    fn what_is_no_trace_is_an_error_and_not_a_panic() {
        let mut text = Vec::new();
        write(&sample::trace(), "x", &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(parse(&text.as_bytes()[..text.len() / 2]).is_err());
        assert!(parse(text.replace("trace/1", "trace/9").as_bytes()).unwrap_err().contains("trace/9"));
        assert!(parse(text.replace("\"vote\"", "\"dream\"").as_bytes()).unwrap_err().contains("name"));
        assert!(parse(text.replace("\"pid\":1,", "\"pid\":0,").as_bytes()).is_err());
        let unnamed = text.replace("process_name", "process_labels");
        assert!(parse(unnamed.as_bytes()).unwrap_err().contains("none of its processes"));
        // Times of no meaning are times all the same.
        parse(text.replace("\"ts\":", "\"ts\":-9e300,\"was\":").as_bytes()).unwrap();
    }
}
