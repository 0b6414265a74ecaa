//! Two ends that a bare loop runs between, whichever it is.

use crate::bare;
use anyhow::Result;
use p2pfl_sim::transport::Protocol;
use p2pfl_sim::transport::socket::{Address, Security};
use p2pfl_sim::wire::proto;
use std::sync::Arc;

/// A bare loop, by the protocol that it is compared with.
pub enum Bare {
    Unary(bare::unary::Pair),
    Stream(bare::stream::Pair),
    Http(Arc<bare::http::Pair>),
    WebSocket(bare::websocket::Pair),
    #[cfg(feature = "libp2p")]
    Libp2p(bare::libp2p::Pair),
}

impl Bare {
    pub async fn new(protocol: Protocol, at: &Address, security: &Security) -> Result<Self> {
        Ok(match protocol {
            Protocol::Grpc => Self::Unary(bare::unary::Pair::new(at, security).await?),
            Protocol::GrpcStream => Self::Stream(bare::stream::Pair::new(at, security).await?),
            Protocol::Http => Self::Http(Arc::new(bare::http::Pair::new(false, at, security).await?)),
            Protocol::Http2 => Self::Http(Arc::new(bare::http::Pair::new(true, at, security).await?)),
            Protocol::WebSocket => Self::WebSocket(bare::websocket::Pair::new(at, security).await?),
            #[cfg(feature = "libp2p")]
            Protocol::Libp2p => Self::Libp2p(bare::libp2p::Pair::new().await?),
        })
    }

    pub async fn calls(
        &self,
        message: &Arc<proto::RootMessage>,
        in_flight: usize,
        calls: usize,
    ) -> Result<()> {
        match self {
            Self::Unary(it) => it.calls(message, in_flight, calls).await,
            Self::Stream(it) => it.calls(message, in_flight, calls).await,
            Self::Http(it) => it.calls(message, in_flight, calls).await,
            Self::WebSocket(it) => it.calls(message, in_flight, calls).await,
            #[cfg(feature = "libp2p")]
            Self::Libp2p(it) => it.calls(message, in_flight, calls).await,
        }
    }
}

/// Whether there is such a transport.
pub fn goes(protocol: Protocol, way: &str) -> bool {
    match protocol {
        Protocol::Grpc | Protocol::GrpcStream => true,
        Protocol::WebSocket | Protocol::Http | Protocol::Http2 => way != "unix",
        #[cfg(feature = "libp2p")]
        Protocol::Libp2p => way == "tcp",
    }
}
