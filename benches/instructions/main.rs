//! How many instructions the parts of the program take, counted by valgrind: the same on a busy machine as on an idle
//! one, so that a CI can compare them. The parts are those of `parts/`, the benchmarks are in `counts`.
//!
//! `cargo bench --bench instructions` needs valgrind and gungraun's runner, and says how to get it.
//! `benches/instructions-check` compares with the baseline.

mod counts;
#[path = "../parts/mod.rs"]
mod parts;

use std::process::{Command, ExitCode, Stdio};

/// The version of the library: the two have to be the same.
const RUNNER: &str = "gungraun-runner@0.20.0";

fn main() -> ExitCode {
    // The runner starts this program again to have things measured.
    let measured = std::env::args().nth(1).is_some_and(|arg| arg == "--gungraun-run");
    // `cargo test --benches` passes --test: that the parts work is what `clock` shows then.
    if std::env::args().any(|arg| arg == "--test") {
        return ExitCode::SUCCESS;
    }
    if !measured {
        let found = option_env!("GUNGRAUN_RUNNER").is_some() || starts("gungraun-runner");
        if !found {
            eprintln!("instructions: gungraun-runner is not on the PATH; `cargo install {RUNNER}` gets it");
            return ExitCode::FAILURE;
        }
        if !starts("valgrind") {
            eprintln!("instructions: valgrind is not on the PATH; the system's package of that name has it");
            return ExitCode::FAILURE;
        }
    }
    counts::run();
    ExitCode::SUCCESS
}

/// Whether there is such a program.
fn starts(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}
