//! How many messages a network takes, beside what P2PFL itself was measured to send.

use super::network::Network;
use super::rules::Setup;
use super::shapes::{full, ring};
use crate::format::units::Span;
use crate::node::spec::Variant::FaithfulMemory;
use crate::wire::{Command, PeerId};

/// The settings of the measurements.
fn network(nodes: u32, edges: &[(PeerId, PeerId)]) -> Network {
    let mut setup = Setup::p2pfl(nodes, FaithfulMemory).with(|it| {
        it.heartbeat.period = Span::secs(1);
        it.heartbeat.timeout = Span::secs(10);
        it.gossip.messages_per_period = 9_999_999_999;
        it.gossip.amount_last_messages_saved = 10_000;
        it.gossip.models_period = Span::secs(2);
        it.gossip.models_per_round = 4;
    });
    setup.evaluates = false;
    let mut network = Network::new(setup, edges);
    // Real peers do not end their training in the same millisecond.
    network.stagger = std::time::Duration::from_millis(20);
    network.learn();
    network.sent.clear();
    network
}

/// Messages of P2PFL 0.4.4 over memory, by command.
type Measured = [(Command, usize); 9];

const FULL_8: Measured = [
    (Command::StartLearning, 49),
    (Command::ModelInitialized, 441),
    (Command::VoteTrainSet, 784),
    (Command::ModelsReady, 784),
    (Command::ModelsAggregated, 1568),
    (Command::PreSendModel, 78),
    (Command::InitModel, 7),
    (Command::PartialModel, 24),
    (Command::AddModel, 8),
];
const FULL_16: Measured = [
    (Command::StartLearning, 155),
    (Command::ModelInitialized, 2635),
    (Command::VoteTrainSet, 4960),
    (Command::ModelsReady, 4960),
    (Command::ModelsAggregated, 4960),
    (Command::PreSendModel, 150),
    (Command::InitModel, 15),
    (Command::PartialModel, 24),
    (Command::AddModel, 24),
];
const RING_8: Measured = [
    (Command::StartLearning, 14),
    (Command::ModelInitialized, 126),
    (Command::VoteTrainSet, 224),
    (Command::ModelsReady, 224),
    (Command::ModelsAggregated, 420),
    (Command::PreSendModel, 66),
    (Command::InitModel, 7),
    (Command::PartialModel, 26),
    (Command::AddModel, 8),
];

#[test]
fn messages_are_those_of_p2pfl() {
    let cases = [("full", 8, full(8), FULL_8), ("full", 16, full(16), FULL_16), ("ring", 8, ring(8), RING_8)];
    for (name, nodes, edges, measured) in cases {
        let mut network = network(nodes, &edges);
        // Sends of `learn` itself were dropped with those of the set-up: the initiator's first broadcasts.
        let direct = edges.iter().filter(|(a, b)| *a == 0 || *b == 0).count();
        assert!(network.finish(120), "{name} {nodes}");
        for (command, theirs) in measured {
            let before = match command {
                Command::StartLearning => direct,
                Command::ModelInitialized => 2 * direct,
                _ => 0,
            };
            let ours = network.count(command) + before;
            let drawn =
                matches!(command, Command::ModelsAggregated | Command::PreSendModel | Command::PartialModel);
            // Whom a model is offered to is drawn, so these differ from run to run.
            let apart = if drawn { theirs * 15 / 100 } else { 0 };
            assert!(ours.abs_diff(theirs) <= apart, "{name} {nodes} {command}: {ours}, not {theirs}");
        }
    }
}
