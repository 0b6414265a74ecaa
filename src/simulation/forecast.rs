//! What a run will do, foreseen before it runs: how long it takes in scenario time, what it sends, and how much there is
//! to handle. A model of the workflows on the scenario's own graph, of which a round is followed and not every message;
//! `benches/estimates` holds it against runs.

use super::wave::{Wave, spread};
use crate::engine::load::Load;
use crate::engine::{Action, Plan, SocketPlan};
use crate::format::script::At;
use crate::network::Links;
use crate::node::io::Job;
use crate::node::probe::spec::{Exchange, Extent, Pattern, Probe};
use crate::node::spec::{Dpsgd, Mode, P2pfl, Pace, Rumor, Variant, Workflow};
use crate::node::{FAITHFUL_WAIT, SETTLE};
use crate::scenario::Clock;
use crate::time::Time;
use crate::transport::socket::{Protocol, Security};
use crate::wire::size::{GRPC_PREFIX, Sizes};
use crate::wire::{
    AddressBook, Announcement, Command, Gossip, GossipBody, Message, NO_ROUND, PeerId, Probe as Probed, Ttl,
    Weights,
};
use std::sync::Arc;
use std::time::Duration;

/// What a run will do, from when learning starts unless it says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Seconds of scenario time until learning starts.
    pub setup_s: f64,
    /// Messages sent until then.
    pub setup_messages: f64,
    /// Seconds of scenario time to the end.
    pub scenario_s: f64,
    /// Messages sent.
    pub messages: f64,
    /// Bytes that they put on their links.
    pub wire_bytes: f64,
    /// Inputs of nodes from the beginning: messages that come together are one.
    pub inputs: f64,
    /// Messages that nodes hear for the first time and pass on, from the beginning.
    pub news: f64,
    /// Whether the run may stall then: P2PFL's nodes wait for ever for what does not reach them.
    pub may_stall: bool,
    /// Messages that flood, of those sent.
    pub flooded: f64,
    /// Timers that come up from the beginning.
    pub timers: f64,
    /// Flooded messages that wait behind a cap at the end, each at each node.
    pub backlog: f64,
    /// Floating-point operations of training and evaluation.
    pub work: f64,
}

/// How long a message of a probe and its answer take over memory, on a thread.
const PROBE_SECONDS: f64 = 1.3e-6;
/// Of the nodes that come to know of each other's beats, so many beat while the last has not heard of all.
const SHARE_OF_SETUP: f64 = 0.8;

/// What a forecast goes by.
struct Outlook<'a> {
    plan: &'a Plan,
    load: &'a Load,
    sizes: Sizes,
    nodes: f64,
    /// Copies that a node sends of what it says, on average.
    degree: f64,
    /// Seconds that a message takes over a link, and a broadcast to the farthest node.
    link: f64,
    flood: f64,
    /// Seconds that a model occupies an uplink, and a downlink.
    up: f64,
    down: f64,
}

/// What is sent, beside beats.
#[derive(Default)]
struct Sent {
    broadcasts: f64,
    broadcast_bytes: f64,
    messages: f64,
    bytes: f64,
}

/// Foresees a run.
pub(super) fn forecast(plan: &Plan, load: &Load, spreading: Duration, model_bytes: u64) -> Forecast {
    let it = Outlook::of(plan, load, spreading, model_bytes);
    match &plan.rules.workflow {
        Workflow::P2pfl(workflow) => it.p2pfl(workflow),
        Workflow::Dpsgd(workflow) => it.dpsgd(workflow),
        Workflow::Rumor(workflow) => it.rumor(workflow),
        Workflow::Probe(workflow) => it.probe(workflow),
    }
}

impl<'a> Outlook<'a> {
    fn of(plan: &'a Plan, load: &'a Load, spreading: Duration, model_bytes: u64) -> Self {
        let nodes = f64::from(plan.nodes());
        let link = plan.links.as_ref().map_or(0.0, |it| it.median() as f64 / 1e9);
        // On a complete graph nobody has to pass anything on.
        let flood = if plan.graph.is_complete() { link } else { spreading.as_secs_f64() };
        let it = Self {
            plan,
            load,
            // Addresses of sockets are not known yet.
            sizes: Sizes::new(AddressBook::numbered(plan.nodes()), model_bytes),
            nodes,
            degree: 2.0 * plan.graph.edges() as f64 / nodes.max(1.0),
            link,
            flood,
            up: 0.0,
            down: 0.0,
        };
        let model = it.sizes.payload(0, &it.model(Command::AddModel)) as f64;
        let wire = it.wire(model);
        let mean = |rate: &dyn Fn(&Links, PeerId) -> Option<f64>| {
            let seconds = |node| it.plan.links.as_ref().and_then(|links| rate(links, node));
            (0..plan.nodes()).filter_map(seconds).map(|rate| wire * 8.0 / rate).sum::<f64>() / nodes.max(1.0)
        };
        let up = mean(&|links, node| links.uplink(node).map(|it| it.0 as f64));
        let down = mean(&|links, node| links.downlink(node).map(|it| it.0 as f64));
        Self { up, down, ..it }
    }

    /// Bytes of a message of so many on its link.
    fn wire(&self, payload: f64) -> f64 {
        match (&self.plan.sockets, &self.plan.links) {
            (Some(sockets), _) => on_sockets(sockets, payload),
            (None, Some(links)) => links.wire_bytes(payload as u64) as f64,
            (None, None) => payload + GRPC_PREFIX as f64,
        }
    }

    fn gossip(&self, body: GossipBody) -> f64 {
        let (rules, source, hash) = (&self.plan.rules, self.plan.nodes() / 2, i64::MAX);
        let size = self.sizes.gossip(source, NO_ROUND, hash, &body);
        let ttl = Ttl::Own(rules.settings.gossip.ttl / 2 + 1);
        let gossip = Gossip { source, round: NO_ROUND, ttl, hash, body, size, hops: 0, born: Time::ZERO };
        self.wire(self.sizes.gossip_payload(&gossip) as f64)
    }

    fn model(&self, command: Command) -> Message {
        let model = self.plan.learner.initial(0);
        Message::Weights(Arc::new(Weights {
            command,
            round: 1,
            contributors: Arc::from([0]),
            samples: 1,
            model,
        }))
    }

    fn direct(&self, message: &Message) -> f64 {
        self.wire(self.sizes.payload(self.plan.nodes() / 2, message) as f64)
    }

    /// Seconds that each node takes to train, without any slowdown.
    fn training(&self) -> Vec<f64> {
        let epochs = self.plan.rules.workflow.epochs();
        let job = Job::Train { round: 0, epochs, start: self.plan.learner.initial(0) };
        let takes = |node| self.plan.compute.duration(node, &job).as_secs_f64();
        (0..self.plan.nodes()).map(takes).collect()
    }

    /// How much slower each node is, by what the script has said until a round, or a time.
    fn slowness(&self, round: u32, elapsed: f64) -> Vec<f64> {
        let mut slow = vec![1.0; self.plan.nodes() as usize];
        for step in self.plan.script.iter().filter(|step| due(&step.at, round, elapsed)) {
            if let Action::Slow(nodes, by) = &step.action {
                nodes.iter().for_each(|&node| slow[node as usize] = by.compute);
            }
        }
        slow
    }

    fn slows(&self) -> bool {
        self.plan.script.iter().any(|step| matches!(step.action, Action::Slow(..)))
    }

    /// Floating-point operations of all nodes that train in a round, where so many do, and of evaluating so many models.
    fn work(&self, trainers: f64, models: f64) -> f64 {
        let (learner, epochs) = (&self.plan.learner, self.plan.rules.workflow.epochs());
        let all: f64 = (0..self.plan.nodes()).map(|node| learner.training_work(node, epochs) as f64).sum();
        all * trainers / self.nodes.max(1.0) + models * learner.evaluation_work() as f64
    }

    /// Rounds in which models are evaluated.
    fn evaluations(&self, rounds: u32) -> f64 {
        f64::from(rounds.div_ceil(self.plan.evaluate_every.max(1)))
    }

    fn p2pfl(&self, workflow: &P2pfl) -> Forecast {
        let (plan, settings) = (self.plan, &self.plan.rules.settings);
        let (gossip, heartbeat) = (&settings.gossip, &settings.heartbeat);
        let period = gossip.models_period.0.as_secs_f64();
        let trainers = f64::from(workflow.trainset_size.min(plan.nodes()));
        let pulls = workflow.dissemination.pulls();
        let wave = Wave {
            settle: SETTLE.as_secs_f64(),
            period,
            at_a_time: gossip.models_per_round,
            trips: 4.0 * self.link,
            up: self.up,
            down: self.down,
            pulls,
        };
        let lack = plan.reach.lack_of_ttl();
        let first = spread(&plan.graph, &[workflow.initiator], &wave);
        let mut now = first.done.max(self.flood + heartbeat.wait_convergence.0.as_secs_f64());
        let training = self.training();
        let sources: Vec<u32> =
            (0..trainers as u32).map(|i| (f64::from(i) * self.nodes / trainers) as u32).collect();
        let diffusing = spread(&plan.graph, &sources, &Wave { settle: 0.0, ..wave });
        // Who has more neighbours than it offers the model to at a time often offers it to one that has another's offer.
        let collisions =
            if !pulls && self.degree > f64::from(gossip.models_per_round) { period } else { 0.0 };
        let faithful = workflow.variant != Variant::Repaired;
        let mut slow = self.slowness(0, 0.0);
        for round in 0..workflow.rounds {
            if self.slows() {
                slow = self.slowness(round, now);
            }
            let takes = training.iter().zip(&slow).map(|(it, slow)| it * slow).collect();
            let train = greatest(takes, trainers as usize);
            let evaluate = if plan.rules.evaluates { plan.compute.evaluating().as_secs_f64() } else { 0.0 };
            let others = trainers - 1.0;
            let swap = if others < 1.0 {
                0.0
            } else if pulls {
                2.0 * self.flood + others * self.up + self.down + 4.0 * self.link
            } else {
                // What a member holds others learn by flooding, and until then send what it cannot use; then all have
                // to hear that all have all, for which they look once a period.
                let sends = (others / f64::from(gossip.models_per_round.max(1))).ceil();
                let sent = (sends - 1.0) * period + others * (4.0 * self.link + self.up) + self.down;
                period * ((sent + 2.0 * self.flood) / period.max(1e-3)).ceil()
            };
            now += self.flood
                + evaluate
                + train
                + swap
                + plan.compute.aggregating().as_secs_f64()
                + diffusing.done
                + collisions;
            now += self.disturbed(round);
            if faithful && lack.is_some() {
                // Votes do not reach everyone, and train sets differ: both waits last until they time out.
                now += settings.training.vote_timeout.0.as_secs_f64() + FAITHFUL_WAIT.as_secs_f64();
                break;
            }
            let gives_up = gossip.exit_on_x_equal_rounds as f64 * period;
            let early = self.flood > train;
            if faithful && early && gives_up < gossip.mode_expectation_timeout.0.as_secs_f64() {
                // Contributions come to members that still vote: they are dropped, and not taken again in time.
                now += FAITHFUL_WAIT.as_secs_f64();
            }
        }
        let rounds = f64::from(workflow.rounds);
        let mut sent = Sent::default();
        sent.gossip(1.0 + self.nodes, self.gossip(GossipBody::ModelInitialized));
        let ballot: Arc<[(PeerId, u32)]> = (0..trainers as u32).map(|i| (i, 300)).collect();
        sent.gossip(rounds * self.nodes, self.gossip(GossipBody::Vote(ballot)));
        // Who has finished does not pass the others' on.
        sent.gossip(0.9 * rounds * self.nodes, self.gossip(GossipBody::ModelsReady));
        // Contributions come alone or several at a time, and each member says so each time.
        let half: Arc<[PeerId]> = (0..(trainers / 2.0).ceil() as u32).collect();
        sent.gossip(
            rounds * (0.7 * trainers * trainers).max(trainers),
            self.gossip(GossipBody::ModelsAggregated(half)),
        );
        if plan.rules.evaluates {
            let metrics = Arc::from([("test_loss", 0.123_456_789_012), ("test_metric", 0.123_456_789_012)]);
            sent.gossip(rounds * trainers + 0.6 * self.nodes, self.gossip(GossipBody::Metrics(metrics)));
        }
        let models =
            (self.nodes - 1.0) + rounds * (0.9 * trainers * (trainers - 1.0) + self.nodes - trainers);
        let announcement = Announcement { follows: Command::AddModel, round: 1, contributors: Arc::from([]) };
        sent.direct(2.0 * models, self.direct(&Message::Announce(announcement)));
        sent.direct(models, self.direct(&self.model(Command::AddModel)));
        let setup_s = match (&lack, plan.graph.is_complete()) {
            (Some(_), _) => plan.start_after.as_secs_f64(),
            (None, true) => 2.0 * self.link,
            (None, false) => {
                (heartbeat.period.0.as_secs_f64() + self.flood).min(plan.start_after.as_secs_f64())
            }
        };
        let evaluated = self.evaluations(workflow.rounds);
        let work = rounds * self.work(trainers, 0.0) + self.work(0.0, evaluated)
            // Each trainer in each round, and everyone at the end, on its own share of the test split.
            + self.work(0.0, (rounds * trainers / self.nodes) + 1.0);
        let told = self.told(setup_s, now, sent, work);
        Forecast { may_stall: faithful && lack.is_some(), ..told }
    }

    /// Seconds that what the script does in a round adds to it: whoever is gone is waited for until it counts as silent.
    fn disturbed(&self, round: u32) -> f64 {
        let heartbeat = &self.plan.rules.settings.heartbeat;
        let silent = (heartbeat.timeout.0 + heartbeat.period.0).as_secs_f64();
        let in_round = |at: &At| matches!(at, At::Round(at) if at.round == round);
        let first = |at: &At| matches!(at, At::Time(_)) && round == 0;
        let steps = self.plan.script.iter().filter(|step| in_round(&step.at) || first(&step.at));
        let gone = |action: &Action| {
            matches!(action, Action::Crash(_) | Action::Partition { .. } | Action::Churn(_))
        };
        silent * steps.filter(|step| gone(&step.action)).count() as f64
    }

    fn dpsgd(&self, workflow: &Dpsgd) -> Forecast {
        let training = self.training();
        let aggregate = self.plan.compute.aggregating().as_secs_f64();
        let sent_at_a_time = if workflow.mode == Pace::Synchronous { self.degree } else { 1.0 };
        let link = self.link + sent_at_a_time * self.up + self.down;
        let slows = self.slows();
        let rounds = workflow.rounds;
        let mut end: f64 = 0.0;
        match workflow.mode {
            // Everyone waits for its neighbours, and so, some rounds later, for the slowest of all.
            Pace::Synchronous => {
                let slowest = training.iter().copied().fold(0.0, f64::max);
                for round in 0..rounds {
                    let train = if slows {
                        let slow = self.slowness(round, end);
                        training.iter().zip(slow).map(|(it, slow)| it * slow).fold(0.0, f64::max)
                    } else {
                        slowest
                    };
                    end += train + link + aggregate;
                }
            }
            Pace::Asynchronous if slows => {
                let mut ends = vec![0.0; training.len()];
                for round in 0..rounds {
                    let mean = ends.iter().sum::<f64>() / self.nodes.max(1.0);
                    let slow = self.slowness(round, mean);
                    for ((end, train), slow) in ends.iter_mut().zip(&training).zip(slow) {
                        *end += train * slow + 2.0 * link + aggregate;
                    }
                }
                end = ends.into_iter().fold(0.0, f64::max);
            }
            Pace::Asynchronous => {
                let slowest = training.iter().copied().fold(0.0, f64::max);
                end = f64::from(rounds) * (slowest + 2.0 * link + aggregate);
            }
        }
        let mut sent = Sent::default();
        sent.direct(
            f64::from(rounds) * self.load.messages_per_round,
            self.direct(&self.model(Command::PartialModel)),
        );
        let sampled = self.nodes.min(f64::from(crate::engine::SAMPLE));
        let work = f64::from(rounds) * self.work(self.nodes, 0.0)
            + self.work(0.0, sampled * self.evaluations(rounds));
        // Connections are made in turns.
        let setup =
            if self.plan.rules.workflow.connects() { 2.0 * self.link * self.degree.min(16.0) } else { 0.0 };
        self.told(setup, end, sent, work)
    }

    /// The mean field of a complete graph; on others a rumor needs at least as many rounds as hops.
    fn rumor(&self, workflow: &Rumor) -> Forecast {
        let nodes = f64::from(self.plan.reach.peers[workflow.source as usize]) + 1.0;
        let hops = self.plan.graph.eccentricity(workflow.source);
        let (mut know, mut rounds, mut told, mut asked) = (1.0, 0u32, 0.0, 0.0);
        while rounds < workflow.rounds && (nodes - know >= 0.5 || rounds < hops) {
            let unknowing = nodes - know;
            let untold = if workflow.mode == Mode::Pull { 1.0 } else { libm::exp(-know / nodes) };
            let unanswered = if workflow.mode == Mode::Push { 1.0 } else { unknowing / nodes };
            if workflow.mode != Mode::Push {
                asked += unknowing + self.nodes - nodes;
                told += unknowing * know / nodes;
            }
            if workflow.mode != Mode::Pull {
                told += know;
            }
            know = nodes - unknowing * untold * unanswered;
            rounds += 1;
        }
        let rounds = if nodes < self.nodes { workflow.rounds } else { rounds };
        let mut sent = Sent::default();
        sent.direct(told, self.direct(&Message::Rumor { round: 1, hops: 0 }));
        sent.direct(asked, self.direct(&Message::RumorRequest(1)));
        let end = f64::from(rounds) * workflow.period.0.as_secs_f64() + self.link;
        self.told(0.0, end, sent, 0.0)
    }

    fn probe(&self, workflow: &Probe) -> Forecast {
        let streams = match workflow.pattern {
            Pattern::Pairs | Pattern::Ring => self.nodes,
            Pattern::AllNeighbours => self.nodes * self.degree,
        };
        let (mut sent, mut end) = (Sent::default(), 0.0);
        for cell in (0..workflow.cells()).filter_map(|number| workflow.cell(number)) {
            let bytes = self.direct(&Message::Probe(Probed { cell: 1, size: cell.payload, due: Time::ZERO }));
            let rate = match (workflow.rate, cell.concurrency) {
                (Some(rate), _) => streams * rate,
                (None, at_a_time) => self.closed_loop(streams, at_a_time.unwrap_or(1), bytes),
            };
            let (messages, seconds) = match workflow.extent() {
                Extent::Count(count) => (streams * count as f64, streams * count as f64 / rate.max(1e-9)),
                Extent::Time { warm_up, measured } => {
                    let seconds = (warm_up + measured).as_secs_f64();
                    (rate * seconds, seconds)
                }
            };
            end += seconds;
            sent.direct(messages, bytes);
        }
        let answers = if workflow.mode == Exchange::Request { sent.messages } else { 0.0 };
        let mut told = self.told(2.0 * self.link, end, sent, 0.0);
        told.inputs += answers;
        told.timers = 0.0;
        told
    }

    /// Messages a second where each stream has so many under way.
    fn closed_loop(&self, streams: f64, at_a_time: u32, bytes: f64) -> f64 {
        if self.plan.clock == Clock::Real && self.link == 0.0 {
            let each = PROBE_SECONDS + self.load.call_s;
            return self.plan.threads as f64 / each * self.plan.speedup.recip();
        }
        let rate = |of: &dyn Fn(&Links) -> Option<f64>| self.plan.links.as_ref().and_then(of);
        let capacity = rate(&|links| links.uplink(0).map(|it| it.0 as f64 / 8.0))
            .map_or(f64::INFINITY, |rate| self.nodes * rate / bytes);
        let round_trip = 2.0 * self.link + if capacity.is_finite() { self.nodes / capacity } else { 0.0 };
        (streams * f64::from(at_a_time) / round_trip.max(1e-9)).min(capacity)
    }

    /// The forecast, with the beats that come on top.
    fn told(&self, setup_s: f64, scenario_s: f64, sent: Sent, work: f64) -> Forecast {
        let settings = &self.plan.rules.settings;
        let period = settings.gossip.period.0.as_secs_f64().max(1e-9);
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
        let news = if copies > 0.0 { (flooded + setup_messages) / self.degree.max(1.0) } else { 0.0 };
        let seconds = setup_s + scenario_s;
        // A batch goes out every period in which anything came.
        let batches = self.nodes * seconds / period;
        let uncapped = self.nodes * copies / settings.heartbeat.period.0.as_secs_f64().max(1e-9);
        let held_back = (uncapped - self.load.beats_per_s).max(0.0) * scenario_s;
        let filled = if news > 0.0 { batches * -libm::expm1(-news / batches.max(1e-9)) } else { 0.0 };
        let own = (self.load.beats_per_s * seconds / copies.max(1.0) + sent.broadcasts).min(news);
        let parcels = (filled + own) * self.degree + filled;
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
                + sent.messages / self.degree.max(1.0),
            backlog: if self.load.beats_per_s > 0.0 { held_back / self.degree.max(1.0) } else { 0.0 },
            work,
        }
    }
}

impl Sent {
    fn gossip(&mut self, broadcasts: f64, bytes: f64) {
        self.broadcasts += broadcasts;
        self.broadcast_bytes += broadcasts * bytes;
    }

    fn direct(&mut self, messages: f64, bytes: f64) {
        self.messages += messages;
        self.bytes += messages * bytes;
    }
}

/// Bytes of a message of so many with its answer, as `docs/costs.md` has them; with addresses that are longer than numbers.
fn on_sockets(sockets: &SocketPlan, payload: f64) -> f64 {
    let plain = match sockets.protocol {
        Protocol::Grpc => payload + 83.0,
        Protocol::GrpcStream => payload + 30.0,
        Protocol::WebSocket => payload + 17.0,
        // JSON has bytes as text.
        Protocol::Http => payload * 4.0 / 3.0 + 280.0,
        Protocol::Http2 => payload * 4.0 / 3.0 + 115.0,
        #[cfg(feature = "libp2p")]
        Protocol::Libp2p => payload + 100.0,
    };
    let secured = if matches!(sockets.security, Security::Plain) { 0.0 } else { 44.0 + plain * 0.0015 };
    plain + secured + 8.0
}

fn due(at: &At, round: u32, elapsed: f64) -> bool {
    match at {
        At::Time(span) => span.0.as_secs_f64() <= elapsed,
        At::Round(at) => at.round <= round,
    }
}

/// The greatest of so many values drawn from `values`, on average.
fn greatest(mut values: Vec<f64>, drawn: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    let (mut left, mut mean) = (1.0, 0.0);
    // The k-th greatest is the greatest drawn if none above it was, and it was.
    for (above, value) in values.iter().rev().enumerate() {
        let share = (drawn as f64 / (n - above) as f64).min(1.0);
        mean += left * share * value;
        left *= 1.0 - share;
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_of_a_sample_is_what_the_hypergeometric_says() {
        assert_eq!(greatest(vec![3.0, 1.0, 2.0], 3), 3.0);
        assert!((greatest(vec![3.0, 1.0, 2.0], 1) - 2.0).abs() < 1e-12);
        // Of three pairs two have the 3.
        assert!((greatest(vec![3.0, 1.0, 2.0], 2) - (3.0 * 2.0 + 2.0) / 3.0).abs() < 1e-12);
    }
}
