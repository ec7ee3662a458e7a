//! What lies where, and how large it is.

use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Everything that may stand at the top.
const TOP_LEVEL: [&str; 23] = [
    ".ci",
    ".gitattributes",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "STYLE.md",
    "benches",
    "clippy.toml",
    "deny.toml",
    "deploy",
    "ingest",
    "query",
    "rustfmt.toml",
    "src",
    "storage",
    "tests",
    "ui",
];

/// Lines beyond which a source file holds more than one idea.
const LINES_MAX: usize = 700;

/// Marks of work left undone, spelt so that this file does not contain them.
const LEFTOVERS: [&str; 4] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX:"), concat!("#[ign", "ore")];

/// Every file that git tracks, relative to the root.
fn tracked() -> Vec<PathBuf> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(ROOT).output().expect("git runs");
    let text = String::from_utf8(output.stdout).expect("paths are UTF-8");
    text.split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .filter(|path| Path::new(ROOT).join(path).exists())
        .collect()
}

fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "ts" | "tsx")) && !path.starts_with("ui/dist")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_default()
}

#[test]
fn nothing_strays_at_the_top_level() {
    for path in tracked() {
        let top = path.iter().next().and_then(|part| part.to_str()).expect("a first part");
        assert!(
            TOP_LEVEL.contains(&top),
            "`{top}` is not among the fixed folders and files of the top level (DESIGN: the house)"
        );
    }
}

#[test]
fn source_files_hold_one_idea() {
    for path in tracked().iter().filter(|path| is_source(path)) {
        let lines = read(path).lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: name its ideas and split it", path.display());
    }
}

#[test]
fn no_work_is_left_undone() {
    for path in tracked().iter().filter(|path| is_source(path)) {
        let text = read(path);
        for mark in LEFTOVERS {
            assert!(!text.contains(mark), "{} holds `{mark}`: finish it", path.display());
        }
    }
}

#[test]
fn every_crate_says_what_it_is() {
    for path in tracked().iter().filter(|path| path.ends_with("src/lib.rs")) {
        assert!(read(path).starts_with("//! "), "{} begins with the crate's purpose", path.display());
    }
}
