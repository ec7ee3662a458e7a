use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use watchfire_model::Timestamp;

fn series(number: u8) -> Labels {
    Labels::from_pairs([("series", number.to_string())])
}

fn exemplar(time: i64, trace: u8) -> Exemplar {
    Exemplar {
        labels: Labels::from_pairs([("trace", trace.to_string())]),
        value: f64::from(trace),
        time: Timestamp(time),
    }
}

fn all(store: &ExemplarStore) -> BTreeSet<(Labels, i64, Labels)> {
    let found = store.select(&[Vec::new()], TimeRange::ALL, &QueryBudget::unlimited()).expect("without limit");
    assert!(found.is_sorted_by(|a, b| a.labels < b.labels));
    assert!(found.iter().all(|one| one.exemplars.is_sorted_by_key(|exemplar| exemplar.time)));
    let flat = found.iter().flat_map(|one| one.exemplars.iter().map(|exemplar| (one.labels.clone(), exemplar)));
    flat.map(|(labels, exemplar)| (labels, exemplar.time.0, exemplar.labels.clone())).collect()
}

#[test]
fn duplicates_and_what_is_too_old_are_refused() {
    let mut store = ExemplarStore::new(3);
    assert_eq!(store.add(&series(1), exemplar(10, 1)), Fate::Stored);
    assert_eq!(store.add(&series(1), exemplar(10, 1)), Fate::Duplicate);
    assert_eq!(store.add(&series(1), exemplar(10, 2)), Fate::Stored); // Another trace at the same time.
    assert_eq!(store.add(&series(2), exemplar(5, 1)), Fate::Stored); // Late is no reason to refuse.
    assert_eq!(store.add(&series(2), exemplar(5, 7)), Fate::TooOld);
    assert_eq!(store.add(&series(2), exemplar(6, 7)), Fate::Stored); // In place of the oldest.
    assert_eq!(all(&store).len(), 3);
    store.delete(|labels| *labels == series(1), TimeRange { start: Timestamp(0), end: Timestamp(10) });
    assert_eq!((store.len(), all(&store).len()), (1, 1));
    assert_eq!(ExemplarStore::new(0).add(&series(1), exemplar(1, 1)), Fate::TooOld);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Times differ, so which are the newest is never in doubt.
    #[test]
    fn the_newest_are_kept_whatever_the_order(
        times in proptest::collection::vec(0i64..1000, 0..60),
        again in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
        max in 0usize..20,
    ) {
        let one = |time: i64| (series((time % 3) as u8), exemplar(time, (time % 7) as u8));
        let mut store = ExemplarStore::new(max);
        let repeated = again.iter().filter(|_| !times.is_empty()).map(|index| *index.get(&times));
        for time in times.iter().copied().chain(repeated.collect::<Vec<_>>()) {
            let (series, exemplar) = one(time);
            store.add(&series, exemplar);
        }
        let newest: BTreeSet<i64> = times.into_iter().collect::<BTreeSet<_>>().into_iter().rev().take(max).collect();
        let want = newest.into_iter().map(|time| {
            let (series, exemplar) = one(time);
            (series, time, exemplar.labels)
        });
        prop_assert_eq!(all(&store), want.collect());
        let kept: usize = store.iter().map(|(_, exemplars)| exemplars.len()).sum();
        prop_assert_eq!(kept, store.len());
    }
}
