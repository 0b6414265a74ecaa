//! The pages, and their parts: prose, and fenced blocks. What is asked of them is not here.

use std::path::{Path, PathBuf};

/// A page of `README.md` and `docs/`.
pub struct Page {
    /// Its path within the repository, such as `docs/faults.md`.
    pub path: PathBuf,
    pub text: String,
}

/// A fenced block.
#[derive(Debug, Default)]
pub struct Block<'a> {
    /// What stands behind the opening fence.
    pub info: &'a str,
    pub lines: Vec<&'a str>,
}

/// All of them, in the order of their paths.
pub fn pages() -> Vec<Page> {
    let root = root();
    let mut paths = vec![PathBuf::from("README.md")];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root.join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

/// The folder of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Page {
    pub fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = std::fs::read_to_string(root().join(&path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Its fenced blocks, in their order.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        self.parts().1
    }

    /// Its lines outside of fenced blocks.
    pub fn prose(&self) -> Vec<&str> {
        self.parts().0
    }

    fn parts(&self) -> (Vec<&str>, Vec<Block<'_>>) {
        let (mut prose, mut blocks) = (Vec::new(), Vec::new());
        let mut open: Option<Block<'_>> = None;
        for line in self.text.lines() {
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(info), None) => open = Some(Block { info, lines: Vec::new() }),
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, Some(block)) => block.lines.push(line.trim_start()),
                (None, None) => prose.push(line),
            }
        }
        assert!(open.is_none(), "{}: a fenced block is not closed", self.name());
        (prose, blocks)
    }
}
