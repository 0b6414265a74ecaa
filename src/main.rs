//! The `p2pfl-sim` command. Everything it does is the library's.

use std::process::ExitCode;

fn main() -> ExitCode {
    p2pfl_sim::cli::main().into()
}
