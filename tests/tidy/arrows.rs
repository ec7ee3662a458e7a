//! The manifests against the table of arrows in ARCHITECTURE.md.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Libraries that only some crates may use: a wall that a manifest could break unseen.
const CONFINED: [(&str, &[&str]); 4] = [
    ("axum", &["watchfire", "watchfire-api"]),
    ("tantivy", &["watchfire-logblock"]),
    ("parquet", &["watchfire-logblock"]),
    ("reqwest", &["watchfire", "watchfire-scrape", "watchfire-alerting"]),
];

/// Crates and the packages that each names, from `cargo metadata`.
fn manifests() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let normal = |dependency: &&Value| dependency["kind"].is_null();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies").iter().filter(normal);
            let names = dependencies.map(|dependency| dependency["name"].as_str().expect("a name").to_owned());
            (package["name"].as_str().expect("a name").to_owned(), names.collect())
        })
        .collect()
}

/// The table in ARCHITECTURE.md: lines of `crate → a, b` in the block marked `arrows`.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let block =
        text.split("```arrows\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block marked `arrows`");
    block
        .lines()
        .map(|line| {
            let (from, to) = line.split_once('→').expect("`crate → crates`");
            let to = to.split(',').map(str::trim).filter(|name| *name != "nothing");
            (package(from.trim()), to.map(package).collect())
        })
        .collect()
}

fn package(name: &str) -> String {
    if name == "src" { "watchfire".to_owned() } else { format!("watchfire-{name}") }
}

#[test]
fn manifests_have_exactly_the_arrows_of_the_architecture() {
    let (manifests, table) = (manifests(), table());
    let crates: BTreeSet<&String> = manifests.keys().collect();
    assert_eq!(crates, table.keys().collect(), "crates in the workspace and in ARCHITECTURE.md's table");
    for (from, allowed) in &table {
        let ours = |name: &&String| name.starts_with("watchfire-");
        let actual: BTreeSet<String> = manifests[from].iter().filter(ours).cloned().collect();
        assert_eq!(&actual, allowed, "arrows of {from}: left the manifest, right ARCHITECTURE.md");
    }
}

#[test]
fn confined_libraries_stay_where_they_are() {
    for (library, allowed) in CONFINED {
        for (from, dependencies) in manifests() {
            assert!(
                !dependencies.contains(library) || allowed.contains(&from.as_str()),
                "{from} names {library}, which belongs to {allowed:?} alone"
            );
        }
    }
}
