//! Rules of the workflow `probe`: what fits together, and what there would be too much of.

use super::Report;
use crate::format::units::Span;
use crate::metrics::MAX_CELLS;
use crate::node::probe::spec::{Exchange, Pattern, Probe};
use crate::scenario::path::Path;
use crate::scenario::{Clock, Scenario, Speedup};
use std::time::Duration;

/// What protobuf can carry at most, headers aside.
const MAX_PAYLOAD: u64 = (1 << 31) - 1_024;
/// More messages under way than this are a slip of the keyboard, and so is a higher rate.
const MAX_CONCURRENCY: u32 = 1_000_000;
const MAX_RATE: f64 = 1e7;

pub(super) fn check(scenario: &Scenario, probe: &Probe, report: &mut Report) {
    if scenario.nodes == 1 {
        report.error("nodes", "a probe of one node", "it takes two to exchange messages");
    }
    if probe.pattern == Pattern::Pairs && !scenario.nodes.is_multiple_of(2) {
        let message = format!("{} nodes do not make pairs", scenario.nodes);
        report.error("nodes", message, "write an even number, or another `workflow.pattern`");
    }
    grid(probe, report);
    extent(probe, report);
    speed(scenario, probe, report);
    for (path, help) in [
        ("learning", "leave it out: nothing is learnt"),
        ("settings.gossip", "leave it out: nothing floods"),
        ("settings.heartbeat", "leave it out: nobody beats"),
        ("settings.training", "leave it out: nobody trains"),
    ] {
        if report.positions.is_written(&Path::from(path)) {
            let message = format!("`{path}` has no effect in `probe`");
            report.warn(path, "setting-without-effect", message, help);
        }
    }
}

/// Payloads and concurrencies.
fn grid(probe: &Probe, report: &mut Report) {
    let one = |field: &'static str, i: usize, many: usize| {
        let path = Path::from("workflow").key(field);
        if many == 1 { path } else { path.index(i) }
    };
    let payloads = &probe.payload.0;
    for (i, size) in payloads.iter().enumerate().filter(|(_, size)| size.0 > MAX_PAYLOAD) {
        let message = format!("a message of {size} cannot be encoded");
        report.error(one("payload", i, payloads.len()), message, "protobuf ends at 2 GiB");
    }
    let concurrencies = &probe.concurrency.0;
    for (i, &number) in concurrencies.iter().enumerate() {
        let path = one("concurrency", i, concurrencies.len());
        if number == 0 {
            report.error(path, "no message may be under way", "it must be at least 1");
        } else if number > MAX_CONCURRENCY {
            let help = format!("at most {MAX_CONCURRENCY} are possible");
            report.error(path, format!("{number} messages under way"), help);
        }
    }
    for (field, empty) in [("payload", payloads.is_empty()), ("concurrency", concurrencies.is_empty())] {
        if empty {
            let path = Path::from("workflow").key(field);
            report.error(path, "an empty list: there would be no cells", "name one value at least");
        }
    }
    if payloads.len().saturating_mul(concurrencies.len()) > MAX_CELLS {
        let message = format!("{} payloads by {} concurrencies", payloads.len(), concurrencies.len());
        report.error("workflow.payload", message, format!("at most {MAX_CELLS} cells are possible"));
    }
}

/// How long cells are.
fn extent(probe: &Probe, report: &mut Report) {
    if probe.count.is_some() {
        for (path, written) in
            [("workflow.duration", probe.duration.is_some()), ("workflow.warm_up", probe.warm_up.is_some())]
        {
            if written {
                let message = format!("`{path}` beside `workflow.count`: a cell ends with its last message");
                report.error(path, message, "write one of the two");
            }
        }
        if probe.count == Some(0) {
            report.at_least_one("workflow.count", 0u32);
        }
    }
    if let Some(duration) = probe.duration {
        report.longer_than_zero("workflow.duration", duration, "nothing would be measured");
    }
    let day = Span(Duration::from_secs(86_400));
    for (path, span) in [("workflow.duration", probe.duration), ("workflow.warm_up", probe.warm_up)] {
        if let Some(span) = span.filter(|span| *span > day) {
            report.error(path, format!("`{path}` is {span}"), "a day is the most");
        }
    }
}

/// Rate, speedup, and loops that could not go on.
fn speed(scenario: &Scenario, probe: &Probe, report: &mut Report) {
    if let Some(rate) = probe.rate {
        report.positive("workflow.rate", rate);
        if rate > MAX_RATE {
            let help = format!("at most {MAX_RATE} are possible");
            report.error("workflow.rate", format!("{rate} messages a second"), help);
        }
        if report.positions.is_written(&Path::from("workflow.concurrency")) && probe.concurrency != 1.into() {
            report.error(
                "workflow.concurrency",
                "`workflow.concurrency` beside `workflow.rate`: at a rate, messages leave whatever is under way",
                "write one of the two",
            );
        }
    }
    let loses = scenario.network.as_ref().is_some_and(|it| it.lossy && it.packet_loss > 0.0);
    if loses && probe.mode == Exchange::OneWay && probe.rate.is_none() {
        report.error(
            "workflow.mode",
            "messages are lost and nobody tells: what is under way would dwindle",
            "write \"mode\": \"request\", or a `rate`",
        );
    }
    if let (Speedup::Factor(factor), Clock::Real) = (scenario.speedup, scenario.clock)
        && factor != 1.0
    {
        let message = format!(
            "`speedup` is {factor}: durations and rates are scenario time, but messages go as fast as this machine"
        );
        report.warn("speedup", "probe-speedup", message, "leave it out, or write 1");
    }
}
