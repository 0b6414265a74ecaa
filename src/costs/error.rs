//! Why something could not be measured.

use crate::transport::socket::tls::TlsError;
use crate::transport::socket::{CallError, FolderError, TransportError};
use std::io;

/// Why a transport could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum CostsError {
    /// The system gives no thread, runtime or socket.
    #[error(transparent)]
    System(#[from] io::Error),
    /// An address that cannot be listened on.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// No folder for Unix sockets.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// No certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A message that was not answered.
    #[error("a message was not answered: {0}")]
    Call(#[from] CallError),
    /// A task that panicked, which is a fault of this program.
    #[error("a task broke off: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The user had enough.
    #[error("interrupted")]
    Interrupted,
}
