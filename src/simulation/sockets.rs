//! What a run over sockets needs before its first socket is made: file descriptors, and certificates.

use super::descriptors::Demand;
use crate::engine::{Listen, SocketPlan};
use crate::scenario::{Diagnostics, Loaded, Scenario, Transport};
use crate::topology::Graph;
use crate::transport::grpc::Security;
use crate::transport::grpc::tls::TlsError;

/// What a scenario's transport needs; nothing for one without sockets.
pub(super) fn sockets(
    loaded: &Loaded,
    scenario: &Scenario,
    graph: &Graph,
) -> Result<Option<SocketPlan>, Diagnostics> {
    let grpc = &scenario.grpc;
    let (secure, listen) = match scenario.transport {
        Transport::Memory => return Ok(None),
        Transport::Grpc => (None, Listen::Tcp(grpc.listen.clone())),
        Transport::GrpcUds => (None, Listen::Unix),
        Transport::GrpcTls => (Some(Mutual(false)), Listen::Tcp(grpc.listen.clone())),
        Transport::GrpcMtls => (Some(Mutual(true)), Listen::Tcp(grpc.listen.clone())),
    };
    let demand = Demand::of(
        graph,
        &scenario.topology.shape,
        &scenario.workflow,
        scenario.settings.gossip.models_per_round,
        grpc.join.len(),
        grpc.opening,
    );
    let allowed =
        demand.raise().map_err(|error| loaded.diagnose("nodes", error.to_string(), Some(error.help())))?;
    let security = match secure {
        None => Security::Plain,
        Some(mutual) => security(loaded, scenario, mutual)
            .map_err(|error| loaded.diagnose(error.field(), error.to_string(), Some(error.help())))?,
    };
    // The scenario was checked.
    let join = grpc.join.iter().filter_map(|it| it.parse().ok()).collect();
    Ok(Some(SocketPlan {
        security,
        listen,
        max_message: grpc.max_message.0,
        opening: grpc.opening,
        join,
        descriptors: demand.descriptors(),
        descriptors_allowed: allowed,
    }))
}

/// Whether those who call have to show a certificate as well.
struct Mutual(bool);

fn security(loaded: &Loaded, scenario: &Scenario, Mutual(mutual): Mutual) -> Result<Security, TlsError> {
    let (ssl, listen) = (&scenario.settings.ssl, &scenario.grpc.listen);
    if ssl.is_empty() {
        Security::generate(mutual, listen)
    } else {
        Security::load(ssl, &loaded.base_dir, mutual, listen)
    }
}
