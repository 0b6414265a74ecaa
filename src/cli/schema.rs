//! `p2pfl-sim schema`: prints what other programs go by: the JSON Schema of the scenario file, for editors, and the
//! description of the interface over HTTP.

use super::{CliError, print};
use crate::scenario;
use crate::transport::http::openapi;

/// Print the JSON Schema of the scenario file, or the description of the interface over HTTP.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// Of what.
    #[arg(value_enum, default_value_t)]
    of: Of,
}

const HELP: &str = "\
Examples:
  p2pfl-sim schema > scenario.schema.json      completion and checking in your editor
  p2pfl-sim schema openapi > openapi.json      what nodes take over `http` and `http2`, for generators of clients";

/// What is described.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Of {
    /// The scenario file, in JSON Schema 2020-12.
    #[default]
    Scenario,
    /// The interface of a node over HTTP with JSON, in OpenAPI 3.1.
    Openapi,
}

/// Prints the schema.
///
/// # Errors
/// If standard output cannot be written to.
pub fn run(args: &Args) -> Result<(), CliError> {
    print(&text(args.of))
}

fn text(of: Of) -> String {
    match of {
        Of::Scenario => scenario::schema::text(),
        Of::Openapi => openapi::text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_a_schema_of_the_2020_draft() {
        let schema: serde_json::Value = serde_json::from_str(&text(Of::Scenario)).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(jsonschema::meta::is_valid(&schema));
    }

    #[test]
    fn what_is_printed_of_the_interface_is_openapi_3_1() {
        let described: serde_json::Value = serde_json::from_str(&text(Of::Openapi)).unwrap();
        assert_eq!(described["openapi"], "3.1.0");
        for (name, schema) in described["components"]["schemas"].as_object().unwrap() {
            assert!(jsonschema::meta::is_valid(schema), "{name}");
        }
    }
}
