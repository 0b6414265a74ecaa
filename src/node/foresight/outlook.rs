//! What a workflow foresees a run by: the scenario's own graph, links, models and script. A round is followed, and not every
//! message; `benches/estimates` holds it against runs.

use super::{Forecast, Load};
use crate::format::script::At;
use crate::format::settings::Settings;
use crate::learning::Learner;
use crate::network::Links;
use crate::time::Time;
use crate::topology::Graph;
use crate::wire::size::Sizes;
use crate::wire::{Command, Gossip, GossipBody, Message, NO_ROUND, PeerId, Ttl, Weights};
use std::sync::Arc;
use std::time::Duration;

/// Of the nodes that come to know of each other's beats, so many beat while the last has not heard of all.
const SHARE_OF_SETUP: f64 = 0.8;

/// What a forecast goes by. Times are seconds of scenario time, sizes bytes.
pub struct Outlook<'a> {
    /// P2PFL's settings.
    pub settings: &'a Settings,
    /// Who is connected to whom.
    pub graph: &'a Graph,
    /// Delays and losses, if there are any.
    pub links: Option<&'a Links>,
    /// Trains and evaluates.
    pub learner: &'a dyn Learner,
    /// What nodes send.
    pub load: &'a Load,
    /// Sizes of messages.
    pub sizes: Sizes,
    /// Bytes that a message of so many puts on its link.
    pub wire: Box<dyn Fn(f64) -> f64 + 'a>,
    /// How long each node takes to train in a round.
    pub train_s: Box<dyn Fn(PeerId) -> f64 + 'a>,
    /// How long evaluating a model takes in the median, and combining some.
    pub evaluate_s: f64,
    /// See `evaluate_s`.
    pub aggregate_s: f64,
    /// Whether there is anything to evaluate, and in every how many rounds.
    pub evaluates: bool,
    /// See `evaluates`.
    pub evaluate_every: u32,
    /// Of how many nodes models are evaluated then.
    pub sample: u32,
    /// Passes over its rows that a node makes in a round.
    pub epochs: u32,
    /// What the script does to nodes.
    pub disturbances: Vec<Disturbance<'a>>,
    /// How many others a message of each node reaches at best.
    pub reached: &'a [u32],
    /// Whether messages are not certain to reach everyone that they could.
    pub lacking: bool,
    /// The initiator starts at the latest so long after the nodes came up.
    pub start_after_s: f64,
    /// How long a message takes over a link, and a broadcast to the farthest node.
    pub link_s: f64,
    /// See `link_s`.
    pub flood_s: f64,
    /// Messages a second that this machine exchanges where nothing else holds them up; nothing where something does.
    pub unbound_per_s: Option<f64>,
}

/// A step of the script, as far as it holds nodes up.
pub struct Disturbance<'a> {
    /// When.
    pub at: &'a At,
    /// Nodes that compute so many times slower from then on.
    pub slows: Option<(&'a [PeerId], f64)>,
    /// Whether somebody is gone then, and is waited for.
    pub removes: bool,
}

/// What is sent, beside beats.
#[derive(Default)]
pub struct Sent {
    broadcasts: f64,
    broadcast_bytes: f64,
    /// Messages that do not flood.
    pub messages: f64,
    bytes: f64,
}

impl Outlook<'_> {
    /// Nodes.
    pub fn nodes(&self) -> f64 {
        f64::from(self.graph.nodes())
    }

    /// Copies that a node sends of what it says, on average.
    pub fn degree(&self) -> f64 {
        2.0 * self.graph.edges() as f64 / self.nodes().max(1.0)
    }

    /// Seconds that a model occupies an uplink, and a downlink, on average.
    pub fn transfers(&self) -> (f64, f64) {
        let wire = (self.wire)(self.sizes.payload(0, &self.model(Command::AddModel)) as f64);
        let mean = |rate: &dyn Fn(&Links, PeerId) -> Option<f64>| {
            let seconds = |node| self.links.and_then(|links| rate(links, node));
            let all = (0..self.graph.nodes()).filter_map(seconds).map(|rate| wire * 8.0 / rate);
            all.sum::<f64>() / self.nodes().max(1.0)
        };
        (
            mean(&|links, node| links.uplink(node).map(|it| it.0 as f64)),
            mean(&|links, node| links.downlink(node).map(|it| it.0 as f64)),
        )
    }

    /// Bytes that a message that floods puts on its link.
    pub fn gossip(&self, body: GossipBody) -> f64 {
        let (source, hash) = (self.graph.nodes() / 2, i64::MAX);
        let size = self.sizes.gossip(source, NO_ROUND, hash, &body);
        let ttl = Ttl::Own(self.settings.gossip.ttl / 2 + 1);
        let gossip = Gossip { source, round: NO_ROUND, ttl, hash, body, size, hops: 0, born: Time::ZERO };
        (self.wire)(self.sizes.gossip_payload(&gossip) as f64)
    }

    /// A message with a model.
    pub fn model(&self, command: Command) -> Message {
        let model = self.learner.initial(0);
        Message::Weights(Arc::new(Weights {
            command,
            round: 1,
            contributors: Arc::from([0]),
            samples: 1,
            model,
        }))
    }

    /// Bytes that a message to one peer puts on its link.
    pub fn direct(&self, message: &Message) -> f64 {
        (self.wire)(self.sizes.payload(self.graph.nodes() / 2, message) as f64)
    }

    /// How long each node trains in a round, without any slowdown.
    pub fn training(&self) -> Vec<f64> {
        (0..self.graph.nodes()).map(&self.train_s).collect()
    }

    /// How much slower each node is, by what the script has said until a round, or a time.
    pub fn slowness(&self, round: u32, elapsed: f64) -> Vec<f64> {
        let mut slow = vec![1.0; self.graph.nodes() as usize];
        for step in self.disturbances.iter().filter(|step| due(step.at, round, elapsed)) {
            if let Some((nodes, by)) = step.slows {
                nodes.iter().for_each(|&node| slow[node as usize] = by);
            }
        }
        slow
    }

    /// Whether the script makes any node slower.
    pub fn slows(&self) -> bool {
        self.disturbances.iter().any(|step| step.slows.is_some())
    }

    /// Seconds that what the script does in a round adds to it: whoever is gone is waited for until it counts as silent.
    pub fn disturbed(&self, round: u32) -> f64 {
        let heartbeat = &self.settings.heartbeat;
        let silent = (heartbeat.timeout.0 + heartbeat.period.0).as_secs_f64();
        let in_round = |at: &At| matches!(at, At::Round(at) if at.round == round);
        let first = |at: &At| matches!(at, At::Time(_)) && round == 0;
        let gone = |step: &&Disturbance| step.removes && (in_round(step.at) || first(step.at));
        silent * self.disturbances.iter().filter(gone).count() as f64
    }

    /// Floating-point operations of all nodes that train in a round, where so many do, and of evaluating so many models.
    pub fn work(&self, trainers: f64, models: f64) -> f64 {
        let training = |node| self.learner.training_work(node, self.epochs) as f64;
        let all: f64 = (0..self.graph.nodes()).map(training).sum();
        all * trainers / self.nodes().max(1.0) + models * self.learner.evaluation_work() as f64
    }

    /// Rounds in which models are evaluated.
    pub fn evaluations(&self, rounds: u32) -> f64 {
        f64::from(rounds.div_ceil(self.evaluate_every.max(1)))
    }

    /// The forecast, with the beats that come on top.
    pub fn told(&self, setup_s: f64, scenario_s: f64, sent: &Sent, work: f64) -> Forecast {
        let period = self.settings.gossip.period.0.as_secs_f64().max(1e-9);
        let copies = self.load.messages_per_broadcast;
        let said = sent.broadcasts * copies;
        // Where a cap keeps messages back, the others wait behind beats.
        let most = self.load.most_messages_per_s.unwrap_or(f64::INFINITY) * scenario_s;
        let flooded = (self.load.beats_per_s * scenario_s + said).min(most);
        let setup_messages = self.load.beats_per_s * setup_s * SHARE_OF_SETUP;
        let beat = self.gossip(GossipBody::Beat(Time::ZERO + Duration::from_millis(12_345)));
        let other = if sent.broadcasts > 0.0 { sent.broadcast_bytes / sent.broadcasts } else { beat };
        let wire_bytes = (flooded - said).max(0.0) * beat + said.min(flooded) * other + sent.bytes;
        // Of the copies of a message a node passes one on.
        let degree = self.degree();
        let news = if copies > 0.0 { (flooded + setup_messages) / degree.max(1.0) } else { 0.0 };
        let seconds = setup_s + scenario_s;
        // A batch goes out every period in which anything came.
        let batches = self.nodes() * seconds / period;
        let uncapped = self.nodes() * copies / self.settings.heartbeat.period.0.as_secs_f64().max(1e-9);
        let held_back = (uncapped - self.load.beats_per_s).max(0.0) * scenario_s;
        let filled = if news > 0.0 { batches * -libm::expm1(-news / batches.max(1e-9)) } else { 0.0 };
        let own = (self.load.beats_per_s * seconds / copies.max(1.0) + sent.broadcasts).min(news);
        let parcels = (filled + own) * degree + filled;
        Forecast {
            setup_s,
            setup_messages,
            scenario_s,
            messages: flooded + sent.messages,
            wire_bytes,
            inputs: parcels + own + 2.0 * sent.messages,
            news,
            may_stall: false,
            flooded,
            timers: filled
                + self.load.beats_per_s * seconds / copies.max(1.0)
                + sent.messages / degree.max(1.0),
            backlog: if self.load.beats_per_s > 0.0 { held_back / degree.max(1.0) } else { 0.0 },
            work,
        }
    }
}

impl Sent {
    /// So many broadcasts, each of whose messages has so many bytes.
    pub fn gossip(&mut self, broadcasts: f64, bytes: f64) {
        self.broadcasts += broadcasts;
        self.broadcast_bytes += broadcasts * bytes;
    }

    /// So many messages to one peer, of so many bytes each.
    pub fn direct(&mut self, messages: f64, bytes: f64) {
        self.messages += messages;
        self.bytes += messages * bytes;
    }
}

fn due(at: &At, round: u32, elapsed: f64) -> bool {
    match at {
        At::Time(span) => span.0.as_secs_f64() <= elapsed,
        At::Round(at) => at.round <= round,
    }
}
