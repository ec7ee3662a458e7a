//! Inhibition: an alert stays silent while another one fires that explains it.
//! Reference: Alertmanager `inhibit/inhibit.go`.

use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};
use watchfire_model::{Labels, Matcher, Timestamp};

/// One element of `inhibit_rules`.
#[derive(Debug, Clone, PartialEq)]
pub struct InhibitRule {
    /// Empty where the file gives none.
    pub name: String,
    /// What has to fire; all must match.
    pub source: Vec<Matcher>,
    /// What stays silent then; all must match.
    pub target: Vec<Matcher>,
    /// Labels in which both have to agree; a label that both lack agrees.
    pub equal: Vec<SmolStr>,
}

/// The alerts that fire and are a source of a rule. Holds at most as many as the dispatcher holds alerts, for each rule.
#[derive(Debug, Default)]
pub(super) struct Inhibitor {
    rules: Vec<Sources>,
}

/// The sources of one rule, by their values of the labels in `equal`.
#[derive(Debug)]
struct Sources {
    rule: InhibitRule,
    by_equal: HashMap<Vec<SmolStr>, BTreeMap<Labels, Source>>,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    ends_at: Timestamp,
    /// Whether it is a target of its own rule as well.
    is_target: bool,
}

impl InhibitRule {
    fn key(&self, labels: &Labels) -> Vec<SmolStr> {
        self.equal.iter().map(|name| labels.get(name).cloned().unwrap_or_default()).collect()
    }
}

fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches_labels(labels))
}

impl Inhibitor {
    pub(super) fn new(rules: &[InhibitRule]) -> Inhibitor {
        let sources = |rule: &InhibitRule| Sources { rule: rule.clone(), by_equal: HashMap::new() };
        Inhibitor { rules: rules.iter().map(sources).collect() }
    }

    /// Takes what has become of an alert.
    pub(super) fn update(&mut self, labels: &Labels, ends_at: Timestamp, now: Timestamp) {
        for Sources { rule, by_equal } in &mut self.rules {
            if !all_match(&rule.source, labels) {
                continue;
            }
            let key = rule.key(labels);
            if ends_at > now {
                let is_target = all_match(&rule.target, labels);
                by_equal.entry(key).or_default().insert(labels.clone(), Source { ends_at, is_target });
            } else if let Some(sources) = by_equal.get_mut(&key) {
                sources.remove(labels);
                if sources.is_empty() {
                    by_equal.remove(&key);
                }
            }
        }
    }

    /// Labels of an alert that fires and because of which one with `labels` stays silent.
    pub(super) fn inhibits(&self, labels: &Labels, now: Timestamp) -> Option<&Labels> {
        self.rules.iter().filter(|sources| all_match(&sources.rule.target, labels)).find_map(|sources| {
            // Where an alert is source and target, it is not inhibited by others of its kind, nor by itself.
            let is_source = all_match(&sources.rule.source, labels);
            let candidates = sources.by_equal.get(&sources.rule.key(labels))?;
            let firing = candidates.iter().filter(|(_, source)| source.ends_at > now);
            firing.filter(|(_, source)| !(is_source && source.is_target)).map(|(source, _)| source).next()
        })
    }

    /// Forgets what does not fire any more.
    pub(super) fn prune(&mut self, now: Timestamp) {
        for Sources { by_equal, .. } in &mut self.rules {
            by_equal.retain(|_, sources| {
                sources.retain(|_, source| source.ends_at > now);
                !sources.is_empty()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::matchers;
    use super::*;

    fn rule(source: &str, target: &str, equal: &[&str]) -> InhibitRule {
        InhibitRule {
            name: String::new(),
            source: matchers::parse(source).unwrap(),
            target: matchers::parse(target).unwrap(),
            equal: equal.iter().map(|name| SmolStr::from(*name)).collect(),
        }
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied())
    }

    /// Whether `target` is inhibited at 0 while `sources` fire.
    #[track_caller]
    fn check(rule: InhibitRule, sources: &[&[(&str, &str)]], target: &[(&str, &str)], want: bool) {
        let mut inhibitor = Inhibitor::new(&[rule]);
        for source in sources {
            inhibitor.update(&labels(source), Timestamp(1), Timestamp(0));
        }
        assert_eq!(inhibitor.inhibits(&labels(target), Timestamp(0)).is_some(), want);
    }

    #[test]
    fn a_source_silences_its_targets() {
        let down = || rule("alertname=Down", "severity=warning", &["cluster"]);
        let source: &[(&str, &str)] = &[("alertname", "Down"), ("cluster", "a")];
        check(down(), &[source], &[("severity", "warning"), ("cluster", "a")], true);
        check(down(), &[source], &[("severity", "warning"), ("cluster", "b")], false);
        check(down(), &[source], &[("severity", "warning")], false);
        check(down(), &[source], &[("severity", "page"), ("cluster", "a")], false);
        check(down(), &[], &[("severity", "warning"), ("cluster", "a")], false);
        // A label that both lack agrees.
        check(down(), &[&[("alertname", "Down")]], &[("severity", "warning")], true);
    }

    #[test]
    fn who_is_both_is_not_silenced_by_its_kind() {
        let both = || rule("a=1", "b=1", &[]);
        check(both(), &[&[("a", "1"), ("b", "1")]], &[("a", "1"), ("b", "1")], false);
        check(both(), &[&[("a", "1"), ("b", "1")]], &[("b", "1")], true);
        check(both(), &[&[("a", "1")]], &[("a", "1"), ("b", "1")], true);
    }

    #[test]
    fn it_ends_with_the_source() {
        let mut inhibitor = Inhibitor::new(&[rule("a=1", "b=1", &[])]);
        let target = labels(&[("b", "1")]);
        inhibitor.update(&labels(&[("a", "1")]), Timestamp(10), Timestamp(0));
        assert!(inhibitor.inhibits(&target, Timestamp(9)).is_some());
        assert!(inhibitor.inhibits(&target, Timestamp(10)).is_none(), "it timed out");
        inhibitor.update(&labels(&[("a", "1")]), Timestamp(20), Timestamp(10));
        assert!(inhibitor.inhibits(&target, Timestamp(10)).is_some());
        inhibitor.update(&labels(&[("a", "1")]), Timestamp(12), Timestamp(12));
        assert!(inhibitor.inhibits(&target, Timestamp(12)).is_none(), "it resolved");
        inhibitor.update(&labels(&[("a", "1")]), Timestamp(20), Timestamp(12));
        inhibitor.prune(Timestamp(20));
        assert!(inhibitor.rules[0].by_equal.is_empty());
    }
}
