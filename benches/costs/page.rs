//! Puts tables into `docs/costs.md`, each between the marks that bear its name.

use crate::Made;
use anyhow::{Context as _, Result};
use std::path::PathBuf;

/// Where the repository is.
pub fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

pub fn print(made: &[Made]) -> Result<()> {
    made.iter().for_each(|(name, text)| println!("## {name}\n\n{text}"));
    Ok(())
}

/// Replaces what is between the marks.
pub fn write(made: &[Made]) -> Result<()> {
    let path = root().join("docs/costs.md");
    let mut page = std::fs::read_to_string(&path)?;
    for (name, text) in made {
        let (begins, ends) = (format!("<!-- measured: {name} -->\n"), "<!-- end -->");
        let from = page.find(&begins).with_context(|| format!("the page has no place for {name}"))?;
        let from = from + begins.len();
        let length = page[from..].find(ends).with_context(|| format!("{name} does not end"))?;
        page.replace_range(from..from + length, &format!("{}\n", text.trim_end()));
    }
    Ok(std::fs::write(path, page)?)
}
