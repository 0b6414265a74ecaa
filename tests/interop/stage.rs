//! What a test has around it: a folder, the Python with P2PFL, and certificates if they are to be used.

use crate::certificates::Certificates;
use crate::environment;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How peers speak to each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// gRPC in the clear.
    Tcp,
    /// gRPC with mutual TLS.
    Mtls,
}

/// See the module.
pub struct Stage {
    folder: TempDir,
    python: &'static Path,
    certificates: Option<Certificates>,
}

impl Stage {
    /// Nothing where there is no P2PFL to test with.
    pub fn set(over: Over) -> Option<Self> {
        let python = environment::python()?;
        let folder = tempfile::tempdir().expect("there is room for files");
        let certificates = (over == Over::Mtls).then(|| Certificates::make(folder.path()));
        Some(Self { folder, python, certificates })
    }

    /// The Python that has P2PFL.
    pub fn python(&self) -> &Path {
        self.python
    }

    /// Where programs run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file that is the test's own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What peers have to show each other.
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }
}
