//! What a node waits for, in words: the answer to "why does my network hang?".

use super::{At, Outcome, P2pfl};
use crate::node::links::Links;
use crate::wire::PeerId;

impl P2pfl {
    /// What has to happen for this node to go on.
    pub fn waits_for(&self, links: &Links) -> String {
        let round = self.round;
        match self.at {
            At::Idle => match self.outcome {
                Some(Outcome::Finished) => "nothing: it has finished".into(),
                Some(Outcome::Stopped) => "nothing: learning was stopped".into(),
                None if self.late => "a neighbour that tells it where learning stands".into(),
                None => "start_learning, which has not reached it".into(),
            },
            At::AwaitModel => "a first model (init_model) from a neighbour".into(),
            At::Settle | At::SpreadFirst | At::Converge => "the end of the start stage".into(),
            At::Vote => {
                format!("round {round}: votes of {}", peers(self.missing_votes(links)))
            }
            At::Evaluate(_) | At::Fit(_) | At::Combine(_) | At::Last(_) => {
                format!("round {round}: its own computing")
            }
            At::Swap | At::Collect => {
                format!("round {round}: contributions of {}", peers(self.aggregator.missing()))
            }
            At::Wait => format!("round {round}: the aggregate (add_model) from a neighbour"),
            At::Diffuse => format!("round {round}: neighbours to say models_ready"),
        }
    }
}

/// At most a handful of peers by number.
fn peers(peers: impl Iterator<Item = PeerId>) -> String {
    const SHOWN: usize = 5;
    let all: Vec<PeerId> = peers.collect();
    let shown: Vec<String> = all.iter().take(SHOWN).map(u32::to_string).collect();
    let list = shown.join(", ");
    if all.len() > SHOWN { format!("{} nodes ({list}, …)", all.len()) } else { format!("node {list}") }
}
