//! Files that are there as a whole or not at all, whenever the program or the machine ends. Every change that this program
//! makes to files that it leaves goes through here.

use super::FolderError;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// What the name of a file ends with until it is whole.
const PART: &str = ".part";

/// A test sets it to n to have the program die before its n-th change of a file.
#[cfg(debug_assertions)]
const ABORT_AT: &str = "P2PFL_SIM_TEST_ABORT_AT";

/// Every change of files goes through here. No program that is shipped looks at the environment for it.
fn change<T>(what: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    #[cfg(debug_assertions)]
    {
        use std::sync::LazyLock;
        use std::sync::atomic::{AtomicU64, Ordering};
        static AT: LazyLock<Option<u64>> = LazyLock::new(|| std::env::var(ABORT_AT).ok()?.parse().ok());
        static CHANGES: AtomicU64 = AtomicU64::new(0);
        if AT.is_some_and(|at| CHANGES.fetch_add(1, Ordering::Relaxed) + 1 >= at) {
            std::process::abort();
        }
    }
    what()
}

/// A file that is being written beside the place where it belongs. Dropped, it is gone.
#[derive(Debug)]
pub struct Part {
    path: TempPath,
    place: PathBuf,
}

impl Part {
    /// An empty one in `folder`, of a name that nobody can guess, nor have put a link at.
    fn new(folder: &Path, name: &str) -> io::Result<(Self, File)> {
        let made = change(|| {
            tempfile::Builder::new()
                .prefix(&format!(".{name}."))
                .suffix(PART)
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(folder)
        });
        let (file, path) = made.map_err(plain)?.into_parts();
        Ok((Self { path, place: folder.join(name) }, file))
    }

    /// One for somebody else to write.
    ///
    /// # Errors
    /// Names the file.
    pub fn empty(folder: &Path, name: &str) -> Result<Self, FolderError> {
        Self::new(folder, name)
            .map(|(part, _)| part)
            .map_err(|source| FolderError { path: folder.join(name), source })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Has all of it on the disk.
    ///
    /// # Errors
    /// Names the file; nothing of it is left.
    pub fn synced(self) -> Result<Self, FolderError> {
        match File::open(&self.path).and_then(|file| file.sync_all()) {
            Ok(()) => Ok(self),
            Err(source) => Err(FolderError { path: self.place, source }),
        }
    }

    /// Puts it where it belongs.
    ///
    /// # Errors
    /// Names the file; nothing of it is left.
    pub fn keep(self) -> Result<(), FolderError> {
        let place = self.place.clone();
        self.keep_at(place)
    }

    /// Puts it elsewhere in the folder that it is in.
    ///
    /// # Errors
    /// As [`keep`](Self::keep).
    pub(super) fn keep_at(self, place: PathBuf) -> Result<(), FolderError> {
        let kept = change(|| self.path.persist(&place).map_err(|error| plain(error.error)));
        kept.map_err(|source| FolderError { path: place, source })
    }
}

/// Writes a file and has it on the disk, and not yet under its name.
///
/// # Errors
/// Names the file; nothing of it is left.
pub fn stage(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<Part, FolderError> {
    let written = Part::new(folder, name).and_then(|(part, file)| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(part)
    });
    written.map_err(|source| FolderError { path: folder.join(name), source })
}

/// Writes a file into a folder, whole or not at all. That its name is on the disk too, [`sync`] sees to.
///
/// # Errors
/// Names the file; nothing of it is left.
pub fn put(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FolderError> {
    stage(folder, name, write)?.keep()
}

/// Writes a file that the user has named, whole or not at all; its folder is made. What is no ordinary file, such as a
/// terminal or a pipe, is written to as it is.
///
/// # Errors
/// Names the file.
pub fn whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FolderError> {
    let failed = |source| FolderError { path: path.to_owned(), source };
    // What a link leads to is replaced, and not the link.
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if place.metadata().is_ok_and(|it| !it.is_file() && !it.is_dir()) {
        let written = File::options().write(true).open(&place).and_then(|mut out| write(&mut out));
        return written.map_err(failed);
    }
    let name = place
        .file_name()
        .and_then(|it| it.to_str())
        .ok_or_else(|| failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no file name")))?;
    let folder = place.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make(folder)?;
    put(folder, name, |out| write(out)).map_err(|error| failed(error.source))?;
    sync(folder)
}

/// Makes a folder, and those that it is in, and sees to it that it is still there after a power cut.
///
/// # Errors
/// Names the folder.
pub fn make(folder: &Path) -> Result<(), FolderError> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = change(|| fs::create_dir_all(folder));
    made.map_err(|source| FolderError { path: folder.to_owned(), source })?;
    sync(folder.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Makes a folder that is not there yet.
pub(super) fn make_new(folder: &Path) -> io::Result<()> {
    change(|| fs::create_dir(folder))
}

/// Takes a file away; whether there was one. A folder of that name is somebody else's, and a link is taken away itself.
///
/// # Errors
/// Names the file.
pub fn remove(path: &Path) -> Result<bool, FolderError> {
    match path.symlink_metadata() {
        Ok(found) if !found.is_dir() => {}
        _ => return Ok(false),
    }
    match change(|| fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FolderError { path: path.to_owned(), source: error })
        }
        other => Ok(other.is_ok()),
    }
}

/// Takes a folder away if nothing is in it.
pub(super) fn remove_if_empty(folder: &Path) {
    let is_empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty {
        let _ = change(|| fs::remove_dir(folder));
    }
}

/// Takes a folder away with all that is in it, if it is there.
///
/// # Errors
/// Names the folder.
pub fn remove_all(folder: &Path) -> Result<(), FolderError> {
    if folder.symlink_metadata().is_err() {
        return Ok(());
    }
    change(|| fs::remove_dir_all(folder)).map_err(|source| FolderError { path: folder.to_owned(), source })
}

/// Gives a file or folder another name in the same folder.
///
/// # Errors
/// Names what it was to be called.
pub fn rename(from: &Path, to: &Path) -> Result<(), FolderError> {
    change(|| fs::rename(from, to)).map_err(|source| FolderError { path: to.to_owned(), source })?;
    sync(to.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Copies a file, a link or a folder with all that is in it.
///
/// # Errors
/// Names the file that cannot be copied.
pub fn copy(from: &Path, to: &Path) -> Result<(), FolderError> {
    let failed = |source| FolderError { path: to.to_owned(), source };
    let found = from.symlink_metadata().map_err(failed)?;
    if found.is_symlink() {
        let aim = fs::read_link(from).map_err(failed)?;
        return change(|| std::os::unix::fs::symlink(aim, to)).map_err(failed);
    }
    if !found.is_dir() {
        let copied = change(|| fs::copy(from, to)).and_then(|_| File::open(to)?.sync_all());
        return copied.map_err(failed);
    }
    make(to)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    sync(to)
}

/// Has the names in a folder on the disk.
///
/// # Errors
/// Names the folder.
pub fn sync(folder: &Path) -> Result<(), FolderError> {
    match File::open(folder).and_then(|it| it.sync_all()) {
        // A file system that cannot, or a folder that only takes files.
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
            ) =>
        {
            Err(FolderError { path: folder.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// Takes away what a program that was killed left of these files in the folder, but for a part that is still wanted.
pub(super) fn remove_parts(
    folder: &Path,
    wanted: Option<&Part>,
    is_ours: impl Fn(&str) -> bool,
) -> Result<(), FolderError> {
    let wanted = wanted.and_then(|it| it.path.file_name()?.to_str());
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for name in entries.filter_map(|entry| entry.file_name().into_string().ok()) {
        let Some(rest) = name.strip_prefix('.').and_then(|it| it.strip_suffix(PART)) else { continue };
        let of = rest.rsplit_once('.').map_or(rest, |(of, _random)| of);
        if wanted != Some(&name) && (is_ours(of) || is_ours(rest)) {
            remove(&folder.join(&name))?;
        }
    }
    Ok(())
}

/// Finds out whether files can be made in a folder. Nothing is left of the attempt.
pub(super) fn try_in(folder: &Path) -> io::Result<()> {
    let file = tempfile::Builder::new().prefix(".").suffix(PART).tempfile_in(folder);
    file.and_then(NamedTempFile::close).map_err(plain)
}

/// The error without the name of a file that nobody knows.
fn plain(error: io::Error) -> io::Error {
    error.raw_os_error().map_or(error, io::Error::from_raw_os_error)
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_rights_that_files_have_and_its_part_is_gone() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("plain"), "").unwrap();
        put(root.path(), "ours", |out| out.write_all(b"text")).unwrap();
        let mode = |name: &str| root.path().join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode("ours"), mode("plain"));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_a_link_leads_to_is_replaced_and_a_device_is_written_to() {
        let root = tempfile::tempdir().unwrap();
        let (file, link) = (root.path().join("file"), root.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        whole(&link, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        whole(Path::new("/dev/null"), |out| out.write_all(b"new")).unwrap();
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    }

    #[test]
    fn a_link_at_the_place_of_a_part_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let precious = root.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        std::os::unix::fs::symlink(&precious, root.path().join(".ours.part")).unwrap();
        put(root.path(), "ours", |out| out.write_all(b"text")).unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    }

    #[test]
    fn only_parts_of_ours_are_taken_away() {
        let root = tempfile::tempdir().unwrap();
        for name in [".ours.part", ".ours.aB3.part", ".theirs.part", ".theirs.aB3.part", "ours.part"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        remove_parts(root.path(), None, |name| name == "ours").unwrap();
        let mut left: Vec<_> = fs::read_dir(root.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [".theirs.aB3.part", ".theirs.part", "ours.part"]);
    }
}
