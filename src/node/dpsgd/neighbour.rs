//! A neighbour as its node sees it: whether it is there, and its models that came before they were needed.

use crate::learning::Model;
use std::sync::Arc;

/// A direct neighbour. There may be millions of them, so it is kept small: two models, and of the rounds that they are of
/// the low bits, for they are never far from the node's own.
#[derive(Debug)]
pub struct Neighbour {
    /// The degree, and in the highest bit whether it is gone.
    degree: u32,
    rounds: [u16; 2],
    early: [Option<Arc<Model>>; 2],
}

const GONE: u32 = 1 << 31;

/// How far one round is after another, by their low bits.
const fn after(round: u16, other: u16) -> i16 {
    round.wrapping_sub(other) as i16
}

impl Neighbour {
    pub const fn new(degree: u32) -> Self {
        Self { degree: degree & !GONE, rounds: [0; 2], early: [None, None] }
    }

    pub const fn degree(&self) -> u32 {
        self.degree & !GONE
    }

    /// Whether it is not waited for: unreachable, silent, or never heard from since it went.
    pub const fn is_gone(&self) -> bool {
        self.degree & GONE != 0
    }

    /// Sets whether it is gone; returns whether it was.
    pub const fn set_gone(&mut self, gone: bool) -> bool {
        let was = self.is_gone();
        self.degree = self.degree() | if gone { GONE } else { 0 };
        was
    }

    /// The places in which there are models, and how far their rounds are after a round.
    fn kept(&self, round: u32) -> impl Iterator<Item = (usize, i16)> + '_ {
        let there = (0..2).filter(|&i| self.early[i].is_some());
        there.map(move |i| (i, after(self.rounds[i], round as u16)))
    }

    /// Keeps an early model; of three rounds the oldest goes.
    pub fn keep(&mut self, round: u32, model: Arc<Model>) {
        let same = self.kept(round).find(|(_, after)| *after == 0).map(|(i, _)| i);
        let free = || self.early.iter().position(Option::is_none);
        let place =
            same.or_else(free).unwrap_or_else(|| usize::from(after(self.rounds[1], self.rounds[0]) < 0));
        self.rounds[place] = round as u16;
        self.early[place] = Some(model);
    }

    /// Whether its model of a round is there, or of a later one: then it will not send this one any more.
    pub fn has_reached(&self, round: u32) -> bool {
        self.kept(round).any(|(_, after)| after >= 0)
    }

    /// Takes the model of a round, and forgets those of earlier ones.
    pub fn take(&mut self, round: u32) -> Option<Arc<Model>> {
        let mut taken = None;
        for i in 0..2 {
            let after = after(self.rounds[i], round as u16);
            if after <= 0 {
                let model = self.early[i].take();
                if after == 0 {
                    taken = model.or(taken);
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

    #[test]
    fn rounds_are_told_apart_however_many_there_have_been_and_a_neighbour_is_small() {
        let model = Arc::new(Model::synthetic(Arc::new(Layout::new([vec![1]]))));
        let mut neighbour = Neighbour::new(7);
        neighbour.keep(65_535, Arc::clone(&model));
        neighbour.keep(65_536, Arc::clone(&model));
        assert!(neighbour.has_reached(65_536) && !neighbour.has_reached(65_537));
        assert!(neighbour.take(65_535).is_some() && neighbour.take(65_536).is_some());
        assert!(!neighbour.set_gone(true) && neighbour.is_gone() && neighbour.degree() == 7);
        assert!(neighbour.set_gone(false) && !neighbour.is_gone());
        assert!(size_of::<Neighbour>() <= 24);
    }
}
