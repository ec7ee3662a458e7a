//! Upstream's scripts: all of their evaluations pass.

use crate::runner::{run::run, script::parse_script};
use std::path::PathBuf;

/// The folder of upstream's scripts, where it is at hand; `WATCHFIRE_PROMQL_SCRIPTS` names another.
pub(crate) fn scripts_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("WATCHFIRE_PROMQL_SCRIPTS") {
        return Some(folder.into());
    }
    let shared = std::env::var_os("WATCHFIRE_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let folder = shared.join("conformance/promql");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no upstream scripts in {}", folder.display());
    None
}

#[test]
fn upstream_scripts_pass() {
    let Some(folder) = scripts_folder() else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("a folder of scripts").flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "test"));
    files.sort();
    let (mut passes, mut evals) = (0, 0);
    let mut failed = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a script of the folder");
        match parse_script(&text) {
            Ok(script) => {
                let (count, failures) = run(&script);
                passes += count - failures.len();
                evals += count;
                failed.extend(failures.into_iter().map(|failure| format!("{name}: {failure}")));
            }
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    println!("promql: {passes} of {evals} evals pass");
    for failure in &failed {
        println!("{failure}");
    }
    assert!(failed.is_empty(), "{} failures, listed above", failed.len());
}
