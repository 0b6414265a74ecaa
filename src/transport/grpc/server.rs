//! Takes the calls of one node.

use super::{Host, Limits, Listener, Security, Traffic};
use std::sync::Arc;

/// Takes the calls of one node until it is dropped. It starts *up*.
///
/// While it is *down*, its port stays taken, but new connections are hung up on at once, and the calls under way are
/// broken off: to others it is a process that crashed, and that may come back under the same address.
#[derive(Debug)]
pub struct Server {}

impl Server {
    /// Begins to accept. To be called within a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// If the system does not let the runtime have the listener.
    pub fn start<H: Host>(
        listener: Listener,
        host: Arc<H>,
        security: &Security,
        limits: Limits,
        traffic: Arc<Traffic>,
    ) -> std::io::Result<Self> {
        todo!()
    }

    /// Takes calls again.
    pub fn up(&self) {
        todo!()
    }

    /// Hangs up on everyone. A call that another thread is just handing to the host may still come through.
    pub fn down(&self) {
        todo!()
    }
}
