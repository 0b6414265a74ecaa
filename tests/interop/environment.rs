//! The Python that has P2PFL.

use crate::python::Environment;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const P2PFL: Environment = Environment {
    name: "interop",
    what: "P2PFL 0.4.4, about 420 MB,",
    requirements: include_str!("requirements.txt"),
    // Without Ray, which P2PFL starts when it is there.
    import: "from p2pfl.settings import Settings; Settings.general.DISABLE_RAY = True; import p2pfl.node",
    required_by: "P2PFL_SIM_REQUIRE_INTEROP",
};

/// The Python that has P2PFL. Nothing if it cannot be had, which is said once, and is a failure where
/// `P2PFL_SIM_REQUIRE_INTEROP` is 1.
pub fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    P2PFL.python(&PYTHON)
}
