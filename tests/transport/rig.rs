//! A node's server with a host that answers as it is told, and channels to it.

use p2pfl_sim::transport::socket::{
    Address, Answer, Body, Call, Caller, Host, Limits, Redial, Refusal, Reply, Security, Server, Traffic,
};
use p2pfl_sim::transport::{Channel, Endpoint, Protocol};
use p2pfl_sim::wire::proto;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Long enough for a machine that is busy with other things.
pub const SOON: Duration = Duration::from_secs(60);

/// Answers by command: `true` and `fail` as they say, `hold` not before it is told to, and `drop` never.
#[derive(Debug, Default)]
pub struct Node {
    pub calls: Mutex<Vec<Call>>,
    pub held: Mutex<Vec<Reply>>,
}

impl Host for Node {
    fn take(&self, _: &Caller, call: Call, reply: Reply) {
        let command = match &call {
            Call::Send { message, .. } => message.cmd.clone(),
            _ => String::new(),
        };
        self.calls.lock().unwrap().push(call);
        match command.as_str() {
            "true" => reply.answer(Answer::Response("true".into())),
            "fail" => reply.answer(Answer::Error("Unknown command: fail".into())),
            "hold" => self.held.lock().unwrap().push(reply),
            "drop" => {}
            _ => reply.answer(Answer::Empty),
        }
    }
}

impl Node {
    /// The commands that came, in their order.
    pub fn commands(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        let command = |call: &Call| match call {
            Call::Send { message, .. } => message.cmd.clone(),
            other => format!("{other:?}"),
        };
        calls.iter().map(command).collect()
    }
}

/// What is spoken, and over what.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub protocol: Protocol,
    pub carrier: Carrier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Tcp,
    Unix,
    Tls,
}

impl Kind {
    /// An endpoint of this kind. Whoever is to talk to it needs the same certificates, and so a clone of it.
    pub fn endpoint(self, limits: Limits, traffic: Arc<Traffic>) -> Endpoint {
        let security = match self.carrier {
            Carrier::Tls => Security::generate(true, &[]).unwrap(),
            Carrier::Tcp | Carrier::Unix => Security::Plain,
        };
        Endpoint::new(self.protocol, &security, limits, traffic)
    }

    /// An address to listen on, and the folder that it is in if it is a path.
    pub fn anywhere(self) -> (Address, Option<tempfile::TempDir>) {
        match self.carrier {
            Carrier::Tcp | Carrier::Tls => ("127.0.0.1:0".parse().unwrap(), None),
            Carrier::Unix => {
                let folder = tempfile::tempdir().unwrap();
                (Address::Unix(folder.path().join("node")), Some(folder))
            }
        }
    }
}

pub struct Rig {
    pub node: Arc<Node>,
    pub server: Server,
    pub traffic: Arc<Traffic>,
    pub at: Address,
    pub endpoint: Endpoint,
    /// The part of whoever calls the node.
    pub caller: Endpoint,
    /// Where the node's Unix socket is.
    pub folder: Option<tempfile::TempDir>,
}

impl Rig {
    /// A node that speaks gRPC, on any port of 127.0.0.1.
    pub fn new(limits: Limits) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), limits, Security::Plain)
    }

    /// A node of any kind.
    pub fn of(kind: Kind, limits: Limits) -> Self {
        let (at, folder) = kind.anywhere();
        let traffic = Arc::new(Traffic::default());
        let rig = Self::with(kind.endpoint(limits, Arc::clone(&traffic)), &at, traffic);
        Self { folder, ..rig }
    }

    pub fn at(at: Address, limits: Limits, security: Security) -> Self {
        Self::speaking(Protocol::Grpc, at, limits, security)
    }

    /// A node that speaks something else.
    pub fn speaking(protocol: Protocol, at: Address, limits: Limits, security: Security) -> Self {
        let traffic = Arc::new(Traffic::default());
        Self::with(Endpoint::new(protocol, &security, limits, Arc::clone(&traffic)), &at, traffic)
    }

    pub fn with(endpoint: Endpoint, at: &Address, traffic: Arc<Traffic>) -> Self {
        let listener = endpoint.bind(at).unwrap();
        let at = listener.address().clone();
        let node = Arc::new(Node::default());
        let server = endpoint.serve(listener, Arc::clone(&node)).unwrap();
        // Nobody calls itself.
        let caller = endpoint.of_node(|| [7; 32]);
        Self { node, server, traffic, at, endpoint, caller, folder: None }
    }

    pub fn channel(&self) -> Channel {
        self.caller.channel(self.at.clone(), Redial::Never)
    }

    pub fn refused(&self, why: Refusal) -> u64 {
        self.traffic.snapshot().refused.get(&why).copied().unwrap_or(0)
    }

    /// Waits until something was refused for this reason.
    pub async fn until_refused(&self, why: Refusal) {
        until(|| self.refused(why) > 0).await;
    }

    /// Whether the node still takes calls.
    pub async fn goes_on(&self) {
        let mut answer = None;
        // The limits of a test may give less time for a greeting than it takes on a busy machine.
        let asked = tokio::time::timeout(SOON, async {
            while answer.is_none() {
                answer = self.channel().send(message("true", 10), SOON).await.ok();
            }
        });
        asked.await.expect("it answers");
        assert_eq!(answer, Some(Answer::Response("true".into())));
    }
}

/// Waits until something is so.
pub async fn until(mut so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(SOON, async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    waited.await.expect("it comes to be so");
}

/// A message with a model of so many bytes.
pub fn message(cmd: &str, model: usize) -> Body {
    let weights = proto::Weights { weights: vec![7; model].into(), ..Default::default() };
    Body::Message(Arc::new(proto::RootMessage {
        source: "127.0.0.1:1".into(),
        round: Some(1),
        cmd: cmd.into(),
        payload_type: Some(proto::root_message::PayloadType::Weights(weights)),
    }))
}

/// The gRPC status of a call that was refused.
pub fn code<T: std::fmt::Debug>(answer: Result<T, p2pfl_sim::transport::socket::CallError>) -> tonic::Code {
    match answer {
        Err(p2pfl_sim::transport::socket::CallError::Refused(status)) => status.code(),
        other => panic!("not refused but {other:?}"),
    }
}
