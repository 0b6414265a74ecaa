//! `report.html`: a finished run as one page that needs nothing else, no network and no other file.
//!
//! [`Findings`] become sections, each with a sentence that says what one sees (`view.rs`); a template makes HTML of them,
//! and a script of the page draws the charts from data that is as compact as JSON can have it (`chart.rs`). Everything
//! that is drawn stands in a table, too, and is there without the script. The page of the same findings is the same to the
//! byte: nothing in it depends on when or where it is made. How folders are read and pages written is not told here.

mod background;
mod chart;
mod comparison;
mod happened;
mod latency;
mod layout;
mod learning;
mod messages;
mod side_by_side;
mod throughput;
mod timeline;
mod topology;
mod view;
mod words;

pub use side_by_side::Named;

use super::{Compare, Findings};
use happened::Head;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use std::collections::BTreeMap;
use view::{Part, Section};

/// The name of the page in a result folder.
pub const NAME: &str = "report.html";

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
        timeline::section(findings),
        topology::section(findings),
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
            render(&format!("{} runs", runs.len()), &side_by_side::heads(runs), side_by_side::sections(runs))
        }
    }
}

/// The page of transports side by side.
///
/// # Errors
/// None that a comparison could cause.
pub fn comparison(compare: &Compare) -> Result<String, PageError> {
    render(&compare.name, &[comparison::head(compare)], comparison::sections(compare))
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
    environment.add_filter("code", code);
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

/// What stands between backticks as code.
fn code(text: &str) -> Value {
    let pieces = text.split('`').enumerate().map(|(i, piece)| {
        let piece = minijinja::HtmlEscape(piece).to_string();
        if i % 2 == 1 { format!("<code>{piece}</code>") } else { piece }
    });
    Value::from_safe_string(pieces.collect())
}

/// JSON that may stand in a script element: nothing in it can end the element or begin a comment.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::result::RunResult;
    use crate::report::sample;
    use serde_json::json;

    #[test]
    fn every_comparison_has_a_whole_page_that_is_the_same_twice() {
        for compare in crate::report::compare::sample::all() {
            let text = comparison(&compare).unwrap();
            assert!(text.trim_end().ends_with("</html>"));
            assert_eq!(text, comparison(&compare).unwrap());
            let ids = text.split("<section id=\"").skip(1).filter_map(|it| it.split('"').next());
            let ids: Vec<&str> = ids.collect();
            let once: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
            assert_eq!(once.len(), ids.len(), "{ids:?}");
            assert_eq!(compare.costs.is_some(), ids.contains(&"wire"), "{ids:?}");
        }
    }

    #[test]
    fn every_kind_of_result_has_a_whole_page_that_is_the_same_twice() {
        for findings in sample::all().into_iter().map(sample::bare).chain([sample::findings()]) {
            let text = page(&findings).unwrap();
            assert!(text.trim_end().ends_with("</html>"));
            assert_eq!(text, page(&findings).unwrap());
            assert!(text.contains(findings.result.outcome.name()));
            let open = |tag: &str| text.matches(&format!("<{tag}")).count();
            let shut = |tag: &str| text.matches(&format!("</{tag}>")).count();
            for tag in ["section", "figure", "table", "details", "dl", "ul"] {
                assert_eq!(open(tag), shut(tag), "{tag}");
            }
            let ours = text.replace(include_str!("vendor/echarts.min.js"), "");
            for odd in ["NaN", ">inf", ">None", ">null"] {
                assert!(!ours.contains(odd), "{odd} in the page of {}", findings.name());
            }
        }
    }

    #[test]
    fn a_page_shows_what_is_known_and_nothing_else() {
        let sections =
            ["learning", "latency", "throughput", "timeline", "topology", "messages", "nodes", "background"];
        let text = page(&sample::findings()).unwrap();
        let at = sections
            .map(|id| text.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}")));
        assert!(at.is_sorted(), "in the order in which they are read");
        let bare = page(&sample::bare(sample::empty())).unwrap();
        let shown = sections.iter().filter(|id| bare.contains(&format!("<section id=\"{id}\"")));
        assert_eq!(shown.collect::<Vec<_>>(), [&"background"]);
        for (id, result) in [
            ("probe", sample::probed()),
            ("sockets", RunResult { sockets: Some(sample::sockets()), ..sample::full() }),
        ] {
            assert!(page(&sample::bare(result)).unwrap().contains(&format!("<section id=\"{id}\"")));
        }
        let rumor = RunResult {
            rumor: Some(crate::metrics::result::Rumor { rounds: 2, reached: 99 }),
            ..sample::full()
        };
        assert!(page(&sample::bare(rumor)).unwrap().contains("The rumor reached 99 of 100 nodes"));
    }

    #[test]
    fn names_with_markup_are_only_names() {
        let evil = "</script><script>alert(1)</script><!-- \"quoted\" & 'so'";
        let mut findings = sample::findings();
        findings.result.scenario["name"] = json!(evil);
        findings.result.scenario["description"] = json!(evil);
        findings.result.warnings = vec![evil.to_owned()];
        findings.result.reason = Some(evil.to_owned());
        findings.nodes[0].address = evil.to_owned();
        findings.trace.marks[0].whom = evil.to_owned();
        let runs = ["a", evil].map(|name| Named { name: name.to_owned(), findings: findings.clone() });
        for text in [page(&findings).unwrap(), pages(&runs).unwrap()] {
            assert!(!text.contains("<script>alert"), "the name became a script");
            assert!(text.contains("&lt;script&gt;alert(1)"), "the name is shown");
            let data = text.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
            assert!(!data.contains('<'), "the data ends where it should");
            serde_json::from_str::<serde_json::Value>(data).unwrap();
        }
    }

    #[test]
    fn the_numbers_of_a_result_are_in_its_page_as_they_are() {
        let findings = sample::findings();
        let text = page(&findings).unwrap();
        let document = serde_json::to_value(&findings.result).unwrap();
        for path in [
            "/final/accuracy/mean",
            "/latency/message/p99",
            "/messages/total/wire_bytes",
            "/rounds/0/loss/max",
        ] {
            let number = document.pointer(path).unwrap();
            assert!(text.contains(&format!("<data value=\"{number}\">")), "{path}: {number}");
        }
    }

    #[test]
    fn a_page_asks_for_nothing() {
        let text = page(&sample::findings()).unwrap();
        for asking in ["src=", "href=\"http", "url(", "@import", "fetch(", "XMLHttpRequest"] {
            let ours = text.replace(include_str!("vendor/echarts.min.js"), "");
            assert!(!ours.contains(asking), "{asking}");
        }
    }

    #[test]
    fn one_run_among_several_is_its_own_page() {
        let named = |name: &str| Named { name: name.to_owned(), findings: sample::findings() };
        assert_eq!(pages(&[named("a")]).unwrap(), page(&sample::findings()).unwrap());
        let text = pages(&[named("a"), named("b"), named("c")]).unwrap();
        assert!(text.contains("3 runs") && text.contains("<section id=\"figures\""));
    }
}
