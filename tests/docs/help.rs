//! The examples at the end of each `--help` are command lines that the program takes. What they do is not tried.

use clap::{CommandFactory, Parser};
use p2pfl_sim::cli::Cli;

#[test]
fn the_examples_of_help_are_commands() {
    let mut program = Cli::command();
    program.build();
    let subcommands: Vec<_> = program.get_subcommands().cloned().collect();
    let mut found = 0;
    for command in std::iter::once(program).chain(subcommands) {
        let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines().filter_map(|line| line.trim_start().strip_prefix("p2pfl-sim ")) {
            let arguments = words(line);
            if let Err(error) = Cli::try_parse_from(std::iter::once("p2pfl-sim").chain(arguments)) {
                panic!("in `{} --help`: p2pfl-sim {line}\n{error}", command.get_name());
            }
            found += 1;
        }
    }
    assert!(found >= 10, "there are examples: {found}");
}

/// The words of an example, without what explains it and without what a shell would do with the output.
fn words(line: &str) -> Vec<&str> {
    let command = line.split("  ").next().unwrap_or(line);
    let command = command.split([';', '|', '>', '&']).next().unwrap_or(command);
    command.split_whitespace().map(|word| word.trim_matches('\'')).collect()
}
