//! The command line: one file for each subcommand. What a subcommand does is the library's; here are its options and
//! what it prints.

pub mod schema;
