//! Upstream's files for `promtool test rules`, and what they do not reach.

use super::RuleTests;
use std::path::{Path, PathBuf};

fn upstream() -> Option<PathBuf> {
    let shared = std::env::var("WATCHFIRE_SHARED")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = std::env::var("WATCHFIRE_PROMTOOL_TESTS").map_or(shared.join("conformance/promtool"), PathBuf::from);
    if !folder.is_dir() {
        println!("left out: there are no files of promtool's tests at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// The failures of a file's tests, or why it cannot be run.
fn outcome(file: &Path) -> Result<Vec<String>, String> {
    let tests = RuleTests::load(file).map_err(|error| error.to_string())?;
    Ok(tests.run(|_| true).iter().map(ToString::to_string).collect())
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    match outcome(&directory.path().join(files[0].0)) {
        Ok(failures) => assert_eq!(failures, expected),
        Err(error) => assert!(expected.len() == 1 && error.contains(expected[0]), "{error}"),
    }
}

/// What `cmd/promtool/unittest_test.go` says of each file: whether all of its tests pass.
#[test]
fn upstreams_files_pass_and_fail_as_upstream_says() {
    let Some(folder) = upstream() else { return };
    let said = [
        ("unittest.yml", true),
        ("long-period.yml", true),
        ("no-test-group-interval.yml", true),
        ("at-modifier-test.yml", true),
        ("negative-offset-test.yml", true),
        ("start-time-test.yml", true),
        ("rules_run_fuzzy.yml", false),
        ("rules_run_no_fuzzy.yml", false),
        ("rules_run.yml", false),
        ("rules_run_extrafields.yml", false),
        ("bad-input-series.yml", false),
        ("bad-promql.yml", false),
        ("bad-rules-error-test.yml", false),
        ("bad-rules-syntax-test.yml", false),
        ("failing.yml", false),
    ];
    let (mut wrong, mut right) = (Vec::new(), 0);
    for (name, passes) in said.iter().filter(|(name, _)| folder.join(name).exists()) {
        let outcome = outcome(&folder.join(name));
        if outcome.as_ref().is_ok_and(Vec::is_empty) == *passes {
            right += 1;
        } else {
            wrong.push(format!("{name}: should {}, but: {outcome:?}", if *passes { "pass" } else { "fail" }));
        }
    }
    for file in others(&folder, &said.map(|(name, _)| name)) {
        match outcome(&file) {
            Ok(failures) => println!("{}: not judged, {} failures", file.display(), failures.len()),
            Err(error) => println!("{}: not judged, cannot be run: {error}", file.display()),
        }
    }
    println!("promtool: {right} of {} files of unit tests come out as upstream says", right + wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Further files with tests.
fn others(folder: &Path, known: &[&str]) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "yml"))
        .filter(|file| !known.iter().any(|name| file.ends_with(name)))
        .filter(|file| std::fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| line == "tests:")))
        .collect();
    files.sort();
    files
}

#[test]
fn only_chosen_tests_run() {
    let Some(folder) = upstream() else { return };
    let tests = RuleTests::load(&folder.join("rules_run.yml")).unwrap();
    assert_eq!(tests.run(|name| name == "correct test"), []);
    assert_eq!(tests.run(|name| name == "wrong test").len(), 1);
    let fuzzy = RuleTests::load(&folder.join("rules_run_fuzzy.yml")).unwrap();
    assert_eq!(fuzzy.run(|name| name == "correct fuzzy match"), []);
}

const RULES: &str = "groups:
- name: first
  rules:
  - record: heat:max
    expr: max(heat)
- name: second
  rules:
  - alert: Hot
    expr: heat:max > 10
    for: 2m
    labels: {severity: page}
    annotations: {summary: 'at {{ $value }} in {{ $externalLabels.region }}'}
";

#[test]
fn alerts_fire_when_their_time_has_come() {
    let test = "rule_files: [rules.yml]
evaluation_interval: 1m
tests:
- name: heat
  external_labels: {region: eu}
  input_series:
  - {series: 'heat{at=\"a\"}', values: '1 11+1x5 stale'}
  alert_rule_test:
  - {eval_time: 2m30s, alertname: Hot, exp_alerts: []}
  - eval_time: 3m
    alertname: Hot
    exp_alerts: [{exp_labels: {severity: page}, exp_annotations: {summary: at 13 in eu}}]
  - {eval_time: 7m, alertname: Hot, exp_alerts: []}
";
    check(&[("test.yml", test), ("rules.yml", RULES)], &[]);
}

#[test]
fn a_failure_shows_both_sides() {
    let test = "rule_files: [rules.yml]
tests:
- input_series: [{series: heat, values: '20x5'}]
  alert_rule_test: [{eval_time: 3m, alertname: Hot}]
  promql_expr_test: [{expr: 'heat:max * 2', eval_time: 3m, exp_samples: [{value: 41}]}]
";
    check(
        &[("test.yml", test), ("rules.yml", RULES)],
        &[
            "test 1: alertname: Hot, time: 3m,\n    exp: nothing\n    got: labels: {alertname=\"Hot\", severity=\"page\"}, annotations: {summary=\"at 20 in \"}",
            "test 1: expr: \"heat:max * 2\", time: 3m,\n    exp: {} 41\n    got: {} 40",
        ],
    );
}

#[test]
fn groups_can_be_ordered() {
    let test = |order: &str| {
        format!(
            "rule_files: [rules.yml]\ngroup_eval_order: [{order}]\ntests:\n- input_series: [{{series: heat, values: '20'}}]\n  \
             promql_expr_test: [{{expr: 'ALERTS', eval_time: 0, exp_samples: [{{labels: 'ALERTS{{alertname=\"Hot\", alertstate=\"pending\", severity=\"page\"}}', value: 1}}]}}]\n"
        )
    };
    check(&[("test.yml", &test("first, second")), ("rules.yml", RULES)], &[]);
    let later = "test 1: expr: \"ALERTS\", time: 0s,\n    exp: ALERTS{alertname=\"Hot\", alertstate=\"pending\", severity=\"page\"} 1\n    got: nothing";
    check(&[("test.yml", &test("second, first")), ("rules.yml", RULES)], &[later]);
    check(&[("test.yml", &test("third")), ("rules.yml", RULES)], &["group_eval_order names the group `third`"]);
}

#[test]
fn files_that_cannot_be_run_say_why() {
    let alone = |text: &str, why: &str| check(&[("test.yml", text)], &[why]);
    alone("tests: [{unknown: 1}]", "unknown");
    alone("tests: [{alert_rule_test: [{eval_time: 1m}]}]", "has no `alertname`");
    alone("evaluation_interval: 0s\ntests: []", "longer than 0");
    alone("tests: [{start_timestamp: yesterday}]", "neither RFC 3339 nor Unix seconds");
    alone("tests: [{input_series: [{series: 'a{', values: 1}]}]", "input_series `a{`");
    alone("tests: [{input_series: [{series: 'a', values: '1x99999999999'}]}]", "input_series `a`");
    alone("tests: [{promql_expr_test: [{expr: '1', eval_time: soon}]}]", "`soon` is not a duration");
    check(
        &[("test.yml", "tests: [{promql_expr_test: [{expr: '1', eval_time: 1y}]}]\nevaluation_interval: 1ms\n")],
        &["test 1: more than 10000000 evaluations: lengthen evaluation_interval"],
    );
}
