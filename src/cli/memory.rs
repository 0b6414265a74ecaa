//! How much memory this process may take, and the refusal of what would take more.

use super::CliError;
use crate::report::readable::bytes;
use crate::say;
use crate::scenario::Loaded;
use crate::simulation::Estimate;
use nix::sys::resource::{Resource, getrlimit};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Memory that this process could still be given, and who has no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Available {
    pub bytes: u64,
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Machine,
    Group,
    Limit,
}

impl Available {
    /// The least of what the machine has, what the control group may still take (a container's limit, for example), and what
    /// `ulimit` leaves. Nothing where the system does not tell.
    pub fn now() -> Option<Self> {
        let of = |of| move |bytes| Self { bytes, of };
        let machine = machine().map(of(Of::Machine));
        let group = fs::read_to_string("/proc/self/cgroup").ok();
        let group = group.and_then(|it| groups(Path::new("/sys/fs/cgroup"), &it)).map(of(Of::Group));
        let limit = limit().map(of(Of::Limit));
        [machine, group, limit].into_iter().flatten().min()
    }
}

impl fmt::Display for Available {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let what = bytes(self.bytes as f64);
        match self.of {
            Of::Machine => write!(f, "{what} are available"),
            Of::Group => write!(f, "{what} are available to its control group (a container's limit)"),
            Of::Limit => write!(f, "{what} are available by `ulimit`"),
        }
    }
}

/// Refuses what would not fit.
///
/// # Errors
/// At the field that asks for most, unless `force`.
pub fn refuse_what_does_not_fit(loaded: &Loaded, estimate: &Estimate, force: bool) -> Result<(), CliError> {
    let Some(available) = Available::now() else { return Ok(()) };
    if estimate.memory_bytes <= available.bytes as f64 {
        return Ok(());
    }
    let text = format!("this would take about {} of memory; {available}", bytes(estimate.memory_bytes));
    if force {
        say::line(&format!("p2pfl-sim: {text}"));
        return Ok(());
    }
    let models = estimate.model_bytes as f64 * f64::from(loaded.scenario.nodes);
    let path = if models > estimate.memory_bytes / 2.0 && loaded.is_written("learning.model") {
        "learning.model"
    } else {
        "nodes"
    };
    let help = "fewer nodes or smaller models would fit, or --force runs it anyway".to_owned();
    Err(loaded.diagnose(path, text, Some(help)).into())
}

fn machine() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    kib(&meminfo, "MemAvailable:")
}

/// What `ulimit -v` and `-d` leave.
fn limit() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let left = |resource, field| {
        let (soft, _) = getrlimit(resource).ok()?;
        (soft != nix::libc::RLIM_INFINITY).then(|| soft.saturating_sub(kib(&status, field).unwrap_or(0)))
    };
    [left(Resource::RLIMIT_AS, "VmSize:"), left(Resource::RLIMIT_DATA, "VmData:")].into_iter().flatten().min()
}

fn kib(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// What a process's groups may still take, and those that they are in, in either version of control groups. `of` is the
/// process's `/proc/self/cgroup`.
fn groups(root: &Path, of: &str) -> Option<u64> {
    let left = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (controllers, path) = (parts.nth(1)?, parts.next()?);
        let (root, most, used) = match controllers {
            "" => (root.to_owned(), "memory.max", "memory.current"),
            it if it.split(',').any(|it| it == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes")
            }
            _ => return None,
        };
        let whole: PathBuf = root.join(path.trim_start_matches('/'));
        let number =
            |folder: &Path, file| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
        let left = |folder: &Path| {
            let most = number(folder, most)?;
            Some(most.saturating_sub(reclaimed(folder, number(folder, used).unwrap_or(0))))
        };
        whole.ancestors().take_while(|it| it.starts_with(&root)).filter_map(left).min()
    };
    of.lines().filter_map(left).min()
}

/// What a group uses but for the files that are kept only while nobody needs the room.
fn reclaimed(group: &Path, used: u64) -> u64 {
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let field = |name: &str| stat.lines().find_map(|it| it.strip_prefix(name)?.trim().parse::<u64>().ok());
    used.saturating_sub(field("inactive_file ").or_else(|| field("total_inactive_file ")).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(root: &Path, path: &str, files: &[(&str, &str)]) {
        let folder = root.join(path);
        fs::create_dir_all(&folder).unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
    }

    #[test]
    fn a_group_has_no_more_than_those_that_it_is_in_leave() {
        let root = tempfile::tempdir().unwrap();
        group(root.path(), "all", &[("memory.max", "1000\n"), ("memory.current", "400\n")]);
        group(root.path(), "all/one", &[("memory.max", "max\n"), ("memory.current", "100\n")]);
        assert_eq!(groups(root.path(), "0::/all/one\n"), Some(600));
        let kept =
            [("memory.max", "500"), ("memory.current", "300"), ("memory.stat", "anon 1\ninactive_file 50\n")];
        group(root.path(), "all/one", &kept);
        assert_eq!(groups(root.path(), "0::/all/one\n"), Some(250), "files that are only kept make room");
        assert_eq!(groups(root.path(), "0::/elsewhere\n"), None);
    }

    #[test]
    fn the_first_version_of_control_groups_is_read_as_well() {
        let root = tempfile::tempdir().unwrap();
        let files = [("memory.limit_in_bytes", "900"), ("memory.usage_in_bytes", "100")];
        group(root.path(), "memory/docker/x", &files);
        assert_eq!(groups(root.path(), "3:cpu:/other\n5:memory:/docker/x\n"), Some(800));
    }

    #[test]
    fn who_has_the_least_is_named() {
        let available = Available::now().expect("this is Linux");
        assert!(available.bytes > 0);
        assert!(available.to_string().contains("are available"));
    }
}
