//! Nodes over sockets: every node of the run has a server of its own and its own channels to its neighbours, as deployed
//! peers do.
//!
//! Here messages become protobuf and back, and what is measured of them is kept beside the sockets. Connections, HTTP/2
//! and TLS are the transport's (`transport::socket`), what a message means the node's.

mod arrivals;
mod guests;
mod lines;
mod sends;
mod tickets;

pub(super) use lines::Outbound;

use super::shared::Shared;
use crate::engine::{Failure, Listen, Plan, SocketPlan};
use crate::metrics::{Histogram, Phase, Recorder, result};
use crate::node::io::Uninvited;
use crate::random::{Purpose, Stream};
use crate::transport::Endpoint;
use crate::transport::socket::{
    Address, CallError, Folder, Limits, Listener, Own, Refusal, Server, Traffic, Unfinished, claim,
};
use crate::wire::Expected;
use crate::wire::{AddressBook, Command, Gossip, Names, PeerId};
use arrivals::Door;
use bytes::Bytes;
use guests::Guests;
use lines::Lines;
use rand::Rng as _;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;
use tickets::Tickets;
use tokio::sync::Semaphore;

/// Models of peers outside are read so many at a time, beside the nodes: what they are made of may take seconds to undo.
const READING: usize = 2;

/// Bytes of a candidate in a vote, at most: a name and a weight.
const NAMED: u64 = 330;

/// What the nodes of a run have in common on sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    /// The addresses of all nodes, and of peers outside as they become known.
    names: Arc<Names>,
    tickets: Tickets,
    /// Those outside, if others may take part.
    guests: Option<Guests>,
    pub traffic: Arc<Traffic>,
    /// What models have to look like.
    expected: Expected,
    /// As many as the largest probe carries.
    zeros: Bytes,
    /// Nodes of this process: peers with higher numbers are outside.
    nodes: u32,
    /// Bytes that had been written when learning started, and how long connecting had taken.
    at_start: OnceLock<(u64, Histogram)>,
    /// Models of peers outside that wait to be read, and how many are read at a time.
    waiting: Arc<Unfinished>,
    reading: Arc<Semaphore>,
    /// Messages that could not be read.
    unread: AtomicU64,
    /// The peers outside that every node connects to, in the order of their numbers: what became of calls to them.
    joined: Mutex<Vec<Joined>>,
    /// Messages that peers outside have refused, and what the first of them was told.
    refused_outside: Mutex<(u64, String)>,
    /// Calls to peers outside that are under way.
    calls_outside: AtomicUsize,
    /// Holds the sockets' paths, and removes them at the end.
    _folder: Option<Folder>,
}

/// What is known of a peer outside that nodes connect to.
#[derive(Clone, Debug)]
enum Joined {
    /// It has not been heard of; why, if that is known.
    Silent(Option<String>),
    /// It has answered, or called itself.
    There,
}

/// A node's port, taken before the node is there.
pub(super) struct Berth {
    endpoint: Endpoint,
    /// For calling those who have come of their own accord.
    strangers: Endpoint,
    listener: Listener,
}

/// A node's part in the sockets.
pub(super) struct Socket {
    server: Server,
    pub lines: Lines,
}

impl Sockets {
    /// Binds a socket for every node, and enters their addresses into the book. Nothing if messages need no sockets.
    ///
    /// # Errors
    /// If an address cannot be listened on.
    pub fn open(plan: &Plan) -> Result<Option<(Self, Vec<Berth>)>, Failure> {
        let (Some(spec), AddressBook::Named(names)) = (&plan.sockets, &plan.rules.book) else {
            return Ok(None);
        };
        let folder = match &spec.listen {
            Listen::Unix => Some(Folder::make()?),
            Listen::At(Address::Unix(path)) => {
                claim(path)?;
                None
            }
            Listen::Tcp(_) | Listen::At(_) => None,
        };
        let expected = expected(plan);
        let (max_message, held) = room(plan, spec, &expected);
        let limits = Limits {
            held: Unfinished::up_to(held),
            parallel: spec.parallel as usize,
            own: spec.is_closed().then(Own::default),
            ..Limits::new(max_message, spec.opening as usize)
        };
        let traffic: Arc<Traffic> = Arc::default();
        let all = Endpoint::new(spec.protocol, &spec.security, limits.clone(), Arc::clone(&traffic));
        let to_strangers = limits.clone().for_strangers();
        let mut berths = Vec::new();
        for node in 0..plan.nodes() {
            let address = match (&spec.listen, &folder) {
                (Listen::At(address), _) => address.clone(),
                (_, Some(folder)) => folder.socket(node),
                (listen, None) => {
                    Address::Tcp((listen.ip(node).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 0).into())
                }
            };
            let endpoint = all.of_node(|| secret(plan.rules.seed, node));
            let listener = endpoint.bind(&address)?;
            // Addresses become numbers in the order in which they are entered.
            names.number(&listener.address().to_string());
            let strangers = endpoint.clone().within(to_strangers.clone());
            berths.push(Berth { endpoint, strangers, listener });
        }
        for peer in &spec.join {
            names.number(&peer.to_string());
        }
        let beats =
            plan.rules.workflow.sends(Command::Beat).then_some(plan.rules.settings.heartbeat.timeout.0);
        let guests = berths
            .first()
            .filter(|_| !spec.is_closed())
            .map(|berth| Guests::new(plan.nodes(), berth.listener.address(), &spec.join, beats));
        let sockets = Self {
            guests,
            names: Arc::clone(names),
            tickets: Tickets::new(plan.nodes()),
            traffic,
            zeros: zeros(plan),
            expected: expected.up_to(spec.max_message),
            nodes: plan.nodes(),
            waiting: Unfinished::up_to(Limits::holds(max_message)),
            reading: Arc::new(Semaphore::new(READING)),
            unread: AtomicU64::new(0),
            at_start: OnceLock::new(),
            joined: Mutex::new(vec![Joined::Silent(None); spec.join.len()]),
            refused_outside: Mutex::default(),
            calls_outside: AtomicUsize::new(0),
            _folder: folder,
        };
        Ok(Some((sockets, berths)))
    }

    /// The run began so many nanoseconds ago: peers outside go by Unix time.
    #[expect(clippy::disallowed_methods, reason = "beats say what time it is")]
    pub fn begin(&self, ago: u64) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.names.begin(now.as_secs_f64() - ago as f64 / 1e9);
    }

    /// Where the nodes listen.
    pub fn addresses(&self) -> Vec<Arc<str>> {
        (0..self.nodes).map(|node| self.names.name(node)).collect()
    }

    /// Whether no peer is known that is not a node of this run.
    pub fn knows_nobody_outside(&self) -> bool {
        self.names.len() <= self.nodes as usize
    }

    /// Learning starts: what goes over the sockets from now on is not set-up.
    pub fn learning_starts(&self) {
        let _ = self.at_start.set((self.traffic.snapshot().written, self.traffic.set_up()));
    }

    /// How long connecting has taken since learning started: before that nothing waits for it.
    pub fn connecting(&self) -> Histogram {
        let before = self.at_start.get().map(|it| &it.1);
        before.map_or_else(Histogram::default, |before| self.traffic.set_up().since(before))
    }

    /// What was measured at the sockets; what they carried beside payloads goes into the accounts.
    pub fn measured(&self, recorder: &mut Recorder) -> result::Sockets {
        let counts = self.traffic.snapshot();
        let before = self.at_start.get().map_or(counts.written, |it| it.0);
        recorder.share_out(Phase::Setup, before);
        recorder.share_out(Phase::Learning, counts.written - before);
        let mut refused: BTreeMap<String, u64> =
            counts.refused.iter().map(|(why, count)| (why.name().to_owned(), *count)).collect();
        let unread = self.unread.load(Ordering::Relaxed);
        if unread > 0 {
            refused.insert("unread".into(), unread);
        }
        let (peers_outside, messages_outside) = self.guests.as_ref().map(Guests::heard).unwrap_or_default();
        result::Sockets {
            peers_outside,
            messages_outside,
            connections: counts.opened,
            failed: counts.failed,
            set_up: self.traffic.set_up().summary(1e9),
            bytes_written: counts.written,
            bytes_read: counts.read,
            refused,
        }
    }

    /// A peer outside was heard of, or why it was not. Of those that nobody named nothing is kept.
    fn heard_of(&self, peer: PeerId, error: Option<&CallError>) {
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = peer.checked_sub(self.nodes).and_then(|i| joined.get_mut(i as usize)) else {
            return;
        };
        match (&known, error) {
            (Joined::There, _) => {}
            (Joined::Silent(_), None) => *known = Joined::There,
            (Joined::Silent(_), Some(CallError::Unreachable { why, .. })) => {
                *known = Joined::Silent(Some(why.clone()));
            }
            (Joined::Silent(_), Some(_)) => {}
        }
    }

    /// The peers outside of whom nothing has been heard, in a sentence, and whether that is all of them.
    pub fn silent_outside(&self) -> Option<(String, bool)> {
        let joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |(number, it): (PeerId, &Joined)| match it {
            Joined::There => None,
            Joined::Silent(None) => Some(self.names.name(number).to_string()),
            Joined::Silent(Some(why)) => Some(format!("{} ({why})", self.names.name(number))),
        };
        let silent: Vec<String> = (self.nodes..).zip(&*joined).filter_map(name).collect();
        (!silent.is_empty())
            .then(|| (format!("nobody answers at {}", silent.join(", ")), silent.len() == joined.len()))
    }

    /// A peer outside has refused a message: here nobody else counts that.
    fn refused_outside(&self, why: &CallError) {
        let mut refused = self.refused_outside.lock().unwrap_or_else(PoisonError::into_inner);
        refused.0 += 1;
        if refused.0 == 1 {
            refused.1 = why.to_string();
        }
    }

    /// What peers outside have refused, in a sentence.
    pub fn refusals_outside(&self) -> Option<String> {
        let refused = self.refused_outside.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, first) = &*refused;
        (*count > 0).then(|| format!("peers outside refused {count} messages, the first time: {first}"))
    }

    /// Whether a peer has come of its own accord.
    fn is_stranger(&self, peer: PeerId) -> bool {
        self.guests.as_ref().is_some_and(|it| it.is_stranger(peer))
    }

    /// A node has not obeyed a peer outside.
    pub fn uninvited(&self, what: Uninvited) {
        self.traffic.refused(match what {
            Uninvited::Model => Refusal::Unasked,
            Uninvited::Start => Refusal::Start,
            Uninvited::Names => Refusal::Crowd,
        });
    }

    /// A node has said something first, of which peers outside may tell others.
    pub fn has_said(&self, gossip: &Gossip) {
        if let Some(guests) = &self.guests {
            guests.has_said(gossip.hash);
        }
    }

    /// Bytes written to all sockets so far.
    pub fn written(&self) -> u64 {
        self.traffic.snapshot().written
    }

    /// Whether calls to peers outside are under way.
    pub fn is_calling_outside(&self) -> bool {
        self.calls_outside.load(Ordering::Relaxed) > 0
    }
}

impl Socket {
    /// A server that is down. Within the runtime.
    pub fn new(node: PeerId, shared: &Arc<Shared>, berth: Berth) -> Option<Self> {
        let Berth { endpoint, strangers, listener } = berth;
        let door = Arc::new(Door { node, shared: Arc::clone(shared) });
        // It fails outside a runtime with sockets, and there is one.
        let server = endpoint.serve(listener, door).ok()?;
        server.down();
        Some(Self { server, lines: Lines::new(endpoint, strangers) })
    }
}

/// What a node's identity comes from, where nodes have one. It is as good as public: with the same scenario and seed
/// everybody has the same.
fn secret(seed: u64, node: PeerId) -> [u8; 32] {
    let mut secret = [0; 32];
    Stream::new(seed, node.into(), Purpose::Identity, 0).fill_bytes(&mut secret);
    secret
}

/// The largest message that nodes take, and what all their unfinished requests may hold together. Where others may take part
/// and it is known what models look like, nobody has to take what is far larger.
fn room(plan: &Plan, spec: &SocketPlan, expected: &Expected) -> (usize, usize) {
    let nodes = plan.nodes() as usize;
    let configured = usize::try_from(spec.max_message).unwrap_or(usize::MAX);
    let held = |max_message| Limits::holds(max_message).saturating_mul(nodes);
    let workflow = &plan.rules.workflow;
    let known = if workflow.learns() { expected.largest() } else { None };
    // The largest messages beside models are votes.
    let known = known.map(|model| model.saturating_add(u64::from(workflow.elects()) * NAMED));
    let Some(known) = known.filter(|_| !spec.is_closed()) else { return (configured, held(configured)) };
    let max_message = usize::try_from(known).unwrap_or(usize::MAX).min(configured);
    // Every peer may send every node a model at a time.
    let peers = nodes + spec.join.len();
    (
        max_message,
        held(max_message)
            .max(nodes.saturating_mul(peers).saturating_mul(max_message / 4))
            .min(held(configured)),
    )
}

/// What models have to look like.
fn expected(plan: &Plan) -> Expected {
    if plan.learns_shapes {
        return Expected::any();
    }
    let model = plan.learner.initial(0);
    let layout = Arc::clone(model.layout());
    if model.is_synthetic() { Expected::synthetic(layout) } else { Expected::layout(layout) }
}

/// What probes carry.
fn zeros(plan: &Plan) -> Bytes {
    let largest = plan.rules.workflow.grid().map_or(0, |it| it.largest_payload());
    vec![0; largest as usize].into()
}
