//! No link of a page leads nowhere, and the pages are a book: `docs/README.md` is its contents, each page begins with
//! the question that the contents says it answers, and ends with the page that comes next.

use super::page::{Page, pages, root};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

const CONTENTS: &str = "docs/README.md";

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Vec::new();
    for page in pages() {
        for target in links(&page.prose().join("\n")) {
            if let Err(fault) = follow(&page, &target) {
                faults.push(format!("{}: ({target}): {fault}", page.name()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_contents_name_every_page() {
    let named: BTreeSet<_> = named().into_iter().collect();
    for page in pages().iter().filter(|page| page.path.starts_with("docs") && page.name() != CONTENTS) {
        assert!(named.contains(&page.path), "{CONTENTS} does not name {}", page.name());
    }
}

#[test]
fn a_page_begins_with_the_question_that_the_contents_says_it_answers() {
    let contents = one_line(&Page::read(CONTENTS).text);
    for page in chapters() {
        let first = paragraphs(&page).into_iter().nth(1).unwrap_or_default();
        let question =
            first.strip_prefix('*').and_then(|it| it.strip_suffix('*')).filter(|it| it.ends_with('?'));
        let question =
            question.unwrap_or_else(|| panic!("{} begins with no *question?*: {first}", page.name()));
        assert!(contents.contains(question), "{CONTENTS} does not say of {}: {question}", page.name());
    }
}

#[test]
fn a_page_ends_with_the_one_that_comes_next() {
    let chapters = chapters();
    for pair in chapters.windows(2) {
        let [page, next] = pair else { unreachable!("windows are of two") };
        let last = paragraphs(page).pop().unwrap_or_default();
        let ending = last
            .strip_prefix("Next: ")
            .unwrap_or_else(|| panic!("{} does not end with Next: …", page.name()));
        let file = next.path.file_name().unwrap().to_string_lossy();
        assert_eq!(
            links(ending).first().map(String::as_str),
            Some(&*file),
            "what comes after {}",
            page.name()
        );
    }
}

#[test]
fn headings_have_the_anchors_that_github_gives_them() {
    assert_eq!(anchor("### One peer: `p2pfl-sim node`"), "one-peer-p2pfl-sim-node");
    assert_eq!(anchor("## result.json"), "resultjson");
    assert_eq!(anchor("# What `repaired` mends"), "what-repaired-mends");
}

/// The pages of the book in their order. What lies in folders of their own are appendices.
fn chapters() -> Vec<Page> {
    let mut chapters: Vec<PathBuf> = Vec::new();
    for path in named() {
        if path.parent() == Some(Path::new("docs")) && !chapters.contains(&path) {
            chapters.push(path);
        }
    }
    chapters.into_iter().map(Page::read).collect()
}

/// The pages that the contents name, in their order.
fn named() -> Vec<PathBuf> {
    let page = Page::read(CONTENTS);
    let links = links(&page.prose().join("\n"));
    let paths = links.iter().filter_map(|target| beside(&page.path, target.split('#').next()?));
    paths.filter(|path| path.starts_with("docs") && path.extension().is_some_and(|it| it == "md")).collect()
}

fn follow(page: &Page, target: &str) -> Result<(), String> {
    if ["https://", "http://", "mailto:"].iter().any(|start| target.starts_with(start)) {
        return Ok(());
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { Some(page.path.clone()) } else { beside(&page.path, file) };
    let path = path.filter(|path| root().join(path).exists()).ok_or("there is no such file")?;
    let Some(anchor) = anchor else { return Ok(()) };
    match anchors(&Page::read(&path)).contains(anchor) {
        true => Ok(()),
        false => Err(format!("{} has no such heading", path.display())),
    }
}

/// The path that a link of a page means, within the repository.
fn beside(page: &Path, file: &str) -> Option<PathBuf> {
    let mut path = page.parent()?.to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => path.pop().then_some(())?,
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Some(path)
}

/// Where the links in a text lead.
fn links(text: &str) -> Vec<String> {
    let without_code: String = text.split('`').step_by(2).collect();
    let ends = without_code.split("](").skip(1);
    ends.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

fn anchors(page: &Page) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in page.prose().into_iter().filter(|line| line.starts_with('#')) {
        let anchor = anchor(heading);
        let again = (1..).map(|n| format!("{anchor}-{n}"));
        let mut free = std::iter::once(anchor.clone()).chain(again).filter(|it| !anchors.contains(it));
        let free = free.next().expect("there is always a next number");
        anchors.insert(free);
    }
    anchors
}

/// The anchor of a heading: in small letters, punctuation left out, dashes for spaces.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|char| char.is_alphanumeric() || [' ', '-', '_'].contains(char));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}

/// The paragraphs of a page, each as one line; the title is the first.
fn paragraphs(page: &Page) -> Vec<String> {
    let paragraphs = page.prose().join("\n");
    paragraphs.split("\n\n").map(one_line).filter(|it| !it.is_empty()).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
