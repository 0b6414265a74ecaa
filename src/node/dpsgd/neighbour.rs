//! A neighbour as its node sees it: whether it is there, and its models that came before they were needed.

use crate::learning::Model;
use std::sync::Arc;

/// A direct neighbour. There are many of them, so it is kept small: two models, and which round the first is of.
#[derive(Debug)]
pub struct Neighbour {
    pub degree: u32,
    /// Not waited for: unreachable, silent, or never heard from since it went.
    pub gone: bool,
    /// Its models of this round and a later one: the rounds, where there is a model.
    rounds: [u32; 2],
    early: [Option<Arc<Model>>; 2],
}

impl Neighbour {
    pub const fn new(degree: u32) -> Self {
        Self { degree, gone: false, rounds: [0; 2], early: [None, None] }
    }

    fn kept(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        (0..2).filter(|&i| self.early[i].is_some()).map(|i| (i, self.rounds[i]))
    }

    /// Keeps an early model; of three rounds the oldest goes.
    pub fn keep(&mut self, round: u32, model: Arc<Model>) {
        let same = self.kept().find(|(_, kept)| *kept == round).map(|(i, _)| i);
        let free = || self.early.iter().position(Option::is_none);
        let place = same.or_else(free).unwrap_or_else(|| usize::from(self.rounds[1] < self.rounds[0]));
        self.rounds[place] = round;
        self.early[place] = Some(model);
    }

    /// Whether its model of a round is there, or of a later one: then it will not send this one any more.
    pub fn has_reached(&self, round: u32) -> bool {
        self.kept().any(|(_, kept)| kept >= round)
    }

    /// Takes the model of a round, and forgets those of earlier ones.
    pub fn take(&mut self, round: u32) -> Option<Arc<Model>> {
        let mut taken = None;
        for i in 0..2 {
            if self.early[i].is_some() && self.rounds[i] <= round {
                let model = self.early[i].take();
                if self.rounds[i] == round {
                    taken = model;
                }
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
