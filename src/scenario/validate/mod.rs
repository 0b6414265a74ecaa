//! Rules that types cannot express: ranges, and what fits together.
//!
//! What depends on the graph or on data is checked by `topology` and `learning` when they are built. Nothing here
//! changes the scenario.

mod clock;
mod learning;
mod network;
mod protocol;
mod script;
mod transport;

use super::Scenario;
use super::Speedup;
use super::diagnostic::Diagnostic;
use super::explain;
use super::load::{Mark, Positions};
use super::path::Path;
use super::thresholds::{Known, Threshold};
use crate::format::distribution::Distribution;
use crate::format::findings::Findings;
use crate::format::units::Span;
use crate::topology::Shape;

/// More nodes than this are a slip of the keyboard.
const MAX_NODES: u32 = 10_000_000;

/// Checks a scenario and returns everything found, errors and warnings, in the order of the rules.
pub(super) fn check(scenario: &Scenario, positions: &Positions) -> Vec<Diagnostic> {
    let mut report = Report { positions, found: Vec::new(), errors: 0, warnings: 0 };
    general(scenario, &mut report);
    clock::check(scenario, &mut report);
    transport::check(scenario, &mut report);
    protocol::check(scenario, &mut report);
    learning::check(scenario, &mut report);
    if let Some(network) = &scenario.network {
        network::check(network, scenario.clock, &mut report);
    }
    // A script is about nodes: without any there is nothing to say of it.
    if (1..=MAX_NODES).contains(&scenario.nodes) {
        script::check(scenario, &mut report);
    }
    thresholds(scenario, &mut report);
    report.found
}

/// What has been found so far.
struct Report<'a> {
    positions: &'a Positions,
    found: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

/// Errors, and warnings, beyond this many are not looked up and shown: nobody reads them.
const MAX_FOUND: usize = 50;

impl Findings for Report<'_> {
    fn error(&mut self, path: &str, message: String, help: String) {
        self.error(path, message, help);
    }

    fn warn(&mut self, path: &str, code: &'static str, message: String, help: String) {
        self.warn(path, code, message, help);
    }

    fn is_written(&self, path: &str) -> bool {
        self.positions.is_written(&Path::from(path))
    }
}

impl Report<'_> {
    fn error(&mut self, path: impl Into<Path>, message: impl Into<String>, help: impl Into<String>) {
        self.errors += 1;
        if self.errors <= MAX_FOUND {
            let fault = self.positions.fault(&path.into(), Mark::Value, "invalid-value", message);
            self.found.push(fault.help(help.into()));
        }
    }

    fn warn(
        &mut self,
        path: impl Into<Path>,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.warnings += 1;
        if self.warnings <= MAX_FOUND {
            let fault = self.positions.fault(&path.into(), Mark::Value, code, message).warning();
            self.found.push(fault.help(help.into()));
        }
    }

    fn at_least_one(&mut self, path: &str, value: impl Into<u64>) {
        (self as &mut dyn Findings).at_least_one(path, value);
    }

    fn longer_than_zero(&mut self, path: &str, value: Span, why: &str) {
        (self as &mut dyn Findings).longer_than_zero(path, value, why);
    }

    fn share(&mut self, path: impl Into<Path>, value: f64) {
        if !(0.0..=1.0).contains(&value) {
            let path = path.into();
            let percent = match (1.0..=100.0).contains(&value) {
                true => format!("; {value} % are {}", explain::share_of(value)),
                false => String::new(),
            };
            let help = format!("it is a probability: a number from 0 to 1{percent}");
            self.error(path.clone(), format!("`{path}` is {value}"), help);
        }
    }

    fn positive(&mut self, path: impl Into<Path>, value: f64) {
        if !(value > 0.0 && value.is_finite()) {
            let path = path.into();
            self.error(path.clone(), format!("`{path}` is {value}"), "it must be greater than 0");
        }
    }

    fn distribution(&mut self, path: &str, distribution: &Distribution) {
        self.parameters(path, distribution.fault());
    }

    fn parameters(&mut self, path: &str, fault: Option<(&'static str, String)>) {
        if let Some((field, message)) = fault {
            let field = format!("{path}.{field}");
            let (what, help) = message.split_once("; ").unwrap_or((&message, "swap the two"));
            self.error(field.as_str(), format!("`{field}` {what}"), help);
        }
    }
}

fn general(scenario: &Scenario, report: &mut Report) {
    let name = &scenario.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(plain) {
        let message = match name.as_str() {
            "" => "`name` is empty".to_owned(),
            _ => format!("`{}` cannot name a folder of results", super::source::shortened(name)),
        };
        let suggestion: String =
            name.trim_start_matches('.').chars().map(|c| if plain(c) { c } else { '-' }).take(60).collect();
        let form = "at most 100 letters, digits, `-`, `_` and `.`, with no `.` at its start";
        let help = match suggestion.trim_matches('-') {
            "" => form.to_owned(),
            name => format!("{form}: \"{name}\""),
        };
        report.error("name", message, help);
    }
    match scenario.nodes {
        0 => report.error("nodes", "a scenario of no nodes", "`nodes` must be at least 1"),
        1..=MAX_NODES => {}
        more => report.error("nodes", format!("{more} nodes"), format!("at most {MAX_NODES} are possible")),
    }
    if let Speedup::Factor(factor) = scenario.speedup
        && !(factor > 0.0 && factor.is_finite())
    {
        report.error("speedup", format!("`speedup` is {factor}"), "it must be greater than 0, or \"auto\"");
    }
    report.longer_than_zero("limits.time", scenario.limits.time, "the run would end before it began");
    report.longer_than_zero("limits.wall", scenario.limits.wall, "the run would end before it began");
    if scenario.limits.inbox.0 == 0 {
        report.error(
            "limits.inbox",
            "`limits.inbox` is 0: no message would ever arrive",
            "write a size such as \"256MiB\"",
        );
    }
    match &scenario.topology.shape {
        Shape::ErdosRenyi(it) => report.share("topology.p", it.p),
        Shape::WattsStrogatz(it) => report.share("topology.p", it.p),
        _ => {}
    }
}

fn thresholds(scenario: &Scenario, report: &mut Report) {
    let known = Known::of(scenario);
    for (i, text) in scenario.thresholds.iter().enumerate() {
        let checked = text.parse::<Threshold>().and_then(|threshold| known.check(&threshold));
        if let Err(fault) = checked {
            report.error(Path::from("thresholds").index(i), fault.message, fault.help);
        }
    }
}
