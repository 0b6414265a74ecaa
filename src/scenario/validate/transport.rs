//! Rules of transports: what sockets cannot do, and what only they need.

use super::Report;
use crate::format::settings::Ssl;
use crate::scenario::path::Path;
use crate::scenario::{Carrier, Clock, Scenario, Speedup, Transport};
use crate::transport::socket::Address;

pub(super) fn check(scenario: &Scenario, report: &mut Report) {
    let transport = scenario.transport;
    if transport.is_socket() {
        sockets(scenario, report);
    } else {
        if !scenario.grpc.join.is_empty() {
            report.error(
                "grpc.join",
                format!("nobody outside can be reached with the transport {}", transport.name()),
                "write \"transport\": \"grpc\", or another that has sockets",
            );
        }
        idle(
            "grpc",
            "has no effect without sockets",
            "leave it out, or write \"transport\": \"grpc\"",
            report,
        );
    }
    match transport.carrier() {
        Some(Carrier::Tls { mutual }) => certificates(&scenario.settings.ssl, mutual, report),
        None | Some(Carrier::Tcp | Carrier::Unix) => idle(
            "settings.ssl",
            "has no effect without TLS",
            "leave it out, or write \"transport\": \"grpc+mtls\"",
            report,
        ),
    }
}

fn sockets(scenario: &Scenario, report: &mut Report) {
    let name = scenario.transport.name();
    if scenario.clock == Clock::Virtual {
        report.error(
            "transport",
            format!(
                "`transport` is {name}, but the clock is virtual: sockets take the time that they take, and nobody \
                 can skip it"
            ),
            "use \"memory\", whose bytes are counted all the same, or \"clock\": \"real\"",
        );
    }
    let grpc = &scenario.grpc;
    if grpc.listen.is_empty() {
        let help = "write an IP address such as \"127.0.0.1\", or leave it out";
        report.error("grpc.listen", "`grpc.listen` is empty: nodes have to listen somewhere", help);
    }
    for (i, address) in grpc.listen.iter().enumerate().filter(|(_, it)| !it.is_loopback()) {
        let path = Path::from("grpc.listen").index(i);
        if address.is_unspecified() || address.is_multicast() {
            report.error(
                path.clone(),
                format!("`{path}` is {address}, which peers cannot call"),
                "write the address of a network interface, such as \"127.0.0.1\"",
            );
            continue;
        }
        report.warn(
            path,
            "open-to-others",
            format!("nodes listen on {address}, where others than this machine may reach them"),
            "only do this in a network that you trust",
        );
    }
    report.at_least_one("grpc.opening", grpc.opening);
    report.at_least_one("grpc.parallel", grpc.parallel);
    if scenario.transport.on_sockets().is_some_and(|(protocol, _)| !protocol.calls_by_turns()) {
        let help = "leave it out, or write \"transport\": \"http\"";
        idle("grpc.parallel", "has no effect where a connection carries many calls at a time", help, report);
    }
    report.at_least_one("grpc.max_message", grpc.max_message.0);
    if grpc.join.is_empty() {
        idle("grpc.join_optional", "has no effect without `grpc.join`", "leave it out", report);
    } else if !scenario.workflow.connects() {
        let what = "has no effect in a workflow whose nodes make no connections";
        idle("grpc.join", what, "leave it out", report);
    }
    for (i, address) in grpc.join.iter().enumerate() {
        if let Some((what, help)) = unreachable(address, scenario.transport) {
            let path = Path::from("grpc.join").index(i);
            report.error(path.clone(), format!("`{path}`: {what}"), help);
        }
    }
    if let (false, Speedup::Factor(factor)) = (grpc.join.is_empty(), scenario.speedup)
        && factor != 1.0
    {
        report.error(
            "speedup",
            format!("`speedup` is {factor}, but peers outside live in real time"),
            "leave it out, or write 1",
        );
    }
}

/// Why nobody can be called at an address outside, and what to do.
fn unreachable(text: &str, transport: Transport) -> Option<(String, &'static str)> {
    let port = "write one such as \"127.0.0.1:4000\", with the port that the peer listens on";
    match text.parse::<Address>() {
        Err(error) => Some((error.to_string(), "write it as the peer has it, such as \"127.0.0.1:4000\"")),
        #[cfg(feature = "libp2p")]
        Ok(Address::Libp2p(place)) => match (transport, place.peer) {
            (Transport::Libp2p, Some(_)) => None,
            (Transport::Libp2p, None) => Some((
                format!("`{text}` does not say which peer is there"),
                "write what the peer prints, which ends with /p2p/ and its identity",
            )),
            _ => Some((
                format!("`{text}` is the address of a libp2p host"),
                "write the address alone, such as \"127.0.0.1:4000\", or \"transport\": \"libp2p\"",
            )),
        },
        #[cfg(feature = "libp2p")]
        Ok(_) if transport == Transport::Libp2p => Some((
            format!("`{text}` is no address of a libp2p host"),
            "write what the peer prints, such as \"/ip4/127.0.0.1/tcp/4000/p2p/12D3Koo…\"",
        )),
        Ok(Address::Tcp(at)) if at.port() == 0 => Some((format!("`{text}` has no port"), port)),
        Ok(Address::Host(_, 0)) => Some((format!("`{text}` has no port"), port)),
        Ok(Address::Unix(_)) if matches!(transport.carrier(), Some(Carrier::Tls { .. })) => {
            let message = format!("`{text}` is a Unix socket, over which there is no TLS");
            Some((message, "write its address over TCP, or \"transport\": \"grpc+uds\""))
        }
        Ok(_) => None,
    }
}

fn certificates(ssl: &Ssl, mutual: bool, report: &mut Report) {
    let mut needed =
        vec![("ca_crt", &ssl.ca_crt), ("server_crt", &ssl.server_crt), ("server_key", &ssl.server_key)];
    if mutual {
        needed.extend([("client_crt", &ssl.client_crt), ("client_key", &ssl.client_key)]);
    }
    if ssl.is_empty() {
        return;
    }
    let missing: Vec<&str> =
        needed.iter().filter(|(_, path)| path.is_none()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        report.error(
            "settings.ssl",
            format!("`settings.ssl` lacks {}", missing.join(", ")),
            "name them as well, or leave `settings.ssl` out: a certificate authority of the run then makes all",
        );
    }
}

fn idle(path: &'static str, what: &str, help: &'static str, report: &mut Report) {
    if report.positions.is_written(&Path::from(path)) {
        report.warn(path, "setting-without-effect", format!("`{path}` {what}"), help);
    }
}
