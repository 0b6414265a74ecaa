//! What a run over sockets needs before its first socket is made: file descriptors, and certificates.

use super::descriptors::Demand;
use crate::engine::{Listen, SocketPlan};
use crate::scenario::{Carrier, Diagnostics, Loaded, Scenario};
use crate::topology::Graph;
use crate::transport::socket::Security;
use crate::transport::socket::tls::TlsError;

/// What a scenario's transport needs; nothing for one without sockets.
pub(super) fn sockets(
    loaded: &Loaded,
    scenario: &Scenario,
    graph: &Graph,
) -> Result<Option<SocketPlan>, Diagnostics> {
    let grpc = &scenario.grpc;
    let Some((protocol, carrier)) = scenario.transport.on_sockets() else { return Ok(None) };
    let listen = match carrier {
        Carrier::Unix => Listen::Unix,
        Carrier::Tcp | Carrier::Tls { .. } => Listen::Tcp(grpc.listen.clone()),
    };
    let demand = Demand::of(
        graph,
        &scenario.topology.shape,
        &scenario.workflow,
        scenario.settings.gossip.models_per_round,
        grpc.join.len(),
        grpc.opening,
        if protocol.calls_by_turns() { grpc.parallel } else { 1 },
    );
    let allowed =
        demand.raise().map_err(|error| loaded.diagnose("nodes", error.to_string(), Some(error.help())))?;
    let security = match carrier {
        Carrier::Tcp | Carrier::Unix => Security::Plain,
        Carrier::Tls { mutual } => security(loaded, scenario, mutual)
            .map_err(|error| loaded.diagnose(error.field(), error.to_string(), Some(error.help())))?,
    };
    // The scenario was checked.
    let join = grpc.join.iter().filter_map(|it| it.parse().ok()).collect();
    Ok(Some(SocketPlan {
        protocol,
        security,
        listen,
        max_message: grpc.max_message.0,
        opening: grpc.opening,
        parallel: grpc.parallel,
        join,
        join_optional: grpc.join_optional,
        descriptors: demand.descriptors(),
        descriptors_allowed: allowed,
    }))
}

fn security(loaded: &Loaded, scenario: &Scenario, mutual: bool) -> Result<Security, TlsError> {
    let (ssl, listen) = (&scenario.settings.ssl, &scenario.grpc.listen);
    if ssl.is_empty() {
        Security::generate(mutual, listen)
    } else {
        Security::load(ssl, &loaded.base_dir, mutual, listen)
    }
}
