//! What `probe` says about itself.

use super::spec::{Exchange, Extent, MAX_CELLS, Pattern, Probe};
use crate::format::findings::Findings;
use crate::format::settings::Settings;
use crate::format::units::{Size, Span};
use crate::network::Links;
use crate::node::Kind;
use crate::node::foresight::{
    Drawn, Forecast, Largest, Outlook, Said, Sent, Site, Surroundings, Traffic, Unfit,
};
use crate::time::Time;
use crate::wire::{self, Command, Message};
use std::time::Duration;

/// What protobuf can carry at most, headers aside.
const MAX_PAYLOAD: u64 = (1 << 31) - 1_024;
/// More messages under way than this are a slip of the keyboard, and so is a higher rate.
const MAX_CONCURRENCY: u32 = 1_000_000;
const MAX_RATE: f64 = 1e7;

impl Kind for Probe {
    /// Its cells.
    fn rounds(&self) -> u32 {
        self.cells()
    }

    fn learns(&self) -> bool {
        false
    }

    fn says(&self, command: Command) -> bool {
        command == Command::Probe
    }

    fn grid(&self) -> Option<&Probe> {
        Some(self)
    }

    /// How late messages leave is among its figures.
    fn period(&self, _settings: &Settings, _training: Duration) -> Duration {
        Duration::ZERO
    }

    fn traffic(&self, it: &Site) -> Traffic {
        let streams = self.streams(it.nodes.into(), it.edges);
        // A closed loop asks for nothing: it goes as fast as it can. How long what comes together takes is what it is for.
        let singles_per_s = streams * self.rate.unwrap_or(0.0);
        let per_round = match self.extent() {
            Extent::Count(count) => streams * count as f64,
            Extent::Time { warm_up, measured } => singles_per_s * (warm_up + measured).as_secs_f64(),
        };
        Traffic { singles_per_s, per_round, ..Traffic::default() }
    }

    fn largest(&self, _nodes: u32) -> Vec<Largest> {
        let payloads = &self.payload.0;
        let cell = (payloads.len() * self.concurrency.0.len()) as i32;
        let largest = |(i, size): (usize, &Size)| {
            let size = u32::try_from(size.0).unwrap_or(u32::MAX);
            Largest {
                path: Some(field("payload", i, payloads.len())),
                what: "messages",
                said: Said::Direct(Message::Probe(wire::Probe { cell, size, due: Time::ZERO })),
            }
        };
        payloads.iter().enumerate().map(largest).collect()
    }

    fn forecast(&self, it: &Outlook) -> Forecast {
        let streams = self.streams(it.nodes(), it.nodes() * it.degree());
        let (mut sent, mut end) = (Sent::default(), 0.0);
        for cell in (0..self.cells()).filter_map(|number| self.cell(number)) {
            let bytes =
                it.direct(&Message::Probe(wire::Probe { cell: 1, size: cell.payload, due: Time::ZERO }));
            let rate = match (self.rate, cell.concurrency) {
                (Some(rate), _) => streams * rate,
                (None, at_a_time) => closed_loop(it, streams, at_a_time.unwrap_or(1), bytes),
            };
            let (messages, seconds) = match self.extent() {
                Extent::Count(count) => (streams * count as f64, streams * count as f64 / rate.max(1e-9)),
                Extent::Time { warm_up, measured } => {
                    let seconds = (warm_up + measured).as_secs_f64();
                    (rate * seconds, seconds)
                }
            };
            end += seconds;
            sent.direct(messages, bytes);
        }
        let answers = if self.mode == Exchange::Request { sent.messages } else { 0.0 };
        let mut told = it.told(2.0 * it.link_s, end, &sent, 0.0);
        told.inputs += answers;
        told.timers = 0.0;
        told
    }

    fn check(&self, it: &Surroundings, found: &mut dyn Findings) {
        if it.nodes == 1 {
            let help = "it takes two to exchange messages".into();
            found.error("nodes", "a probe of one node".into(), help);
        }
        if self.pattern == Pattern::Pairs && !it.nodes.is_multiple_of(2) {
            let message = format!("{} nodes do not make pairs", it.nodes);
            found.error("nodes", message, "write an even number, or another `workflow.pattern`".into());
        }
        grid(self, found);
        extent(self, found);
        speed(it, self, found);
        for (path, help) in [
            ("learning", "leave it out: nothing is learnt"),
            ("settings.gossip", "leave it out: nothing floods"),
            ("settings.heartbeat", "leave it out: nobody beats"),
            ("settings.training", "leave it out: nobody trains"),
        ] {
            found.without_effect(path, "in `probe`", help);
        }
    }

    /// Who is to send to each other has to be connected, and what is in flight has to fit into an inbox.
    fn check_drawn(&self, it: &Drawn) -> Result<(), Unfit> {
        let nodes = it.graph.nodes();
        let mut pairs: Box<dyn Iterator<Item = (u32, u32)>> = match self.pattern {
            Pattern::AllNeighbours => Box::new(std::iter::empty()),
            Pattern::Pairs => Box::new((0..nodes).step_by(2).map(|it| (it, it + 1))),
            Pattern::Ring => Box::new((0..nodes).map(|it| (it, (it + 1) % nodes))),
        };
        if let Some((a, b)) = pairs.find(|&(a, b)| !it.graph.connected(a, b)) {
            return Err(Unfit {
                path: "workflow.pattern",
                message: format!("nodes {a} and {b} are to exchange messages, but they are not neighbours"),
                help: "choose a topology in which they are, such as { \"kind\": \"ring\" }, or \"all_neighbours\"".into(),
            });
        }
        let Some(inbox) = it.inbox.filter(|_| self.rate.is_none()) else { return Ok(()) };
        let senders = match self.pattern {
            Pattern::Pairs | Pattern::Ring => 1,
            Pattern::AllNeighbours => (0..nodes).map(|node| it.graph.degree(node)).max().unwrap_or(0),
        };
        let each = self.concurrency.0.iter().copied().max().unwrap_or(0);
        let under_way = u64::from(senders).saturating_mul(each.into());
        // One message goes into an empty inbox, however large it is.
        if under_way > 1 && under_way.saturating_mul(self.largest_payload()) > inbox.0 {
            return Err(Unfit {
                path: "workflow.concurrency",
                message: format!(
                    "{under_way} messages of {} may be under way to a node, which is more than the {inbox} that its inbox holds",
                    Size(self.largest_payload())
                ),
                help: "raise `limits.inbox` (over memory, no message takes up what it weighs), or write less"
                    .into(),
            });
        }
        Ok(())
    }
}

impl Probe {
    /// From how many nodes to how many others messages go, where there are so many nodes and directed edges.
    fn streams(&self, nodes: f64, edges: f64) -> f64 {
        match self.pattern {
            Pattern::Pairs | Pattern::Ring => nodes,
            Pattern::AllNeighbours => edges,
        }
    }
}

/// The path of one of several values of a field, or of its only one.
fn field(name: &str, i: usize, many: usize) -> String {
    if many == 1 { format!("workflow.{name}") } else { format!("workflow.{name}[{i}]") }
}

/// Messages a second where each stream has so many in flight.
fn closed_loop(it: &Outlook, streams: f64, at_a_time: u32, bytes: f64) -> f64 {
    if let Some(rate) = it.unbound_per_s {
        return rate;
    }
    let rate = |of: &dyn Fn(&Links) -> Option<f64>| it.links.and_then(of);
    let capacity = rate(&|links| links.uplink(0).map(|it| it.0 as f64 / 8.0))
        .map_or(f64::INFINITY, |rate| it.nodes() * rate / bytes);
    let round_trip = 2.0 * it.link_s + if capacity.is_finite() { it.nodes() / capacity } else { 0.0 };
    (streams * f64::from(at_a_time) / round_trip.max(1e-9)).min(capacity)
}

/// Payloads and concurrencies.
fn grid(probe: &Probe, found: &mut dyn Findings) {
    let payloads = &probe.payload.0;
    for (i, size) in payloads.iter().enumerate().filter(|(_, size)| size.0 > MAX_PAYLOAD) {
        let message = format!("a message of {size} cannot be encoded");
        found.error(&field("payload", i, payloads.len()), message, "protobuf ends at 2 GiB".into());
    }
    let concurrencies = &probe.concurrency.0;
    for (i, &number) in concurrencies.iter().enumerate() {
        let path = field("concurrency", i, concurrencies.len());
        if number == 0 {
            found.error(&path, "no message may be under way".into(), "it must be at least 1".into());
        } else if number > MAX_CONCURRENCY {
            let help = format!("at most {MAX_CONCURRENCY} are possible");
            found.error(&path, format!("{number} messages under way"), help);
        }
    }
    for (name, empty) in [("payload", payloads.is_empty()), ("concurrency", concurrencies.is_empty())] {
        if empty {
            let path = format!("workflow.{name}");
            let help = "name one value at least".into();
            found.error(&path, "an empty list: there would be no cells".into(), help);
        }
    }
    if payloads.len().saturating_mul(concurrencies.len()) > MAX_CELLS {
        let message = format!("{} payloads by {} concurrencies", payloads.len(), concurrencies.len());
        found.error("workflow.payload", message, format!("at most {MAX_CELLS} cells are possible"));
    }
}

/// How long cells are.
fn extent(probe: &Probe, found: &mut dyn Findings) {
    if probe.count.is_some() {
        for (path, written) in
            [("workflow.duration", probe.duration.is_some()), ("workflow.warm_up", probe.warm_up.is_some())]
        {
            if written {
                let message = format!("`{path}` beside `workflow.count`: a cell ends with its last message");
                found.error(path, message, "write one of the two".into());
            }
        }
        if probe.count == Some(0) {
            found.at_least_one("workflow.count", 0u32);
        }
    }
    if let Some(duration) = probe.duration {
        found.longer_than_zero("workflow.duration", duration, "nothing would be measured");
    }
    let day = Span(Duration::from_secs(86_400));
    for (path, span) in [("workflow.duration", probe.duration), ("workflow.warm_up", probe.warm_up)] {
        if let Some(span) = span.filter(|span| *span > day) {
            found.error(path, format!("`{path}` is {span}"), "a day is the most".into());
        }
    }
}

/// Rate, speedup, and loops that could not go on.
fn speed(it: &Surroundings, probe: &Probe, found: &mut dyn Findings) {
    if let Some(rate) = probe.rate {
        found.positive("workflow.rate", rate);
        if rate > MAX_RATE {
            let help = format!("at most {MAX_RATE} are possible");
            found.error("workflow.rate", format!("{rate} messages a second"), help);
        }
        if found.is_written("workflow.concurrency") && probe.concurrency != 1.into() {
            found.error(
                "workflow.concurrency",
                "`workflow.concurrency` beside `workflow.rate`: at a rate, messages leave whatever is under way".into(),
                "write one of the two".into(),
            );
        }
    }
    if it.loses && probe.mode == Exchange::OneWay && probe.rate.is_none() {
        found.error(
            "workflow.mode",
            "messages are lost and nobody tells: what is under way would dwindle".into(),
            "write \"mode\": \"request\", or a `rate`".into(),
        );
    }
    if let Some(factor) = it.speedup.filter(|factor| *factor != 1.0) {
        let message = format!(
            "`speedup` is {factor}: durations and rates are scenario time, but messages go as fast as this machine"
        );
        found.warn("speedup", "probe-speedup", message, "leave it out, or write 1".into());
    }
}
