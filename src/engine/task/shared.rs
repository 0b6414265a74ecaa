//! What all tasks of a run share.

use super::clock::Clock;
use super::envelope::Item;
use super::sockets::{Outbound, Sockets};
use super::worker::Workers;
use crate::engine::course::script::Order;
use crate::engine::{Fate, Plan};
use crate::learning::Model;
use crate::metrics::Phase;
use crate::network::Faults;
use crate::node::Stage;
use crate::time::Time;
use crate::transport::Memory;
use crate::transport::socket::{Answer, Reply};
use crate::wire::PeerId;
use flume::{Receiver, Sender};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What a node's task is told.
#[derive(Debug)]
pub enum Command {
    /// By the script.
    Order(Box<Order>),
    /// A message that the network has held back goes out now.
    Send(PeerId, Box<Outbound>),
    /// And so does an answer.
    Answer(Reply, Answer),
    /// The run is over: report and end.
    Quit,
}

/// What a node's task tells the supervisor. `life` says in which of its lives the node did it: the script may have brought it
/// back since.
#[derive(Debug)]
pub enum Event {
    /// A node has made its connections and heard of everyone that it can hear of.
    Ready { node: PeerId, life: u16, at: Time },
    /// Learning has started at a node.
    Started { node: PeerId, life: u16 },
    /// The first node entered a round.
    RoundStarted(u32, Time),
    /// A node finished a round.
    RoundFinished {
        node: PeerId,
        round: u32,
        at: Time,
        model: Arc<Model>,
        train_set: Option<Arc<[PeerId]>>,
        trained: bool,
    },
    /// A node is done, or gone: how, and why.
    Ended { node: PeerId, life: u16, fate: Fate, at: Time, why: Option<String> },
    /// Something that the user should know.
    Noticed(String),
    /// The last word of a node's task.
    Report(PeerId, Box<LastWord>),
}

/// What a task knows of its node at the end.
#[derive(Debug, Default)]
pub struct LastWord {
    pub sent: u64,
    pub handled: u64,
    pub bytes_sent: u64,
    pub round_nanos: u64,
    pub stage: Option<Stage>,
    pub waits_for: String,
}

/// What all tasks of a run share.
#[derive(Debug)]
pub struct Shared {
    pub plan: Arc<PlanRef>,
    pub clock: Clock,
    pub memory: Memory<Item>,
    /// The sockets, if messages go through any.
    pub sockets: Option<Sockets>,
    pub workers: Arc<Workers>,
    pub events: Sender<Event>,
    /// What is pending that could move a node on: messages, timers, jobs. It is raised before whatever caused it is
    /// let go of, so that it is zero only if nothing is pending.
    pub pending: AtomicI64,
    /// When learning started, in nanoseconds of scenario time; `u64::MAX` before.
    zero: AtomicU64,
    /// One past the furthest round that any node has entered.
    pub furthest: AtomicU32,
    /// The run is over.
    pub over: AtomicBool,
    /// The stage that each node is in, for who wants details: its number, and 1 more; 0 is none.
    stages: Option<Box<[AtomicU8]>>,
    faulty: AtomicBool,
    faults: RwLock<Arc<Faults>>,
}

/// The plan, which holds a learner that cannot be printed.
pub struct PlanRef(pub Arc<Plan>);

impl std::fmt::Debug for PlanRef {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "a plan for {} nodes", self.0.nodes())
    }
}

impl std::ops::Deref for PlanRef {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.0
    }
}

impl Shared {
    pub fn new(
        plan: Arc<Plan>,
        memory: Memory<Item>,
        sockets: Option<Sockets>,
        workers: Arc<Workers>,
        details: bool,
    ) -> (Self, Receiver<Event>) {
        let (events, receiver) = flume::unbounded();
        let shared = Self {
            clock: Clock::start(plan.speedup),
            memory,
            sockets,
            workers,
            events,
            pending: AtomicI64::new(0),
            zero: AtomicU64::new(u64::MAX),
            furthest: AtomicU32::new(0),
            over: AtomicBool::new(false),
            stages: details.then(|| (0..plan.nodes()).map(|_| AtomicU8::new(0)).collect()),
            faulty: AtomicBool::new(false),
            faults: RwLock::default(),
            plan: Arc::new(PlanRef(plan)),
        };
        (shared, receiver)
    }

    /// A node is in a stage, or in none.
    #[inline]
    pub fn note_stage(&self, node: PeerId, stage: impl FnOnce() -> Option<Stage>) {
        if let Some(stages) = &self.stages {
            stages[node as usize].store(stage().map_or(0, |it| it as u8 + 1), Ordering::Relaxed);
        }
    }

    /// The stage that a node was last seen in, if anybody wants to know.
    pub fn stage_of(&self, node: PeerId) -> Option<Stage> {
        let stage = self.stages.as_ref()?.get(node as usize)?.load(Ordering::Relaxed);
        Stage::ALL.get(usize::from(stage).checked_sub(1)?).copied()
    }

    /// The phase that a message sent now belongs to.
    pub fn phase(&self) -> Phase {
        if self.zero.load(Ordering::Relaxed) == u64::MAX { Phase::Setup } else { Phase::Learning }
    }

    /// Whether a peer is not a node of this run.
    pub fn is_outside(&self, peer: PeerId) -> bool {
        peer >= self.plan.nodes()
    }

    /// When learning started.
    pub fn zero(&self) -> Option<Time> {
        let zero = self.zero.load(Ordering::Relaxed);
        (zero != u64::MAX).then(|| Time::from_nanos(zero))
    }

    /// Learning starts now.
    pub fn set_zero(&self, at: Time) {
        self.sockets.iter().for_each(Sockets::learning_starts);
        self.zero.store(at.as_nanos(), Ordering::Relaxed);
    }

    /// Partitions, lossy links and slow nodes; nothing while there are none, which costs one load.
    pub fn faults(&self) -> Option<Arc<Faults>> {
        self.faulty
            .load(Ordering::Relaxed)
            .then(|| Arc::clone(&self.faults.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// From now on these are there.
    pub fn set_faults(&self, faults: Faults) {
        self.faulty.store(!faults.is_none(), Ordering::Relaxed);
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(faults);
    }

    /// Tells a node something that the script wants.
    pub fn order(&self, node: PeerId, order: Order) {
        self.command(node, Command::Order(Box::new(order)));
    }

    /// Tells a node's task something. It counts as pending until the task has done it.
    pub fn command(&self, node: PeerId, command: Command) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        self.memory.tell(node, Item::Command(command));
    }

    /// Tells the supervisor something.
    pub fn tell(&self, event: Event) {
        // Nobody listens any more once the run is over.
        let _ = self.events.send(event);
    }
}
