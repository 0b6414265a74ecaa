//! What `dpsgd` says about itself.

use super::spec::{Dpsgd, Pace};
use crate::format::findings::Findings;
use crate::format::settings::Settings;
use crate::node::foresight::{Forecast, Heap, Outlook, Sent, Site, Surroundings, Together, Traffic};
use crate::node::{Kind, Spreading, Stage};
use crate::wire::Command;
use std::time::Duration;

/// Bytes of the handles that a task keeps for a neighbour and its early models.
const NEIGHBOUR_BYTES: f64 = 128.0;

impl Kind for Dpsgd {
    fn rounds(&self) -> u32 {
        self.rounds
    }

    fn epochs(&self) -> u32 {
        self.epochs
    }

    fn says(&self, command: Command) -> bool {
        match command {
            Command::PartialModel => true,
            Command::SwapModel => self.mode == Pace::Asynchronous,
            Command::Beat => self.heartbeats,
            _ => false,
        }
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Train, Stage::Aggregate, Stage::Wait]
    }

    fn spreading(&self) -> Spreading {
        if self.heartbeats { Spreading::Flooding { awaited: false } } else { Spreading::Neighbours }
    }

    fn period(&self, settings: &Settings, training: Duration) -> Duration {
        if self.heartbeats {
            settings.gossip.period.0.min(settings.heartbeat.period.0)
        } else {
            training.saturating_mul(self.epochs)
        }
    }

    fn traffic(&self, it: &Site) -> Traffic {
        let round = it.training.saturating_mul(self.epochs) + it.aggregating;
        // One to each neighbour, or one to one of them and its own back.
        let each = match self.mode {
            Pace::Synchronous => it.edges,
            Pace::Asynchronous => 2.0 * f64::from(it.nodes),
        };
        Traffic {
            beats_per_s: if self.heartbeats { it.beats_per_s } else { 0.0 },
            singles_per_s: each / round.as_secs_f64().max(1e-3),
            per_round: each,
            // All have trained equally long.
            together: Together { connects: 0, calls: it.nodes },
            ..Traffic::default()
        }
    }

    fn largest_model(&self, _nodes: u32) -> Option<(Command, u32)> {
        Some((Command::PartialModel, 1))
    }

    fn models_at_a_time(&self, _nodes: u32, degree: u32) -> u32 {
        if self.mode == Pace::Synchronous { degree } else { 0 }
    }

    /// All neighbours get the model at once, and the last of them waits for the others.
    fn copies(&self, degree: u32) -> u32 {
        if self.mode == Pace::Synchronous { degree.max(1) } else { 1 }
    }

    /// Its own model, its next one, and up to two of each neighbour; a model on its way is one of these.
    fn held(&self, it: &Heap) -> f64 {
        let neighbours = if it.tasks { it.edges * NEIGHBOUR_BYTES } else { 0.0 };
        2.0 * it.nodes * it.model + neighbours
    }

    fn forecast(&self, it: &Outlook) -> Forecast {
        let training = it.training();
        let (up, down) = it.transfers();
        let aggregate = it.aggregate_s;
        let sent_at_a_time = if self.mode == Pace::Synchronous { it.degree() } else { 1.0 };
        let link = it.link_s + sent_at_a_time * up + down;
        let slows = it.slows();
        let rounds = self.rounds;
        let mut end: f64 = 0.0;
        match self.mode {
            // Everyone waits for its neighbours, and so, some rounds later, for the slowest of all.
            Pace::Synchronous => {
                let slowest = training.iter().copied().fold(0.0, f64::max);
                for round in 0..rounds {
                    let train = if slows {
                        let slow = it.slowness(round, end);
                        training.iter().zip(slow).map(|(train, slow)| train * slow).fold(0.0, f64::max)
                    } else {
                        slowest
                    };
                    end += train + link + aggregate;
                }
            }
            Pace::Asynchronous if slows => {
                let mut ends = vec![0.0; training.len()];
                for round in 0..rounds {
                    let mean = ends.iter().sum::<f64>() / it.nodes().max(1.0);
                    let slow = it.slowness(round, mean);
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
            f64::from(rounds) * it.load.messages_per_round,
            it.direct(&it.model(Command::PartialModel)),
        );
        let sampled = it.nodes().min(f64::from(it.sample));
        let work =
            f64::from(rounds) * it.work(it.nodes(), 0.0) + it.work(0.0, sampled * it.evaluations(rounds));
        // Connections are made in turns.
        let setup = 2.0 * it.link_s * it.degree().min(16.0);
        it.told(setup, end, &sent, work)
    }

    fn check(&self, it: &Surroundings, found: &mut dyn Findings) {
        if self.mode == Pace::Asynchronous {
            found.without_effect(
                "workflow.mixing",
                "where nodes average in pairs: each weighs one half",
                "leave it out, or write \"mode\": \"synchronous\"",
            );
            if !it.takes_partials {
                found.error(
                    "learning.aggregator",
                    "nodes that average in pairs add to that what training has changed, and this rule cannot"
                        .into(),
                    "write \"aggregator\": \"fedavg\", or \"mode\": \"synchronous\" in `workflow`".into(),
                );
            }
        }
        found.without_effect("settings.training.vote_timeout", "in `dpsgd`", "leave it out: nobody votes");
        if !self.heartbeats {
            // Beats are flooded too.
            let help = "leave it out, or write \"heartbeats\": true into `workflow`";
            found.without_effect("settings.gossip", "in `dpsgd`", help);
            found.without_effect("settings.heartbeat", "in `dpsgd`", help);
        }
    }
}
