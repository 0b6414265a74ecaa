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
