//! Virtual environments with what tests need from PyPI: each is made once for each set of requirements, and kept under
//! `target/<name>/`. Several test programs use this file.

use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use xxhash_rust::xxh3::xxh3_64;

/// What is to be in an environment.
pub struct Environment {
    /// Its folder in `target/`.
    pub name: &'static str,
    /// What it has, in words, and how large that is.
    pub what: &'static str,
    /// What is asked of pip.
    pub requirements: &'static str,
    /// Shows that it can be imported.
    pub import: &'static str,
    /// If this variable is 1, that it cannot be had is a failure.
    pub required_by: &'static str,
}

/// Pythons that all of it runs on.
const PYTHONS: [&str; 4] = ["python3", "python3.12", "python3.11", "python3.10"];
const SUITS: &str =
    "import ensurepip, ssl, sys; assert (3, 10) <= sys.version_info < (3, 13); print(sys.version)";

impl Environment {
    /// The Python that has it. Nothing if it cannot be had, which is said once, and is a failure where it is required.
    pub fn python(&self, made: &'static OnceLock<Result<PathBuf, String>>) -> Option<&'static Path> {
        let python = made.get_or_init(|| {
            let python = self.find_or_make();
            if let Err(why) = &python {
                self.tell(&format!("SKIPPED: no {} to test with: {why}", self.what));
            }
            python
        });
        let required = std::env::var_os(self.required_by).is_some_and(|it| it == "1");
        match python {
            Ok(python) => Some(python),
            Err(why) if required => {
                panic!("{}=1, and there is no {} to test with: {why}", self.required_by, self.what)
            }
            Err(_) => None,
        }
    }

    /// To the terminal, past the test harness, which keeps to itself what passing tests print.
    fn tell(&self, text: &str) {
        // Nobody may be reading.
        let _ = writeln!(std::io::stderr(), "{}: {text}", self.name);
    }

    fn find_or_make(&self) -> Result<PathBuf, String> {
        let (python, version) = suitable()?;
        let hash = xxh3_64(format!("{}\n{version}", self.requirements).as_bytes());
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is a folder in target/");
        let folder = target.join(self.name).join(format!("venv-{hash:016x}"));
        self.make(&python, &folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder.join("bin/python"))
    }

    /// Makes the environment, unless it is there in full. Other tests that want it, in other processes too, wait meanwhile.
    fn make(&self, python: &Path, folder: &Path) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        fs::create_dir_all(folder.parent().expect("it is in a folder")).map_err(text)?;
        let lock = File::create(folder.with_extension("lock")).map_err(text)?;
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error.to_string())?;
        // Written last: a folder without it is half made.
        let took = folder.join("made-in");
        if took.exists() {
            return Ok(());
        }
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(text)?;
        }
        self.tell(&format!("installing {} into {}, once", self.what, folder.display()));
        let stopwatch = stopwatch();
        succeed(Command::new(python).args(["-m", "venv"]).arg(folder))?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, self.requirements).map_err(text)?;
        let python = folder.join("bin/python");
        succeed(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
                // Without what its metadata asks for beyond the requirements, and without compiling what is never
                // imported.
                .args(["--no-deps", "--no-compile", "--only-binary", ":all:", "--requirement"])
                .arg(&requirements),
        )?;
        // Compiles what is imported. It may leave files where it stands.
        succeed(Command::new(&python).args(["-c", self.import]).current_dir(folder))?;
        let seconds = stopwatch();
        self.tell(&format!("installed in {seconds:.0} s"));
        fs::write(took, format!("{seconds:.1} s\n")).map_err(text)
    }
}

/// A Python that suits, and its version.
fn suitable() -> Result<(PathBuf, String), String> {
    let suits = |name: &&str| {
        let output = Command::new(name).args(["-c", SUITS]).stderr(Stdio::null()).output().ok()?;
        let version = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then(|| (PathBuf::from(name), version))
    };
    PYTHONS.iter().find_map(suits).ok_or_else(|| {
        format!("none of {} is there, of version 3.10 to 3.12, and with ensurepip", PYTHONS.join(", "))
    })
}

/// Gives the seconds since it was made.
#[expect(
    clippy::disallowed_methods,
    reason = "installing takes time on the real clock, and is not part of a run"
)]
fn stopwatch() -> impl Fn() -> f64 {
    let begun = std::time::Instant::now();
    move || begun.elapsed().as_secs_f64()
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = stderr.lines().rev().take(5).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(format!("{command:?}: {}: {}", output.status, last.join("\n")))
}
