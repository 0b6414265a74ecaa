//! The event log: every input of every node, in the order of time, a JSON object a line. It is written by runs on one
//! thread alone; on more the same things would happen in the same order.

use crate::node::io::{Control, Input};
use crate::time::Time;
use crate::wire::{Announcement, Argument, Command, Message, Own, PeerId, Response};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes the log.
#[derive(Debug)]
pub struct Log {
    file: BufWriter<File>,
    /// The inputs of the running window: when, to whom, what.
    window: Vec<(Time, PeerId, String)>,
    failed: Option<io::Error>,
}

impl Log {
    /// # Errors
    /// If there can be no such file.
    pub fn create(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = BufWriter::new(File::create(path).map_err(named)?);
        Ok(Self { file, window: Vec::new(), failed: None })
    }

    /// A node got an input; its chain afterwards is told with it.
    pub fn note(&mut self, now: Time, node: PeerId, chain: u64, input: &Input) {
        let mut line = json!({ "at_ns": now.as_nanos(), "node": node });
        if let (Value::Object(line), Value::Object(what)) = (&mut line, told(input)) {
            line.extend(what);
            line.insert("chain".into(), format!("{chain:016x}").into());
        }
        self.window.push((now, node, line.to_string()));
    }

    /// Writes what happened in a window. Its nodes ran one after another; here it is in the order of time.
    pub fn end_of_window(&mut self) {
        self.window.sort_by_key(|(at, node, _)| (*at, *node));
        for (.., line) in self.window.drain(..) {
            if self.failed.is_none()
                && let Err(error) = writeln!(self.file, "{line}")
            {
                self.failed = Some(error);
            }
        }
    }

    /// Writes what is left; what went wrong, if anything did.
    pub fn finish(mut self) -> io::Result<()> {
        self.end_of_window();
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.file.flush(),
        }
    }
}

/// A message that names a model.
fn own(from: PeerId, it: &Own) -> Value {
    let mut told = json!({ "event": "message", "from": from, "command": it.command, "round": it.round });
    if it.args.is_some() {
        let arg = |it: &Argument| match it {
            Argument::Number(it) => json!(it),
            Argument::Real(it) => json!(it),
            Argument::Peer(it) => json!(it),
        };
        told["args"] = it.args().iter().map(arg).collect();
    }
    told
}

fn named(from: PeerId, command: Option<Command>, it: &Announcement) -> Value {
    json!({ "event": "message", "from": from, "command": command, "round": it.round, "follows": it.follows,
            "contributors": &it.contributors[..] })
}

fn told(input: &Input) -> Value {
    match input {
        Input::Start(start) => json!({ "event": "start", "dials": start.dial.len() }),
        Input::Message { from, message, .. } => match message {
            Message::Gossip(parcel) => {
                let messages: Vec<Value> = parcel
                    .iter()
                    .map(|it| {
                        json!({ "command": it.body.command(), "source": it.source, "round": it.round,
                                "ttl": it.ttl.left(), "hash": it.hash })
                    })
                    .collect();
                json!({ "event": "gossip", "from": from, "messages": messages })
            }
            Message::Handshake | Message::Disconnect => {
                json!({ "event": "message", "from": from, "command": message.command() })
            }
            Message::Own(it) => own(*from, it),
            Message::Probe(it) => {
                json!({ "event": "message", "from": from, "command": message.command(), "round": it.cell,
                        "bytes": it.size })
            }
            Message::Announce(it) => named(*from, message.command(), it),
            Message::GetModel(it) => named(*from, message.command(), it),
            Message::Weights(it) => json!({
                "event": "message", "from": from, "command": it.command, "round": it.round,
                "contributors": &it.contributors[..], "samples": it.samples,
            }),
        },
        Input::Response { request, response } => {
            let (word, text) = match response {
                Response::Empty => ("ok", None),
                Response::Wanted(true) => ("wanted", None),
                Response::Wanted(false) => ("not wanted", None),
                Response::Error(text) => ("error", Some(&**text)),
                Response::Timeout => ("timeout", None),
                Response::Unreachable => ("unreachable", None),
            };
            json!({ "event": "response", "request": request, "response": word, "error": text })
        }
        Input::Timer(timer) => json!({ "event": "timer", "timer": format!("{timer:?}").to_lowercase() }),
        Input::JobDone { job, .. } => json!({ "event": "job_done", "job": job }),
        Input::Control(control) => {
            let word = match control {
                Control::StartLearning(_) => "start_learning",
                Control::Begin(_) => "begin",
                Control::StopLearning => "stop_learning",
                Control::Leave => "leave",
            };
            json!({ "event": "control", "control": word })
        }
    }
}
