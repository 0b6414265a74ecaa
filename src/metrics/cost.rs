//! What a run cost this machine: wall time, CPU time, memory.
//!
//! These figures alone are about the program rather than about the network; they differ from run to run on either
//! clock, and nothing in a run may depend on them.

use crate::machine::Machine;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

/// What a run cost. What could not be measured is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// The machine that it was measured on.
    #[serde(default)]
    pub machine: Option<Machine>,
    /// Wall time from the building of the nodes to the end.
    pub wall_s: f64,
    /// CPU time of all threads in that time, user and system.
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub cpu_s: f64,
    /// The most memory that was resident at once, the program itself included.
    pub peak_rss_bytes: Option<u64>,
    /// Inputs that nodes handled: messages, responses, timers, finished jobs.
    pub events: u64,
    /// Events for each second of CPU time.
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub events_per_cpu_s: f64,
    /// Handled messages for each second of CPU time.
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub messages_per_cpu_s: f64,
    /// By how much resident memory grew from the beginning of the run to its peak, for each node: models, datasets
    /// and messages in flight included.
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub bytes_per_node: f64,
}

/// Measures the cost of a run from when it is made.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    cpu_s: f64,
    rss_bytes: Option<u64>,
    alone: bool,
}

impl Meter {
    /// Begins to measure. The process's memory peak is forgotten where the system allows it, so that runs that
    /// follow each other in one process have each their own.
    #[expect(clippy::disallowed_methods, reason = "what a run costs is a matter of the real clock")]
    pub fn start() -> Self {
        // Linux only; elsewhere the peak is that of the whole process.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self { began: Instant::now(), cpu_s: cpu_s(), rss_bytes: status_bytes("VmRSS:"), alone: true }
    }

    /// Begins to measure a run that goes on beside others in this process. The system tells CPU time and memory of the
    /// process as a whole, and a run computes on threads that all runs share, so these cannot be told of one run, and
    /// are not measured.
    #[expect(clippy::disallowed_methods, reason = "what a run costs is a matter of the real clock")]
    pub fn beside_others() -> Self {
        Self { began: Instant::now(), cpu_s: f64::NAN, rss_bytes: None, alone: false }
    }

    /// Seconds of wall time since the start.
    pub fn wall_s(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Seconds of CPU time since the start.
    pub fn cpu_s(&self) -> f64 {
        cpu_s() - self.cpu_s
    }

    /// The cost until now of `nodes` nodes that handled so many inputs, of which so many were messages.
    pub fn cost(&self, nodes: u32, events: u64, messages: u64) -> Cost {
        let cpu_s = self.cpu_s();
        let peak_rss_bytes = self.alone.then(|| status_bytes("VmHWM:").or_else(peak_of_process)).flatten();
        let grown = peak_rss_bytes.zip(self.rss_bytes).map(|(peak, before)| peak.saturating_sub(before));
        Cost {
            machine: Some(Machine::this()),
            wall_s: self.wall_s(),
            cpu_s,
            peak_rss_bytes,
            events,
            events_per_cpu_s: events as f64 / cpu_s,
            messages_per_cpu_s: messages as f64 / cpu_s,
            bytes_per_node: grown.map_or(f64::NAN, |bytes| bytes as f64 / f64::from(nodes)),
        }
    }
}

/// CPU time of the process, and bytes written to sockets, between the beginning and the end of each round.
#[derive(Clone, Debug, Default)]
pub struct Laps {
    began: BTreeMap<u32, Reading>,
    took: BTreeMap<u32, Reading>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    cpu_s: f64,
    written: u64,
}

impl Laps {
    /// A round begins, when so many bytes have been written to sockets; the first time counts.
    pub fn begins(&mut self, round: u32, written: u64) {
        self.began.entry(round).or_insert_with(|| Reading { cpu_s: cpu_s(), written });
    }

    /// A round ends; the last time counts.
    pub fn ends(&mut self, round: u32, written: u64) {
        if let Some(began) = self.began.get(&round) {
            let took =
                Reading { cpu_s: cpu_s() - began.cpu_s, written: written.saturating_sub(began.written) };
            self.took.insert(round, took);
        }
    }

    /// CPU seconds of a round that has ended.
    pub fn cpu_s(&self, round: u32) -> Option<f64> {
        self.took.get(&round).map(|it| it.cpu_s).filter(|it| it.is_finite())
    }

    /// Bytes written to sockets in a round that has ended; nothing without sockets.
    pub fn written(&self, round: u32) -> Option<u64> {
        self.took.get(&round).map(|it| it.written).filter(|it| *it > 0)
    }
}

/// CPU time of the process so far.
fn cpu_s() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(f64::NAN, |usage| {
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        micros as f64 / 1e6
    })
}

/// Bytes of memory that the program uses now, where the system tells.
pub fn resident_bytes() -> Option<u64> {
    status_bytes("VmRSS:")
}

/// A line of `/proc/self/status` that is a size, in bytes. Preferred to `getrusage` for the peak, since that
/// also knows the peak of whatever process started this one.
fn status_bytes(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

fn peak_of_process() -> Option<u64> {
    // Linux and most others count in KiB, Apple's systems in bytes.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1_024 };
    let peak = getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss();
    u64::try_from(peak).ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_show_in_the_cost() {
        let meter = Meter::start();
        let block = std::hint::black_box(vec![1u8; 64 << 20]);
        while meter.cpu_s() == 0.0 {
            std::hint::black_box(block.iter().map(|byte| u64::from(*byte)).sum::<u64>());
        }
        let cost = meter.cost(64, 1_000, 100);
        assert!(cost.cpu_s > 0.0 && cost.wall_s > 0.0);
        assert!(cost.peak_rss_bytes.unwrap() >= 64 << 20, "{cost:?}");
        assert!((cost.events_per_cpu_s / cost.messages_per_cpu_s - 10.0).abs() < 1e-9);
        // Other tests may run and free memory at the same time: not all of the block has to be growth.
        assert!(cost.bytes_per_node > 0.0, "{cost:?}");
    }
    #[test]
    fn of_a_run_beside_others_only_its_own_is_told() {
        let cost = Meter::beside_others().cost(64, 1_000, 100);
        assert!(cost.wall_s >= 0.0 && cost.events == 1_000);
        assert!(cost.cpu_s.is_nan() && cost.events_per_cpu_s.is_nan() && cost.messages_per_cpu_s.is_nan());
        assert!(cost.bytes_per_node.is_nan() && cost.peak_rss_bytes.is_none(), "{cost:?}");
        let written = serde_json::to_value(cost).unwrap();
        assert_eq!(
            (&written["cpu_s"], &written["peak_rss_bytes"]),
            (&serde_json::Value::Null, &serde_json::Value::Null)
        );
    }
}
