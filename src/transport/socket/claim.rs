//! Makes way for a Unix socket at a path of the user's choice. A process that was killed leaves its socket behind, and
//! nobody can listen where a file is.

use super::AddressError;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// A path at which nobody can listen.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// It is no path for a socket.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Somebody listens there.
    #[error("{} is in use: stop what listens there, or choose another path", .0.display())]
    InUse(PathBuf),
    /// There is something else, which is not ours to remove.
    #[error("{} is there and is no socket: remove it, or choose another path", .0.display())]
    Occupied(PathBuf),
    /// There is no folder for it.
    #[error("there is no folder {}: make it, or choose another path", .0.display())]
    NoFolder(PathBuf),
    /// The system does not let us look, or remove it.
    #[error("cannot use {}: {source}", path.display())]
    System {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Sees to it that a socket can be bound at `path`: one that was left behind, on which nobody answers, is removed.
///
/// # Errors
/// If somebody listens there, if there is a file that is no socket, or if there is no folder for it.
pub fn claim(path: &Path) -> Result<(), ClaimError> {
    super::Address::unix(path)?;
    let system = |source| ClaimError::System { path: path.into(), source };
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            let folder = path.parent().unwrap_or(path);
            return if folder.is_dir() { Ok(()) } else { Err(ClaimError::NoFolder(folder.into())) };
        }
        Err(error) => return Err(system(error)),
    };
    if !found.file_type().is_socket() {
        return Err(ClaimError::Occupied(path.into()));
    }
    match call(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(system)
        }
        // It has gone by itself.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(system(error)),
        // Somebody answers, is too busy to do so, or has a socket of another kind.
        _ => Err(ClaimError::InUse(path.into())),
    }
}

/// Connects, and does not wait where the queue is full.
fn call(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    #[test]
    fn a_path_where_nothing_is_can_be_had() {
        let folder = tempfile::tempdir().unwrap();
        claim(&folder.path().join("free")).unwrap();
    }

    #[test]
    fn a_socket_that_was_left_behind_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("left");
        drop(UnixListener::bind(&path).unwrap());
        assert!(UnixListener::bind(&path).is_err(), "it is in the way");
        claim(&path).unwrap();
        UnixListener::bind(&path).expect("the way is free");
    }

    #[test]
    fn a_socket_on_which_somebody_listens_is_in_use_however_busy_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alive");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(1).unwrap();
        // From some call on the queue is full.
        for _ in 0..5 {
            let error = claim(&path).unwrap_err();
            assert!(matches!(&error, ClaimError::InUse(it) if *it == path), "{error}");
        }
        assert!(path.exists());
        let other = folder.path().join("datagrams");
        let _other = UnixDatagram::bind(&other).unwrap();
        assert!(matches!(claim(&other), Err(ClaimError::InUse(_))));
    }

    #[test]
    fn what_is_no_socket_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "precious").unwrap();
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        for path in [&file, &link, &folder.path().to_owned()] {
            let error = claim(path).unwrap_err();
            assert!(matches!(&error, ClaimError::Occupied(it) if it == path), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = claim(&missing.join("socket")).unwrap_err();
        assert!(matches!(&error, ClaimError::NoFolder(it) if *it == missing), "{error}");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(claim(&file.join("socket")), Err(ClaimError::NoFolder(_))));
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_refused() {
        assert!(matches!(claim(Path::new("relative")), Err(ClaimError::Address(_))));
    }
}
