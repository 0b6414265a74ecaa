//! When the first deadline of a connection's calls is over.

use super::Calls;
use std::future::Future as _;
use std::pin::Pin;
use std::task::Context;
use tokio::time::{Instant, Sleep, sleep_until};

/// Rings for whoever has waited for too long.
#[derive(Debug)]
pub struct Alarm {
    timer: Pin<Box<Sleep>>,
    /// When it rings: no later than the first deadline.
    armed: Option<Instant>,
}

impl Default for Alarm {
    /// Rings for nobody yet.
    fn default() -> Self {
        Self { timer: Box::pin(sleep_until(Instant::now())), armed: None }
    }
}

impl Alarm {
    /// Tells those whose deadline is over that it is, and is woken for the next. It is left alone when it would ring too
    /// early: most calls are answered long before their time.
    pub fn poll(&mut self, calls: &Calls, cx: &mut Context<'_>) {
        loop {
            if let Some(at) = calls.sooner()
                && self.armed.is_none_or(|armed| at < armed)
            {
                self.timer.as_mut().reset(at);
                self.armed = Some(at);
            }
            if self.armed.is_none() || self.timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.armed = None;
            calls.expire(Instant::now());
        }
    }
}
