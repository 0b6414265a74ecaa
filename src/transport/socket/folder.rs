//! The private folder in which the nodes of a run have their Unix sockets. It is gone when the run is over, however the
//! run ends; only a process that is killed leaves it behind. A socket at a path of the user's choice is `claim`'s.

use super::address::{Address, AddressError, MAX_SOCKET_PATH};
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// A folder that only this user may look into. It is removed when this is dropped.
#[derive(Debug)]
pub struct Folder {
    // Taken when it is dropped.
    temporary: Option<TempDir>,
}

/// A folder that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Where temporary files go is too deep.
    #[error(
        "the paths of Unix sockets in {} would be longer than the {MAX_SOCKET_PATH} bytes that the system takes: set the \
         environment variable TMPDIR to a shorter one, for example TMPDIR=/tmp",
        .0.display()
    )]
    TooLong(PathBuf),
    /// Where temporary files go has a name that no peer can be told.
    #[error("Unix sockets cannot be in {}: {why}; set the environment variable TMPDIR, for example TMPDIR=/tmp", at.display())]
    Unspeakable {
        /// The folder.
        at: PathBuf,
        /// What is wrong with it.
        why: AddressError,
    },
    /// The system gives none.
    #[error("cannot make a folder for Unix sockets in {}: {source}", at.display())]
    Make {
        /// Where.
        at: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What the names of folders begin with, and how many letters are drawn behind that.
const PREFIX: &str = "p2pfl-sim-";
const RANDOM: usize = 6;

fn socket_in(folder: &Path, node: u32) -> Address {
    Address::Unix(folder.join(format!("{node:04}")))
}

/// All folders that are there, for whoever ends the process at once.
static THERE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

impl Folder {
    /// A new folder where temporary files go: `/tmp/p2pfl-sim-Ab12Cd`.
    ///
    /// # Errors
    /// If no socket in it could have an address, or the system gives no folder.
    pub fn make() -> Result<Self, FolderError> {
        Self::make_in(std::env::temp_dir())
    }

    fn make_in(at: PathBuf) -> Result<Self, FolderError> {
        // Held, so that none is made that is not in it while everything is being cleared away.
        let mut there = there();
        let made = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(RANDOM)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&at);
        let temporary = made.map_err(|source| FolderError::Make { at: at.clone(), source })?;
        // The longest name that a node's can have.
        match Address::unix(&temporary.path().join(u32::MAX.to_string())) {
            Ok(_) => {}
            Err(AddressError::PathTooLong { .. }) => return Err(FolderError::TooLong(at)),
            Err(why) => return Err(FolderError::Unspeakable { at, why }),
        }
        there.insert(temporary.path().into());
        Ok(Self { temporary: Some(temporary) })
    }

    /// Where a node listens: `/tmp/p2pfl-sim-Ab12Cd/0000`.
    pub fn socket(&self, node: u32) -> Address {
        let folder = self.temporary.as_ref().expect("it is there until it is dropped");
        socket_in(folder.path(), node)
    }

    /// As long as the longest of so many sockets in a folder that is yet to be made.
    pub fn longest_socket(nodes: u32) -> Address {
        socket_in(
            &std::env::temp_dir().join(format!("{PREFIX}{}", "x".repeat(RANDOM))),
            nodes.saturating_sub(1),
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let Some(temporary) = self.temporary.take() else { return };
        let mut there = there();
        there.remove(temporary.path());
        // What cannot be removed is left: there is nobody to tell.
        let _ = temporary.close();
    }
}

/// Removes all folders that are there, as the process is about to end and nobody will be dropped any more.
pub fn remove_all() {
    for folder in std::mem::take(&mut *there()) {
        let _ = std::fs::remove_dir_all(folder);
    }
}

fn there() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    THERE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Binds a node's socket; its folder.
    fn bound(folder: &Folder, node: u32) -> PathBuf {
        let Address::Unix(path) = folder.socket(node) else { panic!("it is a path") };
        UnixListener::bind(&path).expect("it can be bound");
        path.parent().map(Path::to_owned).expect("it is in a folder")
    }

    #[test]
    fn nobody_else_looks_into_it_and_it_goes_with_all_that_is_in_it() {
        let folder = Folder::make().unwrap();
        let path = bound(&folder, 0);
        bound(&folder, 12_345);
        assert!(folder.socket(7).to_string().ends_with("/0007"));
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
        assert!(!there().contains(&path));
    }

    #[test]
    fn it_goes_when_its_owner_panics() {
        let folder = Folder::make().unwrap();
        let path = bound(&folder, 0);
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            let _folder = folder;
            panic!("on purpose");
        }));
        assert!(panicked.is_err() && !path.exists());
    }

    #[test]
    fn where_no_socket_has_room_is_refused_with_what_to_set() {
        let deep = tempfile::tempdir().unwrap();
        let at = deep.path().join("x".repeat(80));
        std::fs::create_dir(&at).unwrap();
        let error = Folder::make_in(at.clone()).unwrap_err();
        assert!(matches!(&error, FolderError::TooLong(it) if *it == at), "{error}");
        assert!(error.to_string().contains("TMPDIR=/tmp"), "{error}");
        assert_eq!(at.read_dir().unwrap().count(), 0, "nothing is left of it");
    }

    #[test]
    fn where_nothing_can_be_made_is_named() {
        let error = Folder::make_in("/dev/null".into()).unwrap_err().to_string();
        assert!(error.contains("/dev/null"), "{error}");
    }
}
