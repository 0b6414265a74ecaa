//! A channel and a server of this program.

use anyhow::{Result, ensure};
use p2pfl_sim::transport::socket::{
    Address, Answer, Body, Call, Caller, Host, Limits, Redial, Reply, Security, Server, Traffic,
};
use p2pfl_sim::transport::{Channel, Endpoint, Protocol};
use p2pfl_sim::wire::proto;
use std::sync::Arc;
use std::time::Duration;

pub struct Pair {
    channel: Channel,
    _server: Server,
}

pub struct Yes;

impl Host for Yes {
    fn take(&self, _: &Caller, call: Call, reply: Reply) {
        std::hint::black_box(&call);
        reply.answer(Answer::Empty);
    }
}

/// What all pairs have in common, as all nodes of a run have.
pub fn endpoint(protocol: Protocol, security: &Security) -> Endpoint {
    Endpoint::new(protocol, security, Limits::default(), Arc::new(Traffic::default()))
}

impl Pair {
    pub async fn new(endpoint: &Endpoint, at: &Address) -> Result<Self> {
        let endpoint = endpoint.of_node(|| [8; 32]);
        let listener = endpoint.bind(at)?;
        let to = listener.address().clone();
        let server = endpoint.serve(listener, Arc::new(Yes))?;
        // Nobody calls itself.
        let channel = endpoint.of_node(|| [7; 32]).channel(to, Redial::Never);
        channel.open(Duration::from_secs(10)).await?;
        Ok(Self { channel, _server: server })
    }

    /// So many calls, so many of them at a time.
    pub async fn calls(
        &self,
        message: &Arc<proto::RootMessage>,
        in_flight: usize,
        calls: usize,
    ) -> Result<()> {
        let tasks: Vec<_> = (0..in_flight)
            .map(|_| {
                let (channel, message) = (self.channel.clone(), Arc::clone(message));
                tokio::spawn(async move {
                    for _ in 0..calls / in_flight {
                        let body = Body::Message(Arc::clone(&message));
                        let answer = channel.send(body, Duration::from_secs(10)).await?;
                        ensure!(answer == Answer::Empty);
                    }
                    Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    }
}
