//! Upstream's scripts: how many of their evaluations pass, and never fewer than before.

use crate::runner::{run::run, script::parse_script};
use std::path::PathBuf;

/// What passes today, by file.
const FLOORS: [(&str, usize); 21] = [
    ("aggregators", 49),
    ("at_modifier", 78),
    ("collision", 1),
    ("duration_expression", 16),
    ("extended_vectors", 16),
    ("fill-modifier", 26),
    ("functions", 210),
    ("histograms", 93),
    ("info", 0),
    ("limit", 1),
    ("literals", 25),
    ("name_label_dropping", 1),
    ("native_histograms", 0),
    ("operators", 74),
    ("range_queries", 16),
    ("selectors", 8),
    ("staleness", 13),
    ("start_timestamps", 1),
    ("subquery", 9),
    ("trig_functions", 19),
    ("type_and_unit", 58),
];

/// The folder of shared data, where it is at hand.
pub(crate) fn scripts_folder() -> Option<PathBuf> {
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
fn upstream_scripts_pass_as_far_as_they_did() {
    let Some(folder) = scripts_folder() else { return };
    let verbose = std::env::var_os("WATCHFIRE_PROMQL_FAILURES");
    let (mut passes, mut evals) = (0, 0);
    let mut fallen = Vec::new();
    for (name, floor) in FLOORS {
        let text = std::fs::read_to_string(folder.join(name).with_extension("test")).expect("a script of the list");
        let script = parse_script(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (count, failures) = run(&script);
        let passed = count - failures.len();
        println!("promql: {name}: {passed} of {count}");
        if verbose.as_ref().is_some_and(|wanted| wanted == name || wanted == "all") {
            for failure in &failures {
                println!("  {failure}");
            }
        }
        passes += passed;
        evals += count;
        if passed < floor {
            fallen.push(format!("{name}: {passed} pass, {floor} did: {failures:#?}"));
        }
    }
    println!("promql: {passes} of {evals} evals pass");
    assert!(fallen.is_empty(), "{fallen:#?}");
}
