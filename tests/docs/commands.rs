//! Every command that a page shows is run as it stands there, and must end with the exit code that is shown.
//!
//! A command is a line that begins with `$` in a fenced block that is marked `console`; the lines below it are its
//! output. The commands of a page are run one after another in a folder of the page's own, which has the shipped
//! scenarios: so a page may go on with what its commands before left in `runs/`. Words after `console` say more:
//!
//! - `exit=3` is the exit code of the block's last command, if it is not 0;
//! - `same` has the output compared: what is shown must be in what is printed, in its order. `…` stands for anything,
//!   also within a line; how words are spread over lines and columns does not matter. Without it output is not
//!   compared, as times differ from run to run;
//! - `slow` keeps the block out of the test.
//!
//! A block of another kind, such as `json`, with `file=first.json` is a file in that folder from there on.

use super::page::{Page, pages, root};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Runs wait for timers more than they compute, so more pages are gone through at a time than there are cores.
const AT_A_TIME: usize = 4;

/// What is done for a page.
#[derive(Debug)]
enum Step {
    Write { name: String, text: String },
    Run(Shown),
}

/// A command of a page.
#[derive(Debug)]
struct Shown {
    arguments: Vec<String>,
    exit: i32,
    /// What must be in its output, in this order.
    pieces: Vec<String>,
}

#[test]
fn commands_in_the_documentation_end_as_shown() {
    let pages = pages();
    let mut steps: Vec<_> = pages.iter().map(|page| (page, steps(page))).collect();
    assert!(steps.iter().map(|(_, steps)| steps.len()).sum::<usize>() >= 10, "pages show commands");
    // They are taken from the end: the longest first, so that none is left to itself at last.
    steps.sort_by_key(|(_, steps)| steps.len());
    let (queue, faults) = (Mutex::new(steps), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some((page, steps)) = take(&queue) {
                    let found = faults_of(page, &steps);
                    faults.lock().unwrap().extend(found);
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn no_command_hides_in_a_block_that_is_not_run() {
    for page in pages() {
        for block in page.blocks() {
            let shell = ["", "sh", "bash", "shell", "text", "plain"].contains(&block.info);
            let program = |line: &&&str| {
                let line = line.strip_prefix("$ ").unwrap_or(line);
                ["p2pfl-sim ", "cargo run "].iter().any(|start| line.starts_with(start))
                    && !line.ends_with(':')
            };
            if let Some(line) = block.lines.iter().find(program).filter(|_| shell) {
                panic!("{}: put `{line}` into a block that is marked `console`, behind `$ `", page.name());
            }
        }
    }
}

fn take<T>(queue: &Mutex<Vec<T>>) -> Option<T> {
    queue.lock().unwrap().pop()
}

/// What is wrong with how the commands of a page ended.
fn faults_of(page: &Page, steps: &[Step]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    copy_scenarios(folder.path());
    let fault = |step: &Step| match step {
        Step::Write { name, text } => {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it is in the folder")).unwrap();
            std::fs::write(path, text).unwrap();
            None
        }
        Step::Run(shown) => {
            let fault = run(shown, folder.path())?;
            Some(format!("{}: p2pfl-sim {}\n{fault}", page.name(), shown.arguments.join(" ")))
        }
    };
    steps.iter().filter_map(fault).collect()
}

fn run(shown: &Shown, folder: &Path) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"))
        .args(&shown.arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("panicked") || output.status.code() != Some(shown.exit) {
        return Some(format!("ended with {}, not {}:\n{stderr}", output.status, shown.exit));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let printed = words(stdout.lines());
    let mut rest = printed.as_str();
    for piece in &shown.pieces {
        let Some((_, after)) = rest.split_once(piece.as_str()) else {
            return Some(format!("does not print, at its place:\n{piece}\nbut:\n{stdout}"));
        };
        rest = after;
    }
    None
}

/// What is to be done for a page, in its order.
fn steps(page: &Page) -> Vec<Step> {
    let name = page.name();
    let mut steps = Vec::new();
    for block in page.blocks() {
        let marks = Marks::of(block.info, &name);
        if let Some(name) = marks.file {
            steps.push(Step::Write { name: name.to_owned(), text: block.lines.join("\n") });
        }
        if !marks.runs {
            continue;
        }
        let starts: Vec<_> = (0..block.lines.len()).filter(|at| block.lines[*at].starts_with("$ ")).collect();
        for (i, &start) in starts.iter().enumerate() {
            let end = starts.get(i + 1).copied();
            let output = &block.lines[start + 1..end.unwrap_or(block.lines.len())];
            let pieces = if marks.same { pieces(output) } else { Vec::new() };
            assert!(!marks.same || !pieces.is_empty(), "{name}: {} is `same` as nothing", block.lines[start]);
            let exit = if end.is_none() { marks.exit } else { 0 };
            steps.push(Step::Run(Shown {
                arguments: arguments(&block.lines[start][2..], &name),
                exit,
                pieces,
            }));
        }
    }
    steps
}

/// What stands between one `…` and the next.
fn pieces(output: &[&str]) -> Vec<String> {
    let pieces = words(output.iter().copied());
    pieces.split('…').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
}

fn words<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// What the first line of a fenced block says.
struct Marks<'a> {
    runs: bool,
    same: bool,
    exit: i32,
    file: Option<&'a str>,
}

impl<'a> Marks<'a> {
    fn of(info: &'a str, page: &str) -> Self {
        let mut words = info.split_whitespace();
        let console = words.next() == Some("console");
        let mut marks = Self { runs: console, same: false, exit: 0, file: None };
        for word in words {
            match (word, word.split_once('=')) {
                ("slow", _) if console => marks.runs = false,
                ("same", _) if console => marks.same = true,
                (_, Some(("exit", code))) if console => marks.exit = code.parse().unwrap(),
                (_, Some(("file", name))) if !console => marks.file = Some(name),
                _ => panic!("{page}: `{word}` is no mark of a block"),
            }
        }
        marks
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
    for entry in std::fs::read_dir(root().join("scenarios")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
