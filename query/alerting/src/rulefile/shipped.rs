//! The rules that come with Watchfire must load, and say how urgent they are and what happened.

use super::RuleFile;
use crate::rule::Rule;
use std::path::Path;

#[test]
fn the_shipped_rules_load() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rules/watchfire.rules.yml");
    let loaded = RuleFile::load(&file).unwrap();
    let rules: Vec<&Rule> = loaded.groups.iter().flat_map(|group| &group.rules).collect();
    assert!(rules.len() > 10, "{}", rules.len());
    for rule in rules {
        if let Rule::Alerting(rule) = rule {
            assert!(rule.labels.iter().any(|(name, _)| name == "severity"), "{} has a severity", rule.name);
            assert!(rule.annotations.iter().any(|(name, _)| name == "summary"), "{} has a summary", rule.name);
        }
    }
}
