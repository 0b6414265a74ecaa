//! What events of the engine carry. They are small and all of one size: bodies are shared, rare things are boxed. What of
//! them may go to another shard is in `crossing`.

use super::core::Payload;
use super::crossing::{Answer, Crossing, Envelope};
use super::jobs::Value;
use crate::engine::course::script::Order;
use crate::node::io::{JobId, Timer};

/// What happens to a node.
#[derive(Debug)]
pub enum Body {
    /// A message arrives.
    Message(Envelope),
    /// A request is answered, or is known not to be.
    Response(Box<Answer>),
    /// A timer may be due: the node's own table knows.
    Timer(Timer),
    /// A job is done.
    Job {
        /// Who started it.
        incarnation: u16,
        /// Which.
        job: JobId,
        /// What comes of it.
        value: Value,
    },
    /// Learning starts. Of this there may be a million at once, so what the node is told is not in it.
    Begin,
    /// The conductor tells the node something else.
    Order(Box<Order>),
}

impl Payload for Body {
    type Crossing = Crossing;

    fn cross(self) -> Option<Crossing> {
        match self {
            Self::Message(it) => Some(Crossing::Message(it)),
            Self::Response(it) => Some(Crossing::Response(it)),
            // A node sets itself timers and starts its own jobs; orders are given to the shard that a node belongs to.
            Self::Timer(_) | Self::Job { .. } | Self::Begin | Self::Order(_) => None,
        }
    }
}

impl From<Crossing> for Body {
    fn from(it: Crossing) -> Self {
        match it {
            Crossing::Message(it) => Self::Message(it),
            Crossing::Response(it) => Self::Response(it),
        }
    }
}

impl Body {
    /// Whether a run must not be called stalled while this is on its way. Timers count by the nodes' tables.
    pub fn progress(&self) -> bool {
        match self {
            Self::Message(it) => it.flags.progress(),
            Self::Response(_) | Self::Job { .. } | Self::Begin | Self::Order(_) => true,
            Self::Timer(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::core::Event;

    #[test]
    fn an_event_is_a_cache_line() {
        assert_eq!(size_of::<Event<Body>>(), 64);
        assert_eq!(size_of::<Option<Event<Body>>>(), 64);
        assert_eq!(size_of::<Event<Crossing>>(), 64);
    }
}
