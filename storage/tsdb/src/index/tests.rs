use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use watchfire_model::{Labels, MatchOp, Matcher, QueryBudget};

/// An index as the head builds it, with the label sets beside it.
struct Indexed {
    interner: Interner,
    postings: Postings,
    series: Vec<(u32, Labels)>,
}

fn indexed(series: Vec<(u32, Labels)>) -> Indexed {
    let mut indexed = Indexed { interner: Interner::default(), postings: Postings::default(), series: Vec::new() };
    for (id, labels) in series {
        let pairs = intern(&mut indexed.interner, &labels);
        indexed.postings.insert(id, &pairs);
        indexed.series.push((id, labels));
    }
    indexed
}

fn intern(interner: &mut Interner, labels: &Labels) -> Vec<Pair> {
    let pair = |label: &watchfire_model::Label| Pair {
        name: interner.acquire(&label.name),
        value: interner.acquire(&label.value),
    };
    labels.iter().map(pair).collect()
}

/// Compares with every label set matched by itself.
#[track_caller]
fn check(indexed: &Indexed, matchers: &[Matcher]) {
    let budget = QueryBudget::unlimited();
    let got = resolve(matchers, &indexed.postings, &indexed.interner, &budget).expect("an unlimited budget");
    let passes = |labels: &Labels| matchers.iter().all(|matcher| matcher.matches_labels(labels));
    let want: Vec<&(u32, Labels)> = indexed.series.iter().filter(|(_, labels)| passes(labels)).collect();
    let ids: BTreeSet<u32> = want.iter().map(|(id, _)| *id).collect();
    assert_eq!(got.iter().collect::<BTreeSet<_>>(), ids, "{matchers:?}");
    let mut names = BTreeSet::new();
    label_names(Some(&got), &indexed.postings, &indexed.interner, &budget, &mut names).expect("no limit");
    let labels = || want.iter().flat_map(|(_, labels)| labels);
    assert_eq!(names, labels().map(|label| label.name.to_string()).collect(), "names of {matchers:?}");
    let mut values = BTreeSet::new();
    label_values("a", Some(&got), &indexed.postings, &indexed.interner, &budget, &mut values).expect("unlimited");
    let of_a = labels().filter(|label| label.name == "a");
    assert_eq!(values, of_a.map(|label| label.value.to_string()).collect(), "values of {matchers:?}");
}

fn any_labels() -> impl Strategy<Value = Labels> {
    let value = prop_oneof![Just(""), Just("x"), Just("y"), Just("xy"), Just("a")];
    proptest::collection::vec((prop_oneof![Just("a"), Just("b"), Just("c")], value), 0..3).prop_map(Labels::from_pairs)
}

fn any_matcher() -> impl Strategy<Value = Matcher> {
    let op = prop_oneof![Just(MatchOp::Equal), Just(MatchOp::NotEqual), Just(MatchOp::Regex), Just(MatchOp::NotRegex)];
    let value =
        prop_oneof![Just(""), Just("x"), Just("x|y"), Just(".*"), Just(".+"), Just("x.*"), Just("|y"), Just("z")];
    (prop_oneof![Just("a"), Just("b"), Just("d")], op, value)
        .prop_map(|(name, op, value)| Matcher::new(name, op, value).expect("the expressions above are valid"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn selectors_resolve_as_label_sets_match(
        series in proptest::collection::vec(any_labels(), 0..60),
        copies in 1u32..30,
        selectors in proptest::collection::vec(proptest::collection::vec(any_matcher(), 0..4), 1..4),
        removed in proptest::collection::btree_set(0usize..60, 0..50),
    ) {
        let numbered: Vec<(u32, Labels)> = (0..).zip(series.iter().cycle().take(series.len() * copies as usize).cloned()).collect();
        let mut indexed = indexed(numbered);
        for matchers in &selectors {
            check(&indexed, matchers);
        }
        let gone: Vec<(u32, Labels)> = removed.iter().filter_map(|&index| indexed.series.get(index).cloned()).collect();
        indexed.series.retain(|(id, _)| !gone.iter().any(|(other, _)| other == id));
        for (id, labels) in gone {
            let pairs = intern(&mut indexed.interner, &labels);
            indexed.postings.remove(id, &pairs);
            // Once for the user just added, once for the series.
            for symbol in pairs.iter().chain(&pairs).flat_map(|pair| [pair.name, pair.value]) {
                indexed.interner.release(symbol);
            }
        }
        for matchers in &selectors {
            check(&indexed, matchers);
        }
    }
}

#[test]
fn symbols_are_forgotten_with_their_last_user_and_reused() {
    let mut interner = Interner::default();
    let first = interner.acquire(&"first".into());
    assert_eq!(interner.acquire(&"first".into()), first);
    interner.release(first);
    assert_eq!(interner.find("first"), Some(first));
    interner.release(first);
    assert_eq!(interner.find("first"), None);
    assert_eq!(interner.acquire(&"second".into()), first);
    assert_eq!(interner.text(first), "second");
}
