//! A neighbour as its node sees it: whether it is there, and its models that came before they were needed.

use crate::learning::Model;
use std::sync::Arc;

/// A direct neighbour.
#[derive(Debug)]
pub struct Neighbour {
    pub degree: u32,
    /// Not waited for: unreachable, silent, or never heard from since it went.
    pub gone: bool,
    /// Its models of this round and the next.
    early: [Option<(u32, Arc<Model>)>; 2],
}

impl Neighbour {
    pub const fn new(degree: u32) -> Self {
        Self { degree, gone: false, early: [None, None] }
    }

    /// Keeps an early model; of three rounds the oldest goes.
    pub fn keep(&mut self, round: u32, model: Arc<Model>) {
        let slot = self
            .early
            .iter()
            .position(|it| it.as_ref().is_none_or(|(kept, _)| *kept == round))
            .unwrap_or_else(|| {
                usize::from(self.early[1].as_ref().map(|it| it.0) < self.early[0].as_ref().map(|it| it.0))
            });
        self.early[slot] = Some((round, model));
    }

    /// Whether its model of a round is there, or of a later one: then it will not send this one any more.
    pub fn has_reached(&self, round: u32) -> bool {
        self.early.iter().flatten().any(|(kept, _)| *kept >= round)
    }

    /// Takes the model of a round, and forgets those of earlier ones.
    pub fn take(&mut self, round: u32) -> Option<Arc<Model>> {
        let mut taken = None;
        for slot in &mut self.early {
            if slot.as_ref().is_some_and(|(kept, _)| *kept <= round) {
                taken = slot.take().filter(|(kept, _)| *kept == round).map(|(_, model)| model).or(taken);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::Layout;

    #[test]
    fn two_models_are_kept_and_of_three_the_oldest_goes() {
        let model = Arc::new(Model::synthetic(Arc::new(Layout::new([vec![1]]))));
        let mut neighbour = Neighbour::new(2);
        for round in [4, 5, 5, 6] {
            neighbour.keep(round, Arc::clone(&model));
        }
        assert!(neighbour.take(4).is_none());
        assert!(neighbour.has_reached(4), "it has gone on");
        assert!(neighbour.take(5).is_some() && neighbour.take(6).is_some());
        assert!(neighbour.take(6).is_none() && !neighbour.has_reached(6));
    }
}
