//! The two ends of a transport, in this process: one that takes messages and answers them, and ways to it.

use super::CostsError;
use super::inboxes::Inboxes;
use crate::scenario::{Carrier, Transport};
use crate::transport::socket::{
    Address, Answer, Body, Call, Caller, Folder, Host, Limits, Redial, Reply, Security, Server, Tap, Traffic,
};
use crate::transport::{Channel, Endpoint, Protocol};
use crate::wire::proto::{self, root_message::PayloadType};
use bytes::Bytes;
use prost::Message as _;
use std::sync::Arc;
use std::time::Duration;

/// The longest that anything may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A message that is sent again and again, as long as one that carries a model in a scenario.
#[derive(Clone, Debug)]
pub struct Sample {
    message: Arc<proto::RootMessage>,
    /// Bytes of its encoding.
    pub bytes: u64,
}

impl Sample {
    /// With a body of so many bytes.
    pub fn of(body: usize) -> Self {
        let weights =
            proto::Weights { weights: Bytes::from(vec![7; body]), contributors: Vec::new(), num_samples: 1 };
        let message = proto::RootMessage {
            source: "127.0.0.1:40000".into(),
            round: Some(1),
            cmd: "partial_model".into(),
            payload_type: Some(PayloadType::Weights(weights)),
        };
        Self { bytes: message.encoded_len() as u64, message: Arc::new(message) }
    }
}

/// How a transport's sockets are made. Clones are the same way.
#[derive(Clone, Debug)]
pub struct Means {
    protocol: Protocol,
    security: Security,
    folder: Option<Arc<Folder>>,
}

/// A transport's two ends, with ways from one to the other.
pub enum Ends {
    Inboxes(Arc<Inboxes>),
    Sockets(Sockets),
}

/// A way from one end to the other, for one message at a time.
pub enum Way {
    Inbox(Arc<Inboxes>, u32),
    Channel(Channel),
}

/// What takes messages over sockets, and channels to it.
pub struct Sockets {
    pub channels: Vec<Channel>,
    _server: Server,
}

/// Says yes to everything.
pub struct Yes;

impl Host for Yes {
    fn take(&self, _: &Caller, call: Call, reply: Reply) {
        std::hint::black_box(&call);
        reply.answer(Answer::Empty);
    }
}

impl Means {
    /// Those of a transport; nothing if it has no sockets.
    pub fn of(transport: Transport) -> Result<Option<Self>, CostsError> {
        let Some((protocol, carrier)) = transport.on_sockets() else { return Ok(None) };
        let security = match carrier {
            Carrier::Tcp | Carrier::Unix => Security::Plain,
            Carrier::Tls { mutual } => Security::generate(mutual, &[])?,
        };
        let folder = match carrier {
            Carrier::Unix => Some(Arc::new(Folder::make()?)),
            Carrier::Tcp | Carrier::Tls { .. } => None,
        };
        Ok(Some(Self { protocol, security, folder }))
    }

    /// One that speaks it; what goes through its sockets is counted.
    pub fn endpoint(&self, traffic: &Arc<Traffic>) -> Endpoint {
        Endpoint::new(self.protocol, &self.security, Limits::default(), Arc::clone(traffic))
    }

    /// Where to listen; `number` tells those in the same folder apart.
    pub fn address(&self, number: u32) -> Address {
        match &self.folder {
            Some(folder) => folder.socket(number),
            None => Address::Tcp(([127, 0, 0, 1], 0).into()),
        }
    }

    /// One that takes messages, and where it is called.
    ///
    /// # Errors
    /// If the system gives no socket.
    pub fn serve(&self, number: u32, traffic: &Arc<Traffic>) -> Result<(Server, Address), CostsError> {
        let at = self.address(number);
        if let Address::Unix(path) = &at {
            // Of a server that is gone.
            let _ = std::fs::remove_file(path);
        }
        let endpoint = self.endpoint(traffic);
        let listener = endpoint.bind(&at)?;
        let to = listener.address().clone();
        Ok((endpoint.serve(listener, Arc::new(Yes))?, to))
    }

    /// Whether a connection takes a round trip before anything is said on it.
    pub fn connects(&self) -> bool {
        self.folder.is_none()
    }
}

impl Ends {
    /// The way of one that sends, where so many connections are shared out among all who do.
    pub fn way(&self, caller: u32, connections: u32) -> Way {
        match self {
            Self::Inboxes(inboxes) => Way::Inbox(Arc::clone(inboxes), caller),
            Self::Sockets(sockets) => Way::Channel(sockets.channels[(caller % connections) as usize].clone()),
        }
    }
}

impl Way {
    /// Sends a message and waits for its answer.
    ///
    /// # Errors
    /// If there is none.
    pub async fn send(&self, sample: &Sample) -> Result<(), CostsError> {
        match self {
            Self::Inbox(inboxes, caller) => inboxes.send(*caller, sample.bytes).await,
            Self::Channel(channel) => send(channel, sample).await?,
        }
        Ok(())
    }
}

impl Sockets {
    /// A server and so many channels to it, none of them open yet.
    pub fn new(means: &Means, channels: u32) -> Result<Self, CostsError> {
        let traffic = Arc::new(Traffic::default());
        Self::heard(means, channels, [&traffic, &traffic], None)
    }

    /// The same, where what the channels and the server write is counted apart, and somebody listens.
    pub fn heard(
        means: &Means,
        channels: u32,
        [sent, answered]: [&Arc<Traffic>; 2],
        tap: Option<Arc<Tap>>,
    ) -> Result<Self, CostsError> {
        let (server, to) = means.serve(0, answered)?;
        let mut endpoint = means.endpoint(sent);
        if let Some(tap) = tap {
            endpoint = endpoint.tapped(tap);
        }
        // Each is of a node of its own: between two nodes that have an identity there is only one connection.
        let own = |number: u32| {
            let mut secret = [1; 32];
            secret[..4].copy_from_slice(&number.to_be_bytes());
            endpoint.of_node(|| secret).channel(to.clone(), Redial::Never)
        };
        let channels = (0..channels).map(own).collect();
        Ok(Self { channels, _server: server })
    }

    /// Opens all channels, one after another.
    pub async fn open(&self) -> Result<(), CostsError> {
        for channel in &self.channels {
            channel.open(PATIENCE).await?;
        }
        Ok(())
    }
}

/// Sends a message and waits for its answer.
pub async fn send(channel: &Channel, sample: &Sample) -> Result<(), CostsError> {
    channel.send(Body::Message(Arc::clone(&sample.message)), PATIENCE).await?;
    Ok(())
}
