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

/// What a file, or a folder, of a folder uses of the others in it: imports of `super::` and `crate::`. `mod.rs` composes
/// them and may use all; tests may use whatever they like.
fn within(folder: &str) -> Arrows {
    let root = source().join(folder);
    let names: BTreeSet<String> = fs::read_dir(&root)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.is_dir() || it.extension().is_some_and(|it| it == "rs"))
        .map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|it| it != "mod" && it != "tests")
        .collect();
    let absolute = format!("crate::{}::", folder.replace('/', "::"));
    let mut arrows = Arrows::new();
    for (path, code) in code_of(&root) {
        let path = path.strip_prefix(folder).unwrap();
        if path == Path::new("mod.rs") {
            continue;
        }
        let name = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        // From a file of the folder one `super::` leads to its neighbours, from a `mod.rs` in it too, else one more.
        let depth = path.components().count() - usize::from(path.ends_with("mod.rs"));
        let relative = "super::".repeat(depth);
        let uses = arrows.entry(name.clone()).or_default();
        for prefix in [&relative, &absolute] {
            for (at, _) in code.match_indices(prefix.as_str()) {
                // `super::super::` leads out of the folder.
                if !code[..at].ends_with("super::") {
                    uses.extend(
                        first_names(&code[at + prefix.len()..]).into_iter().filter(|it| names.contains(it)),
                    );
                }
            }
        }
        uses.remove(&name);
    }
    arrows
}

/// The first names of a path or of a list of paths in braces: `a` of `a::b`, `a` and `c` of `{a::{self, b}, c}`.
fn first_names(after: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|it| it.is_ascii_lowercase() || *it == '_').collect();
    let Some(list) = after.strip_prefix('{') else { return vec![name(after)] };
    let (mut names, mut depth, mut is_first) = (Vec::new(), 0, true);
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_first = true,
            _ if is_first && !letter.is_whitespace() => {
                names.push(name(&list[at..]));
                is_first = false;
            }
            _ => {}
        }
    }
    names
}

/// A way round in these arrows, if there is one. Takes away what uses nothing that is left until nothing changes.
fn circle(arrows: &Arrows) -> Option<Arrows> {
    let mut left = arrows.clone();
    loop {
        let all = left.clone();
        left.retain(|_, uses| uses.iter().any(|it| all.contains_key(it)));
        if left.len() == all.len() {
            return (!left.is_empty()).then_some(left);
        }
    }
}

#[test]
fn files_of_a_room_go_round_in_no_circle() {
    // Elsewhere there still are some: a folder that has none any more belongs here.
    for folder in [
        "cli",
        "costs",
        "engine",
        "engine/course",
        "format",
        "metrics",
        "node/dpsgd",
        "node/p2pfl",
        "report/html",
        "simulation",
    ] {
        if let Some(left) = circle(&within(folder)) {
            panic!(
                "src/{folder}: among these a file uses one that uses it, at once or through others: {left:#?}"
            );
        }
    }
}

#[test]
fn a_circle_is_found_and_a_list_of_imports_is_read() {
    assert_eq!(first_names("view::{Cell, Chart};"), ["view"]);
    assert_eq!(first_names("{Named, latency::{self, of}, throughput};"), ["", "latency", "throughput"]);
    let arrows = |all: &[(&str, &str)]| {
        let mut arrows = Arrows::new();
        for (from, to) in all {
            arrows.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        arrows
    };
    assert_eq!(circle(&arrows(&[("a", "b"), ("b", "c")])), None);
    let found = circle(&arrows(&[("a", "b"), ("b", "c"), ("c", "b"), ("d", "e")])).unwrap();
    assert!(found.contains_key("b") && found.contains_key("c") && !found.contains_key("d"));
    assert!(within("report/html")["view"].contains("chart"), "imports are seen at all");
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
