//! When a node stops to offer a model that is not taken.

/// Tells whether anything still changes. P2PFL keeps the last `exit_on_x_equal_rounds` states, but compares only the
/// first two places of that ring, and the first entries never equal later ones; `repaired` compares all.
#[derive(Debug, Default)]
pub struct History {
    iterations: u32,
    first: Option<u64>,
    second: Option<u64>,
    last: u64,
    equal: u32,
}

impl History {
    /// Notes the state of an iteration; whether it is time to give up.
    pub fn unchanged(&mut self, state: u64, length: u32, repaired: bool) -> bool {
        self.iterations += 1;
        if repaired {
            self.equal = if self.iterations > 1 && self.last == state { self.equal + 1 } else { 1 };
            self.last = state;
            return self.equal > length;
        }
        if self.iterations <= length {
            return false;
        }
        match (self.iterations - length - 1) % length.max(1) {
            0 => self.first = Some(state),
            1 => self.second = Some(state),
            _ => {}
        }
        length > 1 && self.first.is_some() && self.first == self.second
    }
}

#[cfg(test)]
mod tests {
    use super::History;

    /// Iterations until the history says that nothing changes, for a state that never does.
    fn exit(length: u32, repaired: bool) -> Option<u32> {
        let mut history = History::default();
        (1..1000).find(|_| history.unchanged(7, length, repaired))
    }

    #[test]
    fn p2pfl_gives_up_two_iterations_late_and_repaired_after_as_many_as_the_setting_says() {
        assert_eq!(exit(10, false), Some(12));
        assert_eq!(exit(10, true), Some(11));
        assert_eq!(exit(1, false), None, "with one place there is nothing to compare");
    }

    #[test]
    fn p2pfl_overlooks_a_state_that_is_equal_at_the_wrong_moment() {
        let mut history = History::default();
        // It changes between the two iterations that P2PFL compares, and stays the same long after.
        let exit = (1..1000).find(|&i| history.unchanged(u64::from(i >= 12), 10, false));
        assert_eq!(exit, Some(21), "the ring comes round to its first place again");
    }
}
