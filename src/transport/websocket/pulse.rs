//! Whether the other end is alive: asked with a ping when nothing has come for a while, and given up when nothing comes then.

use crate::transport::socket::Limits;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Looks every so often whether anything has come. To set a timer anew at each message would cost every message.
#[derive(Debug)]
pub struct Pulse {
    every: Duration,
    timer: Pin<Box<Sleep>>,
    seen: u64,
    asked: bool,
}

/// What is to be done about a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The other end is to be asked with a ping.
    Ask,
    /// It was asked, and has not answered.
    Dead,
}

impl Pulse {
    /// A node has half the time that a request may take to say something, and the other half to answer a ping.
    pub fn new(limits: &Limits) -> Self {
        let every = limits.receiving / 2;
        Self { every, timer: Box::pin(sleep(every)), seen: 0, asked: false }
    }

    /// Ready when nothing has come for too long; `read` is the number of bytes that have.
    pub fn poll(&mut self, read: u64, cx: &mut Context<'_>) -> Poll<Silence> {
        while self.timer.as_mut().poll(cx).is_ready() {
            self.timer.as_mut().reset(Instant::now() + self.every);
            if self.seen != read {
                (self.seen, self.asked) = (read, false);
            } else if self.asked {
                return Poll::Ready(Silence::Dead);
            } else {
                self.asked = true;
                return Poll::Ready(Silence::Ask);
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn impatient() -> Pulse {
        Pulse::new(&Limits { receiving: Duration::from_millis(4), ..Limits::default() })
    }

    #[tokio::test]
    async fn who_says_nothing_is_asked_and_then_given_up() {
        let mut pulse = impatient();
        assert_eq!(
            poll_fn(|cx| pulse.poll(5, cx)).await,
            Silence::Ask,
            "5 bytes came at first, and none since"
        );
        assert_eq!(poll_fn(|cx| pulse.poll(5, cx)).await, Silence::Dead);
    }

    #[tokio::test]
    async fn who_answers_is_not_given_up() {
        let mut pulse = impatient();
        for read in 0..5 {
            assert_eq!(poll_fn(|cx| pulse.poll(read, cx)).await, Silence::Ask);
        }
    }
}
