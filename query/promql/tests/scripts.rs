//! Our own scripts, which all pass.

use crate::runner::{run::run, script::parse_script};
use std::path::Path;

#[test]
fn own_scripts_pass() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts"));
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut failures = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let script = parse_script(&std::fs::read_to_string(file).unwrap());
        let script = script.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (count, failed) = run(&script);
        assert!(count > 0, "{name} evaluates nothing");
        failures.extend(failed.into_iter().map(|failure| format!("{name} {failure}")));
    }
    assert!(!files.is_empty());
    assert!(failures.is_empty(), "{failures:#?}");
}
