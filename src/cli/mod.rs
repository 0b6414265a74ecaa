//! The command line: one file per subcommand. What a command does lives elsewhere; here are its options, its text
//! on a terminal, and what its failure means as an exit code.

pub mod schema;
pub mod topology;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Bad options or bad input: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// It began and failed: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
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
