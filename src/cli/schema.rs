//! `p2pfl-sim schema`: prints the JSON Schema of the scenario file, for editors and other programs.

use crate::scenario;
use std::io::{self, Write};

/// Prints the schema.
///
/// # Errors
/// If `out` cannot be written to.
pub fn run(out: &mut impl Write) -> io::Result<()> {
    out.write_all(scenario::schema::text().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_a_schema_of_the_2020_draft() {
        let mut printed = Vec::new();
        run(&mut printed).unwrap();
        let schema: serde_json::Value = serde_json::from_slice(&printed).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert!(jsonschema::meta::is_valid(&schema));
    }
}
