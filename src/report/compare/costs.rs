//! What transports cost by themselves as tables, for every form in which a comparison is shown, and as single figures.

use crate::costs::{Costs, Load, Parts, TransportCosts, Wire};
use crate::report::figures::nature::Unit;
use crate::report::readable::bytes;

/// A table with a row for each transport.
#[derive(Clone, Debug, PartialEq)]
pub struct CostTable {
    /// What it is called among the others.
    pub id: &'static str,
    /// What is in it.
    pub title: String,
    /// The heads of its columns, without that of the transports.
    pub columns: Vec<String>,
    /// The transports, with a figure for each column; nothing where it has no meaning.
    pub rows: Vec<(String, Vec<Option<Shown>>)>,
}

/// A number and what it counts in.
pub type Shown = (f64, Unit);

/// A single figure of a transport.
#[derive(Clone, Debug, PartialEq)]
pub struct CostFigure {
    /// Its path among the costs.
    pub path: String,
    /// Bytes of the encoding of the messages that it is of, if it is of messages.
    pub payload_bytes: Option<u64>,
    /// How many of them were under way.
    pub in_flight: Option<u32>,
    /// What it is.
    pub shown: Shown,
}

impl Costs {
    /// All tables.
    pub fn tables(&self) -> Vec<CostTable> {
        let tables = [self.messages(), self.wire(), self.apart(), self.large(), self.connections()];
        tables.into_iter().filter(|it| !it.rows.is_empty()).collect()
    }

    /// The most messages that were under way at a time.
    pub fn most(&self) -> u32 {
        let all = self.transports.iter().flat_map(|it| &it.small);
        all.map(|it| it.in_flight).max().unwrap_or_default()
    }

    fn table(
        &self,
        id: &'static str,
        title: String,
        columns: Vec<String>,
        row: impl Fn(&TransportCosts) -> Option<Vec<Option<Shown>>>,
    ) -> CostTable {
        let rows = self.transports.iter().filter_map(|it| Some((it.transport.clone(), row(it)?)));
        CostTable { id, title, columns, rows: rows.collect() }
    }

    fn messages(&self) -> CostTable {
        let counts: Vec<u32> = self
            .transports
            .first()
            .map(|it| it.small.iter().map(|it| it.in_flight).collect())
            .unwrap_or_default();
        let ends: Vec<u32> = match counts[..] {
            [] => Vec::new(),
            [only] => vec![only],
            [first, .., last] => vec![first, last],
        };
        let mut columns: Vec<String> = counts.iter().map(|it| format!("CPU, {it}")).collect();
        columns.extend(ends.iter().flat_map(|it| [format!("p50, {it}"), format!("p99, {it}")]));
        columns.extend(ends.last().map(|it| format!("rate, {it}")));
        let title = format!("A message of {}, so many under way at a time", bytes(self.small_bytes as f64));
        self.table("messages", title, columns, |it| {
            let of = |count: &u32| it.small.iter().find(|load| load.in_flight == *count);
            let figure =
                |count: &u32, value: fn(&Load) -> f64, unit| of(count).map(|load| (value(load), unit));
            let mut row: Vec<Option<Shown>> =
                counts.iter().map(|count| figure(count, |it| it.cpu_s_per_message, Unit::Time)).collect();
            for count in &ends {
                row.push(figure(count, |it| it.p50_s, Unit::Time));
                row.push(figure(count, |it| it.p99_s, Unit::Time));
            }
            row.extend(ends.last().map(|count| figure(count, |it| it.messages_per_s, Unit::Rate)));
            Some(row)
        })
    }

    fn wire(&self) -> CostTable {
        let most = self.most();
        let mut columns: Vec<String> =
            ["payload", "encoding", "framing", "headers", "control", "security", "sum", "HPACK saves"]
                .map(str::to_owned)
                .to_vec();
        if most > 1 {
            columns.push(format!("sum, {most}"));
        }
        let title = "Bytes that it puts on the wire, with its answer, one at a time".to_owned();
        self.table("wire", title, columns, |it| {
            let both = both(it.wire_of(1, self.small_bytes)?);
            let part = |value: f64| Some((value, Unit::Bytes));
            let Parts { payload, encoding, framing, headers, control, security, .. } = both;
            let mut row =
                [payload, encoding, framing, headers, control, security, both.total()].map(part).to_vec();
            row.push(both.saved().map(|it| (it, Unit::Bytes)));
            if most > 1 {
                let together = it.wire_of(most, self.small_bytes).map(self::both);
                row.push(together.map(|it| (it.total(), Unit::Bytes)));
            }
            Some(row)
        })
    }

    fn apart(&self) -> CostTable {
        let most = self.most();
        let columns = ["CPU, one", "CPU, each", "gains", "p50, one", "p50, each", "p99, one", "p99, each"];
        let title = format!("{most} under way: on one connection, and each on a connection of its own");
        self.table("apart", title, columns.map(str::to_owned).to_vec(), |it| {
            let of = |loads: &[Load]| loads.iter().find(|load| load.in_flight == most).copied();
            let (one, each) = (of(&it.small)?, of(&it.apart)?);
            let time = |seconds: f64| Some((seconds, Unit::Time));
            let gains = each.cpu_s_per_message / one.cpu_s_per_message;
            Some(vec![
                time(one.cpu_s_per_message),
                time(each.cpu_s_per_message),
                gains.is_finite().then_some((gains, Unit::Plain)),
                time(one.p50_s),
                time(each.p50_s),
                time(one.p99_s),
                time(each.p99_s),
            ])
        })
    }

    fn large(&self) -> CostTable {
        let title = format!("A message of {}, one at a time", bytes(self.large_bytes as f64));
        let columns = ["throughput", "CPU/GB", "p50", "p99", "bytes on top"].map(str::to_owned).to_vec();
        self.table("large", title, columns, |it| {
            let size = self.large_bytes as f64;
            let on_top = it.wire_of(1, self.large_bytes).map(|it| (both(it).total() - size, Unit::Bytes));
            Some(vec![
                Some((it.large.messages_per_s * size, Unit::ByteRate)),
                Some((it.large.cpu_s_per_message / size * 1e9, Unit::Time)),
                Some((it.large.p50_s, Unit::Time)),
                Some((it.large.p99_s, Unit::Time)),
                on_top,
            ])
        })
    }

    fn connections(&self) -> CostTable {
        let columns = ["opens in", "CPU", "round trips", "bytes", "memory", "after a large message"]
            .map(str::to_owned)
            .to_vec();
        self.table("connections", "A connection, both ends together".to_owned(), columns, |it| {
            let it = it.connection?;
            Some(vec![
                Some((it.opens_s, Unit::Time)),
                Some((it.cpu_s, Unit::Time)),
                it.round_trips.map(|it| (f64::from(it), Unit::Count)),
                Some((it.bytes, Unit::Bytes)),
                it.memory_bytes.map(|it| (it, Unit::Bytes)),
                it.memory_after_large_bytes.map(|it| (it, Unit::Bytes)),
            ])
        })
    }
}

impl TransportCosts {
    /// What is known of messages of a size behind the first, so many under way.
    pub fn wire_of(&self, in_flight: u32, payload_bytes: u64) -> Option<&Wire> {
        self.wire
            .iter()
            .find(|it| !it.first && it.in_flight == in_flight && it.payload_bytes == payload_bytes)
    }

    /// CPU time of a small message while so many are under way.
    pub fn cpu(&self, in_flight: u32) -> Option<f64> {
        self.small.iter().find(|it| it.in_flight == in_flight).map(|it| it.cpu_s_per_message)
    }

    /// Every single figure.
    pub fn figures(&self, small_bytes: u64, large_bytes: u64) -> Vec<CostFigure> {
        let mut figures = Vec::new();
        let mut add =
            |path: &str, payload_bytes: Option<u64>, in_flight: Option<u32>, shown: Option<Shown>| {
                let path = format!("costs.{path}");
                figures.extend(shown.map(|shown| CostFigure { path, payload_bytes, in_flight, shown }));
            };
        let loads = [("small", &self.small[..], small_bytes), ("apart", &self.apart[..], small_bytes)];
        let large = std::slice::from_ref(&self.large);
        for (name, loads, payload) in loads.into_iter().chain([("large", large, large_bytes)]) {
            for it in loads {
                let mut one = |figure: &str, value: f64, unit| {
                    add(&format!("{name}.{figure}"), Some(payload), Some(it.in_flight), Some((value, unit)));
                };
                one("cpu_s_per_message", it.cpu_s_per_message, Unit::Time);
                one("p50_s", it.p50_s, Unit::Time);
                one("p99_s", it.p99_s, Unit::Time);
                one("messages_per_s", it.messages_per_s, Unit::Rate);
            }
        }
        add("sender_share", Some(small_bytes), None, self.sender_share.map(|it| (it, Unit::Plain)));
        for it in &self.wire {
            let name = if it.first { "wire.first" } else { "wire" };
            for (way, parts) in [("sent", &it.sent), ("answered", &it.answered)] {
                let Parts { payload, encoding, framing, headers, control, security, headers_as_text } =
                    *parts;
                let parts = [
                    ("payload", Some(payload)),
                    ("encoding", Some(encoding)),
                    ("framing", Some(framing)),
                    ("headers", Some(headers)),
                    ("control", Some(control)),
                    ("security", Some(security)),
                    ("headers_as_text", headers_as_text),
                ];
                for (part, value) in parts {
                    let path = format!("{name}.{way}.{part}");
                    let shown = value.map(|it| (it, Unit::Bytes));
                    add(&path, Some(it.payload_bytes), Some(it.in_flight), shown);
                }
            }
        }
        if let Some(it) = &self.connection {
            let mut one = |figure: &str, value: Option<f64>, unit| {
                add(&format!("connection.{figure}"), None, None, value.map(|it| (it, unit)));
            };
            one("opens_s", Some(it.opens_s), Unit::Time);
            one("cpu_s", Some(it.cpu_s), Unit::Time);
            one("round_trips", it.round_trips.map(f64::from), Unit::Count);
            one("bytes", Some(it.bytes), Unit::Bytes);
            one("memory_bytes", it.memory_bytes, Unit::Bytes);
            one("memory_after_large_bytes", it.memory_after_large_bytes, Unit::Bytes);
        }
        figures
    }
}

/// What a message and its answer put on the wire together.
pub fn both(it: &Wire) -> Parts {
    let (a, b) = (&it.sent, &it.answered);
    Parts {
        payload: a.payload + b.payload,
        encoding: a.encoding + b.encoding,
        framing: a.framing + b.framing,
        headers: a.headers + b.headers,
        control: a.control + b.control,
        security: a.security + b.security,
        headers_as_text: a.headers_as_text.zip(b.headers_as_text).map(|(a, b)| a + b),
    }
}
