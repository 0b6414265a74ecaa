//! Holds the commands in `README.md` and `docs/` true: each is run as it stands there, and must end with the exit code
//! that is shown.
//!
//! A command is a line that begins with `$` in a fenced block that is marked `console`; the rest of the block is output,
//! which is not compared, as times differ from run to run. Words after `console` say more: `exit=3` is the exit code if
//! it is not 0, and `slow` keeps the block out of the test.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Runs wait for timers more than they compute, so more of them than there are cores run at a time.
const AT_A_TIME: usize = 4;

/// A command of a page.
#[derive(Debug)]
struct Shown {
    page: String,
    arguments: Vec<String>,
    exit: i32,
}

#[test]
fn commands_in_the_documentation_end_as_shown() {
    let folder = tempfile::tempdir().unwrap();
    copy_scenarios(folder.path());
    let mut commands = shown();
    assert!(commands.len() >= 10, "the documentation shows commands: {commands:?}");
    commands.reverse();
    let (queue, faults) = (Mutex::new(commands), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(command) = queue.lock().unwrap().pop() else { return };
                    if let Some(fault) = run(&command, folder.path()) {
                        faults.lock().unwrap().push(fault);
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// What is wrong with how a command ended.
fn run(shown: &Shown, folder: &Path) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"))
        .args(&shown.arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let line = format!("{}: p2pfl-sim {}", shown.page, shown.arguments.join(" "));
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("panicked") || output.status.code() != Some(shown.exit) {
        return Some(format!("{line}\nended with {}, not {}:\n{stderr}", output.status, shown.exit));
    }
    None
}

fn shown() -> Vec<Shown> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages.iter().flat_map(|page| in_page(page)).collect()
}

fn in_page(path: &Path) -> Vec<Shown> {
    let page = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).unwrap();
    let mut commands = Vec::new();
    let mut block: Option<Block> = None;
    for line in text.lines() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            block = if block.is_some() { None } else { Some(Block::of(info, &page)) };
        } else if let Some(Block { runs: true, exit }) = block
            && let Some(command) = line.trim_start().strip_prefix("$ ")
        {
            commands.push(Shown { page: page.clone(), arguments: arguments(command, &page), exit });
        }
    }
    assert!(block.is_none(), "{page}: a fenced block is not closed");
    commands
}

/// What the first line of a fenced block says.
struct Block {
    runs: bool,
    exit: i32,
}

impl Block {
    fn of(info: &str, page: &str) -> Self {
        let mut words = info.split_whitespace();
        let mut block = Self { runs: words.next() == Some("console"), exit: 0 };
        for word in words {
            match (word, word.strip_prefix("exit=")) {
                ("slow", _) => block.runs = false,
                (_, Some(code)) => block.exit = code.parse().unwrap(),
                _ => panic!("{page}: `{word}` is no mark of a block"),
            }
        }
        block
    }
}

/// The arguments of a command line; words in single quotes stay together.
fn arguments(line: &str, page: &str) -> Vec<String> {
    let rest = ["p2pfl-sim ", "cargo run --release -- "].iter().find_map(|start| line.strip_prefix(start));
    let rest = rest.unwrap_or_else(|| panic!("{page}: `{line}` is no command of p2pfl-sim"));
    let mut arguments = vec![String::new()];
    let mut quoted = false;
    for char in rest.chars() {
        match char {
            '\'' => quoted = !quoted,
            ' ' if !quoted => arguments.push(String::new()),
            '|' | '>' | '"' | '\\' | '*' | ';' if !quoted => {
                panic!("{page}: `{line}` needs a shell, which this test has not")
            }
            _ => arguments.last_mut().expect("there is one").push(char),
        }
    }
    arguments.retain(|it| !it.is_empty());
    arguments
}

fn copy_scenarios(folder: &Path) {
    let to = folder.join("scenarios");
    std::fs::create_dir(&to).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
