//! The tables of a result folder, as CSV: one row for each interval, node, command or round.
//!
//! Units are in the names of columns (`_s` seconds, `_bytes`). Where a value is unknown the field is empty.

use crate::metrics::result::{Account, RunResult};
use crate::metrics::{Cause, Point, Round, Spread};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// A row of `nodes.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its number.
    pub node: u32,
    /// Its address.
    pub address: String,
    /// How many direct neighbours it has in the topology.
    pub degree: u32,
    /// What became of it.
    pub state: NodeState,
    /// Rounds that it finished.
    pub rounds_finished: u32,
    /// When it finished the last one of all, in seconds since the initiator started learning.
    pub finished_at_s: Option<f64>,
    /// Rounds in which it trained.
    pub trained_rounds: u32,
    /// Rows of the dataset that it holds.
    pub samples: u64,
    /// Messages that it sent.
    pub messages_sent: u64,
    /// Messages that it took, duplicates included.
    pub messages_handled: u64,
    /// Accuracy of its last model on the test split, if that was evaluated.
    pub accuracy: Option<f64>,
    /// Payload bytes of the messages that it sent.
    #[serde(default)]
    pub bytes_sent: u64,
    /// How long a round took it on average, in seconds of scenario time; nothing if it finished none.
    #[serde(default)]
    pub round_s: Option<f64>,
}

/// What became of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It finished all rounds.
    Finished,
    /// It was still waiting when the run ended.
    Stalled,
    /// It crashed and did not come back.
    Crashed,
    /// It left.
    Left,
    /// It ended by a fault of this program.
    Panicked,
    /// It never came.
    Absent,
    /// Learning was ended before its time.
    Stopped,
    /// It stopped itself after an error, as P2PFL does.
    Failed,
    /// It came up while others learnt, and never took part.
    Idle,
}

/// Writes `series.csv`: a row for each stretch of time.
pub fn series(out: impl Write, series: &[Point]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Row {
        at_s: f64,
        interval_s: f64,
        messages: u64,
        bytes: u64,
        messages_per_s: f64,
        bytes_per_s: f64,
    }
    let columns = ["at_s", "interval_s", "messages", "bytes", "messages_per_s", "bytes_per_s"];
    let rows = series.iter().map(|point| Row {
        at_s: point.at_s,
        interval_s: point.interval_s,
        messages: point.messages,
        bytes: point.bytes,
        messages_per_s: point.messages as f64 / point.interval_s,
        bytes_per_s: point.bytes as f64 / point.interval_s,
    });
    table(out, &columns, rows)
}

/// Writes `nodes.csv`: a row for each node.
pub fn nodes(out: impl Write, nodes: &[NodeRow]) -> io::Result<()> {
    let columns = [
        "node",
        "address",
        "degree",
        "state",
        "rounds_finished",
        "finished_at_s",
        "trained_rounds",
        "samples",
        "messages_sent",
        "messages_handled",
        "accuracy",
        "bytes_sent",
        "round_s",
    ];
    table(out, &columns, nodes)
}

/// Writes `messages.csv`: a row for each command, and `total`.
pub fn messages(out: impl Write, result: &RunResult) -> io::Result<()> {
    let dropped = Cause::ALL.map(|cause| format!("dropped_{}", cause.name()));
    let mut columns = vec!["command", "sent", "network_copies", "delivered", "duplicate"];
    columns.extend(dropped.iter().map(String::as_str));
    columns.extend(["in_flight", "payload_bytes", "wire_bytes"]);
    let row = |name: &str, account: &Account| {
        let before = [account.sent, account.network_copies, account.delivered, account.duplicate];
        let lost = Cause::ALL.map(|cause| account.dropped.get(&cause).copied().unwrap_or(0));
        let counts = before.iter().chain(&lost).map(u64::to_string);
        let bytes = [account.payload_bytes, account.wire_bytes].map(|bytes| bytes.to_string());
        let mut row = vec![name.to_owned()];
        row.extend(counts.chain([account.in_flight.to_string()]).chain(bytes));
        row
    };
    let commands = result.messages.by_command.iter();
    let rows = commands.map(|(command, account)| row(command.name(), account));
    table(out, &columns, rows.chain([row("total", &result.messages.total)]))
}

/// Writes `rounds.csv`: a row for each round.
pub fn rounds(out: impl Write, rounds: &[Round]) -> io::Result<()> {
    let columns = [
        "round",
        "started_s",
        "ended_s",
        "nodes_finished",
        "accuracy_mean",
        "accuracy_min",
        "accuracy_max",
        "loss_mean",
        "loss_min",
        "loss_max",
        "consensus_distance",
        "train_sets",
    ];
    let spread = |spread: Option<Spread>| {
        [spread.map(|of| of.mean), spread.map(|of| of.min), spread.map(|of| of.max)].map(finite)
    };
    let rows = rounds.iter().map(|round| {
        let times = (round.round, round.started_s, round.ended_s, round.nodes_finished);
        let quality =
            (spread(round.accuracy), spread(round.loss), round.consensus_distance.and_then(finite_value));
        (times, quality, round.train_sets.len())
    });
    table(out, &columns, rows)
}

/// The header is written even if there is no row.
fn table<R: Serialize>(
    out: impl Write,
    columns: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
    let write = || {
        writer.write_record(columns)?;
        rows.into_iter().try_for_each(|row| writer.serialize(row))?;
        writer.flush().map_err(csv::Error::from)
    };
    write().map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        // Rows of one type have one length and plain values: nothing else is left to go wrong.
        other => io::Error::other(format!("{other:?}")),
    })
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.and_then(finite_value)
}

fn finite_value(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
