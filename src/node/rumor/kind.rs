//! What `rumor` says about itself.

use super::messages::{RUMOR, RUMOR_REQUEST};
use super::spec::{Mode, Rumor};
use crate::format::findings::Findings;
use crate::format::selection;
use crate::format::settings::Settings;
use crate::node::foresight::{Drawn, Forecast, Outlook, Sent, Site, Surroundings, Together, Traffic, Unfit};
use crate::node::{Kind, Spreading};
use crate::wire::{Command, PeerId};
use std::time::Duration;

impl Kind for Rumor {
    fn rounds(&self) -> u32 {
        self.rounds
    }

    fn first(&self) -> Option<(PeerId, &'static str)> {
        Some((self.source, "workflow.source"))
    }

    fn connects(&self) -> bool {
        false
    }

    fn learns(&self) -> bool {
        false
    }

    fn says(&self, command: Command) -> bool {
        command == RUMOR.command() || (command == RUMOR_REQUEST.command() && self.mode != Mode::Push)
    }

    fn spreading(&self) -> Spreading {
        Spreading::Calls { source: self.source }
    }

    fn period(&self, _settings: &Settings, _training: Duration) -> Duration {
        self.period.0
    }

    fn traffic(&self, it: &Site) -> Traffic {
        // Every node calls once a round, and where nodes ask, is answered.
        let messages = f64::from(it.nodes) * f64::from(self.mode.trips());
        Traffic {
            singles_per_s: messages / self.period.0.as_secs_f64().max(1e-9),
            // All nodes call at the same time: what lasts longer than a tenth of the period comes late.
            peak: 10.0,
            per_round: messages,
            // Nobody stays connected.
            together: Together { connects: it.nodes, calls: it.nodes },
            ..Traffic::default()
        }
    }

    /// The mean field of a complete graph; on others a rumor needs at least as many rounds as hops.
    fn forecast(&self, it: &Outlook) -> Forecast {
        let nodes = f64::from(it.reached[self.source as usize]) + 1.0;
        let hops = it.graph.eccentricity(self.source);
        let (mut know, mut rounds, mut told, mut asked) = (1.0, 0u32, 0.0, 0.0);
        while rounds < self.rounds && (nodes - know >= 0.5 || rounds < hops) {
            let unknowing = nodes - know;
            let untold = if self.mode == Mode::Pull { 1.0 } else { libm::exp(-know / nodes) };
            let unanswered = if self.mode == Mode::Push { 1.0 } else { unknowing / nodes };
            if self.mode != Mode::Push {
                asked += unknowing + it.nodes() - nodes;
                told += unknowing * know / nodes;
            }
            if self.mode != Mode::Pull {
                told += know;
            }
            know = nodes - unknowing * untold * unanswered;
            rounds += 1;
        }
        let rounds = if nodes < it.nodes() { self.rounds } else { rounds };
        let mut sent = Sent::default();
        sent.direct(told, it.direct(&RUMOR.say(1, 0, &[])));
        sent.direct(asked, it.direct(&RUMOR_REQUEST.say(1, 0, &[])));
        let end = f64::from(rounds) * self.period.0.as_secs_f64() + it.link_s;
        it.told(0.0, end, &sent, 0.0)
    }

    fn check(&self, it: &Surroundings, found: &mut dyn Findings) {
        if it.nodes > 0 && self.source >= it.nodes {
            let message = selection::beyond(self.source, it.nodes);
            found.error("workflow.source", message, "the source must be one of the nodes".into());
        }
        found.longer_than_zero("workflow.period", self.period, "all rounds would be at once");
        for (path, help) in [
            ("learning", "leave it out: nothing is learnt"),
            ("settings.gossip", "leave it out: nothing floods"),
            ("settings.heartbeat", "leave it out: nobody beats"),
            ("settings.training", "leave it out: nobody trains"),
        ] {
            found.without_effect(path, "in `rumor`", help);
        }
    }

    /// What is said in a round has to arrive in it.
    fn check_drawn(&self, it: &Drawn) -> Result<(), Unfit> {
        let trips = self.mode.trips();
        let Some(takes) = it.latency.map(|it| it * trips).filter(|it| *it >= self.period.0) else {
            return Ok(());
        };
        let what = if trips == 1 { "a message" } else { "a message and its answer" };
        Err(Unfit {
            path: "workflow.period",
            message: format!(
                "`workflow.period` is {}, but {what} takes {takes:?} (the median): rounds would run into each other",
                self.period
            ),
            help: "write a longer period, or lower `network.latency`".into(),
        })
    }
}
