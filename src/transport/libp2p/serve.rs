//! libp2p for whoever is called: takes the streams that others open, and has gRPC spoken on each.

use super::host::Host as Swarming;
use crate::transport::grpc;
use crate::transport::socket::serve::{Serving, Shared};
use crate::transport::socket::{Caller, Host, Refusal};
use ::libp2p::Stream;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::compat::FuturesAsyncReadCompatExt as _;

/// Serves the streams that come in at `socket`, for ever. They end with this future, or all together when the node goes
/// down.
pub async fn serve<H: Host>(socket: TcpListener, swarming: Swarming, shared: Arc<Shared<H>>) {
    let (sender, mut incoming) = mpsc::unbounded_channel();
    swarming.listen(socket, Arc::clone(&shared.gate), sender);
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            // A node that came up again meanwhile has none of its old connections either.
            () = shared.gate.closed() => {
                swarming.hang_up();
                streams.abort_all();
            }
            Some(_) = streams.join_next(), if !streams.is_empty() => {}
            stream = incoming.recv() => match stream {
                None => return,
                Some(_) if !shared.gate.is_up() => shared.traffic.refused(Refusal::Down),
                Some(_) if streams.len() >= shared.limits.connections => {
                    shared.traffic.refused(Refusal::Connections);
                }
                Some((peer, stream)) => {
                    streams.spawn(one(Caller::at(peer.into()), stream, Arc::clone(&shared)));
                }
            }
        }
    }
}

async fn one<H: Host>(caller: Caller, stream: Stream, shared: Arc<Shared<H>>) {
    grpc::serve(stream.compat(), &Serving::new(shared, caller), Instant::now(), false).await;
}
