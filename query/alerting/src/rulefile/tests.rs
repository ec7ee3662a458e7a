use super::*;
use proptest::prelude::*;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");

/// A folder of conformance files; `None`, and a line that says so, where they are absent.
fn conformance(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WATCHFIRE_SHARED").map_or_else(|| PathBuf::from(SHARED), PathBuf::from);
    let path = root.join("conformance").join(folder);
    if !path.is_dir() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

#[track_caller]
fn check(text: &str, want: Result<&[&str], &str>) {
    let got = RuleFile::parse(Path::new("r.yml"), text)
        .map(|file| {
            file.groups.iter().flat_map(|group| &group.rules).map(|rule| rule.name().to_string()).collect::<Vec<_>>()
        })
        .map_err(|errors| errors.to_string());
    let want = want.map(|names| names.iter().map(ToString::to_string).collect()).map_err(str::to_owned);
    assert_eq!(got, want, "{text}");
}

#[test]
fn files_and_what_is_wrong_with_them() {
    check("", Ok(&[]));
    check("groups:\n", Ok(&[]));
    check(
        "groups: [{name: a, rules: [{record: 'a:b', expr: 1}, {alert: B, expr: up == 0, for: 5m}]}]",
        Ok(&["a:b", "B"]),
    );
    check(
        "groups:\n- name: a\n  rules:\n  - alert: B\n    expr: up ==\n",
        Err("r.yml:4: group `a`, rule 1 (`B`): expr: 1:6: parse error: unexpected end of input"),
    );
    check(
        "groups:\n- name: a\n- name: a\n",
        Err("r.yml:3: group `a`: another group of this file has the same name, rename one of them"),
    );
    check("groups:\n- rules: []\n", Err("r.yml:2: group ``: `name` is empty, give the group a name"));
    check(
        "groups:\n- name: a\n  rules:\n  - record: x{y=\"z\"}\n    expr: 1\n    for: 1m\n    annotations: {s: t}\n",
        Err("r.yml:4: group `a`, rule 1 (`x{y=\"z\"}`): `for` is only for alerting rules, remove it\n\
             r.yml:4: group `a`, rule 1 (`x{y=\"z\"}`): `annotations` is only for alerting rules, remove it\n\
             r.yml:4: group `a`, rule 1 (`x{y=\"z\"}`): `x{y=\"z\"}` is not a metric name; braces belong into `expr`, \
             labels into `labels`"),
    );
    check(
        "groups:\n- name: a\n  rules:\n  - alert: B\n    expr: up\n    annotations: {s: '{{ $label.x }}'}\n",
        Err(
            "r.yml:4: group `a`, rule 1 (`B`): annotations.s: undefined variable `$label`, rules know $labels, $value, \
             $externalLabels and $externalURL (template line 1)",
        ),
    );
    check(
        "groups:\n- name: a\n  rules:\n  - expr: up\n",
        Err("r.yml:4: group `a`, rule 1 (``): neither `record` nor `alert` is set, write one of them"),
    );
}

#[test]
fn unknown_keys_name_their_line() {
    let error = RuleFile::parse(Path::new("r.yml"), "groups:\n- name: a\n  ownership: me\n").unwrap_err().to_string();
    assert!(error.starts_with("r.yml:3: ") && error.contains("ownership"), "{error}");
}

#[test]
fn groups_carry_their_settings_and_labels() {
    let text = "groups:\n- name: a\n  interval: 30s\n  limit: 5\n  query_offset: 10s\n  labels: {team: x, tier: 1}\n  \
                rules:\n  - alert: B\n    expr: up\n    keep_firing_for: 2m\n    labels: {team: y}\n";
    let file = RuleFile::parse(Path::new("r.yml"), text).unwrap();
    let group = &file.groups[0];
    assert_eq!((group.interval, group.limit), (Some(DurationMs(30_000)), Some(5)));
    assert_eq!(group.query_offset, Some(DurationMs(10_000)));
    let Rule::Alerting(rule) = &group.rules[0] else { panic!("an alerting rule") };
    assert_eq!(rule.keep_firing_for, DurationMs(120_000));
    let labels: Vec<_> = rule.labels.iter().map(|(name, text)| (name.as_str(), text.source())).collect();
    assert_eq!(labels, [("team", "y"), ("tier", "1")]);
}

#[test]
fn upstreams_rule_files_get_upstreams_verdicts() {
    let Some(folder) = conformance("rulefmt") else { return };
    let mut right = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The one file that is bad only under the name rules of Prometheus 2.
        let is_bad = name.contains(".bad.") && name != "legacy_validation_annotation.bad.yaml";
        let loaded = RuleFile::load(&path);
        assert_eq!(loaded.is_err(), is_bad, "{name}: {loaded:?}");
        right += 1;
    }
    assert_eq!(right, 16);
}

#[test]
fn promtools_rule_files_get_its_verdicts() {
    let Some(folder) = conformance("promtool") else { return };
    let verdicts = [
        ("at-modifier.yml", 1),
        ("bad-rules-error.yml", 1),
        ("features.yml", 4),
        ("negative-offset.yml", 1),
        ("prometheus-rules.lint.yml", 2),
        ("rules.yml", 5),
        ("rules_duplicates.yml", 5),
        ("bad-rules-syntax.yml", 0),
        ("rules-bad.yml", 0),
        ("rules_extrafields.yml", 0),
    ];
    for (name, rules) in verdicts {
        let loaded = RuleFile::load(&folder.join(name));
        let count = loaded.as_ref().map_or(0, |file| file.groups.iter().map(|group| group.rules.len()).sum());
        assert_eq!(count, rules, "{name}: {loaded:?}");
    }
    let large = RuleFile::load(&folder.join("rules_large.yml")).unwrap();
    assert!(large.groups[0].rules.len() > 1000, "{}", large.groups[0].rules.len());
}

#[test]
fn the_alert_generator_suite_needs_only_what_is_named() {
    let Some(folder) = conformance("alert-generator") else { return };
    let errors = RuleFile::load(&folder.join("rules.yaml")).unwrap_err();
    let texts: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(
        texts[0].ends_with("annotations.template_query_test: `define` is not supported yet (template line 1)"),
        "{}",
        texts[0]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_refused_or_read(
        text in "(groups:|- name: a|rules:|- alert: B|- record: c|expr: up|for: 1m|labels: \\{|\\}|annotations:|<<: \\*x|&x|\\{\\{|\n|  |    |, |x: y|null){0,24}"
    ) {
        let _ = RuleFile::parse(Path::new("r.yml"), &text);
    }
}
