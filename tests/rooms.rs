//! Which room of `src/` uses which: what the guide in `src/lib.rs` says, no more and no less, and never a room above. Within
//! `transport`, that what is common to all protocols names none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The rooms as the guide lists them, from the top down, and what each uses.
fn drawn() -> (Vec<String>, Arrows) {
    let guide = fs::read_to_string(source().join("lib.rs")).unwrap();
    let (_, rooms) = guide.split_once("//! # Rooms\n").expect("the guide has a list of rooms");
    let list = rooms.split("//! ```").nth(1).expect("the list stands in a block of text");
    let mut order = Vec::new();
    let mut arrows = Arrows::new();
    for line in list.lines().skip(1).filter_map(|it| it.strip_prefix("//!")) {
        let (room, uses) = line.split_once('─').unwrap_or((line, ""));
        let uses = uses.trim_start_matches(['─', '►']).split(',');
        let uses = uses.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect();
        order.push(room.trim().to_owned());
        arrows.insert(room.trim().to_owned(), uses);
    }
    (order, arrows)
}

/// What the code says. Tests may use whatever they like.
fn built() -> Arrows {
    let mut arrows = Arrows::new();
    for (path, code) in code_of(&source()) {
        let room = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if room == "lib" || room == "main" {
            continue;
        }
        assert!(!code.contains("use crate::{"), "{}: a line for each room", path.display());
        let uses = arrows.entry(room.clone()).or_default();
        for after in code.split("crate::").skip(1) {
            let end = after.find(|it: char| !it.is_ascii_lowercase() && it != '_').unwrap_or(after.len());
            if is_room(&after[..end]) && after[..end] != room {
                uses.insert(after[..end].to_owned());
            }
        }
    }
    arrows
}

/// The files in a folder and below it, by their paths in `src/`, without their tests.
fn code_of(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|it| it == "rs") {
                let path = entry.strip_prefix(source()).unwrap().to_owned();
                if !path.iter().any(|it| it == "tests" || it == "tests.rs") {
                    let text = fs::read_to_string(&entry).unwrap();
                    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                    files.push((path, code.to_owned()));
                }
            }
        }
    }
    files
}

fn is_room(name: &str) -> bool {
    !name.is_empty() && (source().join(name).is_dir() || source().join(format!("{name}.rs")).is_file())
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn rooms_use_what_the_guide_says_and_nothing_above_them() {
    let ((order, drawn), built) = (drawn(), built());
    for (room, uses) in &built {
        let drawn = drawn.get(room).unwrap_or_else(|| panic!("{room} is missing in the guide (src/lib.rs)"));
        assert_eq!(uses, drawn, "{room} uses these rooms, and by the guide (src/lib.rs) those");
    }
    assert_eq!(order.len(), built.len(), "the guide has rooms that there are not: {order:?}");
    for (i, room) in order.iter().enumerate() {
        for used in &drawn[room] {
            let below = order[i + 1..].contains(used);
            assert!(below, "{room} uses {used}, which is not below it");
        }
    }
}

#[test]
fn nobody_but_the_node_looks_at_which_workflow_it_is() {
    // What a workflow is like it says itself (`node::Kind`): to add one is a folder and its two entries.
    let spec = fs::read_to_string(source().join("node/spec.rs")).unwrap();
    let listed =
        spec.split("workflows! {").nth(1).expect("the list of workflows").split("\n}").next().unwrap();
    let kinds: Vec<&str> = listed
        .lines()
        .filter(|line| !line.trim_start().starts_with("///"))
        .filter_map(|line| line.trim().split_once(" = ").map(|(kind, _)| kind))
        .collect();
    assert!(kinds.len() >= 4, "{kinds:?}");
    for (path, code) in code_of(&source()) {
        if path.starts_with("node") {
            continue;
        }
        // Its name is nowhere to be asked for.
        let found = kinds.iter().find(|it| code.contains(&format!("Workflow::{it}")));
        assert!(found.is_none(), "{}: {found:?}: ask `node::Kind`", path.display());
        assert!(!code.contains("Workflow as "), "{}: call it by its name", path.display());
    }
}

/// A protocol is handed to the sockets that it is spoken on: whoever adds one changes nothing there.
#[test]
fn what_all_protocols_have_in_common_names_none_of_them() {
    let transport = source().join("transport");
    let files = code_of(&transport.join("socket"));
    assert!(files.len() > 20, "the files of transport/socket: {}", files.len());
    for (path, code) in files {
        for after in code.split("transport::").skip(1) {
            assert!(after.starts_with("socket::"), "{}: transport::{}", path.display(), first_line(after));
        }
        // As many `super::` as lead out of `socket/`.
        let out = "super::".repeat(path.iter().count() - 1 - usize::from(path.ends_with("mod.rs")));
        for after in code.split(&out).skip(1) {
            let name: String = after.chars().take_while(|it| it.is_ascii_lowercase() || *it == '_').collect();
            let is_there = transport.join(&name).is_dir() || transport.join(format!("{name}.rs")).is_file();
            let beside = !name.is_empty() && name != "socket" && is_there;
            assert!(!after.starts_with('{') && !beside, "{}: {out}{}", path.display(), first_line(after));
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
