//! The command line: one file for each subcommand. What a command does lives elsewhere; here are its options, its
//! text on a terminal, and what its failure means as an exit code.

mod axis;
pub mod baseline;
mod batch;
mod by_turns;
pub mod check;
pub mod compare;
pub mod diff;
mod live;
mod memory;
pub mod node;
mod place;
mod planning;
mod replay;
pub mod report;
pub mod run;
pub mod schema;
mod setting;
mod signals;
pub mod sweep;
pub mod topology;
mod transports;
mod verdict;
mod watch;

use crate::say;
use crate::scenario::Diagnostics;
use clap::{Parser, Subcommand};

/// How a P2PFL network behaves with hundreds or thousands of peers, on one machine.
#[derive(Debug, Parser)]
#[command(name = "p2pfl-sim", version, after_long_help = HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Start here:
  p2pfl-sim run scenarios/ring-100.json        watch a hundred peers learn together
  p2pfl-sim check scenarios/ring-100.json      what would run, and what it asks of this machine
  p2pfl-sim sweep scenarios/star-64.json --set nodes=16,32,64
                                               the same with other settings, a row for each
  p2pfl-sim compare scenarios/ring-100.json --transport memory,grpc,grpc+mtls
                                               what each transport costs
  p2pfl-sim diff baselines/ring-100 runs/ring-100-1
                                               what has changed, and whether it may
  p2pfl-sim report runs/ring-100-1 --open      look at what a run left, in a browser
  p2pfl-sim node --listen 127.0.0.1:4001 --connect 127.0.0.1:4000
                                               take part in a network of P2PFL peers
  p2pfl-sim schema > scenario.schema.json      completion and checking in your editor

Exit codes:
  0    done
  1    the run failed or stalled; what was measured until then is written
  2    bad usage or a bad scenario; nothing ran
  3    the run is done, but a threshold of the scenario does not hold; diff: something is worse than it may be
  130  interrupted by Ctrl-C, SIGTERM or the end of the terminal; what was measured until then is written";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Sweep(sweep::Args),
    Compare(compare::Args),
    Diff(diff::Args),
    Baseline(baseline::Args),
    Check(check::Args),
    Node(node::Args),
    Report(report::Args),
    Schema(schema::Args),
    Topology(topology::Args),
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Bad options or bad input: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// A command line that makes no sense: exit code 2.
    #[error("{0}")]
    Line(clap::Error),
    /// A scenario that cannot run: exit code 2.
    #[error("{0}")]
    Scenario(#[from] Diagnostics),
    /// It began and failed: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// It is done, but something that was asked for does not hold: exit code 3. What that is has been printed.
    #[error("a threshold does not hold")]
    Threshold,
    /// The user ended it: exit code 130.
    #[error("interrupted")]
    Interrupted,
}

impl CliError {
    /// The exit code of the process.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) | Self::Line(_) | Self::Scenario(_) => 2,
            Self::Threshold => 3,
            Self::Interrupted => 130,
        }
    }

    /// Says what is wrong, on stderr.
    fn tell(&self) {
        match self {
            Self::Scenario(diagnostics) => say::painted(&diagnostics.for_stderr()),
            Self::Line(mistake) => say::painted(&in_colours(mistake)),
            Self::Usage(text) | Self::Failed(text) => say::line(&format!("p2pfl-sim: {text}")),
            Self::Threshold | Self::Interrupted => {}
        }
    }
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Does what the command line says, and returns the exit code of the process.
pub fn main() -> u8 {
    signals::heed_limits();
    watch::heed_signals();
    let done = match std::panic::catch_unwind(command) {
        Ok(done) => done,
        // What went wrong has been said where it did.
        Err(_) => Err(CliError::Failed("this is a fault of the program, and not of yours".into())),
    };
    match done {
        Ok(()) => 0,
        Err(error) => {
            error.tell();
            error.exit_code()
        }
    }
}

/// Does what the command line says.
fn command() -> Result<(), CliError> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are asked for; all else has no place on standard output.
        Err(asked) if !asked.use_stderr() => return print(&in_colours(&asked)),
        Err(mistake) => return Err(CliError::Line(mistake)),
    };
    // The first who needs these threads would panic if there were none.
    rayon::ThreadPoolBuilder::new()
        .build_global()
        .map_err(|error| CliError::Failed(format!("cannot begin: no threads to be had: {error}")))?;
    match cli.command {
        Command::Run(args) => run::run(args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Baseline(args) => baseline::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Node(args) => node::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Topology(args) => topology::run(args),
    }
}

/// What clap has to say, in colours where there is a terminal for them.
fn in_colours(said: &clap::Error) -> String {
    let colours =
        if said.use_stderr() { console::colors_enabled_stderr() } else { console::colors_enabled() };
    let text = said.render();
    if colours { text.ansi().to_string() } else { text.to_string() }
}

/// Prints to stdout. A reader that has seen enough is no error.
fn print(text: &str) -> Result<(), CliError> {
    say::out(text).map_err(|error| CliError::Failed(format!("cannot write to standard output: {error}")))
}

/// A document as it is printed.
fn json(document: &impl serde::Serialize) -> Result<String, CliError> {
    match serde_json::to_string_pretty(document) {
        Ok(text) => Ok(text + "\n"),
        Err(error) => Err(CliError::Failed(format!("cannot write the result as JSON: {error}"))),
    }
}
