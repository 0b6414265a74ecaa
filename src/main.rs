//! The `p2pfl-sim` command. Everything it does is the library's.

use std::process::ExitCode;

/// Messages are made by one thread and let go of by another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    p2pfl_sim::cli::main().into()
}
