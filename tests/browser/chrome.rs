//! A browser to open pages in: found, or installed where that can be done, and started without a network.

use headless_chrome::{Browser, LaunchOptions};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// A running browser with a profile of its own.
pub struct Chrome {
    pub browser: Browser,
    _profile: tempfile::TempDir,
}

/// Starts a browser. Nothing if there is none, it cannot be installed, and nobody insists: then it says so.
pub fn start() -> Option<Chrome> {
    // Tests run side by side: one of them installs, and the others wait for it.
    static PATH: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let path = match PATH.get_or_init(|| found().map_or_else(installed, Ok)) {
        Ok(path) => path.clone(),
        Err(why) => {
            let insists = std::env::var("P2PFL_SIM_REQUIRE_BROWSER").is_ok_and(|it| it == "1");
            assert!(!insists, "no browser: {why}");
            eprintln!("skipped, as there is no browser: {why}");
            return None;
        }
    };
    let profile = tempfile::tempdir().unwrap();
    let args = [
        "--disable-quic",
        "--disable-component-update",
        "--no-default-browser-check",
        "--hide-scrollbars",
        // Nothing is to be reached, and nothing is to be waited for.
        "--proxy-server=127.0.0.1:9",
    ];
    let options = LaunchOptions {
        path: Some(path),
        user_data_dir: Some(profile.path().to_owned()),
        sandbox: !is_root(),
        window_size: Some((1280, 900)),
        idle_browser_timeout: Duration::from_secs(300),
        args: args.iter().map(OsStr::new).collect(),
        ..LaunchOptions::default()
    };
    Some(Chrome { browser: Browser::new(options).unwrap(), _profile: profile })
}

fn found() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROME") {
        return Some(named.into());
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}

/// Installs Debian's chromium, if we may.
fn installed() -> Result<PathBuf, String> {
    const ADVICE: &str = "install chromium (Debian: apt-get install chromium), or name a browser in CHROME";
    let does = |command: &mut Command| {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !does(Command::new("apt-get").arg("--version")) {
        return Err(ADVICE.into());
    }
    let root = is_root();
    if !root && !does(Command::new("sudo").args(["-n", "true"])) {
        return Err(format!("installing one needs root or sudo without a password; {ADVICE}"));
    }
    let run = |arguments: &[&str]| match root {
        true => does(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive")),
        false => does(Command::new("sudo").args(["-n", "apt-get"]).args(arguments)),
    };
    let install = ["install", "--yes", "--no-install-recommends", "chromium"];
    // Where the lists of packages are old or missing, they are fetched first.
    let done = run(&install) || (run(&["update"]) && run(&install));
    if !done {
        return Err(format!("apt-get could not install chromium; {ADVICE}"));
    }
    found().ok_or_else(|| ADVICE.into())
}
