//! What a run of P2PFL's workflow will do, and which settings ask too much of it.

use super::SETTLE;
use super::spec::{P2pfl, Variant};
use super::train::FAITHFUL_WAIT;
use crate::node::flood;
use crate::node::foresight::{Forecast, Heap, Misfit, Outlook, Prospect, Sent, Wave, spread};
use crate::wire::{Announcement, Command, GossipBody, Message, PeerId};
use std::sync::Arc;

/// Bytes that a node keeps for each peer that it knows: neighbour, status, vote, contributions.
const KNOWN_PEER_BYTES: f64 = 200.0;
/// Bytes of a remembered message hash in its table.
const HASH_BYTES: f64 = 20.0;
/// Bytes of a gossip message that waits to be passed on.
const PENDING_BYTES: f64 = 160.0;

/// See [`Kind::forecast`](crate::node::Kind::forecast).
pub fn forecast(spec: &P2pfl, it: &Outlook) -> Forecast {
    let (settings, nodes, (up, down)) = (it.settings, it.nodes(), it.transfers());
    let (gossip, heartbeat) = (&settings.gossip, &settings.heartbeat);
    let period = gossip.models_period.0.as_secs_f64();
    let trainers = f64::from(spec.trainset_size.min(it.graph.nodes()));
    let pulls = spec.dissemination.pulls();
    let wave = Wave {
        settle: SETTLE.as_secs_f64(),
        period,
        at_a_time: gossip.models_per_round,
        trips: 4.0 * it.link_s,
        up,
        down,
        pulls,
    };
    let first = spread(it.graph, &[spec.initiator], &wave);
    let mut now = first.done.max(it.flood_s + heartbeat.wait_convergence.0.as_secs_f64());
    let training = it.training();
    let sources: Vec<u32> = (0..trainers as u32).map(|i| (f64::from(i) * nodes / trainers) as u32).collect();
    let diffusing = spread(it.graph, &sources, &Wave { settle: 0.0, ..wave });
    // Who has more neighbours than it offers the model to at a time often offers it to one that has another's offer.
    let collisions = if !pulls && it.degree() > f64::from(gossip.models_per_round) { period } else { 0.0 };
    let faithful = spec.variant != Variant::Repaired;
    let mut slow = it.slowness(0, 0.0);
    for round in 0..spec.rounds {
        if it.slows() {
            slow = it.slowness(round, now);
        }
        let takes = training.iter().zip(&slow).map(|(train, slow)| train * slow).collect();
        let train = greatest(takes, trainers as usize);
        let evaluate = if it.evaluates { it.evaluate_s } else { 0.0 };
        let others = trainers - 1.0;
        let swap = if others < 1.0 {
            0.0
        } else if pulls {
            2.0 * it.flood_s + others * up + down + 4.0 * it.link_s
        } else {
            // What a member holds others learn by flooding, and until then send what it cannot use; then all have
            // to hear that all have all, for which they look once a period.
            let sends = (others / f64::from(gossip.models_per_round.max(1))).ceil();
            let sent = (sends - 1.0) * period + others * (4.0 * it.link_s + up) + down;
            period * ((sent + 2.0 * it.flood_s) / period.max(1e-3)).ceil()
        };
        now += it.flood_s + evaluate + train + swap + it.aggregate_s + diffusing.done + collisions;
        now += it.disturbed(round);
        if faithful && it.lacking {
            // Votes do not reach everyone, and train sets differ: both waits last until they time out.
            now += settings.training.vote_timeout.0.as_secs_f64() + FAITHFUL_WAIT.as_secs_f64();
            break;
        }
        let gives_up = gossip.exit_on_x_equal_rounds as f64 * period;
        let early = it.flood_s > train;
        if faithful && early && gives_up < gossip.mode_expectation_timeout.0.as_secs_f64() {
            // Contributions come to members that still vote: they are dropped, and not taken again in time.
            now += FAITHFUL_WAIT.as_secs_f64();
        }
    }
    let rounds = f64::from(spec.rounds);
    let mut sent = Sent::default();
    sent.gossip(1.0 + nodes, it.gossip(GossipBody::ModelInitialized));
    let ballot: Arc<[(PeerId, u32)]> = (0..trainers as u32).map(|i| (i, 300)).collect();
    sent.gossip(rounds * nodes, it.gossip(GossipBody::Vote(ballot)));
    // Who has finished does not pass the others' on.
    sent.gossip(0.9 * rounds * nodes, it.gossip(GossipBody::ModelsReady));
    // Contributions come alone or several at a time, and each member says so each time.
    let half: Arc<[PeerId]> = (0..(trainers / 2.0).ceil() as u32).collect();
    sent.gossip(
        rounds * (0.7 * trainers * trainers).max(trainers),
        it.gossip(GossipBody::ModelsAggregated(half)),
    );
    if it.evaluates {
        let metrics = Arc::from([("test_loss", 0.123_456_789_012), ("test_metric", 0.123_456_789_012)]);
        sent.gossip(rounds * trainers + 0.6 * nodes, it.gossip(GossipBody::Metrics(metrics)));
    }
    let models = (nodes - 1.0) + rounds * (0.9 * trainers * (trainers - 1.0) + nodes - trainers);
    let announcement = Announcement { follows: Command::AddModel, round: 1, contributors: Arc::from([]) };
    sent.direct(2.0 * models, it.direct(&Message::Announce(announcement)));
    sent.direct(models, it.direct(&it.model(Command::AddModel)));
    let setup_s = match (it.lacking, it.graph.is_complete()) {
        (true, _) => it.start_after_s,
        (false, true) => 2.0 * it.link_s,
        (false, false) => (heartbeat.period.0.as_secs_f64() + it.flood_s).min(it.start_after_s),
    };
    let evaluated = it.evaluations(spec.rounds);
    let work = rounds * it.work(trainers, 0.0) + it.work(0.0, evaluated)
        // Each trainer in each round, and everyone at the end, on its own share of the test split.
        + it.work(0.0, (rounds * trainers / nodes) + 1.0);
    let told = it.told(setup_s, now, &sent, work);
    Forecast { may_stall: faithful && it.lacking, ..told }
}

/// See [`Kind::misfits`](crate::node::Kind::misfits).
pub fn misfits(spec: &P2pfl, it: &Prospect) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    let (gossip, heartbeat) = (&it.settings.gossip, &it.settings.heartbeat);
    let Prospect { degree, reached, .. } = *it;
    // Every node passes on every other's beat to its neighbours.
    let sends = reached / heartbeat.period.0.as_secs_f64() * degree * gossip.period.0.as_secs_f64();
    if spec.variant == Variant::Repaired && sends > gossip.messages_per_period as f64 {
        misfits.push(Misfit {
            path: "settings.gossip.messages_per_period",
            code: "cap-exceeded",
            message: format!(
                "heartbeats alone make a node forward about {sends:.0} messages a period; the cap is {}, so they \
                 pile up",
                gossip.messages_per_period
            ),
            help: format!("set it to {:.0} or more, or lengthen `settings.heartbeat.period`", 3.0 * sends),
        });
    }
    let circulating = reached * (it.spreading.as_secs_f64() / heartbeat.period.0.as_secs_f64()).max(1.0);
    if spec.variant != Variant::Repaired && circulating > gossip.amount_last_messages_saved as f64 {
        misfits.push(Misfit {
            path: "settings.gossip.amount_last_messages_saved",
            code: "dedup-overflow",
            message: format!(
                "about {circulating:.0} messages circulate at a time, but a node remembers {}: it forgets \
                 messages that are still under way and floods them again",
                gossip.amount_last_messages_saved
            ),
            help: format!("set it to {:.0} or more, or use the variant `repaired`", 3.0 * circulating),
        });
    }
    // `repaired` goes by the time of receipt: however far a peer is, its beats come one period apart.
    let late = it.spreading + heartbeat.period.0;
    if spec.variant != Variant::Repaired && late > heartbeat.timeout.0 {
        misfits.push(Misfit {
            path: "settings.heartbeat.timeout",
            code: "flapping-peers",
            message: format!(
                "a beat takes up to {:.1} s to reach the farthest peer, and the next comes {} later: far peers \
                 are forgotten and found again all the time",
                it.spreading.as_secs_f64(),
                heartbeat.period
            ),
            help: format!("set it to {:.0}s or more", (2.0 * late.as_secs_f64()).ceil()),
        });
    }
    // The first model waits a second at every hop before it is passed on, so the first to vote wait that long for
    // the last.
    let start = SETTLE * it.depth + it.spreading;
    if start > it.settings.training.vote_timeout.0 {
        misfits.push(Misfit {
            path: "settings.training.vote_timeout",
            code: "votes-time-out",
            message: format!(
                "the first model takes about {:.0} s to spread, so the first nodes to vote wait longer than {} for \
                 the votes of the last, and go on without them",
                start.as_secs_f64(),
                it.settings.training.vote_timeout
            ),
            help: format!("set it to {:.0}s or more", (1.5 * start.as_secs_f64()).ceil()),
        });
    }
    misfits
}

/// See [`Kind::held`](crate::node::Kind::held).
pub fn held(spec: &P2pfl, it: &Heap) -> f64 {
    let gossip = &it.settings.gossip;
    let remembered = match spec.variant {
        Variant::Repaired => {
            let memory = flood::memory(gossip).as_secs_f64();
            memory * 2.0 * it.load.messages_per_s / it.load.messages_per_broadcast.max(1.0) * it.nodes
        }
        Variant::Faithful | Variant::FaithfulMemory => gossip.amount_last_messages_saved as f64 * it.nodes,
    };
    let pending = it.load.messages_per_s * gossip.period.0.as_secs_f64() + it.backlog;
    it.known * KNOWN_PEER_BYTES
        + remembered * HASH_BYTES
        + pending * PENDING_BYTES
        + it.model * (it.nodes + 4.0 * f64::from(spec.trainset_size))
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
