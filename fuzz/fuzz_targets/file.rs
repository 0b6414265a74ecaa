//! A file for decoders that are given a path: a folder of this process, written anew for every input.

use std::path::Path;
use std::sync::LazyLock;

/// A folder in which `name` holds these bytes.
pub fn holding(name: &str, bytes: &[u8]) -> &'static Path {
    static FOLDER: LazyLock<std::path::PathBuf> = LazyLock::new(|| {
        let folder = std::env::temp_dir().join(format!("p2pfl-sim-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        folder
    });
    std::fs::write(FOLDER.join(name), bytes).expect("a temporary file");
    &FOLDER
}
