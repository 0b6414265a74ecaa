//! What P2PFL's workflow says about itself.

use super::foresight;
use super::spec::{Dissemination, P2pfl, Variant};
use crate::format::findings::Findings;
use crate::format::selection;
use crate::format::settings::Settings;
use crate::node::foresight::{
    Forecast, Heap, Largest, Misfit, Outlook, Prospect, Said, Site, Surroundings, Together, Traffic,
};
use crate::node::{Kind, Spreading, Stage};
use crate::wire::{Command, GossipBody, PeerId};
use std::time::Duration;

impl Kind for P2pfl {
    fn rounds(&self) -> u32 {
        self.rounds
    }

    fn epochs(&self) -> u32 {
        self.epochs
    }

    fn first(&self) -> Option<(PeerId, &'static str)> {
        Some((self.initiator, "workflow.initiator"))
    }

    fn initiator(&self) -> Option<PeerId> {
        Some(self.initiator)
    }

    fn start_after(&self) -> Option<Duration> {
        self.start_after.map(|span| span.0)
    }

    fn variant(&self) -> Option<Variant> {
        Some(self.variant)
    }

    fn takes_latecomers(&self) -> bool {
        self.variant == Variant::Repaired
    }

    fn elects(&self) -> u32 {
        self.trainset_size
    }

    fn is_open(&self) -> bool {
        true
    }

    fn says(&self, command: Command) -> bool {
        match command {
            Command::GetModel => self.dissemination.pulls(),
            Command::SwapModel | Command::Probe | Command::Own(_) => false,
            _ => true,
        }
    }

    fn stages(&self) -> &'static [Stage] {
        &Stage::ALL
    }

    fn spreading(&self) -> Spreading {
        Spreading::Flooding { awaited: true }
    }

    fn unreached(&self, unstarted: bool) -> &'static str {
        match self.variant {
            Variant::Repaired => "; rounds then have several train sets",
            _ if unstarted => "; a node that `start_learning` does not reach never starts",
            _ => "",
        }
    }

    fn alone(&mut self, rounds: Option<u32>, trainset_size: Option<u32>) {
        self.initiator = 0;
        self.rounds = rounds.unwrap_or(self.rounds);
        self.trainset_size = trainset_size.unwrap_or(self.trainset_size);
    }

    fn period(&self, settings: &Settings, _training: Duration) -> Duration {
        let gossip = &settings.gossip;
        gossip.period.0.min(gossip.models_period.0).min(settings.heartbeat.period.0)
    }

    fn traffic(&self, it: &Site) -> Traffic {
        let nodes = f64::from(it.nodes);
        let trainers = self.trainset_size.min(it.nodes);
        // Votes and models_ready of everyone; models_aggregated of each trainer for each contribution.
        let broadcasts = 2.0 * nodes + f64::from(trainers) * (f64::from(trainers) + 1.0);
        Traffic {
            beats_per_s: it.beats_per_s,
            rush_per_s: nodes * it.broadcast / it.spreading.as_secs_f64().max(it.batch.as_secs_f64()),
            per_round: broadcasts * it.broadcast,
            // Trainers offer their contributions to each other, each to one at a time, and connect for it to whoever is no
            // neighbour.
            together: Together { connects: if it.complete { 0 } else { trainers }, calls: trainers },
            ..Traffic::default()
        }
    }

    fn largest(&self, nodes: u32) -> Vec<Largest> {
        let trainers = 0..self.trainset_size.min(nodes);
        let gossip = |what, body| Largest { path: None, what, said: Said::Gossip(body) };
        vec![
            gossip("votes", GossipBody::Vote(trainers.clone().map(|peer| (peer, 1_000)).collect())),
            gossip("lists of contributors", GossipBody::ModelsAggregated(trainers.collect())),
        ]
    }

    fn largest_model(&self, nodes: u32) -> Option<(Command, u32)> {
        Some(match self.trainset_size.min(nodes) {
            // Nobody has anything for others of the train set.
            0 | 1 => (Command::InitModel, 0),
            // What one trainer has gathered for another.
            trainers => (Command::PartialModel, trainers),
        })
    }

    fn models_at_a_time(&self, nodes: u32, _degree: u32) -> u32 {
        self.trainset_size.min(nodes).saturating_sub(1)
    }

    fn misfits(&self, it: &Prospect) -> Vec<Misfit> {
        foresight::misfits(self, it)
    }

    fn held(&self, it: &Heap) -> f64 {
        foresight::held(self, it)
    }

    fn forecast(&self, it: &Outlook) -> Forecast {
        foresight::forecast(self, it)
    }

    fn check(&self, it: &Surroundings, found: &mut dyn Findings) {
        found.at_least_one("workflow.trainset_size", self.trainset_size);
        if let (Variant::FaithfulMemory, Some(transport)) = (self.variant, it.sockets) {
            found.error(
                "workflow.variant",
                format!(
                    "`faithful-memory` is how P2PFL behaves over its in-memory transport, and this is {transport}"
                ),
                "use \"faithful\", which is how it behaves over gRPC".into(),
            );
        }
        // Peers outside may be elected as well.
        let peers = it.nodes.saturating_add(it.outside);
        if it.nodes > 0 && self.trainset_size > peers && found.is_written("workflow.trainset_size") {
            // P2PFL's ballots name no more candidates than there are peers.
            found.warn(
                "workflow.trainset_size",
                "trainset-clamped",
                format!(
                    "a train set of {} is larger than the network of {peers}: all nodes train in every round, as in P2PFL",
                    self.trainset_size
                ),
                format!("write {peers} or less"),
            );
        }
        if it.nodes > 0 && self.initiator >= it.nodes {
            let message = selection::beyond(self.initiator, it.nodes);
            found.error("workflow.initiator", message, "the initiator must be one of the nodes".into());
        }
        dissemination(self, it, found);
        let path = "settings.gossip.amount_last_messages_saved";
        if self.variant == Variant::Repaired
            && it.settings.gossip.amount_last_messages_saved != 100
            && found.is_written(path)
        {
            found.warn(
                path,
                "setting-without-effect",
                format!("`{path}` has no effect: `repaired` remembers messages by age"),
                "leave it out, or write \"variant\": \"faithful\"".into(),
            );
        }
    }
}

/// What P2PFL does not have on the wire, its peers do not understand.
fn dissemination(spec: &P2pfl, it: &Surroundings, found: &mut dyn Findings) {
    let (path, way) = match spec.dissemination {
        Dissemination::Push => return,
        Dissemination::Pull => ("workflow.dissemination", "pull"),
        Dissemination::PushPull => ("workflow.dissemination", "push_pull"),
    };
    if spec.variant != Variant::Repaired {
        found.error(
            path,
            format!("`{path}` is `{way}`, but P2PFL knows no message that asks for a model"),
            "leave it out, or write \"variant\": \"repaired\"".into(),
        );
    }
    if spec.dissemination == Dissemination::Pull && it.outside > 0 {
        found.warn(
            path,
            "pull-among-strangers",
            "peers of P2PFL do not ask for models and do not answer who asks: only p2pfl-sim's own do".into(),
            "write \"push_pull\" if some of the peers in `grpc.join` are P2PFL's".into(),
        );
    }
}
