//! The virtual environment with P2PFL in it: made once for each set of requirements, and kept under `target/interop/`.

use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use xxhash_rust::xxh3::xxh3_64;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/requirements.txt");

/// Pythons that P2PFL 0.4.4 runs on.
const PYTHONS: [&str; 4] = ["python3", "python3.12", "python3.11", "python3.10"];
const SUITS: &str =
    "import ensurepip, ssl, sys; assert (3, 10) <= sys.version_info < (3, 13); print(sys.version)";

/// Without Ray, which P2PFL starts when it is there.
const IMPORT: &str =
    "from p2pfl.settings import Settings; Settings.general.DISABLE_RAY = True; import p2pfl.node";

/// The Python that has P2PFL. Nothing if it cannot be had, which is said once, and is a failure where
/// `P2PFL_SIM_REQUIRE_INTEROP` is 1.
pub fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let python = PYTHON.get_or_init(|| {
        let python = find_or_make();
        if let Err(why) = &python {
            tell(&format!("SKIPPED: no real P2PFL to test with: {why}"));
        }
        python
    });
    let required = std::env::var_os("P2PFL_SIM_REQUIRE_INTEROP").is_some_and(|it| it == "1");
    match python {
        Ok(python) => Some(python),
        Err(why) if required => {
            panic!("P2PFL_SIM_REQUIRE_INTEROP=1, and there is no real P2PFL to test with: {why}")
        }
        Err(_) => None,
    }
}

/// To the terminal, past the test harness, which keeps to itself what passing tests print.
fn tell(text: &str) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr(), "interop: {text}");
}

fn find_or_make() -> Result<PathBuf, String> {
    let (python, version) = suitable()?;
    let requirements =
        fs::read_to_string(REQUIREMENTS).map_err(|error| format!("{REQUIREMENTS}: {error}"))?;
    let hash = xxh3_64(format!("{requirements}\n{version}").as_bytes());
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is a folder in target/");
    let folder = target.join("interop").join(format!("venv-{hash:016x}"));
    make(&python, &folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder.join("bin/python"))
}

/// A Python that P2PFL runs on, and its version.
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

/// Makes the environment, unless it is there in full. Other tests that want it, in other processes too, wait meanwhile.
fn make(python: &Path, folder: &Path) -> Result<(), String> {
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
    tell(&format!("installing P2PFL 0.4.4 into {}, about 420 MB, once", folder.display()));
    let stopwatch = stopwatch();
    succeed(Command::new(python).args(["-m", "venv"]).arg(folder))?;
    let python = folder.join("bin/python");
    succeed(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
            // Without what its metadata asks for beyond the requirements, and without compiling what is never imported.
            .args(["--no-deps", "--no-compile", "--only-binary", ":all:", "--requirement", REQUIREMENTS]),
    )?;
    // Shows that it can be imported, and compiles what is. It leaves a folder of logs where it stands.
    succeed(Command::new(&python).args(["-c", IMPORT]).current_dir(folder))?;
    let seconds = stopwatch();
    tell(&format!("installed in {seconds:.0} s"));
    fs::write(took, format!("{seconds:.1} s\n")).map_err(text)
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
