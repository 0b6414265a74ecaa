//! Rules of the `network` block that need no file. What is wrong with a matrix of regions shows when it is read.

use super::Report;
use crate::format::units::Rate;
use crate::network::spec::{Latency, Network, Regions};
use crate::network::{MAX_MTU, MIN_MTU};
use crate::scenario::Clock;
use crate::scenario::path::Path;

pub(super) fn check(network: &Network, clock: Clock, report: &mut Report) {
    report.share("network.packet_loss", network.packet_loss);
    report.share("network.duplication", network.duplication);
    if network.packet_loss == 1.0 {
        match network.lossy {
            false => report.error(
                "network.packet_loss",
                "every packet is lost and sent again for ever",
                "write a probability below 1, or `lossy`: true to lose messages",
            ),
            true => report.warn(
                "network.packet_loss",
                "nothing-arrives",
                "every message is lost",
                "write a probability below 1",
            ),
        }
    }
    let why = "a message would arrive the moment it is sent, and nodes could not be run side by side";
    report.longer_than_zero("network.latency_floor", network.latency_floor, why);
    match network.latency.distribution() {
        Ok(distribution) => report.distribution("network.latency", &distribution),
        Err(it) => regions(it, report),
    }
    if let Latency::Constant(latency) = &network.latency
        && latency.value < network.latency_floor
    {
        report.warn(
            "network.latency",
            "latency-below-floor",
            format!("the latency of {} is raised to the floor of {}", latency.value, network.latency_floor),
            "lower `network.latency_floor`",
        );
    }
    if let Some(jitter) = &network.jitter {
        report.distribution("network.jitter", jitter);
    }
    for (path, rate) in [("network.uplink", network.uplink), ("network.downlink", network.downlink)] {
        if rate == Some(Rate(0)) {
            let message = format!("`{path}` is 0: no message would ever get through");
            report.error(path, message, "write a rate such as \"100Mbps\", or leave it out");
        }
    }
    profile(network, clock, report);
    if !(MIN_MTU..=MAX_MTU).contains(&network.mtu.0) {
        report.error(
            "network.mtu",
            format!("`network.mtu` is {}", network.mtu),
            format!("IPv4 has packets of {MIN_MTU}B to {MAX_MTU}B; Ethernet's are 1500B"),
        );
    }
}

/// What is wrong with the file shows when it is read.
fn profile(network: &Network, clock: Clock, report: &mut Report) {
    if network.profile.is_none() {
        return;
    }
    if clock == Clock::Real {
        report.error(
            "network.profile",
            "`network.profile` counts on the virtual clock alone: on the real one a message takes the CPU time that it takes",
            "leave it out and choose the transport itself, or write \"clock\": \"virtual\"",
        );
    }
    if report.positions.is_written(&Path::from("network.connections.setup")) {
        report.warn(
            "network.connections.setup",
            "setting-without-effect",
            "`network.connections.setup` has no effect: the profile knows what it takes to open a connection",
            "leave it out",
        );
    }
}

fn regions(regions: &Regions, report: &mut Report) {
    match (&regions.preset, &regions.file) {
        (Some(_), Some(_)) => report.error(
            "network.latency.file",
            "both a preset and a file are given, and either is the whole matrix",
            "leave one of them out",
        ),
        (None, None) => report.error(
            "network.latency",
            "there is no matrix: neither `preset` nor `file` is given",
            "write \"preset\": \"internet-2019\", or \"file\": \"latencies.csv\"",
        ),
        (Some(_), None) if regions.round_trip => report.error(
            "network.latency.round_trip",
            "a preset knows by itself whether it holds round trips",
            "leave it out: it is for a `file`",
        ),
        _ => {}
    }
    if !(0.0..=10.0).contains(&regions.sigma) {
        report.error(
            "network.latency.sigma",
            format!("`network.latency.sigma` is {}", regions.sigma),
            "it must be between 0 and 10",
        );
    }
    let wrong = |share: f64| !(share >= 0.0 && share.is_finite());
    if let Some((name, share)) = regions.shares.iter().find(|(_, share)| wrong(**share)) {
        let path = format!("network.latency.shares.{name}");
        report.error(path.as_str(), format!("the share of {name} is {share}"), "it must be 0 or greater");
    } else if !regions.shares.is_empty() && regions.shares.values().sum::<f64>() <= 0.0 {
        report.error(
            "network.latency.shares",
            "all shares are 0: no node is in any region",
            "give one of them a share greater than 0",
        );
    }
}
