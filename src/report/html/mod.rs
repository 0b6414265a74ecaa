//! `report.html`: a finished run as one page that needs nothing else, no network and no other file.
//!
//! [`Findings`] become sections, each with a sentence that says what one sees ([`view`]); a template makes HTML of them,
//! and a script of the page draws the charts from data that is as compact as JSON can have it ([`chart`]). Everything
//! that is drawn stands in a table, too, and is there without the script. The page of the same findings is the same to the
//! byte: nothing in it depends on when or where it is made. How folders are read and pages written is not told here.

mod background;
mod chart;
mod happened;
mod latency;
mod learning;
mod messages;
mod throughput;
mod view;
mod words;

use super::Findings;
use happened::Head;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use std::collections::BTreeMap;
use view::{Part, Section};

/// The name of the page in a result folder.
pub const NAME: &str = "report.html";

/// A run among several.
#[derive(Clone, Debug)]
pub struct Named {
    /// What it is called on the page; several may be called the same.
    pub name: String,
    /// What is known of it.
    pub findings: Findings,
}

/// A page that could not be made: a fault of this program.
#[derive(Debug, thiserror::Error)]
#[error("the report could not be made: {0:#}")]
pub struct PageError(#[from] minijinja::Error);

/// The page of a run.
///
/// # Errors
/// None that a run could cause.
pub fn page(findings: &Findings) -> Result<String, PageError> {
    let sections = [
        learning::section(findings),
        messages::rumor(findings),
        messages::probe(findings),
        latency::section(findings),
        throughput::section(findings),
        messages::section(findings),
        messages::sockets(findings),
        background::nodes(findings),
        Some(background::section(findings)),
    ];
    let head = happened::head(findings);
    render(&head.name.clone(), &[head], sections.into_iter().flatten().collect())
}

/// The page of several runs side by side, the first being what the others are set against. Of a single one its own page.
///
/// # Errors
/// None that a run could cause.
pub fn pages(runs: &[Named]) -> Result<String, PageError> {
    match runs {
        [run] => page(&run.findings),
        _ => {
            let heads: Vec<Head> = runs.iter().map(|run| happened::head(&run.findings)).collect();
            render(&format!("{} runs", runs.len()), &heads, Vec::new())
        }
    }
}

fn render(title: &str, heads: &[Head], sections: Vec<Section>) -> Result<String, PageError> {
    let charts: BTreeMap<&str, &chart::Data> = sections
        .iter()
        .flat_map(|section| &section.parts)
        .filter_map(|part| match part {
            Part::Chart(chart) => Some((chart.id.as_str(), &chart.data)),
            _ => None,
        })
        .collect();
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("page.html", include_str!("page.html"))?;
    let safe = |text: String| Value::from_safe_string(text);
    let text = environment.get_template("page.html")?.render(context! {
        title,
        heads => Value::from(Serde(heads)),
        sections => Value::from(Serde(&sections)),
        version => env!("CARGO_PKG_VERSION"),
        style => safe(include_str!("page.css").to_owned()),
        library => safe(include_str!("vendor/echarts.min.js").to_owned()),
        script => safe(include_str!("page.js").to_owned()),
        data => safe(in_script(&serde_json::to_string(&charts).unwrap_or_default())),
    })?;
    Ok(text)
}

/// JSON that may stand in a script element: nothing in it can end the element or begin a comment.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_kind_of_result_has_a_whole_page_that_is_the_same_twice() {
        for findings in sample::all().into_iter().map(sample::bare).chain([sample::findings()]) {
            let text = page(&findings).unwrap();
            assert!(text.trim_end().ends_with("</html>"));
            assert_eq!(text, page(&findings).unwrap());
            assert!(text.contains(findings.result.outcome.name()));
        }
    }
}
