//! Where results go. Whether anything can be written there is found out before a run begins: hours later it would cost all
//! that was measured.

use super::CliError;
use crate::report::folder::MANY;
use crate::report::{Folder, files};
use std::path::Path;

/// The folder that `--out` names, or the next free `runs/<name>-<n>`: it is there, it takes files, and no other process
/// writes into it as long as it is held. Of the files that tell of many runs it may have the one that is `replaced`.
///
/// # Errors
/// If it cannot be made, nothing can be written into it, another process writes into it, or it has many runs that are none
/// of this command's.
pub fn folder(out: Option<&Path>, name: &str, replaced: Option<&str>) -> Result<Folder, CliError> {
    if let Some(path) = out
        && let Some(many) = MANY.iter().find(|it| Some(**it) != replaced && path.join(it).exists())
    {
        return Err(CliError::Usage(format!(
            "{} has the results of many runs ({many}), which stay; choose another folder with --out",
            path.display()
        )));
    }
    let folder = match out {
        Some(path) => Folder::at(path),
        None => Folder::numbered(Path::new("runs"), name),
    };
    folder
        .and_then(|folder| folder.tried().map(|()| folder))
        .map_err(|error| CliError::Usage(format!("{error}; choose another folder with --out")))
}

/// Refuses a file that an option names and that cannot be written at the end. Nothing is left of the attempt.
///
/// # Errors
/// Names option and file.
pub fn refuse_unwritable(option: &str, file: Option<&Path>) -> Result<(), CliError> {
    let Some(path) = file else { return Ok(()) };
    let cannot = |why: String| CliError::Usage(format!("{option}: cannot write {}: {why}", path.display()));
    if path.is_dir() {
        return Err(cannot("it is a folder".into()));
    }
    let tried = match path.exists() {
        true => std::fs::OpenOptions::new().append(true).open(path).map(drop),
        false => Folder::there(&files::folder_of(path)).tried().map_err(|error| error.source),
    };
    tried.map_err(|error| cannot(error.to_string()))
}
