//! What a node keeps from round to round beside its model: of its training, and of the rule that combines models.

use crate::learning::State;

/// Nothing at first, and for most learners and rules for ever, so that it takes no more than a word then.
#[derive(Debug, Default)]
pub struct Kept(Option<Box<Both>>);

#[derive(Debug, Default)]
struct Both {
    training: State,
    rule: State,
}

impl Kept {
    /// What training left the last time.
    pub fn training(&self) -> State {
        self.0.as_ref().and_then(|it| it.training.clone())
    }

    /// What the rule left the last time.
    pub fn rule(&self) -> State {
        self.0.as_ref().and_then(|it| it.rule.clone())
    }

    /// Training is done.
    pub fn trained(&mut self, state: State) {
        if state.is_some() || self.0.is_some() {
            self.0.get_or_insert_default().training = state;
        }
    }

    /// Models are combined.
    pub fn combined(&mut self, state: State) {
        if state.is_some() || self.0.is_some() {
            self.0.get_or_insert_default().rule = state;
        }
    }
}
