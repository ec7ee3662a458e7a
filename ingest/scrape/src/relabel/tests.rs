//! Every action on small label sets.

use super::*;
use proptest::prelude::*;
use watchfire_model::Labels;

/// Applies the rules of `yaml` to `input`; `None` says that the set is dropped.
#[track_caller]
fn check(yaml: &str, input: &[(&str, &str)], want: Option<&[(&str, &str)]>) {
    let configs: Vec<RelabelConfig> = serde_saphyr::from_str(yaml).expect(yaml);
    let rules = RelabelRules::compile(&configs, NameScheme::Utf8).expect(yaml);
    let mut builder = Labels::from_pairs(input.iter().copied()).to_builder();
    let verdict = rules.apply(&mut builder);
    let got = (verdict == Verdict::Keep).then(|| builder.build());
    assert_eq!(got, want.map(|want| Labels::from_pairs(want.iter().copied())), "{yaml}");
}

#[test]
fn replace_writes_what_the_regex_found() {
    let input: &[(&str, &str)] = &[("a", "foo"), ("b", "bar"), ("c", "baz")];
    check(
        "[{source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-ch${1}'}]",
        input,
        Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("d", "choo-choo")]),
    );
    check(
        "[{source_labels: [a, b], separator: '-', target_label: d}]",
        input,
        Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("d", "foo-bar")]),
    );
    check("[{source_labels: [a], regex: 'o', target_label: d}]", input, Some(input)); // the whole value must match
    check(
        "[{source_labels: [a], regex: 'foo', replacement: '', target_label: a}]",
        input,
        Some(&[("b", "bar"), ("c", "baz")]),
    );
    check("[{target_label: d, replacement: static}]", &[], Some(&[("d", "static")]));
    check("[{regex: , target_label: d, replacement: static}]", &[], Some(&[("d", "static")]));
    check(
        "[{source_labels: [a], regex: '(?P<x>f)(.*)', target_label: '${x}_$2', replacement: '$$$2'}]",
        &[("a", "foo")],
        Some(&[("a", "foo"), ("f_oo", "$oo")]),
    );
    check(
        "[{source_labels: [a], regex: 'f(.*)b', target_label: d}]",
        &[("a", "f\nb")],
        Some(&[("a", "f\nb"), ("d", "\n")]),
    );
}

#[test]
fn keep_and_drop_decide_over_the_set() {
    check("[{source_labels: [a], regex: 'f.*', action: keep}]", &[("a", "foo")], Some(&[("a", "foo")]));
    check("[{source_labels: [a], regex: 'f', action: keep}]", &[("a", "foo")], None);
    check("[{source_labels: [a], regex: 'f.*', action: Drop}]", &[("a", "foo")], None);
    check("[{source_labels: [z], regex: '', action: drop}]", &[("a", "foo")], None);
    check("[{source_labels: [a], target_label: b, action: keepequal}]", &[("a", "1"), ("b", "2")], None);
    check("[{source_labels: [a], target_label: b, action: dropequal}]", &[("a", "1"), ("b", "1")], None);
    check("[{source_labels: [a], target_label: b, action: dropequal}]", &[("a", "1")], Some(&[("a", "1")]));
}

#[test]
fn names_are_mapped_kept_and_dropped() {
    check(
        "[{regex: '__meta_(.+)', action: labelmap}]",
        &[("__meta_x", "1"), ("y", "2")],
        Some(&[("__meta_x", "1"), ("x", "1"), ("y", "2")]),
    );
    check("[{regex: 'a.*', action: labeldrop}]", &[("a", "1"), ("ab", "2"), ("ba", "3")], Some(&[("ba", "3")]));
    check(
        "[{regex: 'a.*', action: labelkeep}]",
        &[("a", "1"), ("ab", "2"), ("ba", "3")],
        Some(&[("a", "1"), ("ab", "2")]),
    );
}

#[test]
fn values_are_hashed_and_cased() {
    check(
        "[{source_labels: [c], target_label: d, modulus: 1000, action: hashmod}]",
        &[("c", "baz")],
        Some(&[("c", "baz"), ("d", "976")]),
    );
    check(
        "[{source_labels: [c], target_label: d, modulus: 1000, action: hashmod}]",
        &[("c", "foo\nbar")],
        Some(&[("c", "foo\nbar"), ("d", "734")]),
    );
    check(
        "[{source_labels: [a], target_label: u, action: uppercase}, {source_labels: [a], target_label: l, action: lowercase}]",
        &[("a", "bAr123Foo")],
        Some(&[("a", "bAr123Foo"), ("l", "bar123foo"), ("u", "BAR123FOO")]),
    );
}

#[track_caller]
fn check_refused(yaml: &str, scheme: NameScheme, want: &str) {
    let configs: Result<Vec<RelabelConfig>, _> = serde_saphyr::from_str(yaml);
    let error = match configs {
        Ok(configs) => RelabelRules::compile(&configs, scheme).expect_err(yaml).to_string(),
        Err(error) => error.to_string(),
    };
    assert!(error.contains(want), "{yaml}: {error}");
}

#[test]
fn rules_that_cannot_work_are_refused() {
    let utf8 = NameScheme::Utf8;
    check_refused("[{action: keepall}]", utf8, "`keepall` is not a relabel action");
    check_refused("[{regex: 'a(b', target_label: x}]", utf8, "[0]: regex: `a(b`");
    check_refused("[{action: hashmod, target_label: x}]", utf8, "modulus above zero");
    check_refused("[{regex: abc}]", utf8, "action replace needs a target label");
    check_refused("[{action: labeldrop, source_labels: [a]}]", utf8, "takes regex and no other key");
    check_refused("[{action: keepequal, source_labels: [a], target_label: b, regex: x}]", utf8, "no other key");
    check_refused("[{action: uppercase, target_label: x, replacement: y}]", utf8, "takes no replacement");
    check_refused("[{target_label: 'a.b'}]", NameScheme::Legacy, "`a.b` is not a label name");
    check_refused("[{target_label: x, labels: y}]", utf8, "labels");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Keep and drop are opposites, and neither changes a set.
    #[test]
    fn keep_and_drop_are_opposites(value in "[ab]{0,3}", regex in "[ab.*]{0,2}") {
        let rules = |action: &str| {
            let yaml = format!("[{{source_labels: [l], regex: '{regex}', action: {action}}}]");
            let configs: Vec<RelabelConfig> = serde_saphyr::from_str(&yaml).unwrap();
            RelabelRules::compile(&configs, NameScheme::Utf8)
        };
        let (Ok(keep), Ok(drop)) = (rules("keep"), rules("drop")) else { return Ok(()) };
        let labels = Labels::from_pairs([("l", value.as_str()), ("other", "x")]);
        let mut builder = labels.to_builder();
        prop_assert_ne!(keep.apply(&mut builder), drop.apply(&mut builder));
        prop_assert_eq!(builder.build(), labels);
    }
}
