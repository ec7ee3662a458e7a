//! The places at which a debug build ends itself when asked: found by reading the sources.

use std::collections::BTreeSet;
use std::path::Path;

/// Places that ingest does not pass: mending damage, and backups.
const NOT_PASSED: [&str; 2] = [".repair.", ".pin."];

/// What the process is doing at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// From memory to blocks, and the commit of that.
    Flush,
    /// Merging blocks.
    Merge,
    Manifest,
    Other,
}

pub(super) fn kind(name: &str) -> Kind {
    match name.split('.').collect::<Vec<_>>()[..] {
        [_, "flush", ..] => Kind::Flush,
        [_, "compact", ..] => Kind::Merge,
        ["manifest", ..] | [_, "manifest", ..] => Kind::Manifest,
        _ => Kind::Other,
    }
}

/// Every name given to `crash_point` in the sources that ingest passes, sorted.
pub(super) fn names() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    for folder in ["src", "storage", "ingest", "query"] {
        collect(&root.join(folder), &mut names);
    }
    names.into_iter().filter(|name| !NOT_PASSED.iter().any(|part| name.contains(part))).collect()
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap_or_default();
            let calls = source.split("crash_point(\"").skip(1).filter_map(|rest| rest.split_once('"'));
            names.extend(calls.map(|(name, _)| name.to_owned()));
        }
    }
}
